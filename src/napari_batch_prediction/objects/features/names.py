"""ilastik's features of objects: names, numbers of columns, and the titles that its tables have."""

from typing import NamedTuple

STANDARD = "Standard Object Features"
HULL_2D = "2D Convex Hull Features"
HULL_3D = "3D Convex Hull Features"
SKELETON_2D = "2D Skeleton Features"
DEFAULT = "Default features"

NEAR = " in neighborhood"
"""End of the name of a feature of the pixels around an object."""

WITH_NEAR = " in object and neighborhood"
"""End of the name of a feature of an object together with the pixels around it."""

N_BINS = 64
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


class Feature(NamedTuple):
    """A feature of objects, as ilastik's projects name it."""

    plugin: str
    name: str


# Columns: c for each channel, d for each axis, both squared for matrices; 1 otherwise, or a number.
_ANY_CHANNELS = {
    "Count": "1",
    "Sum": "c",
    "Mean": "c",
    "Minimum": "c",
    "Maximum": "c",
    "Variance": "c",
    "Skewness": "c",
    "Kurtosis": "c",
    "Central<PowerSum<2>>": "c",
    "Central<PowerSum<3>>": "c",
    "Central<PowerSum<4>>": "c",
    "RegionCenter": "d",
    "RegionRadii": "d",
    "RegionAxes": "dd",
    "Coord<Minimum>": "d",
    "Coord<Maximum>": "d",
    "Coord<PowerSum<1>>": "d",
    "Coord<Principal<PowerSum<2>>>": "d",
    "Coord<DivideByCount<Principal<PowerSum<2>>>>": "d",
    "Coord<Principal<PowerSum<3>>>": "d",
    "Coord<Principal<PowerSum<4>>>": "d",
    "Coord<Principal<Skewness>>": "d",
    "Coord<Principal<Kurtosis>>": "d",
}
_ONE_CHANNEL = {
    "Coord<ArgMinWeight>": "d",
    "Coord<ArgMaxWeight>": "d",
    "Weighted<PowerSum<0>>": "1",
    "Weighted<Coord<PowerSum<1>>>": "d",
    "Weighted<RegionCenter>": "d",
    "Weighted<RegionRadii>": "d",
    "Weighted<RegionAxes>": "dd",
    "Weighted<Coord<Principal<PowerSum<2>>>>": "d",
    "Weighted<Coord<DivideByCount<Principal<PowerSum<2>>>>>": "d",
    "Weighted<Coord<Principal<PowerSum<3>>>>": "d",
    "Weighted<Coord<Principal<PowerSum<4>>>>": "d",
    "Weighted<Coord<Principal<Skewness>>>": "d",
    "Weighted<Coord<Principal<Kurtosis>>>": "d",
    "Histogram": str(N_BINS),
    "Quantiles": str(len(QUANTILES)),
    "Global<Minimum>": "1",
    "Global<Maximum>": "1",
}
_SEVERAL_CHANNELS = {
    "Covariance": "cc",
    "Principal<PowerSum<2>>": "c",
    "Principal<Variance>": "c",
    "PrincipalAxes": "cc",
    "Principal<Minimum>": "c",
    "Principal<Maximum>": "c",
    "Principal<PowerSum<3>>": "c",
    "Principal<PowerSum<4>>": "c",
    "Principal<Skewness>": "c",
    "Principal<Kurtosis>": "c",
}
_COLUMNS = _ANY_CHANNELS | _ONE_CHANNEL | _SEVERAL_CHANNELS

LOCAL = ("Mean", "Variance", "Skewness", "Kurtosis", "Minimum", "Maximum", "Sum", "Histogram", "Covariance")
"""Features that ilastik also computes in the neighbourhood of objects."""

DEFAULT_FEATURES = ("Count", "Coord<Minimum>", "Coord<Maximum>", "RegionCenter")
"""Features that ilastik computes for every object, whatever is selected, and keeps in double precision."""

