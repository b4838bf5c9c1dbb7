"""What goes together in an export, without a window."""

from dataclasses import replace

import numpy as np
import pytest

from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import EXPORT_FORMATS, TABLE_FORMATS
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.region import format_region, parse_region
from napari_batch_prediction.planning.choices import (
    ImageAxes,
    axis_orders,
    for_source,
    format_problems,
    why_no_dtype,
    why_off,
    with_changes,
)
from napari_batch_prediction.planning.exports import NamedExport, as_table, check_table
from napari_batch_prediction.planning.transform import make_transform

PROBABILITIES = Source(
    name="Probabilities", dtype=np.dtype("float32"), channels=3, channel_names=("a", "b", "c"), value_range=(0, 1)
)
SEGMENTATION = Source(
    name="Simple Segmentation", kind="labels", dtype=np.dtype("uint8"), channel_names=("labels",), value_range=(1, 3)
)
DENSITY = Source(name="Density", dtype=np.dtype("float32"), channel_names=("density",))
COUNTS = Source(name="Counts", kind="table", dtype=np.dtype("float64"), channel_names=("count",), made_from="Density")
TABLE = Source(
    name="Object Table", kind="table", dtype=np.dtype("float64"), channel_names=("Object Table",), whole=True
)
CLASSIFIED = replace(TABLE, classes=("a", "b"))

PLANE = ImageAxes("yx", {"t": 1, "c": 1, "z": 1, "y": 60, "x": 50})
VOLUME = ImageAxes("zyx", {"t": 1, "c": 1, "z": 7, "y": 60, "x": 50})
MOVIE = ImageAxes("tczyx", {"t": 4, "c": 2, "z": 7, "y": 60, "x": 50})


def png(**fields) -> Export:
    return Export(format="png", **fields)


FORMAT_REASONS = {
    "fractions as PNG": ("png", Export(), PROBABILITIES, None, "cannot hold float32, only uint8 or uint16."),
    "another type helps": ("png", Export(), PROBABILITIES, PLANE, "Or choose another type."),
    "bytes as PNG": ("png", Export(dtype="uint8", output_range=(0, 255)), PROBABILITIES, PLANE, ""),
    "labels as PNG": ("png", Export(), SEGMENTATION, PLANE, ""),
    "colours as JPEG, no image": ("jpg", Export(dtype="uint8", output_range=(0, 9)), PROBABILITIES, None, "3 channels"),
    "class by class as JPEG": (
        "jpg", Export(dtype="uint8", output_range=(0, 9), per_class=True), PROBABILITIES, PLANE, "",
    ),
    "labels of a volume as PNG": ("png", Export(), SEGMENTATION, VOLUME, "cannot hold 3 axes besides channels"),
    "one slice of a volume": ("png", Export(region={"z": (2, 3)}), SEGMENTATION, VOLUME, ""),
    "slices of a volume": ("png sequence", Export(), SEGMENTATION, VOLUME, ""),
    "slices of a plane": ("png sequence", Export(), SEGMENTATION, PLANE, "needs an axis to make files along"),
    "slices of what is not known": ("png sequence", Export(), SEGMENTATION, None, ""),
    "an image as a table": ("csv", Export(), DENSITY, PLANE, "Density is an image, and 'csv' is for tables"),
    "a table as an image": ("tiff", Export(), COUNTS, PLANE, "Counts is a table of numbers. Choose a format of tables"),
    "a table": ("ilastik csv", Export(), COUNTS, PLANE, ""),
    "a region outside is said elsewhere": ("tiff", Export(region={"y": (0, 900)}), SEGMENTATION, PLANE, ""),
    "nothing is known": ("png", Export(), None, PLANE, ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "export", "source", "image", "reason"), FORMAT_REASONS.values(), ids=FORMAT_REASONS.keys()
)
def test_format_that_cannot_hold_the_output_says_why(name, export, source, image, reason):
    """A format that cannot hold the output says why; no other does."""
    found = format_problems(export, source, image)
    assert list(found) == [form.name for form in EXPORT_FORMATS]
    assert reason in str(found[name])
    assert bool(found[name]) == bool(reason)


def is_planned(source, name):
    """Whether a plan takes a table in a format."""
    try:
        check_table(NamedExport(source.name, as_table(Export(source.name, format=name), source), source))
    except SettingsError:
        return False
    return True


def test_tables_have_formats_of_their_own():
    """Every format is for images or for tables."""
    tables = {form.name for form in TABLE_FORMATS}
    images = {name for name, why in format_problems(Export(), DENSITY).items() if "is for tables" not in str(why)}
    for source, refused in (
        (COUNTS, {"OME-Zarr table"}),
        (TABLE, {"ilastik csv", "ilastik hdf5"}),
        (CLASSIFIED, set()),
    ):
        offered = {name for name, why in format_problems(Export(source.name), source).items() if not why}
        assert offered == tables - refused
        assert offered == {name for name in tables if is_planned(source, name)}
    assert images == {form.name for form in EXPORT_FORMATS} - tables


