"""Whatever goes wrong in the background, the window says it in words and can be used on."""

import re
from pathlib import Path

import pytest
from batch_window import WAIT_MS, cells, written
from qtpy.QtCore import QThreadPool
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QPushButton

from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.formats.hdf5.writer import Hdf5Writer
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning import plan
from napari_batch_prediction.planning.inputs.inspection import Inspections
from napari_batch_prediction.running import file
from napari_batch_prediction.running.recorder import Recorder
from napari_batch_prediction.widgets.canvas import reading
from napari_batch_prediction.widgets.classifier import section as classifier
from napari_batch_prediction.widgets.parts.message import printable

pytestmark = pytest.mark.slow


class Unheard(BaseException):
    """Not even an Exception."""


class MuteError(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


ERRORS = {
    "runtime": RuntimeError("gone"),
    "key": KeyError("missing"),
    "end of iteration": StopIteration("over"),
    "memory": MemoryError("8 EiB"),
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "generator": GeneratorExit(),
    "unheard of": Unheard("?"),
    "without words": MuteError(),
    "not unicode": OSError("a\udcff.png"),
}
TWO = {name: ERRORS[name] for name in ("runtime", "unheard of")}

every_error = pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)


def raising(error: BaseException):
    def fail(*args, **kwargs):
        raise error

    return fail


def words(error: BaseException) -> str:
    """What must be read of an error."""
    if isinstance(error, MemoryError):
        return "Not enough memory"
    return printable(str(error)) if isinstance(error, OSError) else type(error).__name__


def foreseen(error: BaseException) -> bool:
    return isinstance(error, (MemoryError, OSError))


def is_explained(window, error: BaseException) -> None:
    """The words are shown; the whole trace, of what nobody foresaw, is one click away."""
    window.qtbot.waitUntil(lambda: words(error) in window.said(), timeout=WAIT_MS)
    assert "Traceback" not in window.said()
    copies = [b for b in window.widget.findChildren(QPushButton) if b.text() == "Copy details" and not b.isHidden()]
    copies = [b for b in copies if not b.parentWidget().isHidden()]
    assert len(copies) == (not foreseen(error))
    for copy in copies:
        QGuiApplication.clipboard().clear()
        copy.click()
        assert "Traceback (most recent call last)" in QGuiApplication.clipboard().text()


def job_in(folder: Path) -> BatchJob:
    images = (f"{folder}/test1.png", f"{folder}/test2.png")
    return BatchJob(classifier=folder / "project.ilp", inputs=images, exports=(Export(folder=folder / "out"),))


def runs(window, folder: Path) -> None:
    """Nothing is left of the fault: no thread, no half-written file; the same job runs to its end."""
    pool = QThreadPool.globalInstance()
    window.qtbot.waitUntil(lambda: pool.activeThreadCount() == 0, timeout=WAIT_MS)
    assert not any(name.endswith(".part") for name in written(folder / "out"))
    assert window.check(job_in(folder).model_copy(update={"existing": "overwrite"})).n_problems == 0
    assert window.button("Export all").isEnabled()
    assert [row.status for row in window.run().rows] == ["done", "done"]
    assert [row[1] for row in cells(window.results)] == ["done", "done"]
    assert not any(b.isVisible() for b in window.widget.findChildren(QPushButton) if b.text() == "Copy details")


@every_error
def test_failure_of_the_check_is_said_at_the_start(window, case, monkeypatch, error):
    """What the check raises is said where the batch starts; it cannot start then."""
    folder = case("a_2d_u8")
    with monkeypatch.context() as patch:
        patch.setattr(Inspections, "look_at", raising(error))
        assert window.check(job_in(folder)) is None
        is_explained(window, error)
        start = window.button("Export all")
        assert not start.isEnabled()
        assert words(error) in start.toolTip()
        assert window.inputs.model().rowCount() == 2
    runs(window, folder)


