"""Everything needed is in sight, and nothing moves away from the pointer."""

import itertools

import numpy as np
import pytest
from batch_window import Window
from in_napari import make_wide, open_window
from PIL import Image
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QProgressBar,
    QTabBar,
    QTableView,
    QWidget,
)

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.events import FileFinished, FileStarted
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.inputs.reasons import Reasons
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.page import Pages
from napari_batch_prediction.widgets.results.section import ResultsSection

CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QProgressBar, QTableView, QTabBar)
PAGES = ("Images", "Export", "Results")


def places(widget: QWidget) -> dict[QWidget, QRect]:
    """Where the controls that are seen lie in a window; buttons of a message come and go in a place of theirs."""
    controls = (one for kind in CONTROLS for one in widget.findChildren(kind))
    messages = [*widget.findChildren(Message), *widget.findChildren(Reasons)]
    return {
        one: QRect(one.mapTo(widget, QPoint(0, 0)), one.size())
        for one in controls
        if one.isVisible() and not any(message.isAncestorOf(one) for message in messages)
    }


def click(widget: QWidget, place: QPoint) -> None:
    """Click at a place of a window, whatever lies there."""
    handle = widget.window().windowHandle()
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def rows_of_every_status(n: int, images: list[str]) -> list[FileFinished | FileStarted]:
    """Rows in turn done, failed with a word, with many and with a trace, skipped, cancelled, under way and waiting."""
    kinds = (
        ("done", "", ""),
        ("failed", "It is damaged.", ""),
        ("failed", "It is damaged, and there is much to be said of that. " * 20, ""),
        ("failed", "Unexpected.", "Traceback ..."),
        ("skipped", "Its output exists.", ""),
        ("cancelled", "The run was cancelled.", ""),
        ("running", "", ""),
        ("waiting", "", ""),
    )
    events: list[FileFinished | FileStarted] = []
    for i, (status, reason, trace) in zip(range(n), itertools.cycle(kinds), strict=False):
        if status == "running":
            events.append(FileStarted(i, 1))
        elif status != "waiting":
            events.append(FileFinished(i, LedgerRow(images[i], status, reason, trace=trace)))
    return events


@pytest.fixture
def folder(case):
    """A folder with a project, small images that fit and others that do not."""
    folder = case("a_2d_u8")
    small = np.asarray(Image.open(folder / "test1.png"))[:40, :40]
    for i in range(100):
        Image.fromarray(small).save(folder / f"{i:03} fits.png")
        np.save(folder / f"{i:03} colours.npy", np.zeros((40, 40, 3), np.uint8))
    return folder


def show_results(window: Window, job: BatchJob) -> ResultsSection:
    """Fill the page of results with rows of every status, as in the middle of a run, and turn to it."""
    plan = window.check(job)
    section = window.widget.findChild(ResultsSection)
    section.set_plan(plan)
    section.take(rows_of_every_status(len(plan.rows), [row.input for row in plan.rows]))
    window.show_page("Results")
    QApplication.processEvents()
    return section