OFF = {
    "compression of PNG": ("compression", png(), PROBABILITIES, "leaves no choice of compression"),
    "compression by name": ("compression", Export(), PROBABILITIES, "always has the compression gzip"),
    "compression of TIFF": ("compression", Export(format="tiff"), PROBABILITIES, ""),
    "axes of OME-Zarr": ("output_axes", Export(format="multi-scale OME-Zarr"), PROBABILITIES, "always the same"),
    "axes of HDF5": ("output_axes", Export(), PROBABILITIES, ""),
    "classes of labels": ("per_class", Export(), SEGMENTATION, "is one image, not one for each class"),
    "classes": ("per_class", Export(), PROBABILITIES, ""),
    "dataset of TIFF": ("internal_path", Export(format="tiff"), PROBABILITIES, "Only HDF5 and N5"),
    "dataset of N5": ("internal_path", Export(format="n5"), PROBABILITIES, ""),
    "version of HDF5": ("ome_zarr_version", Export(), PROBABILITIES, "formats of OME-Zarr"),
    "version of the image": (
        "ome_zarr_version", Export(format="multi-scale OME-Zarr", into_image=True), SEGMENTATION, "version of the",
    ),
    "folder of the image": (
        "folder", Export(format="multi-scale OME-Zarr", into_image=True), SEGMENTATION, "the image they belong to",
    ),
    "folder": ("folder", Export(), SEGMENTATION, ""),
    "labels as HDF5": ("into_image", Export(), SEGMENTATION, "formats of OME-Zarr"),
    "probabilities as labels": (
        "into_image", Export(format="multi-scale OME-Zarr"), PROBABILITIES, "Only a segmentation can be labels",
    ),
    "labels into the image": ("into_image", Export(format="multi-scale OME-Zarr"), SEGMENTATION, ""),
    "type of a table": ("dtype", Export(source="Counts", format="csv"), COUNTS, "Counts is a table of numbers"),
    "region of a table": ("region", Export(source="Counts", format="csv"), COUNTS, ""),
    "region of a table of objects": ("region", Export("Object Table", format="csv"), TABLE, "is of whole images"),
    "region of objects": ("region", Export("Object Identities"), SEGMENTATION, ""),
    "counts of each image": ("per_image", Export("Counts", format="csv"), COUNTS, "Only a table of objects"),
    "an image of each image": ("per_image", Export(), PROBABILITIES, "Only a table of objects"),
    "objects of each image": ("per_image", Export("Object Table", format="csv"), TABLE, ""),
    "objects of each image, chosen": ("per_image", Export("Object Table", format="csv", per_image=True), TABLE, ""),
    "objects as in ilastik": (
        "per_image", Export("Object Table", format="ilastik csv"), CLASSIFIED, "each image has a table of its own",
    ),
    "nothing is known of the source": ("per_class", Export(), None, ""),
    "nothing is known of the format": ("compression", Export(format="papyrus"), PROBABILITIES, ""),
}  # fmt: skip


@pytest.mark.parametrize(("setting", "export", "source", "reason"), OFF.values(), ids=OFF.keys())
def test_setting_without_effect_says_why(setting, export, source, reason):
    """A setting that means nothing says why; one that means something says nothing."""
    found = why_off(setting, export, source)
    assert reason in str(found)
    assert bool(found) == bool(reason)


def test_types_the_format_cannot_hold_cannot_be_chosen():
    """Types that the format cannot hold cannot be chosen."""
    assert str(why_no_dtype("float32", png())) == "The format 'png' cannot hold float32. Choose another format first."
    assert str(why_no_dtype("float32", Export(format="png sequence"))).startswith("The format 'png sequence' cannot")
    assert why_no_dtype("uint16", png()) is None
    assert why_no_dtype("uint16", Export(format="papyrus")) is None


