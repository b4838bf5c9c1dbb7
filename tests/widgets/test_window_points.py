"""The whole window, point by point: what is chosen in it reaches the files, and what is in the files comes back.

Each test is run twice: with the model of a viewer, which needs no screen, and in a napari with its window.
"""

import shlex
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from batch_window import WAIT_MS, cells
from golden import ROOT as GOLDEN
from in_napari import draw_rectangle, is_coloured, open_window, press
from napari import Viewer
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QDesktopServices, QGuiApplication
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog, QFileDialog, QLabel, QMenu, QPushButton, QTableView, QTextEdit
from sections import drop
from superqt.utils import WorkerBase

from napari_batch_prediction import report
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.cli import main
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.widgets.classifier.section import ClassifierSection
from napari_batch_prediction.widgets.exports.region import NAME
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.inputs.settings import InputSettingsForm
from napari_batch_prediction.widgets.parts.images_dialog import ImagesDialog
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.results.plot import Plot
from napari_batch_prediction.widgets.results.section import ResultsSection
from napari_batch_prediction.widgets.run import RunBar

pytestmark = pytest.mark.slow

CASE = GOLDEN / "a_2d_u8"


@pytest.fixture(params=["model", "napari"])
def new_viewer(request):
    """A function that makes a viewer: a model that draws nothing, or a napari on the screen."""
    if request.param == "model":
        return ViewerModel
    make = request.getfixturevalue("make_napari_viewer")
    return lambda: make(show=True)


@pytest.fixture
def viewer(new_viewer):
    return new_viewer()


@pytest.fixture
def window(qtbot, viewer):
    """The widget on the viewer, in its dock if there is one; what it started is over when the test is."""
    yield open_window(qtbot, viewer)
    WorkerBase.await_workers(WAIT_MS)


@pytest.fixture
def another(qtbot, new_viewer):
    """A function that opens the widget on another viewer, as in the next session."""
    yield lambda: open_window(qtbot, new_viewer())
    WorkerBase.await_workers(WAIT_MS)


def pixels(path: Path, name: str = "exported_data") -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][()]


def control(window, label: str):
    """Return the control that a label belongs to."""
    (found,) = (one for one in window.widget.findChildren(QLabel) if one.text().strip() == label and one.buddy())
    return found.buddy()


def unfold(window, title: str) -> None:
    window.button(f"\u25b8 {title}").click()


def said_in_tips(section) -> str:
    return "\n".join(one.toolTip() for one in section.findChildren(QTextEdit))


def row_of(table, image: str) -> int:
    return [row[0] for row in cells(table)].index(image)


def test_sections_are_in_the_order_of_the_work(window):
    """Classifier, the pages of images, export and results, and the run below each, none wider than the window."""
    assert [window.tabs.tabText(i).split()[0] for i in range(3)] == ["Images", "Export", "Results"]
    for title, page in (("Images", InputsSection), ("Export", ExportsSection), ("Results", ResultsSection)):
        window.show_page(title)
        parts = [window.widget.findChild(kind) for kind in (ClassifierSection, page, RunBar)]
        assert all(part.isVisible() for part in parts)
        tops = [part.mapTo(window.widget, part.rect().topLeft()).y() for part in parts]
        assert tops == sorted(set(tops))
        assert all(part.width() <= window.widget.width() for part in parts)


# PySide6 has another signature from Qt 6.12 on.
@pytest.mark.filterwarnings("ignore:.*QDragEnterEvent:DeprecationWarning")
def test_every_way_to_a_classifier_shows_its_card(window, another, case, qtbot, monkeypatch):
    """Dropped on the window, from a dialog, from those used before, or a sample: each time its card appears."""
    project = case("b_2d_rgb_u8") / "project.ilp"
    section = window.widget.findChild(ClassifierSection)
    assert drop(section, project)
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        pass
    assert "3 channels" in window.said()
    simple = str(case("a_2d_u8") / "project.ilp")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (simple, ""))
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        next(one for one in section.findChildren(QPushButton) if one.text() == "Browse").click()
    assert "1 channel" in window.said()

    other = another()
    section = other.widget.findChild(ClassifierSection)
    offered = {action.text(): action for action in section.findChild(MenuButton).fill().actions()}
    for text, said in (("b_2d_rgb_u8/project.ilp", "3 channels"), ("Sample: colonies.ilp", "Cell Density Counting")):
        with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
            offered[text].trigger()
        assert said in other.said()


