"""Autocontext: as ilastik predicts it, tile by tile, and what it refuses."""

from dataclasses import replace

import golden
import numpy as np
import pytest
from autocontext_writer import write_stages
from ilp_reader import read_project, read_stages
from ilp_writer import RAW, put, put_forest, put_lane, remove, write_project
from tilings import random_tiles

import napari_batch_prediction as nbp
from napari_batch_prediction import report
from napari_batch_prediction.axes import extents, reorder
from napari_batch_prediction.classifiers.autocontext import Autocontext
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import ImageMismatchError, ProjectError, SettingsError

CASE = "i_autocontext_2d_u8"
FOLDER = golden.ROOT / CASE

# As strict as for 2D pixel classification.
SHARE, LARGEST, FEW, VISIBLE = 0.0005, 0.06, 6, 1e-3


def load():
    return nbp.load_classifier(FOLDER / "project.ilp")


def runs():
    return [pytest.param(run, id=f"{run.source} of {run.image.stem}") for run in golden.runs(CASE)]


@pytest.mark.golden
@pytest.mark.parametrize("run", runs())
def test_every_source_is_that_of_ilastik(run):
    """Every source that ilastik exported, on all images."""
    expected = golden.read(run.output)
    axes = golden.axes(CASE)
    got = golden.as_in_file(load().predict(golden.read(run.image), axes, run.source), axes)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    difference = np.abs(got.astype(float) - expected)
    assert (difference > VISIBLE).sum() <= max(SHARE * difference.size, FEW)
    if run.source.startswith("Probabilities"):
        assert difference.max() <= LARGEST


def test_all_sources_were_exported():
    """The golden case has four sources of three images."""
    assert len(runs()) == 12
    assert golden.AUTOCONTEXT == (CASE,)


def test_description_of_autocontext():
    """Workflow, classes of the last stage, sources in ilastik's order, context of both stages."""
    classifier = load()
    assert classifier.workflow == golden.manifest(CASE)["workflow"] == "Autocontext (2-stage)"
    assert classifier.classes == ("not", "blob")
    assert classifier.sources == (
        "Probabilities Stage 2", "Simple Segmentation Stage 2", "Uncertainty Stage 2", "Features Stage 2",
        "Probabilities Stage 1", "Simple Segmentation Stage 1", "Uncertainty Stage 1", "Features Stage 1",
        "Probabilities All Stages", "Areas", "Objects", "Object Table",
    )  # fmt: skip
    assert (classifier.axes, classifier.n_channels) == ("yx", 1)
    first, second = (project.selection.context for project in classifier.projects)
    assert classifier.context == tuple(a + b for a, b in zip(first, second, strict=True))
    summary = dict(report.describe(classifier.describe()))
    assert summary["Stage 1"] == "classes: bg, blob, stripe; features: 8 in 2D, scales 0.7, 1.6, 3.5; trees: 100"
    assert summary["Stage 2"] == "classes: not, blob; features: 24 in 2D, scales 0.7, 1, 1.6, 3.5, 5; trees: 100"


def of_tiles(classifier):
    """Return the sources that are predicted by tile."""
    return [name for name in classifier.sources if not classifier.source(name).made_from]


def test_each_stage_has_classes_of_its_own():
    """Each stage has classes and colours of its own."""
    classifier = load()
    first, second = ("bg", "blob", "stripe"), ("not", "blob")
    for name, classes in (("Stage 1", first), ("Stage 2", second), ("All Stages", first + second)):
        source = classifier.source(f"Probabilities {name}")
        assert source.classes == classes
        assert source.channels == len(source.class_colors) == len(classes)
    assert classifier.source("Simple Segmentation Stage 1").classes == first
    assert classifier.source("Simple Segmentation Stage 1").value_range == (0, 3)
    assert classifier.source("Uncertainty Stage 1").classes == ()
    assert len(set(classifier.source("Probabilities All Stages").channel_names)) == 5


@pytest.mark.parametrize("kind", ["Probabilities", "Simple Segmentation", "Uncertainty", "Features"])
def test_names_without_a_stage_mean_the_last(kind):
    """They mean the last stage, in any case."""
    classifier = load()
    assert classifier.source(kind.upper()).name == f"{kind} Stage 2"
    with pytest.raises(SettingsError, match="Choose one of: Probabilities Stage 2"):
        classifier.source(f"{kind} Stage 3")


