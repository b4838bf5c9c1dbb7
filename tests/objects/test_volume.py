"""Volumes in memory and in temporary files."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tilings import random_tiles

from napari_batch_prediction.objects import volume as volumes
from napari_batch_prediction.objects.volume import ArrayVolume, ScratchVolume

SHAPE = (3, 7, 11, 13)


@pytest.fixture(params=["whole", "in parts", "without preadv"])
def system(request, monkeypatch):
    """Reading in one call, in several as for more than 2 GiB, and as on Windows."""
    if request.param == "in parts":
        monkeypatch.setattr(volumes, "_MOST_BYTES", 100)
    elif request.param == "without preadv":
        monkeypatch.delattr(os, "preadv")
        monkeypatch.setattr(volumes, "_MOST_BYTES", 1000)


@pytest.mark.parametrize("dtype", ["uint8", "uint32", "float32", "float64"])
@pytest.mark.parametrize("make", [ScratchVolume, lambda shape, dtype: ArrayVolume(np.zeros(shape, dtype))])
def test_any_box_gives_what_was_written(make, dtype, system):
    """Boxes written by threads in any order, and read in others."""
    values = np.random.default_rng(0).integers(0, 200, SHAPE).astype(dtype)
    volume = make(SHAPE, dtype)
    writing, reading = (random_tiles(SHAPE[1:], np.random.default_rng(seed)) for seed in (1, 2))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda box: volume.write(box, values[:, *box]), writing))
        for box, got in zip(reading, pool.map(volume.read, reading), strict=True):
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, values[:, *box])
    some = volume.read((slice(1, 5), slice(0, 11), slice(0, 13)), slice(1, 3))
    np.testing.assert_array_equal(some, values[1:3, 1:5])
    if isinstance(volume, ScratchVolume):
        volume.close()


def test_a_scratch_volume_is_zero_at_first_and_goes(tmp_path):
    with ScratchVolume(SHAPE, np.uint16, tmp_path) as scratch:
        assert not scratch.read(tuple(slice(0, extent) for extent in SHAPE[1:])).any()
    assert not list(tmp_path.iterdir())


def test_one_value_for_a_whole_box():
    """Values are broadcast and converted, as numpy does it."""
    with ScratchVolume(SHAPE, np.uint16) as scratch:
        scratch.write((slice(0, 2), slice(3, 5), slice(0, 13)), np.full((1, 1, 1, 1), 7.0))
        got = scratch.read((slice(0, 7), slice(0, 11), slice(0, 13)))
    assert got.sum() == 7 * 3 * 2 * 2 * 13
