"""The objects of an image: made of probabilities once all tiles of a time point have come, part by part."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.classifiers.objects.pictures import ObjectPictures
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.formats.common.files import make_folder
from napari_batch_prediction.formats.common.rows import Picture
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.second import Mask
from napari_batch_prediction.objects.every import object_loops
from napari_batch_prediction.objects.features.slabs import slabs
from napari_batch_prediction.objects.labelling import MakeVolume, label_objects
from napari_batch_prediction.objects.measuring import ObjectColumns, Scale, measure_objects
from napari_batch_prediction.objects.table import ObjectTable, as_ilastik, joined, with_classes
from napari_batch_prediction.objects.volume import ArrayVolume, ScratchVolume, Volume, close_volume, probabilities_of
from napari_batch_prediction.planning.objects import WRITTEN_AT_ONCE, ObjectMaking, stays_in_memory
from napari_batch_prediction.running.volumes import STEPS, ImageVolume, Watch, WatchedVolume
from napari_batch_prediction.simd.building import expecting
from napari_batch_prediction.simd.shelf import Job

# How often each pixel of the volumes is read or written: to label, to measure and to write objects.
_LABELLING, _MEASURING, _WRITING = 5, 3, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectWork:
    """How the objects of an image are made, as data.

    Attributes
    ----------
    making
        How they are made.
    columns
        The columns of their table.
    folder
        The folder with room for temporary files; the system's if None.
    workers
        Number of threads.
    room
        Bytes of memory that there are for all images; None if that is not limited.
    """

    making: ObjectMaking
    columns: ObjectColumns
    folder: Path | None = None
    workers: int = 1
    room: int | None = None


class ObjectsAtTime(NamedTuple):
    """The objects of a time point.

    Attributes
    ----------
    n
        Their number.
    paint
        Returns the values (c, z, y, x) of an image source, given its name and the numbers (z, y, x) of objects.
    tables
        Their tables, by layout: :data:`PLAIN` and :data:`ILASTIK`.
    """

    n: int
    paint: Callable[[str, NDArray[np.uint32]], NDArray]
    tables: Mapping[str, ObjectTable]


PLAIN, ILASTIK = "plain", "ilastik"

Write = Callable[[Tile, NDArray[np.uint32], Callable[[str, NDArray[np.uint32]], NDArray]], None]
"""Writes a part of a time point, given as a tile: the numbers (z, y, x) of objects, and what paints values there."""


class ObjectsOfImage:
    """Keeps the probabilities of an image until a time point is whole, and makes its objects.

    Parameters
    ----------
    work
        How objects are made.
    classifier
        What classifies them, if they have classes.
    image
        The opened image.
    second
        The opened image that they are made of; None if they are made of probabilities that come by tile.
    mask
        Where objects of these probabilities may be; everywhere if None.
    is_stopped
        Asked at every part of the work; it ends once this returns True.
    tell
        Called for each of :data:`STEPS` steps of each time point.

    Attributes
    ----------
    counts
        The number of objects at each time point that is done.
    made_from
        The source of the probabilities; empty if there is a second image.
    """

    def __init__(
        self,
        work: ObjectWork,
        classifier: Classifier,
        image: Image,
        second: Image | None,
        mask: Mask | None,
        is_stopped: Callable[[], bool],
        tell: Callable[[], None],
    ) -> None:
        self.counts: dict[int, int] = {}
        self.made_from = work.making.made_from
        self._work, self._making, self._classifier = work, work.making, classifier
        self._image, self._second, self._mask = image, second, mask
        self._is_stopped, self._tell = is_stopped, tell
        extents = image.extents
        self._shape = (extents["z"], extents["y"], extents["x"])
        self._volumes: dict[int, Volume] = {}
        self._left: dict[int, int] = {}
        self._tables: dict[int, Mapping[str, ObjectTable]] = {}
        self._lock = threading.Lock()
        # One time point after the other: memory is planned for one.
        self._turn = threading.Lock()
        table = classifier.project.table if isinstance(classifier, ObjectClassification) else None
        # As in ilastik, whose window offers them for HDF5.
        are_wanted = table is not None and table.file_type == "h5" and work.making.has_pictures
        self._pictures = ObjectPictures(table) if table is not None and are_wanted else None
        self._expecting = ExitStack()
        self._expecting.enter_context(expecting(self._loops))

    def add(self, tile: Tile, probabilities: NDArray | None) -> bool:
        """Keep the probabilities ``(classes, z, y, x)`` of a tile; return True if its time point is whole now.

        Without probabilities, a tile stands for a time point.
        """
        if probabilities is None:
            return True
        with self._lock:
            if tile.t not in self._volumes:
                self._volumes[tile.t] = self._make((len(self._making.channels), *self._shape), np.float32)
                self._left[tile.t] = prod(self._shape)
            volume = self._volumes[tile.t]
        values = probabilities[list(self._making.channels)]
        volume.write((tile.z, tile.y, tile.x), values)
        with self._lock:
            self._left[tile.t] -= values[0].size
            return self._left[tile.t] == 0

    def finish(self, t: int, write: Write) -> None:
        """Make the objects of a time point, of which all tiles have come; write what is exported of them.

        Raises
        ------
        StoppedError
            If the work is to be stopped.
        """
        with self._turn:
            making = self._making
            measures = making.has_table or making.is_classified
            passes = _LABELLING + _MEASURING * measures + _WRITING * making.has_images
            watch = Watch(self._is_stopped, self._tell, max(1, passes * prod(self._shape)), self._work.room)
            labels = WatchedVolume(self._make((1, *self._shape), np.uint32), watch)
            try:
                found = self._classified(t, labels, watch) if making.is_classified else self._labelled(t, labels, watch)
                if making.has_images:
                    for box in slabs(self._shape, WRITTEN_AT_ONCE):
                        write(Tile(t, *box), labels.read(box)[0], found.paint)
            finally:
                labels.close()
            self.counts[t], self._tables[t] = found.n, found.tables
            for _ in range(STEPS - watch.n_told):
                self._tell()

    def _labelled(self, t: int, labels: WatchedVolume, watch: Watch) -> ObjectsAtTime:
        """Make objects of the probabilities of one class."""
        making = self._making
        n = self._from_probabilities(t, labels, watch)
        self._forget(t)
        tables = {PLAIN: self._measured(t, labels, n, watch, making.name)} if making.has_table else {}
        return ObjectsAtTime(n, lambda _, numbers: numbers[None], tables)

    def _classified(self, t: int, labels: WatchedVolume, watch: Watch) -> ObjectsAtTime:
        """Make objects, and classify each."""
        classifier, making, workers = self._classifier, self._making, self._work.workers
        if not isinstance(classifier, ObjectClassification):
            raise TypeError(f"{classifier!r} classifies no objects")
        originals = None
        if self._second is None:
            n = self._from_probabilities(t, labels, watch)
        else:
            second: Volume = ImageVolume(self._second, t)
            if making.thresholds is not None:
                second = probabilities_of(second, self._second.value_range)
            values = WatchedVolume(second, watch)
            n, originals = classifier.segment(values, labels, scratch=self._maker(watch), workers=workers)
        self._forget(t)
        raw = WatchedVolume(ImageVolume(self._image, t), watch)
        in_table = classifier.project.in_table if making.has_table_of_ilastik else ()
        more = {feature.name for feature in in_table}
        result = classifier.classify(raw, labels, n, originals, more=more, workers=workers)
        tables = {}
        if making.has_table:
            measured = self._measured(t, labels, n, watch, "")
            tables[PLAIN] = with_classes(measured, classifier.classes, result.probabilities[1:], originals)
        if making.has_table_of_ilastik:
            n_dims = 3 if self._shape[0] > 1 else 2
            tables[ILASTIK] = result.table(classifier.project, t, raw.shape[0], n_dims, in_table)
        if self._pictures is not None:
            self._pictures.add(t, labels, raw, result, self._folder())
        return ObjectsAtTime(n, result.paint, tables)

    def _from_probabilities(self, t: int, labels: WatchedVolume, watch: Watch) -> int:
        """Make objects of the probabilities of a time point; return how many there are."""
        mask, thresholds = self._mask, self._making.thresholds
        if thresholds is None:
            raise AssertionError
        return label_objects(
            WatchedVolume(self._volumes[t], watch),
            thresholds,
            labels,
            scratch=self._maker(watch),
            pixel_size=Scale.of(self._image).size,
            workers=self._work.workers,
            inside=None if mask is None else lambda box: mask.read(t, *box),
        )

    def _measured(self, t: int, labels: WatchedVolume, n: int, watch: Watch, name: str) -> ObjectTable:
        raw, scale = WatchedVolume(ImageVolume(self._image, t), watch), Scale.of(self._image)
        columns, workers = self._work.columns, self._work.workers
        return measure_objects(labels, raw, n, columns, scale, time=t, name=name, workers=workers)

    def tables(self) -> dict[str, ObjectTable]:
        """Return the tables of all time points, by layout."""
        layouts = next(iter(self._tables.values()), {})
        made = {name: joined([self._tables[t][name] for t in sorted(self._tables)]) for name in layouts}
        if ILASTIK in made:
            made[ILASTIK] = as_ilastik(made[ILASTIK])
        return made

    def pictures(self) -> Iterator[Picture]:
        """Yield pictures of all objects, in the order of the rows of their table; none unless the project has them."""
        if self._pictures is not None:
            yield from self._pictures.pictures(lambda t: ImageVolume(self._image, t))

    def close(self) -> None:
        """Remove what is left of temporary files."""
        self._expecting.close()
        if self._pictures is not None:
            self._pictures.close()
        for t in [*self._volumes]:
            self._forget(t)

    def _loops(self) -> list[Job]:
        if isinstance(self._classifier, ObjectClassification):
            return self._classifier.object_loops()
        return object_loops(self._making.thresholds)

    def _forget(self, t: int) -> None:
        if t in self._volumes:
            close_volume(self._volumes.pop(t))

    def _maker(self, watch: Watch) -> MakeVolume:
        return lambda shape, dtype: WatchedVolume(self._make(shape, dtype), watch)

    def _make(self, shape: Sequence[int], dtype: DTypeLike) -> Volume:
        """Return a volume of zeros, in a temporary file if it is large."""
        if stays_in_memory(self._shape, len(self._making.channels)):
            return ArrayVolume(np.zeros(tuple(shape), dtype))
        return ScratchVolume(shape, dtype, self._folder())

    def _folder(self) -> Path | None:
        """Return the folder for temporary files, which is made if it is not there."""
        folder = self._work.folder
        if folder is not None:
            make_folder(folder)
        return folder