CHANGES = {
    "fractions as bytes": (Export(), PROBABILITIES, {"dtype": "uint8"}, {"output_range": (0, 255)}),
    "and as words": (
        Export(dtype="uint8", output_range=(0, 255)), PROBABILITIES, {"dtype": "uint16"}, {"output_range": (0, 65535)},
    ),
    "and back": (
        Export(dtype="uint8", output_range=(0, 255), input_range=(0, 1)), PROBABILITIES, {"dtype": None},
        {"output_range": None, "input_range": None},
    ),
    "a range of one's own stays": (
        Export(dtype="uint8", output_range=(0, 100)), PROBABILITIES, {"dtype": "uint16"}, {"output_range": (0, 100)},
    ),
    "labels stay what they are": (Export(), SEGMENTATION, {"dtype": "uint16"}, {"output_range": None}),
    "compression of another format": (
        Export(format="tiff", compression="lzw"), PROBABILITIES, {"format": "hdf5"}, {"compression": None},
    ),
    "compression of both formats": (
        Export(format="tiff", compression="gzip"), PROBABILITIES, {"format": "hdf5"}, {"compression": "gzip"},
    ),
    "labels leave the image": (
        Export(format="multi-scale OME-Zarr", into_image=True), SEGMENTATION, {"format": "tiff"}, {"into_image": False},
    ),
    "labels stay in the image": (
        Export(format="multi-scale OME-Zarr", into_image=True), SEGMENTATION, {"format": "single-scale OME-Zarr"},
        {"into_image": True},
    ),
    "classes leave the name": (
        Export(per_class=True, name="{class}/{class}_{stem}_{class}"), PROBABILITIES, {"per_class": False},
        {"name": "{stem}"},
    ),
    "an input range needs an output range": (
        Export(input_range=(0, 1), output_range=(0, 255)), PROBABILITIES, {"output_range": None}, {"input_range": None},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "source", "fields", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_settings_that_contradict_a_change_go(before, source, fields, expected):
    """What does not go together with a change goes; everything else stays."""
    after = with_changes(before, source, **fields)
    assert after == before.model_copy(update={**fields, **expected})


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8", "int16", "int32"])
def test_every_type_of_integers_can_be_chosen(dtype):
    """Fractions as integers get a range that can be exported."""
    export = with_changes(Export(), PROBABILITIES, dtype=dtype)
    assert make_transform(export, PROBABILITIES, *PLANE).value_range == (0, np.iinfo(dtype).max)


SOURCES = {
    "labels are not rescaled": (
        Export(dtype="uint8", output_range=(0, 255), format="png"), SEGMENTATION, PLANE,
        {"output_range": None},
    ),
    "labels are not apart": (Export(per_class=True, region={"c": (0, 1), "y": (1, 9)}), SEGMENTATION, PLANE,
        {"per_class": False, "region": {"y": (1, 9)}}),
    "a table": (Export(format="tiff", compression="lzw"), COUNTS, PLANE, {"format": "csv"}),
    "a table of objects": (
        Export(format="tiff", region={"y": (1, 9)}), TABLE, PLANE, {"format": "csv", "region": {}},
    ),
    "an image beside a table of objects": (
        Export("Object Table", format="csv", per_image=True), PROBABILITIES, PLANE,
        {"format": "compressed hdf5", "per_image": False},
    ),
    "an image again": (Export(source="Counts", format="csv"), DENSITY, PLANE, {"format": "compressed hdf5"}),
    "fractions do not fit": (
        Export(source="Simple Segmentation", format="png"), PROBABILITIES, PLANE, {"format": "compressed hdf5"},
    ),
    "fractions in bytes": (
        Export(source="Simple Segmentation", dtype="uint8", format="png"), PROBABILITIES, PLANE,
        {"output_range": (0, 255)},
    ),
    "folder and name": (Export(folder="out", name="{stem}_export"), SEGMENTATION, None, {}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "source", "image", "expected"), SOURCES.values(), ids=SOURCES.keys())
def test_settings_go_with_another_source(before, source, image, expected):
    """The settings go with another source as far as they make sense for it."""
    after = for_source(before, source, image)
    assert after == before.model_copy(update={"source": source.name, **expected})
    assert format_problems(after, source, image)[after.format] is None


ORDERS = {
    "plane": (Export(), PLANE, ("yxc", "tczyx", "tzyxc", "cyx")),
    "volume": (Export(), VOLUME, ("zyxc", "tczyx", "tzyxc", "czyx")),
    "one slice": (Export(region={"z": (1, 2)}), VOLUME, ("zyxc", "tczyx", "tzyxc", "czyx", "cyx", "yxc")),
    "movie": (Export(), MOVIE, ("tczyx", "tzyxc")),
}


@pytest.mark.parametrize(("export", "image", "expected"), ORDERS.values(), ids=ORDERS.keys())
def test_axis_orders_that_are_offered_can_be_exported(export, image, expected):
    """The image's own order first; every order that is offered can be exported."""
    assert axis_orders(export, PROBABILITIES, image) == expected
    for order in expected:
        made = make_transform(export.model_copy(update={"output_axes": order}), PROBABILITIES, *image)
        assert made.axes == order


def test_axis_orders_are_offered_without_an_image():
    """Something is offered before the first image is known."""
    assert "tzyxc" in axis_orders(Export(), None, None)


REGIONS = {
    "": {},
    "  ": {},
    "y=10:200, x=:512": {"y": (10, 200), "x": (None, 512)},
    "Y=1:2": {"y": (1, 2)},
    " t = 3 : ,c=:": {"t": (3, None), "c": (None, None)},
}


@pytest.mark.parametrize(("text", "region"), REGIONS.items(), ids=REGIONS.keys())
def test_region_is_read_from_text_and_back(text, region):
    """Text becomes a region, and the region a text for the same region."""
    assert parse_region(text) == region
    assert parse_region(format_region(region)) == region


@pytest.mark.parametrize("text", ["y", "y=10", "y=-1:5", "q=1:2", "y=1:2,y=3:4", "y=1:2,", "y=1:2;x=3:4", "y=٣:5"])
def test_text_that_is_no_region_is_refused(text):
    """What is not a region is refused with an example."""
    with pytest.raises(SettingsError, match=r"is not a region\. Write start and stop.*for example y=10:200, x=:512"):
        parse_region(text)
