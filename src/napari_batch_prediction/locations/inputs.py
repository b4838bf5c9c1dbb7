"""What a user names as inputs (files, folders, patterns, lists, datasets in files), and each input as an Image."""

import os
from collections.abc import Iterator, Sequence
from glob import has_magic
from pathlib import Path

from natsort import natsorted, ns

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.errors import AxesError, BatchPredictionError, ImageReadError, SettingsError
from napari_batch_prediction.formats.format import FileFormat
from napari_batch_prediction.formats.microscope.format import MICROSCOPE
from napari_batch_prediction.formats.registry import known_extensions, known_format
from napari_batch_prediction.formats.zarr.format import ZARR
from napari_batch_prediction.images.base import Image, reading
from napari_batch_prediction.images.channels import Channels, ChannelsImage
from napari_batch_prediction.images.stack import StackAxis, StackImage
from napari_batch_prediction.locations.lists import EXTENSIONS as LIST_EXTENSIONS
from napari_batch_prediction.locations.lists import read_list
from napari_batch_prediction.locations.location import dataset_splits, is_store, is_true, split
from napari_batch_prediction.locations.patterns import files_in_folder, match_datasets, match_files


def open_image(
    location: str | os.PathLike[str],
    axes: str | None = None,
    *,
    stack: StackAxis | None = None,
    channels: Channels | None = None,
) -> Image:
    """Open an image; only its header is read.

    Parameters
    ----------
    location
        A file, or a file with the path of a dataset after it, as in ``scan.h5/volume/data``. A file with one
        image needs no such path. A Zarr store is named by its folder; the full resolution is taken unless the
        path of another level follows.
    axes
        Axis keys for all dimensions, for example ``"tyx"``; they win over the file's own, which win over
        ilastik's guess by shape. Of a stack, the axes of each of its files.
    stack
        If given, a pattern or a folder as location is one image: its files stacked along this axis.
    channels
        Channels to keep, by name or by index from 0, in this order; all if None.

    Raises
    ------
    ImageReadError
        If there is no such image, or the file is damaged or of a format that cannot be read.
    AxesError
        If ``axes`` are not valid or do not fit the image.
    ImageMismatchError
        If the image has no such channels, or the files of a stack differ.
    """
    location = os.fspath(location)
    if axes is not None:
        axes = check_axes(axes)
    image = _open_one(location, axes) if stack is None else _open_stack(location, axes, stack)
    if channels is None:
        return image
    try:
        return ChannelsImage(image, channels)
    except BatchPredictionError:
        image.close()
        raise


def _open_one(location: str, axes: str | None) -> Image:
    file, dataset = split(location)
    kind = _format_of(location, file, dataset)
    with reading(f"'{location}' as {kind.name}"):
        try:
            return kind.open(location, file, dataset, axes)
        except AxesError as error:
            if axes is not None:
                raise AxesError(f"'{location}': {error}") from error
            raise ImageReadError(f"The axes of '{location}' are not clear. {error}") from error


def _open_stack(location: str, axes: str | None, along: StackAxis) -> Image:
    if not _is_several(location):
        return _open_one(location, axes)
    return StackImage(location, _expand(location), along, lambda member: _open_one(member, axes))


def _format_of(location: str, file: Path, dataset: str | None) -> FileFormat:
    """Return the format of an existing file that is not empty.

    Raises
    ------
    ImageReadError
        If there is no such file, or none that can be an image.
    """
    store = is_store(file)
    with reading(f"'{location}'"):
        if not file.exists():
            raise ImageReadError(f"There is no file '{file}'. Check its name and folder.")
        if file.is_dir() and not store:
            raise ImageReadError(
                f"'{file}' is a folder, expected a file. To use the images in it, name the folder as an input, or "
                f"give a pattern such as '{file / '*.tif'}'."
            )
        size = file.stat().st_size
    kind = known_format(file) or (ZARR if store else None)
    if size == 0 and not store:
        raise ImageReadError(f"'{file}' is empty: it has 0 bytes. Copy or save it again.")
    if kind is None:
        from napari_batch_prediction.formats.microscope.reader import reads

        with reading(f"'{location}' with bioio"):
            readable = reads(file)
        if not readable:
            raise ImageReadError(
                f"'{file}' has the extension '{file.suffix}', which is not known here. Formats that can be read: "
                f"{known_extensions()}, and what the installed readers of bioio open."
            )
        kind = MICROSCOPE
    if dataset is not None and not kind.has_datasets:
        raise ImageReadError(f"'{file}' is a {kind.name} file, which has no datasets in it. Leave out '/{dataset}'.")
    return kind


def input_file(location: str | os.PathLike[str]) -> Path:
    """Return the file on disk of an input; of a stack, a path in the folder that its results lie in by default.

    That is the folder all files of a pattern share; results of a folder that is one image lie beside it.
    """
    location = os.fspath(location)
    members = _members(location)
    if not members or is_true(Path.is_dir, Path(location)):
        return split(location)[0]
    folders = [split(member)[0].parent for member in members]
    try:
        shared = Path(os.path.commonpath(folders))
    except ValueError:  # different drives
        shared = folders[0]
    return shared / Path(location).name


def input_files(location: str | os.PathLike[str]) -> list[Path]:
    """Return all files on disk that an input is made of: one; those of a stack; none of what matches nothing."""
    location = os.fspath(location)
    return [split(member)[0] for member in (_members(location) if _is_several(location) else [location])]


