"""The memory of a batch: tiles and threads with which an image stays below the limit, and images that cannot."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.tiles import Memory, Parts, Tiles, make_tiles, n_cores
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.images.base import Decoding
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.exports import NamedExport, whole_regions
from napari_batch_prediction.planning.inputs.header import ImageInfo
from napari_batch_prediction.planning.inputs.second import Beside
from napari_batch_prediction.planning.objects import WRITTEN_AT_ONCE, ObjectMaking
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.transform import Transform, predicted_box
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.wording import size

PlannedOutput = tuple[OutputPlan, Transform]

MEGABYTE = 10**6

# Bytes of the libraries that a run loads and a plan does not: LLVM, and those of writers.
_LIBRARIES = 120 * MEGABYTE

# Every computer has as much: no need to ask, which takes some milliseconds the first time.
_EVERYWHERE = 1000 * MEGABYTE

# The part of the memory that arrays may take: the rest is between them.
_USABLE = 0.9

# The smallest limit that works is named so much larger than the sum, which is not exact.
_SPARE = 1.03


class Share(NamedTuple):
    """The memory of one image of a batch, and its tiles.

    Attributes
    ----------
    tiles
        Its tiles.
    decoded, waiting, objects
        Bytes that it takes as long as its file is open: of decoded pixels, of outputs that wait to be written, and
        for making objects.
    each
        Bytes that each thread takes while it works on one of its tiles.
    """

    tiles: Tiles
    decoded: int
    waiting: int
    each: int
    objects: int = 0

    @property
    def held(self) -> int:
        """The bytes that it takes as long as its file is open."""
        return self.decoded + self.waiting + self.objects

    @property
    def needed(self) -> int:
        """The bytes that it takes with a single thread."""
        return self.held + self.each


class _Read(NamedTuple):
    """What is read of an image, and beside it."""

    image: ImageInfo
    beside: Beside

    @property
    def extents(self) -> dict[str, int]:
        return self.image.extents

    @property
    def decoding(self) -> Decoding:
        """The memory of decoding all of them."""
        every = [self.image.decoding, *(second.image.decoding for second in self.beside)]
        return Decoding(*map(sum, zip(*every, strict=True)))

    @property
    def bytes_beside(self) -> int:
        """The bytes of a pixel in second images, and of the comparison of each with 0."""
        return sum(second.image.extents["c"] * (second.image.dtype.itemsize + 2) for second in self.beside)


def process_bytes() -> int:
    """Return the memory that this process takes at the moment."""
    # Only where it matters: importing it takes some milliseconds.
    import psutil

    return int(psutil.Process().memory_info().rss)


def bytes_before(classifier: Classifier) -> int:
    """Return the memory that this process will take before it predicts: as it does now, with libraries and forest."""
    return process_bytes() + (0 if "llvmlite" in sys.modules else _LIBRARIES) + classifier.model_bytes


@dataclass(frozen=True)
class MemoryShares:
    """Cuts images into tiles that leave a batch below its limit on memory, if it has one.

    Attributes
    ----------
    classifier, exports
        The classifier and the exports of the batch.
    workers
        Number of threads of the whole run.
    limit
        Bytes that the process may take; None if it is not limited.
    before
        Bytes that it takes before it predicts, and for what stays in memory until the end.
    making
        How objects are made; None if there are none.
    """

    classifier: Classifier
    exports: Sequence[NamedExport]
    workers: int
    limit: int | None
    before: int = 0
    making: ObjectMaking | None = None
    _problems: dict[tuple[object, ...], Problem | None] = field(default_factory=dict)

    @classmethod
    def of(cls, job: BatchJob, classifier: Classifier, exports: Sequence[NamedExport]) -> "MemoryShares":
        """Return the shares of a job, from what this process takes now."""
        before = 0 if job.memory is None else bytes_before(classifier)
        making = ObjectMaking.of(job, classifier, exports)
        return cls(classifier, exports, job.workers or n_cores(), job.memory, before, making)

    @property
    def room(self) -> int | None:
        """The bytes that all images may take at a time; None if that is not limited."""
        return None if self.limit is None else max(0, int((self.limit - self.before) * _USABLE))

    def share(
        self,
        image: ImageInfo,
        outputs: Sequence[PlannedOutput],
        threads: int,
        beside: Beside = (),
        *,
        in_memory: bool,
    ) -> Share:
        """Return the share of an image; of one that needs more memory than there is, with the smallest tiles.

        Parameters
        ----------
        image, outputs
            The image, and its outputs with the transforms of their prediction.
        threads
            Number of threads for this image.
        beside
            Its second images.
        in_memory
            True if the outputs stay in memory.
        """
        read = _Read(image, beside)
        decoded = read.decoding.kept + read.decoding.once
        if self.room is None:
            return Share(self._tiles(read, outputs, threads), decoded, 0, 0)
        objects = 0 if self.making is None else self.making.memory(image.extents, threads)
        workers, at_once = self.workers, threads
        while True:
            # While one thread completes a row of chunks, another has begun the next.
            waiting = 0 if in_memory else _held_bytes(outputs, 1 if at_once == 1 else 2)
            most = (self.room - decoded - waiting - objects) // workers
            fitting = self._fitting(read, outputs, at_once, most)
            if fitting is not None or workers == 1:
                break
            workers, at_once = workers // 2, min(at_once, workers // 2)
        tiles, each = fitting or self._smallest(read, outputs)
        return Share(tiles, decoded, waiting, each, objects)

    def problem(
        self, image: ImageInfo, outputs: Sequence[OutputPlan], beside: Beside = (), *, in_memory: bool
    ) -> Problem | None:
        """Return the problem that an image needs more memory than there is; None if there is enough."""
        if self.room is None:
            decoding = _Read(image, beside).decoding
            objects = 0 if self.making is None else self.making.memory(image.extents, 1)
            return _beyond_computer(decoding.kept + decoding.once, objects)
        headers = [second.image for second in beside]
        key = (id(image), *(id(output.transform) for output in outputs), *headers, in_memory)
        if key not in self._problems:
            planned = [(output, output.transform) for output in outputs if output.transform is not None]
            share = self.share(image, planned, 1, beside, in_memory=in_memory)
            self._problems[key] = self.shortage(share)
        return self._problems[key]

    def shortage(self, share: Share) -> Problem | None:
        """Return the problem that a share needs more memory than there is; None if there is enough."""
        if self.limit is None or self.room is None or share.needed <= self.room:
            return None
        reasons = {
            "decoding the image as a whole or in large pieces": share.decoded,
            "outputs that wait until parts of them are whole": share.waiting,
            "making objects of the whole image": share.objects,
            "channels, features and classes of the smallest tile": share.each,
            "the program with its libraries and the classifier": self.before,
        }
        reason = max(reasons, key=reasons.__getitem__)
        least = -(-int((self.before + share.needed / _USABLE) * _SPARE) // (10 * MEGABYTE)) * 10
        text = (
            f"The limit of {size(self.limit)} of memory is too small: {size(reasons[reason])} are needed "
            f"for {reason}. Allow {least}MB or more, or set no limit."
        )
        return Problem("memory", text, "memory")

    def _fitting(
        self, image: _Read, outputs: Sequence[PlannedOutput], threads: int, most: int
    ) -> tuple[Tiles, int] | None:
        """Return tiles, and the bytes that a thread takes for one, at most so many; None if no sensible tiles fit."""
        for_tile = most - self._fixed(image, outputs)
        while for_tile >= ENGINE.limits.least_bytes:
            tiles = self._tiles(image, outputs, threads, for_tile)
            each = self._each(image, outputs, tiles)
            if each <= most:
                return tiles, each
            # Tiles are longer than even ones where they end at chunks.
            for_tile = for_tile * 3 // 4
        return None

    def _smallest(self, image: _Read, outputs: Sequence[PlannedOutput]) -> tuple[Tiles, int]:
        tiles = self._tiles(image, outputs, 1, ENGINE.limits.least_bytes)
        return tiles, self._each(image, outputs, tiles)

    def _tiles(self, image: _Read, outputs: Sequence[PlannedOutput], threads: int, most: int | None = None) -> Tiles:
        regions = [transform.region for _, transform in outputs]
        if not sources(self.exports):
            # Nothing is predicted: a tile stands for a time point, of which objects are made.
            whole = (Parts(image.extents[key], 1) for key in "zyx")
            return Tiles(range(image.extents["t"]), *whole)
        starts, sizes = predicted_box([*regions, *whole_regions(self.exports, image.extents)])
        chunk = outputs[0][0].chunk if outputs else {}
        steps = (chunk.get("z", 1), chunk.get("y", 1), chunk.get("x", 1))
        memory = self._memory(image, outputs)
        return make_tiles(sizes, self.classifier.context, steps, memory, threads, ENGINE.limits, most, starts)

    def _each(self, image: _Read, outputs: Sequence[PlannedOutput], tiles: Tiles) -> int:
        """Return the bytes that a thread takes for the largest of the tiles."""
        if not sources(self.exports):
            # Of a time point only parts are in memory: those that are labelled and measured are counted with objects.
            memory = self._memory(image, outputs)
            n_pixels = min(tiles.n_pixels // len(tiles), WRITTEN_AT_ONCE)
            return (memory.tile + memory.block) * n_pixels + self._fixed(image, outputs)
        in_tile = tiles.most_bytes(image.extents, self.classifier.context, self._memory(image, outputs), ENGINE.limits)
        return in_tile + self._fixed(image, outputs)

    def _fixed(self, image: _Read, outputs: Sequence[PlannedOutput]) -> int:
        """Return the bytes that a thread takes however large a tile is."""
        return self._memory(image, outputs).thread + image.decoding.each

    def _memory(self, image: _Read, outputs: Sequence[PlannedOutput]) -> Memory:
        """Return the memory of a pixel, with those of the file and of outputs that are made of its values."""
        memory = self.classifier.memory(sources(self.exports))
        memory = memory._replace(tile=memory.tile + image.bytes_beside)
        if self.limit is None:
            return memory
        made = [_made_bytes(output.export, transform) for output, transform in outputs]
        more = image.extents["c"] * max(0, image.image.dtype.itemsize - 4)
        return memory._replace(tile=memory.tile + sum(made), block=memory.block + more)


def _beyond_computer(decoded: int, objects: int) -> Problem | None:
    """Return the problem that decoded pixels, or objects, take more memory than this computer has; None if not."""
    if decoded + objects < _EVERYWHERE:
        return None
    import psutil

    has = psutil.virtual_memory().total
    if decoded + objects <= has:
        return None
    if objects > decoded:
        text = f"Making its objects takes {size(objects)} of memory, and this computer has {size(has)}. Cut the image."
        return Problem("memory", text)
    text = (
        f"Decoding the image takes {size(decoded)} of memory, and this computer has {size(has)}. "
        "Write it again in smaller pieces, for example as TIFF or OME-Zarr in tiles."
    )
    return Problem("memory", text)


def sources(exports: Sequence[NamedExport]) -> tuple[str, ...]:
    """Return the names of the image sources to predict."""
    direct = [export.source.name for export in exports if not (export.source.made_from or export.source.whole)]
    return tuple(dict.fromkeys([*direct, *(export.source.made_from for export in exports if export.source.made_from)]))


def _held_bytes(outputs: Sequence[PlannedOutput], n_rows: int) -> int:
    """Return the number of bytes that wait in memory to be written to files."""
    targets = (
        (output.export.format, Target(output.path, transform.axes, transform.shape, transform.dtype))
        for output, transform in outputs
    )
    return sum(export_format.writer(target).held_bytes(n_rows) for export_format, target in targets)


def _made_bytes(export: NamedExport, transform: Transform) -> int:
    """Return the bytes of a pixel that are made of its values for an output."""
    if transform.scaling is None and transform.dtype == export.source.dtype:
        return 0
    first, last = transform.region["c"]
    # Two arrays of floating-point numbers are needed to make one of the other type.
    return (last - first) * (transform.dtype.itemsize + 2 * max(4, export.source.dtype.itemsize))
