"""The kinds of locations: a file, several files that are one image, a layer of a viewer."""

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path
from typing import Self

from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.images.base import Image, reading
from napari_batch_prediction.images.stack import StackAxis, StackImage
from napari_batch_prediction.locations.base import Arrays, Location
from napari_batch_prediction.locations.opening import open_file
from napari_batch_prediction.locations.paths import Place, absolute_path, find_place
from napari_batch_prediction.locations.patterns import expand_pattern, written

_LAYER = "layer:"

__all__ = ["Arrays", "FileAt", "LayerNamed", "Location", "StackOf", "Unmatched", "absolute", "parse"]


@dataclass(frozen=True, slots=True)
class FileAt(Location):
    """A file or a store, or a dataset in it.

    Attributes
    ----------
    path
        The file, or the folder of the store.
    dataset
        The path of the dataset; None if none is named.
    text
        The text that the user wrote, where it differs.
    """

    path: Path
    dataset: str | None = None
    text: str = field(default="", compare=False)

    @classmethod
    def of(cls, text: str | os.PathLike[str]) -> Self:
        """Return the location of a file that a text names; it need not exist."""
        text = os.fspath(text)
        return cls.at_place(find_place(text), text)

    @classmethod
    def at_place(cls, place: Place, text: str = "") -> Self:
        """Return the location at a place that is known."""
        return cls(place.path, place.dataset, "" if text == written(place) else text)

    def __str__(self) -> str:
        return self.text or (str(self.path) if self.dataset is None else f"{self.path}/{self.dataset}")

    @property
    def stem(self) -> str:
        """The name of the file without its extension, and with ``-inner-path`` if it names a dataset.

        Only the extension of a known format is left out, so names with dots stay whole: ``a.9_z1.tif`` is
        ``a.9_z1``, ``iso.2334`` is ``iso.2334``, ``x.ome.zarr`` is ``x.ome``, ``scan.h5/volume/data`` is
        ``scan-volume-data``.
        """
        stem = self.path.name if known_format(self.path) is None else self.path.stem
        return stem if self.dataset is None else f"{stem}-{self.dataset.replace('/', '-')}"

    @property
    def file(self) -> Path:
        """The file, or the folder of the store."""
        return self.path

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file alone."""
        return (self.path,)

    def at(self, dataset: str, stack: StackAxis | None = None) -> Location:
        """Return the location of a dataset in it, or of several as one image."""
        dataset = dataset.strip("/")
        if stack is not None and has_magic(dataset):
            return parse(f"{self}/{dataset}", stack)
        inner = dataset if self.dataset is None else f"{self.dataset}/{dataset}"
        return FileAt(self.path, inner, f"{self}/{dataset}")

    def state(self) -> Hashable | None:
        """Return time, size and number of the file."""
        return _state(self.path)

    def datasets(self) -> list[str]:
        """Return the paths of the images in the file, whatever is named after it."""
        file_format = known_format(self.path)
        if file_format is None:
            return []
        with reading(f"'{self.path}' as {file_format.name}"):
            return file_format.datasets(self.path)

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Open the image; only its header is read."""
        return open_file(str(self), self.path, self.dataset, axes)


@dataclass(frozen=True, slots=True)
class StackOf(Location):
    """Several files, or datasets, that are one image.

    Attributes
    ----------
    pattern
        The pattern or the folder.
    files
        Its files, in order.
    axis
        The axis they are stacked along.
    """

    pattern: str
    files: tuple[FileAt, ...]
    axis: StackAxis

    def __str__(self) -> str:
        return self.pattern

    @property
    def _is_folder(self) -> bool:
        return self.files[0].path.parent == Path(self.pattern)

    @property
    def stem(self) -> str:
        """The common beginning of the names of all files, as in ilastik; of a folder, its name.

        It is ``stack_at-`` and the name of the first if they have nothing in common.
        """
        if self._is_folder:
            return absolute_path(self.pattern).name
        names = [str(file.path.parent / file.stem) for file in self.files]
        shared = os.path.commonprefix(names)  # noqa: RUF071 - of names, not only of folders
        return Path(shared).name or f"stack_at-{self.files[0].stem}"

    @property
    def file(self) -> Path:
        """A path in the folder that all files of a pattern share; of a folder, that folder."""
        if self._is_folder:
            return Path(self.pattern)
        folders = [file.path.parent for file in self.files]
        try:
            shared = Path(os.path.commonpath(folders))
        except ValueError:  # different drives
            shared = folders[0]
        return shared / Path(self.pattern).name

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the stack."""
        return tuple(file.path for file in self.files)

    def at(self, dataset: str, stack: StackAxis | None = None) -> Location:
        """Return the stack of a dataset in each of its files."""
        return parse(f"{self.pattern}/{dataset.strip('/')}", self.axis)

    def state(self) -> Hashable | None:
        """Return the state of the folder, or of the only file; several files may change without notice."""
        paths = {Path(self.pattern)} if self._is_folder else set(self.paths)
        return _state(paths.pop()) if len(paths) == 1 else None

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Open the image; only headers are read."""
        return StackImage(self.pattern, self.files, self.axis, lambda file: file.open(axes))


@dataclass(frozen=True, slots=True)
class LayerNamed(Location):
    """A layer of a viewer.

    Attributes
    ----------
    name
        The name of the layer.
    """

    name: str

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the layer that a text names; None if it names a file."""
        return cls(text.removeprefix(_LAYER)) if text.startswith(_LAYER) else None

    def __str__(self) -> str:
        return _LAYER + self.name

    @property
    def stem(self) -> str:
        """The name of the layer."""
        return self.name

    @property
    def in_memory(self) -> bool:
        """True: its pixels are those of the layer."""
        return True

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Return the layer as an image."""
        image = (arrays or {}).get(str(self))
        if image is None:
            raise ImageReadError(
                f"'{self}' is a layer of a viewer, and can be predicted only while it is there, in that viewer. Add "
                "it to the viewer again, or save it to a file and use the file."
            )
        return image if axes is None else image.with_axes(axes)


@dataclass(frozen=True, slots=True)
class Unmatched(Location):
    """A text that stands for no image: a pattern that nothing matches, a list that cannot be read.

    Attributes
    ----------
    text
        The text.
    error
        The error that says why.
    file
        A path in the folder that results were to lie in; None if there are none.
    """

    text: str
    error: SettingsError
    file: Path | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def stem(self) -> str:
        """The last part of the text."""
        return Path(self.text).name

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Raise the error."""
        raise self.error


def parse(text: str | os.PathLike[str], stack: StackAxis | None = None) -> Location:
    """Return the location that a text names.

    Parameters
    ----------
    text
        A file, a file with a dataset after it, or ``layer:`` and the name of a layer.
    stack
        If given, a pattern or a folder is one image: its files stacked along this axis.

    Raises
    ------
    SettingsError
        If a pattern or folder is to be stacked and matches no file.
    """
    text = os.fspath(text)
    if (layer := LayerNamed.of(text)) is not None:
        return layer
    place = find_place(text)
    if stack is not None and (places := expand_pattern(text, place)) is not None:
        return StackOf(text, tuple(map(FileAt.at_place, places)), stack)
    return FileAt.at_place(place, text)


def absolute(text: str) -> str:
    """Return the text of a location with its path from the root on, symbolic links kept; that of a layer as it is."""
    return text if LayerNamed.of(text) is not None else str(absolute_path(text))


def _state(path: Path) -> Hashable | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