@pytest.mark.parametrize("width", [300, 400])
def test_twenty_clicks_in_one_place_are_twenty_rows(window, folder, width):
    """Next and Previous stay below the pointer, whatever is said of the rows between."""
    window.widget.resize(width, 680)
    show_results(window, BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/* fits.png",)))
    for text, row in (("Next", 21), ("Previous", 1)):
        button = window.button(text)
        if row == 21:
            window.results.selectRow(1)
        place = button.mapTo(window.widget.window(), button.rect().center())
        for _ in range(20):
            click(window.widget, place)
            QApplication.processEvents()
        assert window.results.currentIndex().row() == row


def test_no_control_moves_while_rows_are_chosen(window, folder):
    """On the page of images and on that of results, with rows of every kind, nothing moves while each is chosen."""
    window.widget.resize(360, 680)
    inputs = (f"{folder}/* fits.png", f"{folder}/* colours.npy", *(f"{folder}/{i} missing.png" for i in range(100)))
    show_results(window, BatchJob(classifier=folder / "project.ilp", inputs=inputs))
    for title, table in (("Results", window.results), ("Images", window.inputs)):
        window.show_page(title)
        table.setFocus()
        table.selectRow(0)
        QApplication.processEvents()
        before = places(window.widget)
        assert len(before) > 10
        for row in range(1, 300):
            QTest.keyClick(table, Qt.Key.Key_Down)
            QApplication.processEvents()
            assert table.currentIndex().row() == row
            assert places(window.widget) == before, row


def test_no_control_moves_while_a_run_starts_runs_and_ends(window, folder):
    """From the click on, with the page of results in front, through checking and predicting to the end."""
    window.widget.resize(360, 680)
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/00* fits.png", f"{folder}/no.png")))
    window.show_page("Results")
    QApplication.processEvents()
    before = places(window.widget)
    seen = []

    def look() -> None:
        seen.append(places(window.widget))

    window.widget._session.state_changed.connect(look)
    window.widget._session.events.connect(look)
    window.run()
    QApplication.processEvents()
    look()
    assert len(seen) >= 3
    assert [places for places in seen if places != before] == []


def test_no_control_moves_while_a_job_is_filled_in(window, folder):
    """A classifier is chosen and read, images are listed and checked."""
    window.widget.resize(360, 680)
    QApplication.processEvents()
    before = places(window.widget)
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/00* fits.png", f"{folder}/no.png")))
    QApplication.processEvents()
    after = places(window.widget)
    assert {one: after[one] for one in before} == before


def test_run_brings_its_results_to_the_front(window, folder):
    """Wherever the button is pressed; a row that is selected on one page is selected on the other."""
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/00[12] fits.png",)))
    assert window.tabs.tabText(0) == "Images 2"
    window.show_page("Export")
    window.run()
    assert window.results.isVisible()
    assert window.tabs.tabText(2) == "Results 2/2"
    for row, name in ((0, "001 fits.png"), (1, "002 fits.png")):
        window.results.selectRow(1 - row)
        window.results.selectRow(row)
        assert window.widget.findChild(InputsSection).selected()[0].endswith(name)
    window.show_page("Images")
    window.inputs.selectRow(0)
    assert window.results.currentIndex().row() == 0


def test_remedy_leads_to_the_page_of_its_setting(window, folder):
    """The button beside the reason turns to the page with the setting, which has the keyboard."""
    (folder / "001 fits_Probabilities.h5").touch()
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/001 fits.png",)))
    window.widget.activateWindow()
    choice = window.choice("skip the image")
    assert not choice.isVisible()
    window.button("Skip or overwrite").click()
    assert choice.isVisible()
    window.qtbot.waitUntil(choice.hasFocus)


@pytest.mark.slow
@pytest.mark.parametrize("width", [0, 300])
def test_run_is_in_sight_on_every_page_of_a_small_screen(make_napari_viewer, qtbot, folder, width):
    """In napari on 1366 x 768 pixels, in the first width and in 300 pixels, each page fits, with the run below it."""
    viewer = make_napari_viewer(show=True)
    main = viewer.window._qt_window
    main.resize(1366, 768)
    window = open_window(qtbot, viewer)
    inputs = (f"{folder}/00* fits.png", f"{folder}/00* colours.npy")
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=inputs))
    if width:
        make_wide(window, viewer, width)
    qtbot.waitUntil(lambda: main.size().height() == 768)
    for index, title in enumerate(("Images 5000 !", "Export 4", "Results 100/120")):
        assert window.tabs.fontMetrics().horizontalAdvance(title) < window.tabs.tabRect(index).width() - 4, title
    for title in PAGES:
        window.show_page(title)
        QApplication.processEvents()
        for one in (window.button("Export all"), window.button("Selected"), window.bar, window.button("Cancel")):
            assert one.visibleRegion().boundingRect() == one.rect(), title
            assert main.rect().contains(QRect(one.mapTo(main, QPoint(0, 0)), one.size()))
        assert window.widget.findChild(Pages).currentWidget().verticalScrollBar().maximum() == 0, title