@every_error
def test_failure_of_predicting_ends_an_image_or_the_run(window, case, monkeypatch, error):
    """An Exception ends its image alone, with its reason; what is none ends the run. No image runs for ever."""
    folder = case("a_2d_u8")
    window.check(job_in(folder))
    with monkeypatch.context() as patch:
        patch.setattr(PixelClassification, "predict_tile", raising(error))
        ledger = window.run()
        if isinstance(error, Exception):
            assert [words(error) in printable(row.reason) for row in ledger.rows] == [True, True]
            window.results.selectRow(1)
        status = "failed" if isinstance(error, Exception) else "cancelled"
        assert [row[1] for row in cells(window.results)] == [status, status]
        is_explained(window, error)
    assert written(folder / "out") == []
    runs(window, folder)


# What is patched, and whether an Exception there ends one image alone.
PLACES = {
    "opening": (file, "open_input", True),
    "writing": (Hdf5Writer, "write", True),
    "finishing": (Hdf5Writer, "finish", True),
    "removing what is not whole": (Hdf5Writer, "abort", None),
    "noting": (Recorder, "note", False),
    "beginning the ledger": (Recorder, "__init__", False),
    "closing the ledger": (Recorder, "close", None),
    "hashing the classifier": (plan, "classifier_hash", False),
}


@pytest.mark.parametrize("error", TWO.values(), ids=TWO)
@pytest.mark.parametrize(("owner", "name", "alone"), PLACES.values(), ids=PLACES)
def test_failure_of_the_run_ends_it_with_the_reason(window, case, monkeypatch, owner, name, alone, error):
    """Wherever it is raised, the run ends, and says why."""
    folder = case("a_2d_u8")
    window.check(job_in(folder))
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, raising(error))
        if name == "abort":
            patch.setattr(PixelClassification, "predict_tile", raising(ValueError("first")))
        ledger = window.run()
        states = {row[1] for row in cells(window.results)}
        assert states <= {"done", "failed", "cancelled"}
        if alone and isinstance(error, Exception):
            assert [words(error) in printable(row.reason) for row in ledger.rows] == [True, True]
            window.results.selectRow(0)
        is_explained(window, error)
    runs(window, folder)


@pytest.mark.parametrize("error", TWO.values(), ids=TWO)
def test_failure_to_show_a_row_is_said(window, viewer, case, monkeypatch, error):
    """A row that cannot be shown says so; the next one is shown."""
    folder = case("a_2d_u8")
    window.check(job_in(folder))
    with monkeypatch.context() as patch:
        patch.setattr(reading, "load_row", raising(error))
        assert [row.status for row in window.run().rows] == ["done", "done"]
        is_explained(window, error)
        assert not viewer.layers
    # Whichever was done first is selected.
    other = 1 - window.results.currentIndex().row()
    window.results.selectRow(other)
    window.qtbot.waitUntil(lambda: f"test{other + 1}" in viewer.layers, timeout=WAIT_MS)
    assert words(error) not in window.said()


@every_error
def test_failure_to_read_the_classifier_is_said(window, case, monkeypatch, error):
    """A classifier that cannot be read says so in its place and on the button; choosing it again reads it."""
    folder = case("a_2d_u8")
    start = window.button("Export all")
    with monkeypatch.context() as patch:
        patch.setattr(classifier, "load_classifier", raising(error))
        window.widget.setValue(job_in(folder))
        window.qtbot.waitUntil(lambda: words(error) in start.toolTip(), timeout=WAIT_MS)
        is_explained(window, error)
        assert not start.isEnabled()
        window.line(str(folder / "project.ilp")).setText("")
    runs(window, folder)


def test_long_message_takes_no_more_than_its_place(window, case, monkeypatch):
    """However long the message of an error is, it takes no more than its place."""
    folder = case("a_2d_u8")
    monkeypatch.setattr(Inspections, "look_at", raising(RuntimeError("x" * 100_000 + "\n" * 1000)))
    width = window.widget.width()
    assert window.check(job_in(folder)) is None
    window.qtbot.waitUntil(
        lambda: re.search(r"x{500} \[\d+ characters left out\]", window.said()) is not None, timeout=WAIT_MS
    )
    assert window.widget.minimumSizeHint().width() <= width
    assert window.button("Export all").isVisible()
