"""Standard features of objects: against other libraries, over any parts and threads, and at the edges of sense."""

import warnings

import numpy as np
import pytest
from labelled_blobs import blobs, measure, names_of
from scipy import stats
from skimage.measure import regionprops

from napari_batch_prediction.objects.features.eigensystem import eigensystems
from napari_batch_prediction.objects.volume import ArrayVolume, ScratchVolume

SHAPES = [(1, 90, 70), (9, 30, 35)]


def images(shape, n_channels, seed=1):
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, 300.0, (n_channels, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_to_scikit_image_and_scipy(shape):
    """What these define alike: place, size, box, extremes, mean, moments, radii and histogram."""
    labels, raw = blobs(shape), images(shape, 1)
    got = measure(labels, raw)
    low, high = raw[0][labels > 0].min(), raw[0][labels > 0].max()
    dims = slice(None) if shape[0] > 1 else slice(1, None)
    squeezed = labels if shape[0] > 1 else labels[0]
    for i, region in enumerate(regionprops(squeezed)):
        values = raw[0][labels == region.label].astype(float)
        n = len(region.bbox) // 2
        assert got["Count"][i] == region.area == len(values)
        np.testing.assert_allclose(got["RegionCenter"][i], region.centroid[::-1], rtol=1e-13)
        assert tuple(got["Coord<Minimum>"][i, ::-1]) == region.bbox[:n]
        assert tuple(got["Coord<Maximum>"][i, ::-1]) == region.bbox[n:]
        assert (got["Minimum"][i, 0], got["Maximum"][i, 0]) == (values.min(), values.max())
        np.testing.assert_allclose(got["Sum"][i, 0], values.sum(), rtol=1e-13)
        np.testing.assert_allclose(got["Mean"][i, 0], values.mean(), rtol=1e-13)
        np.testing.assert_allclose(got["Variance"][i, 0], values.var(), rtol=1e-12)
        scatter = np.atleast_2d(np.cov(region.coords.T[::-1], bias=True)) if len(values) > 1 else np.zeros((n, n))
        radii, axes = got["RegionRadii"][i], got["RegionAxes"][i].reshape(n, n)
        np.testing.assert_allclose(radii**2, np.linalg.eigvalsh(scatter)[::-1], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(axes @ np.diag(radii**2) @ axes.T, scatter, rtol=1e-9, atol=1e-11)
        where = np.argwhere(labels == region.label)[:, dims][:, ::-1]
        assert tuple(got["Coord<ArgMinWeight>"][i]) == tuple(where[values.argmin()])
        assert tuple(got["Coord<ArgMaxWeight>"][i]) == tuple(where[values.argmax()])
        np.testing.assert_allclose(
            got["Weighted<RegionCenter>"][i], np.average(where, axis=0, weights=values), rtol=1e-12
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            np.testing.assert_allclose(got["Skewness"][i, 0], stats.skew(values), rtol=1e-9)
            np.testing.assert_allclose(got["Kurtosis"][i, 0], stats.kurtosis(values), rtol=1e-9)
        np.testing.assert_array_equal(got["Histogram"][i], np.histogram(values, 64, (float(low), float(high)))[0])
    assert set(got["Global<Minimum>"].ravel()) == {low}
    assert set(got["Global<Maximum>"].ravel()) == {high}


@pytest.mark.parametrize("shape", SHAPES)
def test_several_channels_are_measured_each_and_together(shape):
    """Every channel by itself is the image of one channel; covariance and its axes are numpy's."""
    labels, raw = blobs(shape), images(shape, 3)
    got = measure(labels, raw)
    for c in range(3):
        alone = measure(labels, raw[c : c + 1])
        for name in ("Sum", "Mean", "Minimum", "Maximum", "Variance", "Skewness", "Kurtosis"):
            np.testing.assert_array_equal(got[name][:, c], alone[name][:, 0])
    for label in range(1, int(labels.max()) + 1):
        values = raw[:, labels == label].astype(float)
        i = label - 1
        if values.shape[1] < 2:
            continue
        covariance = np.cov(values, bias=True)
        np.testing.assert_allclose(got["Covariance"][i].reshape(3, 3), covariance, rtol=1e-9, atol=1e-7)
        axes = got["PrincipalAxes"][i].reshape(3, 3)
        along = axes.T @ (values - values.mean(axis=1, keepdims=True))
        np.testing.assert_allclose(got["Principal<Variance>"][i], along.var(axis=1), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(got["Principal<Minimum>"][i], along.min(axis=1), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got["Principal<PowerSum<3>>"][i], (along**3).sum(axis=1), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_slabs_and_threads_change_no_bit(shape, n_channels):
    """All features over slabs of one row to the whole image, with one to five threads, from memory and from a file."""
    labels, raw = blobs(shape), images(shape, n_channels)
    whole = measure(labels, raw)
    rng = np.random.default_rng(2)
    for _ in range(6):
        workers, slab_bytes = int(rng.integers(1, 6)), int(2 ** rng.uniform(1, 18))
        parts = measure(labels, raw, workers=workers, slab_bytes=slab_bytes)
        for name, values in whole.items():
            np.testing.assert_array_equal(parts[name], values, err_msg=name)
    with ScratchVolume((1, *shape), np.uint32) as stored:
        stored.write(tuple(slice(0, extent) for extent in shape), labels[None])
        assert (stored.read((slice(0, 1), slice(3, 7), slice(0, shape[2])))[0] == labels[0:1, 3:7]).all()


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_one_feature_alone_is_what_it_is_among_all(shape, n_channels):
    """Sums that no wanted feature needs are left out, and change nothing."""
    labels, raw = blobs(shape), images(shape, n_channels)
    every = measure(labels, raw)
    for name in names_of(n_channels, 3 if shape[0] > 1 else 2):
        np.testing.assert_array_equal(measure(labels, raw, [name])[name], every[name], err_msg=name)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_object(shape):
    """An image without objects has features of no rows, of the right width."""
    got = measure(np.zeros(shape, np.uint32), images(shape, 1))
    n_dims = 3 if shape[0] > 1 else 2
    assert {len(values) for values in got.values()} == {0}
    assert (got["RegionAxes"].shape[1], got["Histogram"].shape[1], got["Quantiles"].shape[1]) == (n_dims**2, 64, 7)


def test_object_that_fills_the_image():
    """One object, as large as the image."""
    raw = images((1, 20, 30), 1)
    got = measure(np.ones((1, 20, 30), np.uint32), raw)
    assert got["Count"] == 600
    assert got["Coord<Maximum>"].tolist() == [[30, 20]]
    np.testing.assert_allclose(got["RegionRadii"][0], [np.sqrt((900 - 1) / 12), np.sqrt((400 - 1) / 12)], rtol=1e-12)


def test_single_pixel():
    """A single pixel has no spread: its axes are those of the image, its higher moments are undefined."""
    labels = np.zeros((1, 5, 5), np.uint32)
    labels[0, 4, 4] = 1
    got = measure(labels, images((1, 5, 5), 1))
    assert got["RegionRadii"].tolist() == [[0, 0]]
    assert got["RegionAxes"].tolist() == [[1, 0, 0, 1]]
    assert got["Variance"] == 0
    assert np.isnan(got["Skewness"]).all()
    assert np.isnan(got["Kurtosis"]).all()


def test_constant_values():
    """Constant whole numbers: no variance, all in the first bin, or from 128 on in no bin, as in ilastik."""
    labels = np.ones((1, 6, 6), np.uint32)
    dark = measure(labels, np.full((1, 1, 6, 6), 3, np.uint8))
    assert dark["Histogram"][0, 0] == 36
    assert (dark["Quantiles"][0, 0], dark["Quantiles"][0, -1]) == (3, 3)
    bright = measure(labels, np.full((1, 1, 6, 6), 200, np.uint8))
    assert bright["Histogram"].sum() == 0
    assert np.isnan(bright["Quantiles"][0, 1:-1]).all()
    assert (bright["Variance"], bright["Quantiles"][0, 0]) == (0, 200)


def test_nan_in_the_image():
    """NaN spoils sums and means, is neither minimum nor maximum, and is in no bin of the histogram."""
    labels = np.ones((1, 8, 8), np.uint32)
    raw = images((1, 8, 8), 1)
    raw[0, 0, 3, 3] = np.nan
    got = measure(labels, raw)
    assert np.isnan(got["Mean"]).all()
    assert (got["Minimum"], got["Maximum"]) == (np.nanmin(raw), np.nanmax(raw))
    assert got["Histogram"].sum() == 63
    assert got["Count"] == 64
    # The one that is nowhere counts as lying below all others.
    assert np.isfinite(got["Quantiles"]).all()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_eigensystems_of_symmetric_matrices(n):
    """Eigenvalues fall, vectors are orthonormal, and both give the matrix again; also of matrices of special form."""
    rng = np.random.default_rng(n)
    matrices = rng.standard_normal((200, n, n))
    matrices = matrices @ matrices.transpose(0, 2, 1)
    matrices[0] = 0
    matrices[1] = np.eye(n)
    matrices[2] = 1
    lower = np.tril_indices(n)
    values, vectors = eigensystems(np.ascontiguousarray(matrices[:, lower[0], lower[1]]), n)
    assert (np.diff(values, axis=1) <= 0).all()
    np.testing.assert_allclose(
        vectors.transpose(0, 2, 1) @ vectors, np.broadcast_to(np.eye(n), matrices.shape), atol=1e-12
    )
    again = vectors @ (values[..., None] * vectors.transpose(0, 2, 1))
    np.testing.assert_allclose(again, matrices, atol=1e-12 * np.abs(matrices).max())
    bad = np.full((1, n * (n + 1) // 2), np.nan)
    assert np.isnan(eigensystems(bad, n)[0]).any()


@pytest.mark.slow
@pytest.mark.parametrize("n", [2**16, 2**20])
def test_very_many_objects(n):
    """More objects than 16 bits count, and a million: each has its own pixels."""
    side = int(np.sqrt(n)) * 2
    labels = np.zeros((1, side, side), np.uint32)
    labels[0, ::2, ::2] = np.arange(1, n + 1).reshape(side // 2, side // 2)
    raw = (np.arange(side * side) % 251).astype(np.uint8).reshape(1, 1, side, side)
    got = measure(labels, raw, ["Count", "Mean", "RegionCenter", "RegionRadii"], workers=2)
    assert (got["Count"] == 1).all()
    np.testing.assert_array_equal(got["Mean"][:, 0], raw[0, 0, ::2, ::2].ravel())
    np.testing.assert_array_equal(got["RegionCenter"][:, 0], np.tile(np.arange(0, side, 2), side // 2))


def test_volumes_of_other_types():
    """Labels of any whole type, and pixels of any type."""
    labels, raw = blobs((1, 40, 40)), (images((1, 40, 40), 1) / 10).astype(np.uint8)
    expected = measure(labels, raw.astype(np.float64))
    got = measure(labels.astype(np.uint16), raw)
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values)
    assert ArrayVolume(raw).shape == (1, 1, 40, 40)
