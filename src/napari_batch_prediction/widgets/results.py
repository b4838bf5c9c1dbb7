"""The part of the window that says what became of each image, and shows it."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox
from qtpy.QtCore import QTimer, Signal

from napari_batch_prediction.batch.events import Event, FileFinished
from napari_batch_prediction.batch.plan import Plan
from napari_batch_prediction.images.inputs import input_stem, open_image
from napari_batch_prediction.widgets.layer_data import LayerData, Output, read_layers
from napari_batch_prediction.widgets.layers import ShownLayers
from napari_batch_prediction.widgets.message import Message
from napari_batch_prediction.widgets.results_model import ResultsModel
from napari_batch_prediction.widgets.section import Section
from napari_batch_prediction.widgets.table import StatusDelegate, Table
from napari_batch_prediction.widgets.work import Failure, ShouldCancel, Task

if TYPE_CHECKING:
    from napari.viewer import Viewer

# Rows passed by with the arrow keys are not read.
PAUSE_MS = 50


class ResultsSection(Section):
    """A table of the images of a run. The row that is selected is shown in the viewer.

    Parameters
    ----------
    viewer
        Where images and outputs are shown.

    Attributes
    ----------
    message
        Why the selected image failed.
    explained
        The message says something else.
    """

    explained = Signal()

    def __init__(self, viewer: "Viewer") -> None:
        super().__init__("Results")
        self._shown = ShownLayers(viewer)
        self._task: Task | None = None
        self._docked = True
        self._model = ResultsModel(self)
        self._table = Table(self._model)
        self._table.setItemDelegateForColumn(1, StatusDelegate(self._table))
        self._table.setSelectionMode(Table.SelectionMode.SingleSelection)
        self._load = CheckBox(
            text="Load results",
            value=True,
            tooltip="Show the image of the selected row and its outputs as layers, in place of those of the row\n"
            "before. The first image that is done is selected by itself.",
        )
        self.message = Message()
        self.body.addWidget(self._load.native)
        self.body.addWidget(self._table, 1)
        self.body.addWidget(self.message)

        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._read)
        self._table.rows_selected.connect(self._on_row)
        self._load.changed.connect(self._on_row)

    def set_docked(self, docked: bool) -> None:
        """Leave the viewer alone from now on, or show images again."""
        self._docked = docked
        if not docked and self._task is not None:
            self._task.drop()

    def set_plan(self, plan: Plan | None) -> None:
        """Begin anew with the images of a plan. What was shown of the run before is taken away."""
        self._model.set_plan(plan)
        self._shown.clear()
        self._on_row()
        self.set_summary("")

    def take(self, event: Event) -> None:
        """Show what the run says of one image."""
        self._model.take(event)
        if not isinstance(event, FileFinished):
            return
        self.set_summary(self._model.summary())
        selected = self._table.selected_rows()
        if not selected and event.row.status == "done" and self._load.value:
            self._table.selectRow(event.index)
        elif selected == [event.index]:
            self._on_row()

    def _on_row(self) -> None:
        """Say what became of the selected image, and show it after a pause."""
        if self._task is not None:
            self._task.drop()
            self._task = None
        ended = self._model.ended(self._selected())
        self._explain(*((ended.reason, ended.trace) if ended is not None else ("", "")))
        self._pause.start()

    def _selected(self) -> int | None:
        return next(iter(self._table.selected_rows()), None)

    def _read(self) -> None:
        """Read the selected image and what is written for it."""
        index, plan = self._selected(), self._model.plan
        if index is None or plan is None or not self._load.value or not self._docked:
            return
        location, job = plan.rows[index].input, plan.job
        ended = self._model.ended(index)
        outputs: dict[str, Output] = {}
        for key, export, source in plan.exports:
            # A sequence of slices has no file that is the whole output.
            if ended is not None and key in ended.outputs and ended.outputs[key].exists():
                outputs.setdefault(source.name, Output.of(export, ended.outputs[key]))

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            raw = open_image(location, job.input_axes, stack=job.stack, channels=job.channels)
            yield read_layers(raw, input_stem(location), outputs, plan.classifier)

        self._task = Task(work, self)
        self._task.yielded.connect(self._on_read)
        self._task.start()

    def _on_read(self, layers: list[LayerData] | Failure) -> None:
        if not isinstance(layers, Failure):
            self._shown.show(layers)
            return
        self._shown.clear()
        # An image that failed has said why already.
        if not self.message.text():
            self._explain(*layers)

    def _explain(self, reason: str, trace: str) -> None:
        self.message.say(reason, trace)
        if reason:
            self.explained.emit()
