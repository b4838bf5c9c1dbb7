"""The dock widget: from a classifier and images to results on the canvas."""

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Signal
from qtpy.QtGui import QGuiApplication, QResizeEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.text import as_command, as_python
from napari_batch_prediction.planning.plan import Found, Plan
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.session.session import BatchSession
from napari_batch_prediction.session.state import State
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.help import HelpButton
from napari_batch_prediction.widgets.job import JobSections
from napari_batch_prediction.widgets.parts.focus import focus_style
from napari_batch_prediction.widgets.parts.message import WrappedText
from napari_batch_prediction.widgets.parts.page import Pages, go_to
from napari_batch_prediction.widgets.parts.wheel import let_wheel_scroll
from napari_batch_prediction.widgets.previewing import Previewing
from napari_batch_prediction.widgets.running import RunSections
from napari_batch_prediction.widgets.viewer_layers import listed_layers
from napari_batch_prediction.widgets.work import QtWorker

if TYPE_CHECKING:
    import napari.viewer


# The width at first, in pixels: no control is cut, and most texts stand on one line.
WIDTH = 360

# The tabs' parts of the width: as the longest of their titles need it, with thousands of images.
SHARES = (36, 24, 40)

# In a window that is lower, in pixels, texts have less room, so that the pages have more.
LOW = 560


