"""The part of the window that says what is written, by itself."""

from pathlib import Path

import numpy as np
import pytest
from golden import ROOT as GOLDEN
from ilp_writer import put, write_project
from napari.components import ViewerModel
from napari.settings import _clear_plugin_settings_cache
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QTextEdit, QWidget
from sections import button, first_file, summary

from napari_batch_prediction import PROGRAM, BatchJob, ObjectSettings
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.widgets.exports.more import MoreForm
from napari_batch_prediction.widgets.exports.region import NAME
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.exports.source_boxes import SourceBoxes
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.menu_button import MenuButton

PLANE = {"t": 1, "c": 1, "z": 1, "y": 61, "x": 45}
PIXELS = Export(source="Probabilities")
LABELS = Export(source="Simple Segmentation")

JOBS = {
    "least": (Export(),),
    "everything": (
        Export(
            source="Simple Segmentation", format="multi-scale OME-Zarr", folder=Path("out, 2"), name="{relative}/a",
            ome_zarr_version="0.5", dtype="uint16", output_axes="tczyx", into_image=True, region={"y": (None, 3)},
            compression="zstd",
        ),
        Export(
            source="Probabilities", format="hdf5", internal_path="a/b", dtype="uint8", input_range=(0.25, 0.75),
            output_range=(-1e-3, 255), per_class=True, name="{stem}_{class}", compression="gzip",
        ),
        Export(source="Probabilities", format="PNG"),
    ),
    "a table": (Export(source="Counts", format="ilastik csv"),),
    "what is not possible": (
        Export(source="Colours", format="papyrus", output_axes="yy", compression="lzw", name="{", region={"t": (9, 1)}),
    ),
}  # fmt: skip


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def new_section(qtbot, viewer):
    """Return a function that makes a section in a window of its own."""

    def make() -> ExportsSection:
        widget = ExportsSection(viewer)
        qtbot.addWidget(widget)
        widget.resize(320, 800)
        widget.show()
        return widget

    return make


@pytest.fixture
def section(new_section):
    return new_section()


@pytest.fixture
def pixel_section(section):
    """A section for a classifier of pixels, with the axes of the first image."""
    section.set_offered(classifier("a_2d_u8"))
    section.set_image("yx", PLANE)
    return section


def classifier(name: str):
    return load_classifier(GOLDEN / name / "project.ilp")


def job(*exports: Export, **fields: object) -> BatchJob:
    return BatchJob(classifier="p.ilp", inputs=("a.png",), exports=exports, **fields)


def exports(section: ExportsSection) -> tuple[Export, ...]:
    return section.value()["exports"]


def box(section: QWidget, text: str) -> QCheckBox:
    (found,) = (one for one in section.findChildren(QCheckBox) if one.text() == text)
    return found


def control(section: QWidget, label: str, kind: type, place: int = 0):
    """Return a control of the row with a label."""
    (found,) = (one for one in section.findChildren(QLabel) if one.text().strip() == label)
    line = next(w for w in [found.buddy()] if w is not None)
    if place:
        row = [w for w in line.parent().findChildren(kind) if abs(w.y() - line.y()) < 5 and w is not line]
        return row[place - 1]
    return line if isinstance(line, kind) else line.findChild(kind)


def choose(section: QWidget, label: str, text: str) -> None:
    """Choose an entry that can be chosen."""
    list_ = control(section, label, QComboBox)
    place = list_.findText(text)
    assert list_.model().item(place).isEnabled(), list_.model().item(place).toolTip()
    list_.setCurrentIndex(place)


def type_in(qtbot, section: QWidget, label: str, text: str, place: int = 0) -> None:
    """Type a text in the place of what is there, letter by letter."""
    line = control(section, label, QLineEdit, place)
    line.selectAll()
    qtbot.keyClicks(line, text) if text else qtbot.keyClick(line, Qt.Key.Key_Delete)


def ticked(section: ExportsSection) -> list[str]:
    boxes = [
        one for one in section.findChild(SourceBoxes).findChildren(QCheckBox) if one.isVisible() and one.isChecked()
    ]
    return sorted((one.accessibleName() for one in boxes), key=offered(section).index)


