"""The classifier as a user meets it."""

import shutil
from dataclasses import replace
from itertools import pairwise

import golden
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import napari_batch_prediction as nbp
import napari_batch_prediction.axes
from napari_batch_prediction import report
from napari_batch_prediction.axes import extents
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.engine.tiles import Tile, Tiles
from napari_batch_prediction.errors import AxesError, ImageMismatchError, SettingsError


def load(case):
    return nbp.load_classifier(golden.ROOT / case / "project.ilp")


@pytest.fixture(scope="module")
def gray():
    return load("a_2d_u8")


def test_description_of_pixel_classification(gray):
    """Workflow, classes, sources, axes and channels."""
    classifier: Classifier = gray
    assert classifier.workflow == "Pixel Classification"
    assert classifier.classes == ("Class 1", "Class 2", "Class 3")
    assert classifier.sources == (
        "Probabilities",
        "Simple Segmentation",
        "Uncertainty",
        "Features",
        "Areas",
        "Objects",
        "Object Table",
    )
    assert classifier.axes == "yx"
    assert classifier.n_channels == 1
    assert classifier.context == (0, 38, 38)
    assert len(classifier.class_colors) == 3
    description = classifier.describe()
    assert dict(report.describe(description))["Features"] == "49 in 2D, scales 0.3, 0.7, 1, 1.6, 3.5, 5, 10"
    assert [(stage.classes, stage.n_trees) for stage in description.stages] == [(classifier.classes, 100)]
    assert (description.path, description.sources) == (classifier.path, classifier.sources)
    assert (description.dimension, description.min_extents, description.counted) == (2, {"y": 36, "x": 36}, "")


def test_classifier_without_a_file(gray):
    """It predicts and says what it is; only what needs a file is refused."""
    trained = PixelClassification(replace(gray.project, path=None))
    image = np.zeros((40, 40), np.uint8)
    np.testing.assert_array_equal(trained.predict(image), gray.predict(image))
    assert report.describe(trained.describe()) == report.describe(gray.describe())[1:]
    assert trained.path is None
    with pytest.raises(SettingsError, match="in no file yet"):
        _ = trained.file
    with pytest.raises(SettingsError, match="The classifier cannot export 'Counts'"):
        trained.source("Counts")


def test_probabilities_and_numbers_have_classes(gray):
    """Those that probabilities and numbers stand for; other sources have none."""
    for name in ("Probabilities", "Simple Segmentation"):
        source = gray.source(name)
        assert (source.classes, source.class_colors) == (gray.classes, gray.class_colors)
        assert source.kind == ("labels" if "Segmentation" in name else "image")
    for name in ("Uncertainty", "Features"):
        assert gray.source(name).classes == gray.source(name).class_colors == ()


orders = {  # axes of the input, axes of the output
    "yx": "yxc", "yxc": "yxc", "cyx": "cyx", "xy": "xyc", "zyx": "zyxc", "tzcyx": "tzcyx", "tyx": "tyxc",
}  # fmt: skip


@pytest.mark.parametrize("axes", orders)
def test_output_has_the_axes_of_the_input(gray, axes):
    """Those of the input, then c; axes of extent 1 stay and change nothing."""
    image = golden.read(golden.ROOT / "a_2d_u8" / "test2.png")
    expected = gray.predict(image, "yx")
    given_image = nbp.axes.reorder(image, "yx", axes)
    got = gray.predict(given_image, axes)
    np.testing.assert_array_equal(nbp.axes.reorder(got, orders[axes], "yxc"), expected)
    assert got.ndim == len(orders[axes])


def test_time_points_are_predicted_apart(gray):
    """A series gives what its frames give."""
    image = golden.read(golden.ROOT / "a_2d_u8" / "test2.png")
    series = np.stack([image, image[::-1], image[:, ::-1]])
    got = gray.predict(series, "tyx")
    for frame, prediction in zip(series, got, strict=True):
        np.testing.assert_array_equal(prediction, gray.predict(frame, "yx"))


def test_tiles_are_made_as_they_are_needed(gray, monkeypatch):
    """An error in the first of 3000 tiles ends the prediction before the others are made."""
    made, every = [], Tiles.__iter__
    monkeypatch.setattr(Tiles, "__iter__", lambda tiles: (made.append(tile) or tile for tile in every(tiles)))

    def fail(*_):
        raise RuntimeError("no more")

    monkeypatch.setattr(type(gray), "predict_tile", fail)
    with pytest.raises(RuntimeError, match="no more"):
        gray.predict(np.broadcast_to(np.uint8(0), (3000, 40, 40)), "tyx", workers=2)
    assert 1 <= len(made) < 10


