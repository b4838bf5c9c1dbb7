"""Images and their predictions as layers."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from golden import ROOT as GOLDEN
from napari.layers import Image, Labels

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.export.settings import Export
from napari_batch_prediction.images.inputs import open_image
from napari_batch_prediction.widgets import layer_data
from napari_batch_prediction.widgets.layer_data import Output, read_layers
from napari_batch_prediction.widgets.layers import ShownLayers

CASES = {
    "2D": ("a_2d_u8", "test1.png", "test1_Probabilities.h5"),
    "3D": ("d_3d_u8", "test1.h5/data", "test1-data_Probabilities.h5"),
    "time series": ("f_2dt_u8", "test1.h5/data", "test1-data_Probabilities.h5"),
}


@pytest.fixture(params=["in memory", "lazy"])
def lazy(request, monkeypatch):
    """Both ways to read: at once, and as it is looked at."""
    if request.param == "lazy":
        monkeypatch.setattr(layer_data, "IN_MEMORY", 0)
    return request.param == "lazy"


def rgb(layer) -> tuple[int, ...]:
    """The colour of the largest value."""
    return tuple(np.round(layer.colormap.colors[-1][:3] * 255).astype(int).tolist())


@pytest.mark.parametrize(("case", "image", "output"), CASES.values(), ids=CASES)
def test_probabilities(viewer, lazy, case, image, output):
    """The raw image in grey, and above it one layer a class: ilastik's values, the project's names and colours."""
    classifier = load_classifier(GOLDEN / case / "project.ilp")
    location = str(GOLDEN / case / image)
    with open_image(location) as raw:
        pixels, axes = raw.read(), raw.axes
    with h5py.File(GOLDEN / case / "expected" / output) as file:
        expected = file["exported_data"][()]
    outputs = {"Probabilities": Output(str(GOLDEN / case / "expected" / output), {})}
    shown = ShownLayers(viewer)
    shown.show(read_layers(open_image(location), "test1", outputs, classifier))

    grey, *classes = viewer.layers
    assert [layer.name for layer in viewer.layers] == ["test1", *(f"test1 {name}" for name in classifier.classes)]
    assert grey.data.shape == pixels.shape
    np.testing.assert_array_equal(grey.data, pixels)
    assert grey.colormap.name == "gray"
    for i, layer in enumerate(classes):
        np.testing.assert_array_equal(np.asarray(layer.data), expected[..., i])
        assert layer.contrast_limits == [0, 1]
        assert layer.blending == "additive"
        assert rgb(layer) == classifier.class_colors[i]
        assert layer.axis_labels == tuple(axes)
        assert np.array_equal(layer.extent.world, grey.extent.world)
    assert viewer.dims.ndim == len(axes)
    assert isinstance(grey.data, np.ndarray) != lazy
    shown.clear()


def write(path: Path, values: np.ndarray, axes: str) -> Output:
    """Write an output as the writer does."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset("exported_data", data=values)
        tags = ", ".join(f'{{"key": "{key}", "typeFlags": 2}}' for key in axes)
        data.attrs["axistags"] = f'{{"axes": [{tags}]}}'
    return Output(f"{path}/exported_data", {})


@pytest.fixture
def outputs(tmp_path):
    """An image of 6 x 8 pixels of 0.5 x 0.25 micrometres, and everything a classifier of golden case a exports."""
    random = np.random.default_rng(3)
    tifffile.imwrite(
        tmp_path / "cells.tif",
        random.integers(10, 90, (6, 8), np.uint8),
        imagej=True,
        resolution=(4, 2),
        metadata={"unit": "um", "axes": "YX"},
    )
    classifier = load_classifier(GOLDEN / "a_2d_u8/project.ilp")
    n_classes, n_features = len(classifier.classes), classifier.source("Features").channels
    written = {
        "Probabilities": random.random((6, 8, n_classes), np.float32),
        "Simple Segmentation": random.integers(1, n_classes + 1, (6, 8, 1), np.uint8),
        "Uncertainty": random.random((6, 8, 1), np.float32),
        "Features": random.normal(0, 9, (6, 8, n_features)).astype(np.float32),
    }
    files = {name: write(tmp_path / f"{name}.h5", values, "yxc") for name, values in written.items()}
    return classifier, str(tmp_path / "cells.tif"), written, files