def offered(section: ExportsSection) -> list[str]:
    """The outputs that have a box, in the order in which they are read."""
    QApplication.processEvents()
    boxes = [one for one in section.findChild(SourceBoxes).findChildren(QCheckBox) if one.isVisible()]
    places = {one: one.mapTo(section, QPoint()) for one in boxes}
    return [one.accessibleName() for one in sorted(boxes, key=lambda one: (places[one].y(), places[one].x()))]


def said(section: QWidget) -> str:
    """Every sentence that is shown."""
    return "\n".join(one.toPlainText() for one in section.findChildren(QTextEdit) if one.isVisible())


def first_name(section: ExportsSection) -> str:
    label = first_file(section)
    return label.text() if label.isVisible() else ""


def open_more(section: ExportsSection) -> None:
    button(section, "▸ More export settings").click()


@pytest.mark.parametrize("exported", JOBS.values(), ids=JOBS.keys())
@pytest.mark.parametrize("existing", ["error", "skip", "overwrite"])
@pytest.mark.parametrize("name", [None, "a_2d_u8", "h1_count_2d_u8"])
def test_a_job_comes_back_as_it_was(qtbot, section, exported, existing, name):
    """Whatever a job says, and whatever the classifier offers, showing it changes nothing."""
    section.set_offered(classifier(name) if name else None)
    section.set_image("yx", PLANE)
    with qtbot.waitSignal(section.changed):
        section.setValue(job(*exported, existing=existing))
    section.set_offered(classifier(name) if name else None)
    assert section.value() == {"exports": exported, "existing": existing, "objects": ObjectSettings()}


OFFERED = {
    "pixels": ("a_2d_u8", ["Probabilities"]),
    "counting": ("h1_count_2d_u8", ["Density", "Counts"]),
    "autocontext": ("i_autocontext_2d_u8", None),
}


@pytest.mark.parametrize(("name", "expected"), OFFERED.values(), ids=OFFERED.keys())
def test_what_a_classifier_is_made_for_is_ticked(section, name, expected):
    """All outputs are offered; the first is ticked, and the counts if there are any."""
    found = classifier(name)
    section.set_offered(found)
    assert offered(section) == list(found.sources)
    assert ticked(section) == (expected or [found.sources[0]])
    assert [export.source for export in exports(section)] == ticked(section)
    assert said(section) == ""


def test_stages_stand_together(section):
    """The boxes of a stage say what they are of behind its name; with another classifier they are as before."""
    section.set_offered(classifier("i_autocontext_2d_u8"))
    shown = [one.text() for one in section.findChild(SourceBoxes).findChildren(QLabel) if one.isVisible()]
    assert sorted(shown) == ["All Stages", "Stage 1", "Stage 2"]
    boxes = [one for one in section.findChild(SourceBoxes).findChildren(QCheckBox) if one.isVisible()]
    kinds = {"Probabilities", "Simple Segmentation", "Uncertainty", "Features"}
    assert {one.text() for one in boxes} == {*kinds, "Areas", "Objects", "Object Table"}
    next(one for one in boxes if one.accessibleName() == "Uncertainty Stage 1").click()
    assert [export.source for export in exports(section)][1:] == ["Uncertainty Stage 1"]
    section.set_offered(classifier("a_2d_u8"))
    assert offered(section)[:2] == ["Probabilities", "Simple Segmentation"]
    assert [one.text() for one in section.findChild(SourceBoxes).findChildren(QLabel) if one.isVisible()] == []


def test_a_table_gets_a_format_of_tables(section):
    """Counts are a table from the start; the density is an image."""
    section.set_offered(classifier("h1_count_2d_u8"))
    assert [export.format for export in exports(section)] == ["compressed hdf5", "csv"]


def test_ticks_that_fit_another_classifier_stay(section):
    """Only if nothing fits something else is ticked."""
    section.set_offered(classifier("a_2d_u8"))
    box(section, "Probabilities").click()
    box(section, "Simple Segmentation").click()
    section.set_offered(classifier("b_2d_rgb_u8"))
    assert ticked(section) == ["Simple Segmentation"]
    section.set_offered(classifier("h1_count_2d_u8"))
    assert ticked(section) == ["Density", "Counts"]


