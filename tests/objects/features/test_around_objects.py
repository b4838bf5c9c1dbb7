"""Features that look at the box of an object or around it: neighbourhood, hull and skeleton."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from labelled_blobs import blobs, measure
from scipy import ndimage, stats

from napari_batch_prediction.objects.features.hull import hull_features
from napari_batch_prediction.objects.features.names import FEATURES, HULL_2D, NEAR, STANDARD, WITH_NEAR, Feature
from napari_batch_prediction.objects.features.neighbourhood import neighbourhood_features
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.objects.features.skeleton.features import skeleton_features
from napari_batch_prediction.objects.features.table import feature_matrix, feature_table
from napari_batch_prediction.objects.features.windows import blocks
from napari_batch_prediction.objects.volume import ArrayVolume

SHAPES = [(1, 70, 60), (9, 25, 28)]


def corners(labels):
    """First pixels of objects, and those after their last, along z, y, x."""
    boxes = ndimage.find_objects(labels)
    return tuple(np.array([[getattr(side, end) for side in box] for box in boxes]) for end in ("start", "stop"))


def plain_neighbourhood(labels, raw, margin, with_object):
    """The numbers of the pixels near each object, by scipy's distances in the object's box."""
    low, high = corners(labels)
    most = max(margin)
    pitch = [most // pixels for pixels in margin][::-1]
    for i in range(len(low)):
        box = tuple(
            slice(max(a - m, 0), min(b + 1 + m, n))
            for a, b, m, n in zip(low[i], high[i], margin[::-1], labels.shape, strict=True)
        )
        own = labels[box] == i + 1
        near = ndimage.distance_transform_edt(~own, sampling=pitch) < most
        yield raw[(slice(None), *box)][:, near & (with_object | ~own)].astype(float)


@pytest.mark.parametrize("with_object", [False, True])
@pytest.mark.parametrize(
    ("shape", "margin"),
    [(SHAPES[0], (7, 7, 7)), (SHAPES[0], (9, 4, 1)), (SHAPES[1], (5, 5, 5)), (SHAPES[1], (6, 4, 2))],
)
def test_neighbourhood_against_distances_of_scipy(shape, margin, with_object):
    """Which pixels are near, and their numbers, with equal and unequal margins."""
    labels = blobs(shape)
    raw = np.random.default_rng(3).gamma(2, 300, (1, *shape)).astype(np.float32)
    names = ["Sum", "Mean", "Variance", "Skewness", "Kurtosis", "Minimum", "Maximum", "Histogram"]
    got = neighbourhood_features(
        ArrayVolume(labels[None]), ArrayVolume(raw), *corners(labels), names, margin, with_object
    )
    for i, (values,) in enumerate(plain_neighbourhood(labels, raw, margin, with_object)):
        np.testing.assert_allclose(got["Sum"][i, 0], values.sum(), rtol=1e-12)
        np.testing.assert_allclose(got["Mean"][i, 0], values.mean(), rtol=1e-12)
        np.testing.assert_allclose(got["Variance"][i, 0], values.var(), rtol=1e-10)
        np.testing.assert_allclose(got["Skewness"][i, 0], stats.skew(values), rtol=1e-8)
        np.testing.assert_allclose(got["Kurtosis"][i, 0], stats.kurtosis(values), rtol=1e-8)
        assert (got["Minimum"][i, 0], got["Maximum"][i, 0]) == (values.min(), values.max())
        np.testing.assert_array_equal(got["Histogram"][i], np.histogram(values, 64)[0])


def test_neighbourhood_of_several_channels():
    """Each channel, and how they vary together."""
    labels, margin = blobs(SHAPES[0]), (5, 5, 5)
    raw = np.random.default_rng(4).random((3, *SHAPES[0])).astype(np.float32)
    got = neighbourhood_features(
        ArrayVolume(labels[None]), ArrayVolume(raw), *corners(labels), ["Mean", "Covariance"], margin, False
    )
    for i, values in enumerate(plain_neighbourhood(labels, raw, margin, False)):
        np.testing.assert_allclose(got["Mean"][i], values.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(got["Covariance"][i].reshape(3, 3), np.cov(values, bias=True), rtol=1e-9)


def test_object_without_neighbourhood_is_nan_and_spoils_no_other():
    """Where ilastik leaves the feature out for all objects, one has NaN in the table, and 0 for the forest."""
    labels = np.ones((1, 6, 6), np.uint32)
    selected = {STANDARD: {"Mean" + NEAR: {"margin": np.array([3, 3])}, "Count": {}}}
    features = ObjectFeatures.make(selected)
    table = feature_table(ArrayVolume(labels[None]), ArrayVolume(labels[None]), 1, features)
    assert np.isnan(table[Feature(STANDARD, "Mean" + NEAR)]).all()
    assert feature_matrix(table, features).tolist() == [[36, 0]]


def test_without_margins_there_is_no_neighbourhood():
    """Margins of 0 turn these features off, as in ilastik."""
    labels = blobs(SHAPES[0])
    features = ObjectFeatures.make({STANDARD: {"Mean" + NEAR: {"margin": np.array([0, 0])}, "Mean": {}}})
    table = feature_table(ArrayVolume(labels[None]), ArrayVolume(labels[None]), int(labels.max()), features)
    assert Feature(STANDARD, "Mean" + NEAR) not in table
    assert [column.title for column in features.columns(1, 2)] == ["Mean Intensity"]


@pytest.mark.parametrize("margin", [(0, 4, 2), (3, 3, 0)])
def test_without_a_margin_along_one_axis_the_neighbourhood_is_the_object(margin):
    """There ilastik's distances are no numbers, and forests were trained on what comes of it."""
    labels = blobs(SHAPES[1])
    raw = np.random.default_rng(5).random((1, *SHAPES[1])).astype(np.float32)
    chosen = {name: {"margin": np.array(margin)} for name in ("Sum" + NEAR, "Sum" + WITH_NEAR)}
    features = ObjectFeatures.make({STANDARD: chosen | {"Sum": {}}})
    table = feature_table(ArrayVolume(labels[None]), ArrayVolume(raw), int(labels.max()), features)
    np.testing.assert_array_equal(table[Feature(STANDARD, "Sum" + NEAR)], table[Feature(STANDARD, "Sum")])
    assert Feature(STANDARD, "Sum" + WITH_NEAR) not in table
    titles = ["Total Intensity", "Total Intensity in neighborhood"]
    assert [column.title for column in features.columns(1, 3)] == titles


