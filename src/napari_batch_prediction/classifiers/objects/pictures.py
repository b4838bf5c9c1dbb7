"""Pictures of single objects, which ilastik puts into its tables in HDF5 beside the rows."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.classifiers.objects.result import ObjectResult
from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.formats.common.rows import Picture
from napari_batch_prediction.ilp.objects.project import TableExport
from napari_batch_prediction.objects.features.names import DEFAULT, Feature
from napari_batch_prediction.objects.features.slabs import slabs
from napari_batch_prediction.objects.volume import Volume

# The order of axes in ilastik.
_ORDER = "txyzc"

# Pixels of the whole image that are written at once.
_AT_ONCE = 2**22


class ObjectPictures:
    """For each object of an image its mask, and its part of the image or the whole image, as the project says.

    They wait in a temporary file, since the numbers of rows are known when all time points are done.

    Parameters
    ----------
    table
        What the project says of its table.
    """

    def __init__(self, table: TableExport) -> None:
        self._table = table
        self._file: IO[bytes] | None = None
        self._places: dict[int, tuple[int, int]] = {}

    def add(self, t: int, labels: Volume, raw: Volume, result: ObjectResult, folder: Path | None) -> None:
        """Take the objects of a time point; the temporary file is in the folder, or where the system has such files."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        file = self._file
        self._places[t] = file.tell(), result.n
        first, last = (result.features[Feature(DEFAULT, f"Coord<{end}>")] for end in ("Minimum", "Maximum"))
        for i in range(result.n):
            box = self._box(first[i], last[i], labels.shape)
            mask = labels.read(box) == i + 1
            np.save(file, mask.astype(np.uint8).T, allow_pickle=False)
            if not self._table.include_raw:
                np.save(file, raw.read(box).T, allow_pickle=False)

    def pictures(self, raw: Callable[[int], Volume]) -> Iterator[Picture]:
        """Yield the pictures of all time points, in the order of the rows of the table.

        Parameters
        ----------
        raw
            Returns the image at a time point.
        """
        row = 0
        for place, n in (self._places[t] for t in sorted(self._places)):
            if self._file is None:
                raise AssertionError
            self._file.seek(place)
            for _ in range(n):
                yield _small(f"images/{row}/labeling", "labeling", np.load(self._file, allow_pickle=False))
                if not self._table.include_raw:
                    yield _small(f"images/{row}/raw", "image", np.load(self._file, allow_pickle=False))
                row += 1
        if self._table.include_raw:
            yield _whole([raw(t) for t in sorted(self._places)])

    def close(self) -> None:
        """Remove the temporary file."""
        if self._file is not None:
            self._file.close()

    def _box(self, first: NDArray, last: NDArray, shape: tuple[int, ...]) -> Box:
        """Return the box along z, y, x around an object whose corners are given along x, y and, in 3D, z."""
        margin = self._table.margin
        sides = [
            slice(max(0, int(low) - margin), min(int(high) + margin, extent))
            for low, high, extent in zip(first, last, shape[:0:-1], strict=False)
        ]
        x, y, z = sides if len(sides) == len("xyz") else (*sides, slice(0, 1))
        return z, y, x


def _small(path: str, kind: str, values: NDArray) -> Picture:
    """Return a picture of one object, of values (x, y, z, c)."""
    return _picture(path, kind, (1, *values.shape), values.dtype, iter([((slice(None),) * 5, values[None])]))


def _whole(volumes: list[Volume]) -> Picture:
    """Return the whole image, given it at each time point."""
    c, z, y, x = volumes[0].shape

    def parts() -> Iterator[tuple[tuple[slice, ...], NDArray]]:
        for t, volume in enumerate(volumes):
            for along_z, along_y, along_x in slabs((z, y, x), _AT_ONCE):
                values = volume.read((along_z, along_y, along_x))
                yield (slice(t, t + 1), along_x, along_y, along_z, slice(0, c)), values.T[None]

    return _picture("images/raw", "image", (len(volumes), x, y, z, c), volumes[0].dtype, parts())


def _picture(
    path: str,
    kind: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    parts: Iterator[tuple[tuple[slice, ...], NDArray]],
) -> Picture:
    """Return a picture of values (t, x, y, z, c) without the axes that have one pixel, as ilastik leaves them out."""
    kept = [axis for axis, n in enumerate(shape) if n > 1]
    left = tuple(shape[axis] for axis in kept)
    attributes = {"type": kind, "axistags": axistags_to_json("".join(_ORDER[axis] for axis in kept))}

    def squeezed() -> Iterator[tuple[tuple[slice, ...], NDArray]]:
        for region, values in parts:
            own = [values.shape[axis] for axis in kept]
            yield tuple(region[axis] for axis in kept), values.reshape(own)

    return Picture(path, left, dtype, attributes, squeezed())
