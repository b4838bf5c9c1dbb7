"""Some channels of an image, chosen by name or index."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.images.base import Decoding, Image

Channels = Sequence[int | str]


class ChannelsImage(Image):
    """An image with some channels of another, in the order given.

    Parameters
    ----------
    image
        The other image; closed together with this one.
    channels
        Names of channels, or indices from 0, also as text. A name wins over an index.

    Raises
    ------
    ImageMismatchError
        If the image has no such channel, or several of that name.
    """

    def __init__(self, image: Image, channels: Channels) -> None:
        self._image = image
        self._indices = [_index(image, channel) for channel in channels]
        axes, shape = image.axes, list(image.shape)
        if "c" in axes:
            shape[axes.index("c")] = len(self._indices)
        elif len(self._indices) > 1:
            axes, shape = axes + "c", [*shape, len(self._indices)]
        super().__init__(
            image.location,
            axes,
            shape,
            image.dtype,
            axes_known=image.axes_known,
            pixel_size=image.pixel_size,
            units=image.units,
            origin=image.origin,
            channel_names=[image.channel_names[i] for i in self._indices] if image.channel_names else (),
            dataset=image.dataset,
            warnings=image.warnings,
            parts=image.parts,
        )

    @property
    def decoding(self) -> Decoding:
        """The memory that reading the other image takes."""
        return self._image.decoding

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        if "c" not in self.axes:
            return self._image.read(region)
        axis = self.axes.index("c")
        indices = np.array(self._indices[region[axis]])
        first, last = int(indices.min()), int(indices.max())
        if "c" not in self._image.axes:
            return np.stack([self._image.read(region[:axis])] * len(indices), axis=-1)
        pixels = self._image.read((*region[:axis], slice(first, last + 1), *region[axis + 1 :]))
        return np.take(pixels, indices - first, axis=axis)

    def _release(self) -> None:
        self._image.close()


def _index(image: Image, channel: int | str) -> int:
    n = image.extents["c"]
    names = image.channel_names
    if isinstance(channel, str) and channel in names:
        if names.count(channel) > 1:
            raise ImageMismatchError(
                f"'{image.location}' has {names.count(channel)} channels '{channel}'. "
                f"Give an index: {_listing(image)}.",
                setting="channels",
            )
        return names.index(channel)
    index = int(channel) if isinstance(channel, int) or channel.isdecimal() else -1
    if not 0 <= index < n:
        raise ImageMismatchError(
            f"'{image.location}' has no channel '{channel}'. Expected one of: {_listing(image)}.", setting="channels"
        )
    return index


def _listing(image: Image) -> str:
    return describe_channels(image.channel_names) or (
        f"0 to {image.extents['c'] - 1}, without names" if image.extents["c"] > 1 else "0, without a name"
    )


def describe_channels(names: Sequence[str]) -> str:
    """Return indices and names of channels, for messages: ``0 (red), 1 (green)``; empty without names."""
    return ", ".join(f"{i} ({name})" for i, name in enumerate(names))
