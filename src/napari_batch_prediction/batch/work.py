"""One input of a batch while it is worked on."""

import threading
import time
from pathlib import Path

from napari_batch_prediction.batch.ledger import CANCELLED, LedgerRow, Status, Written, explain
from napari_batch_prediction.batch.plan import ImageInfo, Plan
from napari_batch_prediction.batch.provenance import SOFTWARE, made_with, measure
from napari_batch_prediction.classifiers.base import Color, Source
from napari_batch_prediction.classifiers.tiles import Tile, make_tiles
from napari_batch_prediction.errors import ExportError, ImageReadError
from napari_batch_prediction.export.formats import find_format
from napari_batch_prediction.export.labels import image_version
from napari_batch_prediction.export.target import Target, Writer
from napari_batch_prediction.export.transform import make_transform
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.inputs import open_image


class FileWork:
    """The tiles, the image and the writers of one input.

    One thread calls :meth:`open` and :meth:`close`, many call :meth:`work`. Nothing is written to disk before
    the first tile is predicted.

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
    """

    def __init__(self, plan: Plan, index: int, info: ImageInfo, workers: int) -> None:
        self.index = index
        self.row = plan.rows[index]
        self.error: BaseException | None = None
        self.done = 0
        self.in_flight = 0
        self._info = info
        self._job = plan.job
        self._classifier = plan.classifier
        self._classifier_sha256 = plan.classifier_sha256
        self._exports = plan.exports
        self._extents = info.extents
        self._transforms = [
            make_transform(export, source, info.axes, self._extents) for _, export, source in plan.exports
        ]
        self._sources = list(dict.fromkeys(source.name for _, _, source in plan.exports))

        first = self._transforms[0]
        chunk_shape = find_format(plan.exports[0].export.format).chunk(first.axes, first.shape, first.dtype.itemsize)
        chunk = dict(zip(first.axes, chunk_shape, strict=True))
        # Only the box that holds every region is predicted.
        starts, sizes = {}, {}
        for key in "tzyx":
            starts[key] = min(transform.region[key][0] for transform in self._transforms)
            sizes[key] = max(transform.region[key][1] for transform in self._transforms) - starts[key]
        tiles = make_tiles(
            sizes,
            plan.classifier.context,
            (chunk.get("z", 1), chunk["y"], chunk["x"]),
            plan.classifier.memory(self._sources),
            workers,
            None if plan.job.memory is None else plan.job.memory - self._waiting(),
        )
        self.tiles = [tile.shifted(starts) for tile in tiles]
        self._image: Image | None = None
        self._writers: dict[str, Writer] = {}
        self._finished: dict[str, Path] = {}
        self._written: dict[str, Written] = {}
        self._lock = threading.Lock()
        self._left = len(self.tiles)
        self._started = self._ended = 0.0

    def _waiting(self) -> int:
        """Return the bytes of chunks that wait for the next row of tiles, twice for a pyramid."""
        total = 0
        for (_, export, _), transform in zip(self._exports, self._transforms, strict=True):
            form = find_format(export.format)
            chunk = form.chunk(transform.axes, transform.shape, transform.dtype.itemsize)
            extent = dict(zip(transform.axes, transform.shape, strict=True))
            size = dict(zip(transform.axes, chunk, strict=True))
            row = extent.get("c", 1) * extent.get("z", 1) * size["y"] * extent["x"] * transform.dtype.itemsize
            total += row * (2 if form.is_folder else 1)
        return total

    def open(self) -> None:
        """Open the image and prepare what is to be written.

        Raises
        ------
        ImageReadError
            If the image cannot be read or is not what it was when the job was checked.
        """
        self._started = time.perf_counter()
        image = self._image = open_image(
            self.row.input, self._job.input_axes, stack=self._job.stack, channels=self._job.channels
        )
        now = ImageInfo.of(image)
        if now != self._info:
            raise ImageReadError(
                f"{self.row.input} has changed since it was checked: expected {self._info.axes} "
                f"{self._info.shape} {self._info.dtype}, got {now.axes} {now.shape} {now.dtype}. Start again."
            )
        for (key, export, source), transform in zip(self._exports, self._transforms, strict=True):
            path = self.row.outputs[key]
            files = self.row.files[key]
            if self._job.existing == "skip" and all(file.exists() for file in files):
                self._finished[key] = path
                continue
            first, last = transform.region["c"]
            target = Target(
                path,
                transform.axes,
                transform.shape,
                transform.dtype,
                transform.value_range,
                image.pixel_size,
                image.units,
                export.internal_path,
                replace=self._job.existing == "overwrite" or not self.row.own.isdisjoint(files),
                offset=transform.offset,
                channel_names=source.channel_names[first:last],
                channel_colors=self._classifier.class_colors if export.into_image else self._colors(source)[first:last],
                is_labels=source.is_labels,
                metadata={SOFTWARE: made_with(self._job, export, self._classifier_sha256)},
                ome_zarr_version=image_version(path.parents[1]) if export.into_image else export.ome_zarr_version,
                in_image=export.into_image,
            )
            self._writers[key] = find_format(export.format).writer(target)

    def _colors(self, source: Source) -> tuple[Color, ...]:
        """Return the colours of the classes for a source with a channel for each class."""
        return self._classifier.class_colors if source.channel_names == self._classifier.classes else ()

    def work(self, tile: Tile) -> None:
        """Read, predict and write one tile; the last one gives the outputs their names."""
        if self._image is None:
            raise RuntimeError("The input is not open.")
        outer, inner = tile.with_context(self._extents, self._classifier.context)
        block = self._image.read_czyx(tile.t, *outer)
        values = self._classifier.predict_tile(block, inner, self._sources)
        for (key, _, source), transform in zip(self._exports, self._transforms, strict=True):
            part = transform.apply(tile, values[source.name])
            if key in self._writers and part is not None:
                self._writers[key].write(*part)
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            for key, writer in self._writers.items():
                writer.finish()
                self._finished[key] = self.row.outputs[key]
                self._written[key] = measure(writer.paths)
            self._ended = time.perf_counter()

    def close(self, status: Status) -> LedgerRow:
        """Release the image, remove what is not whole, and return what happened."""
        reason, trace = explain(self.error) if self.error is not None else ("", "")
        if status == "cancelled":
            reason = CANCELLED
        for key, writer in self._writers.items():
            if key not in self._finished:
                try:
                    writer.abort()
                except ExportError as error:
                    reason += f" {error}"
        if self._image is not None:
            self._image.close()
        now = time.perf_counter()
        seconds = (self._ended or now) - (self._started or now)
        outputs = {key: path for key, path in self.row.outputs.items() if key in self._finished}
        return LedgerRow(self.row.input, status, reason, outputs, seconds, trace, self._written)