def test_an_output_that_is_not_offered_is_said(section):
    """A job may ask for what its classifier does not offer: it is shown, and can be unticked."""
    section.setValue(job(PIXELS, Export(source="Colours")))
    section.set_offered(classifier("a_2d_u8"))
    assert "Colours" in offered(section)
    assert "The classifier does not offer Colours." in said(section)
    assert box(section, "Colours").toolTip() == "The classifier does not offer Colours."
    box(section, "Colours").click()
    assert exports(section) == (PIXELS,)
    assert "Colours" not in said(section) + " ".join(offered(section))


def test_another_classifier_after_a_job(section):
    """What the next classifier does not offer is unticked; if nothing is left, what it is made for is ticked."""
    section.setValue(job(PIXELS, LABELS))
    section.set_offered(classifier("a_2d_u8"))
    assert exports(section) == (PIXELS, LABELS)
    section.set_offered(classifier("h1_count_2d_u8"))
    assert ticked(section) == ["Density", "Counts"]
    assert said(section) == ""
    box(section, "Counts").click()
    section.set_offered(classifier("c_2d_u16"))
    assert ticked(section) == ["Probabilities"]


def test_another_name_of_an_output_ticks_it(section):
    """The density of a counting project is also found as Probabilities."""
    section.setValue(job(PIXELS))
    section.set_offered(classifier("h1_count_2d_u8"))
    assert ticked(section) == ["Density"]
    assert exports(section) == (PIXELS,)


def test_nothing_ticked_is_said(pixel_section):
    """Without a tick nothing is exported, and that is said."""
    box(pixel_section, "Probabilities").click()
    assert exports(pixel_section) == ()
    assert "Tick what to write." in said(pixel_section)


def test_settings_are_of_all_outputs_or_of_one(qtbot, pixel_section):
    """With one output there is no choice of whose settings they are."""
    whose = control(pixel_section, "Settings of", QComboBox)
    assert not whose.isEnabled()
    assert "Tick several outputs" in whose.toolTip()
    box(pixel_section, "Simple Segmentation").click()
    assert whose.isEnabled()
    assert [whose.itemText(i) for i in range(3)] == ["all outputs", "Probabilities", "Simple Segmentation"]
    choose(pixel_section, "Format", "tiff")
    assert [export.format for export in exports(pixel_section)] == ["tiff", "tiff"]
    choose(pixel_section, "Settings of", "Simple Segmentation")
    choose(pixel_section, "Format", "png")
    type_in(qtbot, pixel_section, "Name", "{stem}_seg")
    assert [(export.format, export.name) for export in exports(pixel_section)] == [
        ("tiff", "{stem}_{source}"),
        ("png", "{stem}_seg"),
    ]
    choose(pixel_section, "Settings of", "all outputs")
    assert "Not the same for all outputs: Format, Name." in said(pixel_section)


def test_formats_that_cannot_hold_the_output(pixel_section):
    """They cannot be chosen and say why; those that can, can."""
    model = control(pixel_section, "Format", QComboBox).model()
    items = {model.item(i).text(): model.item(i) for i in range(model.rowCount())}
    assert not items["png"].isEnabled()
    assert items["png"].toolTip().startswith("The format 'png' cannot hold float32, only uint8 or uint16.")
    assert items["csv"].toolTip().startswith("Probabilities is an image")
    assert items["tiff"].isEnabled()
    assert items["tiff"].toolTip() == find_format("tiff").about
    box(pixel_section, "Simple Segmentation").click()
    assert items["png"].toolTip().startswith("Probabilities: The format 'png'")
    choose(pixel_section, "Settings of", "Simple Segmentation")
    assert items["png"].isEnabled()
    assert "axis to make files along" in items["png sequence"].toolTip()
    pixel_section.set_image("zyx", {**PLANE, "z": 5})
    assert not items["png"].isEnabled()
    assert items["png sequence"].isEnabled()