class BatchPredictionWidget(QWidget):
    """Choose a classifier, images and exports; run them; look through the results.

    Parameters
    ----------
    napari_viewer
        The viewer for results; napari passes it in.

    Attributes
    ----------
    changed
        The job has changed.
    checked
        The job as it stands was checked; emitted with its plan, or None if there can be none.
    finished
        A run has ended; emitted with its ledger, or None if it could not start.
    """

    changed = Signal()
    checked = Signal(object)
    finished = Signal(object)

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._job = JobSections(napari_viewer, self)
        self._session = BatchSession(QtWorker(self), self._job.in_memory)
        self._run = RunSections(napari_viewer, self._session, self)
        self._preview = Previewing(self._session, self._job.in_memory, self._run.canvas, self._run.bar, self)
        self._pages = Pages()
        for page, share in zip((self._job.inputs, self._job.exports, self._run.results), SHARES, strict=True):
            self._pages.add(page, share)
        about = HelpButton(self)
        self._pages.setCornerWidget(about)
        QWidget.setTabOrder(self._pages.tabBar(), about)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        layout.addWidget(self._job.classifier)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._run.bar)
        self._connect()
        self._set_docked(True)
        self._set_style()
        let_wheel_scroll(self)
        self._set_job()

    def _connect(self) -> None:
        self._job.changed.connect(self._set_job)
        self._job.edited.connect(self.changed)
        self._job.edited.connect(self._run.bar.forget_preview)
        self._job.classifier.loaded.connect(self._on_loaded)
        self._job.inputs.selection_changed.connect(self._on_selected)
        self._job.inputs.row_shown.connect(self._run.show_input)
        self._job.inputs.setting_wanted.connect(self._go_to_setting)
        self._run.began.connect(lambda: self._pages.show_page(self._run.results))
        self._run.bar.start_clicked.connect(self.start)
        self._run.bar.selected_clicked.connect(self.start_selected)
        self._run.results.row_shown.connect(self._job.inputs.select)
        self._run.results.copy_clicked.connect(self._copy)
        self._session.state_changed.connect(self._on_state)
        self._session.inputs_found.connect(self._on_found)
        self._session.inspected.connect(self._job.inputs.take_many)
        self._session.plan_changed.connect(self._on_plan)
        self._session.checked.connect(self._on_checked)
        self._session.failed.connect(self._on_failed)
        self._session.ended.connect(self._on_ended)

    def value(self) -> BatchJob:
        """Return the job as it stands.

        Raises
        ------
        SettingsError
            If the job is incomplete; the message names the missing step.
        """
        return self._job.value()

    def setValue(self, job: BatchJob) -> None:
        """Show a job."""
        self._job.setValue(job)

    def start(self) -> None:
        """Run the job; without effect while one runs or if the job is not complete."""
        if self._session.start():
            self._job.remember()

    def start_selected(self) -> None:
        """Run the job for the selected images alone; without effect as :meth:`start`, or if none is selected."""
        if self._session.start_selected():
            self._job.remember()

    def retry_failed(self) -> None:
        """Run the failed images of the last run again; without effect during a run, or without a last run."""
        self._session.retry_failed()

    def resume(self, record: Path) -> None:
        """Show a recorded run, and predict its unfinished images; without effect during a run."""
        self._session.resume(record)

    def show_run(self, record: Path) -> None:
        """Show a recorded run with its first image, and run nothing; without effect during a run.

        Raises
        ------
        SettingsError
            If the ledger cannot be read.
        """
        self._session.show(record)
        self._pages.show_page(self._run.results)
        self._run.results.show_first()

    def preview(self) -> None:
        """Predict the selected image into layers, without writing files; without effect as :meth:`start`."""
        self._preview.start()

    def cancel(self) -> None:
        """Stop the run or preview after the tiles that are being worked on; without effect if nothing runs."""
        self._session.cancel()
        self._preview.cancel()

    def changeEvent(self, event: QEvent | None) -> None:
        """Stop everything when napari removes the dock; being hidden does not count."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            self._set_docked(self.parent() is not None)
            if self.parent() is None:
                self._session.close()
                self._preview.drop()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give the texts the room that there is."""
        super().resizeEvent(event)
        for text in self.findChildren(WrappedText):
            text.set_low(self.height() < LOW)

    def sizeHint(self) -> QSize:
        """Return the size at first."""
        return QSize(max(WIDTH, self.minimumSizeHint().width()), super().sizeHint().height())

    def _set_docked(self, docked: bool) -> None:
        """Start or stop following the viewer."""
        self._run.results.set_docked(docked)
        self._job.set_docked(docked)
        if docked:
            self._viewer.events.theme.connect(self._set_style)
        else:
            self._viewer.events.theme.disconnect(self._set_style)

    def _set_style(self) -> None:
        self.setStyleSheet(focus_style(self._viewer.theme))

    def _set_job(self) -> None:
        job, needs = self._job.so_far()
        if job is not None:
            # Else the next row would take the place of a layer that is to be predicted.
            self._run.canvas.keep_inputs(listed_layers(self._viewer, job.inputs))
        self._session.set_job(job, needs)
        self._show_needs()

    def _show_needs(self) -> None:
        self._job.inputs.set_needs(self._session.needs)
        self._run.show_needs()
        self._preview.offer()

    def _on_loaded(self) -> None:
        classifier = self._job.classifier.classifier
        self._run.canvas.warm_up()
        self._run.results.set_counting(classifier is not None and bool(classifier.describe().counted))

    def _on_state(self, _state: State) -> None:
        self._show_needs()

    def _on_selected(self) -> None:
        self._session.selected = self._job.inputs.selected()
        self._run.show_selected()
        self._preview.offer()

    def _on_found(self, inputs: Found) -> None:
        self._job.inputs.begin_check(inputs.given)

    def _on_plan(self, plan: Plan | None) -> None:
        self._job.show_plan(plan)
        self._on_selected()

    def _on_failed(self, failure: Failure) -> None:
        if failure.setting in InputSettings.model_fields:
            self._job.inputs.set_problem(Problem("settings", failure.reason, failure.setting))

    def _on_checked(self, plan: Plan | None) -> None:
        self.checked.emit(plan)

    def _on_ended(self, ledger: Ledger | None) -> None:
        self.finished.emit(ledger)

    def _go_to_setting(self, name: str) -> None:
        go_to(self._job.control(name))

    def _copy(self, language: str) -> None:
        job, clipboard = self._session.job, QGuiApplication.clipboard()
        if job is None:
            self._run.bar.set_problem(Failure(f"There is no job to copy yet. {self._session.needs}"))
        elif clipboard is not None:
            is_python = language == "python"
            clipboard.setText(as_python(job) if is_python else as_command(job))
            self._viewer.status = f"The batch is on the clipboard as {'Python' if is_python else 'a command line'}."
