"""A writer of outputs in memory."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.writer import Writer


class MemoryWriter(Writer):
    """Keeps an output as an array.

    Parameters
    ----------
    shape, dtype
        Shape and type of the array.

    Attributes
    ----------
    values
        The array, complete once every region is written.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.paths: tuple[Path, ...] = ()
        self.values = np.zeros(shape, dtype)

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Keep a region."""
        self.values[region] = values

    def finish(self) -> None:
        """Do nothing: there is no file to name."""

    def abort(self) -> None:
        """Do nothing: there is no file to remove."""

    def held_bytes(self, n_rows: int = 1) -> int:
        """Return the size of the whole array in bytes."""
        return self.values.nbytes
