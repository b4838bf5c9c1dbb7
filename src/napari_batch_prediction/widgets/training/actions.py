"""What is done with a classifier: saving, opening one to go on, a report, and predicting many images."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_batch_prediction.session.training.fit import Trained
from napari_batch_prediction.session.training.session import TrainingSession
from napari_batch_prediction.session.training.state import Failed, TrainingState, Waiting
from napari_batch_prediction.widgets.dock import (
    batch_docks,
    choose_classifier,
    held_classifier,
    hold_classifier,
    open_dock,
)
from napari_batch_prediction.widgets.training.canvas.layers import TrainedLayers
from napari_batch_prediction.widgets.training.projects import Projects
from napari_batch_prediction.widgets.training.report import ReportDialog

if TYPE_CHECKING:
    from napari.viewer import Viewer


class TrainingActions(QObject):
    """Does something with the classifier as soon as it is trained on everything as it is.

    Parameters
    ----------
    viewer
        The viewer.
    session
        The session.
    layers
        The images on the viewer.
    window
        The widget.

    Attributes
    ----------
    told
        Something was done, in words.
    failed
        Something went wrong, in words.
    smaller_wanted
        The user takes a smaller selection of features; emitted with it.
    projects
        Reads and writes files.
    """

    told = Signal(str)
    failed = Signal(str)
    smaller_wanted = Signal(object)

    def __init__(self, viewer: "Viewer", session: TrainingSession, layers: TrainedLayers, window: QWidget) -> None:
        super().__init__(window)
        self._viewer, self._session, self._layers, self._window = viewer, session, layers, window
        self._then: Callable[[Trained], object] | None = None
        # The classifier that was saved last, and its file.
        self._saved: tuple[Trained, Path] | None = None
        self._report: ReportDialog | None = None
        self.projects = Projects(window)
        self.projects.saved.connect(self._on_saved)
        self.projects.failed.connect(self.failed)
        session.trained.connect(self._on_trained)
        session.state_changed.connect(self._on_state)

    def save(self) -> None:
        """Ask for a file, and save the classifier there."""
        if (path := self.projects.ask_where_to_save()) is not None:
            self.save_as(path)

    def save_as(self, path: Path) -> None:
        """Save the classifier in a file."""
        self._when_trained(lambda result: self.projects.save(result, path))

    def open(self) -> None:
        """Ask for a project, and open it."""
        if (path := self.projects.ask_what_to_open()) is not None:
            self.projects.open(path)

    def report(self) -> None:
        """Show how good the classifier is."""
        self._when_trained(self._show_report)

    def predict_many(self) -> None:
        """Take the classifier to the window Batch Prediction."""
        self._when_trained(self._hand_over)

    def _when_trained(self, act: Callable[[Trained], object]) -> None:
        self._then = act
        self._session.train()

    def _on_trained(self, result: Trained) -> None:
        act, self._then = self._then, None
        if act is not None:
            act(result)

    def _on_state(self, state: TrainingState) -> None:
        if self._then is not None and isinstance(state, Waiting | Failed):
            self._then = None
            self.failed.emit(state.reason if isinstance(state, Waiting) else state.failure.reason)

    def _on_saved(self, result: Trained, path: Path) -> None:
        self._saved = result, path
        self.told.emit(f"Saved as {path}")
        for dock in batch_docks(self._viewer):
            if held_classifier(dock) is result.classifier:
                choose_classifier(dock, path)

    def _hand_over(self, result: Trained) -> None:
        dock = open_dock(self._viewer)
        if self._saved is not None and self._saved[0] is result:
            choose_classifier(dock, self._saved[1])
        else:
            hold_classifier(dock, result.classifier)

    def _show_report(self, result: Trained) -> None:
        if self._report is not None:
            self._report.close()
        self._report = dialog = ReportDialog(result, self._window)
        dialog.pixel_wanted.connect(lambda image, position: self._layers.go_to(result.numbers[image], position))
        dialog.smaller_wanted.connect(self.smaller_wanted)
        dialog.finished.connect(partial(self._on_report_closed, dialog))
        dialog.show()

    def _on_report_closed(self, dialog: ReportDialog) -> None:
        if self._report is dialog:
            self._report = None