def test_every_source(viewer, lazy, outputs):
    """All sources at once: labels in the project's colours on top, features with a slider, all at one scale."""
    classifier, location, written, files = outputs
    shown = ShownLayers(viewer)
    shown.show(read_layers(open_image(location), "cells", files, classifier))
    names = ["Uncertainty", "Features", *classifier.classes, "Simple Segmentation"]
    assert {layer.name for layer in viewer.layers} == {"cells", *(f"cells {name}" for name in names)}
    assert viewer.layers[0].name == "cells"
    assert viewer.layers[-1].name == "cells Simple Segmentation"

    labels = viewer.layers[-1]
    assert isinstance(labels, Labels)
    np.testing.assert_array_equal(np.asarray(labels.data), written["Simple Segmentation"][..., 0])
    assert labels.opacity == 0.5
    for i, color in enumerate(classifier.class_colors, start=1):
        np.testing.assert_allclose(labels.get_color(i), [*(np.array(color) / 255), 1], atol=1e-6)
    assert labels.get_color(0) is None or labels.get_color(0)[3] == 0

    features = viewer.layers["cells Features"]
    np.testing.assert_array_equal(np.asarray(features.data), np.moveaxis(written["Features"], -1, 0))
    assert features.axis_labels == ("c", "y", "x")
    uncertainty = viewer.layers["cells Uncertainty"]
    np.testing.assert_array_equal(np.asarray(uncertainty.data), written["Uncertainty"][..., 0])
    assert uncertainty.contrast_limits == [0, 1]
    # They would hide what lies below.
    assert not features.visible
    assert not uncertainty.visible

    for layer in viewer.layers:
        np.testing.assert_allclose(layer.scale[-2:], [0.5, 0.25])
        assert [str(unit) for unit in layer.units[-2:]] == ["micrometer"] * 2
    shown.clear()


@pytest.mark.parametrize("source", ["Uncertainty", "Features"])
def test_alone_it_is_visible(viewer, outputs, source):
    """Features or uncertainty are shown if they are all there is."""
    classifier, location, _, files = outputs
    ShownLayers(viewer).show(read_layers(open_image(location), "cells", {source: files[source]}, classifier))
    assert [layer.visible for layer in viewer.layers] == [True, True]


CHANNELS = {
    "colour": ((6, 8, 3), np.uint8, [("cells", True)]),
    "two": ((6, 8, 2), np.uint8, [("cells channel 0", True), ("cells channel 1", False)]),
    "three of 16 bits": (
        (6, 8, 3),
        np.uint16,
        [("cells channel 0", True), ("cells channel 1", False), ("cells channel 2", False)],
    ),
}


@pytest.mark.parametrize(("shape", "dtype", "expected"), CHANNELS.values(), ids=CHANNELS)
def test_channels_of_the_image(viewer, lazy, tmp_path, shape, dtype, expected):
    """RGB is shown in its colours, other channels as one grey layer each, the first visible."""
    pixels = np.random.default_rng(1).integers(0, 200, shape, dtype)
    np.save(tmp_path / "cells.npy", pixels)
    classifier = load_classifier(GOLDEN / "b_2d_rgb_u8/project.ilp")
    shown = ShownLayers(viewer)
    shown.show(read_layers(open_image(tmp_path / "cells.npy", "yxc"), "cells", {}, classifier))
    assert [(layer.name, layer.visible) for layer in viewer.layers] == expected
    assert all(isinstance(layer, Image) for layer in viewer.layers)
    assert viewer.layers[0].rgb == (len(expected) == 1)
    together = [np.asarray(layer.data) for layer in viewer.layers]
    np.testing.assert_array_equal(together[0] if len(expected) == 1 else np.stack(together, -1), pixels)
    shown.clear()


def test_the_next_image_takes_the_place(viewer, lazy):
    """Layers do not pile up; what the user hid stays hidden, where the user looked stays in sight."""
    classifier = load_classifier(GOLDEN / "a_2d_u8/project.ilp")
    folder = GOLDEN / "a_2d_u8"
    other = viewer.add_points([[1, 1]], name="mine")
    shown = ShownLayers(viewer)

    def show(name: str, stem: str) -> None:
        outputs = {"Probabilities": Output(str(folder / f"expected/{name}_Probabilities.h5"), {})}
        shown.show(read_layers(open_image(folder / f"{name}.png"), stem, outputs, classifier))

    show("test1", "first")
    n_layers = len(viewer.layers)
    viewer.layers["first Class 2"].visible = False
    viewer.scene.camera.zoom = 7
    show("test1", "again")
    assert [layer.name for layer in viewer.layers] == [
        "mine",
        "again",
        *(f"again {name}" for name in classifier.classes),
    ]
    assert not viewer.layers["again Class 2"].visible
    assert viewer.scene.camera.zoom == 7

    show("test2", "smaller")
    assert len(viewer.layers) == n_layers
    assert viewer.layers["smaller"].data.shape == (61, 45)
    assert not viewer.layers["smaller Class 2"].visible
    assert viewer.scene.camera.zoom != 7

    shown.clear()
    assert list(viewer.layers) == [other]


