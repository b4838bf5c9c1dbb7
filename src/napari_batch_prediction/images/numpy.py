"""NumPy's ``.npy`` files, memory-mapped."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.images.base import Image, choose_axes


class NumpyImage(Image):
    """An array in a ``.npy`` file. The file does not name its axes, so they are guessed."""

    def __init__(self, location: str, file: Path, axes: str | None = None) -> None:
        # Never unpickles: an array of Python objects is refused.
        self._array: NDArray = np.lib.format.open_memmap(file, mode="r")
        axes, known = choose_axes(self._array.shape, axes)
        super().__init__(location, axes, self._array.shape, self._array.dtype, axes_known=known)

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        return self._array[region]

    def _release(self) -> None:
        del self._array
