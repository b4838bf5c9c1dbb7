"""Layouts of other programs: the images that BigDataViewer and Imaris store at several resolutions."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

import h5py
import numpy as np

from napari_batch_prediction.images.units import unit_name

# A level of a time point and a setup, as BigDataViewer writes it.
_CELLS = re.compile(r"(?P<time>t\d{5,})/(?P<setup>s\d{2,})/(?P<level>\d+)/cells")
_TABLES = re.compile(r"s\d{2,}/(resolutions|subdivisions)")
_IMARIS = re.compile(r"DataSet/ResolutionLevel (?P<level>\d+)(?P<rest>/.+)")
_MOST_XML = 2**26


class Cells(NamedTuple):
    """An image of BigDataViewer."""

    level: int
    pixel_size: dict[str, float]
    units: dict[str, str]
    factors: tuple[float, ...]


def images_only(names: Iterable[str]) -> list[str]:
    """Return the names of datasets without lower resolutions of others and tables about them."""
    names = [*names]
    known = set(names)
    is_bdv = any(_CELLS.fullmatch(name) for name in names)
    return [name for name in names if not (_is_lower(name, known) or (is_bdv and _TABLES.fullmatch(name)))]


def _is_lower(name: str, known: Collection[str]) -> bool:
    if (cells := _CELLS.fullmatch(name)) is not None:
        return int(cells["level"]) > 0 and f"{cells['time']}/{cells['setup']}/0/cells" in known
    if (imaris := _IMARIS.fullmatch(name)) is not None:
        return int(imaris["level"]) > 0 and f"DataSet/ResolutionLevel 0{imaris['rest']}" in known
    return False


def bdv_cells(file: Path, h5: h5py.File, dataset: h5py.Dataset, name: str) -> Cells | None:
    """Return what is known of an image of BigDataViewer: size of a pixel from the XML beside it; None for others."""
    match = _CELLS.fullmatch(name.strip("/"))
    if match is None or dataset.ndim != 3:
        return None
    table = h5.get(f"{match['setup']}/resolutions")
    if not isinstance(table, h5py.Dataset) or table.ndim != 2 or table.shape[1] != 3 or table.size > 3000:
        return None
    level = int(match["level"])
    factors = np.asarray(table[()], float)
    if level >= len(factors) or not np.isfinite(factors).all() or not (factors > 0).all():
        return None
    sizes, unit = _voxel(file.with_suffix(".xml"), int(match["setup"][1:]))
    of_level = {key: size * factor for key, size, factor in zip("xyz", sizes, factors[level].tolist(), strict=False)}
    return Cells(level, of_level, dict.fromkeys(of_level, unit) if unit else {}, tuple(factors[level].tolist()))


def _voxel(path: Path, setup: int) -> tuple[list[float], str]:
    """Return the size of a voxel along x, y and z in BigDataViewer's XML, and its unit; empty if unknown."""
    try:
        if path.stat().st_size > _MOST_XML or not path.is_file():
            return [], ""
        root = fromstring(path.read_bytes())  # noqa: S314 - expat bounds what entities grow to
        for view in root.iter("ViewSetup"):
            if _text(view, "id") == str(setup):
                sizes = [float(size) for size in _text(view, "voxelSize/size").split()]
                is_valid = len(sizes) == 3 and all(0 < size < np.inf for size in sizes)
                return (sizes if is_valid else []), unit_name(_text(view, "voxelSize/unit"))
    except (OSError, ParseError, ValueError):
        pass  # the image is fine without
    return [], ""


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
