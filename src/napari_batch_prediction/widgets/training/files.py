"""Files as layers to train on."""

from pathlib import Path

from napari.layers import Image as ImageLayer

from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt
from napari_batch_prediction.widgets.canvas.grids import PixelGrid
from napari_batch_prediction.widgets.canvas.layer_data import raw_layers
from napari_batch_prediction.widgets.canvas.pixels import read_pixels


def open_layers(path: Path) -> ImageLayer:
    """Return the image in a file as one layer: large ones are read as needed, channels are on a slider.

    Raises
    ------
    ImageReadError, AxesError
        If it cannot be opened.
    """
    image = open_image(str(path))
    stem = FileAt.of(image.location).stem
    grid = PixelGrid.of(image)
    pixels = read_pixels(image, grid.axes)
    layers = raw_layers(pixels, image, grid, stem)
    if len(layers) == 1:
        options = {**layers[0].options}
        data = layers[0].data
    else:
        options = {**grid.options({}, with_channels=True), "contrast_limits": pixels.limits(), "colormap": "gray"}
        data = pixels.data(list(pixels.levels))
    layer = ImageLayer(data, name=stem, multiscale=isinstance(data, list), **options)
    layer.metadata["path"] = str(path)
    return layer
