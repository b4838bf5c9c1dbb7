"""The header of an image, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from napari_batch_prediction.axes import extents
from napari_batch_prediction.images.base import NOTHING_DECODED, AxesKnown, Decoding, Image


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The header of an image, and the memory that reading it takes."""

    axes: str
    axes_known: AxesKnown
    shape: tuple[int, ...]
    dtype: np.dtype
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    dataset: str = ""
    warnings: tuple[str, ...] = ()
    parts: tuple[Path, ...] = ()
    decoding: Decoding = NOTHING_DECODED
    value_range: tuple[float, float] | None = None

    def __hash__(self) -> int:
        # Without the dicts; equal headers still have equal hashes.
        return hash((self.axes, self.shape, self.dtype, self.dataset, self.channel_names))

    @classmethod
    def of(cls, image: Image) -> Self:
        """Return the header of an open image."""
        return cls(
            axes=image.axes,
            axes_known=image.axes_known,
            shape=image.shape,
            dtype=image.dtype,
            pixel_size=image.pixel_size,
            units=image.units,
            channel_names=image.channel_names,
            dataset=image.dataset,
            warnings=image.warnings,
            parts=image.parts,
            decoding=image.decoding,
            value_range=image.value_range,
        )

    def with_axes(self, axes: str) -> Self:
        """Return the header with other axes."""
        return self if axes == self.axes else replace(self, axes=axes)

    @property
    def extents(self) -> dict[str, int]:
        """The extent along each of ``t c z y x``; 1 along missing axes."""
        return extents(self.axes, self.shape)
