"""The part of the window that lists the images, by itself."""

import shutil
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from batch_window import WAIT_MS, cells
from napari.components import ViewerModel
from PIL import Image as Picture
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QLineEdit, QTableView, QTextEdit
from sections import button, check, drop, unexplained
from superqt.utils import WorkerBase

from napari_batch_prediction.images.second import ROLES
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.planning.inputs.inspection import ImageInfo, Inspected
from napari_batch_prediction.widgets.inputs.pattern import PatternLine
from napari_batch_prediction.widgets.inputs.reasons import NONE_SELECTED, Reasons
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.parts.images_dialog import ImagesDialog
from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.message import Message

JOBS = {
    "least": BatchJob(classifier="p.ilp", inputs=("a.png",)),
    "everything": BatchJob(
        classifier="p.ilp",
        inputs=("/data/**/*.tif", "/data/a, b.png", "scan.h5/volume/data", "layer:cells"),
        input_axes="tyx",
        channels=("0", "DAPI", 2),
        stack="z",
        input_settings={
            "/data/x/1.tif": InputSettings(axes="zyx", channels=(1,)),
            "s.h5": InputSettings(dataset="d", label_image="l.h5/labels", prediction_maps="layer:maps"),
        },
        mask="{stem}_mask.tif",
        prediction_maps="cells.ilp",
        segmentation_image="layer:cells",
        label_image="labels",
    ),
}
OTHERS = ("Probabilities", "Binary image", "Label image")
SHOWN = {"inputs", "input_axes", "channels", "stack", "input_settings", *ROLES}


@pytest.fixture
def section(qtbot):
    """The section in a window of its own; what it started is over when the test is."""
    widget = InputsSection(ViewerModel())
    qtbot.addWidget(widget)
    widget.resize(320, 600)
    widget.show()
    yield widget
    WorkerBase.await_workers(WAIT_MS)


@pytest.fixture
def folder(case):
    """A folder with a classifier for one channel in 2D, and four images in ``images``: two good, two not."""
    root = case("a_2d_u8")
    images = root / "images"
    images.mkdir()
    for name in ("test1.png", "test2.png"):
        (root / name).rename(images / name)
    Picture.fromarray(np.zeros((60, 70, 3), np.uint8)).save(images / "rgb.png")
    (images / "torn.png").write_bytes((images / "test1.png").read_bytes()[:20])
    return root


def table(section) -> QTableView:
    return section.findChild(QTableView)


def lines(section) -> dict[str, QLineEdit]:
    """The lines to type in: for a pattern, for axes, for channels, for a mask; those for second images are hidden."""
    found = [line for line in section.findChildren(QLineEdit) if line.accessibleName() not in OTHERS]
    return dict(zip(("pattern", "axes", "channels", "mask"), found, strict=True))


def choices(section) -> dict[str, QComboBox]:
    return dict(zip(("dataset", "stack"), section.findChildren(QComboBox), strict=True))


def said(section) -> str:
    """Every sentence that is shown."""
    return "\n".join(text.toPlainText() for text in section.findChildren(QTextEdit) if text.isVisible())


def labels(section) -> list[str]:
    return [label.text() for label in section.findChildren(QLabel) if label.isVisible()]


def open_settings(section) -> None:
    button(section, "\u25b8 Image settings").click()


def names(section) -> list[str]:
    return [row[0] for row in cells(table(section))]


def select(section, *rows: int) -> None:
    table(section).select_rows(rows)


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_inputs_put_in_come_out(section, qtbot, job):
    """What is put in comes out."""
    with qtbot.waitSignal(section.changed):
        section.setValue(job)
    assert section.value() == {name: value for name, value in job if name in SHOWN}


def test_inputs_are_added_once_by_dialog_and_pattern(section, qtbot, folder, monkeypatch):
    """Files and a folder by dialog, a pattern by Enter; what is listed is not listed twice."""
    images = folder / "images"
    files = [str(images / "test1.png"), "/data/a, b.png"]
    monkeypatch.setattr(ImagesDialog, "choose", lambda *args: files)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: str(images))
    with qtbot.waitSignal(section.changed):
        button(section, "Add files").click()
    button(section, "Add files").click()
    button(section, "Add folder").click()
    lines(section)["pattern"].setText(f"{images}/t*.png")
    qtbot.keyClick(lines(section)["pattern"], Qt.Key.Key_Return)
    assert section.value()["inputs"] == (*files, str(images), f"{images}/t*.png")
    assert names(section) == ["test1.png", "a, b.png", "images", "images/t*.png"]
    assert lines(section)["pattern"].text() == ""


