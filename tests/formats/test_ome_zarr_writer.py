"""OME-Zarr: what the metadata say, the levels of a pyramid, the layout on disk."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tensorstore
import zarr
from tilings import some_values, write_tiles

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import find_format

UNITS = {"t": "second", "z": "micrometer", "y": "µm", "x": "furlong"}
SIZES = {"t": 2.5, "z": 2.0, "y": 0.5, "x": 0.25}
VERSIONS = ("0.4", "0.5")


def write(form: str, path: Path, axes: str, values: np.ndarray, **more: object) -> zarr.Group:
    writer = find_format(form).writer(Target(path, axes, values.shape, values.dtype, **more))
    write_tiles(writer, values)
    writer.finish()
    return zarr.open_group(str(path), mode="r")


def image(group: zarr.Group) -> dict:
    """The part of the attributes that 0.4 has at the top and 0.5 below ``ome``."""
    attributes = group.attrs.asdict()
    return attributes.get("ome", attributes)


@pytest.mark.parametrize("version", VERSIONS)
def test_single_scale_has_one_level_with_sizes_and_units(tmp_path, version):
    """One level s0 with axes t, c, z, y, x, sizes and units; units that OME-Zarr does not know are left out."""
    values = some_values((61, 45, 3), "float32")
    group = write(
        "single-scale OME-Zarr",
        tmp_path / "a.zarr",
        "yxc",
        values,
        pixel_size=SIZES,
        units=UNITS,
        ome_zarr_version=version,
    )
    facts = image(group)
    multiscales = facts["multiscales"][0]
    assert (multiscales if version == "0.4" else facts)["version"] == version
    assert multiscales["name"] == "a"
    assert multiscales["axes"] == [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space", "unit": "micrometer"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space"},
    ]
    assert multiscales["datasets"] == [
        {"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": [2.5, 1.0, 2.0, 0.5, 0.25]}]}
    ]
    assert "omero" not in facts
    assert group["s0"].shape == (1, 3, 1, 61, 45)
    assert group["s0"].chunks == (1, 1, 1, 61, 45)


@pytest.mark.parametrize(
    ("unit", "written", "size"),
    [("angstrom", "angstrom", 4), ("pm", "picometer", 4), ("Mm", "megameter", 4), ("thou", "micrometer", 101.6)],
)
def test_units_of_length_are_written(tmp_path, unit, written, size):
    """OME-Zarr's own units stay; a length that it does not list is converted, with its number."""
    values = some_values((6, 5), "uint8")
    about = {"pixel_size": {"x": 4.0}, "units": {"x": unit}}
    (facts,) = image(write("single-scale OME-Zarr", tmp_path / "a.zarr", "yx", values, **about))["multiscales"]
    assert facts["axes"][-1]["unit"] == written
    assert facts["datasets"][0]["coordinateTransformations"][0]["scale"][-1] == pytest.approx(size, rel=1e-12)


LAYOUT = {"0.4": ("s0/.zarray", "s0/0/2/0/0/0", 2), "0.5": ("s0/zarr.json", "s0/c/0/2/0/0/0", 3)}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_is_on_disk_as_it_says(tmp_path, version):
    """Version 2 of Zarr for 0.4 and 3 for 0.5, chunks in folders, compressed; tensorstore reads it."""
    values = some_values((61, 45, 3), "uint16")
    write("single-scale OME-Zarr", tmp_path / "a.zarr", "yxc", values, ome_zarr_version=version)
    header, chunk, number = LAYOUT[version]
    facts = json.loads((tmp_path / "a.zarr" / header).read_text())
    assert facts["zarr_format"] == number
    assert (tmp_path / "a.zarr" / chunk).stat().st_size < 61 * 45 * 2 / 2
    if version == "0.4":
        assert (facts["dimension_separator"], facts["compressor"]["id"]) == ("/", "blosc")
    else:
        assert facts["dimension_names"] == list("tczyx")
    spec = {
        "driver": "zarr" if number == 2 else "zarr3",
        "kvstore": {"driver": "file", "path": str(tmp_path / "a.zarr" / "s0")},
    }
    found = tensorstore.open(spec).result().read().result()
    np.testing.assert_array_equal(found[0, :, 0], values.transpose(2, 0, 1))


