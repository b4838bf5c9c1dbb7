"""The kinds of locations: a file or dataset, a stack, files as channels, layers of a viewer."""

import os
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path
from typing import Self

from napari_batch_prediction.disk import file_state, refuse_special
from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.images.base import Image, reading
from napari_batch_prediction.images.stack import StackAxis, StackImage
from napari_batch_prediction.locations.base import AHEAD, Arrays, Location
from napari_batch_prediction.locations.layers import LayerNamed, named_in_memory
from napari_batch_prediction.locations.names import read_names, write_names
from napari_batch_prediction.locations.opening import open_file
from napari_batch_prediction.locations.paths import (
    SplitPath,
    absolute_path,
    is_url,
    require_name,
    split_path,
    store_format,
)
from napari_batch_prediction.locations.patterns import expand_pattern, written
from napari_batch_prediction.wording import count

FILES = "files:"

# Longer names leave too little of the 255 bytes that file systems allow.
_LONGEST = 120

__all__ = ["Arrays", "FileAt", "FilesNamed", "LayerNamed", "Location", "StackOf", "Unmatched", "absolute", "parse"]


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
        The text as the user wrote it, if it differs.
    """

    path: Path
    dataset: str | None = None
    text: str = field(default="", compare=False)

    @classmethod
    def of(cls, text: str | os.PathLike[str]) -> Self:
        """Parse the text of a file, with or without a dataset; the file need not exist."""
        text = os.fspath(text)
        return cls.from_split(split_path(text), text)

    @classmethod
    def from_split(cls, split: SplitPath, text: str = "") -> Self:
        """Return the location of a text that is split into file and dataset already."""
        return cls(split.path, split.dataset, "" if text == written(split) else text)

    def __str__(self) -> str:
        return self.text or (str(self.path) if self.dataset is None else f"{self.path}/{self.dataset}")

    @property
    def stem(self) -> str:
        """The name of the file without its extension, followed by ``-inner-path`` for a dataset.

        Only extensions of known formats are left out, so names with dots stay whole: ``a.9_z1`` for ``a.9_z1.tif``,
        ``iso.2334`` for ``iso.2334``, ``x.ome`` for ``x.ome.zarr``, ``scan-volume-data`` for ``scan.h5/volume/data``.
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
        """Return the location of a dataset in the file, or of a stack of datasets."""
        require_name(dataset, "dataset")
        dataset = dataset.strip("/")
        if stack is not None and has_magic(dataset):
            return parse(f"{self}/{dataset}", stack)
        inner = dataset if self.dataset is None else f"{self.dataset}/{dataset}"
        return FileAt(self.path, inner, f"{self}/{dataset}")

    def state(self) -> Hashable | None:
        """Return time of change, size and inode of the file."""
        return file_state(self.path)

    def foresee(self) -> None:
        """Have the header read if that is done elsewhere."""
        file_format = known_format(self.path)
        if file_format is not None and file_format.foresee:
            load(file_format.foresee)(self.path, self.dataset)

    def datasets(self) -> list[str]:
        """Return the paths of all datasets in the file."""
        file_format = known_format(self.path) or store_format(self.path)
        if file_format is None:
            return []
        refuse_special(self.path, ImageReadError)
        with reading(f"'{self.path}' as {file_format.name}"):
            return file_format.datasets(self.path)

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Open the image; only its header is read."""
        return open_file(str(self), self.path, self.dataset, axes)

    def open_alone(self, axes: str | None = None) -> Image:
        """Open what is in this file, not in others of its set, as a part of a stack."""
        return open_file(str(self), self.path, self.dataset, axes, alone=True)


@dataclass(frozen=True, slots=True)
class StackOf(Location):
    """A stack: several files or datasets that are one image.

    Attributes
    ----------
    pattern
        The pattern or folder, as the user wrote it.
    files
        The files, in order.
    axis
        The axis along which they are stacked.
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
        """The name of a folder; for a pattern, the common beginning of its files' names, as in ilastik.

        If they have nothing in common, it is ``stack_at-`` and the name of the first file.
        """
        if self._is_folder:
            return absolute_path(self.pattern).name
        datasets = {file.dataset for file in self.files}
        # The dataset that all files have comes after what their names share.
        one = f"-{dataset.replace('/', '-')}" if len(datasets) == 1 and (dataset := self.files[0].dataset) else ""
        names = [str(file.path.parent / file.stem.removesuffix(one)) for file in self.files]
        shared = os.path.commonprefix(names)  # noqa: RUF071 - of names, not only of folders
        name = Path(shared).name
        return f"{name}{one}" if name else f"stack_at-{self.files[0].stem}"

    @property
    def file(self) -> Path:
        """A path in the innermost folder that holds all files; for a folder, the folder itself."""
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
        """Return the state of the folder, or of the only file; None for several files."""
        paths = {Path(self.pattern)} if self._is_folder else set(self.paths)
        return file_state(paths.pop()) if len(paths) == 1 else None

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Open the image; only headers are read."""
        # Each is opened once in their order, and later again for its pixels.
        later = dict(zip(self.files, self.files[AHEAD:], strict=False))
        for file in self.files[:AHEAD]:
            file.foresee()

        def open_file_of_stack(file: FileAt) -> Image:
            if (next_file := later.pop(file, None)) is not None:
                next_file.foresee()
            return file.open_alone(axes)

        return StackImage(self.pattern, self.files, self.axis, open_file_of_stack)


@dataclass(frozen=True, slots=True)
class FilesNamed(StackOf):
    """Files or datasets named one by one: the channels of one image.

    The attributes are those of :class:`StackOf`; ``pattern`` is the text that names the files.
    """

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the location of the files that a text names; None if it is no list of files.

        Raises
        ------
        SettingsError
            If there is none, or no file can have such a name.
        """
        if not text.startswith(FILES):
            return None
        names = read_names(text.removeprefix(FILES)) or [""]
        for name in names:
            require_name(name)
        return cls(text, tuple(map(FileAt.of, map(at_home, names))), "c")

    @property
    def stem(self) -> str:
        """The names of the files; of so many that they make no name for a file, the first and how many others."""
        names = [file.stem for file in self.files]
        text = " + ".join(names)
        return text if len(text) <= _LONGEST else f"{names[0]} + {count(len(names) - 1, 'other')}"

    @property
    def file(self) -> Path:
        """A path beside the first file; no file or store, as its name is not that of one of the files."""
        return self.files[0].path.parent / self.stem

    def at(self, dataset: str, stack: StackAxis | None = None) -> Location:
        """Return the location of a dataset in each of the files."""
        return parse(files_text(str(file.at(dataset)) for file in self.files))

    def state(self) -> Hashable | None:
        """Return the states of all files."""
        return tuple(file.state() for file in self.files)

    def datasets(self) -> list[str]:
        """Return the paths of the datasets that are in all files.

        Raises
        ------
        ImageReadError
            If one cannot be read.
        """
        first, *others = (file.datasets() for file in self.files)
        return [name for name in first if all(name in names for names in others)]