def test_tables_and_images_have_formats_of_their_own(section):
    """A format set for all outputs is that of the images; tables have theirs."""
    section.set_offered(classifier("h1_count_2d_u8"))
    choose(section, "Format", "tiff")
    assert [export.format for export in exports(section)] == ["tiff", "csv"]
    choose(section, "Settings of", "Counts")
    choose(section, "Format", "ilastik csv")
    assert [export.format for export in exports(section)] == ["tiff", "ilastik csv"]
    open_more(section)
    for label, kind in (("Type", QComboBox), ("Axis order", QLineEdit), ("Compression", QComboBox)):
        assert not control(section, label, kind).isEnabled()
        assert "Counts is a table of numbers" in control(section, label, kind).toolTip()
    assert control(section, "Region", QLineEdit).isEnabled()


def test_fractions_as_bytes_are_rescaled_at_once(qtbot, pixel_section):
    """Fractions as bytes are rescaled at once; the ranges can be set, and left out again."""
    open_more(pixel_section)
    box(pixel_section, "Simple Segmentation").click()
    low = control(pixel_section, "from", QLineEdit)
    assert not low.isEnabled()
    choose(pixel_section, "Type", "uint8")
    assert low.isEnabled()
    assert low.placeholderText() == "0"
    assert [(export.dtype, export.output_range) for export in exports(pixel_section)] == [
        ("uint8", (0, 255)),
        ("uint8", None),
    ]
    choose(pixel_section, "Settings of", "Probabilities")
    type_in(qtbot, pixel_section, "to", "200", place=1)
    assert exports(pixel_section)[0].output_range == (0, 200)
    type_in(qtbot, pixel_section, "from", "0.5")
    assert "A range has two ends" in said(pixel_section)
    type_in(qtbot, pixel_section, "from", "0.75", place=1)
    assert exports(pixel_section)[0].input_range == (0.5, 0.75)
    assert "two ends" not in said(pixel_section)
    type_in(qtbot, pixel_section, "from", "0.9")
    assert "from the smaller to the larger value, not from 0.9 to 0.75" in said(pixel_section)
    choose(pixel_section, "Range", "as they are")
    assert exports(pixel_section)[0].output_range is None
    assert exports(pixel_section)[0].input_range is None
    # Now it cannot be exported, and that is said before any check.
    assert "Probabilities are fractions, which as uint8 would nearly all be 0." in said(pixel_section)


def test_axis_orders_are_offered_and_typed_ones_checked(qtbot, pixel_section):
    """Orders for the image are offered; others can be typed, and are checked."""
    open_more(pixel_section)
    line = control(pixel_section, "Axis order", QLineEdit)
    assert line.placeholderText() == "yxc, the image's own"
    menu = next(m for m in line.parent().findChildren(MenuButton)).fill()
    orders = [action.text() for action in menu.actions() if action.text()]
    assert orders == ["yxc", "tczyx", "tzyxc", "cyx", "The image's own"]
    next(action for action in menu.actions() if action.text() == "tczyx").trigger()
    assert exports(pixel_section)[0].output_axes == "tczyx"
    type_in(qtbot, pixel_section, "Axis order", "cyyx")
    assert "Axes 'cyyx' are not valid" in said(pixel_section)
    type_in(qtbot, pixel_section, "Axis order", "YX")
    assert exports(pixel_section)[0].output_axes == "yx"
    assert "The output axes 'yx' leave out 'c' of" in said(pixel_section)
    type_in(qtbot, pixel_section, "Axis order", "")
    assert exports(pixel_section)[0].output_axes is None
    choose(pixel_section, "Format", "multi-scale OME-Zarr")
    assert not line.isEnabled()
    assert "the order of the axes is always the same" in line.toolTip()


