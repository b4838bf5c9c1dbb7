"""Expanding inputs (files, folders, patterns, lists, datasets, layers) to locations, and opening an image."""

import os
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from glob import has_magic
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.errors import BatchPredictionError, ImageReadError, SettingsError
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import FILE_FORMATS
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.channels import Channels, ChannelsImage
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.locations.layers import named_in_memory
from napari_batch_prediction.locations.lists import EXTENSIONS as LIST_EXTENSIONS
from napari_batch_prediction.locations.lists import read_list
from napari_batch_prediction.locations.location import (
    Arrays,
    FileAt,
    FilesNamed,
    Location,
    StackOf,
    Unmatched,
    at_home,
    parse,
)
from napari_batch_prediction.locations.paths import SplitPath, is_true, real_path, require_name, split_path
from napari_batch_prediction.locations.patterns import expand_pattern


def open_image(
    location: str | os.PathLike[str] | Location,
    axes: str | None = None,
    *,
    stack: StackAxis | None = None,
    channels: Channels | int | str | None = None,
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
        Channels to keep, or one, by name or by index from 0, in this order; all if None.
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
    SettingsError
        If no file can have such a name.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> with nbp.open_image("nuclei_01.png") as image:
    ...     print(image.axes, image.shape, image.dtype)
    yx (512, 512) uint8
    """
    axes = None if axes is None else check_axes(axes)
    if not isinstance(location, str | os.PathLike | Location):
        raise ImageReadError(f"An image is opened by its path, got {type(location).__name__}.")
    if isinstance(channels, int | str):
        channels = [channels]
    location_ = location if isinstance(location, Location) else parse(location, stack)
    image = location_.open(axes, arrays)
    if channels is None:
        return image
    try:
        return ChannelsImage(image, channels)
    except BatchPredictionError:
        image.close()
        raise


FindResults = Callable[[Sequence[SplitPath]], Collection[SplitPath]]
"""Finds those of some files that are results, and so no inputs of a folder or pattern."""


class _Found(NamedTuple):
    key: Hashable
    location: Location
    # True if a folder or pattern matches it.
    is_match: bool


class Expansion:
    """Expands inputs to the locations of their images, each image once.

    Parameters
    ----------
    stack
        Axis along which the files of a pattern or a folder are stacked as one image; None if each file is an image.
    find_results
        Finds results among the files of a folder or pattern, which are left out; None to leave out none.

    Attributes
    ----------
    matched
        The locations that no input names, but a folder or a pattern matches.
    left_out
        The results that were left out.
    """

    def __init__(self, stack: StackAxis | None = None, find_results: FindResults | None = None) -> None:
        self.matched: set[Location] = set()
        self.left_out: list[Location] = []
        self._stack = stack
        self._find_results = find_results
        self._seen: dict[Hashable, Location] = {}
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
            file with ``@`` before it; files or layers as channels, or a layer (see :func:`parse`). ``~`` is the home
            folder. Special characters in the name of an existing file mean themselves.

        Returns
        -------
        Locations, those of one pattern or folder in natural order. A file that is named, not matched, need not exist:
        opening it fails.

        Raises
        ------
        SettingsError
            If a pattern or folder matches no file, or only results, no file can have such a name, or a list cannot be
            read. Of a list each entry fails for itself, when it is opened, unless all do.
        """
        if (image := named_in_memory(entry)) is not None:
            found: list[_Found] = [_Found(image, image, False)]
        elif (files := FilesNamed.of(entry)) is not None:
            found = [_Found((FilesNamed, *map(self._key_of, files.files)), files, False)]
        else:
            require_name(entry)
            listed = _listed(entry)
            found = [*self._locations(at_home(entry))] if listed is None else self._of_list(listed)
        # If an input fails half way, later inputs may still expand to its images: none is marked as seen.
        new: dict[Hashable, Location] = {}
        for key, location, is_match in found:
            if key not in self._seen and key not in new:
                new[key] = location
                if is_match:
                    self.matched.add(location)
            elif not is_match:
                self.matched.discard(new.get(key) or self._seen[key])
        self._seen.update(new)
        return list(new.values())

    def _of_list(self, entries: Sequence[str]) -> list[_Found]:
        """Return what the entries of a list stand for; a wrong entry stands for its error."""
        found: list[_Found] = []
        errors: list[SettingsError] = []
        for text in entries:
            try:
                require_name(text)
                found += self._locations(at_home(text))
            except SettingsError as error:
                errors.append(error)
                found.append(_Found((Unmatched, text), Unmatched(text, error), False))
        if len(errors) == len(entries):
            raise errors[0]
        return found

    def _locations(self, text: str) -> Iterator[_Found]:
        """Yield the locations of one pattern, folder or file, each with a key that is equal for equal images."""
        split = split_path(text)
        matches = expand_pattern(text, split)
        if matches is not None and self._find_results is not None:
            matches = self._without_results(text, matches)
        if matches is None:
            yield _Found(self._key(split), FileAt.from_split(split, text), False)
        elif self._stack is not None and len(matches) > 1:
            stack = StackOf(text, tuple(map(FileAt.from_split, matches)), self._stack)
            yield _Found(real_path(text), stack, False)
        else:
            for match in matches:
                yield _Found(self._key(match), FileAt.from_split(match), True)

    def _without_results(self, text: str, matches: list[SplitPath]) -> list[SplitPath]:
        results = set(self._find_results(matches)) if self._find_results is not None else set()
        if len(results) == len(matches):
            raise SettingsError(
                f"'{text}' holds only results of this program, such as '{matches[0].path.name}', which are no inputs "
                "of a folder or a pattern. To predict them, name the files themselves.",
                setting="inputs",
            )
        self.left_out += [FileAt.from_split(match) for match in matches if match in results]
        return [match for match in matches if match not in results]

    def _key_of(self, file: FileAt) -> Hashable:
        return self._key(SplitPath(file.path, file.dataset, is_link=file.path.is_symlink()))

    def _key(self, split: SplitPath) -> Hashable:
        path = split.path
        if split.is_link or path.name in ("", ".."):
            return real_path(path), split.dataset
        if path.parent not in self._folders:
            self._folders[path.parent] = real_path(path.parent)
        return os.path.join(self._folders[path.parent], os.path.normcase(path.name)), split.dataset  # noqa: PTH118


def prepare(inputs: Iterable[str]) -> None:
    """Start what takes time to start and is needed for files that these inputs name by their extensions."""
    for file_format in FILE_FORMATS:
        if file_format.prepare and any(end in name.lower() for name in inputs for end in file_format.extensions):
            load(file_format.prepare)()


def expand_inputs(
    inputs: Sequence[str], stack: StackAxis | None = None, find_results: FindResults | None = None
) -> list[Location]:
    """Return the locations of all inputs' images; see :class:`Expansion`."""
    expansion = Expansion(stack, find_results)
    return [location for entry in inputs for location in expansion.expand(entry)]


def _listed(entry: str) -> list[str] | None:
    """Return the entries of a list; None if an input is none."""
    if entry.startswith("@") and not is_true(Path.exists, Path(entry)):
        return read_list(Path(at_home(entry[1:])))
    if Path(entry).suffix.lower() in LIST_EXTENSIONS and not has_magic(entry) and split_path(entry).dataset is None:
        return read_list(Path(at_home(entry)))
    return None