@dataclass(frozen=True, slots=True)
class Unmatched(Location):
    """An input without images, such as a pattern that matches nothing or a list that cannot be read.

    Attributes
    ----------
    text
        The text.
    error
        The reason.
    file
        A path in the default folder of outputs; None if there is none.
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
        A file, a file with a dataset after it, ``files:`` and several of them that are the channels of one image,
        ``layer:`` and the name of a layer, ``array:`` and that of an array, or ``layers:`` and the names of several,
        with commas between them; names with commas, double quotes or blanks at their ends stand in double quotes, and
        a double quote in them is doubled.
    stack
        Axis along which the files of a pattern or a folder are stacked as one image.

    Raises
    ------
    SettingsError
        If no file can have such a name, or a pattern or folder to be stacked matches no file.
    """
    text = os.fspath(text)
    if (image := named_in_memory(text)) is not None:
        return image
    if (files := FilesNamed.of(text)) is not None:
        return files
    require_name(text)
    split = split_path(text)
    if stack is not None and (matches := expand_pattern(text, split)) is not None:
        return StackOf(text, tuple(map(FileAt.from_split, matches)), stack)
    return FileAt.from_split(split, text)


def absolute(text: str) -> str:
    """Return the text of a location with absolute paths, symbolic links kept; an image in memory or a URL unchanged."""
    if text.startswith(FILES):
        return files_text(absolute(at_home(name)) for name in read_names(text.removeprefix(FILES)))
    return text if named_in_memory(text) is not None or is_url(text) else str(absolute_path(text))


def files_text(files: Iterable[str]) -> str:
    """Return the text that names files as the channels of one image."""
    return FILES + write_names(files)


def is_special(text: str) -> bool:
    """Return True for the text of layers or of several files, which no file has as its name."""
    return text.startswith(FILES) or named_in_memory(text) is not None


def at_home(text: str) -> str:
    """Return the text of a file with the home folder for ``~``."""
    # A text, since a path cannot be without a home.
    return os.path.expanduser(text) if text.startswith(("~/", f"~{os.sep}")) else text  # noqa: PTH111
