"""Predictions of layers that are scaled, moved, turned, sheared or transformed lie over them."""

import numpy as np
import pytest
from golden import ROOT as GOLDEN
from napari.components import ViewerModel

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.exports import named_exports
from napari_batch_prediction.planning.inputs.opening import open_input
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.canvas import row_loader
from napari_batch_prediction.widgets.canvas.above import LayersAbove, grid_of
from napari_batch_prediction.widgets.canvas.layers import ShownLayers
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest, load_row
from napari_batch_prediction.widgets.canvas.turns import Turns
from napari_batch_prediction.widgets.viewer_layers import arrays_for

PROJECT = GOLDEN / "a_2d_u8/project.ilp"
SHAPES = {
    "yx": (6, 8),
    "yxc": (6, 8, 3),
    "zyx": (4, 6, 8),
    "tyx": (4, 6, 8),
    "cyx": (3, 6, 8),
    "xyz": (8, 6, 4),
    "zyxc": (4, 6, 8, 3),
    "tcyx": (2, 3, 6, 8),
    "tzcyx": (2, 4, 3, 6, 8),
}


def some(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 2, n)


def affine(n: int) -> np.ndarray:
    matrix = np.eye(n + 1)
    matrix[n - 2 : n, n - 2 : n] = [[1, 0.2], [-0.1, 1.5]]
    matrix[:n, n] = some(n, 1) * 7
    return matrix


PLACES = {
    "scaled and moved": lambda n: {"scale": some(n), "translate": 9 * some(n, 2)},
    "turned": lambda n: {"scale": some(n), "translate": 9 * some(n, 2), "rotate": 30},
    "sheared": lambda n: {"scale": some(n), "shear": np.eye(n) + np.diag([0.0] * (n - 2) + [0.3], 1)},
    "sheared the other way": lambda n: {"scale": some(n), "shear": np.eye(n) + np.diag([0.0] * (n - 2) + [0.3], -1)},
    "affine": lambda n: {"affine": affine(n)},
    "all": lambda n: {"scale": some(n), "translate": some(n, 3), "rotate": -70, "affine": affine(n)},
}


def predict(viewer, name: str, axes: str, source: str = "Simple Segmentation", region=None) -> np.ndarray:
    """Put a prediction with values of its own over a layer, and return the values in its order of axes."""
    export = Export(source=source, region=region or {})
    job = BatchJob(
        classifier=PROJECT,
        inputs=(f"layer:{name}",),
        exports=(export,),
        input_settings={f"layer:{name}": InputSettings(axes=axes)},
    )
    arrays = arrays_for(viewer, job.inputs)
    image = arrays[f"layer:{name}"]
    n = load_classifier(PROJECT).source(source).channels
    order = axes if "c" in axes else f"{axes}c"
    sizes = dict(zip(axes, image.shape, strict=True)) | {"c": n}
    shape = [sizes[key] for key in order]
    for key, (first, last) in (region or {}).items():
        shape[order.index(key)] = last - first
    values = np.random.default_rng(1).integers(1, 3, shape).astype(np.uint8 if n == 1 else np.float32)
    request = RowRequest(
        location=f"layer:{name}",
        job=job,
        arrays=arrays,
        exports=named_exports(job, load_classifier(PROJECT)),
        ended=LedgerRow(f"layer:{name}", "done"),
        predicted={source: values},
    )
    ShownLayers(viewer).show(load_row(request, grid_of(viewer.layers[name], axes)).layers)
    return values