def test_card_says_all_of_the_classifier(window, case, qtbot):
    """What the classifier is: workflow, channels, axes, classes, colours, features, scales, and what it is not for."""
    project = case("b_2d_rgb_u8") / "project.ilp"
    section = window.widget.findChild(ClassifierSection)
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        window.line("ilastik project (.ilp)").setText(str(project))
    classifier, said = load_classifier(project), window.said()
    for words in (
        "Pixel Classification \u00b7 3 channels \u00b7 2D (yxc)",
        *classifier.classes,
    ):
        assert words in said
    assert "Volumes slice by slice, if you set the axes" in said_in_tips(section)
    card = next(one for one in section.findChildren(QTextEdit) if classifier.classes[0] in one.toPlainText())
    assert card.toHtml().count("swatch:") == len(classifier.classes)
    window.button("Features").click()
    dialog = section.findChild(QDialog)
    assert dialog.isVisible()
    assert len(cells(dialog.findChild(QTableView))) > 1
    dialog.close()


def test_every_way_to_an_input(window, viewer, case, qtbot, monkeypatch):
    """Files, a folder, a pattern and layers; axes, channels and dataset of single rows reach what is predicted."""
    folder = case("a_2d_u8")
    plane = np.asarray(Image.open(folder / "test1.png"))
    small = np.ascontiguousarray(plane[:40, :50])
    for name in ("files", "folder", "patterns"):
        (folder / name).mkdir()
    with h5py.File(folder / "files/two.h5", "w") as file:
        file["first"], file["second"] = small, small[::-1]
    np.save(folder / "folder/colours.npy", np.dstack([small, small.T[:40, :40].repeat(2, 1)[:, :50], small[:, ::-1]]))
    tifffile.imwrite(folder / "patterns/frames.tif", np.stack([small] * 20), photometric="minisblack", metadata=None)
    viewer.add_image(small, name="a layer", scale=(0.5, 0.25), units=("um", "um"))

    window.line("ilastik project (.ilp)").setText(str(folder / "project.ilp"))
    monkeypatch.setattr(ImagesDialog, "choose", lambda *_: [str(folder / "files/two.h5")])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder / "folder"))
    window.button("Add files").click()
    window.button("Add folder").click()
    window.line("pattern, as folder/*.tif").setText(f"{folder}/patterns/*.tif")
    window.button("Add pattern").click()
    layers = next(b for b in window.widget.findChildren(MenuButton) if b.text().startswith("Layers"))
    next(action for action in layers.fill().actions() if action.text() == "a layer").trigger()
    window.line("beside each image").setText(str(folder / "out"))
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS) as checked:
        pass
    assert [bool(row.problems) for row in checked.args[0].rows[:2]] == [True, True]
    assert checked.args[0].rows[2].image.axes_known == "guess"
    assert cells(window.inputs)[row_of(window.inputs, "frames.tif")][1].endswith("*")

    form = window.widget.findChild(InputSettingsForm)
    for image, field, value in (
        ("two.h5", "dataset", "second"),
        ("colours.npy", "channels", "2"),
        ("frames.tif", "axes", "tyx"),
    ):
        row = row_of(window.inputs, image)
        window.inputs.selectRow(row)
        assert all(problem.text in window.said() for problem in checked.args[0].rows[row].problems)
        if field == "dataset":
            qtbot.waitUntil(lambda: "second" in form._dataset.choices, timeout=WAIT_MS)
        with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS) as checked:
            getattr(form, f"_{field}").value = value
    assert [row.problems for row in checked.args[0].rows] == [()] * 4
    job = window.widget.value()
    assert job.input_settings == {
        str(folder / "files/two.h5"): InputSettings(dataset="second"),
        str(folder / "folder/colours.npy"): InputSettings(channels=(2,)),
        str(folder / "patterns/frames.tif"): InputSettings(axes="tyx"),
    }
    assert [row.status for row in window.run().rows] == ["done"] * 4
    classifier = load_classifier(folder / "project.ilp")
    (two,) = (folder / "out").glob("two*.h5")
    np.testing.assert_array_equal(pixels(two), classifier.predict(small[::-1]))
    np.testing.assert_array_equal(
        pixels(folder / "out/colours_Probabilities.h5"), classifier.predict(np.ascontiguousarray(small[:, ::-1]))
    )
    frames = pixels(folder / "out/frames_Probabilities.h5")
    stack = np.stack([small] * 20)
    assert frames.shape == (20, 40, 50, len(classifier.classes))
    np.testing.assert_array_equal(frames, classifier.predict(stack, axes="tyx"))
    expected = classifier.predict(small)
    # What was predicted from memory is beside its layer, not on the disk.
    names = [f"a layer {name}" for name in classifier.classes]
    qtbot.waitUntil(lambda: all(name in viewer.layers for name in names), timeout=WAIT_MS)
    for i, name in enumerate(names):
        np.testing.assert_array_equal(viewer.layers[name].data, expected[..., i])
        assert np.array_equal(viewer.layers[name].extent.world, viewer.layers["a layer"].extent.world)
        assert viewer.layers[name].units == viewer.layers["a layer"].units
    assert len(list((folder / "out").glob("*.h5"))) == 3


