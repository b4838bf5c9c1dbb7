"""Second images of Object Classification in the window: asked for, offered, named, and said where they are wrong."""

import shutil

import golden
import numpy as np
import pytest
from batch_window import WAIT_MS, cells
from object_writer import FROM_BINARY, FROM_LABELS, FROM_MAPS, write_objects
from PIL import Image
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog, QLineEdit

from napari_batch_prediction import BatchJob, Export, InputSettings
from napari_batch_prediction.images.second import ROLES
from napari_batch_prediction.job.stored import read_job
from napari_batch_prediction.widgets.inputs.second import PROJECT_FOR_ALL, SecondLine
from napari_batch_prediction.widgets.inputs.settings import InputSettingsForm

TITLES = {
    "mask": "Mask",
    "prediction_maps": "Probabilities",
    "segmentation_image": "Binary image",
    "label_image": "Label image",
}
OF = {FROM_MAPS: "prediction_maps", FROM_BINARY: "segmentation_image", FROM_LABELS: "label_image"}
ENDINGS = {
    "prediction_maps": "Probabilities.npy",
    "segmentation_image": "binary.png",
    "label_image": "labels.png",
}
MISSING = {
    "prediction_maps": "The image of probabilities of each image is missing. Name it: a file, a pattern, a template "
    "such as {stem}_Probabilities.h5, or a project that predicts it.",
    "segmentation_image": "The binary image of each image is missing. Name it: a file, a pattern, a template such as "
    "{stem}_binary.tif.",
    "label_image": "The label image of each image is missing. Name it: a file, a pattern, a template such as "
    "{stem}_labels.tif.",
}


def prepared(tmp_path, workflow, n=2):
    """Return a project, images, and their second images beside them."""
    role = OF[workflow]
    project = write_objects(tmp_path / "cells.ilp", workflow=workflow)
    squares = np.zeros((40, 50), np.uint8)
    squares[5:15, 5:15], squares[20:30, 25:40] = 1, 2
    images = []
    for i in range(n):
        images.append(tmp_path / f"{i}.png")
        Image.fromarray(squares * 50 + i).save(images[-1])
        name = tmp_path / f"{i}_{ENDINGS[role]}"
        if role == "prediction_maps":
            np.save(name, np.stack([squares > 0] * 2, axis=-1).astype(np.float32))
        else:
            Image.fromarray(squares).save(name)
    return project, images


def job(tmp_path, workflow, **settings):
    project, images = prepared(tmp_path, workflow)
    exports = (Export("Object Identities", format="numpy", folder=tmp_path / "out"),)
    return BatchJob(project, images, exports, **settings)


def lines(window):
    """The lines of second images that are shown, by their labels."""
    shown = (one for one in window.widget.findChildren(SecondLine) if not one.isHidden())
    assert all(not one.title.isHidden() for one in window.widget.findChildren(SecondLine) if not one.isHidden())
    return {one.title.text(): one for one in shown}


def choose(window, title, text):
    """Choose an entry of the menu beside a line."""
    next(action for action in entries(window, title) if action.text() == text).trigger()


def entries(window, title):
    return lines(window)[title]._menu.fill().actions()


def checks(window):
    return [row[4] for row in cells(window.inputs)]


def visible_buttons(window):
    return [b.text() for b in window.widget.findChildren(type(window.start_button())) if b.isVisible()]


def test_every_role_has_a_line_with_the_label_of_the_job(window):
    """A role that is added has one."""
    found = window.widget.findChildren(SecondLine)
    assert {one.title.text() for one in found} == {TITLES[field] for field in ROLES}
    assert [*lines(window)] == ["Mask"]


