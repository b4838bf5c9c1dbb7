"""Writing sequences of files, one for each index along an axis."""

import os
from collections.abc import Callable
from dataclasses import replace
from math import prod
from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.chunks import Region
from napari_batch_prediction.formats.common.files import keep_own, publish, remove, taken, writing
from napari_batch_prediction.formats.common.planes import slice_axis, slice_paths
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.common.writer import AtomicWriter, Writer
from napari_batch_prediction.formats.numpy.writer import NpyFile


class SequenceWriter(AtomicWriter):
    """Writes each slice once it is whole, and names all files at the end.

    Values wait in a temporary file until their slice is whole.

    Parameters
    ----------
    target
        The output; its path is the pattern of names.
    single
        A function from the target of one slice to its writer.
    """

    _values: NpyFile

    def __init__(self, target: Target, *, single: Callable[[Target], Writer]) -> None:
        super().__init__(target)
        self.paths = slice_paths(target.path, target.axes, target.shape, target.offset)
        self._single = single
        self._axis = target.axes.index(slice_axis(target.axes, target.shape) or "")
        n = target.shape[self._axis]
        self._missing = [prod(target.shape) // n] * n

    def _create(self) -> None:
        self._temporary.mkdir()
        self._values = NpyFile(self._temporary / "values.npy", self.target.shape, self.target.dtype)
        self._releases.append(self._values.close)

    def _take(self, region: Region, values: NDArray) -> int:
        indices = range(region[self._axis].start, region[self._axis].stop)
        with self._lock, writing(self.target.path):
            self._values.write(region, values)
            for i in indices:
                self._missing[i] -= values.size // len(indices)
            whole = [i for i in indices if self._missing[i] == 0]
        for i in whole:
            self._write_slice(i)
        return values.size

    def _write_slice(self, i: int) -> None:
        sizes = enumerate(self.target.shape)
        with self._lock, writing(self.target.path):
            values = self._values.read(tuple(slice(i, i + 1) if k == self._axis else slice(0, n) for k, n in sizes))
        writer = self._single(self._slice(i))
        writer.write(tuple(slice(0, n) for n in values.shape), values)
        writer.finish()

    def _slice(self, i: int) -> Target:
        """Return the target of a slice."""
        target, key = self.target, self.target.axes[self._axis]
        channels = slice(i, i + 1) if key == "c" else slice(None)
        return replace(
            target,
            path=self._temporary / self.paths[i].name,
            shape=tuple(1 if k == self._axis else n for k, n in enumerate(target.shape)),
            offset={**target.offset, key: target.offset.get(key, 0) + i},
            channel_names=target.channel_names[channels],
            channel_colors=target.channel_colors[channels],
            replace=False,
        )

    def _publish(self) -> None:
        target = self.target
        there = {path for path in self.paths if os.path.lexists(path)} if not target.replace else set[Path]()
        for path in self.paths:
            if path in there and not target.may_be_own:
                raise taken(path)
            if path in there:
                keep_own(self._temporary / path.name, path)
        done: list[Path] = []
        try:
            for path in self.paths:
                if path in there:
                    continue
                publish(self._temporary / path.name, path, replace=target.replace)
                done.append(path)
        except ExportError:
            if not target.replace:
                for path in done:
                    remove(path)
            raise
        remove(self._temporary)

    def held_bytes(self, n_rows: int = 1) -> int:
        """Return the size of one slice in bytes, plus the bytes that its writer holds."""
        target = self._slice(0)
        return prod(target.shape) * target.dtype.itemsize + self._single(target).held_bytes(n_rows)
