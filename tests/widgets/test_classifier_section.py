"""The part of the window that chooses the classifier, by itself."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from batch_window import WAIT_MS, cells
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDialog, QFileDialog, QLabel, QLineEdit, QTableView, QTabWidget, QTextEdit
from sections import button, drop, unexplained
from superqt.utils import WorkerBase
from tensor_writer import write_tensor_project

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.classifier.card import ClassifierCard
from napari_batch_prediction.widgets.classifier.section import ClassifierSection, sample_projects
from napari_batch_prediction.widgets.classifier.text import classes, counting, headline, limits
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.message import Message


@pytest.fixture
def section(qtbot):
    """The section in a window of its own; what it started is over when the test is."""
    widget = ClassifierSection()
    qtbot.addWidget(widget)
    widget.resize(320, 400)
    widget.show()
    yield widget
    WorkerBase.await_workers(WAIT_MS)


@pytest.fixture
def used(monkeypatch):
    """Classifiers used before, apart from napari's settings."""
    paths = []
    monkeypatch.setattr(preferences, "recent", lambda: list(paths))
    monkeypatch.setattr(preferences, "add_recent", lambda path: paths.insert(0, path))
    return paths


def choose(section, qtbot, path: Path):
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        section.choose(path)
    return section.classifier


def said(section) -> str:
    texts = [text.toPlainText() for text in section.findChildren(QTextEdit) if text.isVisible()]
    return "\n".join([*(label.text() for label in section.findChildren(QLabel) if label.isVisible()), *texts])


def offered(section) -> dict:
    return {action.text(): action for action in section.findChild(MenuButton).fill().actions() if action.text()}


def test_path_of_a_classifier_comes_out_as_put_in(section, qtbot):
    """A path comes out as it was put in, also a relative one; without one there is None."""
    assert section.value() == {"classifier": None}
    assert section.problem.startswith("Choose a project trained in ilastik")
    with qtbot.waitSignal(section.changed):
        section.setValue(BatchJob(classifier="a b/p.ilp", inputs=("a.png",)))
    assert section.value() == {"classifier": Path("a b/p.ilp")}
    assert section.problem == "The classifier is being read."


def test_card_names_the_facts_of_the_classifier(section, qtbot, case, used):
    """The card names workflow, channels, axes and classes; the whole is in the tooltip, with features and limits."""
    project = case("b_2d_rgb_u8") / "project.ilp"
    classifier = choose(section, qtbot, project)
    text = said(section)
    assert "Pixel Classification \u00b7 3 channels \u00b7 2D (yxc)" in text
    for name in classifier.classes:
        assert name in text
    assert text.count("channels") == 1
    shown = section.findChild(ClassifierCard).findChild(QTextEdit)
    assert "Volumes slice by slice, if you set the axes; at least" in shown.toolTip()
    assert "in 2D, scales" in shown.toolTip()
    assert str(project) in shown.toolTip()
    assert shown.toHtml().count("swatch:") == len(classifier.classes)
    assert used == [project]


LIMITS = {
    "a_2d_u8": "Volumes slice by slice, if you set the axes; at least 36 \u00d7 36 pixels.",
    "p_objclass_2dt_label": "Not for 3D.",
    "m_3d_2ch_u16": "Not for 2D; at least 19 \u00d7 19 \u00d7 19 pixels.",
    "e_3d_in2d_u8": "Not for 2D; at least 2 \u00d7 36 \u00d7 36 pixels.",
}


@pytest.mark.parametrize(("name", "text"), LIMITS.items(), ids=LIMITS)
def test_limits_follow_from_what_the_classifier_accepts(case, name, text):
    """What a classifier cannot be used for follows from what it accepts."""
    assert limits(load_classifier(case(name) / "project.ilp").describe()) == text


WORKFLOWS = {
    "nuclei": ("Pixel Classification", 3, "", 1),
    "colonies": ("Cell Density Counting", 0, "Counts what was marked as Foreground.", 1),
}


@pytest.mark.parametrize(("name", "expected"), WORKFLOWS.items(), ids=WORKFLOWS)
def test_card_of_each_workflow(name, expected):
    """What is said of each workflow: a counting project shows what it counts, and no classes."""
    (project,) = (path for path in sample_projects() if path.stem == name)
    classifier = load_classifier(project).describe()
    said = (
        headline(classifier).partition(" \u00b7 ")[0],
        len(classes(classifier)),
        counting(classifier),
        len(classifier.stages),
    )
    assert said == expected
    assert limits(classifier).startswith("Not for 3D" if classifier.counted else "Volumes slice by slice")


def test_feature_table_has_a_tick_for_each_feature_and_scale(section, qtbot, case, used):
    """The table has a tick for each feature that is used at each scale, and says where slices count alone."""
    classifier = choose(section, qtbot, case("l_3d_mixed_u8") / "project.ilp")
    (selection,) = (stage.selection for stage in classifier.describe().stages)
    button(section, "Features").click()
    dialog = section.findChild(QDialog)
    assert dialog.isVisible()
    assert dialog.findChild(QTabWidget) is None
    computed, *ticks = cells(dialog.findChild(QTableView))
    assert [[bool(tick) for tick in row] for row in ticks] == [list(row) for row in selection.matrix]
    assert set(computed) == {"2D", "3D", ""}
    model = dialog.findChild(QTableView).model()
    assert model.headerData(1, Qt.Orientation.Vertical) == "Gaussian Smoothing"
    # One is enough.
    button(section, "Features").click()
    assert section.findChildren(QDialog) == [dialog]
    assert dialog.isVisible()
    dialog.close()
    qtbot.waitUntil(lambda: not section.findChildren(QDialog))
    button(section, "Features").click()
    assert section.findChild(QDialog).isVisible()
    section.choose(None)
    qtbot.waitUntil(lambda: not section.findChildren(QDialog))


