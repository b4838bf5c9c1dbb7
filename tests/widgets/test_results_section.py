"""The results: a table of what became of each image, and the image of the selected row in the viewer."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from batch_window import is_busy
from counted import areas, counted
from counted import found as objects
from golden import ROOT as GOLDEN
from h5py._objects import phil
from qtpy.QtCore import QPoint, Qt, QThreadPool, QTimer
from qtpy.QtGui import QDesktopServices, QOpenGLContext
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLabel, QPushButton, QTableView, QTextEdit
from superqt.utils import WorkerBase

from napari_batch_prediction import BatchJob
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.planning.exports import named_exports
from napari_batch_prediction.planning.plan import Plan, PlanRow
from napari_batch_prediction.records.events import FileFinished, FileStarted, TileDone
from napari_batch_prediction.records.ledger import Ledger, LedgerRow
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.widgets.canvas.canvas import MOMENT_MS, PAUSE_MS, Canvas
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.results.model import NEVER_ENDED
from napari_batch_prediction.widgets.results.plot import Plot
from napari_batch_prediction.widgets.results.section import ResultsSection

WAIT_MS = 30_000

FOLDER = GOLDEN / "a_2d_u8"
PROJECT = FOLDER / "project.ilp"
IMAGES = tuple(str(FOLDER / f"test{i}.png") for i in (1, 2))
CLASSES = load_classifier(PROJECT).classes


class Results:
    """Handles on the section."""

    def __init__(self, qtbot, section: ResultsSection, viewer) -> None:
        self.qtbot, self.section, self.viewer = qtbot, section, viewer
        self.table = section.findChild(QTableView)

    def button(self, text: str) -> QPushButton:
        (found,) = (b for b in self.section.findChildren(QPushButton) if b.text().startswith(text))
        return found

    def cells(self) -> list[list[str]]:
        model = self.table.model()
        columns = range(model.columnCount())
        return [[model.index(row, column).data() for column in columns] for row in range(model.rowCount())]

    def headings(self) -> list[str]:
        model = self.table.model()
        return [model.headerData(i, Qt.Orientation.Horizontal) for i in range(model.columnCount())]

    def said(self) -> str:
        texts = self.section.findChildren(QTextEdit)
        return "\n".join(text.toPlainText() for text in texts if text.isVisibleTo(self.section))

    def has_summary(self, text: str) -> None:
        labels = self.section.findChildren(QLabel)
        self.qtbot.waitUntil(lambda: any(label.text() == text for label in labels), timeout=WAIT_MS)

    def select(self, row: int) -> None:
        self.table.selectRow(row)

    def selected(self) -> int | None:
        return next((index.row() for index in self.table.selectedIndexes()), None)

    def load(self, load: bool) -> None:
        """Set the tick at Load results."""
        self.section.findChild(QCheckBox).setChecked(load)

    def has_layers(self, *names: str) -> None:
        self.qtbot.waitUntil(lambda: [layer.name for layer in self.viewer.layers] == list(names), timeout=WAIT_MS)

    def sees(self, *names: str) -> None:
        """Wait until these layers are visible, and no others."""
        seen = lambda: [layer.name for layer in self.viewer.layers if layer.visible]  # noqa: E731
        self.qtbot.waitUntil(lambda: seen() == list(names), timeout=WAIT_MS)

    def reading_begins(self):
        """Wait for it: rows that are passed by are not read."""
        return self.qtbot.waitSignal(timer(self.section.findChild(Canvas), PAUSE_MS).timeout, timeout=WAIT_MS)

    def settle(self) -> None:
        """Wait until nothing is read and nothing is left to be shown."""
        canvas = self.section.findChild(Canvas)
        pool = QThreadPool.globalInstance()

        def idle() -> bool:
            return not is_busy(canvas) and pool.activeThreadCount() == 0

        self.qtbot.waitUntil(idle, timeout=WAIT_MS)


def timer(canvas: Canvas, milliseconds: int) -> QTimer:
    (found,) = (one for one in canvas.findChildren(QTimer) if one.interval() == milliseconds)
    return found


@pytest.fixture
def results(qtbot, viewer):
    section = ResultsSection(viewer)
    qtbot.addWidget(section)
    section.resize(320, 500)
    section.show()
    handles = Results(qtbot, section, viewer)
    yield handles
    # It is remembered.
    handles.load(True)
    section.set_docked(False)
    WorkerBase.await_workers(WAIT_MS)


def plan(inputs=IMAGES, sources=("Probabilities",), **settings) -> Plan:
    """A plan without anything that is to be written."""
    job = BatchJob(
        classifier=PROJECT, inputs=tuple(inputs), exports=tuple(Export(source=s) for s in sources), **settings
    )
    classifier = load_classifier(PROJECT)
    return Plan(
        job, classifier, named_exports(job, classifier), tuple(PlanRow(parse(name), None) for name in inputs), ""
    )


def done(index: int, **values) -> FileFinished:
    """The end of one of ``IMAGES``, with ilastik's own output."""
    location = IMAGES[index]
    outputs = {"Probabilities": FOLDER / f"expected/test{index + 1}_Probabilities.h5"}
    return FileFinished(index, LedgerRow(location, "done", outputs=outputs, seconds=0.4, **values))