# PySide6 has another signature from Qt 6.12 on.
@pytest.mark.filterwarnings("ignore:.*QDragEnterEvent:DeprecationWarning")
def test_inputs_are_counted_dropped_sorted_and_removed(window, viewer, case, qtbot):
    """A pattern is counted while it is typed; folders and files are dropped; rows are sorted, removed and cleared."""
    folder = case("a_2d_u8")
    line = window.line("pattern, as folder/*.tif")
    qtbot.keyClicks(line, f"{folder}/test*.png")
    qtbot.waitUntil(lambda: "2 files" in window.said(), timeout=WAIT_MS)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert [row[0] for row in cells(window.inputs)] == ["a_2d_u8/test*.png"]
    (folder / "more").mkdir()
    for name in ("more/10.png", "more/9.png", "one.png"):
        shutil.copy(folder / "test2.png", folder / name)
    window.line("ilastik project (.ilp)").setText(str(folder / "project.ilp"))
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        assert drop(window.inputs.viewport(), folder / "more", folder / "one.png")
    names = ["test1.png", "test2.png", "9.png", "10.png", "one.png"]
    assert sorted(row[0] for row in cells(window.inputs)) == sorted(names)
    assert {row[4] for row in cells(window.inputs)} == {"ok"}
    assert not viewer.layers

    header = window.inputs.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(0) + 8, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [row[0] for row in cells(window.inputs)] == ["9.png", "10.png", "one.png", "test1.png", "test2.png"]
    window.inputs.selectRow(1)
    window.widget.activateWindow()
    window.inputs.setFocus()
    qtbot.waitUntil(window.inputs.hasFocus)
    QTest.keyClick(window.inputs, Qt.Key.Key_Delete)
    assert [row[0] for row in cells(window.inputs)] == ["9.png", "one.png", "test1.png", "test2.png"]
    window.button("Clear").click()
    assert cells(window.inputs) == []


def test_settings_of_one_of_several_and_of_all(window, case, qtbot):
    """What is set with rows selected holds for those, with none selected for all; the check says so at once."""
    folder = case("a_2d_u8")
    images = [f"{folder}/{i}.npy" for i in range(3)]
    for i, path in enumerate(images):
        np.save(path, np.full((12, 40, 41, 1), i, np.uint8))
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=images, exports=(Export(folder=folder / "out"),)))
    form = window.widget.findChild(InputSettingsForm)

    def axes() -> list[str]:
        return [row[1] for row in cells(window.inputs)]

    def type_axes(text: str) -> None:
        with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
            form._axes.value = text

    type_axes("tyxc")
    assert axes() == ["tyxc"] * 3
    window.inputs.selectAll()
    window.inputs.selectionModel().select(
        window.inputs.model().index(0, 0),
        window.inputs.selectionModel().SelectionFlag.Deselect | window.inputs.selectionModel().SelectionFlag.Rows,
    )
    type_axes("zyxc")
    assert axes() == ["tyxc", "zyxc", "zyxc"]
    window.inputs.selectRow(2)
    type_axes("")
    assert axes() == ["tyxc", "zyxc", "tyxc"]
    job = window.widget.value()
    assert job.input_axes == "tyxc"
    assert job.input_settings == {images[1]: InputSettings(axes="zyxc")}


