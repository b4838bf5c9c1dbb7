"""Measuring objects: position, size, shape and intensity, in the unit of the image where it is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.physical import in_unit_of_x, spacing
from napari_batch_prediction.objects.features.standard import standard_features
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.objects.volume import Volume

PIXEL = "pixel"
"""The unit of an image that does not say how large its pixels are."""

_FEATURES = (
    *("Count", "RegionCenter", "Coord<Minimum>", "Coord<Maximum>", "RegionRadii", "RegionAxes"),
    *("Mean", "Minimum", "Maximum", "Variance"),
)

ABOUT = {
    "image": "the image",
    "time": "the time point, from 0",
    "label": "the number of the object in `Objects`, from 1; numbers begin anew in each image and at each time point",
    "class": "the name of its class",
    "original_label": "its number in the label image; only if objects are those of one",
    "probability_NAME": "how probable each class is; only if objects are classified",
    "pixels": "the number of its pixels",
    "area": "its area, in the unit to the power of 2, in an image of one slice",
    "volume": "its volume, in the unit to the power of 3, in an image of several slices",
    "unit": "the unit of lengths, areas and volumes: that of the file, such as `micrometer`, or `pixel` if the file "
    "does not say how large a pixel is",
    "position_z, position_y, position_x": "its centre in the unit, from the file's own origin",
    "centroid_z, centroid_y, centroid_x": "its centre in pixels, from the middle of the first pixel",
    "bbox_min_z, bbox_min_y, bbox_min_x": "the first pixel of its bounding box along each axis",
    "bbox_max_z, bbox_max_y, bbox_max_x": "the one after the last",
    "equivalent_diameter": "the diameter of a circle or a ball of the same size, in the unit",
    "axis_major_length, axis_minor_length": "the longest and the shortest axis of an ellipse or ellipsoid with the "
    "same second moments, in the unit",
    "eccentricity": "that of this ellipse, from 0 for a circle to 1 for a line; of images of one slice",
    "orientation": "the angle between the y axis and the long axis of this ellipse, in radians from -pi/2 to pi/2, "
    "counter-clockwise; of images of one slice",
    "extent": "the share of the bounding box that it fills",
    "intensity_mean, intensity_min, intensity_max, intensity_std": "mean, smallest and largest value of its pixels in "
    "the image, and their standard deviation; with several channels, the name or number of the channel follows. Of "
    "pixels that are no numbers (NaN) the smallest and the largest take no notice; values of more than 24 bits are "
    "rounded to 24, as ilastik does",
}
"""What the columns of a table of objects are."""

TEXTS = ("image", "class", "unit")
"""The columns of texts."""

WHOLE = ("time", "label", "pixels", "bbox_", "original_label")
"""How the columns of whole numbers begin, as files of text do not say."""

# Columns that say which object it is, of both layouts, and the unit.
_NAMING = {
    *("image", "time", "label", "class", "original_label", "unit"),
    *("object_id", "timestep", "labelimage_oid", "User Label", "Predicted Class"),
}
_POWERS = {"area": 2, "volume": 3, "equivalent_diameter": 1, "axis_major_length": 1, "axis_minor_length": 1}


def properties(columns: Sequence[str]) -> tuple[str, ...]:
    """Return those columns of a table of objects that are numbers about them."""
    return tuple(name for name in columns if name not in _NAMING)


def unit_of(column: str, unit: str) -> str:
    """Return the unit of a column of a table of objects whose unit of length is given; empty if it has none."""
    if column.startswith(("centroid_", "bbox_")):
        return PIXEL
    if column == "orientation":
        return "radian"
    power = 1 if column.startswith("position_") else _POWERS.get(column, 0)
    return "" if not power or not unit else unit if power == 1 else f"{unit}^{power}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The place and size of pixels.

    Attributes
    ----------
    size
        Size of a pixel along z, y and x, in the unit.
    unit
        The unit of length.
    origin
        Position of the middle of the first pixel along z, y and x.
    """

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    unit: str = PIXEL
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def of(cls, image: Image) -> "Scale":
        """Return the scale of an image; in pixels if it does not say how large they are."""
        sizes = spacing(image.extents, image.pixel_size, image.units)
        if not sizes:
            return cls()
        z, y, x = (sizes.get(key, 1.0) for key in "zyx")
        first = in_unit_of_x(image.origin, image.units)
        origin = (first.get("z", 0.0), first.get("y", 0.0), first.get("x", 0.0))
        return cls(size=(z, y, x), unit=image.units["x"], origin=origin)


@dataclass(frozen=True, slots=True)
class ObjectColumns:
    """The columns of the tables of a batch: those that any of its images fills.

    Attributes
    ----------
    flat, deep
        True if there are images of one slice, and of several.
    channels
        The ends of the names of columns for each channel; one empty text for a single channel.
    """

    flat: bool = True
    deep: bool = False
    channels: tuple[str, ...] = field(default=("",))

    @classmethod
    def of(cls, images: Sequence[tuple[Mapping[str, int], Sequence[str]]]) -> "ObjectColumns":
        """Return the columns of a batch.

        Parameters
        ----------
        images
            For each image its extents along ``t c z y x``, and the names of its channels, if they have some.
        """
        flat = [extents["z"] == 1 for extents, _ in images]
        n = max((extents["c"] for extents, _ in images), default=1)
        names = {tuple(names) for _, names in images}
        ends: tuple[str, ...] = ("",) if n == 1 else tuple(f"_{i}" for i in range(n))
        if n > 1 and len(names) == 1 and len(set(only := names.pop())) == n == len(only) and all(only):
            ends = tuple(f"_{name}" for name in only)
        return cls(any(flat) or not flat, not all(flat), ends)

    @property
    def axes(self) -> str:
        """The axes along which objects have a position."""
        return "zyx" if self.deep else "yx"