@pytest.mark.parametrize("workflow", OF)
def test_what_is_needed_is_asked_for_offered_and_used(window, tmp_path, qtbot, workflow):
    """The plan's problem is said at the line and below the buttons; what lies beside the images is a click away."""
    role, template = OF[workflow], f"{{stem}}_{ENDINGS[OF[workflow]]}"
    window.check(job(tmp_path, workflow))
    assert [*lines(window)] == [TITLES[role]]
    line = lines(window)[TITLES[role]]
    assert line.isVisible()
    assert line.line.native.placeholderText() == "needed"
    assert MISSING[role] in line.line.native.toolTip()
    assert "color" in line.title.styleSheet()
    assert checks(window) == ["problem"] * 2
    # Beside the images, and below the buttons that start a run.
    assert window.said().count(MISSING[role]) == 2
    # Words of the command line have no place here.
    assert "--" not in window.said()
    assert window.start_button().toolTip() == MISSING[role]
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        window.button(f"Use {template}").click()
    assert getattr(window.widget.value(), role) == template
    assert window.widget.value().input_settings == {}
    assert checks(window) == ["ok"] * 2
    assert line.line.value == template
    assert "color" not in line.title.styleSheet()
    assert MISSING[role] not in window.said()
    assert f"Use {template}" not in visible_buttons(window)
    assert f"{TITLES[role].lower()} {template}" in window.said()
    window.inputs.selectRow(0)
    assert f"{ROLES[role].noun} 0_{ENDINGS[role]}" in window.said()
    assert [(row.status, row.reason) for row in window.run()] == [("done", "")] * 2
    for i in range(2):
        assert np.unique(np.load(tmp_path / "out" / f"{i}_Object Identities.npy")).tolist() == [0, 1, 2]


def test_what_all_images_lack_is_said_below_the_buttons(window, tmp_path):
    """Also if some have other problems besides."""
    project, images = prepared(tmp_path, FROM_MAPS)
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(images[1])
    window.check(BatchJob(project, images, (Export("Object Identities"),)))
    assert checks(window) == ["problem"] * 2
    window.inputs.selectRow(1)
    assert "The image has 3 channels" in window.said()
    assert window.start_button().toolTip() == MISSING["prediction_maps"]


def test_of_several_ways_none_is_taken(window, tmp_path, qtbot):
    """Where more than one template fits, the button leads to the line, whose menu has them all."""
    one = job(tmp_path, FROM_LABELS)
    for i in range(2):
        shutil.copy(tmp_path / f"{i}_labels.png", tmp_path / f"{i}_cp_masks.png")
    window.check(one)
    assert not any(text.startswith("Use ") for text in visible_buttons(window))
    assert window.widget.value().label_image is None
    window.widget.activateWindow()
    window.button("Choose label image").click()
    qtbot.waitUntil(window.widget.findChild(InputSettingsForm).control("label_image").hasFocus, timeout=WAIT_MS)
    # For all: none is selected.
    assert not window.inputs.selectionModel().hasSelection()
    texts = [action.text() for action in entries(window, "Label image")]
    assert texts[:3] == ["{stem}_cp_masks.png", "{stem}_labels.png", ""]
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "Label image", "{stem}_cp_masks.png")
    assert window.widget.value().label_image == "{stem}_cp_masks.png"
    assert checks(window) == ["ok"] * 2


def test_second_image_of_one_image(window, tmp_path, qtbot, monkeypatch):
    """What is chosen with a row selected holds for it alone, and the problem of the other leads to it."""
    window.check(job(tmp_path, FROM_LABELS))
    window.inputs.selectRow(1)
    own = str(tmp_path / "1_labels.png")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (own, ""))
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "Label image", "A file")
    assert window.widget.value().input_settings == {str(tmp_path / "1.png"): InputSettings(label_image=own)}
    assert checks(window) == ["problem", "ok"]
    window.inputs.clearSelection()
    window.button("Choose label image").click()
    assert [index.row() for index in window.inputs.selectionModel().selectedRows()] == [0]


def test_layer_is_the_second_image(window, viewer, tmp_path, qtbot):
    """A layer of labels is offered; once it is gone, that is a problem."""
    window.check(job(tmp_path, FROM_LABELS))
    drawn = np.zeros((40, 50), int)
    drawn[8:12, 9:30] = 3
    viewer.add_labels(drawn, name="drawn")
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "Label image", "drawn")
    assert window.widget.value().label_image == "layer:drawn"
    assert checks(window) == ["ok"] * 2
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        viewer.layers.remove("drawn")
    assert checks(window) == ["problem"] * 2
    assert "'layer:drawn' is a layer of a viewer" in lines(window)["Label image"].line.native.toolTip()