def value_at(layer, world) -> float:
    """The value that is shown at a point of the world, whose axes are those of the viewer."""
    point = layer.world_to_data(world)
    return float(np.asarray(layer.data)[tuple(np.rint(point).astype(int))])


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("axes", SHAPES)
def test_prediction_lies_over_its_layer(axes, place):
    """Wherever in the viewer, the prediction shows the value of the pixel that the layer has there, in all channels."""
    viewer = ViewerModel()
    shape = SHAPES[axes]
    is_rgb = axes == "yxc"
    n = len(shape) - is_rgb
    layer = viewer.add_image(np.zeros(shape, np.uint8), name="mine", rgb=is_rgb, **place(n))
    values = predict(viewer, "mine", axes)
    order = axes if "c" in axes else f"{axes}c"
    (shown,) = viewer.layers[1:]
    for pixel in np.random.default_rng(2).integers(0, shape, (40, len(shape))):
        where = dict(zip(axes, pixel, strict=True)) | {"c": 0}
        expected = values[tuple(where[key] for key in order)]
        assert value_at(shown, layer.data_to_world(pixel[:n])) == expected


@pytest.mark.parametrize("axes", ["yx", "zyx", "tcyx"])
def test_prediction_of_a_region_lies_where_the_region_is(axes):
    """A region of a layer that is turned and transformed is shown over that part of it."""
    viewer = ViewerModel()
    shape = SHAPES[axes]
    layer = viewer.add_image(np.zeros(shape, np.uint8), name="mine", **PLACES["all"](len(shape)))
    values = predict(viewer, "mine", axes, region={"y": (2, 5), "x": (3, 7)})
    (shown,) = viewer.layers[1:]
    first = np.zeros(len(shape), int)
    first[-2:] = 2, 3
    got = value_at(shown, layer.data_to_world(first))
    assert got == values.ravel()[0]
    assert shown.data.shape[-2:] == (3, 4)
    np.testing.assert_allclose(
        np.array(layer.data_to_world(first))[-2:], np.array(shown.data_to_world([0] * shown.ndim))[-2:]
    )


def test_prediction_keeps_the_numbers_of_its_layer():
    """Scale, rotation, shear, affine, units and axis labels are those of the layer, not only their product."""
    viewer = ViewerModel()
    labels = {"axis_labels": ("y", "x"), "units": ("um", "um")}
    layer = viewer.add_image(np.zeros((6, 8)), name="mine", scale=(2, 3), rotate=30, affine=affine(2), **labels)
    predict(viewer, "mine", "yx")
    shown = viewer.layers[1]
    for name in ("scale", "translate", "rotate", "shear"):
        np.testing.assert_array_equal(getattr(shown, name), getattr(layer, name))
    np.testing.assert_array_equal(np.asarray(shown.affine), np.asarray(layer.affine))
    assert (shown.units, shown.axis_labels) == (layer.units, layer.axis_labels)


@pytest.mark.parametrize("source", ["Probabilities", "Features"])
def test_channels_of_a_prediction_lie_over_a_turned_layer(source):
    """Layers of classes, and the one of many features, are turned as the image is."""
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((2, 3, 6, 8), np.uint8), name="mine", **PLACES["all"](4))
    predict(viewer, "mine", "tcyx", source)
    for shown in viewer.layers[1:]:
        assert shown.ndim == 4
        for pixel in ([1, 0, 5, 7], [0, 0, 2, 3]):
            point = np.array(shown.world_to_data(layer.data_to_world(pixel)))
            np.testing.assert_allclose(point[[0, 2, 3]], np.array(pixel)[[0, 2, 3]], atol=1e-9)


def test_prediction_of_a_layer_of_several_levels_lies_over_it():
    """A layer of several resolutions that is turned has its prediction in full resolution over it."""
    viewer = ViewerModel()
    levels = [np.zeros((16, 16), np.uint8), np.zeros((8, 8), np.uint8)]
    layer = viewer.add_image(levels, name="mine", multiscale=True, **PLACES["all"](2))
    predict(viewer, "mine", "yx")
    np.testing.assert_allclose(viewer.layers[1].data_to_world((15, 3)), layer.data_to_world((15, 3)))


