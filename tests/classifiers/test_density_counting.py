"""Cell Density Counting: as ilastik counts, tile by tile, frame by frame, with every kind of regressor."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import golden
import numpy as np
import pytest
from tilings import random_tiles

import napari_batch_prediction as nbp
from napari_batch_prediction import report
from napari_batch_prediction.axes import reorder
from napari_batch_prediction.classifiers.density_counting import DensityCounting
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.regressors import ForestRegressor, LinearRegressor
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.forest.trees import Tree

GRAY, COLOUR = "h1_count_2d_u8", "h2_count_2d_rgb"
SAMPLE = Path(str(files("napari_batch_prediction") / "samples" / "colonies"))
EXPECTED = golden.ROOT.parent / "sample" / "colonies" / "expected"


def load(case=GRAY):
    return nbp.load_classifier(golden.ROOT / case / "project.ilp")


def image(name="test2", case=GRAY):
    return golden.read(golden.ROOT / case / f"{name}.png")


RUNS = [
    pytest.param(case, run.image.stem, run.output, id=f"{case}-{run.image.stem}")
    for case in golden.COUNTING
    for run in golden.runs(case)
]


@pytest.mark.golden
@pytest.mark.parametrize(("case", "name", "output"), RUNS)
def test_densities_and_counts_are_those_of_ilastik(case, name, output):
    """Densities within 1e-5 on 99.9 % of pixels, counts within 0.05 %."""
    classifier, pixels, expected = load(case), image(name, case), golden.read(output)
    got = golden.as_in_file(classifier.predict(pixels), "yx" if pixels.ndim == 2 else "yxc")
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype == np.float32
    assert (np.abs(got - expected) <= 1e-5).mean() >= 0.999
    assert got.min() >= 0
    nickname, count = output.with_name(f"counts_{name}.csv").read_text().split(",")
    ours = classifier.predict(pixels, source="Counts")
    assert nickname == name
    assert ours == pytest.approx(float(count), rel=5e-4)
    assert ours == pytest.approx(got.sum(dtype=np.float64), abs=1e-6)


def test_all_golden_counting_cases_are_compared():
    """Three images each of two cases."""
    assert golden.COUNTING == (GRAY, COLOUR)
    assert len(RUNS) == 6


@pytest.mark.golden
def test_sample_of_colonies_is_counted_as_by_ilastik():
    """The colonies, as ilastik counts them."""
    classifier = nbp.load_classifier(SAMPLE / "colonies.ilp")
    lines = (EXPECTED / "ilastik_counts.csv").read_text().split()[1:]
    assert len(lines) == 4
    for name, count in (line.split(",") for line in lines):
        counted = classifier.predict(golden.read(SAMPLE / name), "yx", "Counts")
        assert counted == pytest.approx(float(count), rel=5e-4)
    expected = golden.read(EXPECTED / "colonies_03_Probabilities.h5")
    got = classifier.predict(golden.read(SAMPLE / "colonies_03.png"), "yx")[..., None]
    assert (np.abs(got - expected) <= 1e-5).mean() >= 0.999


def test_description_of_density_counting():
    """Workflow, sources, axes, context."""
    classifier = load()
    assert classifier.workflow == golden.manifest(GRAY)["workflow"] == "Cell Density Counting"
    assert classifier.sources == ("Density", "Counts")
    assert (classifier.axes, classifier.n_channels, classifier.context) == ("yx", 1, (0, 15, 15))
    density, counts = classifier.source("density"), classifier.source("COUNTS")
    assert (density.dtype, density.channels, density.value_range, density.kind) == (np.float32, 1, (0, 1), "image")
    assert (counts.dtype, counts.kind, counts.made_from) == (np.float64, "table", "Density")
    assert counts.columns == ("time", "count", "count in region")
    assert classifier.source("Probabilities") == density
    summary = dict(report.describe(classifier.describe()))
    assert summary["Counts"] == "what was marked as Foreground"
    assert summary["Regressors"] == "1 (random forest, 10 trees)"
    assert summary["Sigma"] == "2.5 pixels"
    assert "Trained" not in summary
    with pytest.raises(SettingsError, match="Choose one of: Density, Counts"):
        classifier.source("Uncertainty")


def test_classifier_that_was_trained_again_says_so():
    """A classifier that was not read but trained here says so."""
    told = DensityCounting(replace(load().project, trained_again="It was trained again."))
    assert [str(warning) for warning in told.warnings(np.dtype("uint8"))] == ["It was trained again."]
    assert dict(report.describe(told.describe()))["Trained"] == "It was trained again."
    assert load().warnings(np.dtype("uint8")) == []


def test_type_without_the_training_values_is_warned_of():
    """The training image had values that this type does not have."""
    project = replace(load().project, dtype=None)
    (forest,) = project.regressors
    brighter = [replace(tree, threshold=tree.threshold * 100) for tree in forest.trees]
    bright = DensityCounting(replace(project, regressors=(ForestRegressor(tuple(brighter)),)))
    (warning,) = bright.warnings(np.dtype("uint8"))
    assert "which ends at 255" in str(warning)
    assert bright.warnings(np.dtype("uint16")) == []


@pytest.mark.parametrize(("case", "axes"), [(GRAY, "yx"), (COLOUR, "yxc")])
def test_any_tiling_gives_the_same_bits(case, axes):
    """Tiles of any size, and their sums in any order."""
    classifier = load(case)
    frame = reorder(image("test1", case), axes, "tczyx")[0]
    found = dict(zip("tzyx", (1, *frame.shape[1:]), strict=True))
    whole = classifier.predict_tile(frame, tuple(slice(0, n) for n in frame.shape[1:]), ["Density"])["Density"]
    rng = np.random.default_rng(5)
    for _ in range(4):
        total = 0
        for z, y, x in random_tiles(frame.shape[1:], rng):
            around, inner = Tile(0, z, y, x).with_context(found, classifier.context)
            part = classifier.predict_tile(frame[(slice(None), *around)], inner, ["Probabilities"])["Density"]
            np.testing.assert_array_equal(part, whole[:, z, y, x])
            total += exact_sum(part)
        assert total == exact_sum(whole)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_threads_gives_the_same_count(workers):
    """To the last bit, also of an image that is cut into tiles."""
    classifier = load()
    large = np.tile(image("test1"), (4, 3))
    assert classifier.predict(large, "yx", "Counts", workers) == classifier.predict(large, "yx", "Counts")


def test_time_series_is_counted_frame_by_frame():
    """One count for each time point; a single image has a single one."""
    classifier = load()
    frames = np.stack([image(), image()[::-1], 0 * image()])
    counts = classifier.predict(frames, "tyx", "Counts")
    assert counts.shape == (3,)
    assert counts.dtype == np.float64
    for frame, count in zip(frames, counts, strict=True):
        alone = classifier.predict(frame, "yx", "Counts")
        assert alone.shape == ()
        assert alone == count
    assert classifier.predict(frames, "tyx").shape == frames.shape
    assert classifier.predict(frames[:1], "tyx", "Counts").shape == (1,)


def test_volume_is_refused():
    """Counting is in 2D; one slice is an image."""
    classifier = load()
    with pytest.raises(ImageMismatchError, match=r"3D.*trained on 2D images.*set the axes to 'tyx'"):
        classifier.check("zyx", (5, 40, 40))
    classifier.check("zyx", (1, 40, 40))
    classifier.check("tyx", (5, 40, 40))


def test_source_of_counts_is_no_image():
    """Tiles are predicted of the density."""
    with pytest.raises(SettingsError, match=r"Counts is a sum over whole images\. Predict Density"):
        load().predict_tile(image()[None, None], (slice(0, 1), slice(0, 61), slice(0, 53)), ["Counts"])


def leaf(value):
    """A tree that always says the same."""
    return Tree(np.array([-1], np.int32), np.zeros(1), np.zeros(1, np.int32), np.array([[value]]))


def counted(*regressors, pixels=None):
    """The density (y, x) that regressors give of a small image."""
    classifier = DensityCounting(replace(load().project, regressors=regressors))
    return classifier.predict(image() if pixels is None else pixels, "yx")


def features():
    """The features (y, x, features) of that image."""
    chosen, block = load().project.selection, image()[None, None]
    whole = tuple(slice(0, n) for n in block.shape[1:])
    values = ENGINE.prepare(chosen, 1).features(block, whole)
    return np.moveaxis(values[:, 0], 0, -1).astype(np.float64)


def test_linear_regressors_weigh_scaled_features():
    """Scaled features times weights, and what is added; negative densities are 0."""
    rng = np.random.default_rng(0)
    scale, weights = rng.uniform(0, 1e-3, 12), rng.normal(size=12)
    linear = LinearRegressor(scale, weights, 0.03)
    plain = np.maximum((features() * scale) @ weights + 0.03, 0)
    assert (plain == 0).any()
    assert (plain > 0).any()
    np.testing.assert_allclose(counted(linear), plain, rtol=1e-6, atol=1e-8)
    (forest,) = load().project.regressors
    np.testing.assert_allclose(counted(linear, forest), (plain + counted(forest)) / 2, rtol=1e-6, atol=1e-8)
    other = LinearRegressor(scale, -weights, 0.03)
    both = (plain + np.maximum(0.06 - ((features() * scale) @ weights + 0.03), 0)) / 2
    np.testing.assert_allclose(counted(linear, other), both, rtol=1e-6, atol=1e-8)
    description = DensityCounting(replace(load().project, regressors=(linear,))).describe()
    assert dict(report.describe(description))["Regressors"] == "1 (linear)"


def test_nan_counts_nothing():
    """The density is 0 where a feature is NaN, whatever the regressor; the rest is unharmed."""
    pixels = image().astype(np.float32)
    pixels[30, 30] = np.nan
    (forest,) = load().project.regressors
    linear = LinearRegressor(np.ones(12), np.zeros(12), 0.5)
    for regressor in (forest, linear):
        got, expected = counted(regressor, pixels=pixels), counted(regressor)
        assert got[30, 30] == 0
        far = np.ones(pixels.shape, bool)
        far[15:46, 15:46] = False
        np.testing.assert_array_equal(got[far], expected[far])
        assert np.isfinite(got).all()


def test_mean_of_regressors_counts_each_once():
    """Each counts once, whatever its number of trees, and as 0 where it is negative."""
    (forest,) = load().project.regressors
    one = counted(forest)
    np.testing.assert_allclose(counted(forest, forest, forest), one, rtol=1e-6)
    np.testing.assert_allclose(counted(forest, ForestRegressor((leaf(3.0),))), (one + 3) / 2, rtol=1e-6)
    np.testing.assert_allclose(counted(forest, ForestRegressor((leaf(-3.0),))), one / 2, rtol=1e-6)
    halves = ForestRegressor(forest.trees[:5]), ForestRegressor(forest.trees[5:])
    np.testing.assert_allclose(counted(*halves), one, rtol=1e-6)
    many = ForestRegressor(forest.trees * 7)
    np.testing.assert_allclose(counted(many), one, rtol=1e-6)


def test_regressor_with_leaves_of_0_and_1_is_no_vote():
    """A regressor whose leaves are all 1 or 0 is still one."""
    np.testing.assert_array_equal(counted(ForestRegressor((leaf(1.0), leaf(0.0)))), 0.5)
    np.testing.assert_array_equal(counted(ForestRegressor((leaf(1.0),))), 1)


def test_sum_is_exact_in_any_order():
    """Whole numbers: the same in any parts and order, and the sum itself to rounding."""
    rng = np.random.default_rng(1)
    density = (rng.random((3, 300, 400)) * 0.1).astype(np.float32)
    total = exact_sum(density)
    assert total == sum(round(float(value) * UNIT) for value in density.ravel())
    assert total == sum(exact_sum(density[:, :, i : i + 37]) for i in range(0, 400, 37))
    assert total == exact_sum(density[::-1, :, ::-1])
    assert total / UNIT == pytest.approx(density.sum(dtype=np.float64), rel=1e-9)
    assert exact_sum(np.zeros((0, 5), np.float32)) == 0
    assert exact_sum(np.array([2.0**36, -(2.0**-40), 0.25], np.float32)) == 2**76 - 1 + 2**38


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e38])
def test_values_that_cannot_be_summed_are_refused(value):
    """No density has such values."""
    with pytest.raises(ImageMismatchError, match="cannot be summed up"):
        exact_sum(np.array([0.1, value], np.float32))
