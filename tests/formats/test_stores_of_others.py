"""Zarr and N5 as other programs and broken copies leave them: old copies of metadata, odd paths, no chunks, pipes."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.n5.writer import N5Writer
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import parse

PIXELS = (np.arange(20 * 30) % 251).astype("u1").reshape(20, 30)

VERSIONS = pytest.mark.parametrize("version", [2, 3])

# zarr-python warns that Zarr 3 does not know copies of metadata in groups.
pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


def attributes(version: int, axes: str, datasets: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The attributes of an OME-Zarr image of 0.4 in Zarr 2, of 0.5 in Zarr 3."""
    image = {"axes": [{"name": key, "type": "space"} for key in axes], "datasets": list(datasets), **more}
    if version == 2:
        return {"multiscales": [{**image, "version": "0.4"}]}
    return {"ome": {"version": "0.5", "multiscales": [image]}}


def level(path: str, *scale: float, translation: Sequence[float] = ()) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"type": "scale", "scale": list(scale)}]
    if translation:
        steps.append({"type": "translation", "translation": list(translation)})
    return {"path": path, "coordinateTransformations": steps}


def image_in(group: zarr.Group, version: int, pixels: NDArray = PIXELS, axes: str = "yx") -> None:
    group.create_array("0", data=pixels, chunks=(1, 8, 8)[-pixels.ndim :])
    group.attrs.update(attributes(version, axes, [level("0", *[1.0] * len(axes))]))


@VERSIONS
def test_image_that_its_group_does_not_list_is_read(version, tmp_path):
    """Metadata that were copied into the group above before the image was added say nothing about it."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    image_in(root.create_group("first"), version)
    zarr.consolidate_metadata(tmp_path / "a.zarr")
    root = zarr.open_group(tmp_path / "a.zarr", mode="r+", use_consolidated=False)
    image_in(root.create_group("second"), version, PIXELS[::-1])
    with open_image(tmp_path / "a.zarr/second") as image:
        np.testing.assert_array_equal(image.read(), PIXELS[::-1])
    assert parse(tmp_path / "a.zarr").datasets() == ["first", "second"]


@VERSIONS
@pytest.mark.parametrize("path", ["", "/0"])
def test_array_that_grew_is_read_as_it_is(version, path, tmp_path):
    """The array's own metadata count, not their copy in the group."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    image_in(root, version, PIXELS[None], "tyx")
    zarr.consolidate_metadata(tmp_path / "a.zarr")
    zarr.open_array(tmp_path / "a.zarr/0", mode="a").append(np.stack([PIXELS + 1, PIXELS + 2]), axis=0)
    with open_image(f"{tmp_path}/a.zarr{path}") as image:
        assert image.shape == (3, 20, 30)
        np.testing.assert_array_equal(image.read()[2], PIXELS + 2)


@VERSIONS
def test_attributes_that_changed_count(version, tmp_path):
    """Axes and sizes are those of the group itself, not of a copy above."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    image_in(root, version, PIXELS[None], "tyx")
    zarr.consolidate_metadata(tmp_path / "a.zarr")
    root = zarr.open_group(tmp_path / "a.zarr", mode="r+", use_consolidated=False)
    root.attrs.update(attributes(version, "zyx", [level("0", 3, 0.5, 0.5)]))
    with open_image(tmp_path / "a.zarr") as image:
        assert (image.axes, image.pixel_size) == ("zyx", {"z": 3, "y": 0.5, "x": 0.5})


@VERSIONS
@pytest.mark.parametrize("path", ["./0", "0/", "/0", "levels/../0", ".//0"])
def test_odd_path_of_a_level_is_the_same_level(version, path, tmp_path):
    """A path such as "./0" leads to the level 0, with its axes and size."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    root.create_array("0", data=PIXELS)
    root.attrs.update(attributes(version, "yx", [level(path, 0.5, 0.25)]))
    for name in ("a.zarr", "a.zarr/0"):
        with open_image(tmp_path / name) as image:
            assert (image.axes_known, image.dataset, image.pixel_size) == ("file", "0", {"y": 0.5, "x": 0.25})
    assert parse(tmp_path / "a.zarr").datasets() == []


