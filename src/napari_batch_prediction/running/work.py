"""One input of a batch while it is worked on."""

import threading
import time
from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Tile, make_tiles
from napari_batch_prediction.errors import ExportError, ImageReadError
from napari_batch_prediction.formats.common.memory import MemoryWriter
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.common.writer import Writer
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.planning.exports import counted
from napari_batch_prediction.planning.inspection import ImageInfo
from napari_batch_prediction.planning.opening import open_input
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.provenance import measure
from napari_batch_prediction.planning.target import make_target
from napari_batch_prediction.planning.transform import export_region
from napari_batch_prediction.records.ledger import CANCELLED, LedgerRow, Status, Written, explain
from napari_batch_prediction.running.counts import Tally


class FileWork:
    """The tiles, the image and the writers of one input.

    One thread calls :meth:`open` and :meth:`close`, many call :meth:`work`. Nothing is written to disk before
    the first tile is predicted. What is predicted for an image in memory stays there.

    Parameters
    ----------
    plan
        The checked job.
    index
        Which of its inputs.
    info
        What the header of the input said.
    workers
        Number of threads that share this input.
    held
        Bytes of what stays in memory, for all inputs.

    Attributes
    ----------
    arrays
        What was predicted for an image in memory, by the name of the export, once it is done.
    """

    def __init__(self, plan: Plan, index: int, info: ImageInfo, workers: int, held: int = 0) -> None:
        self.index = index
        self.row = plan.rows[index]
        self.error: BaseException | None = None
        self.done = 0
        self.in_flight = 0
        self.arrays: dict[str, NDArray] = {}
        self._plan = plan
        self._info = info
        self._in_memory = self.row.location.in_memory
        self._outputs = [(output, output.transform) for output in self.row.plans if output.transform is not None]
        self._density, self._table, self._tally = "", "", None
        if table := counted(plan.exports):
            region = export_region(table.export, {**info.extents, "c": table.source.channels})
            self._density, self._table = table.source.made_from, table.source.name
            self._tally = Tally(info.extents["t"], region)
        names = [output.named.source.name for output, _ in self._outputs]
        self._sources = list(dict.fromkeys([*names, self._density] if self._density else names))
        self.tiles = self._make_tiles(workers, held)
        self._image: Image | None = None
        self._writers: dict[str, Writer] = {}
        self._finished: dict[str, Path] = {}
        self._written: dict[str, Written] = {}
        self._lock = threading.Lock()
        self._left = len(self.tiles)
        self._started = self._ended = 0.0

    def _make_tiles(self, workers: int, held: int) -> list[Tile]:
        """Cut up the box that holds every region; the whole image if it is counted."""
        starts, sizes = {}, {}
        for key in "tzyx":
            regions = [transform.region[key] for _, transform in self._outputs]
            if self._tally is not None:
                regions.append((0, self._info.extents[key]))
            starts[key] = min(start for start, _ in regions)
            sizes[key] = max(stop for _, stop in regions) - starts[key]
        chunk = self._outputs[0][0].chunk if self._outputs else {}
        memory = self._plan.job.memory
        tiles = make_tiles(
            sizes,
            self._plan.classifier.context,
            (chunk.get("z", 1), chunk.get("y", 1), chunk.get("x", 1)),
            self._plan.classifier.memory(self._sources),
            workers,
            None if memory is None else memory - held - self._waiting(),
        )
        return [tile.shifted(starts) for tile in tiles]

    def _waiting(self) -> int:
        """Return the bytes that wait in memory to be written."""
        total = 0
        for output, transform in () if self._in_memory else self._outputs:
            target = Target(output.path, transform.axes, transform.shape, transform.dtype)
            total += output.named.format.writer(target).held_bytes()
        return total

    def open(self) -> None:
        """Open the image and prepare what is to be written.

        Raises
        ------
        ImageReadError
            If the image cannot be read or is not what it was when the job was checked.
        """
        self._started = time.perf_counter()
        image = self._image = open_input(self._plan.job, self.row.location, self._plan.arrays)
        now = ImageInfo.of(image)
        if now != self._info:
            raise ImageReadError(
                f"{self.row.input} has changed since it was checked: expected {self._info.axes} "
                f"{self._info.shape} {self._info.dtype}, got {now.axes} {now.shape} {now.dtype}. Start again."
            )
        for output, transform in self._outputs:
            name = output.named.name
            if self._in_memory:
                self._writers[name] = MemoryWriter(transform.shape, transform.dtype)
            elif self._plan.job.existing == "skip" and all(file.exists() for file in output.files):
                self._finished[name] = output.path
            else:
                target = make_target(self._plan, self.row, output, transform, image)
                self._writers[name] = output.named.format.writer(target)

    def work(self, tile: Tile) -> None:
        """Read, predict and write one tile; the last one gives the outputs their names."""
        if self._image is None:
            raise RuntimeError("The input is not open.")
        outer, inner = tile.with_context(self._info.extents, self._plan.classifier.context)
        block = self._image.read_czyx(tile.t, *outer)
        values = self._plan.classifier.predict_tile(block, inner, self._sources)
        for output, transform in self._outputs:
            part = transform.apply(tile, values[output.named.source.name])
            if output.named.name in self._writers and part is not None:
                self._writers[output.named.name].write(*part)
        if self._tally is not None:
            self._tally.add(tile, values[self._density])
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._finish()

    def _finish(self) -> None:
        for key, writer in self._writers.items():
            writer.finish()
            if isinstance(writer, MemoryWriter):
                self.arrays[key] = writer.values
            else:
                self._finished[key] = self.row.outputs[key]
                self._written[key] = measure(writer.paths)
        self._ended = time.perf_counter()

    def close(self, status: Status) -> LedgerRow:
        """Release the image, remove what is not whole, and return what happened."""
        reason, trace = map(str, explain(self.error)) if self.error is not None else ("", "")
        if status == "cancelled":
            reason = CANCELLED
        for key, writer in self._writers.items():
            if key not in self._finished:
                try:
                    writer.abort()
                except ExportError as error:
                    reason += f" {error}"
        self._writers.clear()
        if self._image is not None:
            self._image.close()
        now = time.perf_counter()
        seconds = (self._ended or now) - (self._started or now)
        outputs = {key: path for key, path in self.row.outputs.items() if key in self._finished}
        return LedgerRow(
            input=self.row.input,
            status=status,
            reason=reason,
            outputs=outputs,
            seconds=seconds,
            trace=trace,
            written=self._written,
            tables={self._table: self._tally.table()} if self._tally is not None and status == "done" else {},
        )
