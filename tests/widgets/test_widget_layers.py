"""Images and their predictions as layers."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from counted import counted
from golden import ROOT as GOLDEN
from napari.layers import Image, Labels

from napari_batch_prediction.classifiers.base import DENSITY, Source
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import EXPORT_FORMATS, find_format, format_problem, known_format
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.planning.exports import NamedExport, named_exports
from napari_batch_prediction.planning.transform import make_transform
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.canvas import pixels
from napari_batch_prediction.widgets.canvas.depth import background_class
from napari_batch_prediction.widgets.canvas.layers import ShownLayers
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest, final_first, load_row

PROJECT = GOLDEN / "a_2d_u8/project.ilp"
CASES = {
    "2D": ("a_2d_u8", "test1.png", "test1_Probabilities.h5"),
    "3D": ("d_3d_u8", "test1.h5/data", "test1-data_Probabilities.h5"),
    "time series": ("f_2dt_u8", "test1.h5/data", "test1-data_Probabilities.h5"),
}


@pytest.fixture(params=["in memory", "lazy"])
def lazy(request, monkeypatch):
    """Both ways to read: at once, and as it is looked at."""
    if request.param == "lazy":
        monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    return request.param == "lazy"


def rgb(layer) -> tuple[int, ...]:
    """The colour of the largest value."""
    return tuple(np.round(layer.colormap.colors[-1][:3] * 255).astype(int).tolist())


def row(location, outputs: dict[str, Path], project: Path = PROJECT, **settings) -> RowRequest:
    """An image, and the files written for sources of the classifier in ilastik's default format."""
    exports = tuple(Export(source=name) for name in outputs) or (Export(),)
    job = BatchJob(classifier=project, inputs=(str(location),), exports=exports, **settings)
    ended = LedgerRow(str(location), "done", outputs=outputs)
    exports = named_exports(job, load_classifier(project))
    return RowRequest(location=str(location), job=job, exports=exports, ended=ended)


def show(shown: ShownLayers, what: RowRequest) -> tuple[str, ...]:
    """Show a row, and return what could not be read."""
    loaded = load_row(what, None, shown.keys)
    shown.show(loaded.layers)
    return loaded.problems


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def is_open(path: Path) -> bool:
    """Whether this process has the file open for reading: HDF5 refuses to open it for writing then."""
    try:
        with h5py.File(path, "r+"):
            return False
    except OSError:
        return True


@pytest.mark.parametrize(("case", "image", "output"), CASES.values(), ids=CASES)
def test_probabilities_are_a_layer_for_each_class_over_the_image(viewer, lazy, case, image, output):
    """The raw image in grey, and above it one layer a class: ilastik's values, the project's names and colours."""
    classifier = load_classifier(GOLDEN / case / "project.ilp")
    location = str(GOLDEN / case / image)
    with open_image(location) as raw:
        values, axes = raw.read(), raw.axes
    written = GOLDEN / case / "expected" / output
    with h5py.File(written) as file:
        expected = file["exported_data"][()]
    shown = ShownLayers(viewer)
    show(shown, row(location, {"Probabilities": written}, GOLDEN / case / "project.ilp"))

    grey, *classes = viewer.layers
    stem = grey.name
    assert stem.startswith("test1")
    assert names(viewer) == [stem, *(f"{stem} {name}" for name in classifier.classes)]
    np.testing.assert_array_equal(grey.data, values)
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
    shown.show([])