@pytest.mark.parametrize("shape", SHAPES)
def test_hull_is_the_box(shape):
    """The defects are the parts of the box that are not the object, by scipy."""
    labels = blobs(shape, share=0.5)
    n_dims = 3 if shape[0] > 1 else 2
    low, high = corners(labels)
    own = measure(labels, np.zeros((1, *shape), np.uint8), ["Count", "RegionCenter"])
    got = hull_features(ArrayVolume(labels[None]), low, high, own["Count"], own["RegionCenter"])
    n_defects = 0
    for i, box in enumerate(ndimage.find_objects(labels)):
        outside = labels[box] != i + 1
        parts, n = ndimage.label(outside)
        assert (got["InputVolume"][i], got["HullVolume"][i]) == ((~outside).sum(), outside.size)
        np.testing.assert_allclose(got["Convexity"][i], 1 - outside.mean(), rtol=1e-12)
        middle = [(a + b - 1) / 2 for a, b in zip(low[i], high[i], strict=True)][::-1]
        assert got["HullCenter"][i].tolist() == middle[:n_dims]
        assert got["InputCenter"][i].tolist() == own["RegionCenter"][i].tolist()
        assert got["DefectCount"][i] == n
        n_defects = max(n_defects, n)
        if n == 0:
            assert np.isnan(got["DefectCenter"][i]).all()
            continue
        sizes = np.bincount(parts.ravel())[1:].astype(float)
        centers = np.array(ndimage.center_of_mass(outside, parts, range(1, n + 1))) + low[i]
        away = np.linalg.norm(centers[:, ::-1][:, :n_dims] - own["RegionCenter"][i], axis=1)
        np.testing.assert_allclose(got["DefectDisplacementMean"][i, 0], (away * sizes).sum() / sizes.sum(), rtol=1e-10)
        center = (np.argwhere(outside).mean(axis=0) + low[i])[::-1][:n_dims]
        np.testing.assert_allclose(got["DefectCenter"][i], center, rtol=1e-12)
        np.testing.assert_allclose(got["DefectVolumeMean"][i, 0], sizes.mean(), rtol=1e-12)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = (sizes.var(ddof=1), stats.skew(sizes, bias=False), stats.kurtosis(sizes, bias=False))
        for k, name in enumerate(("Variance", "Skewness", "Kurtosis")):
            value = expected[k] if n > k + 1 else 0.0
            np.testing.assert_allclose(got["DefectVolume" + name][i, 0], value, rtol=1e-9, atol=1e-12)
    assert n_defects > (4 if n_dims == 2 else 1)


@pytest.mark.golden
@pytest.mark.parametrize("number", range(4))
def test_skeletons_are_those_of_vigra(number):
    """What vigra 1.11.1 found (`extractSkeletonFeatures`): thin, thick and holed objects, some in pieces that touch."""
    with np.load(Path(__file__).with_name("skeletons.npz")) as stored:
        labels = stored[f"labels{number}"][None].astype(np.uint32)
        expected = {key.partition("/")[2]: stored[key] for key in stored.files if key.startswith(f"labels{number}/")}
    got = skeleton_features(ArrayVolume(labels[None]), *corners(labels), workers=2)
    assert set(got) == set(expected)
    for name, values in got.items():
        np.testing.assert_allclose(values, expected[name][1:].reshape(values.shape), rtol=1e-14, err_msg=name)


