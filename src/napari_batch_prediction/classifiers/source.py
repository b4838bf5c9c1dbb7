"""What a classifier can export: images, labels and tables, as data."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_batch_prediction.colors import Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An image or a table of numbers that a classifier can export.

    Attributes
    ----------
    name
        The name.
    kind
        ``"image"``; ``"labels"`` for an image of numbers of classes, from 1, of which no mean may be taken; or
        ``"table"``.
    dtype, channels, channel_names
        Type of the values, number of channels, and a name for each.
    value_range
        Smallest and largest possible value; None if there is no limit.
    classes, class_colors
        The classes, if values are numbers of classes or each channel is the probability of a class; else empty.
    columns
        The columns of a table; empty for images.
    made_from
        The image source that a table, or an image of objects, is made of; empty for what is predicted tile by tile.
    whole
        True if it is made of whole time points, whatever the region of its export.
    variant
        A choice, besides the classifier's file, that its values depend on; empty if there is none.
    outside
        The value that ilastik writes outside a prediction mask; None if it takes no notice of the mask.
    about
        What the values are, as a sentence for people.
    """

    name: str
    kind: Literal["image", "labels", "table"] = "image"
    dtype: np.dtype
    channels: int = 1
    channel_names: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None
    classes: tuple[str, ...] = ()
    class_colors: tuple[Color, ...] = ()
    columns: tuple[str, ...] = ()
    made_from: str = ""
    whole: bool = False
    variant: str = ""
    outside: float | None = 0.0
    about: str = ""

    @property
    def has_channels(self) -> bool:
        """True if a pixel has values for several classes or features, False if it has one value by definition.

        That is one for segmentations, uncertainty and density; a single class or feature is still a channel.
        """
        return self.channel_names != (self.name,)