@pytest.mark.parametrize("change", ["renamed", "removed", "moved"])
def test_prediction_follows_a_layer_that_changed_while_it_ran(qtbot, change):
    """A layer that is renamed, moved or removed during the run has its prediction where it is at the end."""
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((6, 8), np.uint8), name="mine", scale=(2, 3), rotate=30)
    job = BatchJob(classifier=PROJECT, inputs=("layer:mine",), exports=(Export(source="Simple Segmentation"),))
    request = RowRequest(
        location="layer:mine",
        job=job,
        arrays=arrays_for(viewer, job.inputs),
        exports=named_exports(job, load_classifier(PROJECT)),
        ended=LedgerRow("layer:mine", "done"),
        predicted={"Simple Segmentation": np.ones((6, 8, 1), np.uint8)},
    )
    if change == "renamed":
        layer.name = "another"
        viewer.add_image(np.zeros((3, 3)), name="mine")
    elif change == "removed":
        viewer.layers.remove(layer)
    else:
        layer.affine = affine(2)
    turns = Turns(None)
    above = LayersAbove(viewer, turns, turns)
    with qtbot.waitSignal(above.shown, timeout=20_000):
        above.add(request)
    shown = viewer.layers["mine Simple Segmentation"]
    np.testing.assert_allclose(shown.data_to_world((5, 7)), layer.data_to_world((5, 7)))


def test_output_follows_an_image_of_a_file_that_the_user_turned(tmp_path):
    """The image of a row is turned by hand; the outputs that come later, and those of the next row, lie over it."""
    np.save(tmp_path / "a.npy", np.zeros((6, 8), np.uint8))
    np.save(tmp_path / "out.npy", np.ones((6, 8, 1), np.uint8))
    location = str(tmp_path / "a.npy")
    job = BatchJob(
        classifier=PROJECT, inputs=(location,), exports=(Export(source="Simple Segmentation", format="numpy"),)
    )
    exports = named_exports(job, load_classifier(PROJECT))
    viewer = ViewerModel()
    shown = ShownLayers(viewer)
    image_alone = RowRequest(location=location, job=job, exports=exports)
    ended = LedgerRow(location, "done", outputs={"Simple Segmentation": tmp_path / "out.npy"})
    shown.show(load_row(image_alone, None, shown.keys).layers)
    (raw,) = viewer.layers
    raw.rotate, raw.scale = 30, (2, 2)
    for _ in range(2):
        shown.show(
            load_row(RowRequest(location=location, job=job, exports=exports, ended=ended), None, shown.keys).layers
        )
        raw, output = viewer.layers
        np.testing.assert_allclose(output.data_to_world((5, 7)), raw.data_to_world((5, 7)))
        raw.affine = affine(2)


def test_image_of_a_file_and_its_output_lie_where_the_file_says(tmp_path, monkeypatch):
    """The position that a file stores is that of its layer, and of the outputs over it."""
    np.save(tmp_path / "a.npy", np.zeros((6, 8), np.uint8))
    np.save(tmp_path / "out.npy", np.ones((3, 8, 1), np.uint8))
    location = str(tmp_path / "a.npy")
    export = Export(source="Simple Segmentation", format="numpy", region={"y": (2, 5)})
    job = BatchJob(classifier=PROJECT, inputs=(location,), exports=(export,))
    ended = LedgerRow(location, "done", outputs={"Simple Segmentation": tmp_path / "out.npy"})
    request = RowRequest(location=location, job=job, exports=named_exports(job, load_classifier(PROJECT)), ended=ended)

    def open_placed(*arguments):
        image = open_input(*arguments)
        image.pixel_size, image.origin = {"y": 0.5, "x": 0.5}, {"y": 100.0, "x": -7.0}
        return image

    monkeypatch.setattr(row_loader, "open_input", open_placed)
    viewer = ViewerModel()
    ShownLayers(viewer).show(load_row(request).layers)
    raw, output = viewer.layers
    assert tuple(raw.data_to_world((0, 0))) == (100, -7)
    assert tuple(output.data_to_world((0, 0))) == tuple(raw.data_to_world((2, 0)))