def segmented(index: int) -> FileFinished:
    """The same with ilastik's segmentation."""
    event = done(index)
    labels = {"Simple Segmentation": FOLDER / "expected" / f"test{index + 1}_Simple Segmentation.h5"}
    return replace(event, row=replace(event.row, outputs={**event.row.outputs, **labels}))


def layers(index: int) -> list[str]:
    return [f"test{index + 1}", *(f"test{index + 1} {name}" for name in CLASSES)]


def test_from_waiting_to_done(results):
    """Each row goes from waiting to its end; the heading sums up."""
    results.section.set_plan(plan())
    assert results.headings() == ["Image", "Status", "Time"]
    assert [row[1] for row in results.cells()] == ["waiting", "waiting"]
    results.section.take([FileStarted(0, 8)])
    results.section.take([TileDone(0, 3, 8, 3, 16, 30, 160)])
    assert [row[1] for row in results.cells()] == ["37 %", "waiting"]
    results.section.take([done(0)])
    results.section.take([FileFinished(1, LedgerRow(IMAGES[1], "failed", "It is\ndamaged.", seconds=0.26))])
    assert results.cells() == [["test1.png", "done", "0.4 s"], ["test2.png", "failed", "0.3 s"]]
    results.has_summary("1 done, 1 failed")

    results.section.resize(700, 500)
    assert results.headings() == ["Image", "Status", "Time", "Reason"]
    assert results.cells()[1][3] == "It is damaged."
    results.section.resize(320, 500)
    assert "Reason" not in results.headings()


COUNTED = {
    "single images": ([counted(80.34), counted(12.0)], ["80.3", "12.0"], "2 done, 92.3 counted"),
    "time series": ([counted(1, 3, 2), counted(2, 2)], ["1.0\u20133.0", "2.0"], "2 done"),
    "objects": ([objects(80), objects(12)], ["80", "12"], "2 done, 92 counted"),
    "objects over time": ([objects(1, 3), objects(2, 2)], ["1\u20133", "2"], "2 done"),
}


AREAS_OF = {
    "single images": (
        [(0.75, 0.25)],
        ["75.0 %", "25.0 %"],
        ["bg: 75.0 %, 750 micrometer^2", "cell: 25.0 %, 250 micro"],
    ),
    "time series": (
        [(0.75, 0.25), (0.5, 0.5), (None, None)],
        ["50.0\u201375.0 %", "25.0\u201350.0 %"],
        ["bg: 62.5 %", "cell: 37.5 %"],
    ),
    "no pixels": ([(None, None)], ["", ""], []),
}


@pytest.mark.parametrize(("shares", "cells", "tips"), AREAS_OF.values(), ids=AREAS_OF)
def test_areas_of_classes_have_columns(results, shares, cells, tips):
    """The share of each class has a column, its size is in the tooltip; a frame without pixels has none of both."""
    results.section.set_plan(plan())
    results.section.take([done(0, tables=areas(("bg", "cell"), *shares))])
    results.section.resize(500, 500)
    assert results.headings() == ["Image", "Status", "Time", "bg", "cell"]
    assert results.cells()[0][3:] == cells
    tip = results.table.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert [text for text in tips if text not in tip] == []
    assert ("%" in tip) == bool(tips)
    results.has_summary("1 done")


def test_areas_have_columns_before_they_are_measured(results):
    """The plan says which classes there will be."""
    results.section.resize(600, 500)
    results.section.set_plan(plan(sources=("Areas",)))
    assert results.headings() == ["Image", "Status", "Time", *CLASSES]