def write(path: Path, values: np.ndarray, axes: str) -> Path:
    """Write an output as the writer does."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset("exported_data", data=values)
        tags = ", ".join(f'{{"key": "{key}", "typeFlags": 2}}' for key in axes)
        data.attrs["axistags"] = f'{{"axes": [{tags}]}}'
    return path


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
    classifier = load_classifier(PROJECT)
    n_classes, n_features = len(classifier.classes), classifier.source("Features").channels
    written = {
        "Probabilities": random.random((6, 8, n_classes), np.float32),
        "Simple Segmentation": random.integers(1, n_classes + 1, (6, 8, 1), np.uint8),
        "Uncertainty": random.random((6, 8, 1), np.float32),
        "Features": random.normal(0, 9, (6, 8, n_features)).astype(np.float32),
    }
    files = {name: write(tmp_path / f"{name}.h5", values, "yxc") for name, values in written.items()}
    return classifier, tmp_path / "cells.tif", written, files


def test_layers_of_all_sources_at_once(viewer, lazy, outputs):
    """All sources at once: labels in the project's colours on top, features with a slider, all at one scale."""
    classifier, location, written, files = outputs
    shown = ShownLayers(viewer)
    show(shown, row(location, files))
    titles = ["Features", "Uncertainty", *classifier.classes, "Simple Segmentation"]
    assert names(viewer) == ["cells", *(f"cells {title}" for title in titles)]

    labels = viewer.layers[-1]
    assert isinstance(labels, Labels)
    np.testing.assert_array_equal(np.asarray(labels.data), written["Simple Segmentation"][..., 0])
    assert labels.opacity == 0.5
    for i, color in enumerate(classifier.class_colors, start=1):
        np.testing.assert_allclose(labels.get_color(i), [*(np.array(color) / 255), 1], atol=1e-6)
    assert labels.get_color(0) is None or labels.get_color(0)[3] == 0
    assert [labels.features["class"][i] for i in (0, 1)] == ["none", classifier.classes[0]]

    features = viewer.layers["cells Features"]
    np.testing.assert_array_equal(np.asarray(features.data), np.moveaxis(written["Features"], -1, 0))
    assert features.axis_labels == ("c", "y", "x")
    uncertainty = viewer.layers["cells Uncertainty"]
    np.testing.assert_array_equal(np.asarray(uncertainty.data), written["Uncertainty"][..., 0])
    assert uncertainty.contrast_limits == [0, 1]
    # The others would hide what lies below.
    assert [layer.name for layer in viewer.layers if layer.visible] == ["cells", "cells Simple Segmentation"]

    for layer in viewer.layers:
        np.testing.assert_allclose(layer.scale[-2:], [0.5, 0.25])
        assert [str(unit) for unit in layer.units[-2:]] == ["micrometer"] * 2
    shown.show([])


def test_probabilities_are_hidden_under_a_segmentation(viewer, outputs):
    """With a segmentation the probabilities come hidden, without it they are seen; what the user chose stays."""
    _, location, _, files = outputs
    both = {name: files[name] for name in ("Probabilities", "Simple Segmentation")}
    alone = {"Probabilities": files["Probabilities"]}
    shown = ShownLayers(viewer)

    def seen() -> set[str]:
        return {layer.name.removeprefix("cells").strip() for layer in viewer.layers if layer.visible}

    classes = set(load_classifier(PROJECT).classes)
    for _ in range(2):
        show(shown, row(location, alone))
        assert seen() == {"", *classes}
        show(shown, row(location, both))
        assert seen() == {"", "Simple Segmentation"}
        shown.hide()
        assert not seen()
        show(shown, row(location, both))
        assert seen() == {"", "Simple Segmentation"}
    viewer.layers[1].visible = True
    viewer.layers[-1].visible = False
    mine = seen()
    show(shown, row(location, both))
    assert seen() == mine


