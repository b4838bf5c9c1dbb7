"""Reading arrays in ``.npz`` files."""

import threading
import zipfile
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.plain import PlainArray
from napari_batch_prediction.images.base import (
    NOTHING_DECODED,
    Decoding,
    Image,
    can_be_image,
    choose_axes,
    only_dataset,
)

# Size of a zip file's local header, and offset in it of the lengths of name and extra field.
_LOCAL_HEADER, _LENGTHS = 30, 26

# Looking into more takes seconds: with more arrays the one that is meant must be named.
_MOST_LOOKED_AT = 1000

_Header = tuple[tuple[int, ...], bool, np.dtype]


class NpzImage(Image):
    """An array in a ``.npz`` file, whose axes are not stored and so are guessed.

    An uncompressed array is read by region; a compressed one is read entirely at the first read, and kept until
    closed.

    Parameters
    ----------
    location
        The text of its location, for messages.
    file
        The file.
    dataset
        Name of the array; None if the file holds only one.
    axes
        Axes that win over the guess.
    """

    def __init__(self, location: str, file: Path, dataset: str | None = None, axes: str | None = None) -> None:
        with zipfile.ZipFile(file) as npz:
            names = npz.namelist()
            if dataset is not None and f"{dataset}.npy" in names:
                name = dataset
            else:
                arrays = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
                is_short = len(arrays) <= _MOST_LOOKED_AT
                name = only_dataset(file, _images(npz) if is_short else dict.fromkeys(arrays, ""), dataset)
            member = npz.getinfo(f"{name}.npy")
            with npz.open(member) as stream:
                shape, fortran, dtype = read_header(stream)
                header_size = stream.tell()
        axes, axes_known = choose_axes(shape, axes)
        super().__init__(location, axes, shape, dtype, axes_known=axes_known, dataset=name)
        self._file, self._member = file, member.filename
        self._n_bytes = prod(shape) * dtype.itemsize
        self._lock = threading.Lock()
        self._pixels: NDArray | None = None
        self._stored: PlainArray | None = None
        if member.compress_type == zipfile.ZIP_STORED:
            with file.open("rb") as raw:
                raw.seek(member.header_offset + _LENGTHS)
                lengths = np.frombuffer(raw.read(4), "<u2").astype(int)
            start = member.header_offset + _LOCAL_HEADER + int(lengths.sum()) + header_size
            self._raw = file.open("rb")
            try:
                self._stored = PlainArray(self._raw, start, shape, dtype, fortran=fortran)
            except Exception:
                self._raw.close()
                raise

    @property
    def decoding(self) -> Decoding:
        """The memory of a compressed array, which is kept whole."""
        return NOTHING_DECODED if self._stored is not None else Decoding(kept=self._n_bytes)

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        if self._stored is not None:
            return self._stored[region]
        with self._lock:
            if self._pixels is None:
                with zipfile.ZipFile(self._file) as npz, npz.open(self._member) as stream:
                    # Arrays of Python objects are refused, never unpickled.
                    self._pixels = np.lib.format.read_array(stream, allow_pickle=False)
            pixels: NDArray = self._pixels[region]
            return pixels

    def _release(self) -> None:
        self._pixels = None
        if self._stored is not None:
            self._raw.close()


def list_arrays(file: Path) -> list[str]:
    """Return the names of all arrays that can be images."""
    with zipfile.ZipFile(file) as npz:
        return list(_images(npz))


def _images(npz: zipfile.ZipFile) -> dict[str, str]:
    images = {}
    for name in npz.namelist():
        if name.endswith(".npy"):
            with npz.open(name) as stream:
                shape, _, dtype = read_header(stream)
            if can_be_image(shape, dtype):
                images[name.removesuffix(".npy")] = f"{shape} {dtype}"
    return images


def read_header(stream: IO[bytes]) -> _Header:
    """Return shape, True for Fortran's order, and type; arrays of objects are refused later by their type."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of NumPy's format holds no plain numbers")