def test_typed_region_is_checked_and_shown_in_the_heading(qtbot, pixel_section):
    """A region is typed, checked against the first image, and shown in the folded heading."""
    open_more(pixel_section)
    type_in(qtbot, pixel_section, "Region", "y=10:20, x=:5")
    assert exports(pixel_section)[0].region == {"y": (10, 20), "x": (None, 5)}
    assert control(pixel_section, "Region", QLineEdit).text() == "y=10:20, x=:5"
    type_in(qtbot, pixel_section, "Region", "y=10:200")
    assert "The region y=10:200 does not lie inside the image, which has 61 along y." in said(pixel_section)
    assert pixel_section.findChild(Fold).findChild(QLabel).text() == "y=10:200"
    type_in(qtbot, pixel_section, "Region", "y=90:10")
    assert "The region y=90:10 is empty: its start 90 does not lie before its stop 10." in said(pixel_section)
    type_in(qtbot, pixel_section, "Region", "everything")
    assert "'everything' is not a region. Write start and stop" in said(pixel_section)
    type_in(qtbot, pixel_section, "Region", "")
    assert exports(pixel_section)[0].region == {}
    assert said(pixel_section) == ""


def test_a_region_is_said_also_where_it_is_folded_away(qtbot, pixel_section):
    """Who sees only the line at the top, or the settings not folded away, knows that not all is written."""
    open_more(pixel_section)
    type_in(qtbot, pixel_section, "Region", "y=8:9, x=:5")
    button(pixel_section, "\u25be More export settings").click()
    assert "Of each image only y=8:9, x=:5 is written." in said(pixel_section)
    assert summary(pixel_section) == "only y=8:9, x=:5; Probabilities"
    box(pixel_section, "Simple Segmentation").click()
    choose(pixel_section, "Settings of", "Simple Segmentation")
    open_more(pixel_section)
    type_in(qtbot, pixel_section, "Region", "")
    assert "Of each image Probabilities only y=8:9, x=:5 is written." in said(pixel_section)
    choose(pixel_section, "Settings of", "Probabilities")
    type_in(qtbot, pixel_section, "Region", "")
    assert said(pixel_section) == ""
    assert summary(pixel_section) == "Probabilities, Simple Segmentation"


def test_a_region_stays_with_its_images(new_section, section):
    """The next session begins without it."""
    section.setValue(job(Export(region={"y": (8, 9)})))
    section.remember()
    _clear_plugin_settings_cache()
    assert new_section().value()["exports"] == (Export(),)


def test_stages_stand_in_line(section):
    """The first boxes of all stages begin at the same place, whatever the font."""
    section.setStyleSheet("QLabel { font-size: 20px; }")
    section.set_offered(classifier("i_autocontext_2d_u8"))
    QApplication.processEvents()
    firsts = [one for one in section.findChild(SourceBoxes).findChildren(QCheckBox) if one.text() == "Probabilities"]
    firsts = [one for one in firsts if one.isVisible()]
    assert len(firsts) >= 2
    assert len({one.mapTo(section, QPoint()).x() for one in firsts}) == 1


def test_compressions_of_the_format_are_offered(pixel_section):
    """The ways of the format are offered; the first is its own. Where there is no choice it says so."""
    open_more(pixel_section)
    ways = control(pixel_section, "Compression", QComboBox)
    assert not ways.isEnabled()
    assert ways.toolTip() == "The format 'compressed hdf5' always has the compression gzip."
    choose(pixel_section, "Format", "tiff")
    assert [ways.itemText(i) for i in range(ways.count())] == ["gzip (deflate)", "lzw", "zstd", "none"]
    choose(pixel_section, "Compression", "lzw")
    assert exports(pixel_section)[0].compression == "lzw"
    choose(pixel_section, "Compression", "gzip (deflate)")
    assert exports(pixel_section)[0].compression is None
    choose(pixel_section, "Compression", "zstd")
    choose(pixel_section, "Format", "hdf5")
    assert exports(pixel_section)[0].compression is None
    choose(pixel_section, "Format", "numpy")
    assert "leaves no choice of compression" in ways.toolTip()


