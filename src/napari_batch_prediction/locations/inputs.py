"""What a user names as inputs: files, folders, patterns, lists, datasets in files; and an input as an Image."""

import os
from collections.abc import Hashable, Iterator, Sequence
from glob import has_magic
from pathlib import Path

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.channels import Channels, ChannelsImage
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.locations.lists import EXTENSIONS as LIST_EXTENSIONS
from napari_batch_prediction.locations.lists import read_list
from napari_batch_prediction.locations.location import Arrays, FileAt, LayerNamed, Location, StackOf, parse
from napari_batch_prediction.locations.paths import find_place, is_true, real_path
from napari_batch_prediction.locations.patterns import expand_pattern


def open_image(
    location: str | os.PathLike[str] | Location,
    axes: str | None = None,
    *,
    stack: StackAxis | None = None,
    channels: Channels | None = None,
    arrays: Arrays | None = None,
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
    arrays
        Images in memory, for layers of a viewer.

    Raises
    ------
    ImageReadError
        If there is no such image, or the file is damaged or of a format that cannot be read.
    AxesError
        If ``axes`` are not valid or do not fit the image.
    ImageMismatchError
        If the image has no such channels, or the files of a stack differ.
    """
    axes = None if axes is None else check_axes(axes)
    where = location if isinstance(location, Location) else parse(location, stack)
    image = where.open(axes, arrays)
    if channels is None:
        return image
    try:
        return ChannelsImage(image, channels)
    except BatchPredictionError:
        image.close()
        raise


class Expansion:
    """Replaces patterns, folders and lists by the images they stand for, each image once.

    Parameters
    ----------
    stack
        The axis along which a pattern or a folder is one image, made of its files; None if each file is one.
    """

    def __init__(self, stack: StackAxis | None = None) -> None:
        self._stack = stack
        self._seen: set[Hashable] = set()
        # Thousands of images share few folders.
        self._folders: dict[Path, str] = {}

    def expand(self, entry: str) -> list[Location]:
        """Return the images that an input stands for, without those of earlier inputs.

        Parameters
        ----------
        entry
            A file; a file with a dataset after it; a pattern for either: ``*``, ``?``, ``[...]``, and ``**`` for
            any number of folders; a folder, which stands for the files directly in it that can be read by their
            extension, and with ``/**`` after it for those in all folders below; a list, which is a ``.txt`` or
            ``.csv`` file, or any file with ``@`` before it; a layer. ``~`` is the home folder. A name with such
            characters that exists is that file.

        Returns
        -------
        The images of one pattern or folder in natural order. Files that are named, not matched, need not exist: they
        fail when they are opened.

        Raises
        ------
        SettingsError
            If a pattern or folder matches no file, or a list cannot be read.
        """
        if (layer := LayerNamed.of(entry)) is not None:
            found: list[tuple[Hashable, Location]] = [(layer, layer)]
        else:
            found = [pair for name in _entries(entry) for pair in self._images(name)]
        # An input that fails half way has no images: nothing is seen before the last is found.
        new: dict[Hashable, Location] = {}
        for key, location in found:
            if key not in self._seen:
                new.setdefault(key, location)
        self._seen.update(new)
        return list(new.values())

    def _images(self, entry: str) -> Iterator[tuple[Hashable, Location]]:
        """Yield the images of one pattern, folder or file, each with a value that is equal for equal images."""
        place = find_place(entry)
        places = expand_pattern(entry, place)
        if places is None:
            yield self._key(place.path, place.dataset, place.is_link), FileAt.at_place(place, entry)
        elif self._stack is not None and len(places) > 1:
            yield real_path(entry), StackOf(entry, tuple(map(FileAt.at_place, places)), self._stack)
        else:
            for place in places:
                yield self._key(place.path, place.dataset, place.is_link), FileAt.at_place(place)

    def _key(self, path: Path, dataset: str | None, is_link: bool) -> Hashable:
        if is_link or path.name in ("", ".."):
            return real_path(path), dataset
        if path.parent not in self._folders:
            self._folders[path.parent] = real_path(path.parent)
        return os.path.join(self._folders[path.parent], os.path.normcase(path.name)), dataset  # noqa: PTH118


def expand_inputs(inputs: Sequence[str], stack: StackAxis | None = None) -> list[Location]:
    """Return the images that all inputs stand for; see :class:`Expansion`."""
    expansion = Expansion(stack)
    return [location for entry in inputs for location in expansion.expand(entry)]


def _entries(entry: str) -> Iterator[str]:
    """Yield an input, or what is in it if it is a list, with the home folder for ``~``."""
    if entry.startswith("@") and not is_true(Path.exists, Path(entry)):
        yield from map(_at_home, read_list(Path(_at_home(entry[1:]))))
    elif Path(entry).suffix.lower() in LIST_EXTENSIONS and not has_magic(entry) and find_place(entry).dataset is None:
        yield from map(_at_home, read_list(Path(_at_home(entry))))
    else:
        yield _at_home(entry)


def _at_home(entry: str) -> str:
    return str(Path(entry).expanduser()) if entry.startswith(("~/", f"~{os.sep}")) else entry
