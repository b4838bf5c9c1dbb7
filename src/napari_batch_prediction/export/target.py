"""What a writer is to write, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Target:
    """One output of one input.

    Attributes
    ----------
    path
        The file.
    axes, shape, dtype
        The whole array.
    value_range
        Smallest and largest possible value, if known.
    pixel_size, units
        Size of a pixel along each axis and its unit, where known.
    internal_path
        Name of the dataset, in formats that hold several.
    replace
        Whether a file of that name may be replaced.
    """

    path: Path
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    value_range: tuple[float, float] | None = None
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    internal_path: str = "exported_data"
    replace: bool = False


class Writer(Protocol):
    """Writes one target, region by region, and names it when it is whole."""

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region of the target; called from several threads, for regions that do not overlap."""

    def finish(self) -> None:
        """Give the file its name once every region is written."""

    def abort(self) -> None:
        """Remove what was written; no effect if nothing was, or after :meth:`finish`."""