PATTERNS = {
    "several": ("*.png", 4, "4 files"),
    "one": ("test1.*", 1, "1 file"),
    "a file": ("rgb.png", 1, "1 file"),
    "nothing": ("*.tif", 0, "no file matches"),
    "no such file": ("missing.png", 0, "no file matches"),
}


@pytest.mark.parametrize(("pattern", "n", "text"), PATTERNS.values(), ids=PATTERNS)
def test_pattern_is_counted(section, qtbot, folder, pattern, n, text):
    """While a pattern is typed the number of files stands beside it; what matches nothing cannot be added."""
    with qtbot.waitSignal(section.findChild(PatternLine).counted, timeout=WAIT_MS) as counted:
        lines(section)["pattern"].setText(str(folder / "images" / pattern))
    assert counted.args == [n]
    assert text in labels(section)
    assert button(section, "Add pattern").isEnabled() == bool(n)
    assert unexplained(section) == []


def test_every_image_of_a_folder_has_a_row(section, folder):
    """Every image of a folder has a row, with what was found in it; the first reason is read without a click."""
    section.add([str(folder / "images")])
    assert [row[0] for row in cells(table(section))] == ["images"]
    check(section, folder / "project.ilp")
    assert cells(table(section)) == [
        ["rgb.png", "yxc", "60\u00d770\u00d73", "3", "problem"],
        ["test1.png", "yx", "255\u00d7187", "1", "ok"],
        ["test2.png", "yx", "61\u00d745", "1", "ok"],
        ["torn.png", "", "", "", "problem"],
    ]
    assert "4 images, 2 with a problem" in labels(section)
    assert said(section).startswith("rgb.png: The image has 3 channels")
    select(section, 3)
    assert said(section).startswith("torn.png: ")
    model = table(section).model()
    tips = [model.index(0, column).data(Qt.ItemDataRole.ToolTipRole) for column in range(5)]
    assert str(folder / "images" / "rgb.png") in tips[0]
    assert "file" in tips[1]
    assert "uint8" in tips[2]
    assert "0 (red), 1 (green), 2 (blue)" in tips[3]
    assert "trained on 1" in tips[4]


def test_problems_of_outputs_are_shown_in_the_row(section, folder):
    """What the plan says in the end, as of outputs that exist, is shown in its row."""
    image = folder / "images" / "test1.png"
    section.add([str(image)])
    (image.parent / "test1_Probabilities.h5").write_bytes(b"")
    check(section, folder / "project.ilp")
    assert [row[4] for row in cells(table(section))] == ["problem"]
    assert "test1_Probabilities.h5" in said(section)
    section.set_plan(None)
    assert [row[4] for row in cells(table(section))] == [""]


def test_button_leads_to_what_is_done_about_existing_outputs(section, folder, qtbot):
    """A button leads to what is done about them."""
    image = folder / "images" / "test1.png"
    section.add([str(image)])
    (image.parent / "test1_Probabilities.h5").write_bytes(b"")
    check(section, folder / "project.ilp")
    with qtbot.waitSignal(section.setting_wanted) as wanted:
        button(section, "Skip or overwrite").click()
    assert wanted.args == ["existing"]


def test_a_pattern_without_files_is_a_row(section, folder):
    """It says why, and can be removed."""
    image, pattern = str(folder / "images" / "test1.png"), str(folder / "images" / "*.tif")
    section.add([image, pattern])
    check(section, folder / "project.ilp")
    assert [(row[0], row[4]) for row in cells(table(section))] == [("test1.png", "ok"), ("images/*.tif", "problem")]
    assert "matches no file" in said(section)
    select(section, 1)
    button(section, "Remove").click()
    assert section.value()["inputs"] == (image,)
    check(section, folder / "project.ilp")
    assert [row[4] for row in cells(table(section))] == ["ok"]
    assert said(section) == NONE_SELECTED