def test_selected_rows_alone_are_run(window, case, qtbot):
    """The button says how many of the selected rows can run; it runs those and leaves the others."""
    folder = case("a_2d_u8")
    images = [f"{folder}/{name}" for name in ("test1.png", "test2.png", "missing.png")]
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=images, exports=(Export(folder=folder / "out"),)))
    selected = window.button("Selected")
    assert not selected.isEnabled()
    window.inputs.selectRow(2)
    assert not selected.isEnabled()
    assert "None of the selected images can be predicted" in selected.toolTip()
    window.inputs.selectRow(1)
    assert selected.text() == "Selected (1)"
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS) as finished:
        selected.click()
    assert [(Path(row.input).name, row.status) for row in finished.args[0].rows] == [("test2.png", "done")]
    assert [path.name for path in (folder / "out").glob("*.h5")] == ["test2_Probabilities.h5"]
    assert window.widget.value().inputs == tuple(images)


def test_exports_reach_the_files(window, viewer, another, case, qtbot):
    """Format, compression, folder and a region drawn in the viewer; the next window has the output and its format."""
    folder = case("a_2d_u8")
    plane = np.asarray(Image.open(folder / "test1.png"))
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test1.png",)))
    window.box("Simple Segmentation").click()
    window.box("Probabilities").click()
    window.line("beside each image").setText(str(folder / "out"))
    window.choice("multipage tiff").setCurrentText("tiff")
    control(window, "Compression").setCurrentIndex(1)
    compression = window.widget.value().exports[0].compression
    assert compression is not None
    viewer.add_image(plane, scale=(2, 2))
    draw = next(b for b in window.widget.findChildren(QPushButton) if b.text() == "Draw in viewer")
    draw.click()
    shapes = viewer.layers[NAME]
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        # From the middle of a pixel to that of another: twice as far in the world, which the image says.
        draw_rectangle(qtbot, viewer, shapes, (20, 10), (98, 128))
    assert window.line("everything").text() == "y=10:50, x=5:65"
    assert [row.status for row in window.run().rows] == ["done"]
    expected = load_classifier(folder / "project.ilp").predict(plane, source="Simple Segmentation")
    with tifffile.TiffFile(folder / "out/test1_Simple Segmentation.tiff") as file:
        written, packed = file.asarray(), file.pages[0].compression
    assert packed != tifffile.COMPRESSION.NONE
    np.testing.assert_array_equal(written, np.squeeze(expected)[10:50, 5:65])

    other = another()
    (export,) = other.widget.findChild(ExportsSection).value()["exports"]
    assert (export.source, export.format, export.folder) == ("Simple Segmentation", "tiff", None)


def test_every_setting_reaches_the_file(window, case, qtbot):
    """Name, type, range, order of axes, region, dataset; what cannot be chosen is off and says why."""
    folder = case("a_2d_u8")
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test1.png",)))
    formats = window.choice("multipage tiff")
    item = formats.model().item(formats.findText("png"))
    assert not item.isEnabled()
    assert "cannot hold float32" in item.toolTip()
    QTest.keyClicks(formats, "png")
    assert formats.currentText() == "compressed hdf5"

    window.line("beside each image").setText(str(folder / "out"))
    name = window.line("{stem}_{source}")
    name.clear()
    qtbot.keyClicks(name, "my_{stem}")
    qtbot.waitUntil(lambda: str(folder / "out/my_test1.h5") in window.tooltips(), timeout=WAIT_MS)
    unfold(window, "More export settings")
    types = control(window, "Type")
    types.setCurrentText("uint8")
    for label, text in (("Axis order", "cyx"), ("Region", "y=10:50, x=5:65"), ("Dataset", "volume/data")):
        control(window, label).clear()
        qtbot.keyClicks(control(window, label), text)
    window.choice("overwrite it").setCurrentText("overwrite it")
    assert window.widget.value().existing == "overwrite"
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        pass
    for _ in range(2):
        assert [row.reason for row in window.run().rows] == [""]
    with h5py.File(folder / "out/my_test1.h5") as file:
        written = file["volume/data"][()]
    assert written.dtype == np.uint8
    expected = load_classifier(folder / "project.ilp").predict(np.asarray(Image.open(folder / "test1.png")))
    np.testing.assert_allclose(written / 255, np.moveaxis(expected[10:50, 5:65], -1, 0), atol=1 / 255)


