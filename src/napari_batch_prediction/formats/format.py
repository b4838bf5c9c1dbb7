"""Facts about a format: how its files lie on disk, and what can be exported as one."""

from collections.abc import Callable, Iterable, Mapping
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

PROGRAM = "napari-batch-prediction"
"""The name under which an output says how it was made."""

INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOATS = ("float32", "float64")


def load(name: str) -> Any:
    """Return what a text ``module:name`` stands for, with the module seen from this package, and import it."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), attribute)


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """A format of files that lie on disk.

    Code is named as ``module:name`` (see :func:`load`) and imported on first use: a list of formats costs nothing.

    Attributes
    ----------
    name
        Its name in messages.
    extensions
        In lower case, with the dot.
    reader
        The class of its images.
    lister
        From a file to the paths of the images in it; empty if a file holds one image.
    stamp
        From a file and a dataset to the metadata that say how an output was made; empty if it can hold none.
    ilastik_ranges
        From a file to the datasets that ilastik or this program wrote, each with the range of its values; empty if
        the format does not tell them from others.
    is_folder
        One thing to the user is a folder on disk.
    has_internal_path
        An output is a dataset inside a file, with a path of its own.
    versions
        Versions that an output may be written in; empty if there is one.
    holds_labels
        An output may go into the image that it belongs to, as labels.
    """

    name: str
    extensions: tuple[str, ...]
    reader: str
    lister: str = ""
    stamp: str = ""
    ilastik_ranges: str = ""
    is_folder: bool = False
    has_internal_path: bool = False
    versions: tuple[str, ...] = ()
    holds_labels: bool = False

    @property
    def has_datasets(self) -> bool:
        """Whether one file holds several images by name."""
        return bool(self.lister)

    def open(self, location: str, file: Path, dataset: str | None, axes: str | None) -> Image:
        """Open an image, given its location, file, dataset and the user's axes."""
        reader = load(self.reader)
        image: Image = reader(location, file, dataset, axes) if self.lister else reader(location, file, axes)
        return image

    def datasets(self, file: Path) -> list[str]:
        """Return the paths of the images in a file; none if the format holds one image."""
        paths: list[str] = load(self.lister)(file) if self.lister else []
        return paths


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A format to export as, by ilastik's name, and what it can hold.

    Attributes
    ----------
    name
        ilastik's name.
    extension
        Extension of the files, with its dot.
    file
        The format of the files; None if they cannot be read here.
    writer_class
        What writes it, as ``module:name`` (see :func:`load`); empty for a table.
    options
        Keyword arguments of the writer, after the target.
    chunk
        From axes, shape and bytes of a value to the shape of the pieces the file is stored in.
    dtypes
        Types of values it can hold.
    max_axes
        The most axes besides channels along which there may be more than one value.
    channels
        Numbers of channels it can hold; any if empty.
    max_side
        The most pixels along an axis; 0 if it does not matter.
    slices
        The format of each file, if this is a sequence.
    extra, library
        The extra of this package that installs what the writer needs, and that library; empty if nothing more is
        needed.
    compressions
        How values can be compressed, the format's own way first; empty if there is nothing to choose.
    compresses_by_default
        Files are smaller than their values if nothing is chosen.
    fixed_axes
        The files always have their axes in the same order.
    layout
        Of a table for a whole batch: from its columns and the rows of each image to the lines of the file, as
        ``module:name``; empty for images.
    in_sequences
        There is also a format of sequences of such files.
    rank
        Formats of lower rank are listed first, those of one rank in the order of their folders.
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
    in_sequences: bool = False
    rank: int = 0

    @property
    def is_table(self) -> bool:
        """Whether an output is a table for a whole batch, not an image."""
        return bool(self.layout)

    @property
    def is_folder(self) -> bool:
        """Whether an output is a folder."""
        return self.file is not None and self.file.is_folder

    @property
    def has_internal_path(self) -> bool:
        """Whether an output is a dataset inside a file, with a path of its own."""
        return self.file is not None and self.file.has_internal_path

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that an output may be written in; empty if there is one."""
        return self.file.versions if self.file is not None else ()

    @property
    def holds_labels(self) -> bool:
        """Whether an output may go into the image that it belongs to, as labels."""
        return self.file is not None and self.file.holds_labels

    def sequence(self) -> "ExportFormat":
        """Return the format of sequences of such files."""
        return ExportFormat(
            name=f"{self.name} sequence",
            extension=self.extension,
            writer_class="sequence.writer:SequenceWriter",
            options={"single": self.writer},
            slices=self,
            compressions=self.compressions,
            compresses_by_default=self.compresses_by_default,
        )

    def writer(self, target: Target) -> Writer:
        """Return what writes a target.

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
        """Return the files, or the folder, that an output consists of: one, or those of a sequence."""
        if self.slices is None:
            return (path,)
        return slice_paths(path, axes, shape, offset or {})

    def compression_problem(self, compression: Compression | None) -> str | None:
        """Return why this format cannot compress in a way; None if it can. For tables it does not matter."""
        if compression is None or compression in self.compressions or self.is_table:
            return None
        if not self.compressions:
            return f"The format '{self.name}' leaves no choice of compression. Leave it to the format."
        return (
            f"The format '{self.name}' cannot have the compression '{compression}', only {either(self.compressions)}."
        )

    def obstacle(self, axes: str, shape: tuple[int, ...], dtype: np.dtype) -> str | None:
        """Return why this format cannot hold an array, as the end of a sentence; None if it can."""
        if self.is_table:
            return "is for tables and cannot hold an image"
        if self.library and find_spec(self.library) is None:
            return f'needs {self.library}. Install it: pip install "napari-batch-prediction[{self.extra}]"'
        if self.slices is not None:
            axis = slice_axis(axes, shape)
            if axis is None:
                return f"needs an axis to make files along, but axes '{axes}' are those of one picture"
            picture = tuple(1 if key == axis else n for key, n in zip(axes, shape, strict=True))
            return self.slices.obstacle(axes, picture, dtype)
        if dtype.name not in self.dtypes:
            return f"cannot hold {dtype.name}, only {either(self.dtypes)}"
        if len(long := extended(axes, shape)) > self.max_axes:
            return f"cannot hold {len(long)} axes besides channels ({', '.join(long)}), only {self.max_axes}"
        if self.channels and (count := n_channels(axes, shape)) not in self.channels:
            plural = "s" if count > 1 else ""
            return f"cannot hold {count} channel{plural}, only {either(map(str, self.channels))}"
        if self.max_side and max(shape) > self.max_side:
            return f"cannot hold {max(shape)} pixels along an axis, only {self.max_side}"
        return None


def either(names: Iterable[str]) -> str:
    """Return names as alternatives, in words."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