STAGES = GOLDEN / "i_autocontext_2d_u8/project.ilp"
# From the bottom up: what they are, and of each the final stage on top.
STAGES_ORDER = (
    "Features Stage 1",
    "Uncertainty Stage 1",
    "Features Stage 2",
    "Uncertainty Stage 2",
    "Probabilities All Stages bg, stage 1",
    "Probabilities All Stages blob, stage 1",
    "Probabilities All Stages stripe, stage 1",
    "Probabilities All Stages not, stage 2",
    "Probabilities All Stages blob, stage 2",
    "Probabilities Stage 1 bg",
    "Probabilities Stage 1 blob",
    "Probabilities Stage 1 stripe",
    "Probabilities Stage 2 not",
    "Probabilities Stage 2 blob",
    "Simple Segmentation Stage 1",
    "Simple Segmentation Stage 2",
    "Objects",
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_only_the_last_stage_is_seen(viewer, outputs, tmp_path, seed):
    """Whatever is exported first: the layers are in one order, and of several stages only the final one is seen."""
    _, location, _, _ = outputs
    classifier = load_classifier(STAGES)
    images = [name for name in classifier.sources if classifier.source(name).kind != "table"]
    sources = list(np.random.default_rng(seed).permutation(images))
    files = {}
    shown = ShownLayers(viewer)
    for name in sources:
        source = classifier.source(name)
        values = np.ones((6, 8, source.channels), source.dtype)
        files[str(name)] = write(tmp_path / f"{name}.h5", values, "yxc")
        what = row(location, files, STAGES)
        show(shown, replace(what, exports=final_first(what.exports, classifier)))
        there = [title for title in STAGES_ORDER if any(title.startswith(name) for name in files)]
        assert names(viewer) == ["cells", *(f"cells {title}" for title in there)]
        top = next(name for name in files if there[-1].startswith(name))
        seen = [layer.name for layer in viewer.layers if layer.visible]
        assert seen == ["cells", *(f"cells {title}" for title in there if title.startswith(top))]


def test_hidden_layers_have_the_extent_of_the_image(viewer, lazy):
    """Also those that are not drawn change with the image, so that camera and sliders fit it."""
    folder = GOLDEN / "a_2d_u8"
    shown = ShownLayers(viewer)
    for name in ("test1", "test2", "test1"):
        sources = ("Probabilities", "Simple Segmentation")
        show(shown, row(folder / f"{name}.png", {one: folder / f"expected/{name}_{one}.h5" for one in sources}))
        extent = viewer.layers[name].extent.world
        assert all(np.array_equal(layer.extent.world, extent) for layer in viewer.layers)
        assert np.array_equal(viewer.layers.extent.world, extent)
    shown.show([])


@pytest.mark.slow
def test_given_up_when_the_image_has_changed(viewer):
    """Where the camera looks is decided when all is shown, by the image that was seen to the end before."""
    folder = GOLDEN / "a_2d_u8"
    sources = (("Probabilities",), ("Probabilities", "Simple Segmentation"))
    rows = [row(folder / f"{name}.png", {one: folder / f"expected/{name}_{one}.h5" for one in some})
            for name, some in zip(("test1", "test2"), sources, strict=True)]  # fmt: skip
    shown = ShownLayers(viewer)
    show(shown, rows[0])
    viewer.scene.camera.zoom = 7
    steps = shown.steps(load_row(rows[1], None, shown.keys).layers)
    next(steps)
    steps.close()
    assert viewer.scene.camera.zoom == 7
    assert next(layer.name for layer in viewer.layers if layer.visible) == "test1"
    show(shown, rows[1])
    assert viewer.scene.camera.zoom != 7
    shown.show([])


def test_nothing_changes_before_all_is_ready(viewer, lazy, outputs):
    """Until the next image is ready the one before stays as it is; new layers come hidden, under their own names."""
    classifier, location, _, files = outputs
    np.save(location.with_name("other.npy"), np.ones((6, 8), np.uint8))
    shown = ShownLayers(viewer)
    show(shown, row(location.with_name("other.npy"), {}, input_axes="yx"))
    viewer.scene.camera.zoom = 7
    seen = set()
    titles = [*classifier.classes, "Simple Segmentation"]
    both = row(location, {name: files[name] for name in ("Probabilities", "Simple Segmentation")})
    for _ in shown.steps(load_row(both, None, shown.keys).layers):
        assert [layer.name for layer in viewer.layers if layer.visible] == ["other"]
        seen |= set(names(viewer))
    assert seen == {"other", *(f"cells {title}" for title in titles)}
    assert names(viewer) == ["cells", *(f"cells {title}" for title in titles)]
    assert [layer.visible for layer in viewer.layers] == [True] + [False] * len(classifier.classes) + [True]
    shown.show([])


@pytest.mark.parametrize("source", ["Uncertainty", "Features"])
def test_features_alone_are_visible(viewer, outputs, source):
    """Features or uncertainty are shown if they are all there is."""
    _, location, _, files = outputs
    show(ShownLayers(viewer), row(location, {source: files[source]}))
    assert [layer.visible for layer in viewer.layers] == [True, True]


COUNTS = {
    "not counted": (counted(), "cells Density"),
    "one frame": (counted(80.44), "cells Density, 80.4"),
    "time series": (counted(80.44, 95.06), "cells Density, 80.4\u201395.1"),
}


@pytest.mark.parametrize(("tables", "name"), COUNTS.values(), ids=COUNTS)
def test_density_is_shown_from_0_to_its_maximum(viewer, lazy, outputs, tmp_path, tables, name):
    """In a perceptual map from 0 to its maximum, light over the raw image; the count in its name."""
    _, location, _, _ = outputs
    values = np.random.default_rng(2).random((6, 8, 1), np.float32) / 40
    source = Source(name=DENSITY, dtype=np.dtype(np.float32), channel_names=(DENSITY,))
    written = write(tmp_path / "density.h5", values, "yxc")
    what = RowRequest(
        location=str(location),
        job=BatchJob(classifier=PROJECT, inputs=(str(location),)),
        exports=(NamedExport(DENSITY, Export(source=DENSITY), source),),
        ended=LedgerRow(str(location), "done", outputs={DENSITY: written}, tables=tables),
    )
    shown = ShownLayers(viewer)
    show(shown, what)
    density = viewer.layers[-1]
    assert density.name == name
    np.testing.assert_array_equal(np.asarray(density.data), values[..., 0])
    assert density.colormap.name == "inferno"
    assert density.blending == "additive"
    np.testing.assert_allclose(density.contrast_limits, [0, values.max()], rtol=1e-6)
    shown.show([])


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
def test_channels_of_the_image_are_colours_or_layers(viewer, lazy, tmp_path, shape, dtype, expected):
    """RGB is shown in its colours, other channels as one grey layer each, the first visible."""
    values = np.random.default_rng(1).integers(0, 200, shape, dtype)
    np.save(tmp_path / "cells.npy", values)
    shown = ShownLayers(viewer)
    show(shown, row(tmp_path / "cells.npy", {}, input_axes="yxc"))
    assert [(layer.name, layer.visible) for layer in viewer.layers] == expected
    assert all(isinstance(layer, Image) for layer in viewer.layers)
    assert viewer.layers[0].rgb == (len(expected) == 1)
    together = [np.asarray(layer.data) for layer in viewer.layers]
    np.testing.assert_array_equal(together[0] if len(expected) == 1 else np.stack(together, -1), values)
    shown.show([])


def test_settings_of_one_image_hold_when_it_is_shown(viewer, tmp_path):
    """Axes, channels and dataset that are set for an image hold when it is shown."""
    values = np.random.default_rng(1).integers(0, 200, (2, 6, 8), np.uint16)
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        file["a/one"], file["a/two"] = np.zeros((4, 4), np.uint8), values
    location = str(tmp_path / "cells.h5")
    chosen = {location: InputSettings(axes="cyx", channels=(1,), dataset="a/two")}
    show(ShownLayers(viewer), row(location, {}, input_settings=chosen))
    assert names(viewer) == ["cells-a-two"]
    np.testing.assert_array_equal(viewer.layers[0].data, values[1])


def test_the_next_image_takes_the_place(viewer, lazy):
    """Layers do not pile up; what the user hid stays hidden, where the user looked stays in sight."""
    classes = load_classifier(PROJECT).classes
    folder = GOLDEN / "a_2d_u8"
    other = viewer.add_points([[1, 1]], name="mine")
    shown = ShownLayers(viewer)

    def show_image(name: str) -> None:
        show(shown, row(folder / f"{name}.png", {"Probabilities": folder / f"expected/{name}_Probabilities.h5"}))

    show_image("test1")
    layers = list(viewer.layers)
    viewer.layers["test1 Class 2"].visible = False
    viewer.layers["test1 Class 1"].contrast_limits = (0.5, 1)
    viewer.scene.camera.zoom = 7
    show_image("test1")
    assert names(viewer) == ["mine", "test1", *(f"test1 {name}" for name in classes)]
    assert list(viewer.layers) == layers
    assert not viewer.layers["test1 Class 2"].visible
    assert viewer.layers["test1 Class 1"].contrast_limits == [0.5, 1]
    assert viewer.scene.camera.zoom == 7

    show_image("test2")
    assert list(viewer.layers) == layers
    assert viewer.layers["test2"].data.shape == (61, 45)
    assert not viewer.layers["test2 Class 2"].visible
    assert viewer.layers["test2 Class 1"].contrast_limits == [0.5, 1]
    assert viewer.scene.camera.zoom != 7

    shown.show([])
    assert list(viewer.layers) == [other]


def test_layers_of_other_sources_are_in_order(viewer, outputs):
    """From one set of sources to another, and after the user removed a layer, the right layers are there, in order."""
    _, location, _, files = outputs
    shown = ShownLayers(viewer)
    show(shown, row(location, files))
    everything = names(viewer)
    few = {"Simple Segmentation": files["Simple Segmentation"]}
    show(shown, row(location, few))
    raw, labels = viewer.layers
    assert names(viewer) == ["cells", "cells Simple Segmentation"]
    viewer.layers.remove(labels)
    viewer.add_points([[1, 1]], name="mine")
    show(shown, row(location, few))
    assert names(viewer) == ["cells", "cells Simple Segmentation", "mine"]
    show(shown, row(location, files))
    assert names(viewer) == [*everything, "mine"]
    viewer.layers.remove(raw)
    show(shown, row(location, files))
    assert names(viewer) == [*everything, "mine"]


def test_background_is_transparent_in_3d(viewer, tmp_path):
    """Rendered in 3D the class that is background hides nothing; back in 2D it is seen; colours of the user stay."""
    project = GOLDEN / "d_3d_u8/project.ilp"
    np.save(tmp_path / "cells.npy", np.ones((4, 6, 8), np.uint8))
    probabilities, labels = np.full((4, 6, 8, 2), 0.5, np.float32), np.ones((4, 6, 8, 1), np.uint8)
    files = {
        "Probabilities": write(tmp_path / "p.h5", probabilities, "zyxc"),
        "Simple Segmentation": write(tmp_path / "s.h5", labels, "zyxc"),
    }
    shown = ShownLayers(viewer)

    def opaque() -> list[bool]:
        images = [bool(layer.colormap.map(np.array([1.0]))[0, 3]) for layer in viewer.layers[1:3]]
        return images + [bool((color := viewer.layers[3].get_color(i)) is not None and color[3]) for i in (1, 2)]

    viewer.dims.ndisplay = 3
    show(shown, row(tmp_path / "cells.npy", files, project))
    assert opaque() == [False, True, False, True]
    for n, expected in ((2, [True] * 4), (3, [False, True, False, True])):
        viewer.dims.ndisplay = n
        assert opaque() == expected
    viewer.layers[1].colormap = "magenta"
    for n in (2, 3):
        viewer.dims.ndisplay = n
        show(shown, row(tmp_path / "cells.npy", files, project))
        assert viewer.layers[1].colormap.name == "magenta"
    assert opaque() == [True, True, False, True]
    shown.show([])


BACKGROUNDS = {("cell", "Background"): 1, ("cell", "my_bg"): 1, ("bigger", "small"): 0, ("abg", "none", "x"): 1}


@pytest.mark.parametrize(("classes", "expected"), BACKGROUNDS.items())
def test_background_is_the_class_that_is_called_so(classes, expected):
    """It is found by its name, else it is the first."""
    assert background_class(classes) == expected


def test_layers_that_come_back_are_as_the_user_left_them(viewer, outputs):
    """After an image without outputs, and after one that cannot be shown, eyes and opacity are those of before."""
    classifier, location, _, files = outputs
    shown = ShownLayers(viewer)
    done = row(location, {name: files[name] for name in ("Probabilities", "Simple Segmentation")})
    show(shown, done)
    viewer.layers[1].visible, viewer.layers[-1].opacity = True, 0.2
    viewer.layers[0].visible = False
    seen = [False, True] + [False] * (len(classifier.classes) - 1) + [True]
    for leave in (lambda: show(shown, row(location, {})), shown.hide, lambda: (shown.hide(), shown.hide())):
        leave()
        assert not any(layer.visible for layer in viewer.layers)
        show(shown, done)
        assert [layer.visible for layer in viewer.layers] == seen
        assert viewer.layers[-1].opacity == 0.2
    shown.show([])


def test_layers_are_kept(viewer, lazy, outputs):
    """What is kept stays as it is, with its files open; the next image has layers of its own."""
    _, location, written, files = outputs
    shown = ShownLayers(viewer)
    few = {"Uncertainty": files["Uncertainty"]}
    show(shown, row(location, few))
    kept = list(viewer.layers)
    shown.keep()
    np.save(location.with_name("other.npy"), np.ones((6, 8), np.uint8))
    show(shown, row(location.with_name("other.npy"), {}))
    assert names(viewer) == ["cells", "cells Uncertainty", "other"]
    assert list(viewer.layers)[:2] == kept
    np.testing.assert_array_equal(np.asarray(kept[1].data), written["Uncertainty"][..., 0])
    assert is_open(files["Uncertainty"]) == lazy
    shown.show([])
    assert list(viewer.layers) == kept
    viewer.layers.clear()
    assert not is_open(files["Uncertainty"])


@pytest.mark.slow
def test_row_given_up_half_way_leaves_no_file_open(viewer, outputs, monkeypatch):
    """When another row is chosen while layers are made, no file stays open, and the next row is shown right."""
    _, location, _, files = outputs
    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    shown = ShownLayers(viewer)
    n_steps = len(list(shown.steps(load_row(row(location, files)).layers)))
    everything = names(viewer)
    shown.show([])
    for n in range(1, n_steps):
        steps = shown.steps(load_row(row(location, files)).layers)
        for _ in range(n):
            next(steps)
        steps.close()
        assert len(viewer.layers) <= len(everything)
        assert not any(layer.visible for layer in viewer.layers)
        show(shown, row(location, files))
        assert names(viewer) == everything
        shown.show([])
        assert not viewer.layers
        assert not any(map(is_open, files.values()))


def test_lazy_files_stay_open_as_long_as_their_layers(viewer, outputs, monkeypatch):
    """A lazy file is open until its last layer is replaced or removed, by whomever; small ones never stay open."""
    _, location, _, files = outputs
    path = files["Probabilities"]
    probabilities = row(location, {"Probabilities": path})
    shown = ShownLayers(viewer)
    show(shown, probabilities)
    assert not is_open(path)
    shown.show([])

    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    for end in (lambda: shown.show([]), viewer.layers.clear):
        show(shown, probabilities)
        assert is_open(path)
        viewer.layers.remove(viewer.layers[-1])
        assert is_open(path)
        end()
        assert not is_open(path)

    show(shown, probabilities)
    show(shown, row(location, {"Uncertainty": files["Uncertainty"]}))
    assert not is_open(path)
    shown.show([])


def test_missing_output_is_named_and_the_rest_shown(viewer, outputs):
    """What is gone is named; the rest is shown."""
    _, location, _, files = outputs
    files["Simple Segmentation"].unlink()
    (problem,) = show(ShownLayers(viewer), row(location, files))
    assert files["Simple Segmentation"].name in problem
    assert "cells Uncertainty" in names(viewer)
    assert "cells Simple Segmentation" not in names(viewer)


def test_unreadable_image_is_an_error_by_name(outputs, tmp_path):
    """It is an error that names it."""
    _, _, _, files = outputs
    with pytest.raises(ImageReadError, match="gone"):
        load_row(row(tmp_path / "gone.tif", files))


def test_a_cut_output_lies_where_it_was_cut(viewer, outputs, tmp_path):
    """Of a region only, cast to integers: in its place over the image, at its own contrast."""
    classifier, location, _, _ = outputs
    n_classes = len(classifier.classes)
    values = np.arange(3 * 4 * n_classes, dtype=np.uint8).reshape(3, 4, n_classes)
    what = row(location, {"Probabilities": write(tmp_path / "cut.h5", values, "yxc")})
    export = Export(region={"y": (2, 5), "x": (None, 4)}, dtype="uint8", output_range=(0, 255))
    exports = [named._replace(settings=export) for named in what.exports]
    show(ShownLayers(viewer), replace(what, exports=exports))
    assert len(viewer.layers) == 1 + n_classes
    for layer in viewer.layers[1:]:
        np.testing.assert_allclose(layer.translate, [2 * 0.5, 0])
        assert layer.contrast_limits == [0, values.max()]


def written_as(export: Export, classifier, values: np.ndarray, axes: str, folder: Path):
    """Write a prediction, in the axes ``axes`` and then c, with the writer of its format."""
    source = classifier.source(export.source)
    extents = {key: values.shape[axes.index(key)] if key in axes else 1 for key in "tzyx"}
    transform = make_transform(export, source, axes, {**extents, "c": 1})
    form = find_format(export.format)
    path = folder / f"out{form.extension}"
    writer = form.writer(
        Target(path, transform.axes, transform.shape, transform.dtype, value_range=transform.value_range)
    )
    cut = values[..., slice(*transform.region["c"])]
    writer.write(tuple(slice(0, n) for n in transform.shape), cut.astype(transform.dtype))
    writer.finish()
    return path


def shapes(axes: str) -> tuple[int, ...]:
    return tuple({"t": 2, "z": 3, "y": 6, "x": 8}[key] for key in axes)


# Pictures hold one channel, or three; here there are two classes. N5 needs a library of its own.
SHOWN_FORMATS = [form.name for form in EXPORT_FORMATS if not form.is_table and not form.extra]


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN_FORMATS)
@pytest.mark.parametrize("axes", ["yx", "zyx", "tyx", "tzyx"])
@pytest.mark.parametrize("source", ["Probabilities", "Simple Segmentation"])
def test_what_is_written_is_shown(viewer, tmp_path, name, axes, source):
    """Of every format that can hold it, a sequence of slices too: all values, in place over the image."""
    classifier = load_classifier(PROJECT)
    n = classifier.source(source).channels
    random = np.random.default_rng(5)
    np.save(tmp_path / "cells.npy", random.integers(0, 99, shapes(axes), np.uint8))
    is_labels = source == "Simple Segmentation"
    dtype = None if is_labels else "uint8"
    export = Export(source=source, format=name, dtype=dtype, output_range=None if is_labels else (0, 255))
    form = find_format(name)
    if format_problem(form, axes + "c", (*shapes(axes), n), np.dtype(np.uint8)) is not None:
        # Then a class by itself.
        export = export.model_copy(update={"region": {"c": (0, 1)}})
        n = 1
    values = random.integers(1, 3, (*shapes(axes), classifier.source(source).channels), np.uint8)
    if format_problem(form, axes + "c", (*shapes(axes), n), np.dtype(np.uint8)) is not None:
        assert form.slices is not None or len(axes) > 2 or form.dtypes == ("float32",)
        return
    path = written_as(export, classifier, values, axes, tmp_path)
    location = str(tmp_path / "cells.npy")
    job = BatchJob(classifier=PROJECT, inputs=(location,), exports=(export,), input_axes=axes)
    ended = LedgerRow(location, "done", outputs={source: path})
    what = RowRequest(location=location, job=job, exports=named_exports(job, classifier), ended=ended)
    shown = ShownLayers(viewer)
    problems = show(shown, what)
    if known_format(path) is None:
        assert "Formats that can be read" in problems[0]
        return
    assert problems == ()
    raw, *predicted = viewer.layers
    assert len(predicted) == n
    for i, layer in enumerate(predicted):
        assert np.array_equal(layer.extent.world, raw.extent.world)
        if "jp" not in name:
            np.testing.assert_array_equal(np.asarray(layer.data), values[..., i])
    shown.show([])