def test_axes_are_guessed_from_the_shape(gray):
    """Two dimensions are y and x; three, with many in the last, are a volume and do not fit."""
    image = golden.read(golden.ROOT / "a_2d_u8" / "test2.png")
    np.testing.assert_array_equal(gray.predict(image), gray.predict(image, "yx"))
    with pytest.raises(ImageMismatchError, match="set the axes to 'tyx'"):
        gray.predict(np.stack([image] * 5))


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"])
def test_every_dtype_gives_the_same(gray, dtype):
    """The values count, not the dtype; nothing is normalised."""
    image = golden.read(golden.ROOT / "a_2d_u8" / "test2.png")
    np.testing.assert_array_equal(gray.predict(image.astype(dtype), "yx"), gray.predict(image, "yx"))


def test_nan_gives_zeros(gray):
    """No class where a feature is NaN; the rest is unharmed beyond the reach of the filters."""
    image = golden.read(golden.ROOT / "a_2d_u8" / "test1.png").astype(np.float32)
    expected = gray.predict(image, "yx")
    image[100, 90] = np.nan
    got = gray.predict(image, "yx")
    assert not got[100, 90].any()
    far = np.ones(image.shape, bool)
    far[100 - 38 : 139, 90 - 38 : 129] = False
    np.testing.assert_array_equal(got[far], expected[far])
    assert (gray.predict(image, "yx", "Simple Segmentation")[100, 90] == 1).all()
    assert (gray.predict(image, "yx", "Uncertainty")[100, 90] == 1).all()


refused = {
    "two channels": ("a_2d_u8", "yxc", (40, 40, 2), r"2 channels.*trained on 1\. .* or choose channels of these"),
    "RGBA": ("b_2d_rgb_u8", "yxc", (40, 40, 4), "4 channels.*trained on 3; the last one may be alpha"),
    "RGB for gray": ("a_2d_u8", "yxc", (40, 40, 3), "3 channels, but the classifier was trained on 1"),
    "gray for RGB": ("b_2d_rgb_u8", "yx", (40, 40), "1 channel, but the classifier was trained on 3"),
    "volume for 2D": ("a_2d_u8", "zyx", (9, 40, 40), "3D.*trained on 2D images.*set the axes to 'tyx'"),
    "2D for volume": ("d_3d_u8", "yx", (40, 40), "2D.*trained on 3D images"),
    "slice for volume": ("d_3d_u8", "zyx", (1, 40, 40), "2D.*trained on 3D images"),
    "2D for volume with 2D features": ("e_3d_in2d_u8", "yx", (40, 40), "2D.*trained on 3D images"),
    "too small": ("a_2d_u8", "yx", (40, 35), "scale 10: it needs at least 36 pixels along y, x, but has x=35"),
    "too flat": ("d_3d_u8", "zyx", (20, 40, 40), "scale 10: it needs at least 36 pixels along z, y, x, but has z=20"),
}


@pytest.mark.parametrize("case", refused)
def test_image_that_does_not_fit_is_refused(case):
    """An image that does not fit is an error that says what was expected and what came."""
    project, axes, shape, message = refused[case]
    with pytest.raises(ImageMismatchError, match=message):
        load(project).predict(np.zeros(shape, np.uint8), axes)


def test_wrong_calls_are_refused(gray):
    """Errors of the caller."""
    image = np.zeros((50, 50), np.uint8)
    with pytest.raises(SettingsError, match=r"cannot export 'Heights'\. Choose one of: Probabilities, Simple"):
        gray.predict(image, "yx", "Heights")
    with pytest.raises(AxesError, match="name 3 dimensions, but the image has 2"):
        gray.predict(image, "zyx")
    with pytest.raises(AxesError, match="not valid"):
        gray.predict(image, "yz")