def test_settings_of_classes_datasets_and_versions(qtbot, pixel_section):
    """Classes apart, name of the dataset, version of OME-Zarr, labels into the image."""
    open_more(pixel_section)
    type_in(qtbot, pixel_section, "Dataset", "a/b")
    box(pixel_section, "One file for each class").click()
    assert exports(pixel_section)[0].internal_path == "a/b"
    assert exports(pixel_section)[0].per_class
    type_in(qtbot, pixel_section, "Dataset", "")
    assert "The dataset needs a name" in said(pixel_section)
    box(pixel_section, "Probabilities").click()
    box(pixel_section, "Simple Segmentation").click()
    assert "not one for each class" in box(pixel_section, "One file for each class").toolTip()
    assert not exports(pixel_section)[0].per_class
    into = box(pixel_section, "As labels into the OME-Zarr image")
    assert not into.isEnabled()
    choose(pixel_section, "Format", "single-scale OME-Zarr")
    choose(pixel_section, "OME-Zarr", "0.5")
    assert exports(pixel_section)[0].ome_zarr_version == "0.5"
    into.click()
    assert exports(pixel_section)[0].into_image
    assert not control(pixel_section, "Folder", QLineEdit).isEnabled()
    assert not control(pixel_section, "OME-Zarr", QComboBox).isEnabled()
    choose(pixel_section, "Format", "tiff")
    assert not exports(pixel_section)[0].into_image


