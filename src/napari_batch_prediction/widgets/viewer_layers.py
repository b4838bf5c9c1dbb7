"""Layers of the viewer as images that can be predicted."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from napari.layers import Image, Layer

from napari_batch_prediction.axes import KEYS, guess_axes
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.base import COLOURS, AxesKnown
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.units import unit_name
from napari_batch_prediction.locations.location import LayerNamed

if TYPE_CHECKING:
    from napari.components import ViewerModel


class LayerImage(MemoryImage):
    """A layer as an image.

    Attributes
    ----------
    layer
        The layer, whatever its name is by now.
    """

    layer: Image


def image_layers(viewer: "ViewerModel") -> list[Image]:
    """Return the image layers of a viewer, from the bottom."""
    return [layer for layer in viewer.layers if isinstance(layer, Image)]


def layer_location(layer: Layer) -> str:
    """Return the text that names a layer as an input."""
    return str(LayerNamed(layer.name))


def memory_image(layer: Image) -> LayerImage:
    """Return an image layer as an image, without copying its pixels.

    Parameters
    ----------
    layer
        The layer; of several levels the first is used. Axis labels among t, c, z, y, x are the axes, and the colours
        of an RGB layer the channels; otherwise axes are guessed. Scale and units, if set, give the size of a pixel.

    Raises
    ------
    AxesError
        If the layer has more dimensions than an image.
    ImageReadError
        If its pixels are not real numbers, or it has none.
    """
    pixels = layer.data[0] if layer.multiscale else layer.data
    axes, axes_known = _axes(layer, pixels.shape)
    spatial = axes.removesuffix("c") if layer.rgb else axes
    sizes = {}
    units = {}
    for key, size, unit in zip(spatial, layer.scale, layer.units, strict=True):
        name = unit_name(str(unit))
        if key != "c" and size > 0 and (size != 1 or name):
            sizes[key] = float(size)
            if name:
                units[key] = name
    names = COLOURS.get(pixels.shape[-1], ()) if layer.rgb else ()
    image = LayerImage(
        layer_location(layer),
        pixels,
        axes,
        axes_known=axes_known,
        pixel_size=sizes,
        units=units,
        channel_names=names,
    )
    image.layer = layer
    return image


def _axes(layer: Image, shape: tuple[int, ...]) -> tuple[str, AxesKnown]:
    labels = [label.lower() for label in layer.axis_labels]
    n = len(labels)
    ours = set(KEYS) - {"c"} if layer.rgb else set(KEYS)
    if len(set(labels)) == n and {"y", "x"} <= set(labels) <= ours:
        return "".join(labels) + "c" * layer.rgb, "file"
    # The axes of a plane need no guess.
    axes_known: AxesKnown = "file" if n == 2 else "guess"
    if layer.rgb:
        # The axes before the colours are those of a plane, or of planes over depth or time.
        return {2: "yx", 3: "zyx", 4: "tzyx"}.get(n, guess_axes(shape).removesuffix("c")) + "c", axes_known
    return guess_axes(shape), axes_known


def arrays_for(viewer: "ViewerModel", locations: Iterable[str]) -> dict[str, MemoryImage]:
    """Return the layers among some inputs as images, by location, without those that are gone or no images."""
    wanted = {location for location in locations if LayerNamed.of(location) is not None}
    layers = image_layers(viewer) if wanted else ()
    return {
        name: memory_image(layer)
        for layer in layers
        if (name := layer_location(layer)) in wanted and not why_not(layer)
    }


def why_not(layer: Image) -> str:
    """Return the reason why a layer cannot be predicted; empty if it can."""
    try:
        memory_image(layer)
    except BatchPredictionError as error:
        return str(error)
    return ""