def test_a_narrow_table_has_the_column_that_is_plotted(results):
    """Of many classes all, where there is room; else the count and the one that the list says, or this alone."""
    names = [f"class {i} with a long name" for i in range(12)]
    section = results.section
    section.resize(320, 500)
    section.set_plan(plan())
    section.take([done(0, tables=areas(names, [1 / 12] * 12) | objects(7))])
    assert results.headings() == ["Image", "Status", "Time", "Count"]
    box = section.findChild(QComboBox)
    box.setCurrentText(f"Share of {names[5]}")
    box.activated.emit(box.currentIndex())
    header = results.table.horizontalHeader()
    for width, n in ((320, 4), (400, 5), (2000, 16)):
        section.resize(width, 500)
        headings = results.headings()
        assert len(headings) == n
        assert (headings[3] == "Count") == (n > 4)
        (at,) = (i for i, name in enumerate(headings) if name.startswith("class 5"))
        assert results.cells()[0][at] == "8.3 %"
        assert len(headings[at]) <= 12
        model = results.table.model()
        tip = model.headerData(at, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert tip == f"Share of {names[5]}"
        # Nothing is out of sight, and the names of images have room.
        assert header.length() <= results.table.viewport().width()
        assert header.sectionSize(0) >= 90


def test_classes_may_be_called_as_other_columns(results):
    """A class called Image or Count is not mixed up with these."""
    results.section.resize(600, 500)
    results.section.set_plan(plan())
    results.section.take([done(0, tables=areas(("Image", "Count"), (0.75, 0.25)) | objects(7))])
    assert results.headings() == ["Image", "Status", "Time", "Count", "Image", "Count"]
    assert results.cells()[0][3:] == ["7", "75.0 %", "25.0 %"]


@pytest.mark.parametrize(("found", "cells", "summary"), COUNTED.values(), ids=COUNTED)
def test_counts_have_a_column_and_a_plot(results, found, cells, summary):
    """Where something is counted there is a column and a plot; a click on a bar selects the image."""
    results.section.set_plan(plan())
    plot = results.section.findChild(Plot)
    assert plot.parent().isHidden()
    for i, tables in enumerate(found):
        results.section.take([done(i, tables=tables)])
    assert results.headings() == ["Image", "Status", "Time", "Count"]
    assert [row[3] for row in results.cells()] == cells
    results.has_summary(summary)
    assert not plot.parent().isHidden()
    at = next(x for x in range(plot.width()) if plot.bar_at(x) == 1)
    results.qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(at, 90))
    assert [index.row() for index in results.table.selectedIndexes()][:1] == [1]
    tip = results.table.model().index(0, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert ("in the whole image" in tip) == (len(next(iter(found[0].values())).rows) == 1)
    assert ("on average in 3 frames" in tip) == (len(next(iter(found[0].values())).rows) == 3)


def test_total_of_rows_that_are_done_again(results):
    """A row that ends again counts once."""
    results.section.set_plan(plan())
    for value in (5.0, 7.0):
        results.section.take([done(0, tables=counted(value))])
    results.has_summary("1 done, 7.0 counted")


def test_the_selected_row_is_shown(results, qtbot):
    """The first row that is done is shown, and nothing told elsewhere; what is not predicted yet comes with its end."""
    section = results.section
    section.set_plan(plan())
    section.take([FileStarted(0, 1)])
    with qtbot.assertNotEmitted(section.row_shown):
        section.take([done(0)])
    results.has_layers(*layers(0))
    with qtbot.waitSignal(section.row_shown) as told:
        results.select(1)
    assert told.args == [IMAGES[1]]
    results.has_layers("test2")
    with qtbot.assertNotEmitted(section.row_shown):
        section.take([done(1)])
    results.sees(*layers(1))
    with h5py.File(FOLDER / "expected/test2_Probabilities.h5") as file:
        np.testing.assert_array_equal(results.viewer.layers[1].data, file["exported_data"][..., 0])
    results.select(0)
    section.finish()
    results.has_layers(*layers(0))


def test_image_that_is_looked_at_stays_when_a_run_begins(results, qtbot):
    """It is selected in the new run, and has its outputs as soon as they are there; other images do not replace it."""
    section = results.section
    section.set_plan(plan())
    section.take([done(0), done(1)])
    section.finish()
    results.select(1)
    results.has_layers(*layers(1))
    # The view is set when all layers change at once.
    results.settle()
    results.viewer.scene.camera.zoom = 7
    emptied = []
    results.viewer.layers.events.removed.connect(lambda: emptied.append(not results.viewer.layers))
    section.set_plan(plan())
    assert results.selected() == 1
    results.has_layers("test2")
    section.take([done(0)])
    section.take([done(1)])
    results.has_layers(*layers(1))
    results.settle()
    assert results.viewer.scene.camera.zoom == 7
    assert not any(emptied)


def test_failed_row_says_why_and_shows_its_image(results, qtbot):
    """It says why; its image is shown if it can be, else nothing is."""
    section = results.section
    section.set_plan(plan([*IMAGES, str(FOLDER / "gone.png")]))
    section.take([done(0)])
    section.take([FileFinished(1, LedgerRow(IMAGES[1], "failed", "There is no memory.", trace="Traceback"))])
    section.take([FileFinished(2, LedgerRow("gone.png", "failed", "There is no file."))])
    section.finish()
    results.has_layers(*layers(0))
    results.select(1)
    assert results.said() == "There is no memory."
    results.has_layers("test2")
    results.select(2)
    assert results.said() == "There is no file."
    results.sees()
    assert not results.button("Keep").isEnabled()
    results.select(0)
    assert results.said() == ""
    results.has_layers(*layers(0))


def test_first_failure_is_selected_if_no_image_is_done(results):
    """The first that failed is selected at the end, so that its reason is read; not if one is done."""
    section = results.section
    section.set_plan(plan([*IMAGES, str(FOLDER / "gone.png")]))
    section.take([FileFinished(1, LedgerRow(IMAGES[1], "failed", "There is no memory."))])
    section.take([FileFinished(2, LedgerRow("gone.png", "failed", "There is no file."))])
    assert results.said() == ""
    section.finish()
    assert results.selected() == 1
    assert results.said() == "There is no memory."
    results.has_layers("test2")
    results.load(False)
    section.set_plan(None)
    section.set_plan(plan())
    section.take([done(0), FileFinished(1, LedgerRow(IMAGES[1], "failed", "There is no memory."))])
    section.finish()
    assert results.selected() is None


def test_loading_is_said_while_reading_takes_long(results, qtbot):
    """The row before stays, and what is loaded is said, until it is shown; also if another is chosen."""
    section = results.section
    section.set_plan(plan())
    for i in range(2):
        section.take([done(i)])
    section.finish()
    results.has_layers(*layers(0))
    results.settle()
    # No other thread reads HDF5 meanwhile.
    with phil:
        for row in (1, 0, 1):
            results.select(row)
            loading = f"Loading test{row + 1}.png ..."
            qtbot.waitUntil(lambda loading=loading: results.said() == loading, timeout=WAIT_MS)
            results.has_layers(*layers(0))
            assert all(layer.visible for layer in results.viewer.layers)
            assert results.said() == loading
    results.has_layers(*layers(1))
    qtbot.waitUntil(lambda: results.said() == "", timeout=WAIT_MS)
    assert all(layer.visible for layer in results.viewer.layers)
    assert results.button("Keep").isEnabled()
    with phil:
        results.select(0)
        qtbot.waitUntil(lambda: results.said() == "Loading test1.png ...", timeout=WAIT_MS)
        section.set_plan(None)
        assert results.said() == ""
    results.settle()
    results.has_layers()


def test_small_images_change_in_place(results):
    """No layer is hidden for a moment when the next row is shown."""
    section = results.section
    timer(section.findChild(Canvas), MOMENT_MS).setInterval(WAIT_MS)
    section.set_plan(plan(sources=("Probabilities", "Simple Segmentation")))
    for i in range(2):
        section.take([segmented(i)])
    section.finish()
    results.has_layers(*layers(0), "test1 Simple Segmentation")
    results.settle()
    changed = []
    for layer in results.viewer.layers:
        layer.events.visible.connect(changed.append)
    results.select(1)
    results.has_layers(*layers(1), "test2 Simple Segmentation")
    results.settle()
    assert changed == []
    assert [layer.visible for layer in results.viewer.layers] == [True] + [False] * len(CLASSES) + [True]


def test_missing_output_is_named_and_the_image_shown(results, qtbot):
    """The image is shown, and which file is not there any more is said."""
    gone = done(0)
    outputs = {"Probabilities": FOLDER / "expected/gone.h5"}
    results.section.set_plan(plan())
    results.section.take([FileFinished(0, replace(gone.row, outputs=outputs))])
    qtbot.waitUntil(lambda: "gone.h5" in results.said(), timeout=WAIT_MS)
    results.has_layers("test1")


def test_row_passed_by_is_not_shown(results):
    """Only the row that is selected in the end is shown; nothing of the others appears later, nor stays open."""
    section = results.section
    section.set_plan(plan())
    for i in range(2):
        section.take([done(i)])
    for row in (0, 1, 0, 1, 0, 1):
        results.select(row)
    results.settle()
    results.has_layers(*layers(1))
    for row in (0, 1, 0):
        with results.reading_begins():
            results.select(row)
    results.settle()
    results.has_layers(*layers(0))


def test_results_are_loaded_only_if_wished(results, qtbot):
    """Without the tick the viewer is left alone; with it the selected row is shown."""
    section = results.section
    results.load(False)
    section.set_plan(plan())
    section.take([done(0)])
    results.select(0)
    results.settle()
    assert not results.viewer.layers
    results.load(True)
    results.has_layers(*layers(0))


def test_next_and_previous_by_button_and_key(results, qtbot):
    """By button, by key in the dock and by key on the canvas; there is nothing beyond the ends."""
    section = results.section
    selected = results.selected
    before, after = results.button("Previous"), results.button("Next")
    assert "no images yet" in before.toolTip()
    section.set_plan(plan())
    for i in range(2):
        section.take([done(i)])
    assert selected() == 0
    assert not before.isEnabled()
    assert "first image" in before.toolTip()
    after.click()
    assert selected() == 1
    assert not after.isEnabled()
    assert "last image" in after.toolTip()
    before.click()
    assert selected() == 0

    section.activateWindow()
    qtbot.waitUntil(section.isActiveWindow, timeout=WAIT_MS)
    results.table.setFocus()
    qtbot.keyClick(results.table, Qt.Key.Key_Period)
    assert selected() == 1
    qtbot.keyClick(results.table, Qt.Key.Key_Comma)
    assert selected() == 0
    keys = {str(key): act for key, act in results.viewer.keymap.items()}
    keys["."](results.viewer)
    assert selected() == 1
    keys["."](results.viewer)
    assert selected() == 1
    keys[","](results.viewer)
    assert selected() == 0


def test_keys_of_the_viewer_are_given_back(results, qtbot, viewer):
    """They are given back when the dock goes; what the user has put on them is not touched."""

    def mine(viewer) -> None:
        """Do something else."""

    def keys() -> set[str]:
        return {str(key) for key in viewer.keymap}

    assert keys() == {",", "."}
    results.section.set_docked(False)
    assert keys() == set()
    viewer.bind_key(".", mine)
    results.section.set_docked(True)
    assert keys() == {",", "."}
    results.section.set_docked(False)
    assert [act for key, act in viewer.keymap.items()] == [mine]


def test_kept_layers_stay_and_the_next_row_has_its_own(results, qtbot):
    """What is kept stays; the next row has layers of its own."""
    section = results.section
    keep = results.button("Keep")
    assert not keep.isEnabled()
    assert "Select an image" in keep.toolTip()
    section.set_plan(plan())
    for i in range(2):
        section.take([done(i)])
    section.finish()
    results.has_layers(*layers(0))
    qtbot.waitUntil(keep.isEnabled, timeout=WAIT_MS)
    keep.click()
    assert not keep.isEnabled()
    results.select(1)
    results.has_layers(*layers(0), *layers(1))
    section.set_plan(None)
    results.has_layers(*layers(0))


def test_keep_is_off_without_layers(results, qtbot):
    """It is on only while layers of a row are on the canvas."""
    section, keep = results.section, results.button("Keep")
    section.set_plan(plan())
    results.settle()
    assert not results.viewer.layers
    assert not keep.isEnabled()
    section.take([done(0)])
    section.finish()
    qtbot.waitUntil(keep.isEnabled, timeout=WAIT_MS)
    results.settle()
    results.viewer.layers.clear()
    assert not keep.isEnabled()
    section.select(IMAGES[1])
    qtbot.waitUntil(keep.isEnabled, timeout=WAIT_MS)
    section.set_plan(None)
    assert not keep.isEnabled()


def test_times_are_not_cut(results):
    """A column is wide enough for rows that are out of sight when they end."""
    section = results.section
    results.load(False)
    section.resize(520, 500)
    section.set_plan(plan([f"well_{i}.png" for i in range(100)]))
    table, model = results.table, results.table.model()
    table.scrollToBottom()
    section.take([FileFinished(i, LedgerRow(f"well_{i}.png", "done", seconds=1.5)) for i in range(1, 100)])
    section.take([FileFinished(0, LedgerRow("well_0.png", "cancelled", "It was cancelled.", seconds=12345.6))])
    table.scrollToTop()
    for column in (1, 2):
        index = model.index(0, column)
        assert table.columnWidth(column) > table.sizeHintForIndex(index).width()


def test_buttons_say_what_they_need(results):
    """Retry, resume, open folder and copy are off when they can do nothing, and say why."""
    section = results.section
    retry, resume, folder, copy = map(results.button, ("Retry failed", "Resume a run", "Open folder", "Copy as"))

    def state() -> list[bool]:
        return [button.isEnabled() for button in (retry, resume, folder, copy)]

    assert state() == [False, True, False, True]
    assert "no run yet" in retry.toolTip()
    section.set_plan(plan())
    assert state() == [False, False, False, True]
    assert "under way" in retry.toolTip()
    assert "under way" in resume.toolTip()
    assert "Nothing is written" in folder.toolTip()
    section.take([done(0)])
    section.finish()
    section.set_ledger(Ledger((LedgerRow("a", "done"),), Path("a.ledger.jsonl")))
    assert state() == [False, True, True, True]
    assert "No image failed" in retry.toolTip()
    section.set_ledger(Ledger((LedgerRow("layer:a", "failed"),)))
    assert state() == [False, True, True, True]
    assert "no ledger on disk" in retry.toolTip()
    section.set_listed(True)
    assert state() == [True, True, True, True]
    assert "the current settings" in retry.toolTip()
    section.set_listed(False)
    section.set_ledger(Ledger((LedgerRow("a", "failed"),), Path("a.ledger.jsonl")))
    assert state() == [True, True, True, True]
    assert "with the settings of that run" in retry.toolTip()
    assert "a.ledger.jsonl" not in resume.toolTip()
    section.set_ledger(Ledger((LedgerRow("a", "cancelled"),), Path("a.ledger.jsonl")))
    assert state() == [False, True, True, True]
    assert resume.text() == "Resume this run"
    assert "a.ledger.jsonl" in resume.toolTip()
    section.set_copy("Add images first.")
    assert copy.toolTip() == "Add images first."
    assert not copy.isEnabled()


def test_folder_of_a_run_that_wrote_tables_alone(results, monkeypatch):
    """It is opened as that of images is, and offered for pictures of plots."""
    results.section.set_plan(plan())
    results.section.take([FileFinished(0, LedgerRow("a", "done"))])
    results.section.finish()
    button = results.button("Open folder")
    assert not button.isEnabled()
    rows = (LedgerRow("a", "done"),)
    results.section.set_ledger(Ledger(rows, Path("a.ledger.jsonl"), {"Object Table": FOLDER / "cells.csv"}))
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True)
    button.click()
    assert opened == [str(FOLDER)]


