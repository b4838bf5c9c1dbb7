"""Splitting touching objects."""

import sys

import numpy as np
import pytest
from plain_objects import found, probabilities, renumbered
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction

from napari_batch_prediction.errors import MissingLibraryError


def discs(*centres, radius=9, shape=(60, 90)):
    y, x = np.indices(shape)
    inside = [(y - cy) ** 2 + (x - cx) ** 2 <= radius**2 for cy, cx in centres]
    return np.any(inside, axis=0).astype(np.float32)[None, None]


SETTINGS = {"sigma": 0.0, "min_size": 0, "split": 1.0}


def test_touching_discs_become_two(monkeypatch):
    """The cut is between the centres; a disc alone stays whole."""
    values = discs((20, 20), (20, 35), (45, 60))
    got = found(values, (1, 60, 90), monkeypatch, **SETTINGS)[0]
    assert got.max() == 3
    assert len({got[20, 20], got[20, 35], got[45, 60]}) == 3
    assert abs(int((got == got[20, 20]).sum()) - int((got == got[20, 35]).sum())) < 20


def test_a_neck_that_is_hardly_narrower_is_left(monkeypatch):
    """What the neck has to be narrower by is the setting."""
    values = discs((20, 20), (20, 30))
    assert found(values, (1, 60, 90), monkeypatch, **(SETTINGS | {"split": 1.1})).max() == 1
    assert found(values, (1, 60, 90), monkeypatch, **SETTINGS).max() == 2


@pytest.mark.parametrize("depth", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 80, 70), (16, 24, 20)])
def test_one_part_for_each_maximum(shape, depth, monkeypatch):
    """The maxima are those of scikit-image, and each is whole in a part of its own; parts are connected."""
    values = probabilities(shape, seed=4)
    mask = values[0] >= np.float32(0.48)
    flat = mask if shape[0] > 1 else mask[0]
    faces = ndimage.generate_binary_structure(flat.ndim, 1)
    distance = ndimage.distance_transform_edt(flat)
    # Not by its h_maxima, where two of the same height are two, however shallow what is between them.
    lowered = reconstruction(distance - depth, distance, footprint=faces)
    maxima, n = ndimage.label(local_maxima(np.where(flat, lowered, -depth - 1), footprint=faces) & flat, faces)
    got = found(values, shape, monkeypatch, threshold=0.48, sigma=0.0, min_size=0, split=depth)
    np.testing.assert_array_equal(got > 0, mask)
    assert got.max() == n > ndimage.label(mask)[1]
    inside = got.reshape(flat.shape)
    assert len({(maximum, part) for maximum, part in zip(maxima.ravel(), inside.ravel(), strict=True) if maximum}) == n
    assert renumbered(got).max() == n


@pytest.mark.parametrize("shape", [(1, 80, 70), (16, 24, 20)])
def test_the_same_over_any_windows_and_threads(shape, monkeypatch):
    values = probabilities(shape, seed=4)
    settings = {"threshold": 0.48, "sigma": 0.0, "min_size": 0, "split": 0.5}
    expected = found(values, shape, monkeypatch, **settings)
    for most in (500, 1):
        for workers in (1, 3):
            np.testing.assert_array_equal(found(values, shape, monkeypatch, most, workers, **settings), expected)


def test_a_neck_is_cut_in_the_middle(monkeypatch):
    """Where the distance is the same all along, pixels go to the nearer part."""
    values = discs((30, 15), (30, 65))
    values[0, 0, 28:33, 15:66] = 1
    got = found(values, (1, 60, 90), monkeypatch, **SETTINGS)[0]
    assert got.max() == 2
    assert abs(int((got == 1).sum()) - int((got == 2).sum())) < 10


def test_pixels_that_are_no_cubes(monkeypatch):
    """Two balls one above the other, in a stack of few thick slices."""
    z, y, x = np.indices((24, 30, 30))
    inside = ((4 * (z - 6)) ** 2 + (y - 15) ** 2 + (x - 15) ** 2 <= 144) | (
        (4 * (z - 11)) ** 2 + (y - 15) ** 2 + (x - 15) ** 2 <= 144
    )
    values = inside.astype(np.float32)[None]
    got = found(values, (24, 30, 30), monkeypatch, pixel_size=(4.0, 1.0, 1.0), **SETTINGS)
    assert got.max() == 2
    assert got[6, 15, 15] != got[11, 15, 15]


@pytest.mark.parametrize("size", [0.25, 4.0, 500.0])
def test_the_neck_is_in_pixels_whatever_their_size(size, monkeypatch):
    """An image of one slice is split alike in micrometers and in nanometers: the slice has no thickness."""
    values = probabilities((1, 80, 70), seed=4)
    settings = {"threshold": 0.48, "sigma": 0.0, "min_size": 0, "split": 0.5}
    expected = found(values, (1, 80, 70), monkeypatch, **settings)
    got = found(values, (1, 80, 70), monkeypatch, pixel_size=(1.0, size, size), **settings)
    np.testing.assert_array_equal(got, expected)


def test_an_object_that_fills_the_image_stays_whole(monkeypatch):
    """It has no border from which a distance could be measured."""
    got = found(np.ones((1, 1, 9, 9), np.float32), (1, 9, 9), monkeypatch, **SETTINGS)
    assert (got == 1).all()


def test_parts_at_the_border_are_left_out_and_parts_are_measured(monkeypatch):
    """Sizes and border are those of the parts."""
    values = discs((20, 5), (20, 20))
    got = found(values, (1, 60, 90), monkeypatch, **SETTINGS, keep_border=False)[0]
    assert got.max() == 1
    assert got[20, 20] == 1
    sizes = np.bincount(found(values, (1, 60, 90), monkeypatch, **SETTINGS).ravel())[1:]
    assert len(set(sizes)) == 2
    assert found(values, (1, 60, 90), monkeypatch, **(SETTINGS | {"min_size": max(sizes)})).max() == 1


def test_without_the_library_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingLibraryError, match="needs scipy"):
        found(discs((20, 20)), (1, 60, 90), monkeypatch, **SETTINGS)
