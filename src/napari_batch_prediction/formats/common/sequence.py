"""Sequences: one file for each index along one axis."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.files import (
    make_folder,
    not_whole,
    publish,
    remove,
    taken,
    temporary_path,
    writing,
)
from napari_batch_prediction.formats.common.planes import slice_axis
from napari_batch_prediction.formats.common.target import Target, Writer
from napari_batch_prediction.formats.numpy.writer import NpyFile

SLICE_INDEX = "{slice_index}"


def slice_paths(path: Path, axes: str, shape: tuple[int, ...], offset: Mapping[str, int]) -> tuple[Path, ...]:
    """Return the files of a sequence.

    The index, with as many digits as the largest has, stands for ``{slice_index}``, or else at the end of the
    name after an underscore. It counts from where the array begins in the image.

    Parameters
    ----------
    path
        The pattern.
    axes, shape
        The whole array; there must be an axis to cut along.
    offset
        Where it begins in the image, in pixels.
    """
    axis = slice_axis(axes, shape) or ""
    n, first = shape[axes.index(axis)], int(offset.get(axis, 0))
    name = path.name if SLICE_INDEX in path.name else f"{path.stem}_{SLICE_INDEX}{path.suffix}"
    digits = len(str(first + n - 1))
    return tuple(path.with_name(name.replace(SLICE_INDEX, f"{i:0{digits}}")) for i in range(first, first + n))


class SequenceWriter:
    """Write each slice when it is whole; give all their names at once.

    Values wait in a temporary file until their slice is whole.

    Parameters
    ----------
    target
        What is written; its path is the pattern of names.
    single
        From the target of one slice to what writes it.
    """

    def __init__(self, target: Target, *, single: Callable[[Target], Writer]) -> None:
        self.target = target
        self.paths = slice_paths(target.path, target.axes, target.shape, target.offset)
        self._single = single
        self._axis = target.axes.index(slice_axis(target.axes, target.shape) or "")
        n = target.shape[self._axis]
        self._missing = [prod(target.shape) // n] * n
        self._folder = temporary_path(target.path)
        self._lock = threading.Lock()
        self._values: NpyFile | None = None

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Raises
        ------
        ExportError
            If the files cannot be written.
        """
        along = region[self._axis]
        with self._lock, writing(self.target.path):
            if self._values is None:
                make_folder(self._folder)
                self._values = NpyFile(self._folder / "values.npy", self.target.shape, self.target.dtype)
            self._values.write(region, values)
            each = values.size // (along.stop - along.start)
            for i in range(along.start, along.stop):
                self._missing[i] -= each
            whole = [i for i in range(along.start, along.stop) if self._missing[i] == 0]
        for i in whole:
            self._write_slice(i)

    def _write_slice(self, i: int) -> None:
        target = self.target
        part = tuple(slice(i, i + 1) if k == self._axis else slice(0, n) for k, n in enumerate(target.shape))
        with self._lock, writing(target.path):
            if self._values is None:
                raise RuntimeError("it was given up")
            values = self._values.read(part)
        key = target.axes[self._axis]
        is_channel = key == "c"
        one = replace(
            target,
            path=self._folder / self.paths[i].name,
            shape=values.shape,
            offset={**target.offset, key: target.offset.get(key, 0) + i},
            channel_names=target.channel_names[i : i + 1] if is_channel else target.channel_names,
            channel_colors=target.channel_colors[i : i + 1] if is_channel else target.channel_colors,
            replace=False,
        )
        writer = self._single(one)
        writer.write(tuple(slice(0, n) for n in one.shape), values)
        writer.finish()

    def finish(self) -> None:
        """Give the files their names.

        Raises
        ------
        OutputExistsError
            If a name was taken meanwhile; then no file has its name.
        ExportError
            If the files are not whole or cannot be written.
        """
        target, missing = self.target, sum(self._missing)
        if self._values is None or missing:
            raise not_whole(target.path, prod(target.shape) - missing, prod(target.shape), "values")
        for path in self.paths:
            if path.exists() and not target.replace:
                raise taken(path)
        done: list[Path] = []
        try:
            for path in self.paths:
                publish(self._folder / path.name, path, replace=target.replace)
                done.append(path)
        except ExportError:
            if not target.replace:
                for path in done:
                    remove(path)
            raise
        self.abort()

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        if self._values is not None:
            with suppress(OSError):  # what cannot be written does not matter any more
                self._values.close()
        remove(self._folder)