def test_progress_is_said_in_words(window, large, monkeypatch):
    """While it runs it says how many files are done, how many tiles, and what time is left."""
    monkeypatch.setattr(report, "FORETELL_AFTER", 0.0)
    # With one worker each image takes longer than the time from one painting of the bar to the next.
    job = BatchJob(classifier=large / "project.ilp", inputs=(f"{large}/large_*.png",), workers=1)
    window.check(job.model_copy(update={"exports": (Export(folder=large / "out"),)}))
    seen: list[tuple[str, str]] = []
    window.bar.valueChanged.connect(lambda _: window.qtbot.wait(0))
    window.bar.valueChanged.connect(lambda _: seen.append((window.bar.format(), window.bar.toolTip())))
    window.run()
    texts = [text for text, _ in seen]
    assert any(text.startswith("0 of 2 files, ") and text.endswith(" left") for text in texts)
    assert any(tip.endswith("passed") and "tiles done" in tip for _, tip in seen)


def test_repaired_image_is_run_again_and_resumed(window, another, case, qtbot, monkeypatch):
    """A failed image is repaired and run again; another window goes on with the ledger and shows the whole run."""
    folder = case("a_2d_u8")
    whole = (folder / "test1.png").read_bytes()
    (folder / "test1.png").write_bytes(whole[: len(whole) // 2])
    job = BatchJob(
        classifier=folder / "project.ilp",
        inputs=(f"{folder}/test1.png", f"{folder}/test2.png"),
        exports=(Export(folder=folder / "out"),),
        ledger=folder / "my.ledger.jsonl",
    )
    window.check(job)
    rows = window.run().rows
    assert [row.status for row in rows] == ["failed", "done"]
    window.results.selectRow(0)
    assert rows[0].reason
    assert rows[0].reason in window.said()
    assert [row[:2] for row in cells(window.results)] == [["test1.png", "failed"], ["test2.png", "done"]]
    assert all(row[2].endswith(" s") for row in cells(window.results))
    output = folder / "out/test2_Probabilities.h5"
    before = output.stat()
    retry = window.button("Retry failed")
    (folder / "project.ilp").rename(folder / "away.ilp")
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS) as finished:
        retry.click()
    assert finished.args == [None]
    assert "project.ilp" in window.said()
    (folder / "away.ilp").rename(folder / "project.ilp")
    (folder / "test1.png").write_bytes(whole)
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS) as finished:
        retry.click()
    assert [row.status for row in finished.args[0].rows] == ["done", "done"]
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not retry.isEnabled()

    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(Path(url.toLocalFile())) or True)
    window.button("Open folder").click()
    assert opened == [folder / "out"]

    (folder / "out/test1_Probabilities.h5").unlink()
    other = another()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(folder / "my.ledger.jsonl"), ""))
    with qtbot.waitSignal(other.widget.finished, timeout=WAIT_MS) as finished:
        other.button("Resume a run").click()
    assert [row.status for row in finished.args[0].rows] == ["done", "done"]
    assert [row[:2] for row in cells(other.results)] == [["test1.png", "done"], ["test2.png", "done"]]
    assert (folder / "out/test1_Probabilities.h5").exists()


