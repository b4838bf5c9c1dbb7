"""Facts about formats: of files to read, and of formats to export as."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.common.chunks import chunk_shape
from napari_batch_prediction.formats.common.planes import extended, n_channels, slice_axis, slice_paths
from napari_batch_prediction.formats.common.target import Compression, Target
from napari_batch_prediction.formats.common.writer import Writer
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.wording import count, either

INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOATS = ("float32", "float64")

MAX_FILES = 10**6
"""The most files of a sequence: folders with more can hardly be opened."""


def load(name: str) -> Any:
    """Import and return the object that a text ``module:name`` names, the module relative to this package."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), attribute)


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """A format of files on disk.

    Code is named as ``module:name`` (see :func:`load`) and imported on first use, so that listing formats is cheap.

    Attributes
    ----------
    name
        The name in messages.
    extensions
        The extensions in lower case, with the dot.
    reader
        The class of images.
    lister
        A function from a file to the paths of its images; empty if a file holds one image.
    prepare
        A function to call early if such files may come, for what takes time to start; empty if nothing does.
    foresee
        A function of a file and a dataset that will be opened soon, for what is better looked at in advance; empty if
        nothing is.
    stamp
        A function from a file and a dataset to the metadata with the stamp; empty if the format can hold none.
    ilastik_ranges
        A function from a file to the datasets by ilastik or this program, each with the range of its values; empty if
        the format cannot tell them from others.
    is_folder
        True if a file is a folder on disk.
    store
        Names of the files in such a folder.
    is_flat
        True if the images of a file are a list, and a slash in the name of one means no group.
    has_internal_path
        True if an output is a dataset inside a file.
    versions
        Versions of the format to write; empty if there is one.
    in_sets
        True if files can be parts of a set that is one image; then the reader takes ``alone``.
    holds_labels
        True if an output may be labels in the image that it belongs to.
    """

    name: str
    extensions: tuple[str, ...]
    reader: str
    lister: str = ""
    prepare: str = ""
    foresee: str = ""
    stamp: str = ""
    ilastik_ranges: str = ""
    is_folder: bool = False
    is_flat: bool = False
    store: str = ""
    has_internal_path: bool = False
    versions: tuple[str, ...] = ()
    in_sets: bool = False
    holds_labels: bool = False

    @property
    def has_datasets(self) -> bool:
        """True if a file can hold several images, by path."""
        return bool(self.lister)

    def open(self, location: str, file: Path, dataset: str | None, axes: str | None, *, alone: bool = False) -> Image:
        """Open an image, given its location, file, dataset and the user's axes, and whether to leave its set out."""
        reader = load(self.reader)
        options = {"alone": alone} if self.in_sets else {}
        names = (dataset, axes) if self.lister else (axes,)
        image: Image = reader(location, file, *names, **options)
        return image

    def datasets(self, file: Path) -> list[str]:
        """Return the paths of the images in a file; none if a file holds one image."""
        paths: list[str] = load(self.lister)(file) if self.lister else []
        return paths


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A format to export as, and its limits.

    Attributes
    ----------
    name
        ilastik's name.
    also
        Other names that people type.
    extension
        Extension of the files, with its dot.
    file
        The format of the files; None if they cannot be read here.
    writer_class
        The writer, as ``module:name`` (see :func:`load`); empty for a table.
    options
        Keyword arguments of the writer, after the target.
    chunk
        A function from axes, shape and bytes of a value to the shape of chunks.
    dtypes
        Supported types of values.
    max_axes
        Largest number of axes, besides channels, with more than one value.
    channels
        Supported numbers of channels; any if empty.
    max_side
        Largest number of pixels along an axis; any if 0.
    slices
        The format of each file of a sequence; None for other formats.
    extra, library
        The extra of this package that installs the library of the writer, and that library; empty if not needed.
    compressions
        The compressions to choose from, the default first; empty if there is no choice.
    compresses_by_default
        True if files are compressed by default.
    fixed_axes
        True if all files have the same order of axes.
    layout
        For a table, a function from its columns and the rows of each image to the lines of the file, as
        ``module:name``; empty for images.
    row_writer, table_reader
        For a table that may have more rows than memory holds, the class that writes it in parts, and the class that
        reads it back, as ``module:name``; empty for others.
    holds_pictures
        True for a table that can have a picture of each row.
    in_sequences
        True if there is also a format of sequences of such files.
    rank
        Rank in lists of formats; formats of equal rank are in the order of their folders.
    about
        What the files are and which programs open them, as sentences for people.
    """

    name: str
    extension: str
    file: FileFormat | None = None
    writer_class: str = ""
    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    chunk: Callable[[str, tuple[int, ...], int], tuple[int, ...]] = chunk_shape
    dtypes: tuple[str, ...] = (*INTEGERS, *FLOATS)
    max_axes: int = 4
    channels: tuple[int, ...] = ()
    max_side: int = 0
    slices: "ExportFormat | None" = None
    extra: str = ""
    library: str = ""
    compressions: tuple[Compression, ...] = ()
    compresses_by_default: bool = True
    fixed_axes: bool = False
    layout: str = ""
    row_writer: str = ""
    table_reader: str = ""
    holds_pictures: bool = False
    in_sequences: bool = False
    also: tuple[str, ...] = ()
    rank: int = 0
    about: str = ""

    @property
    def is_table(self) -> bool:
        """True if an output is a table for a whole batch, not an image."""
        return bool(self.layout or self.row_writer)

    @property
    def is_folder(self) -> bool:
        """True if an output is a folder."""
        return self.file is not None and self.file.is_folder

    @property
    def has_internal_path(self) -> bool:
        """True if an output is a dataset inside a file."""
        return self.file is not None and self.file.has_internal_path

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of the format to write; empty if there is one."""
        return self.file.versions if self.file is not None else ()

    @property
    def holds_labels(self) -> bool:
        """True if an output may be labels in the image that it belongs to."""
        return self.file is not None and self.file.holds_labels

    def sequence(self) -> "ExportFormat":
        """Return the format of sequences of such files."""
        return ExportFormat(
            name=f"{self.name} sequence",
            also=tuple(f"{name} sequence" for name in self.also),
            extension=self.extension,
            writer_class="sequence.writer:SequenceWriter",
            options={"single": self.writer},
            slices=self,
            about=f"A file for each plane. {self.about}",
            compressions=self.compressions,
            compresses_by_default=self.compresses_by_default,
        )

    def writer(self, target: Target) -> Writer:
        """Return the writer of a target.

        Raises
        ------
        SettingsError
            If this is a format of tables.
        """
        if self.is_table:
            raise SettingsError(f"{target.path} cannot be written: a table is made of a whole batch, not of one image.")
        writer: Writer = load(self.writer_class)(target, **self.options)
        return writer

    def files(
        self, path: Path, axes: str, shape: tuple[int, ...], offset: Mapping[str, int] | None = None
    ) -> tuple[Path, ...]:
        """Return the file or folder of an output, or the files of a sequence."""
        if self.slices is None:
            return (path,)
        return slice_paths(path, axes, shape, offset or {})

    def compression_problem(self, compression: Compression | None) -> str | None:
        """Return the reason why this format does not support a compression; None if it does, or is of tables."""
        if compression is None or compression in self.compressions or self.is_table:
            return None
        if not self.compressions:
            return f"The format '{self.name}' leaves no choice of compression. Leave it to the format."
        return (
            f"The format '{self.name}' cannot have the compression '{compression}', only {either(self.compressions)}."
        )

    def obstacle(self, axes: str, shape: tuple[int, ...], dtype: np.dtype) -> str | None:
        """Return the reason why this format cannot hold an array, as the end of a sentence; None if it can."""
        if self.is_table:
            return "is for tables and cannot hold an image"
        if self.library and find_spec(self.library) is None:
            return f'needs {self.library}. Install it: pip install "napari-batch-prediction[{self.extra}]"'
        if self.slices is not None:
            axis = slice_axis(axes, shape)
            if axis is None:
                return f"needs an axis to make files along, but axes '{axes}' are those of one picture"
            if (n := shape[axes.index(axis)]) > MAX_FILES:
                return f"would make {n} files along {axis}, and makes at most {MAX_FILES}"
            picture = tuple(1 if key == axis else n for key, n in zip(axes, shape, strict=True))
            return self.slices.obstacle(axes, picture, dtype)
        if dtype.name not in self.dtypes:
            return f"cannot hold {dtype.name}, only {either(self.dtypes)}"
        if len(long := extended(axes, shape)) > self.max_axes:
            return f"cannot hold {len(long)} axes besides channels ({', '.join(long)}), only {self.max_axes}"
        if self.channels and (n := n_channels(axes, shape)) not in self.channels:
            return f"cannot hold {count(n, 'channel')}, only {either(map(str, self.channels))}"
        if self.max_side and max(shape) > self.max_side:
            return f"cannot hold {max(shape)} pixels along an axis, only {self.max_side}"
        return None
