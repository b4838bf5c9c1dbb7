"""The shape of chunks is ilastik's."""

import h5py
import pytest
from repository import GOLDEN

from napari_batch_prediction.formats.common.chunks import CHUNK_BYTES, chunk_shape

EXPORTED = sorted(GOLDEN.glob("*/expected/*.h5"))


@pytest.mark.golden
def test_every_golden_file():
    """All files that ilastik wrote have the chunks that are computed here."""
    different = {}
    for path in EXPORTED:
        with h5py.File(path) as file:
            (name,) = file
            dataset = file[name] if isinstance(file[name], h5py.Dataset) else next(iter(file[name].values()))
            axes = "".join(dimension.label for dimension in dataset.dims)
            ours = chunk_shape(axes, dataset.shape, dataset.dtype.itemsize)
            if ours != dataset.chunks:
                different[path.name] = dataset.shape, dataset.chunks, ours
    assert len(EXPORTED) > 40
    assert different == {}


CASES = {
    "small": ("yxc", (61, 45, 3), 4, (61, 45, 1)),
    "volume, by ilastik": ("zyxc", (40, 64, 64, 2), 4, (40, 57, 56, 1)),
    "large": ("yxc", (2048, 2048, 3), 4, (358, 357, 1)),
    "bytes": ("yxc", (2048, 2048, 1), 1, (716, 715, 1)),
    "channels first": ("cyx", (3, 61, 45), 4, (1, 61, 45)),
    "all axes": ("tzyxc", (5, 1, 90, 80, 3), 4, (1, 1, 90, 80, 1)),
    "one row": ("yx", (1, 10**6), 4, (1, 128000)),
}


@pytest.mark.parametrize(("axes", "shape", "itemsize", "expected"), CASES.values(), ids=CASES)
def test_chunks_hold_one_channel_of_one_time_point(axes, shape, itemsize, expected):
    """One time point, one channel, about 512 kB."""
    chunk = chunk_shape(axes, shape, itemsize)
    assert chunk == expected
    pixels = 1
    for extent in chunk:
        pixels *= extent
    assert pixels * itemsize <= CHUNK_BYTES