# Columns and title.
_HULL = {
    "InputVolume": ("1", "Object Area"),
    "HullVolume": ("1", "Convex Hull Area"),
    "Convexity": ("1", "Convexity"),
    "DefectCount": ("1", "Number of Defects"),
    "DefectVolumeMean": ("1", "Mean Defect Area"),
    "DefectVolumeVariance": ("1", "Variance of Defect Area"),
    "DefectVolumeSkewness": ("1", "Skewness of Defect Area"),
    "DefectVolumeKurtosis": ("1", "Kurtosis of Defect Area"),
    "DefectDisplacementMean": ("1", "Mean Defect Displacement"),
    "InputCenter": ("d", "Object Center"),
    "HullCenter": ("d", "Convex Hull Center"),
    "DefectCenter": ("d", "Defect Center"),
}
_SKELETON = {
    "Diameter": ("1", "Diameter"),
    "Euclidean Diameter": ("1", "Euclidean Diameter"),
    "Total Length": ("1", "Length of the Skeleton"),
    "Average Length": ("1", "Average Branch Length"),
    "Branch Count": ("1", "Number of Branches"),
    "Hole Count": ("1", "Number of Holes"),
    "Skeleton Center": ("d", "Center of the Skeleton"),
    "Terminal 1": ("d", "Terminal 1"),
    "Terminal 2": ("d", "Terminal 2"),
}

FEATURES: dict[str, tuple[str, ...]] = {
    HULL_2D: tuple(_HULL),
    SKELETON_2D: tuple(_SKELETON),
    HULL_3D: tuple(_HULL),
    STANDARD: (*_COLUMNS, *(name + NEAR for name in LOCAL), *(name + WITH_NEAR for name in LOCAL)),
}
"""All features that ilastik has, by plugin."""

_TITLES = {
    "Count": "Size in pixels",
    "Mean": "Mean Intensity",
    "Variance": "Variance of Intensity",
    "Skewness": "Skewness of Intensity",
    "Kurtosis": "Kurtosis of Intensity",
    "Minimum": "Minimum intensity",
    "Maximum": "Maximum intensity",
    "Sum": "Total Intensity",
    "Covariance": "Covariance of Channel Intensity",
    "Histogram": "Histogram of Intensity",
    "Quantiles": "Quantiles of Intensity",
    "RegionCenter": "Center of the object",
    "RegionRadii": "Radii of the object",
    "RegionAxes": "Principal components of the object",
    "Coord<Minimum>": "Bounding Box Minimum",
    "Coord<Maximum>": "Bounding Box Maximum",
}


def base_name(name: str) -> str:
    """Return the name of a standard feature without what it says of the neighbourhood."""
    return name.removesuffix(NEAR).removesuffix(WITH_NEAR)


def is_local(name: str) -> bool:
    """Return True for standard features that look at the neighbourhood of objects."""
    return name.endswith((NEAR, WITH_NEAR))


def title(feature: Feature) -> str:
    """Return the title of a feature in ilastik's window and tables."""
    plugin, name = feature
    if plugin in (HULL_2D, HULL_3D):
        return _HULL[name][1]
    if plugin == SKELETON_2D:
        return _SKELETON[name][1]
    # Names that ilastik did not think of keep what they are called inside.
    if name.endswith(NEAR):
        return _TITLES.get(base_name(name), base_name(name)) + NEAR
    return _TITLES.get(name, name)


def width(feature: Feature, n_channels: int, n_dims: int) -> int:
    """Return the number of columns of a feature; 0 if images with so many channels and dimensions do not have it."""
    plugin, name = feature
    if plugin in (HULL_2D, SKELETON_2D, HULL_3D):
        if n_dims != (3 if plugin == HULL_3D else 2):
            return 0
        columns = (_SKELETON if plugin == SKELETON_2D else _HULL)[name][0]
    else:
        name = base_name(name)
        columns = _COLUMNS[name]
        if (name in _ONE_CHANNEL and n_channels != 1) or (name in _SEVERAL_CHANNELS and n_channels == 1):
            return 0
    number = {"1": 1, "c": n_channels, "cc": n_channels**2, "d": n_dims, "dd": n_dims**2}
    return number[columns] if columns in number else int(columns)


def column_titles(feature: Feature, n_channels: int, n_dims: int) -> list[str]:
    """Return the titles of a feature's columns in ilastik's tables."""
    n = width(feature, n_channels, n_dims)
    return [title(feature)] if n == 1 else [f"{title(feature)}_{i}" for i in range(n)]