def test_derived_sources_belong_to_their_stage():
    """Segmentation and uncertainty of a stage are those of its probabilities; all stages are both."""
    classifier = load()
    image = golden.read(FOLDER / "test2.png")
    found = {name: classifier.predict(image, "yx", name) for name in of_tiles(classifier)}
    for n in (1, 2):
        probabilities = found[f"Probabilities Stage {n}"]
        np.testing.assert_array_equal(found[f"Simple Segmentation Stage {n}"], probabilities.argmax(-1) + 1)
        ordered = np.sort(probabilities, -1)
        np.testing.assert_array_equal(found[f"Uncertainty Stage {n}"], 1 - (ordered[..., -1] - ordered[..., -2]))
    both = [found["Probabilities Stage 1"], found["Probabilities Stage 2"]]
    np.testing.assert_array_equal(found["Probabilities All Stages"], np.concatenate(both, -1))


TILED = {  # the project, the axes of an image and its shape
    "golden": (None, "yx", (151, 203)),
    "three stages": ({"n_stages": 3}, "yx", (90, 120)),
    "four stages of a series": ({"n_stages": 4}, "tyx", (2, 70, 60)),
    "two channels": ({"n_raw": 2, "shape": (40, 50, 2)}, "cyx", (2, 90, 120)),
    "3D": ({"axes": "zyxc", "shape": (30, 40, 50, 1)}, "zyx", (30, 40, 50)),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("case", TILED)
def test_any_tiling_gives_the_same_bits(case, dtype, tmp_path):
    """Tiles of any size, with the context of all stages, give the prediction of the whole image, bit for bit."""
    project, axes, shape = TILED[case]
    classifier = load() if project is None else nbp.load_classifier(write_stages(tmp_path / "a.ilp", **project))
    rng = np.random.default_rng(3)
    image = golden.read(FOLDER / "test1.png") if project is None else rng.integers(0, 30, shape)
    found = extents(axes, shape)
    frame = reorder(image.astype(dtype), axes, "tczyx")[-1]
    everything = tuple(slice(0, found[key]) for key in "zyx")
    whole = classifier.predict_tile(frame, everything, of_tiles(classifier))
    assert set(whole) == set(of_tiles(classifier))
    n_tiles = 0
    for _ in range(3):
        for z, y, x in random_tiles(frame.shape[1:], rng):
            around, inner = Tile(0, z, y, x).with_context(found, classifier.context)
            part = classifier.predict_tile(frame[(slice(None), *around)], inner, of_tiles(classifier))
            for source in of_tiles(classifier):
                np.testing.assert_array_equal(part[source], whole[source][:, z, y, x], err_msg=source)
            n_tiles += 1
    assert n_tiles > 5


@pytest.mark.parametrize("source", ["Features Stage 1", "Uncertainty Stage 1", "Simple Segmentation Stage 2"])
def test_source_alone_is_the_same_as_with_others(source):
    """What is not asked for does not change what is."""
    classifier = load()
    frame = golden.read(FOLDER / "test2.png")[None, None]
    everything = tuple(slice(0, n) for n in frame.shape[1:])
    together = classifier.predict_tile(frame, everything, of_tiles(classifier))
    alone = classifier.predict_tile(frame, everything, [source])
    assert list(alone) == [source]
    np.testing.assert_array_equal(alone[source], together[source])


@pytest.mark.parametrize(
    ("dtype", "full"), [("uint8", 255), ("uint16", 65535), (">u2", 65535), ("float32", None), ("float64", None)]
)
def test_probabilities_join_the_image(dtype, full, tmp_path):
    """A later stage sees those of the one before as values of the image's type: whole numbers are cut off."""
    classifier = nbp.load_classifier(write_stages(tmp_path / "a.ilp"))
    image = np.random.default_rng(0).integers(0, 30, (40, 50)).astype(dtype)
    probabilities = classifier.predict(image, "yx", "Probabilities Stage 1")
    assert len(np.unique(probabilities)) == 3
    joined = np.trunc(probabilities * np.float32(full)) if full else probabilities
    channels = np.concatenate([image[..., None].astype(np.float32), joined], -1)
    alone = nbp.load_classifier(write_stages(tmp_path / "b.ilp", n_raw=3, shape=(40, 50, 3)))
    np.testing.assert_array_equal(
        classifier.predict(image, "yx", "Features Stage 2"), alone.predict(channels, "yxc", "Features Stage 1")
    )


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint32", "uint64", "bool"])
def test_types_in_which_ilastik_overflows_are_refused(dtype):
    """They are refused, before and while predicting; without a type, the rest is checked."""
    classifier = load()
    image = np.zeros((60, 60), dtype)
    message = f"The image is {dtype}. .*overflows.*uint8, uint16 or float32"
    with pytest.raises(ImageMismatchError, match=message):
        classifier.check("yx", image.shape, image.dtype)
    with pytest.raises(ImageMismatchError, match=message):
        classifier.predict(image, "yx")
    with pytest.raises(ImageMismatchError, match=message):
        classifier.predict_tile(image[None, None], (slice(0, 1), slice(0, 60), slice(0, 60)), ["Probabilities"])
    classifier.check("yx", image.shape)


def test_image_smaller_than_the_largest_scale_allows_is_refused():
    """The smallest extent is that of the stage with the largest scale."""
    classifier = load()
    with pytest.raises(ImageMismatchError, match="scale 5: it needs at least 19 pixels"):
        classifier.check("yx", (40, 18), np.dtype("uint8"))
    with pytest.raises(ImageMismatchError, match="3 channels, but the classifier was trained on 1"):
        classifier.predict(np.zeros((40, 40, 3), np.uint8), "yxc")


def test_image_unlike_the_training_images_is_warned_of():
    """An image of another type than that of the training images, told by thresholds on probabilities."""
    first, *others = load().projects
    classifier = Autocontext([replace(first, dtype=None), *others])
    assert classifier.warnings(np.dtype("uint8")) == []
    for dtype, full in (("uint16", "65535"), ("float32", "1")):
        (warning,) = classifier.warnings(np.dtype(dtype))
        assert f"image is {dtype}" in str(warning)
        assert f"as 0 to {full}, but the forest compares them with values up to 184" in str(warning)
    # This one is refused: there is nothing to warn of.
    assert classifier.warnings(np.dtype("int32")) == []


def test_memory_of_a_tile_counts_context_and_sources():
    """A tile with its context costs more than for the image alone; every source costs its values."""
    classifier = load()
    one = classifier.memory(["Probabilities Stage 2"])
    both = classifier.memory(["Probabilities Stage 2", "Features Stage 1"])
    assert both.tile - one.tile == 8 * 4
    # The image as it is and as float32; three scales and three probabilities of the first stage.
    assert one.block >= 8 + 4 * 3 + 4 * 3


def put_scales(file):
    put(file, "FeatureSelections01/Scales", np.array([0.7, -1.0]))


REFUSED = {
    "second stage missing": (
        lambda f: remove(f, "PixelClassification01"),
        "without its trained classifier: there is no random forest at /PixelClassification01/ClassifierForests",
    ),
    "second stage untrained": (
        lambda f: remove(f, "PixelClassification01/ClassifierForests"),
        "without its trained classifier.*/PixelClassification01",
    ),
    "features of the second stage missing": (lambda f: remove(f, "FeatureSelections01"), "no features selected"),
    "scales of the second stage damaged": (put_scales, "FeatureSelections01/Scales.*positive numbers"),
    "forest of the second stage for the image alone": (
        lambda f: [put_forest(f, f"PixelClassification01/ClassifierForests/Forest000{i}", 2, 3) for i in range(2)],
        "trained on 3 features, but the feature selection gives 9 for 3 channels",
    ),
    "a forest of the second stage damaged": (
        lambda f: put(f, "PixelClassification01/ClassifierForests/Forest0000/Tree_0/topology", np.zeros(3, np.int32)),
        "Forest0000/Tree_0.*damaged",
    ),
    "fewer stages than its name says": (
        lambda f: put(f, "workflowName", b"AutocontextThreeStage"), "no random forest at /PixelClassification02",
    ),
    "stages that do not fit": (
        lambda f: [
            put_lane(f, RAW, "yxc", None),
            *(put_forest(f, f"PixelClassification01/ClassifierForests/Forest000{i}", 2, 12) for i in range(2)),
        ],
        "expected a forest for 1 channels and 2 probabilities, found 12 features for 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_project_with_an_unusable_stage_is_refused(name, tmp_path):
    """A project of which a stage cannot be used, by its path and with what was found."""
    change, message = REFUSED[name]
    path = write_stages(tmp_path / "a.ilp", change)
    with pytest.raises(ProjectError, match=message) as error:
        nbp.load_classifier(path)
    assert str(path) in str(error.value)


def test_stages_are_not_read_from_other_projects(tmp_path):
    """Each reader says what it expected."""
    with pytest.raises(ProjectError, match="'Pixel Classification', expected 'Autocontext'"):
        read_stages(write_project(tmp_path / "a.ilp"))
    with pytest.raises(ProjectError, match=r"'Autocontext \(2-stage\)', expected 'Pixel Classification'"):
        read_project(write_stages(tmp_path / "b.ilp"))
