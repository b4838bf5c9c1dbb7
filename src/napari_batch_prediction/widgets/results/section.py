"""The page of results: the outcome of each image, and its outputs on the canvas."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox
from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QHBoxLayout

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.events import Event, FileFinished
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.records.record import Recorded
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest
from napari_batch_prediction.widgets.parts.page import Page
from napari_batch_prediction.widgets.results.buttons import NEXT_KEY, PREVIOUS_KEY, ResultsButtons
from napari_batch_prediction.widgets.results.explanation import Explanation
from napari_batch_prediction.widgets.results.keys import RowKeys
from napari_batch_prediction.widgets.results.model import ResultsModel
from napari_batch_prediction.widgets.results.object_values import tables_of
from napari_batch_prediction.widgets.results.plot_panel import PlotPanel
from napari_batch_prediction.widgets.results.shown_run import ShownRun, find_exports
from napari_batch_prediction.widgets.results.table import ResultsTable
from napari_batch_prediction.widgets.work import Task, in_background

if TYPE_CHECKING:
    from napari.viewer import Viewer


class ResultsSection(Page):
    """A table of the images of a run; the selected one is shown on the canvas.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    canvas
        The canvas for images and outputs; by default the section makes one.

    Attributes
    ----------
    message
        The text below the table: the reason why the selected image failed, or a note that an image is being loaded.
    row_shown
        The user has selected another row; emitted with the location of its image.
    retry_clicked, retry_as_before_clicked
        The user wants the failed images to be run again: with what is set now, or with the settings of their run.
    resume_chosen
        The user has chosen the ledger of an earlier run; emitted with its path.
    copy_clicked
        The user wants the job as text; emitted with ``"python"`` or ``"command line"``.
    """

    row_shown = Signal(str)
    retry_clicked = Signal()
    retry_as_before_clicked = Signal()
    resume_chosen = Signal(Path)
    copy_clicked = Signal(str)

    def __init__(self, viewer: "Viewer", canvas: Canvas | None = None) -> None:
        super().__init__("Results")
        self._viewer = viewer
        self._canvas = canvas or Canvas(viewer, self)
        self._run: ShownRun | None = None
        self._ledger: Ledger | None = None
        # True while a row is selected that the user did not choose.
        self._is_own_choice = False
        self._docked = False
        self._task: Task | None = None
        self._model = ResultsModel(self)
        self._table = ResultsTable(self._model)
        self._load = CheckBox(
            text="Load results",
            value=preferences.load_results(),
            tooltip="Show the image of the selected row and its outputs as layers, in place of those of the row\n"
            "before. The first image that is done is selected by itself.",
        )
        self.message = Explanation()
        self._plots = PlotPanel(self._model)
        self._buttons = ResultsButtons()
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self._load.native)
        summary = self.summary_line()
        top.addWidget(summary, 1)
        summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.body.addLayout(top)
        self.body.addWidget(self._table, 1)
        self.body.addWidget(self.message)
        self.body.addWidget(self._plots)
        self.body.addWidget(self._buttons)

        self._table.rows_selected.connect(self._on_selected)
        self._model.dataChanged.connect(self._show_summary)
        self._load.changed.connect(preferences.keep_load_results)
        self._load.changed.connect(self._on_row)
        self._canvas.shown.connect(self._on_shown)
        self._canvas.failed.connect(self._on_failed)
        self._canvas.loading.connect(self.message.say_loading)
        self._canvas.filled.connect(self._offer_keep)
        self._plots.clicked.connect(self._table.selectRow)
        self._plots.quantity_chosen.connect(self._table.set_chosen)
        self._buttons.previous_clicked.connect(self.show_previous)
        self._buttons.next_clicked.connect(self.show_next)
        self._buttons.keep_clicked.connect(self._canvas.keep)
        self._buttons.retry_clicked.connect(self.retry_clicked)
        self._buttons.retry_as_before_clicked.connect(self.retry_as_before_clicked)
        self._buttons.folder_clicked.connect(self._open_folder)
        self._buttons.resume_chosen.connect(self.resume_chosen)
        self._buttons.copy_clicked.connect(self.copy_clicked)
        self._keys = RowKeys(viewer, self, {PREVIOUS_KEY: self.show_previous, NEXT_KEY: self.show_next})
        self.set_docked(True)

    def set_docked(self, docked: bool) -> None:
        """Start or stop using the viewer and its keys."""
        self._canvas.set_docked(docked)
        if docked != self._docked:
            self._docked = docked
            self._keys.bind(docked)

    def set_plan(self, plan: Plan | None) -> None:
        """Show the images of a plan that is run, in place of those of the previous run."""
        self._begin(ShownRun.of(plan) if plan is not None else None)
        if plan is None:
            self._canvas.clear()
        self._model.set_plan(plan)
        images = [row.image for row in plan.rows if row.image is not None] if plan is not None else []
        self._show_rows(of_series=any(image.extents["t"] > 1 for image in images))
        # The image that is looked at stays, and has its outputs as soon as they are there.
        self._choose(self._model.row(self._canvas.location))

    def show_recorded(self, recorded: Recorded) -> None:
        """Show an earlier run from its ledger, with its outputs."""
        self._canvas.clear()
        self._begin(ShownRun(recorded.job))
        ended = {i: item.row for i, item in enumerate(recorded.inputs) if item.row is not None}
        self._model.set_rows([item.input for item in recorded.inputs], ended)
        self._model.finish()
        self._show_rows()
        self.set_ledger(recorded.ledger)
        # The style of the layers depends on the classifier.
        find = partial(find_exports, recorded.job, recorded.classifier_sha256)
        self._task = in_background(find, self, self._on_exports)

    def take(self, events: Sequence[Event]) -> None:
        """Show the events of images."""
        self._model.take(events)
        for event in events:
            if isinstance(event, FileFinished):
                self._on_ended(event)
        self._plots.note_ends([event.index for event in events if isinstance(event, FileFinished)])

    def finish(self) -> None:
        """End the run: images that have not ended are cancelled."""
        if self._run is not None:
            self._run.is_running = False
        was_open = self._model.ended(self._selected()) is None
        self._model.finish()
        if self._selected() is None and (failed := self._model.only_failed()) is not None:
            self._choose(failed)
        elif was_open:
            self._on_row()
        self._offer_keep()
        self.set_ledger(self._ledger)

    def set_ledger(self, ledger: Ledger | None) -> None:
        """Set the ledger of the run that is shown, whose failed images can be run again."""
        self._ledger = ledger
        if self._run is not None and ledger is not None:
            self._run.tables = ledger.tables
        self._buttons.set_ledger(ledger, is_running=self._is_running())
        self._offer_tables()
        self._offer_folder()

    def set_counting(self, counts: bool) -> None:
        """Keep a place for counts if the classifier counts."""
        self._plots.set_counting(counts)

    def set_listed(self, listed: bool) -> None:
        """Set whether images that failed are still among the inputs."""
        self._buttons.set_listed(listed)

    def set_copy(self, obstacle: str) -> None:
        """Set the reason why the job cannot be copied as text; empty if it can."""
        self._buttons.set_copy(obstacle)

    def select(self, location: str) -> bool:
        """Select and show the row of an image. Return False if there is no such row."""
        row = self._model.row(location)
        if row is not None and self._table.selected_rows() != [row]:
            self._table.selectRow(row)
        return row is not None

    def show_first(self) -> None:
        """Select the first row that is done."""
        row = next((i for i in range(len(self._model.locations)) if self._model.is_done(i)), None)
        if row is not None:
            self._table.selectRow(row)

    def show_next(self) -> None:
        """Select the row below."""
        self._go(1)

    def show_previous(self) -> None:
        """Select the row above."""
        self._go(-1)

    def _is_running(self) -> bool:
        return self._run is not None and self._run.is_running

    def _on_ended(self, event: FileFinished) -> None:
        if event.arrays and self._run is not None:
            self._run.predicted[event.index] = event.arrays
            self._canvas.add_predicted(self._request(self._run, event.index))
        selected = self._table.selected_rows()
        if not selected and event.row.status == "done" and self._load.value:
            self._choose(event.index)
        elif selected == [event.index]:
            self._on_row()

    def _go(self, step: int) -> None:
        n, selected = len(self._model.locations), self._selected()
        row = (selected + step if selected is not None else 0) if n else -1
        if 0 <= row < n:
            self._table.selectRow(row)

    def _choose(self, row: int | None) -> None:
        """Select a row that the user did not choose; what is selected elsewhere stays."""
        if row is not None:
            self._is_own_choice = True
            self._table.selectRow(row)
            self._is_own_choice = False

    def _begin(self, run: ShownRun | None) -> None:
        self._run = run
        if self._task is not None:
            self._task.drop()
            self._task = None
        self.set_ledger(None)

    def _show_rows(self, *, of_series: bool = False) -> None:
        self._plots.set_rows(of_series=of_series)
        self._show_summary()
        self._on_row()

    def _show_summary(self) -> None:
        self.set_summary(self._model.summary(), self._model.short_summary())

    def _on_exports(self, found: tuple[tuple[NamedExport, ...], Classifier | None] | Failure) -> None:
        if isinstance(found, Failure):
            self.message.explain(f"The outputs of this run cannot be shown as layers. {found.reason}", found.trace)
        elif self._run is not None:
            self._run.exports, self._run.classifier = found
            self._offer_tables()
            self._on_row()

    def _offer_tables(self) -> None:
        """Offer the properties of objects whose tables are whole."""
        run, ledger = self._run, self._ledger
        self._plots.set_tables(() if run is None or ledger is None or run.is_running else tables_of(run, ledger))

    def _on_selected(self) -> None:
        if (location := self._location()) and not self._is_own_choice:
            self.row_shown.emit(location)
        self._on_row()

    def _on_row(self) -> None:
        """Explain and show the selected image."""
        row = self._selected()
        ended = self._model.ended(row)
        reason, trace = (ended.reason, ended.trace) if ended is not None else ("", "")
        self.message.explain(
            reason, trace, "problem" if ended is not None and ended.status in ("failed", "problem") else None
        )
        self._buttons.set_rows(len(self._model.locations), row)
        self._offer_folder()
        self._plots.set_selected(row)
        self._offer_keep()
        if row is None or self._run is None:
            return
        if self._load.value:
            self._canvas.show_row(self._request(self._run, row))

    def _offer_folder(self) -> None:
        folder = self._folder()
        self._buttons.set_folder("" if folder is not None else "Nothing is written yet.")
        if self._run is not None:
            self._plots.set_file((folder or Path.cwd()) / Path(self._run.job.classifier).stem)

    def _request(self, run: ShownRun, row: int) -> RowRequest:
        return run.request(row, self._model.locations[row], self._model.ended(row))

    def _selected(self) -> int | None:
        return next(iter(self._table.selected_rows()), None)

    def _on_shown(self, location: str, problems: str) -> None:
        if problems and location == self._location() and not self.message.text():
            self.message.explain(problems)

    def _on_failed(self, location: str, failure: Failure) -> None:
        # The reason of a failed image stays.
        if location == self._location() and not self.message.text():
            self.message.explain(failure.reason, failure.trace)

    def _offer_keep(self) -> None:
        self._buttons.set_shown(self._canvas.has_layers)

    def _location(self) -> str:
        row = self._selected()
        return self._model.locations[row] if row is not None else ""

    def _folder(self) -> Path | None:
        """Return the folder of the outputs of the selected image, of the first image with outputs, or of a table."""
        rows = (self._selected(), *range(len(self._model.locations)))
        outputs = [row.outputs for row in map(self._model.ended, rows) if row is not None]
        if self._ledger is not None and not self._is_running():
            outputs.append(self._ledger.tables)
        return next((path.parent for paths in outputs for path in paths.values()), None)

    def _open_folder(self) -> None:
        folder = self._folder()
        if folder is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.message.explain(f"The folder cannot be opened from here: {folder}")