def test_other_kinds_of_layers(viewer, outputs):
    """From one set of sources to another, and after the user removed a layer, the right layers are there."""
    classifier, location, _, files = outputs
    shown = ShownLayers(viewer)
    shown.show(read_layers(open_image(location), "cells", files, classifier))
    few = {"Simple Segmentation": files["Simple Segmentation"]}
    shown.show(read_layers(open_image(location), "cells", few, classifier))
    assert [layer.name for layer in viewer.layers] == ["cells", "cells Simple Segmentation"]
    viewer.layers.remove(viewer.layers["cells Simple Segmentation"])
    shown.show(read_layers(open_image(location), "cells", few, classifier))
    assert [layer.name for layer in viewer.layers] == ["cells", "cells Simple Segmentation"]


def is_open(path: Path) -> bool:
    """Whether this process has the file open for reading: HDF5 refuses to open it for writing then."""
    try:
        with h5py.File(path, "r+"):
            return False
    except OSError:
        return True


def test_lazy_files_stay_open_as_long_as_their_layers(viewer, outputs, monkeypatch):
    """A lazy file is open until its last layer is replaced or removed, by whomever; small ones never stay open."""
    classifier, location, _, files = outputs
    path = Path(files["Probabilities"].location).parent
    probabilities = {"Probabilities": files["Probabilities"]}
    shown = ShownLayers(viewer)
    shown.show(read_layers(open_image(location), "cells", probabilities, classifier))
    assert not is_open(path)

    monkeypatch.setattr(layer_data, "IN_MEMORY", 0)
    for end in (shown.clear, viewer.layers.clear):
        shown.show(read_layers(open_image(location), "cells", probabilities, classifier))
        assert is_open(path)
        viewer.layers.remove(viewer.layers[-1])
        assert is_open(path)
        end()
        assert not is_open(path)

    shown.show(read_layers(open_image(location), "cells", probabilities, classifier))
    shown.show(read_layers(open_image(location), "cells", {"Uncertainty": files["Uncertainty"]}, classifier))
    assert not is_open(path)
    shown.clear()


def test_a_missing_output(outputs, monkeypatch):
    """What cannot be read is an error that names it, and leaves no file open."""
    monkeypatch.setattr(layer_data, "IN_MEMORY", 0)
    classifier, location, _, files = outputs
    gone = Path(files["Simple Segmentation"].location).parent
    gone.unlink()
    with pytest.raises(ImageReadError, match=gone.name):
        read_layers(open_image(location), "cells", files, classifier)
    for name in ("Probabilities", "Uncertainty", "Features"):
        assert not is_open(Path(files[name].location).parent)


def test_a_cut_output_lies_where_it_was_cut(viewer, outputs, tmp_path):
    """Of a region only, cast to integers: in its place over the image, at its own contrast."""
    classifier, location, _, _ = outputs
    n_classes = len(classifier.classes)
    values = np.arange(3 * 4 * n_classes, dtype=np.uint8).reshape(3, 4, n_classes)
    written = write(tmp_path / "cut.h5", values, "yxc")
    export = Export(region={"y": (2, 5), "x": (None, 4)}, internal_path="exported_data")
    assert Output.of(export, tmp_path / "cut.h5") == Output(written.location, {"y": 2})
    assert Output.of(Export(format="tiff"), tmp_path / "cut.tiff") == Output(str(tmp_path / "cut.tiff"), {})

    files = {"Probabilities": written._replace(start={"y": 2})}
    ShownLayers(viewer).show(read_layers(open_image(location), "cells", files, classifier))
    assert len(viewer.layers) == 1 + n_classes
    for layer in viewer.layers[1:]:
        np.testing.assert_allclose(layer.translate, [2 * 0.5, 0])
        assert layer.contrast_limits == [0, values.max()]