def test_missing_classifier_is_a_hint_below_the_images(section):
    """Below images that cannot be checked yet stands what is missing, as a hint."""
    section.set_needs("Choose a classifier first.")
    assert said(section) == ""
    section.add(["/data/a.png"])
    assert said(section) == "The images are not checked yet. Choose a classifier first."
    assert section.findChild(Reasons).findChild(Message).kind() is None
    section.set_needs("")
    assert said(section) == NONE_SELECTED


def test_height_stays_from_row_to_row(section, folder):
    """The table has as many rows whatever is said below it."""
    section.resize(300, 400)
    section.add([str(folder / "images")])
    check(section, folder / "project.ilp")
    heights, sayings = set(), set()
    for row in (0, 1, 3):
        select(section, row)
        QApplication.processEvents()
        heights.add(table(section).height())
        sayings.add(said(section))
        kind = section.findChild(Reasons).findChild(Message).kind()
        assert kind == (None if row == 1 else "problem")
        assert ("The check found no problem here." in said(section)) == (row == 1)
    assert len(sayings) == 3
    assert len(heights) == 1
    assert table(section).viewport().height() >= 2 * table(section).rowHeight(0)


def test_button_that_mends_is_laid_out_at_once(section, folder):
    """It is as wide as its text, also if no button was there before."""
    section.add([str(folder / "images")])
    check(section, folder / "project.ilp")
    for row in (3, 0):
        select(section, row)
        QApplication.processEvents()
    mending = button(section, "Choose channels")
    assert mending.size() == mending.sizeHint()


def test_buttons_that_remove_stand_together(section):
    """In a narrow window both are on the second line."""
    section.resize(260, 600)
    QApplication.processEvents()
    lines_of = {text: button(section, text).mapTo(section, QPoint()).y() for text in ("Add files", "Remove", "Clear")}
    assert lines_of["Remove"] == lines_of["Clear"] > lines_of["Add files"]


REMOVED = {
    "some of a folder": (["images"], [0, 3], ["images/test1.png", "images/test2.png"]),
    "all of a folder": (["images"], [0, 1, 2, 3], []),
    "some of a pattern": (["images/t*.png"], [2], ["images/test1.png", "images/test2.png"]),
    "none of the other": (["images/r*.png", "images/test1.png"], [1], ["images/r*.png"]),
    "also matched by another": (
        ["images/test1.png", "images/*.png"],
        [0],
        ["images/rgb.png", "images/test2.png", "images/torn.png"],
    ),
}


@pytest.mark.parametrize(("inputs", "rows", "left"), REMOVED.values(), ids=REMOVED)
def test_removed_images_stay_away(section, folder, inputs, rows, left):
    """Removed images stay away; a pattern or folder that loses some becomes its other files."""
    section.add(str(folder / name) for name in inputs)
    check(section, folder / "project.ilp")
    before = names(section)
    select(section, *rows)
    button(section, "Remove").click()
    assert section.value()["inputs"] == tuple(str(folder / name) for name in left)
    if left:
        check(section, folder / "project.ilp")
        assert names(section) == [name for row, name in enumerate(before) if row not in rows]


def test_keys_remove_rows(section, qtbot):
    """Delete removes the selected row, and the keys go on from there; Clear removes all."""
    section.add(["/data/a.png", "/data/b.png", "/data/c.png"])
    select(section, 1)
    section.activateWindow()
    table(section).setFocus()
    qtbot.waitUntil(table(section).hasFocus)
    qtbot.keyClick(table(section), Qt.Key.Key_Delete)
    assert names(section) == ["a.png", "c.png"]
    assert section.selected() == ()
    assert table(section).currentIndex().row() == 1
    button(section, "Clear").click()
    assert names(section) == []
    assert not button(section, "Clear").isEnabled()
    assert unexplained(section) == []


def test_sorting_by_headings_keeps_the_selection(section, folder, qtbot):
    """A click on a heading sorts, another turns it round, a third restores; the selection stays with its image."""
    section.add(str(folder / "images" / name) for name in ("test2.png", "torn.png", "rgb.png", "test1.png"))
    check(section, folder / "project.ilp")
    given = names(section)
    select(section, 2)
    header = table(section).horizontalHeader()

    def click(column: int) -> None:
        at = QPoint(header.sectionViewportPosition(column) + 10, 5)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)

    click(0)
    assert names(section) == ["rgb.png", "test1.png", "test2.png", "torn.png"]
    click(0)
    assert names(section) == ["torn.png", "test2.png", "test1.png", "rgb.png"]
    click(0)
    assert names(section) == given
    click(4)
    assert [row[4] for row in cells(table(section))] == ["problem", "problem", "ok", "ok"]
    assert [Path(location).name for location in section.selected()] == ["rgb.png"]


