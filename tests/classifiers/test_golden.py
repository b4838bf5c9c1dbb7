"""Predictions equal ilastik's own.

A forest has about 100 trees, so a tree that goes the other way, because a feature differs in its last bit, changes
a probability by 0.01.
"""

import golden
import numpy as np
import pytest
from plain_features import plain_features

from napari_batch_prediction import load_classifier
from napari_batch_prediction.axes import reorder

pytestmark = pytest.mark.golden

# Share of a file's values that may differ by more than 0.001, largest difference, share of pixels of all files
# together that may get another class.
LIMITS = {"2D": (0.0005, 0.06, 0.00005), "3D": (0.001, 0.06, 0.0002)}
FEW = 6  # So many values may differ in a small file.

VISIBLE = 1e-3


def dimensions(case):
    """3D if any feature is computed in 3D."""
    project = load_classifier(golden.ROOT / case / "project.ilp").project
    return "2D" if project.selection.all_in_2d else "3D"


def probability_runs():
    return [
        pytest.param(case, run, id=f"{case}-{run.image.stem}")
        for case in golden.CASES
        for run in golden.runs(case)
        if run.source == "Probabilities"
    ]


def predict(case, run, source):
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    axes = golden.axes(case)
    return golden.as_in_file(classifier.predict(golden.read(run.image), axes, source), axes)


@pytest.mark.parametrize(("case", "run"), probability_runs())
def test_probabilities_are_those_of_ilastik(case, run, comparison_table):
    """All but a few values equal, and those by a few trees."""
    expected = golden.read(run.output)
    got = predict(case, run, "Probabilities")
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    difference = np.abs(got - expected)
    kind = dimensions(case)
    n_other = int((difference > VISIBLE).sum())
    n_class = int((got.argmax(-1) != expected.argmax(-1)).sum())
    comparison_table.append((case, run.image.stem, kind, difference.size, n_other, difference.max(), n_class,
                             got[..., 0].size))  # fmt: skip
    share, largest, _ = LIMITS[kind]
    assert n_other <= max(share * difference.size, FEW)
    assert difference.max() <= largest


@pytest.mark.parametrize("kind", LIMITS)
def test_most_probable_class_of_all_images_is_that_of_ilastik(kind):
    """Over all files the most probable class agrees in all but a few pixels in 100,000."""
    n_other = n_pixels = 0
    for case in golden.CASES:
        if dimensions(case) != kind:
            continue
        for run in golden.runs(case):
            if run.source == "Probabilities":
                expected = golden.read(run.output)
                got = predict(case, run, "Simple Segmentation")
                n_other += int((got[..., 0] != expected.argmax(-1) + 1).sum())
                n_pixels += expected[..., 0].size
    assert n_pixels > 300_000
    assert n_other <= LIMITS[kind][2] * n_pixels


@pytest.mark.parametrize(("case", "run"), probability_runs())
def test_uncertainty_is_that_of_ilastik(case, run):
    """One less the margin of ilastik's probabilities, where those agree."""
    probabilities = golden.read(run.output)
    ordered = np.sort(probabilities, -1)
    expected = 1 - (ordered[..., -1:] - ordered[..., -2:-1])
    got = predict(case, run, "Uncertainty")
    assert got.dtype == np.float32
    n_other = (np.abs(got - expected) > VISIBLE).sum()
    assert n_other <= max(LIMITS[dimensions(case)][0] * got.size, FEW)


def derived_runs():
    return [
        pytest.param(case, run, id=f"{run.source} of {run.image.stem}")
        for case in golden.CASES
        for run in golden.runs(case)
        if run.source != "Probabilities"
    ]


@pytest.mark.parametrize(("case", "run"), derived_runs())
def test_segmentation_and_features_are_those_of_ilastik(case, run):
    """Segmentation, uncertainty and features as ilastik exported them."""
    expected = golden.read(run.output)
    got = predict(case, run, run.source)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if run.source == "Features":
        # The largest values are those of the structure tensor, of the order of 255 * 255 / 10.
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=4e-4)
    else:
        assert (np.abs(got.astype(float) - expected) > VISIBLE).sum() <= max(0.0005 * expected.size, FEW)


@pytest.mark.parametrize("case", golden.CASES)
def test_features_equal_those_computed_plainly(case):
    """Features of the smallest image of each case equal those computed plainly."""
    run = next(run for run in golden.runs(case) if run.image.stem == "test2")
    image = golden.read(run.image)
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    axes = golden.axes(case)
    got = classifier.predict(image, axes, "Features")
    chosen = classifier.project.selection
    expected = np.stack([plain_features(frame, chosen) for frame in reorder(image, axes, "tczyx")])
    got = reorder(got, axes if "c" in axes else axes + "c", "tczyx")
    peak = float(np.abs(image.astype(float)).max())
    for i, name in enumerate(chosen.names(classifier.n_channels)):
        limit = 2e-6 * (peak**2 if "Tensor" in name else peak)
        assert np.abs(got[:, i] - expected[:, i]).max() < limit, name


@pytest.mark.parametrize("folder", ["nuclei"])
def test_sample_of_nuclei_is_predicted_as_by_ilastik(folder):
    """The shipped sample, as ilastik predicts it."""
    from importlib.resources import files

    sample = files("napari_batch_prediction") / "samples" / folder
    classifier = load_classifier(str(sample / f"{folder}.ilp"))
    n_images = 0
    for path in sorted((golden.ROOT.parent / "sample" / folder / "expected").glob("*.h5")):
        image = sample / f"{path.stem.removesuffix('_Probabilities')}.png"
        expected = golden.read(path)
        difference = np.abs(classifier.predict(golden.read(image), "yx") - expected)
        assert (difference > VISIBLE).mean() <= LIMITS["2D"][0]
        assert difference.max() <= LIMITS["2D"][1]
        n_images += 1
    assert n_images == 6


def test_pixels_of_a_project_that_also_classifies_objects_are_those_of_ilastik():
    """The pixel classification in a project that goes on with objects, by ilastik's names of its sources."""
    folder = golden.ROOT / "j_objclass_2d_u8"
    classifier = load_classifier(folder / "project.ilp")
    assert classifier.workflow == "Object Classification (from pixel classification)"
    assert classifier.sources[:4] == ("Probabilities", "Simple Segmentation", "Uncertainty", "Features")
    image = golden.read(folder / "test2.png")
    for source in ("Pixel Probabilities", "Simple Segmentation"):
        expected = golden.read(folder / "expected" / f"test2_{source}.h5")
        got = golden.as_in_file(classifier.predict(image, "yx", source), "yx")
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        assert (np.abs(got.astype(float) - expected) > VISIBLE).sum() <= FEW