def test_level_outside_its_image_is_refused(tmp_path):
    """A path that leads out of the image is not followed."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    root.create_array("0", data=PIXELS)
    root.create_group("image").attrs.update(attributes(2, "yx", [level("../0", 1, 1)]))
    with pytest.raises(ImageReadError, match="not inside the image"):
        open_image(tmp_path / "a.zarr/image")


@VERSIONS
def test_size_and_position_without_a_unit_are_read(version, tmp_path):
    """Units are optional; the position of a level is in the units of its image."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    root.create_array("0", data=PIXELS)
    root.create_array("1", data=PIXELS[::2, ::2])
    levels = [level("0", 0.5, 1, translation=(100, 0)), level("1", 1, 2, translation=(100.25, 0.5))]
    steps = [{"type": "scale", "scale": [1, 2]}, {"type": "translation", "translation": [1, 1]}]
    root.attrs.update(attributes(version, "yx", levels, coordinateTransformations=steps))
    with open_image(tmp_path / "a.zarr") as image:
        assert (image.pixel_size, image.units, image.origin) == ({"y": 0.5, "x": 2}, {}, {"y": 101, "x": 1})
    with open_image(tmp_path / "a.zarr/1") as image:
        assert image.origin == {"y": 101.25, "x": 2}
    with open_image(tmp_path / "a.zarr", channels=[0]) as image:
        assert image.origin == {"y": 101, "x": 1}


