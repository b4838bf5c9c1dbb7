"""Crop, rescale, cast, reorder: tile by tile the same as at once, and as ilastik does."""

import numpy as np
import pytest

from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.planning.transform import make_transform

SINGLE, BYTE = np.dtype(np.float32), np.dtype(np.uint8)
PROBABILITIES = Source(
    name="Probabilities", dtype=SINGLE, channels=3, channel_names=("a", "b", "c"), value_range=(0.0, 1.0)
)
SEGMENTATION = Source(
    name="Simple Segmentation", dtype=BYTE, channel_names=("Simple Segmentation",), value_range=(0.0, 3.0)
)
FEATURES = Source(name="Features", dtype=SINGLE, channels=2, channel_names=("f", "g"))
EXTENTS = {"t": 2, "c": 1, "z": 1, "y": 40, "x": 30}


def run(export, source, values, axes="tyx", tiles=None):
    """Send values (t, c, z, y, x) through an export, tile by tile."""
    transform = make_transform(export, source, axes, EXTENTS)
    out = np.zeros(transform.shape, transform.dtype)
    for t in range(EXTENTS["t"]):
        for y in tiles or [slice(0, 40)]:
            part = transform.apply(Tile(t, slice(0, 1), y, slice(0, 30)), values[t][:, :, y])
            if part is not None:
                out[part[0]] = part[1]
    return transform, out


@pytest.fixture
def probabilities():
    return np.random.default_rng(0).random((2, 3, 1, 40, 30), np.float32)


def test_export_without_settings_is_the_source_itself(probabilities):
    """Axes of the image, then c; values, type and range of the source."""
    transform, out = run(Export(), PROBABILITIES, probabilities)
    assert (transform.axes, transform.value_range) == ("tyxc", (0.0, 1.0))
    np.testing.assert_array_equal(out, probabilities[:, :, 0].transpose(0, 2, 3, 1))


def test_region_is_cut_out_of_every_axis_across_tiles(probabilities):
    """A region is cut out of every axis named, across the boundaries of tiles."""
    export = Export(region={"y": (5, 33), "x": (None, 12), "t": (1, None), "c": (1, 3)}, output_axes="ctzxy")
    transform, out = run(export, PROBABILITIES, probabilities, tiles=[slice(0, 4), slice(4, 20), slice(20, 40)])
    assert transform.shape == (2, 1, 1, 12, 28)
    expected = probabilities[1:, 1:, :, 5:33, :12].transpose(1, 0, 2, 4, 3)
    np.testing.assert_array_equal(out, expected)


casts = {  # settings, values before, values after
    "to bytes": ({"dtype": "uint8", "output_range": (0, 255)}, [0, 0.5, 0.01, 1], [0, 128, 3, 255]),
    "half is rounded to even": ({"dtype": "uint8", "output_range": (0, 10)}, [0.25, 0.35, 0.05], [2, 4, 0]),
    "a part of the range": (
        {"dtype": "uint8", "input_range": (0.5, 1), "output_range": (0, 100)}, [0.5, 0.75, 0.4, 1.5], [0, 50, 0, 200]
    ),
    "beyond the type is its end": (
        {"dtype": "uint8", "input_range": (0, 0.1), "output_range": (0, 255)}, [1, -1], [255, 0]
    ),
    "range without type": ({"output_range": (0, 100)}, [0.5, 1], [50, 100]),
    "no spread": ({"dtype": "uint8", "input_range": (1, 1), "output_range": (7, 255)}, [0, 1], [7, 7]),
    "double": ({"dtype": "float64"}, [0.5], [0.5]),
}  # fmt: skip


@pytest.mark.parametrize("case", casts)
def test_cast_rescales_without_wrapping(case):
    """Rescaled as ilastik does, but values that do not fit do not wrap."""
    settings, before, after = casts[case]
    values = np.zeros((2, 3, 1, 40, 30), np.float32)
    values[0, 0, 0, 0, : len(before)] = before
    _, out = run(Export(**settings), PROBABILITIES, values)
    assert out.dtype == np.dtype(settings.get("dtype", "float32"))
    np.testing.assert_allclose(out[0, 0, : len(after), 0], after, rtol=1e-6)


def test_rescaled_numbers_of_classes_are_cut_off_as_by_ilastik():
    """Whole numbers are rescaled in float64 with a float32 factor, and what is behind the point is cut off."""
    values = np.zeros((2, 1, 1, 40, 30), np.uint8)
    values[0, 0, 0, 0, :8] = range(8)
    for dtype, export in [("uint8", (0, 255)), ("uint16", (0, 65535)), ("int16", (-1, 1))]:
        _, out = run(Export(dtype=dtype, input_range=(0, 7), output_range=export), SEGMENTATION, values)
        factor = np.float32((export[1] - export[0]) / 7)
        np.testing.assert_array_equal(out[0, 0, :8, 0], (export[0] + np.arange(8.0) * factor).astype(dtype))
    # 4 * 255 / 7 is 145.7, and 255 / 7 in float32 a little less than it should be.
    _, out = run(Export(dtype="uint8", input_range=(0, 7), output_range=(0, 255)), SEGMENTATION, values)
    assert out[0, 0, :8, 0].tolist() == [0, 36, 72, 109, 145, 182, 218, 254]
    # Another type that holds fractions holds them.
    _, out = run(Export(dtype="float32", input_range=(0, 7), output_range=(0, 255)), SEGMENTATION, values)
    assert out[0, 0, 4, 0] == np.float32(4 * np.float64(np.float32(255 / 7)))


refused = {  # source, settings, part of the message
    "black images": (PROBABILITIES, {"dtype": "uint8"}, "nearly all be 0. Give an output range, for example 0 to 255"),
    "unknown range": (FEATURES, {"dtype": "uint8", "output_range": (0, 255)}, "Give an input range"),
    "half a range": (PROBABILITIES, {"input_range": (0, 1)}, "needs an output range"),
    "too wide": (PROBABILITIES, {"dtype": "uint8", "output_range": (0, 256)}, "holds 0 to 255"),
    "outside": (PROBABILITIES, {"region": {"y": (10, 41)}}, r"y=10:41 does not lie inside the image, which has 40"),
    "empty": (PROBABILITIES, {"region": {"x": (10, 10)}}, "0 <= start < stop <= 30"),
    "channel that is not there": (SEGMENTATION, {"region": {"c": (1, 2)}}, "has 1 along c"),
    "lost axis": (PROBABILITIES, {"output_axes": "yx"}, "leave out 't' of 2, 'c' of 3"),
    "no axes": (PROBABILITIES, {"output_axes": "tc"}, "not valid"),
}


@pytest.mark.parametrize("case", refused)
def test_impossible_export_is_refused_before_the_run(case):
    """What cannot be done is said before anything runs."""
    source, settings, message = refused[case]
    with pytest.raises(SettingsError, match=message):
        make_transform(Export(**settings), source, "tyx", EXTENTS)


def test_falling_range_is_refused():
    """A range from large to small is a slip."""
    with pytest.raises(ValueError, match="from the smaller to the larger"):
        Export(output_range=(255, 0))


def test_settings_survive_json():
    """Settings survive JSON."""
    export = Export(dtype="uint8", output_range=(0, 255), region={"y": (None, 5), "x": (3, None)}, output_axes="yxc")
    assert Export.model_validate_json(export.model_dump_json()) == export
