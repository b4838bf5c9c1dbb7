"""Reading NumPy's ``.npy`` files."""

from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.plain import PlainArray
from napari_batch_prediction.formats.numpy.npz import read_header
from napari_batch_prediction.images.base import Image, choose_axes


class NumpyImage(Image):
    """An array in a ``.npy`` file, whose axes are not stored and so are guessed."""

    def __init__(self, location: str, file: Path, axes: str | None = None) -> None:
        self._file = file.open("rb")
        try:
            shape, fortran, dtype = read_header(self._file)
            if dtype.hasobject:
                raise ImageReadError(
                    f"'{location}' holds Python objects, which are never loaded. Save it as an array of numbers."
                )
            axes, axes_known = choose_axes(shape, axes)
            super().__init__(location, axes, shape, dtype, axes_known=axes_known)
            self._array = PlainArray(self._file, self._file.tell(), shape, dtype, fortran=fortran)
        except Exception:
            self._file.close()
            raise

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        return self._array[region]

    def _release(self) -> None:
        self._file.close()