def test_buttons_pass_on_retry_resume_and_copy(results, qtbot, monkeypatch):
    """Retry, resume and copy are passed on; the folder of the selected image is opened."""
    section = results.section
    section.set_plan(plan())
    section.take([done(0)])
    section.finish()
    section.set_ledger(Ledger((LedgerRow("a", "failed"),), Path("a.ledger.jsonl")))
    with qtbot.waitSignal(section.retry_clicked):
        results.button("Retry failed").click()
    with qtbot.waitSignal(section.copy_clicked) as copied:
        results.button("Copy as").menu().actions()[1].trigger()
    assert copied.args == ["command line"]
    chosen = iter([("", ""), ("/data/run.ledger.jsonl", "")])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: next(chosen))
    with qtbot.assertNotEmitted(section.resume_chosen):
        results.button("Resume a run").click()
    with qtbot.waitSignal(section.resume_chosen) as resumed:
        results.button("Resume a run").click()
    assert resumed.args == [Path("/data/run.ledger.jsonl")]
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or len(opened) == 1)
    results.button("Open folder").click()
    assert opened == [str(FOLDER / "expected")]
    assert results.said() == ""
    results.button("Open folder").click()
    assert str(FOLDER / "expected") in results.said()


def test_cancelled_run_is_resumed_at_one_click(results, qtbot, monkeypatch):
    """Without a dialog; other runs, and the settings of that run, are in the menu beside it."""
    record = Path("/data/mine.ledger.jsonl")
    results.section.set_ledger(Ledger((LedgerRow("a", "cancelled"), LedgerRow("b", "failed")), record))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: ("/data/other.ledger.jsonl", ""))
    resume = results.button("Resume this run")
    (menu,), width = results.section.findChildren(MenuButton), resume.width()
    with qtbot.waitSignal(results.section.resume_chosen) as resumed:
        qtbot.mouseClick(resume, Qt.MouseButton.LeftButton)
    assert resumed.args == [record]
    before, another = menu.fill().actions()
    with qtbot.waitSignal(results.section.retry_as_before_clicked):
        before.trigger()
    with qtbot.waitSignal(results.section.resume_chosen) as resumed:
        another.trigger()
    assert resumed.args == [Path("/data/other.ledger.jsonl")]
    results.section.set_ledger(None)
    assert [action.isEnabled() for action in menu.fill().actions()] == [False, True]
    assert results.button("Resume a run").width() == width


