"""The preview of one image: predicted into layers when the user asks for it."""

from collections.abc import Callable, Mapping
from functools import partial

from qtpy.QtCore import QObject

from napari_batch_prediction.classifiers.derived import OBJECT_TABLE
from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.events import Notice
from napari_batch_prediction.session.preview import PreviewAdvanced, Previewed, PreviewRequest, preview
from napari_batch_prediction.session.session import BatchSession
from napari_batch_prediction.session.state import Running, State
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.widgets.run import PREVIEW, RUN, RunBar
from napari_batch_prediction.widgets.work import Task

NO_IMAGE = "Add an image that can be predicted first."


class Previewing(QObject):
    """Previews of a job's images, one at a time, asked for and shown by the bar below the pages.

    Parameters
    ----------
    session
        The session.
    in_memory
        A function that returns the classifier and the images of a job that are in memory already.
    canvas
        The layers of images on the viewer.
    bar
        The bar.
    parent
        The owner.
    """

    def __init__(
        self,
        session: BatchSession,
        in_memory: Callable[[BatchJob], InMemory],
        canvas: Canvas,
        bar: RunBar,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._in_memory, self._canvas, self._bar = session, in_memory, canvas, bar
        self._task: Task | None = None
        self._before: Previewed | None = None
        bar.preview_clicked.connect(self.start)
        bar.cancel_clicked.connect(self.cancel)
        session.state_changed.connect(self._on_state)

    def offer(self) -> None:
        """Show which image would be predicted, or why none can be."""
        location = self._location()
        name = short_name(location) if location else ""
        effect = (
            f"Predict {name} into layers, without writing a file: the exports that are ticked. Of a large image, only "
            "what is in sight is predicted; objects are made of all of it."
        )
        self._bar.set_preview(not self._problem(), self._problem() or effect)

    def start(self) -> None:
        """Predict the selected image; without effect if none can be, or while a preview or a run is under way."""
        job, location = self._session.job, self._location()
        if job is None or self._problem():
            return
        in_memory = self._in_memory(job)
        sight = self._canvas.in_sight(RowRequest(location=location, job=job, arrays=in_memory.arrays))
        rows = self._session.plan.rows if self._session.plan is not None else ()
        beside = next((row.beside for row in rows if row.input == location), ())
        request = PreviewRequest(
            location=location, job=job, in_memory=in_memory, sight=sight, beside=beside, before=self._before
        )
        self._task = Task(partial(preview, request), self, self._on_step, self._on_end)
        self._bar.begin_preview(short_name(location))
        self.offer()
        self._task.start()

    def cancel(self) -> None:
        """Stop the preview after the tiles that are being worked on; without effect if none is under way."""
        if self._task is not None:
            self._task.cancel()
            self._bar.cancel_preview()

    def drop(self) -> None:
        """Stop the preview, and show nothing of it."""
        if self._task is not None:
            self._task.drop()
            self._end("")

    def _location(self) -> str:
        """Return the image to predict: the selected one, else the one on the canvas, else the first; else nothing."""
        plan = self._session.plan
        ready = [row.input for row in plan.rows if not row.problems] if plan is not None else []
        chosen = [*self._session.selected[:1], self._canvas.location]
        listed = {row.input for row in plan.rows} if plan is not None else set()
        return next((one for one in chosen if one in listed), next(iter(ready), ""))

    def _problem(self) -> str:
        if isinstance(self._session.state, Running):
            return RUN
        if self._task is not None:
            return PREVIEW
        return self._session.needs or ("" if self._location() else NO_IMAGE)

    def _on_state(self, state: State) -> None:
        if isinstance(state, Running):
            self._before = None
            self.drop()

    def _on_step(self, step: PreviewAdvanced | Notice) -> None:
        if isinstance(step, Notice):
            self._bar.say(step.text)
        else:
            self._bar.advance_preview(step.n_done, step.n_tiles)

    def _on_end(self, result: Previewed | Failure | None) -> None:
        self._end(_told(result) if isinstance(result, Previewed) else "")
        if isinstance(result, Failure):
            self._bar.set_problem(result)
        elif result is not None:
            self._before = result
            request = RowRequest(
                location=result.row.input,
                job=result.job,
                arrays=result.arrays,
                exports=result.exports,
                ended=result.row,
                predicted=result.values if result.objects is None else {**result.values, OBJECT_TABLE: result.objects},
                is_preview=True,
                classifier=result.classifier,
            )
            self._canvas.show_preview(request)

    def _end(self, text: str) -> None:
        self._task = None
        self._bar.end_preview(text)
        self.offer()


def _told(result: Previewed) -> str:
    """Return the sentence about what was predicted."""
    name, region = short_name(result.row.input), _sizes(result.region)
    what = name if result.is_whole else f"{region} of {name}"
    text = f"{what} predicted in {result.row.seconds:.1f} s; no file is written."
    cut = "More is in sight than a preview holds: this is its middle." if result.is_cut else ""
    return " ".join(filter(None, (text, cut, result.problem)))


def _sizes(region: Mapping[str, tuple[int, int]]) -> str:
    """Return the extents of a region in words, those of 1 left out."""
    sizes = [stop - start for start, stop in region.values()]
    return " x ".join(str(size) for size in sizes if size > 1) or "1"