def test_suspect_image_is_warned_of(gray):
    """An image that cannot be as bright as the training images is suspect; so is another type, if it is known."""
    assert gray.warnings(np.dtype(np.uint8)) == []
    (warning,) = gray.warnings(np.dtype(np.float32))
    assert str(warning) == "The image is float32, but the training images were uint8; nothing is normalised."
    assert (warning.kind, warning.severity) == ("mismatch", "warning")
    known = load("c_2d_u16")
    unknown = PixelClassification(replace(known.project, dtype=None))
    (warning,) = unknown.warnings(np.dtype(np.uint8))
    assert "uint8, which ends at 255, but the training images had values of" in str(warning)
    assert unknown.warnings(np.dtype(np.float32)) == []
    assert known.warnings(np.dtype(np.uint16)) == unknown.warnings(np.dtype(np.uint16)) == []


ELSEWHERE = {
    "not there": (lambda folder: (folder / "train.png").unlink(), None),
    "another image": (lambda folder: Image.fromarray(np.zeros((9, 9), np.uint16)).save(folder / "train.png"), None),
    "damaged": (lambda folder: (folder / "train.png").write_bytes(b"\x89PNG"), None),
    "there": (lambda folder: None, "uint8"),
}


@pytest.mark.parametrize(("change", "dtype"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_type_of_the_training_image_is_taken_from_its_file(tmp_path, change, dtype):
    """A project that does not keep the type of its training image takes it from the file, if it is still there."""
    case = golden.ROOT / "a_2d_u8"
    for name in ("project.ilp", "train.png"):
        shutil.copy(case / name, tmp_path)
    change(tmp_path)
    assert nbp.load_classifier(tmp_path / "project.ilp").project.dtype == dtype


def test_source_is_found_in_any_case(gray):
    """Names of sources as on ilastik's command line."""
    image = golden.read(golden.ROOT / "a_2d_u8" / "test2.png")
    got = gray.predict(image, "yx", "simple segmentation")
    np.testing.assert_array_equal(got, gray.predict(image, "yx", "Simple Segmentation"))


tiled = {
    "2D": ("a_2d_u8", "test1.png"),
    "2D, three channels": ("b_2d_rgb_u8", "test1.png"),
    "3D": ("d_3d_u8", "test2.h5"),
    "slices": ("e_3d_in2d_u8", "test1.h5"),
    "mixed": ("l_3d_mixed_u8", "test2.h5"),
    "time": ("f_2dt_u8", "test1.h5"),
}


def cut(draw, extent):
    """Cut an axis at up to three random places."""
    places = draw(st.sets(st.integers(1, extent - 1), max_size=3)) if extent > 1 else set()
    edges = [0, *sorted(places), extent]
    return [slice(a, b) for a, b in pairwise(edges)]


@pytest.mark.slow
@pytest.mark.parametrize("case", tiled)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_tiling_gives_the_same_bits(case, data):
    """Tiles of any size with their context give the prediction of the whole image, bit for bit."""
    project, name = tiled[case]
    classifier = load(project)
    image = golden.read(golden.ROOT / project / name)
    axes = golden.axes(project)
    found = extents(axes, image.shape)
    frames = nbp.axes.reorder(image, axes, "tczyx")
    t = data.draw(st.integers(0, found["t"] - 1))
    sources = ["Probabilities", "Features", "Uncertainty", "Simple Segmentation"]
    everything = tuple(slice(0, found[key]) for key in "zyx")
    whole = classifier.predict_tile(frames[t], everything, sources)
    tiles = data.draw(
        st.composite(lambda draw: [(z, y, x) for z in cut(draw, found["z"]) for y in cut(draw, found["y"])
                                   for x in cut(draw, found["x"])])()
    )  # fmt: skip
    for z, y, x in tiles:
        around, inner = Tile(t, z, y, x).with_context(found, classifier.context)
        part = classifier.predict_tile(frames[(t, slice(None), *around)], inner, sources)
        for source in sources:
            np.testing.assert_array_equal(part[source], whole[source][:, z, y, x], err_msg=source)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_bits(gray, workers):
    """Threads share nothing that matters."""
    image = np.tile(golden.read(golden.ROOT / "a_2d_u8" / "test1.png"), (3, 4))
    expected = gray.predict(image, "yx", workers=1)
    np.testing.assert_array_equal(gray.predict(image, "yx", workers=workers), expected)


def test_input_is_not_changed(gray):
    """Predicting leaves the caller's array alone, also if it is float32 and read-only."""
    image = golden.read(golden.ROOT / "a_2d_u8" / "test2.png").astype(np.float32)
    before = image.copy()
    image.flags.writeable = False
    gray.predict(image, "yx")
    np.testing.assert_array_equal(image, before)
