"""Layers of a viewer as images."""

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_batch_prediction.widgets.viewer_layers import arrays_for, image_layers, memory_image, why_not

RGB = ("red", "green", "blue")


def zeros(*shape: int, dtype=np.uint8):
    return np.zeros(shape, dtype)


LAYERS = {
    "plane": (Image(zeros(20, 30)), "yx", "file", (20, 30), ()),
    "labelled": (Image(zeros(5, 20, 30), axis_labels=("T", "y", "x")), "tyx", "file", (5, 20, 30), ()),
    "not labelled": (Image(zeros(5, 20, 30)), "zyx", "guess", (5, 20, 30), ()),
    "other words": (Image(zeros(5, 20, 30), axis_labels=("time", "y", "x")), "zyx", "guess", (5, 20, 30), ()),
    "colours": (Image(zeros(20, 30, 3), rgb=True), "yxc", "file", (20, 30, 3), RGB),
    "colours over time": (
        Image(zeros(4, 20, 30, 3), rgb=True, axis_labels=("t", "y", "x")), "tyxc", "file", (4, 20, 30, 3), RGB
    ),
    "colours in depth": (Image(zeros(4, 20, 30, 3), rgb=True), "zyxc", "guess", (4, 20, 30, 3), RGB),
    "levels": (Image([zeros(40, 60), zeros(20, 30)], multiscale=True), "yx", "file", (40, 60), ()),
    "bool": (Image(zeros(20, 30, dtype=bool)), "yx", "file", (20, 30), ()),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "axes", "known", "shape", "names"), LAYERS.values(), ids=LAYERS)
def test_axes_are_the_labels_of_the_layer_or_guessed(layer, axes, known, shape, names):
    """Axes are the labels of the layer where they say something, else guessed as ilastik guesses."""
    image = memory_image(layer)
    assert (image.axes, image.axes_known, image.shape, image.channel_names) == (axes, known, shape, names)
    assert image.location == f"layer:{layer.name}"
    assert image.read().shape == shape
    assert why_not(layer) == ""


def test_pixel_size_comes_from_scale_and_units():
    """Scale and units come along, except along channels and where they are not set."""
    layer = Image(
        zeros(2, 5, 20, 30), axis_labels=("c", "t", "y", "x"), scale=(3, 2, 0.5, 1), units=("", "s", "um", "um")
    )
    image = memory_image(layer)
    assert image.pixel_size == {"t": 2.0, "y": 0.5, "x": 1.0}
    assert image.units == {"t": "second", "y": "micrometer", "x": "micrometer"}
    assert memory_image(Image(zeros(20, 30))).pixel_size == {}
    assert memory_image(Image(zeros(20, 30), scale=(0.5, 0.5))).pixel_size == {"y": 0.5, "x": 0.5}


def test_lazy_pixels_stay_lazy():
    """What is read lazily is read region by region, also here."""
    read = []

    def block(block_info):
        read.append(block_info[None]["array-location"])
        return np.ones((1, 20, 30), np.float32)

    pixels = da.map_blocks(block, chunks=((1,) * 8, (20,), (30,)), dtype=np.float32, meta=np.zeros(0, np.float32))
    layer = Image(pixels, contrast_limits=(0, 1), axis_labels=("z", "y", "x"))
    read.clear()
    image = memory_image(layer)
    assert read == []
    assert image.read((slice(3, 4), slice(0, 20), slice(0, 30))).sum() == 600
    assert read == [[(3, 4), (0, 20), (0, 30)]]


def test_only_image_layers_of_a_viewer_are_found():
    """Only image layers that can be images are found, by name."""
    viewer = ViewerModel()
    viewer.add_image(zeros(20, 30), name="cells")
    viewer.add_image(zeros(2, 2, 2, 2, 2, 2), name="many")
    viewer.add_labels(zeros(20, 30), name="labels")
    assert [layer.name for layer in image_layers(viewer)] == ["cells", "many"]
    found = arrays_for(viewer, ["layer:cells", "layer:many", "layer:labels", "layer:gone", "cells"])
    assert list(found) == ["layer:cells", "layer:many"]
    assert str(found["layer:many"]) == why_not(viewer.layers["many"])
    assert "6" in why_not(viewer.layers["many"])
    assert arrays_for(viewer, ["a.png"]) == {}
