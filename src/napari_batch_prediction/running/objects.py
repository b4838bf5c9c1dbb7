"""The objects of an image: made of probabilities once all tiles of a time point have come, part by part."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.engine.tiles import Box, Tile
from napari_batch_prediction.formats.common.files import make_folder
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.objects.features.slabs import slabs
from napari_batch_prediction.objects.labelling import label_objects
from napari_batch_prediction.objects.measuring import ObjectColumns, Scale, measure_objects
from napari_batch_prediction.objects.table import ObjectTable, joined
from napari_batch_prediction.objects.volume import ArrayVolume, ScratchVolume, Volume
from napari_batch_prediction.planning.objects import ObjectMaking, stays_in_memory

STEPS = 8
"""The steps of progress that the objects of a time point are."""

# Pixels that are written at once.
_WRITTEN_AT_ONCE = 2**22

# How often each pixel of the volumes is read or written: to label, to measure and to write objects.
_LABELLING, _MEASURING, _WRITING = 5, 3, 1


class StoppedError(Exception):
    """The run was cancelled, or the image has failed elsewhere."""


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
    """

    making: ObjectMaking
    columns: ObjectColumns
    folder: Path | None = None
    workers: int = 1


class ImageVolume:
    """One time point of an image as a volume."""

    def __init__(self, image: Image, t: int) -> None:
        extents = image.extents
        self.shape = (extents["c"], extents["z"], extents["y"], extents["x"])
        self.dtype = image.dtype
        self._image, self._t = image, t

    def read(self, box: Box, channels: slice = slice(None)) -> NDArray:
        """Return the values of a box."""
        return self._image.read_czyx(self._t, *box)[channels]

    def write(self, box: Box, values: NDArray) -> None:
        """Do not: an image is only read."""
        raise TypeError("an image is only read")


