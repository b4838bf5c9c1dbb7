"""What a writer is to write, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

Compression = Literal["none", "gzip", "zstd", "blosc", "lzw"]

# Of HDF5, N5 and OME-Zarr.
GZIP_LEVEL = 1


@dataclass(frozen=True)
class Target:
    """One output of one input.

    Attributes
    ----------
    path
        The file; of a sequence, the pattern with ``{slice_index}`` in its name.
    axes, shape, dtype
        The whole array.
    value_range
        Smallest and largest possible value, if known.
    pixel_size, units
        Size of a pixel along each axis and its unit, where known.
    internal_path
        Name of the dataset, in formats that hold several.
    replace
        Whether a file of that name may be replaced.
    offset
        Where the array begins in the image it was cut from, in pixels; 0 where nothing is said.
    channel_names, channel_colors
        For each channel its name, and its red, green and blue (0 to 255); empty if not known.
    is_labels
        Values are names of classes: a mean of them has no meaning.
    metadata
        What made the array, as names and texts, for formats that can hold it.
    ome_zarr_version
        Version of OME-Zarr, for formats of that kind.
    in_image
        The output goes into the labels of an OME-Zarr image; ``channel_colors`` are those of its values from 1.
    compression
        How values are compressed; None for the way of the format.
    """

    path: Path
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    value_range: tuple[float, float] | None = None
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    internal_path: str = "exported_data"
    replace: bool = False
    offset: Mapping[str, int] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[tuple[int, int, int], ...] = ()
    is_labels: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    ome_zarr_version: Literal["0.4", "0.5"] = "0.4"
    in_image: bool = False
    compression: Compression | None = None