BOXES = {
    "a_2d_u8": ["One file for each class", "One table for each image", "As labels into the OME-Zarr image"],
    "h1_count_2d_u8": [],
    "n_objclass_2d_pred_hyst": [
        "One file for each class", "One table for each image", "As labels into the OME-Zarr image",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("case", "expected"), BOXES.items(), ids=BOXES)
def test_settings_that_no_output_of_a_classifier_has_are_not_shown(section, case, expected):
    """A classifier that counts has no classes, no labels, and no objects."""
    open_more(section)
    section.set_offered(classifier(case))
    shown = [one.text() for one in section.findChild(MoreForm).findChildren(QCheckBox) if one.isVisible()]
    assert shown == expected


def test_table_of_objects_for_each_image(section):
    """The table alone has the setting, in formats that leave the choice, and no region."""
    section.set_offered(classifier("n_objclass_2d_pred_hyst"))
    open_more(section)
    box(section, "Object Table").click()
    box(section, "One table for each image").click()
    assert [export.per_image for export in exports(section)] == [False, True]
    control(section, "Region", QLineEdit).setText("y=:10")
    assert [export.region for export in exports(section)] == [{"y": (None, 10)}, {}]
    box(section, "One table for each image").click()
    choose(section, "Settings of", "Object Table")
    assert "is of whole images" in control(section, "Region", QLineEdit).toolTip()
    choose(section, "Format", "ilastik csv")
    assert "each image has a table of its own" in box(section, "One table for each image").toolTip()


def test_what_is_off_says_why(section):
    """For every classifier, output and format no control is off without a word."""
    for name in ("a_2d_u8", "h1_count_2d_u8", "i_autocontext_2d_u8"):
        section.set_offered(classifier(name))
        section.set_image("yx", PLANE)
        for text in ("compressed hdf5", "tiff", "multi-scale OME-Zarr", "numpy"):
            choose(section, "Format", text)
            controls = (
                section.findChildren(QComboBox) + section.findChildren(QLineEdit) + section.findChildren(QCheckBox)
            )
            off = [one for one in controls if not one.isEnabledTo(one.parentWidget())]
            assert all(one.toolTip() for one in off)
            assert all(one.toolTip() or one.isHidden() for one in controls if one.isVisible())


def test_first_name_follows_the_typing(qtbot, pixel_section, case):
    """The first name is that of the plan, and follows the typing before there is a new plan."""
    folder = case("a_2d_u8")
    given = job(PIXELS, LABELS).model_copy(
        update={"classifier": folder / "project.ilp", "inputs": (str(folder / "*.png"),)}
    )
    pixel_section.setValue(given)
    plan = given.plan()
    assert first_name(pixel_section) == "\u2013"
    pixel_section.set_plan(plan)
    first = Path(plan.rows[0].input).stem
    assert first_name(pixel_section).endswith(f"{first}_Probabilities.h5")
    assert str(folder / f"{first}_Simple Segmentation.h5") in first_file(pixel_section).toolTip()
    type_in(qtbot, pixel_section, "Name", "{index}/{stem}_p")
    assert first_file(pixel_section).toolTip().splitlines()[1:] == [str(folder / "1" / f"{first}_p.h5")] * 2
    type_in(qtbot, pixel_section, "Folder", str(folder / "out"))
    choose(pixel_section, "Settings of", "Simple Segmentation")
    choose(pixel_section, "Format", "tiff")
    assert first_name(pixel_section).endswith(f"{first}_p.tiff")
    assert first_file(pixel_section).toolTip().splitlines()[2] == str(folder / "out" / "1" / f"{first}_p.tiff")
    type_in(qtbot, pixel_section, "Name", "{what}")
    assert first_name(pixel_section) == "\u2013"
    assert "{what}, which is unknown" in said(pixel_section)
    pixel_section.set_plan(None)
    type_in(qtbot, pixel_section, "Name", "{stem}")
    assert first_name(pixel_section) == "\u2013"


PREVIEWS = {
    "classes apart": (Export(per_class=True), "a_2d_u8"),
    "a region": (Export(region={"y": (1, 20)}, name="{stem}_{y_start}-{y_stop}_{x_stop}"), "a_2d_u8"),
    "a mirrored tree": (Export(folder="out", name="{relative}/{stem}_{source}"), "a_2d_u8"),
    "a table": (Export(source="Counts", name="{stem}_{source}"), "h1_count_2d_u8"),
    "a table in a folder": (Export(source="Counts", format="ilastik csv", folder="out"), "h1_count_2d_u8"),
    "pictures": (Export(source="Simple Segmentation", format="png"), "a_2d_u8"),
}


@pytest.mark.parametrize(("export", "name"), PREVIEWS.values(), ids=PREVIEWS.keys())
def test_names_are_those_of_the_plan(section, case, export, name):
    """What is shown while typing is what the plan then says."""
    folder = case(name)
    found = load_classifier(folder / "project.ilp")
    files = sorted(folder.glob("*.png"))
    (folder / "sub").mkdir()
    files[-1].rename(folder / "sub" / files[-1].name)
    given = BatchJob(
        classifier=folder / "project.ilp", inputs=(str(folder / "**/*.png"),), exports=(export,)
    ).absolute()
    plan, other = given.plan(), given.model_copy(update={"exports": (PIXELS,)}).plan()
    section.set_offered(found)
    section.setValue(given)
    section.set_image(plan.rows[0].image.axes, plan.rows[0].image.extents)
    section.set_plan(other)
    typed = first_file(section).toolTip()
    section.set_plan(plan)
    assert typed == first_file(section).toolTip() != ""


def test_mirrored_tree_needs_a_folder(pixel_section):
    """A mirrored tree needs a folder."""
    row = control(pixel_section, "Name", QLineEdit)
    menu_button = next(m for m in row.parent().findChildren(MenuButton))
    assert [action.isEnabled() for action in menu_button.fill().actions()] == [True, True, False]
    menu_button.fill().actions()[1].trigger()
    assert exports(pixel_section)[0].name == "{stem}_export"
    control(pixel_section, "Folder", QLineEdit).setText("out")
    menu_button.fill().actions()[2].trigger()
    assert exports(pixel_section)[0] == Export(folder=Path("out"), name="{relative}/{stem}_{source}")


def test_outputs_of_a_batch_come_back_in_the_next_window(new_section, section):
    """Outputs and formats are there the next time; where they went, and that they replaced others, is not."""
    section.setValue(job(LABELS, Export(format="tiff", folder=Path("out"), dtype="uint8"), existing="overwrite"))
    section.remember()
    section.setValue(job(PIXELS))
    _clear_plugin_settings_cache()
    other = new_section()
    assert other.value() == {
        "exports": (LABELS, Export(format="tiff")),
        "existing": "error",
        "objects": ObjectSettings(),
    }
    other.set_offered(classifier("a_2d_u8"))
    assert ticked(other) == ["Probabilities", "Simple Segmentation"]
    other.set_offered(classifier("h1_count_2d_u8"))
    assert ticked(other) == ["Density", "Counts"]


def test_rubbish_in_the_settings_is_as_no_batch_yet(new_section, tmp_path):
    """It is as if there had been no batch yet."""
    (tmp_path / f"{PROGRAM}.yaml").write_text("batch: {outputs: 3}")
    assert new_section().value() == {"exports": (Export(),), "existing": "error", "objects": ObjectSettings()}


def test_region_is_drawn_in_pixels_of_the_image(qtbot, pixel_section, viewer):
    """The rectangle is in pixels of the image, whatever its scale and place; typing moves it."""
    open_more(pixel_section)
    button(pixel_section, "Draw in viewer").click()
    assert "There is no image in the viewer to draw on." in said(pixel_section)
    viewer.add_image(np.zeros((61, 45)), scale=(0.5, 2), translate=(7, -3), units=("um", "um"))
    type_in(qtbot, pixel_section, "Region", "c=0:1")
    button(pixel_section, "Draw in viewer").click()
    layer = viewer.layers[NAME]
    assert viewer.layers.selection.active is layer
    assert layer.mode == "add_rectangle"
    with qtbot.waitSignal(pixel_section.changed):
        layer.add_rectangles([np.array([(9.6, 4.4), (9.6, 20.4), (30.4, 20.4), (30.4, 4.4)])])
    assert exports(pixel_section)[0].region == {"c": (0, 1), "y": (10, 31), "x": (4, 21)}
    assert control(pixel_section, "Region", QLineEdit).text() == "c=0:1, y=10:31, x=4:21"
    type_in(qtbot, pixel_section, "Region", "y=5:6, x=7:")
    np.testing.assert_allclose(layer.data[0], [(4.5, 6.5), (4.5, 44.5), (5.5, 44.5), (5.5, 6.5)])
    assert exports(pixel_section)[0].region == {"y": (5, 6), "x": (7, None)}
    viewer.layers.remove(layer)
    layer.data = [np.array([(0, 0), (0, 3), (3, 3), (3, 0)])]
    assert exports(pixel_section)[0].region == {"y": (5, 6), "x": (7, None)}
    button(pixel_section, "Draw in viewer").click()
    assert viewer.layers[NAME].mode == "select"
    np.testing.assert_allclose(viewer.layers[NAME].data[0], [(4.5, 6.5), (4.5, 44.5), (5.5, 44.5), (5.5, 6.5)])


def test_every_control_is_reached_by_the_keyboard(qtbot, pixel_section):
    """Tab goes through all that is on, from the first tick to the last setting."""
    open_more(pixel_section)
    box(pixel_section, "Probabilities").setFocus()
    met = []
    for _ in range(40):
        focus = pixel_section.window().focusWidget()
        met.append(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    kinds = (QComboBox, QLineEdit, QCheckBox)
    controls = [
        one for kind in kinds for one in pixel_section.findChildren(kind) if one.isVisible() and one.isEnabled()
    ]
    assert len(controls) > 10
    assert [one for one in controls if one not in met] == []


@pytest.mark.parametrize("width", [300, 600])
def test_exports_fit_300_pixels(pixel_section, width):
    """Nothing needs more than 300 pixels, also with much set."""
    pixel_section.setValue(job(*JOBS["everything"]))
    open_more(pixel_section)
    pixel_section.resize(width, 900)
    assert pixel_section.minimumSizeHint().width() <= 300


def test_settings_of_the_project_are_offered_and_taken(section, tmp_path):
    """A button takes what ilastik stored in the project; it is there only if something is stored."""
    section.set_offered(classifier("a_2d_u8"))
    take = button(section, "Use the project's export settings")
    assert not take.isVisible()
    ranges = {"InputMin": 0.0, "InputMax": 1.0, "ExportMin": 0, "ExportMax": 255}
    stored = {"ExportDtype": b"uint8", "OutputFormat": b"hdf5", **ranges}
    path = write_project(
        tmp_path / "p.ilp", *((lambda f, n=n, v=v: put(f, f"Prediction Export/{n}", v)) for n, v in stored.items())
    )
    section.set_offered(load_classifier(path))
    assert take.isVisible()
    assert "--format hdf5 --dtype uint8 --input-range 0.0 1.0 --output-range 0.0 255.0" in take.toolTip()
    box(section, "Simple Segmentation").click()
    take.click()
    first, second = exports(section)
    assert (first.format, first.dtype, first.output_range) == ("hdf5", "uint8", (0, 255))
    assert (second.format, second.dtype) == ("hdf5", "uint8")