def ome_06(axes: str, steps: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The attributes that ngff-zarr 0.50 writes as version 0.6."""
    kinds = {"t": "time", "c": "channel"}
    named = [{"name": key, "type": kinds.get(key, "space"), "unit": "micrometer"} for key in axes]
    way = {"input": {"path": "0"}, "output": {"name": "intrinsic"}, "type": "sequence", "transformations": list(steps)}
    other = {"name": "stage", "axes": [{"name": "i"}, {"name": "j"}]}
    return {
        "ome": {
            "version": "0.6",
            "multiscales": [
                {
                    "coordinateSystems": [other, {"name": "intrinsic", "axes": named}],
                    "datasets": [{"path": "0", "coordinateTransformations": [way]}],
                    "coordinateTransformations": [{"type": "rotation", "input": "intrinsic", "output": "stage"}],
                    **more,
                }
            ],
        }
    }


def test_version_06_is_read(tmp_path):
    """Axes are those of the system that the levels are placed in; scale and position are inside a sequence."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    root.create_array("0", data=PIXELS)
    inner = {"type": "sequence", "transformations": [{"type": "translation", "translation": [4, 0]}]}
    root.attrs.update(ome_06("yx", [{"type": "scale", "scale": [0.5, 0.25]}, {"type": "identity"}, inner]))
    with open_image(tmp_path / "a.zarr") as image:
        assert (image.axes, image.axes_known) == ("yx", "file")
        assert image.pixel_size == {"y": 0.5, "x": 0.25}
        assert image.units == {"y": "micrometer", "x": "micrometer"}
        assert image.origin == {"y": 4}


def test_order_of_axes_in_version_06_is_that_of_the_file(tmp_path):
    """Since 0.6 axes may be in any order."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    root.create_array("0", data=PIXELS.reshape(2, 10, 30))
    root.attrs.update(ome_06("xcy", [{"type": "scale", "scale": [1, 1, 2]}]))
    with open_image(tmp_path / "a.zarr") as image:
        assert (image.axes, image.extents["x"], image.pixel_size) == ("xcy", 2, {"x": 1, "y": 2})


def test_other_transformation_in_version_06_is_refused_by_name(tmp_path):
    """A level that is not placed by scale and translation is not read as if it were."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    root.create_array("0", data=PIXELS)
    root.attrs.update(ome_06("yx", [{"type": "affine", "affine": [[1, 0, 0], [0, 1, 0]]}]))
    with pytest.raises(ImageReadError, match=r"OME-Zarr 0\.6 with the transformation 'affine'"):
        open_image(tmp_path / "a.zarr")


@pytest.mark.parametrize("version", ["0.7", "1.0", "0.10"])
@pytest.mark.parametrize("path", ["", "/0"])
def test_unknown_version_is_refused_by_name(version, path, tmp_path):
    """A version that is not known is not read as if it were another."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    image_in(root, 3)
    root.attrs["ome"] = {**root.attrs["ome"], "version": version}
    with pytest.raises(ImageReadError, match=f"OME-Zarr {version}. Expected 0.1 to 0.6".replace(".", r"\.")):
        open_image(f"{tmp_path}/a.zarr{path}")


@pytest.mark.parametrize("version", ["0.5-dev", "0.5.1"])
def test_version_of_a_draft_is_read(version, tmp_path):
    """What follows the number of a version does not matter."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    image_in(root, 3)
    root.attrs["ome"] = {**root.attrs["ome"], "version": version}
    with open_image(tmp_path / "a.zarr") as image:
        assert image.axes_known == "file"


def write_n5(path: Path) -> None:
    writer = N5Writer(Target(path, "yx", PIXELS.shape, PIXELS.dtype), compressed=True)
    writer.write((slice(0, 20), slice(0, 30)), PIXELS)
    writer.finish()


def remove_chunks(store: Path) -> None:
    metadata = {".zarray", ".zattrs", ".zgroup", "zarr.json", "attributes.json"}
    for path in store.rglob("*"):
        if path.is_file() and path.name not in metadata:
            path.unlink()


@pytest.mark.parametrize("separator", [".", "/"])
@VERSIONS
def test_array_without_a_single_chunk_warns(version, separator, tmp_path):
    """An array of which only the metadata are there is named, with the value that its pixels have."""
    name = "v2" if version == 2 or separator == "." else "default"
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    encoding = {"name": name, "separator": separator}
    array = root.create_array("0", shape=(20, 30), dtype="u1", chunks=(8, 8), fill_value=7, chunk_key_encoding=encoding)
    with open_image(tmp_path / "a.zarr") as image:
        (warning,) = image.warnings
        assert f"'{tmp_path / 'a.zarr/0'}' has metadata, but not a single chunk: every pixel is 7" in warning
    array[3, 4] = 1
    with open_image(tmp_path / "a.zarr") as image:
        assert image.warnings == ()


def test_n5_without_a_single_block_warns(tmp_path):
    """The same for N5, also where empty folders have come."""
    write_n5(tmp_path / "a.n5")
    with open_image(tmp_path / "a.n5") as image:
        assert image.warnings == ()
    remove_chunks(tmp_path / "a.n5")
    with open_image(tmp_path / "a.n5") as image:
        assert "not a single chunk: every pixel is 0" in image.warnings[0]


PIPES = {
    "chunk of Zarr 2": (2, "0/1.1"),
    "array of Zarr 2": (2, "0/.zarray"),
    "attributes of Zarr 2": (2, ".zattrs"),
    "chunk of Zarr 3": (3, "0/c/1/1"),
    "array of Zarr 3": (3, "0/zarr.json"),
    "group of Zarr 3": (3, "zarr.json"),
    "block of N5": (5, "exported_data/0/0"),
    "dataset of N5": (5, "exported_data/attributes.json"),
    "container of N5": (5, "attributes.json"),
}


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes in folders of Windows")
@pytest.mark.parametrize(("version", "name"), PIPES.values(), ids=PIPES)
def test_pipe_in_a_store_is_refused(version, name, tmp_path):
    """A pipe in place of a file of a store is never opened: that would wait forever."""
    path = tmp_path / ("a.n5" if version == 5 else "a.zarr")
    if version == 5:
        write_n5(path)
    else:
        image_in(zarr.open_group(path, mode="w", zarr_format=version), version)
    pipe = path / name
    pipe.unlink()
    os.mkfifo(pipe)
    with pytest.raises(ImageReadError), open_image(path) as image:
        image.read()


@VERSIONS
def test_names_of_channels_are_kept_as_they_are(version, tmp_path):
    """Commas, blanks at the ends, and names that differ in case only."""
    names = ["DNA, 405 nm", "CD3 ", "cd3 ", " µ"]
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    image_in(root, version, np.stack([PIXELS, PIXELS + 1, PIXELS + 2, PIXELS + 3]), "cyx")
    omero = {"channels": [{"label": name} for name in names]}
    root.attrs.update({"omero": omero} if version == 2 else {"ome": {**root.attrs["ome"], "omero": omero}})
    with open_image(tmp_path / "a.zarr") as image:
        assert image.channel_names == tuple(names)
    for i, name in enumerate(names):
        with open_image(tmp_path / "a.zarr", channels=[name]) as image:
            np.testing.assert_array_equal(image.read()[0], PIXELS + i)


def test_copy_of_a_part_is_read_by_itself(tmp_path):
    """A level that was copied out of its store is an image."""
    image_in(zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3), 3)
    shutil.copytree(tmp_path / "a.zarr/0", tmp_path / "level")
    with open_image(tmp_path / "level") as image:
        assert json.loads((tmp_path / "level/zarr.json").read_text())["shape"] == list(image.shape)
