"""Micro-Manager's stack files, which hold an index of their planes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tifffile import FileHandle, TiffFile, TiffFrame, TiffPage, TiffPageSeries, read_micromanager_metadata

from napari_batch_prediction.formats.tiff.sets.words import one_image, part_of
from napari_batch_prediction.wording import count

# Columns of the index: channel, slice, frame, position, place of the page in the file.
_COLUMNS = {"C": 0, "Z": 1, "T": 2, "R": 3}
_PLACE = 4
_SAID = {"C": "Channels", "Z": "Slices", "T": "Frames"}

_MOST_PLANES = 10**7


class Stack(NamedTuple):
    """The image in stack files, Micro-Manager's summary, and the names of its positions.

    ``position`` is that of the first plane, counted over the whole acquisition. ``parts`` are the files that the image
    is spread over, if there are several.
    """

    series: TiffPageSeries
    summary: Mapping[str, Any]
    names: tuple[str, ...]
    position: int
    parts: tuple[Path, ...]
    warnings: list[str]


def read_stack(tif: TiffFile, file: Path, *, alone: bool) -> Stack | None:
    """Return the image in a stack file, with the other files of its positions; None if its index cannot be used.

    Other positions of the same acquisition have files, and images, of their own. Planes that were never made, or are in
    files that are missing, are left out along the slowest axis.

    Parameters
    ----------
    tif, file
        The file.
    alone
        True to leave out other files.
    """
    metadata = tif.micromanager_metadata or {}
    summary, index = metadata.get("Summary"), metadata.get("IndexMap")
    if not isinstance(summary, dict) or index is None or not len(index):
        return None
    index = np.asarray(index, np.int64)
    said = {key: _int(summary.get(name)) for key, name in _SAID.items()}
    positions = np.unique(index[:, _COLUMNS["R"]])
    n_said = len(positions) * int(np.prod([*said.values()]))
    tables = {file: index}
    missing: list[str] = []
    if len(_unique(index)) < n_said and not alone:
        others = [*_others(file, positions)]
        tables |= {path: table for path, table in others if table is not None}
        missing = [path.name for path, table in others if table is None]
    order = ("TR" if summary.get("TimeFirst", True) else "RT") + ("ZC" if summary.get("SlicesFirst", True) else "CZ")
    if missing:
        tables = {file: index}
    everything = np.concatenate([*tables.values()])
    values = _whole(everything, order)
    if values is None:
        return None
    pages, keyframe = _pages(tables, tif, file, [_COLUMNS[key] for key in order], values)
    if any(page is None for page in pages):
        return None
    shape = tuple(map(len, values))
    warnings = [*_warnings(tables, missing, len(pages), n_said, alone=alone)]
    series = TiffPageSeries(
        pages, (*shape, *keyframe.shape), keyframe.dtype, order + keyframe.axes, parent=tif, kind="mmstack",
        multifile=len(tables) > 1,
    )  # fmt: skip
    names = _names(summary, values[order.index("R")])
    parts = (*tables,) if len(tables) > 1 else ()
    return Stack(series, summary, names, int(values[order.index("R")][0]), parts, warnings)


def _int(value: object) -> int:
    return max(1, value) if isinstance(value, int) else 1


def _unique(index: NDArray) -> NDArray:
    return np.unique(index[:, :_PLACE], axis=0)


def _warnings(
    tables: Mapping[Path, NDArray], missing: list[str], n_read: int, n_said: int, *, alone: bool
) -> Iterator[str]:
    if missing:
        yield part_of(missing, n_read, n_said)
    elif len(tables) > 1:
        yield one_image(path.name for path in tables)
    if n_read < n_said and not alone and not missing:
        yield f"Micro-Manager's summary in it says {count(n_said, 'plane')}; {n_read} are there and read."


def _others(file: Path, positions: NDArray) -> Iterator[tuple[Path, NDArray | None]]:
    """Yield the other files of the same positions, with their index; None for one that must be missing.

    Micro-Manager numbers the files of one position from the second on: ``a.ome.tif``, ``a_1.ome.tif``.
    """
    match = re.fullmatch(r"(.*?_MMStack.*?)(?:_(\d+))?((?:\.ome)?\.tiff?)", file.name, re.IGNORECASE)
    if match is None:
        return
    start, number, end = match.groups()
    numbers = {0}
    pattern = re.compile(rf"{re.escape(start)}(?:_(\d+))?{re.escape(end)}")
    for path in sorted(file.parent.iterdir()):
        found = pattern.fullmatch(path.name)
        if found is None or path.name == file.name:
            continue
        table = _index_of(path)
        if table is not None and np.isin(table[:, _COLUMNS["R"]], positions).any():
            numbers.add(int(found[1] or 0))
            yield path, table[np.isin(table[:, _COLUMNS["R"]], positions)]
    first = file.with_name(f"{start}{end}")
    if number is not None and not first.exists():
        yield first, None


def _index_of(path: Path) -> NDArray | None:
    try:
        with FileHandle(path) as handle:
            return np.asarray(read_micromanager_metadata(handle, {"IndexMap"})["IndexMap"], np.int64)
    except (OSError, ValueError, KeyError):
        return None


def _whole(index: NDArray, order: str) -> list[NDArray] | None:
    """Return the indices along each axis between which no plane is missing; None if there are none."""
    planes = _unique(index)[:, [_COLUMNS[key] for key in order]]
    used = [np.unique(column) for column in planes.T]
    n_used = int(np.prod([len(values) for values in used]))
    if n_used > _MOST_PLANES:
        return None
    if n_used == len(planes):
        return used
    for axis in (order.index("T"), *range(len(order))):
        each = n_used // len(used[axis])
        full = np.array([value for value in used[axis] if np.count_nonzero(planes[:, axis] == value) == each])
        if len(full):
            used[axis] = full
            return used
    return None


def _pages(
    tables: Mapping[Path, NDArray], tif: TiffFile, file: Path, columns: list[int], values: list[NDArray]
) -> tuple[list[TiffPage | TiffFrame | None], TiffPage]:
    shape = tuple(map(len, values))
    pages: list[TiffPage | TiffFrame | None] = [None] * int(np.prod(shape))
    for path, table in tables.items():
        each = tif if path == file else TiffFile(path)
        each.pages.useframes = True
        each.pages.set_keyframe(0)
        by_place = {page.offset: page for page in each.pages}
        for row in table:
            places = [np.flatnonzero(along == row[column]) for along, column in zip(values, columns, strict=True)]
            if all(map(len, places)):
                pages[int(np.ravel_multi_index([int(i[0]) for i in places], shape))] = by_place.get(int(row[_PLACE]))
        if each is not tif:
            each.close()
    return pages, tif.pages.first


def _names(summary: Mapping[str, Any], positions: NDArray) -> tuple[str, ...]:
    """Return the names of positions; none if they are not stored."""
    listed = summary.get("StagePositions") or summary.get("InitialPositionList") or ()
    labels = [entry.get("Label") or entry.get("label") if isinstance(entry, dict) else None for entry in listed]
    names = [str(labels[i]) for i in positions if i < len(labels) and labels[i]]
    return tuple(names) if len(names) == len(positions) else ()
