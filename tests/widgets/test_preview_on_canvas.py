"""Previews as layers: in sight of the viewer, over their image."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from batch_window import WAIT_MS, is_busy
from golden import ROOT as GOLDEN
from napari.layers import Image as ImageLayer
from qtpy.QtWidgets import QWidget

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.session import preview_choice as module
from napari_batch_prediction.session.preview import Previewed, PreviewRequest, preview
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest
from napari_batch_prediction.widgets.canvas.sight import in_sight
from napari_batch_prediction.widgets.viewer_layers import arrays_for

PROJECT = GOLDEN / "a_2d_u8/project.ilp"


def look_at(viewer, center: tuple[float, float], height: float) -> None:
    """Let the canvas show a part of the world."""
    viewer.scene.camera.center = (0, *center)
    viewer.scene.camera.zoom = viewer.canvas.size[0] / height


def test_plane_in_sight_is_in_pixels_of_the_layer(viewer):
    """Whatever the layer's scale and position; what does not fit on the canvas is left out, time is a point."""
    layer = viewer.add_image(np.zeros((5, 300, 400), np.uint8), scale=(2, 0.5, 0.5), translate=(10, 100, 200))
    viewer.dims.set_point(0, 16)
    viewer.canvas.size = (600, 600)
    look_at(viewer, (150, 250), 30)
    assert in_sight(viewer, layer, "tyx") == {"t": (3, 4), "y": (70, 131), "x": (70, 131)}
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, 110)
    assert in_sight(viewer, layer, "zyx")["y"] == (20, 21)
    viewer.dims.order = (0, 1, 2)
    viewer.dims.ndisplay = 3
    assert in_sight(viewer, layer, "zyx") == {}
    stack = viewer.add_image(np.zeros((7, 5, 300, 400), np.uint8))
    viewer.dims.set_point(0, 4)
    assert in_sight(viewer, stack, "tzyx") == {"t": (4, 5)}


def test_turned_layer_is_in_sight_with_its_whole_corner(viewer):
    """What is in sight of a layer that is turned is the box around it, in its own pixels."""
    layer = ImageLayer(np.zeros((300, 400), np.uint8), rotate=45)
    viewer.add_layer(layer)
    viewer.canvas.size = (600, 600)
    look_at(viewer, tuple(layer.data_to_world((150, 200))), 20)
    sight = in_sight(viewer, layer, "yx")
    for key, middle in (("y", 150), ("x", 200)):
        start, stop = sight[key]
        assert abs(middle - start - 10 * 2**0.5) < 2
        assert abs(stop - middle - 10 * 2**0.5) < 2


@pytest.fixture
def canvas(qtbot, viewer):
    owner = QWidget()
    qtbot.addWidget(owner)
    shown = Canvas(viewer, owner)
    yield shown
    shown.set_docked(False)
    qtbot.waitUntil(lambda: not is_busy(shown), timeout=WAIT_MS)


def previewed(canvas: Canvas, viewer, job: BatchJob) -> Previewed:
    """Predict the first image of a job where it is in sight, and show that."""
    in_memory = InMemory(load_classifier(job.classifier), arrays_for(viewer, job.inputs))
    location = job.inputs[0]
    row = RowRequest(location=location, job=job, arrays=in_memory.arrays)
    request = PreviewRequest(location=location, job=job, in_memory=in_memory, sight=canvas.in_sight(row))
    steps = preview(request, lambda: False)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result = end.value
            break
    shown = replace(
        row, job=result.job, exports=result.exports, ended=result.row, predicted=result.values, is_preview=True
    )
    canvas.show_preview(shown)
    return result


def test_preview_lies_over_its_image_and_replaces_the_one_before(canvas, viewer, qtbot, tmp_path, monkeypatch):
    """A region at its place, in the units of the image and named after it; the next region takes its place."""
    monkeypatch.setattr(module, "WHOLE", 0)
    pixels = np.random.default_rng(0).integers(0, 200, (200, 300), np.uint8)
    tifffile.imwrite(
        tmp_path / "cells.tif", pixels, imagej=True, resolution=(4, 2), metadata={"unit": "um", "axes": "YX"}
    )
    exports = (Export(source="Probabilities"), Export(source="Simple Segmentation"))
    job = BatchJob(classifier=PROJECT, inputs=(str(tmp_path / "cells.tif"),), exports=exports)
    canvas.show_row(RowRequest(location=job.inputs[0], job=job))
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=WAIT_MS)
    classifier = load_classifier(PROJECT)
    whole = classifier.predict(pixels, "yx")
    titles = [*(f"{name} (preview)" for name in classifier.classes), "Simple Segmentation (preview)"]
    viewer.canvas.size = (500, 500)
    layers: list = []
    for middle in (50, 130):
        look_at(viewer, (0.5 * middle, 0.25 * middle), 10)
        zoom = viewer.scene.camera.zoom
        region = previewed(canvas, viewer, job).region
        (top, bottom), (left, right) = region["y"], region["x"]
        assert (top, bottom) == (middle - 10, middle + 11)
        part = whole[top:bottom, left:right]
        qtbot.waitUntil(lambda: not is_busy(canvas), timeout=WAIT_MS)
        assert [layer.name for layer in viewer.layers] == ["cells", *(f"cells {title}" for title in titles)]
        for i in range(len(classifier.classes)):
            np.testing.assert_array_equal(viewer.layers[1 + i].data, part[..., i])
        for layer in viewer.layers[1:]:
            np.testing.assert_allclose(layer.scale, viewer.layers[0].scale)
            np.testing.assert_allclose(layer.translate, (0.5 * top, 0.25 * left))
            assert layer.units == viewer.layers[0].units
        assert viewer.scene.camera.zoom == zoom
        assert layers in ([], list(viewer.layers))
        layers = list(viewer.layers)
    canvas.show_row(RowRequest(location=job.inputs[0], job=job))
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == ["cells"], timeout=WAIT_MS)
    assert [path.name for path in tmp_path.iterdir()] == ["cells.tif"]


def test_preview_of_a_layer_lies_above_it(canvas, viewer, qtbot, monkeypatch):
    """It is where the layer is, in its scale; the camera stays, and the layer is as before."""
    monkeypatch.setattr(module, "WHOLE", 0)
    pixels = np.random.default_rng(0).integers(0, 200, (3, 200, 300), np.uint8)
    layer = viewer.add_image(pixels, name="cells", scale=(1, 2, 2), axis_labels=("t", "y", "x"))
    job = BatchJob(classifier=PROJECT, inputs=("layer:cells",), exports=(Export(source="Simple Segmentation"),))
    viewer.dims.set_point(0, 1)
    viewer.canvas.size = (500, 500)
    look_at(viewer, (200, 200), 80)
    zoom, center = viewer.scene.camera.zoom, viewer.scene.camera.center
    region = previewed(canvas, viewer, job).region
    assert region == {"t": (1, 2), "z": (0, 1), "y": (80, 121), "x": (80, 121)}
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: viewer.layers[1].visible, timeout=WAIT_MS)
    assert viewer.layers[0] is layer
    above = viewer.layers[1]
    assert above.name == "cells Simple Segmentation (preview)"
    assert above.data.shape == (1, 41, 41)
    np.testing.assert_allclose(above.translate, (1, 160, 160))
    assert (viewer.scene.camera.zoom, viewer.scene.camera.center) == (zoom, center)
