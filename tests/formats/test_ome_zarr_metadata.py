"""OME-Zarr's metadata: one model that is written and read."""

from pathlib import Path

import numpy as np
import pytest

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr.metadata import Axis, Channel, Level, OmeImage
from napari_batch_prediction.formats.zarr.store import coarser_levels
from napari_batch_prediction.formats.zarr.writer_metadata import describe

SHAPES = [(2, 2, 1, 600, 40), (2, 2, 1, 300, 20), (2, 2, 1, 150, 10)]
FACTS = {
    "nothing known": {},
    "sizes": {"pixel_size": {"t": 2.5, "y": 0.5, "x": 0.25}, "units": {"t": "second", "y": "µm", "x": "furlong"}},
    "a part of an image": {"offset": {"z": 10, "y": 100}},
    "channels": {"channel_names": ("nucleus", "rest"), "channel_colors": ((255, 0, 16), (1, 2, 3))},
    "channels with a range": {"channel_names": ("nucleus",), "value_range": (0.0, 255.0)},
    "labels in an image": {"is_labels": True, "image": Path("../.."), "channel_colors": ((1, 2, 3), (4, 5, 6))},
}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_what_is_written_is_read_again(facts, version):
    """The metadata of an output are the same after writing and reading them."""
    target = Target(Path("a.zarr"), "tcyx", (2, 2, 600, 40), np.dtype("uint8"), ome_zarr_version=version, **facts)
    image = describe(target, SHAPES)
    assert OmeImage.parse(image.attributes()) == image


def parse(transformations=(), whole=(), **facts) -> OmeImage:
    """Return the image of two axes that metadata describe, given the transformations of its only level."""
    image = {
        "axes": [{"name": "y", "type": "space", "unit": "micrometer"}, {"name": "x", "type": "space"}],
        "datasets": [{"path": "0", "coordinateTransformations": transformations}],
        "coordinateTransformations": whole,
    }
    parsed = OmeImage.parse({"multiscales": [image], **facts})
    assert parsed is not None
    return parsed


def test_transformations_follow_each_other():
    """The image's own come after those of the level: they scale its place too."""
    level = [{"type": "scale", "scale": [2, 3]}, {"type": "translation", "translation": [10, 20]}]
    image = [{"type": "scale", "scale": [0.5, 0.1]}, {"type": "translation", "translation": [1, 0]}]
    assert parse(level, image).levels == (Level("0", (1.0, pytest.approx(0.3)), (6.0, 2.0)),)


ODD = {
    "none": None,
    "no list": {"type": "scale"},
    "no mapping": ["scale"],
    "a path to a scale": [{"type": "scale", "path": "scales"}],
    "too short": [{"type": "scale", "scale": [7]}],
    "another kind": [{"type": "affine", "affine": [[1, 0, 0], [0, 1, 0]]}],
}


@pytest.mark.parametrize("transformations", ODD.values(), ids=ODD)
def test_odd_transformations_count_as_none(transformations):
    """What is no transformation of these axes does not keep an image from being read."""
    assert parse(transformations).levels == (Level("0", (1.0, 1.0), (0.0, 0.0)),)


def test_scale_that_is_no_number():
    """The size of a pixel is unknown then, not 1."""
    assert parse([{"type": "scale", "scale": ["a", 2]}]).pixel_size(0) == ({"x": 2}, {})


def test_odd_axes_and_channels():
    """What is not as it should be is empty; the rest counts."""
    omero = {"channels": [{"label": "a", "color": "FF0000", "window": {"min": "low", "max": 1}}, "b", {"label": None}]}
    assert parse(omero=omero).channels == (Channel("a", "FF0000"), Channel(""), Channel(""))
    image = OmeImage.parse({"multiscales": [{"axes": [{"unit": 5}, "Y"], "datasets": [{"path": 0}]}]})
    assert image is not None
    assert image.axes == (Axis(""), Axis("Y"))
    assert image.paths("images/0") == ["images/0/0"]


@pytest.mark.parametrize("attributes", [{}, {"labels": ["a"]}, {"ome": {"version": "0.5"}}, {"ome": 5}])
def test_metadata_of_anything_else_describe_no_image(attributes):
    """Metadata of anything else describe no image."""
    assert OmeImage.parse(attributes) is None


def test_coarser_levels_are_those_after_a_level(tmp_path):
    """They are those after a level in its image; there are none of what is no level."""
    group = tmp_path / "a.zarr"
    group.mkdir()
    (group / ".zattrs").write_text('{"multiscales": [{"datasets": [{"path": "s0"}, {"path": "s1"}, {"path": "s2"}]}]}')
    assert coarser_levels(group / "s0") == [group / "s1", group / "s2"]
    assert coarser_levels(group / "s2") == coarser_levels(group / "other") == coarser_levels(tmp_path / "b") == []


def test_coarser_levels_in_groups_of_their_own_are_found(tmp_path):
    """Levels may lie deeper in their image, as ngff-zarr puts them."""
    group = tmp_path / "a.zarr"
    (group / "scale0" / "image").mkdir(parents=True)
    for folder in (group, group / "scale0"):
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
    levels = ", ".join(f'{{"path": "scale{i}/image"}}' for i in range(2))
    (group / ".zattrs").write_text(f'{{"multiscales": [{{"datasets": [{levels}]}}]}}')
    assert coarser_levels(group / "scale0" / "image") == [group / "scale1" / "image"]
