"""The formats that can be read, by extension; each imports its library only when it is used."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.images.base import Image


def _open_raster(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.raster.reader import RasterImage

    return RasterImage(location, file, axes)


def _open_tiff(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.tiff.reader import TiffImage

    return TiffImage(location, file, axes)


def _open_hdf5(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.hdf5.reader import Hdf5Image

    return Hdf5Image(location, file, dataset, axes)


def _list_hdf5(file: Path) -> list[str]:
    from napari_batch_prediction.formats.hdf5.reader import list_datasets

    return list_datasets(file)


def _open_numpy(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.numpy.reader import NumpyImage

    return NumpyImage(location, file, axes)


def _open_npz(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.numpy.npz import NpzImage

    return NpzImage(location, file, dataset, axes)


def _list_npz(file: Path) -> list[str]:
    from napari_batch_prediction.formats.numpy.npz import list_arrays

    return list_arrays(file)


def _open_zarr(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.zarr.reader import ZarrImage

    return ZarrImage(location, file, dataset, axes)


def _list_zarr(file: Path) -> list[str]:
    from napari_batch_prediction.formats.zarr.reader import list_images

    return list_images(file)


def _open_n5(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.n5.reader import N5Image

    return N5Image(location, file, dataset, axes)


def _list_n5(file: Path) -> list[str]:
    from napari_batch_prediction.formats.n5.reader import list_datasets

    return list_datasets(file)


def _open_bioio(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.formats.microscope.reader import BioioImage

    return BioioImage(location, file, dataset, axes)


def _list_bioio(file: Path) -> list[str]:
    from napari_batch_prediction.formats.microscope.reader import list_scenes

    return list_scenes(file)


class Format(NamedTuple):
    """A format that can be read.

    Attributes
    ----------
    name
        What people call it.
    extensions
        In lower case, with the dot.
    open
        Opens a location, given its file, dataset and the user's axes. Imports its library only when called:
        the list of formats must cost nothing.
    datasets
        Lists the images in a file that can hold several, by name; None if it holds one.
    is_folder
        Whether what is one thing to the user is a folder on disk.
    """

    name: str
    extensions: tuple[str, ...]
    open: Callable[[str, Path, str | None, str | None], Image]
    datasets: Callable[[Path], list[str]] | None = None
    is_folder: bool = False

    @property
    def has_datasets(self) -> bool:
        """Whether one file holds several images by name."""
        return self.datasets is not None


MICROSCOPE_READERS = {
    ".czi": "bioio-czi",
    ".nd2": "bioio-nd2",
    ".lif": "bioio-lif",
    ".dv": "bioio-dv",
    ".r3d": "bioio-dv",
    ".sldy": "bioio-sldy",
    ".ims": "bioio-bioformats",
    ".oib": "bioio-bioformats",
    ".oif": "bioio-bioformats",
    ".vsi": "bioio-bioformats",
}
"""The plugin of bioio that reads files of a microscope's own format."""

ZARR = Format("Zarr", (".zarr",), _open_zarr, _list_zarr, is_folder=True)
BIOIO = Format("microscope", tuple(MICROSCOPE_READERS), _open_bioio, _list_bioio)
FORMATS = (
    Format("TIFF", (".tif", ".tiff", ".btf", ".lsm"), _open_tiff),
    Format("HDF5", (".h5", ".hdf5"), _open_hdf5, _list_hdf5),
    ZARR,
    Format("N5", (".n5",), _open_n5, _list_n5, is_folder=True),
    Format("PNG", (".png",), _open_raster),
    Format("JPEG", (".jpg", ".jpeg"), _open_raster),
    Format("BMP", (".bmp",), _open_raster),
    Format("GIF", (".gif",), _open_raster),
    Format("NumPy", (".npy",), _open_numpy),
    Format("NPZ", (".npz",), _open_npz, _list_npz),
    BIOIO,
)
_BY_EXTENSION = {extension: known for known in FORMATS for extension in known.extensions}


def known_format(path: Path) -> Format | None:
    """Return the format that the extension of a name stands for; None if it is not known."""
    return _BY_EXTENSION.get(path.suffix.lower())


def known_extensions() -> str:
    """Return the extensions of all formats, for messages."""
    return ", ".join(_BY_EXTENSION)
