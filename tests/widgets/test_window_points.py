"""The whole window, point by point: what is chosen in it reaches the files, and what is in the files comes back."""

import shlex
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from batch_window import WAIT_MS, Window, cells
from golden import ROOT as GOLDEN
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices, QGuiApplication
from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton
from sections import drop

from napari_batch_prediction.batch.job import BatchJob, InputSettings
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.cli import main
from napari_batch_prediction.export.settings import Export
from napari_batch_prediction.widgets import run
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.classifier import ClassifierSection
from napari_batch_prediction.widgets.counts_plot import CountsPlot
from napari_batch_prediction.widgets.exports import ExportsSection
from napari_batch_prediction.widgets.input_settings import InputSettingsForm
from napari_batch_prediction.widgets.inputs import InputsSection
from napari_batch_prediction.widgets.menu_button import MenuButton
from napari_batch_prediction.widgets.region import NAME
from napari_batch_prediction.widgets.results import ResultsSection
from napari_batch_prediction.widgets.run import RunBar

CASE = GOLDEN / "a_2d_u8"


def another(qtbot, viewer=None) -> Window:
    """A window beside the first."""
    widget = BatchPredictionWidget(viewer or ViewerModel())
    qtbot.addWidget(widget)
    widget.resize(320, 900)
    widget.show()
    return Window(qtbot, widget)


def pixels(path: Path, name: str = "exported_data") -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][()]


def row_of(table, image: str) -> int:
    return [row[0] for row in cells(table)].index(image)


def test_from_top_to_bottom(window):
    """Classifier, inputs, exports, run and results, in the order of the work, none wider than the window."""
    parts = [window.widget.findChild(kind) for kind in (ClassifierSection, InputsSection, ExportsSection, RunBar)]
    parts.append(window.widget.findChild(ResultsSection))
    window.qtbot.waitUntil(lambda: window.widget.widget().width() == window.widget.viewport().width())
    tops = [part.mapTo(window.widget.widget(), part.rect().topLeft()).y() for part in parts]
    assert tops == sorted(tops)
    assert len(set(tops)) == 5
    assert all(part.width() <= window.widget.viewport().width() for part in parts)


# PySide6 has another signature from Qt 6.12 on.
@pytest.mark.filterwarnings("ignore:.*QDragEnterEvent:DeprecationWarning")
def test_ways_to_a_classifier(window, case, qtbot):
    """Dropped on the window, from those used before, or a sample: each time its card appears."""
    project = case("b_2d_rgb_u8") / "project.ilp"
    section = window.widget.findChild(ClassifierSection)
    assert drop(section, project)
    with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
        pass
    assert "3 channels" in window.said()

    other = another(qtbot)
    section = other.widget.findChild(ClassifierSection)
    offered = {action.text(): action for action in section.findChild(MenuButton).fill().actions()}
    for text, said in (("project.ilp", "3 channels"), ("Sample: colonies.ilp", "Cell Density Counting")):
        with qtbot.waitSignal(section.loaded, timeout=WAIT_MS):
            offered[text].trigger()
        assert said in other.said()


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
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(folder / "files/two.h5")], ""))
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

    form = window.widget.findChild(InputSettingsForm)
    for image, field, value in (
        ("two.h5", "dataset", "second"),
        ("colours.npy", "channels", "2"),
        ("frames.tif", "axes", "tyx"),
    ):
        window.inputs.selectRow(row_of(window.inputs, image))
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


def test_selected_rows_alone(window, case, qtbot):
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