def input_stem(location: str | os.PathLike[str]) -> str:
    """Return the name of an input without its extension, and with ``-inner-path`` if it names a dataset.

    Only the extension of a known format is left out, so names with dots stay whole: ``a.9_z1.tif`` is
    ``a.9_z1``, ``iso.2334`` is ``iso.2334``, ``x.ome.zarr`` is ``x.ome``, ``scan.h5/volume/data`` is
    ``scan-volume-data``.

    Of a pattern that is one stack it is what the names of all its files begin with, as in ilastik, or
    ``stack_at-`` and the name of the first if they have nothing in common; of a folder, its name.
    """
    location = os.fspath(location)
    members = _members(location)
    if not members:
        return _stem(location)
    if is_true(Path.is_dir, Path(location)):
        return Path(location).absolute().name
    names = [str(split(member)[0].parent / _stem(member)) for member in members]
    shared = os.path.commonprefix(names)  # noqa: RUF071 - what names begin with, not only folders
    return Path(shared).name or f"stack_at-{_stem(members[0])}"


def _members(location: str) -> list[str]:
    """Return what a pattern or folder stands for; empty if it is neither, or nothing is there (any more)."""
    if not _is_several(location):
        return []
    try:
        return _expand(location)
    except SettingsError:
        return []  # opening it says so


def _stem(location: str) -> str:
    file, dataset = split(location)
    stem = file.name if known_format(file) is None else file.stem
    return stem if dataset is None else f"{stem}-{dataset.replace('/', '-')}"


def expand_inputs(inputs: Sequence[str], *, stack: bool = False) -> list[str]:
    """Return the inputs that are named: patterns, folders and lists replaced by the files they stand for.

    Parameters
    ----------
    inputs
        Files; files with a dataset after them; patterns for either: ``*``, ``?``, ``[...]``, and ``**`` for
        any number of folders; folders, which stand for the files directly in them that can be read by their
        extension, and with ``/**`` after them for those in all folders below; lists, which are ``.txt`` and
        ``.csv`` files, or any file with ``@`` before it. ``~`` is the home folder. A name with such
        characters that exists is that file.
    stack
        Whether a pattern or a folder is one image, made of its files.

    Returns
    -------
    Locations for :func:`open_image` in the order of ``inputs``, those of one pattern or folder in natural
    order, each only once. Files that are named, not matched, need not exist: they fail when they are opened.

    Raises
    ------
    SettingsError
        If a pattern or folder matches no file, or a list cannot be read.
    """
    found: dict[tuple[str, str | None], str] = {}
    for entry in _entries(inputs):
        locations = _expand(entry)
        if stack and len(locations) > 1:
            found.setdefault((os.path.realpath(entry), None), entry)
            continue
        for location in locations:
            file, dataset = split(location)
            found.setdefault((os.path.realpath(file), dataset), location)
    return list(found.values())


def _entries(inputs: Sequence[str]) -> Iterator[str]:
    """Yield the inputs, lists replaced by what is in them, and ``~`` by the home folder."""
    for entry in inputs:
        if entry.startswith("@") and not is_true(Path.exists, Path(entry)):
            yield from map(_at_home, read_list(Path(_at_home(entry[1:]))))
        elif Path(entry).suffix.lower() in LIST_EXTENSIONS and split(entry)[1] is None and not has_magic(entry):
            yield from map(_at_home, read_list(Path(_at_home(entry))))
        else:
            yield _at_home(entry)


def _at_home(entry: str) -> str:
    return str(Path(entry).expanduser()) if entry.startswith(("~/", f"~{os.sep}")) else entry


def _is_several(location: str) -> bool:
    """Say whether a location is a pattern or a folder, not one image."""
    file, dataset = split(location)
    if not is_true(Path.exists, file):
        return has_magic(location)
    if dataset is None:
        return is_true(Path.is_dir, file) and not is_store(file)
    return has_magic(dataset) and bool(_matching_datasets(file, dataset))


def _expand(entry: str) -> list[str]:
    """Return what a pattern or folder stands for, at least one; anything else as it is."""
    file, dataset = split(entry)
    if not _is_several(entry):
        return [entry]
    if dataset is not None and is_true(Path.exists, file):
        matches = [f"{file}/{name}" for name in _matching_datasets(file, dataset)]
    elif is_true(Path.is_dir, file):
        matches = [str(path) for path in files_in_folder(file)]
        if not matches:
            raise SettingsError(
                f"The folder '{entry}' holds no image that can be read. Formats that can be read: "
                f"{known_extensions()}. To look into the folders below, give '{file / '**'}'."
            )
    else:
        matches = _match(Path(entry))
        if not matches:
            raise SettingsError(
                f"The pattern '{entry}' matches no file. Check its folder and extension. '**' stands for any "
                f"number of folders; relative patterns start at '{Path.cwd()}'."
            )
    # Sorted twice: names that are equal as numbers, such as a1 and a01, keep one order everywhere.
    return natsorted(sorted(matches), alg=ns.PATH)


def _match(pattern: Path) -> list[str]:
    matches = [str(path) for path in match_files(pattern)]
    for files, dataset in dataset_splits(pattern):
        for file in match_files(files):
            names = _matching_datasets(file, dataset) if has_magic(dataset) else []
            # A file without such a dataset stays as it is named: opening it says what it has.
            matches += [f"{file}/{name}" for name in names or [dataset]]
    return matches


def _matching_datasets(file: Path, pattern: str) -> list[str]:
    """Return the datasets of a file that match; none if it has one of that very name, or cannot be read."""
    kind = known_format(file)
    if kind is None or not kind.has_datasets:
        return []
    try:
        with reading(f"'{file}'"):
            names = kind.datasets(file)
    except ImageReadError:
        return []  # opening it says so
    return [] if pattern in names else match_datasets(names, pattern)
