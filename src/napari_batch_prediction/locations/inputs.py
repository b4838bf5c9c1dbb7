"""Expanding inputs (files, folders, patterns, lists, datasets, layers) to locations, and opening an image."""

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
from napari_batch_prediction.locations.paths import SplitPath, is_true, real_path, split_path
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
        A file, or a file with the path of a dataset after it, as in ``scan.h5/volume/data``. The path may be left
        out for a file with one image. A Zarr store is named by its folder; its full resolution is opened unless the
        path of another level follows.
    axes
        Axis keys for all dimensions, for example ``"tyx"``; they win over the file's own, which win over
        ilastik's guess by shape. For a stack, the axes of each file.
    stack
        Axis along which the files of a pattern or a folder are stacked as one image.
    channels
        Channels to keep, by name or by index from 0, in this order; all if None.
    arrays
        Images in memory, by the text of their location: layers of a viewer.

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
    location_ = location if isinstance(location, Location) else parse(location, stack)
    image = location_.open(axes, arrays)
    if channels is None:
        return image
    try:
        return ChannelsImage(image, channels)
    except BatchPredictionError:
        image.close()
        raise


class Expansion:
    """Expands inputs to the locations of their images, each image once.

    Parameters
    ----------
    stack
        Axis along which the files of a pattern or a folder are stacked as one image; None if each file is an image.
    """

    def __init__(self, stack: StackAxis | None = None) -> None:
        self._stack = stack
        self._seen: set[Hashable] = set()
        # Real paths of folders: thousands of images share few of them.
        self._folders: dict[Path, str] = {}

    def expand(self, entry: str) -> list[Location]:
        """Return the locations of an input's images, without those of earlier inputs.

        Parameters
        ----------
        entry
            The input: a file; a file with a dataset after it; a pattern for either, with ``*``, ``?``, ``[...]``, and
            ``**`` for any number of folders; a folder, for the files in it with a readable extension, or with
            ``/**`` after it, for those in all folders below; a list, which is a ``.txt`` or ``.csv`` file, or any
            file with ``@`` before it; a layer. ``~`` is the home folder. Special characters in the name of an
            existing file mean themselves.

        Returns
        -------
        Locations, those of one pattern or folder in natural order. A file that is named, not matched, need not exist:
        opening it fails.

        Raises
        ------
        SettingsError
            If a pattern or folder matches no file, or a list cannot be read.
        """
        if (layer := LayerNamed.of(entry)) is not None:
            keyed: list[tuple[Hashable, Location]] = [(layer, layer)]
        else:
            keyed = [pair for text in _listed(entry) for pair in self._locations(text)]
        # If an input fails half way, later inputs may still expand to its images: none is marked as seen.
        new: dict[Hashable, Location] = {}
        for key, location in keyed:
            if key not in self._seen:
                new.setdefault(key, location)
        self._seen.update(new)
        return list(new.values())

    def _locations(self, text: str) -> Iterator[tuple[Hashable, Location]]:
        """Yield the locations of one pattern, folder or file, each with a key that is equal for equal images."""
        split = split_path(text)
        matches = expand_pattern(text, split)
        if matches is None:
            yield self._key(split), FileAt.from_split(split, text)
        elif self._stack is not None and len(matches) > 1:
            yield real_path(text), StackOf(text, tuple(map(FileAt.from_split, matches)), self._stack)
        else:
            for match in matches:
                yield self._key(match), FileAt.from_split(match)

    def _key(self, split: SplitPath) -> Hashable:
        path = split.path
        if split.is_link or path.name in ("", ".."):
            return real_path(path), split.dataset
        if path.parent not in self._folders:
            self._folders[path.parent] = real_path(path.parent)
        return os.path.join(self._folders[path.parent], os.path.normcase(path.name)), split.dataset  # noqa: PTH118


def expand_inputs(inputs: Sequence[str], stack: StackAxis | None = None) -> list[Location]:
    """Return the locations of all inputs' images; see :class:`Expansion`."""
    expansion = Expansion(stack)
    return [location for entry in inputs for location in expansion.expand(entry)]


def _listed(entry: str) -> Iterator[str]:
    """Yield an input, or the entries of a list, with the home folder for ``~``."""
    if entry.startswith("@") and not is_true(Path.exists, Path(entry)):
        yield from map(_at_home, read_list(Path(_at_home(entry[1:]))))
    elif Path(entry).suffix.lower() in LIST_EXTENSIONS and not has_magic(entry) and split_path(entry).dataset is None:
        yield from map(_at_home, read_list(Path(_at_home(entry))))
    else:
        yield _at_home(entry)


def _at_home(entry: str) -> str:
    return str(Path(entry).expanduser()) if entry.startswith(("~/", f"~{os.sep}")) else entry