def test_image_is_selected_by_its_location(results, qtbot):
    """An image can be selected by its location; to select it again changes nothing."""
    section = results.section
    section.set_plan(plan())
    assert not section.select("other.png")
    with qtbot.waitSignal(section.row_shown):
        assert section.select(IMAGES[1])
    with qtbot.assertNotEmitted(section.row_shown):
        assert section.select(IMAGES[1])


def test_rows_of_a_stopped_run_are_cancelled(results):
    """Rows without an end are cancelled when the run is over."""
    section = results.section
    section.set_plan(plan())
    section.take([FileStarted(0, 8)])
    section.take([done(1)])
    section.finish()
    assert [row[1] for row in results.cells()] == ["cancelled", "done"]
    results.has_summary("1 done, 1 cancelled")
    results.select(0)
    assert results.said() == NEVER_ENDED


def test_earlier_run_is_shown_from_its_record(results, qtbot, case):
    """A ledger from disk is shown as the run was: status, reason, seconds, and the outputs as layers."""
    folder = case("a_2d_u8")
    (folder / "cut.png").write_bytes((folder / "test1.png").read_bytes()[:200])
    job = BatchJob(
        classifier=folder / "project.ilp",
        inputs=[str(folder / name) for name in ("test1.png", "cut.png", "test2.png")],
        exports=(Export(folder=folder / "out"),),
        workers=1,
    )
    ledger = job.run()
    lines = ledger.path.read_text().splitlines(keepends=True)
    # The run was killed before its last image was done.
    last = max(i for i, line in enumerate(lines) if '"kind": "end"' in line)
    ledger.path.write_text("".join(lines[:last]))

    section = results.section
    section.show_recorded(read_record(ledger.path))
    assert [row[1] for row in results.cells()] == ["done", "failed", "cancelled"]
    assert results.cells()[0][2] == f"{ledger.rows[0].seconds:.1f} s"
    results.has_summary("1 done, 1 failed, 1 cancelled")
    assert results.button("Retry failed").isEnabled()
    results.select(0)
    results.has_layers(*layers(0))
    results.select(1)
    assert ledger.rows[1].reason in results.said()
    results.sees()


