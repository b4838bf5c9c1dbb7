"""Files as layers to train on, and the files of layers."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from napari.layers import Image as ImageLayer

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt
from napari_batch_prediction.training.reopening import ReopeningImage
from napari_batch_prediction.widgets.canvas.grids import PixelGrid
from napari_batch_prediction.widgets.canvas.layer_data import raw_layers
from napari_batch_prediction.widgets.canvas.pixels import read_pixels

STORED = "training image"
"""Key of the image in its file among the metadata of a layer."""

# Side of the part that is compared with that in the file.
_COMPARED = 64


def open_as_layer(path: Path) -> ImageLayer:
    """Return the image in a file as one layer: large ones are read as needed, channels are on a slider.

    Raises
    ------
    ImageReadError, AxesError
        If it cannot be opened.
    """
    return as_layer(ReopeningImage(partial(open_image, str(path))))


def as_layer(image: Image) -> ImageLayer:
    """Return an image, which can be read after it was closed, as one layer."""
    grid, stem = PixelGrid.of(image), FileAt.of(image.location).stem
    pixels = read_pixels(image, grid.axes)
    layers = raw_layers(pixels, image, grid, stem)
    if len(layers) == 1:
        data, options = layers[0].data, layers[0].options
    else:
        data, options = pixels.data(pixels.levels), grid.options({}, with_channels=True)
        options |= {"contrast_limits": pixels.limits(), "colormap": "gray"}
    layer = ImageLayer(data, name=stem, multiscale=isinstance(data, list), **options)
    layer.metadata[STORED] = image
    return layer


def stored_image(layer: ImageLayer, image: Image) -> Image | None:
    """Return the image of a layer in its file; None if it is in none, or if that has other pixels by now.

    Parameters
    ----------
    layer
        The layer.
    image
        Its pixels as an image.
    """
    stored = layer.metadata.get(STORED)
    path = layer.source.path
    with suppress(BatchPredictionError):
        if not isinstance(stored, Image) and path is not None and Path(path).exists():
            stored = ReopeningImage(partial(open_image, path))
        if isinstance(stored, Image) and _same(stored, image):
            return stored
    return None


def _same(stored: Image, image: Image) -> bool:
    """Return True if two images have the same extents and type, and the same pixels in their middle."""
    if stored.extents != image.extents or stored.dtype != image.dtype:
        return False
    sizes = image.extents
    z = slice(sizes["z"] // 2, sizes["z"] // 2 + 1)
    y, x = (slice((n - min(n, _COMPARED)) // 2, (n + min(n, _COMPARED)) // 2) for n in (sizes["y"], sizes["x"]))
    try:
        mine, others = (one.read_czyx(sizes["t"] // 2, z, y, x) for one in (stored, image))
        return bool(np.array_equal(mine, others))
    finally:
        stored.close()
