"""The labels in a project: blocks of a grid, each cut to what is labelled."""

from collections.abc import Iterator, Sequence
from itertools import product

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_to_json, reorder
from napari_batch_prediction.ilp.project import LabelBlock

# Extents of a block along t, z, y and x.
_EDGES = (1, 64, 256, 256)


def gridded(blocks: Sequence[LabelBlock], most: int) -> list[LabelBlock]:
    """Return labels as blocks of a grid, each cut to what is labelled; blocks that come later win.

    Parameters
    ----------
    blocks
        The labels.
    most
        Number of blocks from which on a coarser grid is taken.
    """
    edges = _EDGES
    while len(found := _cells(blocks, edges)) > most:
        t, z, y, x = (2 * edge for edge in edges)
        edges = (t, z, y, x)
    return [_joined(corner, parts) for corner, parts in sorted(found.items())]


def write_labels(group: h5py.Group, blocks: Sequence[LabelBlock], axes: str) -> None:
    """Write the labels of a training image.

    Parameters
    ----------
    group
        The group of the image, which is there also without labels.
    blocks
        The labels.
    axes
        The axes in which ilastik keeps them.
    """
    for i, block in enumerate(blocks):
        labels = np.ascontiguousarray(reorder(block.labels, "tzyx", axes), np.uint8)
        dataset = group.create_dataset(f"block{i:04}", data=labels)
        starts = dict(zip("tzyx", block.start, strict=True))
        slices = [f"{starts.get(key, 0)}:{starts.get(key, 0) + n}" for key, n in zip(axes, labels.shape, strict=True)]
        dataset.attrs["blockSlice"] = f"[{','.join(slices)}]".encode()
        dataset.attrs["axistags"] = axistags_to_json(axes)


_Corner = tuple[int, int, int, int]
_Part = tuple[tuple[slice, ...], NDArray[np.uint8]]


def _cells(blocks: Sequence[LabelBlock], edges: _Corner) -> dict[_Corner, list[_Part]]:
    """Return the parts of labels in each cell of a grid that has any, by the first pixel of the cell."""
    found: dict[_Corner, list[_Part]] = {}
    for block in blocks:
        for corner, inside, part in _parts(block, edges):
            if part.any():
                found.setdefault(corner, []).append((inside, part))
    return found


def _parts(block: LabelBlock, edges: _Corner) -> Iterator[tuple[_Corner, tuple[slice, ...], NDArray[np.uint8]]]:
    """Yield the parts of a block in each cell of a grid: the cell's corner, where in the cell, and the labels."""
    ranges = [
        range(a - a % edge, a + n, edge) for a, n, edge in zip(block.start, block.labels.shape, edges, strict=True)
    ]
    for t, z, y, x in product(*ranges):
        corner = (t, z, y, x)
        first = [max(a, c) for a, c in zip(block.start, corner, strict=True)]
        last = [
            min(a + n, c + edge) for a, n, c, edge in zip(block.start, block.labels.shape, corner, edges, strict=True)
        ]
        inside = tuple(slice(a - c, b - c) for a, b, c in zip(first, last, corner, strict=True))
        own = tuple(slice(a - s, b - s) for a, b, s in zip(first, last, block.start, strict=True))
        yield corner, inside, block.labels[own]


def _joined(corner: _Corner, parts: Sequence[_Part]) -> LabelBlock:
    """Return the labels of a cell, cut to the box around them."""
    values = np.zeros([max(inside[i].stop for inside, _ in parts) for i in range(4)], np.uint8)
    for inside, part in parts:
        np.copyto(values[inside], part, where=part != 0, casting="same_kind")
    firsts, lasts = zip(*[(int(at.min()), int(at.max()) + 1) for at in np.nonzero(values)], strict=True)
    t, z, y, x = (a + first for a, first in zip(corner, firsts, strict=True))
    # A copy: the rest of the cell is not kept in memory.
    return LabelBlock(start=(t, z, y, x), labels=values[tuple(map(slice, firsts, lasts))].copy())