def test_an_output_of_one_class_each(viewer, outputs, tmp_path):
    """Classes in files of their own have the names and colours of the classes."""
    classifier, location, written, _ = outputs
    job = BatchJob(classifier=PROJECT, inputs=(str(location),), exports=(Export(per_class=True),))
    exports = named_exports(job, classifier)
    files = {
        named.name: write(tmp_path / f"{i}.h5", written["Probabilities"][..., i : i + 1], "yxc")
        for i, named in enumerate(exports)
    }
    ended = LedgerRow("", "done", outputs=files)
    show(ShownLayers(viewer), RowRequest(location=str(location), job=job, exports=exports, ended=ended))
    assert names(viewer) == ["cells", *(f"cells {name}" for name in classifier.classes)]
    for i, layer in enumerate(viewer.layers[1:]):
        assert rgb(layer) == classifier.class_colors[i]
        np.testing.assert_array_equal(layer.data, written["Probabilities"][..., i])


def test_result_for_a_layer_lies_where_the_layer_is(viewer, outputs):
    """What is predicted for a layer lies where the layer is; the layer itself is not added again."""
    classifier, _, written, _ = outputs
    viewer.add_image(np.zeros((6, 8)), name="mine", scale=(2, 3), translate=(10, 20), units=("um", "um"))
    image = MemoryImage("layer:mine", np.zeros((6, 8)), "yx", axes_known="guess")
    job = BatchJob(classifier=PROJECT, inputs=("layer:mine",))
    what = RowRequest(
        location="layer:mine",
        job=job,
        arrays={"layer:mine": image},
        exports=named_exports(job, classifier),
        ended=LedgerRow("layer:mine", "done"),
        predicted={"Probabilities": written["Probabilities"]},
    )
    from napari_batch_prediction.widgets.canvas.above import grid_of

    ShownLayers(viewer).show(load_row(what, grid_of(viewer.layers["mine"], "yx")).layers)
    assert names(viewer) == ["mine", *(f"mine {name}" for name in classifier.classes)]
    for i, layer in enumerate(viewer.layers[1:]):
        np.testing.assert_array_equal(layer.data, written["Probabilities"][..., i])
        np.testing.assert_array_equal(layer.scale, [2, 3])
        np.testing.assert_array_equal(layer.translate, [10, 20])
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("source", ["Probabilities", "Simple Segmentation"])
def test_large_ome_zarr_is_shown_in_all_its_levels(viewer, tmp_path, monkeypatch, source):
    """Large OME-Zarr images and outputs are layers of all their levels; the coarse ones are there at once."""
    monkeypatch.setattr(pixels, "LEVEL_IN_MEMORY", 1_000_000)
    monkeypatch.setattr(pixels, "CHUNK", 300)
    random = np.random.default_rng(5)
    classifier = load_classifier(PROJECT)
    n = classifier.source(source).channels
    values = random.integers(1, 3, (1200, 1000, n), np.uint8)
    is_labels = source == "Simple Segmentation"
    export = Export(
        source=source,
        format="multi-scale OME-Zarr",
        dtype=None if is_labels else "uint8",
        output_range=None if is_labels else (0, 255),
    )
    path = written_as(export, classifier, values, "yx", tmp_path)
    group = zarr.create_group(tmp_path / "cells.zarr", zarr_format=2)
    raw = random.integers(0, 99, (1200, 1000), np.uint8)
    for i in range(3):
        group.create_array(f"{i}", data=raw[:: 2**i, :: 2**i])
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": key, "type": "space"} for key in "yx"],
            "datasets": [{"path": f"{i}"} for i in range(3)],
        }
    ]
    location = str(tmp_path / "cells.zarr")
    job = BatchJob(classifier=PROJECT, inputs=(location,), exports=(export,))
    shown = ShownLayers(viewer)
    ended = LedgerRow(location, "done", outputs={source: path})
    what = RowRequest(location=location, job=job, exports=named_exports(job, classifier), ended=ended)
    assert show(shown, what) == ()
    grey, *predicted = viewer.layers
    assert len(predicted) == n
    assert all(layer.multiscale for layer in viewer.layers)
    assert [level.shape for level in grey.data] == [(1200, 1000), (600, 500), (300, 250)]
    assert [isinstance(level, np.ndarray) for level in grey.data] == [False, True, True]
    np.testing.assert_array_equal(np.asarray(grey.data[0]), raw)
    for i, layer in enumerate(predicted):
        assert [level.shape for level in layer.data] == [(1200, 1000), (600, 500)]
        assert [isinstance(level, np.ndarray) for level in layer.data] == [False, True]
        np.testing.assert_array_equal(np.asarray(layer.data[0]), values[..., i])
        assert np.array_equal(layer.extent.world, grey.extent.world)
    show(shown, what)
    assert list(viewer.layers) == [grey, *predicted]
    shown.hide()
    show(shown, what)
    assert list(viewer.layers) == [grey, *predicted]
    assert all(layer.visible for layer in predicted)
    np.testing.assert_array_equal(np.asarray(predicted[0].data[0]), values[..., 0])
    shown.show([])
    assert not viewer.layers


def test_one_level_is_chosen(viewer, tmp_path, monkeypatch):
    """A named level is shown with the levels below it; a small image in one piece."""
    group = zarr.create_group(tmp_path / "cells.zarr", zarr_format=2)
    for i in range(3):
        group.create_array(f"{i}", data=np.ones((64 >> i, 64 >> i), np.uint8))
    group.attrs["multiscales"] = [{"version": "0.1", "datasets": [{"path": f"{i}"} for i in range(3)]}]
    shown = ShownLayers(viewer)
    what = row(tmp_path / "cells.zarr/1", {}, input_axes="yx")
    show(shown, what)
    assert viewer.layers[0].data.shape == (32, 32)
    monkeypatch.setattr(pixels, "LEVEL_IN_MEMORY", 0)
    show(shown, what)
    assert [level.shape for level in viewer.layers[0].data] == [(32, 32), (16, 16)]