def test_exports_reach_the_files(window, viewer, case, qtbot):
    """Format, type, folder and a region drawn in the viewer; the settings are those of the next window."""
    folder = case("a_2d_u8")
    plane = np.asarray(Image.open(folder / "test1.png"))
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test1.png",)))
    window.box("Simple Segmentation").click()
    window.box("Probabilities").click()
    window.line("beside each image").setText(str(folder / "out"))
    window.choice("multipage tiff").setCurrentText("tiff")
    viewer.add_image(plane, scale=(2, 2))
    draw = next(b for b in window.widget.findChildren(QPushButton) if b.text() == "Draw in viewer")
    draw.click()
    shapes = viewer.layers[NAME]
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        shapes.add_rectangles([np.array([(9.5, 4.5), (9.5, 64.5), (49.5, 64.5), (49.5, 4.5)])])
    assert [row.status for row in window.run().rows] == ["done"]
    expected = load_classifier(folder / "project.ilp").predict(plane, source="Simple Segmentation")
    written = tifffile.imread(folder / "out/test1_Simple Segmentation.tiff")
    np.testing.assert_array_equal(written, np.squeeze(expected)[10:50, 5:65])

    other = another(qtbot)
    (export,) = other.widget.findChild(ExportsSection).value()["exports"]
    assert (export.source, export.format, export.folder) == ("Simple Segmentation", "tiff", folder / "out")


def test_progress_in_words(window, large, monkeypatch):
    """While it runs it says how many files are done, how many tiles, and what time is left."""
    monkeypatch.setattr(run, "FORETELL_AFTER", 0.0)
    job = BatchJob(classifier=large / "project.ilp", inputs=(f"{large}/large_*.png",))
    window.check(job.model_copy(update={"exports": (Export(folder=large / "out"),)}))
    seen: list[tuple[str, str]] = []
    window.bar.valueChanged.connect(lambda _: window.qtbot.wait(0))
    window.bar.valueChanged.connect(lambda _: seen.append((window.bar.format(), window.bar.toolTip())))
    window.run()
    texts = [text for text, _ in seen]
    assert any(text.startswith("0 of 2 files, ") and text.endswith(" left") for text in texts)
    assert any(tip.endswith("passed") and "tiles done" in tip for _, tip in seen)


def test_repaired_and_resumed(window, case, qtbot, monkeypatch):
    """A failed image is repaired and run again; another window goes on with the record and shows the whole run."""
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
    assert [row.status for row in window.run().rows] == ["failed", "done"]
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
    other = another(qtbot)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(folder / "my.ledger.jsonl"), ""))
    with qtbot.waitSignal(other.widget.finished, timeout=WAIT_MS) as finished:
        other.button("Resume a run").click()
    assert [row.status for row in finished.args[0].rows] == ["done", "done"]
    assert [row[:2] for row in cells(other.results)] == [["test1.png", "done"], ["test2.png", "done"]]
    assert (folder / "out/test1_Probabilities.h5").exists()


def test_looking_through(window, viewer, case, qtbot):
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
    keys = {str(key): act for key, act in viewer.keymap.items()}
    keys["."](viewer)
    has(2)
    assert window.inputs.currentIndex().row() == window.results.currentIndex().row() == 1
    window.inputs.selectRow(0)
    has(1)
    assert window.results.currentIndex().row() == 0
    window.button("Keep").click()
    keys["."](viewer)
    has(1, 2)
    keys[","](viewer)
    qtbot.waitUntil(lambda: window.results.currentIndex().row() == 0, timeout=WAIT_MS)


def test_counts(window, viewer, case, qtbot):
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
    plot = next(one for one in window.widget.findChildren(CountsPlot) if one.isVisible())
    assert plot.isVisibleTo(window.widget)
    total = f"{sum(row.count for row in ledger.rows):.1f} counted"
    qtbot.waitUntil(lambda: total in window.said(), timeout=WAIT_MS)
    shown = [f"{path} Density, {count}" for path, count in zip(("test1", "test2"), counts, strict=True)]
    qtbot.waitUntil(lambda: bool(set(shown) & {layer.name for layer in viewer.layers}), timeout=WAIT_MS)
    assert len(ledger.tables) == 1


def test_the_same_job_as_text(window, case, qtbot):
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
