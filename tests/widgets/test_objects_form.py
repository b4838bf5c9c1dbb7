"""The settings of objects in the window."""

import pytest
from golden import ROOT as GOLDEN
from napari.components import ViewerModel
from napari.qt import get_stylesheet
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QStyle,
    QStyleOptionComboBox,
    QTextEdit,
    QWidget,
)

from napari_batch_prediction import BatchJob, Export, ObjectSettings
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.options import describe, label, options
from napari_batch_prediction.widgets.exports.objects import ObjectsForm
from napari_batch_prediction.widgets.exports.section import ExportsSection

ALL = ObjectSettings(
    "class 2",
    threshold=0.25,
    core_threshold=0.875,
    core_class="class 1",
    smoothing=0.1,
    min_size=1e-3,
    max_size=1234.5,
    size_unit="physical",
    fill_holes=True,
    split=1.5,
    border_objects="remove",
)
SETTINGS = {
    "least": ObjectSettings(),
    "a class by its number": ObjectSettings("2"),
    "a class that is not there": ObjectSettings("mitochondria"),
    "everything": ALL,
}


@pytest.fixture
def section(qtbot):
    widget = ExportsSection(ViewerModel())
    qtbot.addWidget(widget)
    widget.resize(320, 900)
    widget.show()
    return widget


def project():
    return load_classifier(GOLDEN / "a_2d_u8" / "project.ilp")


def job(*sources, **fields):
    exports = tuple(Export(source=source, format="csv" if "Table" in source else "hdf5") for source in sources)
    return BatchJob(project().file, "a.png", exports, **fields)


def tick(section, name):
    (box,) = (one for one in section.findChildren(QCheckBox) if one.accessibleName() == name and one.isVisible())
    box.click()


def control(section, name) -> QWidget:
    (found,) = (one for one in section.findChildren(QLabel) if one.text() == label(ObjectSettings, name))
    return found.buddy()


def retype(qtbot, section, name, text):
    line = control(section, name)
    line.selectAll()
    qtbot.keyClicks(line, text) if text else qtbot.keyClick(line, Qt.Key.Key_Delete)


def choices(box: QComboBox) -> list[str]:
    return [box.itemText(i) for i in range(box.count())]


def said(section):
    return "\n".join(one.toPlainText() for one in section.findChildren(QTextEdit) if one.isVisible())


def test_settings_of_objects_are_shown_while_objects_are_exported(section):
    """They come with the image of objects or their table, not with areas, and go with the last of them."""
    section.set_offered(project())
    form = section.findChild(ObjectsForm)
    shown = []
    for name in ("Areas", "Objects", "Object Table", "Objects", "Object Table"):
        tick(section, name)
        shown.append(form.isVisible())
    assert shown == [False, True, True, True, False]


@pytest.mark.parametrize("case", ["j_objclass_2d_u8", "n_objclass_2d_pred_hyst", "p_objclass_2dt_label"])
def test_a_project_that_classifies_objects_makes_them_by_its_own_settings(section, case):
    """There is nothing to choose, and no class is missing."""
    section.set_offered(load_classifier(GOLDEN / case / "project.ilp"))
    for name in ("Object Identities", "Object Table"):
        tick(section, name)
    assert {"Object Identities", "Object Table"} <= {export.source for export in section.value()["exports"]}
    assert not section.findChild(ObjectsForm).isVisible()
    assert said(section) == ""


def test_settings_of_before_are_not_for_a_project_that_makes_its_own_objects(section):
    """They would be refused; for another project they are there again."""
    section.setValue(BatchJob("a.ilp", "b.tif", "Objects", objects=ObjectSettings("1", threshold=0.7)))
    section.set_offered(load_classifier(GOLDEN / "j_objclass_2d_u8" / "project.ilp"))
    assert section.value()["objects"] == ObjectSettings()
    section.set_offered(project())
    assert section.value()["objects"] == ObjectSettings("1", threshold=0.7)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("known", [True, False], ids=["known", "not known"])
def test_settings_of_objects_come_back_as_they_were(qtbot, section, settings, known):
    """Showing a job changes none of them, whether its classifier is known or not."""
    section.set_offered(project() if known else None)
    with qtbot.waitSignal(section.changed):
        section.setValue(job("Objects", "Object Table", objects=settings))
    section.set_offered(project() if known else None)
    assert section.value()["objects"] == settings