def test_settings_for_all_and_for_some(section, folder, qtbot):
    """Without a selection a setting holds for the job, with one for its images; emptied, nothing is left of it."""
    section.add([str(folder / "images" / name) for name in ("test1.png", "test2.png")])
    check(section, folder / "project.ilp")
    open_settings(section)
    assert "For all images:" in labels(section)
    lines(section)["axes"].setText("YX")
    lines(section)["channels"].setText("0")
    assert section.value()["input_axes"] == "yx"
    assert section.value()["channels"] == (0,)
    assert "all images: axes yx, channels 0" in labels(section)
    assert [row[4] for row in cells(table(section))] == ["", ""]

    select(section, 0, 1)
    assert "For 2 selected images:" in labels(section)
    assert lines(section)["axes"].text() == ""
    lines(section)["axes"].setText("xy")
    first, second = section.value()["inputs"]
    assert section.value()["input_settings"] == {name: InputSettings(axes="xy") for name in (first, second)}
    select(section, 1)
    assert lines(section)["axes"].text() == "xy"
    lines(section)["axes"].setText("")
    assert section.value()["input_settings"] == {first: InputSettings(axes="xy")}
    select(section, 0)
    button(section, "Remove").click()
    assert section.value()["input_settings"] == {}
    assert section.value()["input_axes"] == "yx"


def test_wrong_axes_stay_out(section, qtbot):
    """Axes that make no sense are not set; what is expected is said."""
    section.add(["/data/a.png"])
    open_settings(section)
    lines(section)["axes"].setText("tyx")
    lines(section)["axes"].setText("tyq")
    assert section.value()["input_axes"] == "tyx"
    assert "for example 'yx', 'zyx' or 'tyxc'" in said(section)


def test_button_beside_a_reason_leads_to_what_mends_it(section, folder, qtbot):
    """The button beside a reason selects all images that have it and goes to what mends it; then they are good."""
    Picture.fromarray(np.zeros((60, 70, 3), np.uint8)).save(folder / "images" / "rgb2.png")
    section.add([str(folder / "images")])
    check(section, folder / "project.ilp")
    assert said(section).startswith("rgb.png and 1 other: ")
    assert not button(section, "Set axes").isVisible()
    section.activateWindow()
    button(section, "Choose channels").click()
    assert [Path(location).name for location in section.selected()] == ["rgb.png", "rgb2.png"]
    qtbot.waitUntil(lines(section)["channels"].hasFocus)

    pick = next(b for b in section.findChildren(MenuButton) if "channels" in b.toolTip())
    qtbot.waitUntil(pick.isEnabled, timeout=WAIT_MS)
    actions = {action.text(): action for action in pick.fill().actions()}
    assert list(actions) == ["0  red", "1  green", "2  blue", "", "All channels"]
    actions["1  green"].trigger()
    assert lines(section)["channels"].text() == "1"
    check(section, folder / "project.ilp")
    assert [row[3:] for row in cells(table(section))[:2]] == [["1", "ok"], ["1", "ok"]]
    assert "5 images, 1 with a problem" in labels(section)


