"""A task while it is carried out, with its open image, writers and tally."""

import threading
import time
from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import ExportError, ImageReadError
from napari_batch_prediction.formats.common.memory import MemoryWriter
from napari_batch_prediction.formats.common.writer import Writer
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.locations.location import Arrays
from napari_batch_prediction.planning.inputs.inspection import ImageInfo
from napari_batch_prediction.planning.inputs.opening import open_input
from napari_batch_prediction.planning.provenance import measure
from napari_batch_prediction.records.ledger import CANCELLED, LedgerRow, Status, Written, explain
from napari_batch_prediction.running.changes import States, check_unchanged, states
from napari_batch_prediction.running.tallies import make_tally
from napari_batch_prediction.running.target import make_target
from napari_batch_prediction.running.task import FileTask


class OpenFile:
    """The image and the writers of a task.

    One thread calls :meth:`open` and :meth:`close`, many call :meth:`predict`. Nothing is written to disk before the
    first tile is predicted. Outputs without a folder stay in memory.

    Parameters
    ----------
    task
        The task.
    classifier
        The classifier of its job.
    arrays
        Images in memory.

    Attributes
    ----------
    arrays
        Outputs that stay in memory, by their export's name, once all tiles are done.
    """

    def __init__(self, task: FileTask, classifier: Classifier, arrays: Arrays) -> None:
        self.task = task
        self.arrays: dict[str, NDArray] = {}
        self._classifier = classifier
        self._images = arrays
        self._image: Image | None = None
        self._before: States = {}
        self._tallies = [make_tally(measurement, task.image) for measurement in task.measurements]
        self._writers: dict[str, Writer] = {}
        self._finished: dict[str, Path] = {}
        self._written: dict[str, Written] = {}
        self._lock = threading.Lock()
        self._n_left = len(task.tiles)
        self._started = self._ended = 0.0

    def open(self) -> None:
        """Open the image and prepare the writers.

        Raises
        ------
        ImageReadError
            If the image cannot be read, or has changed since the job was checked.
        """
        task = self.task
        self._started = time.perf_counter()
        image = self._image = open_input(task.job, task.location, self._images)
        now = ImageInfo.of(image)
        if now != task.image:
            raise ImageReadError(
                f"{task.location} has changed since it was checked: expected {task.image.axes} "
                f"{task.image.shape} {task.image.dtype}, got {now.axes} {now.shape} {now.dtype}. Start again."
            )
        self._before = states(task.job, task.location, image)
        for output, transform in task.outputs:
            name = output.export.name
            if output.folder is None:
                self._writers[name] = MemoryWriter(transform.shape, transform.dtype)
            elif task.job.existing == "skip" and all(file.exists() for file in output.files):
                self._finished[name] = output.path
            else:
                self._writers[name] = output.export.format.writer(make_target(task, output, transform, image))

    def predict(self, tile: Tile) -> None:
        """Read, predict and write one tile; after the last tile, finish the outputs."""
        if self._image is None:
            raise RuntimeError("The file is not open.")
        outer, inner = tile.with_context(self.task.image.extents, self._classifier.context)
        block = self._image.read_czyx(tile.t, *outer)
        values = self._classifier.predict_tile(block, inner, self.task.sources)
        for output, transform in self.task.outputs:
            piece = transform.apply(tile, values[output.export.source.name])
            if output.export.name in self._writers and piece is not None:
                self._writers[output.export.name].write(*piece)
        for tally in self._tallies:
            tally.add(tile, values[tally.measurement.made_from])
        with self._lock:
            self._n_left -= 1
            is_last = self._n_left == 0
        if is_last:
            self._finish()

    def _finish(self) -> None:
        task = self.task
        if self._image is not None:
            # Before an output has its name, so that nobody sees one that is part of two images.
            check_unchanged(self._before, states(task.job, task.location, self._image), task.location)
        paths = {output.export.name: output.path for output, _ in task.outputs if output.folder is not None}
        for name, writer in self._writers.items():
            writer.finish()
            if isinstance(writer, MemoryWriter):
                self.arrays[name] = writer.values
            else:
                self._finished[name] = paths[name]
                self._written[name] = measure(writer.paths)
        self._ended = time.perf_counter()

    def close(self, status: Status, error: BaseException | None = None) -> LedgerRow:
        """Close the image, remove incomplete outputs, and return the ledger's row.

        Parameters
        ----------
        status
            The status at the end.
        error
            The error of a failed task.
        """
        reason, trace = map(str, explain(error)) if error is not None else ("", "")
        if status == "cancelled":
            reason = CANCELLED
        for name, writer in self._writers.items():
            if name not in self._finished:
                try:
                    writer.abort()
                except ExportError as fault:
                    reason += f" {fault}"
        self._writers.clear()
        if self._image is not None:
            self._image.close()
        now = time.perf_counter()
        names = [output.export.name for output, _ in self.task.outputs]
        tallies = self._tallies if status == "done" else []
        return LedgerRow(
            input=str(self.task.location),
            status=status,
            reason=reason,
            outputs={name: self._finished[name] for name in names if name in self._finished},
            seconds=(self._ended or now) - (self._started or now),
            trace=trace,
            written=self._written,
            tables={tally.measurement.table: tally.table() for tally in tallies},
        )