@pytest.mark.slow
def test_project_predicts_the_probabilities(window, tmp_path, qtbot, monkeypatch):
    """A project of Pixel Classification in place of images: for all, not for single images."""
    window.check(job(tmp_path, FROM_MAPS))
    pixels = golden.ROOT / "a_2d_u8" / "project.ilp"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(pixels), ""))
    window.inputs.selectRow(0)
    (entry,) = (one for one in entries(window, "Probabilities") if one.text() == "A project that predicts them")
    assert (entry.isEnabled(), entry.toolTip()) == (False, PROJECT_FOR_ALL)
    window.inputs.clearSelection()
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "Probabilities", "A project that predicts them")
    assert window.widget.value().prediction_maps == str(pixels)
    assert checks(window) == ["ok"] * 2
    # Its own outputs can be exported, too.
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        window.box("Probabilities").click()
    assert [export.source for export in window.widget.value().exports] == ["Probabilities", "Object Identities"]
    assert checks(window) == ["ok"] * 2
    assert [(row.status, row.reason) for row in window.run()] == [("done", "")] * 2
    choose(window, "Probabilities", "{stem}_Probabilities.npy")
    qtbot.waitUntil(lambda: len(window.widget.value().exports) == 1, timeout=WAIT_MS)
    assert window.widget.value().exports[0].source == "Object Identities"


def test_project_of_another_workflow_is_said_at_the_line(window, tmp_path, qtbot):
    """What cannot predict probabilities is a problem of the whole job, said at the line that mends it."""
    window.check(job(tmp_path, FROM_MAPS))
    text = str(golden.ROOT / "h1_count_2d_u8" / "project.ilp")
    line = lines(window)["Probabilities"].line
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        line.value = text
    reason = "expected a project of Pixel Classification"
    assert window.said().count(reason) == 2
    assert reason in line.native.toolTip()
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        line.value = "{stem}_Probabilities.npy"
    assert reason not in window.said() + line.native.toolTip()


def test_what_another_classifier_takes_stays_in_sight(window, tmp_path, qtbot):
    """The job keeps it, the plan refuses it, and its line is there to be emptied; then nothing of it is left."""
    window.check(job(tmp_path, FROM_LABELS, mask="{stem}_mask.tif", prediction_maps="{stem}_Probabilities.h5"))
    assert [*lines(window)] == ["Probabilities", "Label image", "Mask"]
    for title in ("Mask", "Probabilities"):
        assert "takes the label image of each image. Leave it out." in lines(window)[title].line.native.toolTip()
        with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
            lines(window)[title].line.value = ""
    assert [*lines(window)] == ["Label image"]
    assert window.said().count(MISSING["label_image"]) == 2


def test_line_goes_with_the_classifier(window, tmp_path, case):
    """A classifier of pixels has a mask again."""
    window.check(job(tmp_path, FROM_BINARY))
    assert [*lines(window)] == ["Binary image"]
    folder = case("a_2d_u8")
    window.check(BatchJob(folder / "project.ilp", folder / "test1.png"))
    assert [*lines(window)] == ["Mask"]


def test_combined_project_needs_none(window, case):
    """A project that begins with a pixel classification makes its objects itself, and may have a mask."""
    folder = case("j_objclass_2d_u8")
    window.check(BatchJob(folder / "project.ilp", folder / "test1.png", (Export("Object Predictions"),)))
    assert [*lines(window)] == ["Mask"]
    assert checks(window) == ["ok"]


def test_copied_batch_has_the_second_images(window, tmp_path):
    """As Python, as a command line and as JSON."""
    one = job(tmp_path, FROM_MAPS, prediction_maps="{stem}_Probabilities.npy")
    window.check(one)
    assert window.widget.value() == one == read_job(one.model_dump_json())
    clipboard = QGuiApplication.clipboard()
    for language, expected in {
        "python": "prediction_maps='{stem}_Probabilities.npy'",
        "command": "--prediction-maps '{stem}_Probabilities.npy'",
    }.items():
        window.widget._copy(language)
        assert expected in clipboard.text().replace('"', "'")


def test_window_of_300_pixels_holds_the_lines(window, tmp_path):
    """Nothing needs more width, with all lines shown."""
    settings = dict.fromkeys(ROLES, "{stem}_of_another_experiment.tif")
    window.check(job(tmp_path, FROM_MAPS, **settings))
    assert len(lines(window)) == len(ROLES)
    assert window.widget.minimumSizeHint().width() <= 300
    form = window.widget.findChild(InputSettingsForm)
    assert all(form.isAncestorOf(line) for line in form.findChildren(QLineEdit))
