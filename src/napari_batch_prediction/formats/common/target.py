"""The target of a writer: file, array and metadata of an output."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

Compression = Literal["none", "gzip", "zstd", "blosc", "lzw"]

# Level of compression in HDF5, N5 and OME-Zarr.
GZIP_LEVEL = 1


@dataclass(frozen=True)
class Target:
    """An output, as its writer needs it.

    Attributes
    ----------
    path
        The file; for a sequence, the pattern with ``{slice_index}`` in its name.
    axes, shape, dtype
        Axes, shape and type of the whole array.
    value_range
        Smallest and largest possible value; None if unknown.
    pixel_size, units, origin
        Size of a pixel and its unit along each axis, and position of the first pixel of the image, where known.
    internal_path
        Name of the dataset, in formats with several.
    replace
        True if an existing file may be replaced.
    may_be_own
        True if an earlier part of the same run may have written the file: an equal file is kept.
    token
        The mark of the run in the names of temporary files.
    offset
        Start of the array in its image, in pixels; 0 along missing axes.
    channel_names, channel_colors
        Name and colour (red, green, blue from 0 to 255) of each channel; empty if unknown.
    is_labels
        True if values are classes, of which no mean may be taken.
    metadata
        The stamp, as texts by name, for formats that can store it.
    ome_zarr_version
        Version of OME-Zarr, in that format.
    image
        The OME-Zarr image, if the output is labels in it; ``channel_colors`` are then those of its values from 1.
    compression
        Compression of values; None for the format's default.
    keep_others
        True to keep the other datasets of a file that is replaced, in formats with several.
    """

    path: Path
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    _: KW_ONLY
    value_range: tuple[float, float] | None = None
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    internal_path: str = "exported_data"
    replace: bool = False
    may_be_own: bool = False
    token: str = ""
    offset: Mapping[str, int] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[tuple[int, int, int], ...] = ()
    is_labels: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    ome_zarr_version: Literal["0.4", "0.5"] = "0.4"
    image: Path | None = None
    compression: Compression | None = None
    keep_others: bool = False