def test_text_is_no_stop_for_tab(section, qtbot, case, used):
    """Text can be selected with the mouse, but the key Tab goes past it."""
    choose(section, qtbot, case("a_2d_u8") / "project.ilp")
    texts = section.findChildren(QTextEdit)
    assert texts
    assert not any(text.focusPolicy() & Qt.FocusPolicy.TabFocus for text in texts)
    assert all(text.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse for text in texts)


def test_classifiers_used_before_are_listed(section, qtbot, tmp_path, used):
    """Classifiers used before are in the list, told apart by their folder if need be, then the samples."""
    sample = sample_projects()[-1]
    assert not offered(section)["No classifier used yet"].isEnabled()
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        shutil.copy(sample, tmp_path / folder / "cells.ilp")
        choose(section, qtbot, tmp_path / folder / "cells.ilp")
    names = list(offered(section))
    assert names[:2] == ["second/cells.ilp", "first/cells.ilp"]
    assert f"Sample: {sample.name}" in names[2:]
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        offered(section)["first/cells.ilp"].trigger()
    assert section.value() == {"classifier": tmp_path / "first" / "cells.ilp"}


def test_list_opens_by_key(section, qtbot, used):
    """The list opens from the line by the key Down, as that of a combo box does."""
    section.activateWindow()
    line = section.findChild(QLineEdit)
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClick(line, Qt.Key.Key_Down)
    menu = section.findChild(MenuButton).menu_shown
    qtbot.waitUntil(menu.isVisible)
    menu.close()


# PySide6 has another signature from Qt 6.12 on.
@pytest.mark.filterwarnings("ignore:.*QDragEnterEvent:DeprecationWarning")
def test_classifier_is_chosen_by_dialog_drop_and_typing(section, qtbot, monkeypatch):
    """By dialog, dropped, and typed."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: ("/data/a.ilp", "ilastik projects"))
    button(section, "Browse").click()
    assert section.value() == {"classifier": Path("/data/a.ilp")}
    assert drop(section.findChild(QLineEdit), Path("/data/b.ilp"))
    assert section.value() == {"classifier": Path("/data/b.ilp")}
    section.findChild(QLineEdit).setText(" c.ilp ")
    assert section.value() == {"classifier": Path("c.ilp")}


def test_refused_classifier_is_explained_and_not_kept(section, qtbot, case, used):
    """Why a file is no classifier is said in its place; it is not kept; another file makes it good."""
    folder = case("a_2d_u8")
    (folder / "broken.ilp").write_bytes(b"not a project")
    assert choose(section, qtbot, folder / "broken.ilp") is None
    assert "broken.ilp" in section.problem
    assert section.problem in said(section)
    assert section.findChild(Message).kind() == "problem"
    section.choose(None)
    assert section.findChild(Message).kind() is None
    assert used == []
    assert choose(section, qtbot, folder / "project.ilp") is not None
    assert section.problem == ""
    assert unexplained(section) == []


def test_card_fits_300_pixels(section, qtbot, case, used):
    """The card fits 300 px, and is no higher than its lines."""
    choose(section, qtbot, case("a_2d_u8") / "project.ilp")
    assert section.minimumSizeHint().width() <= 280
    qtbot.waitUntil(lambda: section.minimumSizeHint().height() < 250)


def test_formula_of_an_old_project_can_be_chosen(section, qtbot, tmp_path, used):
    """A project trained before fastfilters offers the formula; others do not, and another project begins anew."""
    path = write_tensor_project(tmp_path / "old.ilp", "gradient", version=b"1.1.0")
    list_ = section.findChild(QComboBox)
    choose(section, qtbot, path)
    assert list_.isVisible()
    assert section.value() == {"classifier": path}
    with qtbot.waitSignal(section.changed):
        list_.setCurrentIndex(list_.findText("integration"))
    assert section.value() == {"classifier": path, "structure_tensor": "integration"}
    choose(section, qtbot, sample_projects()[0])
    assert "structure_tensor" not in section.value()
    assert not list_.isVisible()
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        section.setValue(BatchJob(classifier=path, inputs=("a.png",), structure_tensor="integration"))
    assert section.value()["structure_tensor"] == "integration"
    assert list_.currentText() == "integration"


def test_classifier_in_no_file_is_saved_by_the_button(section, qtbot, tmp_path, monkeypatch, used):
    """While a classifier is in no file, the button saves it and chooses the file; a file not asked about stays."""
    labels = np.zeros((30, 30), int)
    labels[:5], labels[-5:] = 1, 2
    classifier = nbp.train(np.arange(900, dtype=np.uint16).reshape(30, 30), labels, features="gaussian:1", trees=2)
    (tmp_path / "other.ilp").write_bytes(b"kept")
    section.hold(classifier)
    assert button(section, "Save...").isVisible()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "other"), ""))
    button(section, "Save...").click()
    qtbot.waitUntil(lambda: "other.ilp" in said(section), timeout=WAIT_MS)
    assert (tmp_path / "other.ilp").read_bytes() == b"kept"
    assert section.held is classifier
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        button(section, "Save...").click()
    assert section.value()["classifier"] == tmp_path / "mine.ilp"
    assert load_classifier(tmp_path / "mine.ilp").classes == classifier.classes
    assert button(section, "Browse").isVisible()