class Watch:
    """Lets work on volumes be stopped, and tells how far it is.

    Parameters
    ----------
    is_stopped
        Asked at every part of a volume.
    tell
        Called once for each of :data:`STEPS` steps but the last.
    n_pixels
        Pixels that are going to be read or written, about.
    """

    def __init__(self, is_stopped: Callable[[], bool], tell: Callable[[], None], n_pixels: int) -> None:
        self._is_stopped, self._tell, self._n_pixels = is_stopped, tell, n_pixels
        self._seen = self.n_told = 0
        self._lock = threading.Lock()

    def look(self, n_pixels: int) -> None:
        """Note that so many pixels are read or written; called from several threads.

        Raises
        ------
        StoppedError
            If the work is to be stopped.
        """
        if self._is_stopped():
            raise StoppedError
        with self._lock:
            self._seen += n_pixels
            while self.n_told < min(STEPS - 1, STEPS * self._seen // self._n_pixels):
                self.n_told += 1
                self._tell()


class WatchedVolume:
    """A volume of which each part that is read or written is told to a watch."""

    def __init__(self, volume: Volume, watch: Watch) -> None:
        self.shape, self.dtype = volume.shape, volume.dtype
        self._volume, self._watch = volume, watch

    def read(self, box: Box, channels: slice = slice(None)) -> NDArray:
        """Return the values of a box."""
        self._watch.look(prod(side.stop - side.start for side in box))
        return self._volume.read(box, channels)

    def write(self, box: Box, values: NDArray) -> None:
        """Store the values of a box."""
        self._watch.look(prod(side.stop - side.start for side in box))
        self._volume.write(box, values)

    def close(self) -> None:
        """Remove the temporary file, if there is one."""
        close_volume(self._volume)


def close_volume(volume: Volume) -> None:
    """Remove the temporary file of a volume, if it has one."""
    close = getattr(volume, "close", None)
    if close is not None:
        close()


class ObjectsOfImage:
    """Keeps the probabilities of an image until a time point is whole, and makes its objects.

    Parameters
    ----------
    work
        How objects are made.
    image
        The opened image.
    is_stopped
        Asked at every part of the work; it ends once this returns True.
    tell
        Called for each of :data:`STEPS` steps of each time point.

    Attributes
    ----------
    counts
        The number of objects at each time point that is done.
    made_from
        The source of the probabilities.
    """

    def __init__(
        self, work: ObjectWork, image: Image, is_stopped: Callable[[], bool], tell: Callable[[], None]
    ) -> None:
        self.counts: dict[int, int] = {}
        self.made_from = work.making.made_from
        self._work, self._image, self._is_stopped, self._tell = work, image, is_stopped, tell
        extents = image.extents
        self._shape = (extents["z"], extents["y"], extents["x"])
        self._volumes: dict[int, Volume] = {}
        self._left: dict[int, int] = {}
        self._tables: dict[int, ObjectTable] = {}
        self._lock = threading.Lock()
        # One time point after the other: memory is planned for one.
        self._turn = threading.Lock()

    def add(self, tile: Tile, probabilities: NDArray) -> bool:
        """Keep the probabilities ``(classes, z, y, x)`` of a tile; return True if its time point is whole now."""
        with self._lock:
            if tile.t not in self._volumes:
                self._volumes[tile.t] = self._make((len(self._work.making.channels), *self._shape), np.float32)
                self._left[tile.t] = prod(self._shape)
            volume = self._volumes[tile.t]
        values = probabilities[list(self._work.making.channels)]
        volume.write((tile.z, tile.y, tile.x), values)
        with self._lock:
            self._left[tile.t] -= values[0].size
            return self._left[tile.t] == 0

    def finish(self, t: int, write: Callable[[Tile, NDArray], None]) -> None:
        """Make the objects of a time point.

        Parameters
        ----------
        t
            The time point, of which all tiles have come.
        write
            Called with each part of the labels ``(1, z, y, x)``, uint32, as a tile.

        Raises
        ------
        StoppedError
            If the work is to be stopped.
        """
        with self._turn:
            work, scale = self._work, Scale.of(self._image)
            making = work.making
            passes = _LABELLING + _MEASURING * making.has_table + _WRITING * making.has_labels
            watch = Watch(self._is_stopped, self._tell, max(1, passes * prod(self._shape)))
            labels = WatchedVolume(self._make((1, *self._shape), np.uint32), watch)
            try:
                n = label_objects(
                    WatchedVolume(self._volumes[t], watch),
                    making.settings,
                    labels,
                    scratch=lambda shape, dtype: WatchedVolume(self._make(shape, dtype), watch),
                    pixel_size=scale.size,
                    workers=work.workers,
                )
                self._forget(t)
                if making.has_table:
                    raw = WatchedVolume(ImageVolume(self._image, t), watch)
                    self._tables[t] = measure_objects(
                        labels, raw, n, work.columns, scale, time=t, name=making.name, workers=work.workers
                    )
                if making.has_labels:
                    for box in slabs(self._shape, _WRITTEN_AT_ONCE):
                        write(Tile(t, *box), labels.read(box))
            finally:
                labels.close()
            self.counts[t] = n
            for _ in range(STEPS - watch.n_told):
                self._tell()

    def table(self) -> ObjectTable | None:
        """Return the table of all time points; None if none is made."""
        tables = [self._tables[t] for t in sorted(self._tables)]
        return joined(tables) if tables else None

    def close(self) -> None:
        """Remove what is left of temporary files."""
        for t in [*self._volumes]:
            self._forget(t)

    def _forget(self, t: int) -> None:
        close_volume(self._volumes.pop(t))

    def _make(self, shape: Sequence[int], dtype: DTypeLike) -> Volume:
        """Return a volume of zeros, in a temporary file if it is large."""
        folder = self._work.folder
        if stays_in_memory(self._shape, len(self._work.making.channels)):
            return ArrayVolume(np.zeros(tuple(shape), dtype))
        if folder is not None:
            make_folder(folder)
        return ScratchVolume(shape, dtype, folder)