def test_keys_go_through_results(window, viewer, case, qtbot):
    """Keys go to the next row and back, in both tables; kept layers stay when the next row is shown."""
    folder = case("a_2d_u8")
    images = [f"{folder}/test1.png", f"{folder}/test2.png"]
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=images, workers=1))
    window.run()
    names = [f"test{{}} {name}" for name in load_classifier(folder / "project.ilp").classes]

    def has(*stems: int) -> None:
        wanted = {f"test{i}" for i in stems} | {name.format(i) for name in names for i in stems}
        qtbot.waitUntil(lambda: {layer.name for layer in viewer.layers} == wanted, timeout=WAIT_MS)

    has(1)
    if isinstance(viewer, Viewer):
        qtbot.waitUntil(lambda: is_coloured(viewer), timeout=WAIT_MS)
    press(viewer, ".")
    has(2)
    assert window.inputs.currentIndex().row() == window.results.currentIndex().row() == 1
    window.inputs.selectRow(0)
    has(1)
    assert window.results.currentIndex().row() == 0
    window.button("Keep").click()
    press(viewer, ".")
    has(1, 2)
    press(viewer, ",")
    qtbot.waitUntil(lambda: window.results.currentIndex().row() == 0, timeout=WAIT_MS)


def test_counts_have_a_column_a_bar_and_a_name(window, viewer, case, qtbot):
    """A counting project: a column, a bar for each image, the number in the name of the density's layer."""
    folder = case("h1_count_2d_u8")
    images = [f"{folder}/test1.png", f"{folder}/test2.png"]
    window.line("ilastik project (.ilp)").setText(str(folder / "project.ilp"))
    window.widget.findChild(InputsSection).add(images)
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        pass
    assert [export.source for export in window.widget.value().exports] == ["Density", "Counts"]
    ledger = window.run()
    assert [row.status for row in ledger.rows] == ["done", "done"]
    model = window.results.model()
    headings = [model.headerData(i, Qt.Orientation.Horizontal) for i in range(model.columnCount())]
    counts = [row[headings.index("Count")] for row in cells(window.results)]
    assert counts == [f"{row.count:.1f}" for row in ledger.rows]
    plot = next(one for one in window.widget.findChildren(Plot) if one.isVisible())
    assert plot.isVisibleTo(window.widget)
    total = f"{sum(row.count for row in ledger.rows):.1f} counted"
    qtbot.waitUntil(lambda: total in window.said(), timeout=WAIT_MS)
    shown = [f"{path} Density, {count}" for path, count in zip(("test1", "test2"), counts, strict=True)]
    qtbot.waitUntil(lambda: bool(set(shown) & {layer.name for layer in viewer.layers}), timeout=WAIT_MS)
    assert len(ledger.tables) == 1


def test_copied_job_is_the_same_job(window, case, qtbot, viewer):
    """Copied as Python it is the same job, copied as a command line it writes the same bytes."""
    folder = case("a_2d_u8")
    job = BatchJob(
        classifier=folder / "project.ilp",
        inputs=(f"{folder}/test?.png",),
        exports=(
            Export(source="Simple Segmentation", folder=folder / "out", format="hdf5", region={"y": (3, 60)}),
            Export(source="Uncertainty", folder=folder / "out", dtype="uint8", output_range=(0, 255)),
        ),
        existing="overwrite",
    )
    window.check(job)
    copy = next(b for b in window.widget.findChildren(QPushButton) if b.text().startswith("Copy as"))
    actions = {action.text(): action for action in copy.findChild(QMenu).actions()}

    def contents() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (folder / "out").glob("*.h5")}

    assert [row.reason for row in window.run().rows] == ["", ""]
    expected = contents()
    assert len(expected) == 4
    shutil.rmtree(folder / "out")
    actions["Python"].trigger()
    assert viewer.status == "The batch is on the clipboard as Python."
    said: dict[str, object] = {}
    exec(QGuiApplication.clipboard().text(), said)  # noqa: S102 - what the user would do with it
    assert said["job"] == job == window.widget.value()
    assert contents() == expected
    shutil.rmtree(folder / "out")
    actions["Command line"].trigger()
    program, *arguments = shlex.split(QGuiApplication.clipboard().text())
    assert program == "napari-batch-prediction"
    assert main(arguments) == 0
    assert contents() == expected