def test_images_that_a_button_leads_to_are_in_sight(section, folder, qtbot):
    """Far down in the list, and also when the settings below unfold and take room from it."""
    for i in range(30):
        shutil.copy(folder / "images" / "test1.png", folder / "images" / f"a_{i:02}.png")
    section.add([str(folder / "images")])
    check(section, folder / "project.ilp")
    rows = [i for i, row in enumerate(cells(table(section))) if row[0] == "rgb.png"]
    section.activateWindow()
    assert not _in_sight(table(section), rows)
    qtbot.mouseClick(button(section, "Choose channels"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _in_sight(table(section), rows))


def _in_sight(view: QTableView, rows: list[int]) -> bool:
    boxes = [view.visualRect(view.model().index(row, 0)) for row in rows]
    return bool(rows) and all(view.viewport().rect().contains(box) for box in boxes)


def test_long_names_keep_both_ends(section):
    """The end of a name tells the wells of a plate apart."""
    assert table(section).textElideMode() == Qt.TextElideMode.ElideMiddle


def test_series_of_an_ome_tiff_is_chosen_from_a_list(section, folder, qtbot):
    """The series of an OME-TIFF are listed, and the one that is chosen is what the plan predicts."""
    file = folder / "images" / "series.ome.tif"
    shapes = [(60, 70), (61, 71), (62, 72)]
    with tifffile.TiffWriter(file, ome=True) as tiff:
        for i, shape in enumerate(shapes):
            tiff.write(np.full(shape, i, np.uint8), metadata={"axes": "YX", "Name": f"well {i}"})
    section.add([str(file)])
    (row,) = check(section, folder / "project.ilp").rows
    assert row.image is None
    dataset = choices(section)["dataset"]
    section.activateWindow()
    button(section, "Choose dataset").click()
    for i, shape in enumerate(shapes):
        # The list is read anew once another is chosen.
        qtbot.waitUntil(lambda: dataset.count() == 4, timeout=WAIT_MS)
        assert [dataset.itemText(n) for n in range(4)] == ["auto", "well 0", "well 1", "well 2"]
        dataset.setCurrentText(f"well {i}")
        (row,) = check(section, folder / "project.ilp").rows
        assert row.problems == ()
        assert row.image.shape == shape


def test_dataset_of_a_file_is_chosen_from_a_list(section, folder, qtbot):
    """Of a file with several datasets one can be chosen, once they are listed; elsewhere there is nothing to choose."""
    file = folder / "images" / "scan.h5"
    with h5py.File(file, "w") as h5:
        h5["raw"] = np.zeros((60, 70), np.uint8)
        h5["mask/labels"] = np.zeros((60, 70), np.uint8)
    section.add([str(folder / "images" / "test1.png"), str(file)])
    check(section, folder / "project.ilp")
    dataset = choices(section)["dataset"]
    select(section, 0)
    assert not dataset.isEnabled()
    assert dataset.toolTip()
    select(section, 1)
    chooser = button(section, "Choose dataset")
    assert chooser.isVisible()
    # Buttons that are not shown take no space.
    qtbot.waitUntil(lambda: chooser.x() == 0)
    qtbot.waitUntil(lambda: dataset.count() == 3, timeout=WAIT_MS)
    dataset.setCurrentText("raw")
    assert section.value()["input_settings"] == {str(file): InputSettings(dataset="raw")}
    check(section, folder / "project.ilp")
    assert [row[4] for row in cells(table(section))] == ["ok", "ok"]
    dataset.setCurrentText("auto")
    assert section.value()["input_settings"] == {}


def test_setting_of_a_pattern_is_that_of_its_images(section, folder, qtbot):
    """What is set for a pattern before its images are known is set for each of them."""
    section.add([str(folder / "images" / "t*.png")])
    select(section, 0)
    lines(section)["axes"].setText("yx")
    with qtbot.waitSignal(section.changed):
        check(section, folder / "project.ilp")
    found = [str(folder / "images" / name) for name in ("test1.png", "test2.png", "torn.png")]
    assert section.value()["input_settings"] == dict.fromkeys(found, InputSettings(axes="yx"))


def test_stacked_pattern_is_one_row(section, folder, qtbot):
    """Stacked, a pattern is one image and one row."""
    for i in range(3):
        Picture.fromarray(np.zeros((60, 70), np.uint8)).save(folder / "images" / f"slice_{i}.png")
    section.add([str(folder / "images" / "slice_*.png")])
    check(section, folder / "project.ilp")
    assert len(names(section)) == 3
    choices(section)["stack"].setCurrentText("along t")
    assert section.value()["stack"] == "t"
    check(section, folder / "project.ilp")
    assert cells(table(section)) == [["images/slice_*.png", "tyx", "3\u00d760\u00d770", "1", "ok"]]


def test_layers_of_the_viewer_are_offered(qtbot):
    """The image layers of the viewer are offered; ticking one adds it, and once more leaves it out."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 30)), name="cells")
    viewer.add_labels(np.zeros((20, 30), int))
    viewer.add_image(np.zeros((5, 6)), name="A & B")
    viewer.add_image(np.zeros((2,) * 6), name="too many axes")
    section = InputsSection(viewer)
    qtbot.addWidget(section)
    layers = button(section, "Layers")

    def offered():
        return {action.text(): action for action in layers.fill().actions() if action.text()}

    together = "Selected layers as channels"
    assert list(offered()) == [
        "All image layers",
        together,
        "Selected files as channels",
        "cells",
        "A && B",
        "too many axes",
    ]
    assert not offered()["too many axes"].isEnabled()
    assert "6" in offered()["too many axes"].toolTip()
    offered()["cells"].trigger()
    offered()["All image layers"].trigger()
    assert section.value()["inputs"] == ("layer:cells", "layer:A & B")
    assert names(section) == ["cells", "A & B"]
    assert offered()["cells"].isChecked()
    offered()["cells"].trigger()
    assert section.value()["inputs"] == ("layer:A & B",)
    viewer.layers.clear()
    assert not offered()["All image layers"].isEnabled()


def test_selected_files_become_the_channels_of_one_image(section, folder):
    """The entry puts one image in place of the selected files, with the axes set for all, and says why it cannot."""
    layers = button(section, "Layers")

    def entry():
        return next(action for action in layers.fill().actions() if action.text() == "Selected files as channels")

    images = folder / "images"
    picture = np.asarray(Picture.open(images / "test1.png"))
    np.save(images / "a, b.npy", picture)
    section.add([str(images), "layer:cells"])
    check(section, folder / "project.ilp")
    assert names(section) == ["a, b.npy", "rgb.png", "test1.png", "test2.png", "torn.png", "cells"]
    assert "Select two or more files" in entry().toolTip()
    select(section, 0, 5)
    assert not entry().isEnabled()
    assert "'cells' is no single file" in entry().toolTip()
    select(section, 0, 2)
    open_settings(section)
    lines(section)["axes"].setText("yx")
    entry().trigger()
    location = f'files:"{images}/a, b.npy", {images}/test1.png'
    others = [str(images / name) for name in ("rgb.png", "test2.png", "torn.png")]
    assert section.value()["inputs"] == (*others, "layer:cells", location)
    assert section.value()["input_settings"] == {location: InputSettings(axes="yx")}
    (row,) = (row for row in check(section, folder / "project.ilp").rows if row.input == location)
    assert (row.image.axes, row.image.shape, row.image.channel_names) == (
        "yxc",
        (*picture.shape, 2),
        ("a, b", "test1"),
    )
    assert names(section)[-1] == "a, b.npy + test1.png"


def test_datasets_of_files_that_become_channels_stay(section, folder):
    """The dataset that is set for a file becomes a part of the text that names it."""
    files = [str(folder / "images" / f"{name}.h5") for name in "ab"]
    for file in files:
        with h5py.File(file, "w") as h5:
            h5["raw"], h5["mask"] = np.zeros((60, 70), np.uint8), np.ones((60, 70), np.uint8)
    settings = {files[0]: InputSettings(dataset="raw"), files[1]: InputSettings(dataset="mask")}
    section.setValue(BatchJob(classifier=folder / "project.ilp", inputs=files, input_settings=settings))
    select(section, 0, 1)
    actions = button(section, "Layers").fill().actions()
    next(action for action in actions if action.text() == "Selected files as channels").trigger()
    assert section.value()["inputs"] == (f"files:{files[0]}/raw, {files[1]}/mask",)
    assert section.value()["input_settings"] == {}
    (row,) = check(section, folder / "project.ilp").rows
    assert (row.image.axes, row.image.channel_names) == ("yxc", ("raw", "mask"))


# PySide6 has another signature from Qt 6.12 on.
@pytest.mark.filterwarnings("ignore:.*QDragEnterEvent:DeprecationWarning")
def test_files_and_folders_are_dropped(section, folder, qtbot):
    """Files and folders are added; a project is passed on to the classifier."""
    viewport = table(section).viewport()
    with qtbot.waitSignal(section.project_dropped) as dropped:
        assert drop(viewport, folder / "images", folder / "project.ilp", folder / "a, b.png")
    assert dropped.args == [folder / "project.ilp"]
    assert section.value()["inputs"] == (str(folder / "images"), str(folder / "a, b.png"))


def test_row_selected_by_the_user_alone_is_told_of(section, qtbot):
    """A row that the user selects is told of; one that another part selects is not, and takes the place of one row."""
    section.add(["/data/a.png", "/data/b.png", "/data/c.png"])
    shown = []
    section.row_shown.connect(shown.append)
    table(section).selectRow(1)
    section.select("/data/c.png")
    section.select("/data/nowhere.png")
    assert section.selected() == ("/data/c.png",)
    table(section).selectAll()
    section.select("/data/c.png")
    assert len(section.selected()) == 3
    table(section).selectRow(0)
    assert shown == ["/data/b.png", "/data/a.png"]


def test_selection_stays_with_its_image(section):
    """When images come before a selected one, it stays selected, and nobody is told."""
    section.add(["/data/*.png", "/data/z.tif"])
    section.select("/data/z.tif")
    shown = []
    section.row_shown.connect(shown.append)
    section.begin_check({"/data/*.png": [f"/data/{i}.png" for i in range(9)], "/data/z.tif": ["/data/z.tif"]})
    assert len(names(section)) == 10
    assert section.selected() == ("/data/z.tif",)
    assert shown == []


def test_thousands_of_results_never_lay_the_table_anew(section):
    """Results of thousands of images change cells, once for each batch, and never lay the table anew."""
    files = [f"/data/{i}.tif" for i in range(5000)]
    model = table(section).model()
    events = []
    model.modelReset.connect(lambda: events.append("reset"))
    model.layoutChanged.connect(lambda: events.append("layout"))
    model.rowsInserted.connect(lambda _, first, last: events.append(("rows", first, last)))
    model.dataChanged.connect(lambda first, last: events.append((first.row(), last.row())))
    section.add(files)
    assert events == [("rows", 0, 4999)]
    events.clear()
    section.begin_check({file: (file,) for file in files})
    info = ImageInfo("yx", "guess", (512, 512), np.dtype(np.uint8))
    section.take_many(Inspected(parse(file), info) for file in files[100:200])
    assert events == [(0, 4999), (100, 199)]
    assert "100 of 5000 checked" in labels(section)
    assert [model.index(150, column).data() for column in (1, 4)] == ["yx*", "ok"]
    assert model.index(250, 4).data() == "\u2026"


@pytest.mark.parametrize("width", [300, 600])
def test_nothing_is_cut_at_300_pixels(section, width):
    """Nothing is cut at 300 px; columns that there is no room for are in the tooltip of the first."""
    open_settings(section)
    section.add([f"/data/{'long name ' * 20}.tif"])
    section.resize(width, 600)
    assert section.width() == width
    assert [table(section).isColumnHidden(column) for column in (2, 3)] == [width == 300] * 2
    assert table(section).columnWidth(0) > 60


def test_all_numbers_are_in_the_tooltip(section):
    """What does not fit in the line with all numbers is in its tooltip."""
    section.resize(300, 600)
    text = "12 images, 2 with a problem, 1 with a warning, 24 results left out"
    section.set_summary(text, "12 !")
    line = next(one for one in section.findChildren(Line) if one.text() == text)
    assert line.toolTip() == text
    assert line.minimumSizeHint().width() < 100


def test_tab_goes_through_the_inputs_from_top_to_bottom(section):
    """The key Tab goes through the section from the top to the bottom."""
    section.add(["/data/a.png"])
    open_settings(section)
    order, widget = [], section.nextInFocusChain()
    while widget is not section:
        if widget.isVisibleTo(section) and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            order.append(widget.mapTo(section, QPoint(0, 0)))
        widget = widget.nextInFocusChain()
        if not section.isAncestorOf(widget):
            break
    rows = [point.y() for point in order]
    assert len(rows) >= 9
    assert all(later >= earlier - 10 for earlier, later in pairwise(rows))


def test_section_closed_while_counting_leaves_no_work(qtbot, folder):
    """A section that goes away in the middle leaves no work behind."""
    section = InputsSection(ViewerModel())
    lines(section)["pattern"].setText(str(folder / "**"))
    section.findChild(PatternLine)._count()
    section.deleteLater()
    WorkerBase.await_workers(WAIT_MS)
    qtbot.waitUntil(lambda: not WorkerBase._worker_set, timeout=WAIT_MS)
