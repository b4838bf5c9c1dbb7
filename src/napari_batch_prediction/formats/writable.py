"""The formats that can be written, by ilastik's names."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.common.chunks import chunk_shape
from napari_batch_prediction.formats.common.planes import extended, n_channels, slice_axis
from napari_batch_prediction.formats.common.target import Compression, Target, Writer
from napari_batch_prediction.formats.tiff.layout import tiff_chunk
from napari_batch_prediction.formats.zarr.pyramid import zarr_chunk

Chunk = Callable[[str, tuple[int, ...], int], tuple[int, ...]]

INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOATS = ("float32", "float64")

# The library that each extra installs.
_EXTRAS = {"n5": "tensorstore"}

# As many as are worth reading.
_MAX_SUGGESTIONS = 6


@dataclass(frozen=True)
class Format:
    """One format, and what it can hold.

    Attributes
    ----------
    name
        ilastik's name.
    extension
        Extension of the files, with its dot.
    writer
        From a target to what writes it.
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
    is_folder
        The output is a folder.
    slices
        The format of each file, if this is a sequence.
    extra
        The extra of this package that installs what the writer needs; empty if nothing more is needed.
    compressions
        How values can be compressed, the format's own way first; empty if there is nothing to choose.
    fixed_axes
        Whether the files always have their axes in the same order.
    is_table
        The output is a table for the whole batch, not an image.
    """

    name: str
    extension: str
    writer: Callable[[Target], Writer]
    chunk: Chunk = chunk_shape
    dtypes: tuple[str, ...] = (*INTEGERS, *FLOATS)
    max_axes: int = 4
    channels: tuple[int, ...] = ()
    max_side: int = 0
    is_folder: bool = False
    slices: "Format | None" = None
    extra: str = ""
    compressions: tuple[Compression, ...] = ()
    fixed_axes: bool = False
    is_table: bool = False

    def compression_problem(self, compression: Compression | None) -> str | None:
        """Return why this format cannot compress in a way; None if it can. For tables it does not matter."""
        if compression is None or compression in self.compressions or self.is_table:
            return None
        if not self.compressions:
            return f"The format '{self.name}' leaves no choice of compression. Leave it to the format."
        return (
            f"The format '{self.name}' cannot have the compression '{compression}', only {_either(self.compressions)}."
        )

    def problem(self, axes: str, shape: tuple[int, ...], dtype: np.dtype) -> str | None:
        """Return why this format cannot hold an array and which formats can; None if it can."""
        reason = self._obstacle(axes, shape, dtype)
        if reason is None:
            return None
        # Those of the same kind first.
        kind = self.name.removesuffix(" sequence")
        fitting = [form.name for form in IMAGE_FORMATS if form._obstacle(axes, shape, dtype) is None]
        fitting.sort(key=lambda name: kind not in name)
        other_type = " Or export as another type." if self.dtypes and dtype.name not in self.dtypes else ""
        return (
            f"The format '{self.name}' {reason}. Formats that can: {', '.join(fitting[:_MAX_SUGGESTIONS])}.{other_type}"
        )

    def _obstacle(self, axes: str, shape: tuple[int, ...], dtype: np.dtype) -> str | None:
        if self.is_table:
            return "is for tables and cannot hold an image"
        if self.extra and find_spec(library := _EXTRAS[self.extra]) is None:
            return f'needs {library}. Install it: pip install "napari-batch-prediction[{self.extra}]"'
        if self.slices is not None:
            axis = slice_axis(axes, shape)
            if axis is None:
                return f"needs an axis to make files along, but axes '{axes}' are those of one picture"
            one = tuple(1 if key == axis else n for key, n in zip(axes, shape, strict=True))
            return self.slices._obstacle(axes, one, dtype)
        if dtype.name not in self.dtypes:
            return f"cannot hold {dtype.name}, only {_either(self.dtypes)}"
        if len(found := extended(axes, shape)) > self.max_axes:
            return f"cannot hold {len(found)} axes besides channels ({', '.join(found)}), only {self.max_axes}"
        if self.channels and (count := n_channels(axes, shape)) not in self.channels:
            plural = "s" if count > 1 else ""
            return f"cannot hold {count} channel{plural}, only {_either(map(str, self.channels))}"
        if self.max_side and max(shape) > self.max_side:
            return f"cannot hold {max(shape)} pixels along an axis, only {self.max_side}"
        return None

    def files(
        self, path: Path, axes: str, shape: tuple[int, ...], offset: Mapping[str, int] | None = None
    ) -> tuple[Path, ...]:
        """Return the files, or the folder, that an output consists of: one, or those of a sequence."""
        if self.slices is None:
            return (path,)
        from napari_batch_prediction.formats.common.sequence import slice_paths

        return slice_paths(path, axes, shape, offset or {})


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _writer(module: str, name: str, **options: object) -> Callable[[Target], Writer]:
    """Return a maker of writers that imports their module when the first is made."""

    def make(target: Target) -> Writer:
        writer: Callable[..., Writer] = getattr(import_module(f"napari_batch_prediction.formats.{module}"), name)
        return writer(target, **options)

    return make


_BYTES, _WORDS = ("uint8",), ("uint8", "uint16")
_TIFF_WAYS: tuple[Compression, ...] = ("gzip", "lzw", "zstd", "none")
_OME_TYPES = tuple(name for name in (*INTEGERS, *FLOATS) if name not in ("uint64", "int64"))


def _hdf5(name: str, *, compressed: bool) -> Format:
    ways: tuple[Compression, ...] = ("gzip",) if compressed else ("none", "gzip")
    return Format(name, ".h5", _writer("hdf5.writer", "Hdf5Writer", compressed=compressed), compressions=ways)


def _zarr(name: str, *, multiscale: bool) -> Format:
    writer = _writer("zarr.writer", "OmeZarrWriter", multiscale=multiscale)
    ways: tuple[Compression, ...] = ("blosc", "zstd", "gzip", "none")
    return Format(name, ".zarr", writer, zarr_chunk, is_folder=True, compressions=ways, fixed_axes=True)


def _n5(name: str, *, compressed: bool) -> Format:
    ways: tuple[Compression, ...] = ("gzip",) if compressed else ("none", "gzip")
    writer = _writer("n5.writer", "N5Writer", compressed=compressed)
    return Format(name, ".n5", writer, is_folder=True, extra="n5", compressions=ways)


def _picture(name: str, kind: str, dtypes: tuple[str, ...], *channels: int, max_side: int = 0) -> Format:
    writer = _writer("raster.writer", "RasterWriter", kind=kind)
    return Format(
        name, f".{name}", writer, dtypes=dtypes, max_axes=2, channels=channels, max_side=max_side, fixed_axes=True
    )


def _tiff(name: str) -> Format:
    writer = _writer("tiff.writer", "TiffWriter", ome=False)
    return Format(name, f".{name}", writer, tiff_chunk, max_axes=2, compressions=_TIFF_WAYS, fixed_axes=True)


def _sequence(form: Format) -> Format:
    writer = _writer("common.sequence", "SequenceWriter", single=form.writer)
    return Format(f"{form.name} sequence", form.extension, writer, slices=form, compressions=form.compressions)


def _table(name: str) -> Format:
    return Format(name, ".csv", _no_writer, is_table=True)


def _no_writer(target: Target) -> Writer:
    raise SettingsError(f"{target.path} cannot be written: a table is made of a whole batch, not of one image.")


_MULTIPAGE = Format(
    "multipage tiff",
    ".tiff",
    _writer("tiff.writer", "TiffWriter", ome=True),
    partial(tiff_chunk, ome=True),
    dtypes=_OME_TYPES,
    compressions=_TIFF_WAYS,
    fixed_axes=True,
)
_PICTURES = (
    _tiff("tiff"),
    _tiff("tif"),
    _picture("png", "png", _WORDS, 1, 3),
    _picture("jpg", "jpeg", _BYTES, 1, max_side=65_500),
    _picture("jpeg", "jpeg", _BYTES, 1, max_side=65_500),
    _picture("bmp", "bmp", _BYTES, 1, 3),
    _picture("gif", "gif", _BYTES, 1, max_side=65_535),
    _picture("hdr", "hdr", ("float32",), 3),
    _picture("pnm", "pnm", _WORDS, 1, 3),
    _picture("ppm", "pnm", _WORDS, 1, 3),
    _picture("pgm", "pnm", _WORDS, 1),
    _picture("pbm", "pnm", _WORDS, 1),
)

IMAGE_FORMATS = (
    _hdf5("compressed hdf5", compressed=True),
    _hdf5("hdf5", compressed=False),
    _MULTIPAGE,
    _PICTURES[0],
    Format("numpy", ".npy", _writer("numpy.writer", "NumpyWriter")),
    _zarr("single-scale OME-Zarr", multiscale=False),
    _zarr("multi-scale OME-Zarr", multiscale=True),
    *_PICTURES[1:],
    _n5("compressed n5", compressed=True),
    _n5("n5", compressed=False),
    _sequence(_MULTIPAGE),
    *(_sequence(form) for form in _PICTURES),
)
TABLE_FORMATS = (_table("csv"), _table("ilastik csv"))
FORMATS = (*IMAGE_FORMATS, *TABLE_FORMATS)


def find_format(name: str) -> Format:
    """Return the format of this name, in any case.

    Raises
    ------
    SettingsError
        If there is none.
    """
    for form in FORMATS:
        if form.name.lower() == name.strip().lower():
            return form
    known = ", ".join(f"'{form.name}'" for form in FORMATS)
    raise SettingsError(f"The format '{name}' is unknown. Known are: {known}.")
