"""Some channels of an image, chosen by name or index."""

from collections.abc import Sequence
from itertools import takewhile

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
        Names of channels, or indices from 0, also as text. A name wins over an index. Blanks at the ends and upper or
        lower case of a name count only if there are names that differ in nothing else; a name with commas may have
        been split at them.

    Raises
    ------
    ImageMismatchError
        If the image has no such channel, or several of that name.
    """

    def __init__(self, image: Image, channels: Channels) -> None:
        self._image = image
        self._indices = _indices(image, channels)
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
    def indices(self) -> tuple[int, ...]:
        """The indices of the channels in the other image."""
        return tuple(self._indices)

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


def _indices(image: Image, channels: Channels) -> list[int]:
    """Return the indices of channels; texts that are no names are joined with those after them."""
    indices: list[int] = []
    i = 0
    while i < len(channels):
        index, n_texts = _first_index(image, channels[i:])
        indices.append(index)
        i += n_texts
    return indices


def _first_index(image: Image, channels: Channels) -> tuple[int, int]:
    """Return the index of the first channel, and the number of texts that it is made of."""
    first = channels[0]
    if isinstance(first, str) and not _named(image, first):
        texts = list(takewhile(lambda channel: isinstance(channel, str), channels))
        for n in range(len(texts), 1, -1):
            name = ",".join(map(str, texts[:n]))
            if _named(image, name):
                return _index(image, name), n
    return _index(image, first), 1


def _named(image: Image, text: str) -> list[int]:
    """Return the channels of a name: of exactly this one, or if there is none of one with other blanks or case."""
    names = image.channel_names
    for plain in (str, _without_blanks, lambda name: _without_blanks(name).casefold()):
        if found := [i for i, name in enumerate(names) if name and plain(name) == plain(text)]:
            return found
    return []


def _without_blanks(name: str) -> str:
    return ",".join(part.strip() for part in name.split(","))


def _index(image: Image, channel: int | str) -> int:
    n = image.extents["c"]
    named = _named(image, channel) if isinstance(channel, str) else []
    if len(named) > 1:
        raise ImageMismatchError(
            f"'{image.location}' has {len(named)} channels '{channel}'. Give an index: {_listing(image)}.",
            setting="channels",
        )
    if named:
        return named[0]
    index = int(channel) if isinstance(channel, int) or channel.isdecimal() else -1
    if not 0 <= index < n:
        raise ImageMismatchError(
            f"'{image.location}' has no channel '{channel}'. Expected {_expected(image)}.", setting="channels"
        )
    return index


def _listing(image: Image) -> str:
    return describe_channels(image.channel_names) or f"0 to {image.extents['c'] - 1}, without names"


def _expected(image: Image) -> str:
    only = image.extents["c"] == 1 and not image.channel_names
    return "0, its only channel" if only else f"one of: {_listing(image)}"


def describe_channels(names: Sequence[str]) -> str:
    """Return indices and names of channels, for messages: ``0 (red), 1 (green)``; empty without names."""
    return ", ".join(f"{i} ({name})" for i, name in enumerate(names))