def halved(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Mean of pairs, plainly: an odd one at the end is its own mean."""
    values = values.astype(np.float64)
    for axis in axes:
        values = np.moveaxis(values, axis, 0)
        values = np.stack([values[i : i + 2].mean(0) for i in range(0, len(values), 2)])
        values = np.moveaxis(values, 0, axis)
    return values


PYRAMIDS = {
    "2D": ("yxc", (1503, 1301, 2), "float32", ["s0", "s1", "s2"]),
    "3D": ("zyx", (50, 301, 200), "uint8", ["s0", "s1"]),
    "flat": ("zyx", (3, 1100, 1300), "uint16", ["s0", "s1", "s2"]),
    "fits in one chunk": ("yxc", (61, 45, 3), "float32", ["s0"]),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("axes", "shape", "dtype", "names"), PYRAMIDS.values(), ids=PYRAMIDS)
def test_levels_of_a_pyramid_are_means(tmp_path, axes, shape, dtype, names, version):
    """Each level is the mean of two pixels along z, y and x; the last one fits in one chunk."""
    values = some_values(shape, dtype)
    group = write("multi-scale OME-Zarr", tmp_path / "a.zarr", axes, values, ome_zarr_version=version)
    levels = [entry["path"] for entry in image(group)["multiscales"][0]["datasets"]]
    assert levels == names
    assert sorted(group) == names
    for fine, coarse in pairwise(levels):
        above = group[fine][...]
        expected = halved(above, tuple(i for i in (2, 3, 4) if above.shape[i] > 1))
        found = group[coarse][...]
        assert found.dtype == values.dtype
        np.testing.assert_allclose(found, np.rint(expected) if dtype.startswith("u") else expected, rtol=1e-6)
    last = group[levels[-1]]
    assert last.chunks[2:] == last.shape[2:]


@pytest.mark.parametrize(("is_labels", "dtype"), [(True, "uint8"), (False, "uint64")])
def test_levels_of_labels_take_every_second_pixel(tmp_path, is_labels, dtype):
    """Of labels, and of integers too large for a mean, each level takes every second pixel; nothing is displaced."""
    values = some_values((2001, 1300), dtype)
    group = write("multi-scale OME-Zarr", tmp_path / "a.zarr", "yx", values, is_labels=is_labels)
    np.testing.assert_array_equal(group["s1"][0, 0, 0], values[::2, ::2])
    for entry in image(group)["multiscales"][0]["datasets"]:
        assert [part["type"] for part in entry["coordinateTransformations"]] == ["scale"]


def test_levels_lie_where_their_pixels_come_from(tmp_path):
    """A level's first pixel is in the middle of those it is the mean of; a cut-out is where it was cut out."""
    values = some_values((3, 1100, 1300), "uint16")
    group = write(
        "multi-scale OME-Zarr",
        tmp_path / "a.zarr",
        "zyx",
        values,
        pixel_size=SIZES,
        units=UNITS,
        offset={"z": 10, "y": 100, "c": 1},
    )
    assert [group[name].shape[2] for name in ("s0", "s1", "s2")] == [3, 2, 1]
    places = [entry["coordinateTransformations"] for entry in image(group)["multiscales"][0]["datasets"]]
    found = [(scale["scale"][2:], translation["translation"]) for scale, translation in places]
    assert found == [
        ([2.0, 0.5, 0.25], [0, 0, 20.0, 50.0, 0]),
        ([4.0, 1.0, 0.5], [0, 0, 21.0, 50.25, 0.125]),
        ([8.0, 2.0, 1.0], [0, 0, 23.0, 50.75, 0.375]),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_names_colours_and_range_of_channels_are_written(tmp_path, version):
    """Names, colours and range of the channels are for viewers to show them by."""
    values = some_values((61, 45, 2), "float32")
    group = write(
        "single-scale OME-Zarr",
        tmp_path / "a.zarr",
        "yxc",
        values,
        channel_names=("nucleus", "rest"),
        channel_colors=((255, 0, 16), (1, 2, 3)),
        value_range=(0.0, 1.0),
        ome_zarr_version=version,
    )
    window = {"min": 0.0, "max": 1.0, "start": 0.0, "end": 1.0}
    assert image(group)["omero"]["channels"] == [
        {"label": "nucleus", "color": "FF0010", "window": window, "active": True},
        {"label": "rest", "color": "010203", "window": window, "active": True},
    ]
