"""A task while it is carried out, with its open image, writers and tally."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import COUNT, TIME, Classifier
from napari_batch_prediction.classifiers.derived import OBJECTS
from napari_batch_prediction.classifiers.masked import predict_block, predict_inside
from napari_batch_prediction.classifiers.objects.sources import IDENTITIES
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import ExportError, ImageReadError
from napari_batch_prediction.formats.common.memory import MemoryWriter
from napari_batch_prediction.formats.common.rows import Columns
from napari_batch_prediction.formats.common.writer import Writer
from napari_batch_prediction.formats.table.choice import row_writer
from napari_batch_prediction.formats.zarr.labels import image_of
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.second import MASK, Mask
from napari_batch_prediction.locations.location import Arrays, absolute
from napari_batch_prediction.objects.table import ObjectTable, with_image
from napari_batch_prediction.planning.inputs.inspection import ImageInfo
from napari_batch_prediction.planning.inputs.opening import open_input
from napari_batch_prediction.planning.inputs.second import open_second, pixel_hash
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.provenance import measure
from napari_batch_prediction.planning.transform import Transform
from napari_batch_prediction.records.ledger import CANCELLED, LedgerRow, Status, Table, Written, explain
from napari_batch_prediction.running.changes import States, check_unchanged, states, states_of
from napari_batch_prediction.running.objects import ILASTIK, PLAIN, ObjectsOfImage
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
    is_stopped
        Asked while objects are made, which ends once it returns True.
    tell
        Called for each step of progress that is not a tile.

    Attributes
    ----------
    arrays
        Outputs that stay in memory, by their export's name, once all tiles are done.
    tables
        The tables of its objects by layout, once all tiles are done.
    """

    def __init__(
        self,
        task: FileTask,
        classifier: Classifier,
        arrays: Arrays,
        is_stopped: Callable[[], bool] = lambda: False,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self.task = task
        self.arrays: dict[str, NDArray] = {}
        self.tables: dict[str, ObjectTable] = {}
        self._classifier = classifier
        self._images = arrays
        self._image: Image | None = None
        self._beside: dict[str, Image] = {}
        self._mask: Mask | None = None
        self._hashes: dict[str, str] = {}
        self._before: States = {}
        self._tallies = [make_tally(measurement, task.image) for measurement in task.measurements]
        self._writers: dict[str, Writer] = {}
        self._finished: dict[str, Path] = {}
        self._written: dict[str, Written] = {}
        self._objects: ObjectsOfImage | None = None
        self._is_stopped, self._tell = is_stopped, tell
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
        for second in task.beside:
            self._beside[second.role.field] = open_second(second, self._images)
        if MASK.field in self._beside:
            self._mask = Mask(self._beside[MASK.field])
        if task.objects is not None:
            made_of = self._beside.get(task.objects.making.second)
            mask = None if task.job.outside_mask == "ilastik" else self._mask
            stop = (self._is_stopped, self._tell)
            self._objects = ObjectsOfImage(task.objects, self._classifier, image, made_of, mask, *stop)
        self._before = self._states()
        if any(output.folder is not None for output, _ in task.outputs) or task.measurements or task.objects:
            self._hashes = {field: pixel_hash(second) for field, second in self._beside.items()}
        for output, transform in task.outputs:
            name = output.export.name
            if output.folder is None:
                self._writers[name] = MemoryWriter(transform.shape, transform.dtype)
            elif task.job.existing == "skip" and all(file.exists() for file in output.files):
                self._finished[name] = output.path
            else:
                target = make_target(task, output, transform, image, self._hashes)
                self._writers[name] = output.export.format.writer(target)

    def predict(self, tile: Tile) -> None:
        """Read, predict and write one tile; after the last tile, finish the outputs."""
        if self._image is None:
            raise RuntimeError("The file is not open.")
        values = self._values(self._image, tile)
        for output, transform in self.task.outputs:
            if not output.export.of_objects:
                self._write(output, transform, tile, values[output.export.source.name])
        if self._objects is not None and self._objects.add(tile, values.get(self._objects.made_from)):
            self._objects.finish(tile.t, self._write_objects)
        for tally in self._tallies:
            tally.add(tile, values[tally.measurement.made_from])
        with self._lock:
            self._n_left -= 1
            is_last = self._n_left == 0
        if is_last:
            self._finish()

    def _write(self, output: OutputPlan, transform: Transform, tile: Tile, values: NDArray) -> None:
        """Write the values of a tile in one output."""
        piece = transform.apply(tile, values)
        if output.export.name in self._writers and piece is not None:
            self._writers[output.export.name].write(*piece)

    def _write_objects(self, tile: Tile, numbers: NDArray, paint: Callable[[str, NDArray], NDArray]) -> None:
        for output, transform in self.task.outputs:
            if output.export.of_objects:
                values = paint(output.export.source.name, numbers)
                dtype = transform.dtype
                if values.dtype.kind == "u" and (most := values.max()) > (largest := _largest_number(dtype)):
                    raise ExportError(
                        f"There are {most} objects or more, and {dtype} holds numbers up to {largest}. Export "
                        f"{output.export.name} as uint32.",
                        setting="dtype",
                    )
                self._write(output, transform, tile, values)

    def _values(self, image: Image, tile: Tile) -> Mapping[str, NDArray]:
        """Return the values of a tile in each source."""
        task, read = self.task, image.read_czyx
        if not task.sources:
            return {}
        if self._mask is None:
            return predict_block(self._classifier, read, tile, task.image.extents, task.sources)
        return predict_inside(
            self._classifier,
            read,
            tile,
            task.image.extents,
            task.sources,
            self._mask.read(*tile),
            ilastik=task.job.outside_mask == "ilastik",
        )

    def _states(self) -> States:
        """Return the states of all files that are read."""
        task = self.task
        found = dict(states(task.job, task.location, self._image)) if self._image is not None else {}
        for second in task.beside:
            found |= states_of(second.location, self._beside[second.role.field])
        return found

    def _finish(self) -> None:
        task = self.task
        # Before an output has its name, so that nobody sees one that is part of two images.
        check_unchanged(self._before, self._states(), task.location)
        paths = {output.export.name: output.path for output, _ in task.outputs if output.folder is not None}
        if self._objects is not None:
            self.tables = self._objects.tables()
        for output, _ in task.outputs:
            if output.export.settings.into_image and output.export.name in self._writers:
                self._writers[output.export.name].properties = self._properties(output)
        for name, writer in self._writers.items():
            writer.finish()
            if isinstance(writer, MemoryWriter):
                self.arrays[name] = writer.values
            else:
                self._finished[name] = paths[name]
                self._written[name] = measure(writer.paths)
        self._write_tables()
        self._ended = time.perf_counter()

    def _properties(self, output: OutputPlan) -> Columns | None:
        """Return what is known of the values of labels: their classes, or of each object what is in the table."""
        source, table = output.export.source, self.tables.get(PLAIN)
        if source.classes:
            values = np.arange(1, len(source.classes) + 1)
            return {"label": values, "class": np.array([*source.classes, ""], object)[:-1]}
        # Numbers begin anew at each time point.
        return table if self.task.image.extents["t"] == 1 else None

    def _write_tables(self) -> None:
        """Write the tables of this image alone."""
        task = self.task
        for output in task.tables:
            if output.folder is None:
                continue
            as_ilastik = output.export.as_ilastik
            table = self.tables[ILASTIK if as_ilastik else PLAIN]
            rows = table if as_ilastik else with_image(table, absolute(str(task.location)))
            may_replace = task.job.existing == "overwrite" or output.path in task.own
            writer = row_writer(output.export.format, output.path, [*rows], task.token)
            writer.labels = self._labels_in_image()
            if self._objects is not None and output.export.format.holds_pictures:
                writer.pictures = self._objects.pictures()
            try:
                writer.append(rows)
                writer.complete()
                writer.publish(replace=may_replace)
            finally:
                writer.abort()
            self._finished[output.export.name] = output.path
            self._written[output.export.name] = measure((output.path,))

    def _labels_in_image(self) -> str:
        """Return the name of the numbers of objects that are written as labels into the image; empty if none are."""
        outputs = (output for output, _ in self.task.outputs if output.export.settings.into_image)
        found = next((output for output in outputs if output.export.source.name in (OBJECTS, IDENTITIES)), None)
        return "" if found is None else found.path.relative_to(image_of(found.path) / "labels").as_posix()

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
        if self._objects is not None:
            self._objects.close()
        for image in (self._image, *self._beside.values()):
            if image is not None:
                image.close()
        now = time.perf_counter()
        names = [output.export.name for output in (*(output for output, _ in self.task.outputs), *self.task.tables)]
        return LedgerRow(
            input=str(self.task.location),
            status=status,
            reason=reason,
            outputs={name: self._finished[name] for name in names if name in self._finished},
            seconds=(self._ended or now) - (self._started or now),
            trace=trace,
            written=self._written,
            tables=self._tables() if status == "done" else {},
            beside=self._hashes,
        )

    def _tables(self) -> dict[str, Table]:
        """Return the tables that the ledger holds; of objects only how many there are."""
        tables = {tally.measurement.table: tally.table() for tally in self._tallies}
        if self._objects is not None:
            tables[OBJECTS] = Table((TIME, COUNT), tuple(sorted(self._objects.counts.items())))
        return tables


def _largest_number(dtype: np.dtype) -> int:
    """Return the largest number of an object that a type holds with all below it."""
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else 2 ** int(np.finfo(dtype).nmant + 1)
