"""What a user names as inputs (files, patterns, datasets in files), and each input as an Image."""

import os
from collections.abc import Callable, Sequence
from glob import escape, glob, has_magic
from pathlib import Path
from typing import NamedTuple

from natsort import natsorted, ns

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.errors import AxesError, ImageReadError, SettingsError
from napari_batch_prediction.images.base import Image, reading


def _open_raster(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.images.raster import RasterImage

    return RasterImage(location, file, axes)


def _open_tiff(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.images.tiff import TiffImage

    return TiffImage(location, file, axes)


def _open_hdf5(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.images.hdf5 import Hdf5Image

    return Hdf5Image(location, file, dataset, axes)


def _open_numpy(location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
    from napari_batch_prediction.images.numpy import NumpyImage

    return NumpyImage(location, file, axes)


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
    has_datasets
        Whether one file holds several images by name.
    """

    name: str
    extensions: tuple[str, ...]
    open: Callable[[str, Path, str | None, str | None], Image]
    has_datasets: bool = False


FORMATS = (
    Format("TIFF", (".tif", ".tiff"), _open_tiff),
    Format("HDF5", (".h5", ".hdf5"), _open_hdf5, has_datasets=True),
    Format("PNG", (".png",), _open_raster),
    Format("JPEG", (".jpg", ".jpeg"), _open_raster),
    Format("BMP", (".bmp",), _open_raster),
    Format("GIF", (".gif",), _open_raster),
    Format("NumPy", (".npy",), _open_numpy),
)
_BY_EXTENSION = {extension: known for known in FORMATS for extension in known.extensions}


def open_image(location: str | os.PathLike[str], axes: str | None = None) -> Image:
    """Open an image; only its header is read.

    Parameters
    ----------
    location
        A file, or a file with the path of a dataset after it, as in ``scan.h5/volume/data``. An HDF5 file
        with one dataset of 2 to 5 dimensions needs no such path.
    axes
        Axis keys for all dimensions, for example ``"tyx"``; they win over the file's own, which win over
        ilastik's guess by shape.

    Raises
    ------
    ImageReadError
        If there is no such image, or the file is damaged or of a format that cannot be read.
    AxesError
        If ``axes`` are not valid or do not fit the image.
    """
    location = os.fspath(location)
    if axes is not None:
        axes = check_axes(axes)
    file, dataset = _split(location)
    kind = _format_of(location, file, dataset)
    with reading(f"'{location}' as {kind.name}"):
        try:
            return kind.open(location, file, dataset, axes)
        except AxesError as error:
            if axes is not None:
                raise AxesError(f"'{location}': {error}") from error
            raise ImageReadError(f"The axes of '{location}' are not clear. {error}") from error


def _format_of(location: str, file: Path, dataset: str | None) -> Format:
    """Return the format of an existing file that is not empty.

    Raises
    ------
    ImageReadError
        If there is no such file, or none that can be an image.
    """
    with reading(f"'{location}'"):
        if not file.exists():
            raise ImageReadError(f"There is no file '{file}'. Check its name and folder.")
        if file.is_dir():
            raise ImageReadError(
                f"'{file}' is a folder, expected a file. To use the images in it, give a pattern such as "
                f"'{file / '*.tif'}'."
            )
        size = file.stat().st_size
    kind = _BY_EXTENSION.get(file.suffix.lower())
    if kind is None:
        raise ImageReadError(
            f"'{file}' has the extension '{file.suffix}', which is not known here. Formats that can be read: "
            f"{', '.join(_BY_EXTENSION)}."
        )
    if size == 0:
        raise ImageReadError(f"'{file}' is empty: it has 0 bytes. Copy or save it again.")
    if dataset is not None and not kind.has_datasets:
        raise ImageReadError(f"'{file}' is a {kind.name} file, which has no datasets in it. Leave out '/{dataset}'.")
    return kind


def input_file(location: str | os.PathLike[str]) -> Path:
    """Return the file on disk of an input."""
    return _split(os.fspath(location))[0]


def input_stem(location: str | os.PathLike[str]) -> str:
    """Return the name of an input without its extension, and with ``-inner-path`` if it names a dataset.

    Only the extension of a known format is left out, so names with dots stay whole: ``a.9_z1.tif`` is
    ``a.9_z1``, ``iso.2334`` is ``iso.2334``, ``scan.h5/volume/data`` is ``scan-volume-data``.
    """
    file, dataset = _split(os.fspath(location))
    stem = file.stem if file.suffix.lower() in _BY_EXTENSION else file.name
    return stem if dataset is None else f"{stem}-{dataset.replace('/', '-')}"


def expand_inputs(inputs: Sequence[str]) -> list[str]:
    """Return the inputs that are named, patterns replaced by the files they match.

    Parameters
    ----------
    inputs
        Files, files with a dataset after them, and patterns for either: ``*``, ``?``, ``[...]``, and ``**``
        for any number of folders. ``~`` is the home folder. A name with such characters that exists is that
        file.

    Returns
    -------
    Locations for :func:`open_image` in the order of ``inputs``, those of one pattern in natural order, each
    only once. Files that are named, not matched, need not exist: they fail when they are opened.

    Raises
    ------
    SettingsError
        If a pattern matches no file.
    """
    found: dict[tuple[str, str | None], str] = {}
    for entry in inputs:
        for location in _expand(entry):
            file, dataset = _split(location)
            found.setdefault((os.path.realpath(file), dataset), location)
    return list(found.values())


def _expand(entry: str) -> list[str]:
    if entry.startswith(("~/", f"~{os.sep}")):
        entry = str(Path(entry).expanduser())
    if not has_magic(entry) or _is(Path.exists, _split(entry)[0]):
        return [entry]
    matches = _glob(Path(entry))
    for file, dataset in _dataset_splits(Path(entry)):
        matches += [f"{name}/{dataset}" for name in _glob(file)]
    if not matches:
        raise SettingsError(
            f"The pattern '{entry}' matches no file. Check its folder and extension. '**' stands for any "
            f"number of folders; relative patterns start at '{Path.cwd()}'."
        )
    # Sorted twice: names that are equal as numbers, such as a1 and a01, keep one order everywhere.
    return natsorted(sorted(matches), alg=ns.PATH)


def _glob(pattern: Path) -> list[str]:
    """Return the files that match, without folders and hidden files."""
    # Folders that exist are meant as they are named, even with brackets in their names.
    folder = Path(pattern.anchor)
    rest = list(pattern.parts[1:] if pattern.anchor else pattern.parts)
    while rest and _is(Path.is_dir, folder / rest[0]):
        folder /= rest.pop(0)
    names = glob(str(Path(escape(str(folder)), *rest)), recursive=True)  # noqa: PTH207 - Path.glob shows hidden files
    return [name for name in names if _is(Path.is_file, Path(name))]


def _split(location: str) -> tuple[Path, str | None]:
    """Return the file and the dataset that a location names; the file need not exist."""
    path = Path(location)
    if _is(Path.exists, path):
        return path, None
    for file in path.parents:
        if _is(Path.is_file, file):
            return file, path.relative_to(file).as_posix()
    return next(iter(_dataset_splits(path)), (path, None))


def _dataset_splits(path: Path) -> list[tuple[Path, str]]:
    """Return the ways to split a path after a name that can be a file with datasets, outermost first.

    Folders are no such files, whatever their names.
    """
    splits = []
    for file in reversed(path.parents):
        kind = _BY_EXTENSION.get(file.suffix.lower())
        if kind is not None and kind.has_datasets and not _is(Path.is_dir, file):
            splits.append((file, path.relative_to(file).as_posix()))
    return splits


def _is(test: Callable[[Path], bool], path: Path) -> bool:
    try:
        return test(path)
    except OSError:
        return False  # too long a name, or no permission: opening it says so