def test_earlier_run_without_its_classifier_shows_its_images(results, qtbot, case):
    """The images are shown all the same, and what is missing is said."""
    folder = case("a_2d_u8")
    ledger = BatchJob(
        classifier=folder / "project.ilp",
        inputs=(str(folder / "test1.png"),),
        exports=(Export(folder=folder / "out"),),
    ).run()
    (folder / "project.ilp").unlink()
    results.section.show_recorded(read_record(ledger.path))
    qtbot.waitUntil(lambda: "project.ilp" in results.said(), timeout=WAIT_MS)
    results.select(0)
    results.has_layers("test1")


def test_results_of_layers_lie_above_them(results, qtbot, viewer):
    """What was predicted for layers lies above them, for all of them; the next run replaces it."""
    names = ("one", "two")
    arrays = {}
    for name in names:
        viewer.add_image(np.zeros((6, 8)), name=name, translate=(3, 4))
        arrays[f"layer:{name}"] = MemoryImage(f"layer:{name}", np.zeros((6, 8)), "yx", axes_known="guess")
    random = np.random.default_rng(1)
    expected = [title for name in names for title in (name, *(f"{name} {label}" for label in CLASSES))]
    for _ in range(2):
        results.section.set_plan(replace(plan(tuple(arrays)), arrays=arrays))
        for i, location in enumerate(arrays):
            values = random.random((6, 8, len(CLASSES)), np.float32)
            results.section.take([FileFinished(i, LedgerRow(location, "done"), {"Probabilities": values})])
        results.section.finish()
        results.settle()
        results.has_layers(*expected)
        np.testing.assert_array_equal(viewer.layers[f"two {CLASSES[0]}"].data, values[..., 0])
        np.testing.assert_array_equal(viewer.layers[f"two {CLASSES[0]}"].translate, [3, 4])
    results.select(1)
    results.settle()
    results.has_layers(*expected)