def measure_objects(
    labels: Volume,
    raw: Volume,
    n_objects: int,
    columns: ObjectColumns,
    scale: Scale,
    *,
    time: int = 0,
    name: str = "",
    workers: int = 1,
) -> ObjectTable:
    """Return the table of the objects of one time point.

    Parameters
    ----------
    labels, raw, n_objects
        Numbers of the objects, from 1; the image; and how many objects there are.
    columns
        The columns to make.
    scale
        The place and size of pixels.
    time, name
        The time point, and the class.
    workers
        Number of threads.
    """
    of_pixels = standard_features(labels, raw, n_objects, _FEATURES, workers)
    is_deep = labels.shape[1] > 1
    size = np.array(scale.size if is_deep else scale.size[1:])
    pixels = of_pixels["Count"][:, 0]
    # Features have x first.
    center = of_pixels["RegionCenter"][:, ::-1]
    first, last = of_pixels["Coord<Minimum>"][:, ::-1], of_pixels["Coord<Maximum>"][:, ::-1]
    whole = pixels * prod(size)
    made: dict[str, NDArray[Any]] = {
        "time": np.full(n_objects, time, np.int64),
        "label": np.arange(1, n_objects + 1, dtype=np.int64),
        "class": np.full(n_objects, name, object),
        "pixels": pixels.astype(np.int64),
    }
    nothing = np.full(n_objects, np.nan)
    if columns.flat:
        made["area"] = nothing if is_deep else whole
    if columns.deep:
        made["volume"] = whole if is_deep else nothing
    made["unit"] = np.full(n_objects, scale.unit, object)
    origin = np.array(scale.origin if is_deep else scale.origin[1:])
    made |= _by_axis("position", center * size + origin, columns, scale.origin[0])
    made |= _by_axis("centroid", center, columns, 0.0)
    made |= _by_axis("bbox_min", first.astype(np.int64), columns, 0)
    made |= _by_axis("bbox_max", last.astype(np.int64), columns, 1)
    made |= _shape(of_pixels["RegionRadii"], of_pixels["RegionAxes"], whole, size, columns)
    made["extent"] = pixels / (last - first).prod(axis=1)
    for title, values in _intensities(of_pixels).items():
        for i, end in enumerate(columns.channels):
            made[title + end] = values[:, i] if i < values.shape[1] else nothing
    return ObjectTable(made)


def _intensities(of_pixels: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return the columns of intensity (objects, channels), with NaN for what is no number."""
    mean, least, most = (of_pixels[name] for name in ("Mean", "Minimum", "Maximum"))
    # Of pixels without any number the features are what the search for them begins with.
    has_numbers = least <= most
    return {
        "intensity_mean": mean,
        "intensity_min": np.where(has_numbers, least, np.nan),
        "intensity_max": np.where(has_numbers, most, np.nan),
        "intensity_std": np.sqrt(np.where(np.isfinite(mean), of_pixels["Variance"], np.nan)),
    }


def _by_axis(name: str, values: NDArray[Any], columns: ObjectColumns, of_one_slice: float) -> dict[str, NDArray[Any]]:
    """Return a column for each axis; that along z of an image of one slice has the same value for all."""
    n_dims = values.shape[1]
    missing = {"z": np.full(len(values), of_one_slice, values.dtype)} if n_dims == 2 else {}
    found = missing | {key: values[:, i] for i, key in enumerate("zyx"[3 - n_dims :])}
    return {f"{name}_{key}": found[key] for key in columns.axes}


def _shape(
    radii: NDArray[np.float64],
    axes: NDArray[np.float64],
    whole: NDArray[np.float64],
    size: NDArray[np.float64],
    columns: ObjectColumns,
) -> dict[str, NDArray[Any]]:
    """Return the columns of shape.

    Parameters
    ----------
    radii, axes
        Roots of the eigenvalues of the covariance of coordinates, falling, and its eigenvectors, x first.
    whole
        Area or volume.
    size
        Size of a pixel along (z,) y and x.
    """
    n, n_dims = radii.shape
    vectors = axes.reshape(n, n_dims, n_dims)[:, ::-1]
    covariance = np.einsum("nik,nk,njk->nij", vectors, radii**2, vectors) * np.outer(size, size)
    is_even = bool((size == size[0]).all())
    variances = (radii * size[0]) ** 2 if is_even else np.linalg.eigvalsh(covariance)[:, ::-1].clip(0)
    # Of a solid ellipse or ellipsoid.
    factor = 4.0 if n_dims == 2 else 2 * np.sqrt(5.0)
    lengths = factor * np.sqrt(variances)
    diameter = 2 * np.sqrt(whole / np.pi) if n_dims == 2 else np.cbrt(6 * whole / np.pi)
    made = {
        "equivalent_diameter": diameter,
        "axis_major_length": lengths[:, 0],
        "axis_minor_length": lengths[:, -1],
    }
    if not columns.flat:
        return made
    nothing = np.full(n, np.nan)
    if n_dims == 3:
        return {**made, "eccentricity": nothing, "orientation": nothing}
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(variances[:, 0] > 0, variances[:, 1] / variances[:, 0], 1.0)
    across, along, both = covariance[:, 0, 0], covariance[:, 1, 1], covariance[:, 0, 1]
    return {
        **made,
        "eccentricity": np.sqrt((1 - ratio).clip(0)),
        "orientation": 0.5 * np.arctan2(2 * both, across - along),
    }
