"""Layers of the viewer as images that can be predicted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_batch_prediction.errors import BatchPredictionError, ImageMismatchError, ImageReadError
from napari_batch_prediction.images.arrays import layer_image
from napari_batch_prediction.images.memory import Channels, MemoryImage
from napari_batch_prediction.locations.location import Arrays, LayerNamed

if TYPE_CHECKING:
    from napari.components import ViewerModel


class LayerImage(MemoryImage):
    """A layer as an image, or several as the channels of one.

    Attributes
    ----------
    layers
        The layer or layers, whatever their names are by now.
    """

    layers: tuple[Image | Labels, ...]

    @property
    def layer(self) -> Image | Labels:
        """The layer, or the first."""
        return self.layers[0]


def image_layers(viewer: "ViewerModel") -> list[Image]:
    """Return the image layers of a viewer, from the bottom."""
    return [layer for layer in viewer.layers if isinstance(layer, Image)]


def pixel_layers(viewer: "ViewerModel") -> list[Image | Labels]:
    """Return the layers of a viewer that have pixels, images and labels, from the bottom."""
    return [layer for layer in viewer.layers if isinstance(layer, Image | Labels)]


def layer_location(layer: Layer) -> str:
    """Return the text that names a layer as an input."""
    return str(LayerNamed(layer.name))


def layers_location(layers: Sequence[Layer]) -> str:
    """Return the text that names layers as the channels of one input."""
    first, *others = (layer.name for layer in layers)
    return str(LayerNamed(first, tuple(others)))


def memory_image(layer: Image | Labels) -> LayerImage:
    """Return a layer of pixels as an image, without copying them.

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
    image = layer_image(layer, layer_location(layer), LayerImage)
    image.layers = (layer,)
    return image


def channels_image(layers: Sequence[Image]) -> LayerImage:
    """Return image layers as the channels of one image, named after them, without copying their pixels.

    Parameters
    ----------
    layers
        The layers, at least one. All else is as for :func:`memory_image` of the first.

    Raises
    ------
    AxesError, ImageReadError
        If one of them is no image.
    ImageMismatchError
        If one has channels or colours itself, or they differ in axes, shape or type, or do not lie in one place.
    """
    images = [memory_image(layer) for layer in layers]
    first, location = images[0], layers_location(layers)
    for image in images:
        if (fault := _unlike(image, first)) is not None:
            raise ImageMismatchError(
                f"'{location}' is not one image: the layer '{image.layer.name}' {fault} Choose other layers, or add "
                "these as images of their own."
            )
    image = LayerImage(
        location,
        Channels([image.pixels for image in images]),
        f"{first.axes}c",
        axes_known=first.axes_known,
        pixel_size=first.pixel_size,
        units=first.units,
        channel_names=[layer.name for layer in layers],
    )
    image.layers = tuple(layers)
    return image


def _unlike(image: LayerImage, first: LayerImage) -> str | None:
    """Return why a layer cannot be a channel beside another one; None if it can."""
    if "c" in image.axes:
        return f"has {'colours' if image.layer.rgb else 'channels'} of its own (axes {image.axes}); split it first."
    own, expected = ((one.axes, one.shape, one.dtype) for one in (image, first))
    for what, mine, others in zip(("axes", "shape", "type"), own, expected, strict=True):
        if mine != others:
            return f"has the {what} {mine}, but '{first.layer.name}' has {others}."
    if not _lies_as(image.layer, first.layer):
        return f"lies elsewhere in the viewer than '{first.layer.name}' (scale, position, rotation, shear or units)."
    return None


def _lies_as(layer: Image, other: Image) -> bool:
    """Return True if two layers of one shape lie in one place, pixel on pixel."""
    places = ("scale", "translate", "rotate", "shear", "affine")
    pairs = ([np.asarray(getattr(one, name)) for one in (layer, other)] for name in places)
    alike = all(a.shape == b.shape and np.allclose(a, b) for a, b in pairs)
    return alike and tuple(layer.units) == tuple(other.units)


def arrays_for(viewer: "ViewerModel", locations: Iterable[str], beside: Iterable[str] = ()) -> Arrays:
    """Return the layers among some inputs as images, by location, or the reasons why they are none.

    A layer that is gone is left out.

    Parameters
    ----------
    viewer
        The viewer.
    locations
        The texts of the inputs.
    beside
        The texts of their second images, which may also be layers of labels.
    """
    arrays = _arrays({layer.name: layer for layer in pixel_layers(viewer)}, beside) if beside else {}
    return {**arrays, **_arrays({layer.name: layer for layer in image_layers(viewer)}, locations)}


def _arrays(layers: Mapping[str, Image | Labels], locations: Iterable[str]) -> Arrays:
    wanted = [layer for layer in map(LayerNamed.of, locations) if layer is not None]
    arrays: dict[str, MemoryImage | BatchPredictionError] = {}
    for location in wanted:
        gone = [name for name in location.names if name not in layers]
        try:
            if not gone:
                arrays[str(location)] = _image([layers[name] for name in location.names])
            elif location.others:
                arrays[str(location)] = ImageReadError(
                    f"'{location}' needs the layer '{gone[0]}', and the viewer has no image layer of that name. Add "
                    "it to the viewer again, or choose other layers."
                )
        except BatchPredictionError as error:
            arrays[str(location)] = error
    return arrays


def listed_layers(viewer: "ViewerModel", locations: Iterable[str]) -> list[Image]:
    """Return the image layers that some inputs name, from the bottom."""
    names = {name for named in map(LayerNamed.of, locations) if named is not None for name in named.names}
    return [layer for layer in image_layers(viewer) if layer.name in names]


def why_not(*layers: Image) -> str:
    """Return the reason why a layer, or several as channels, cannot be predicted; empty if they can."""
    try:
        _image(layers)
    except BatchPredictionError as error:
        return str(error)
    return ""


def _image(layers: Sequence[Image | Labels]) -> LayerImage:
    if len(layers) == 1:
        return memory_image(layers[0])
    return channels_image([layer for layer in layers if isinstance(layer, Image)])