def test_undocked_section_shows_nothing_more(results, qtbot):
    """What is being read when the dock goes does not appear any more."""
    section = results.section
    section.set_plan(plan())
    with results.reading_begins():
        section.take([done(0)])
    section.set_docked(False)
    results.settle()
    assert not results.viewer.layers
    results.select(1)
    results.settle()
    assert not results.viewer.layers
    section.set_docked(True)
    results.select(0)
    results.has_layers(*layers(0))


def test_thousands_of_rows_tell_the_views_once(results, qtbot):
    """What is said at once is shown at once: the views are told of it a single time."""
    names = [f"/data/well_{i:04d}.tif" for i in range(5000)]
    section = results.section
    results.load(False)
    section.set_plan(plan(names))
    told = []
    results.table.model().dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    events = [
        (FileStarted(i, 1), FileFinished(i, LedgerRow(name, "done", tables=counted(1.0))))
        for i, name in enumerate(names)
    ]
    section.take([event for both in events for event in both])
    results.has_summary("5000 done, 5000.0 counted")
    assert told == [(0, 4999)]


@pytest.mark.parametrize("width", [300, 400, 600])
def test_buttons_are_not_cut_at_any_width(results, qtbot, width):
    """No button is cut or covers another, in a narrow dock or a wide one."""
    results.section.resize(width, 500)
    results.section.set_plan(plan())
    results.section.take([done(0, tables=counted(3.0))])
    qtbot.waitExposed(results.section)
    buttons = [b for b in results.section.findChildren(QPushButton) if b.isVisible() and b.parent() is not None]
    assert len(buttons) == 9
    places = [(button.mapTo(results.section, QPoint(0, 0)), button) for button in buttons]
    for at, button in places:
        assert at.x() + button.width() <= width
        assert at.y() + button.height() <= results.section.height()
        assert button.width() >= button.sizeHint().width() or button.text()[:1] in "\u25be\u25b8"
    rectangles = [button.rect().translated(at) for at, button in places]
    assert not any(a.intersects(b) for i, a in enumerate(rectangles) for b in rectangles[:i])


