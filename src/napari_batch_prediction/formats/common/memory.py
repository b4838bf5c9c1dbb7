"""Outputs that stay in memory."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class MemoryWriter:
    """Keep one output as an array.

    Parameters
    ----------
    shape, dtype
        The whole array.

    Attributes
    ----------
    values
        The array; whole when every region is written.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.paths: tuple[Path, ...] = ()
        self.values = np.zeros(shape, dtype)

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Keep a region; safe to call from several threads for regions that do not overlap."""
        self.values[region] = values

    def finish(self) -> None:
        """Do nothing: there is no file to name."""

    def abort(self) -> None:
        """Do nothing: there is no file to remove."""