def test_skeletons_of_plain_shapes():
    """A bar, a cross, and a ring: what one sees."""
    labels = np.zeros((1, 60, 120), np.uint32)
    labels[0, 5:10, 5:45] = 1
    labels[0, 20:55, 20:25] = labels[0, 35:40, 5:40] = 2
    y, x = np.ogrid[:60, :120]
    distance = np.hypot(y - 30, x - 80)
    labels[0, (distance < 25) & (distance > 18)] = 3
    got = skeleton_features(ArrayVolume(labels[None]), *corners(labels))
    assert got["Branch Count"].ravel().tolist()[:2] == [2, 4]
    assert got["Hole Count"].ravel().tolist() == [0, 0, 1]
    assert got["Skeleton Center"][1].tolist() == [22, 37]
    # Steps along axes and diagonals are up to 8 % longer than the circle, and two branches stick out.
    assert 1.0 < got["Total Length"][2, 0] / (2 * np.pi * 21.5) < 1.15


def test_object_without_skeleton_and_object_that_fills_the_image():
    """Neither has any pixel of a skeleton: zeros, as in ilastik."""
    labels = np.ones((1, 9, 9), np.uint32)
    got = skeleton_features(ArrayVolume(labels[None]), *corners(labels))
    assert not any(values.any() for values in got.values())


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_and_threads_change_no_bit(shape):
    """All that looks around objects, over blocks of one object to the whole image, with one to four threads."""
    labels = blobs(shape, share=0.5)
    raw = np.random.default_rng(5).random((1, *shape)).astype(np.float32)
    volumes, (low, high) = (ArrayVolume(labels[None]), ArrayVolume(raw)), corners(labels)
    own = measure(labels, raw, ["Count", "RegionCenter"])

    def everything(workers, block_bytes):
        found = neighbourhood_features(
            *volumes, low, high, ["Kurtosis", "Histogram"], (6, 6, 3), False, workers, block_bytes
        )
        hull = hull_features(volumes[0], low, high, own["Count"], own["RegionCenter"], workers, block_bytes)
        skeletons = skeleton_features(volumes[0], low, high, workers, block_bytes) if shape[0] == 1 else {}
        return found | hull | skeletons

    whole = everything(1, 2**25)
    for workers, block_bytes in ((2, 1), (3, 5000), (4, 40000)):
        for name, values in everything(workers, block_bytes).items():
            np.testing.assert_array_equal(values, whole[name], err_msg=name)


def test_every_object_is_in_one_block():
    """Blocks hold the boxes of their objects and, unless it is one object, no more pixels than asked for."""
    rng = np.random.default_rng(6)
    low = rng.integers(0, 300, (500, 3))
    high = low + rng.integers(1, 40, (500, 3))
    seen = []
    for box, objects in blocks(low, high, 200_000):
        for axis, side in enumerate(box):
            assert (side.start, side.stop) == (low[objects, axis].min(), high[objects, axis].max())
        assert len(objects) == 1 or np.prod([side.stop - side.start for side in box]) <= 200_000
        seen += objects.tolist()
    assert sorted(seen) == list(range(500))


def test_objects_at_all_borders():
    """Boxes end where the image does."""
    labels = np.zeros((1, 12, 12), np.uint32)
    for number, place in enumerate([(0, 0), (0, 9), (9, 0), (9, 9)], start=1):
        labels[0, place[0] : place[0] + 3, place[1] : place[1] + 3] = number
    selected = {STANDARD: {"Sum" + WITH_NEAR: {"margin": 4}}, HULL_2D: {"HullVolume": {}}}
    features = ObjectFeatures.make(selected)
    raw = np.ones((1, 1, 12, 12), np.uint8)
    table = feature_table(ArrayVolume(labels[None]), ArrayVolume(raw), 4, features)
    assert len(set(table[Feature(STANDARD, "Sum" + WITH_NEAR)].ravel().tolist())) == 1
    assert table[Feature(HULL_2D, "HullVolume")].ravel().tolist() == [9, 9, 9, 9]


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("shape", [(1, 20, 21), (5, 20, 21), (1, 1, 30), (1, 30, 1), (4, 1, 1), (1, 1, 1)])
def test_matrix_of_any_image_is_finite_and_of_the_right_width(shape, n_channels):
    """All features there are: of no object, of numbers that no pixel has, and of one that is the whole image."""
    features = ObjectFeatures.make({plugin: {name: {"margin": 4} for name in FEATURES[plugin]} for plugin in FEATURES})
    raw = ArrayVolume(np.random.default_rng(7).random((n_channels, *shape)))
    scattered = 3 * (np.arange(np.prod(shape)).reshape(shape) % 7 == 0)
    for labels in (np.zeros(shape), scattered, np.full(shape, 2)):
        n = int(labels.max())
        table = feature_table(ArrayVolume(labels[np.newaxis].astype(np.uint8)), raw, n, features, 2)
        matrix = feature_matrix(table, features)
        assert matrix.shape == (n, len(features.columns(n_channels, 3 if shape[0] > 1 else 2)))
        assert np.isfinite(matrix).all()
