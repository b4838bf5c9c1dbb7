"""Blocks of N5 on disk, looked at before tensorstore opens them."""

from collections.abc import Mapping
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from napari_batch_prediction.disk import refuse_special, state_of
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.inflate import check_inflated

# Compressed bytes may be a little more than the values.
_MORE = 2**20


class Blocks:
    """The blocks of a dataset.

    Parameters
    ----------
    folder
        The folder of the dataset.
    header
        ``blockSize`` and ``compression`` of N5.
    itemsize
        The bytes of a value.

    Attributes
    ----------
    shape
        The shape of a block in the order of NumPy.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any], itemsize: int) -> None:
        self._folder = folder
        self.shape = tuple(int(n) for n in reversed(header["blockSize"]))
        self._n_bytes = prod(self.shape) * itemsize
        self._compression = str(header["compression"].get("type"))
        # Tiles share blocks, and each is decompressed to be looked at: once, unless it has changed since.
        self._passed: set[int] = set()

    def check(self, region: tuple[slice, ...]) -> None:
        """Look at the blocks of a region: each is a file, of the size that the metadata say.

        Raises
        ------
        ImageReadError
            If one is a pipe or a device.
        ValueError
            If one has other extents, or is larger, also when it is decompressed.
        """
        ranges = (range(s.start // n, -(-s.stop // n)) for s, n in zip(region, self.shape, strict=True))
        for index in product(*ranges):
            self._check_block(self._folder.joinpath(*map(str, reversed(index))))

    def _check_block(self, path: Path) -> None:
        try:
            state = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return  # a block of zeros
        refuse_special(path, ImageReadError, state.st_mode)
        seen = hash((path, state_of(state)))
        if seen in self._passed:
            return
        if state.st_size > 2 * self._n_bytes + _MORE:
            raise ValueError(f"the block {path} has {state.st_size:,} bytes, expected at most {self._n_bytes:,}")
        n = len(self.shape)
        with path.open("rb") as file:
            head = file.read(4 + 4 * n)
            extents = [int.from_bytes(head[i : i + 4]) for i in range(4, 4 + 4 * n, 4)]
            if len(head) < 4 + 4 * n or any(a > b for a, b in zip(extents, reversed(self.shape), strict=True)):
                raise ValueError(f"the block {path} is {extents}, expected at most {[*reversed(self.shape)]}")
            if head[:2] == b"\0\1":  # of varying length: the number of values follows
                file.read(4)
            check_inflated([self._compression], file.read(), self._n_bytes)
        self._passed.add(seen)