@pytest.mark.slow
def test_layers_come_and_go_on_a_real_canvas(make_napari_viewer, qtbot):
    """On a real canvas layers come, change and go; they go while the canvas is what OpenGL works for."""
    viewer = make_napari_viewer(show=True)
    section = ResultsSection(viewer)
    viewer.window.add_dock_widget(section)
    results = Results(qtbot, section, viewer)
    canvas = viewer.window._qt_window.findChild(QOpenGLWidget)
    current = []
    viewer.layers.events.removed.connect(
        lambda event: current.append(QOpenGLContext.currentContext() is canvas.context())
    )
    section.set_plan(plan(sources=("Probabilities", "Simple Segmentation")))
    section.take([segmented(0)])
    section.take([FileFinished(1, LedgerRow(IMAGES[1], "failed", "It is damaged."))])
    section.finish()
    for _ in range(3):
        results.select(0)
        results.has_layers(*layers(0), "test1 Simple Segmentation")
        viewer.screenshot(canvas_only=True, flash=False)
        results.select(1)
        results.has_layers("test2")
        viewer.screenshot(canvas_only=True, flash=False)
    section.set_plan(None)
    results.has_layers()
    viewer.screenshot(canvas_only=True, flash=False)
    assert current
    assert all(current)
    WorkerBase.await_workers(WAIT_MS)