def test_every_setting_of_objects_has_a_control_with_its_help(section):
    """Names and help are those of the job."""
    section.set_offered(project())
    section.setValue(job("Objects", objects=ALL))
    form = section.findChild(ObjectsForm)
    tips = [one.toolTip() for kind in (QComboBox, QLineEdit, QCheckBox) for one in form.findChildren(kind)]
    names = [name for name, _, _ in options(ObjectSettings)]
    assert sorted(tips) == sorted(describe(ObjectSettings, name) for name in names)
    texts = [one.text() for kind in (QLabel, QCheckBox) for one in form.findChildren(kind) if one.text()]
    assert sorted(texts) == sorted(label(ObjectSettings, name) for name in names)


def test_objects_are_set_as_a_user_does(qtbot, section):
    """Class from a list, numbers typed; without a class the page says so."""
    found = project()
    section.set_offered(found)
    tick(section, "Objects")
    classes = list(found.source("Probabilities").classes)
    assert said(section) == f"Objects are made of one class. Name it: {', '.join(classes)}."
    assert choices(control(section, "object_class"))[1:] == classes
    control(section, "object_class").setCurrentIndex(2)
    assert said(section) == ""
    name = found.source("Probabilities").classes[1]
    assert section.value()["objects"] == ObjectSettings(name)
    retype(qtbot, section, "threshold", "0.75")
    retype(qtbot, section, "max_size", "5000")
    control(section, "border_objects").setCurrentIndex(1)
    tick_box = next(one for one in section.findChildren(QCheckBox) if one.text() == "Fill holes")
    tick_box.click()
    expected = ObjectSettings(name, threshold=0.75, max_size=5000, border_objects="remove", fill_holes=True)
    assert section.value()["objects"] == expected
    retype(qtbot, section, "max_size", "")
    assert section.value()["objects"].max_size is None


def test_a_core_class_needs_a_core_threshold(qtbot, section):
    """Its list is off until there is one, and empty again when it goes."""
    found = project()
    section.set_offered(found)
    section.setValue(job("Objects", objects=ObjectSettings("1")))
    assert not control(section, "core_class").isEnabled()
    retype(qtbot, section, "core_threshold", "0.9")
    control(section, "core_class").setCurrentIndex(2)
    assert section.value()["objects"].core_class == found.source("Probabilities").classes[1]
    retype(qtbot, section, "core_threshold", "")
    assert section.value()["objects"] == ObjectSettings("1")
    assert not control(section, "core_class").isEnabled()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("threshold", "2", "threshold: at most 1 is expected, got 2"),
        ("threshold", "", "Threshold needs a number."),
        ("smoothing", "much", "Smoothing is a number, for example 0.5."),
        ("min_size", "-1", "min_size: at least 0 is expected, got -1"),
        ("max_size", "nan", "max_size: at least 0 is expected, got nan"),
    ],
)
def test_what_is_no_setting_of_objects_is_said(qtbot, section, name, text, expected):
    """The page gives the reason, and the settings stay as they were."""
    section.set_offered(project())
    section.setValue(job("Objects", objects=ObjectSettings("1")))
    before = section.value()["objects"]
    retype(qtbot, section, name, text)
    assert expected in said(section)
    if len(text) < 2:
        # Of longer texts the first letters are settings.
        assert section.value()["objects"] == before


def test_settings_of_objects_fit_300_pixels(section):
    """Nothing needs more than 300 pixels."""
    section.set_offered(project())
    section.setValue(job("Objects", "Object Table", objects=ALL))
    section.resize(300, 900)
    assert section.minimumSizeHint().width() <= 300


def test_choices_of_objects_fit_300_pixels(qtbot, section):
    """No choice is cut in a dock of 300 px, of which margins take some, in napari's style and with a scroll bar."""
    section.setStyleSheet(get_stylesheet("dark"))
    section.set_offered(project())
    section.setValue(job("Objects", objects=ALL))
    section.resize(284, 300)
    qtbot.waitUntil(lambda: section.width() == 284)
    for name in ("core_class", "size_unit", "border_objects"):
        box = control(section, name)
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, box).width()
        for text in choices(box):
            assert box.fontMetrics().horizontalAdvance(text) <= room, text
