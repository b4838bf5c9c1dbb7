"""ilastik's features of skeletons, object by object."""

from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.skeleton.thinning import mark_candidates, nearest_outside, thin
from napari_batch_prediction.objects.features.skeleton.tree import (
    count_branches,
    find_loops,
    grow,
    longest_line,
    make_paths,
    middle,
)
from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.features.windows import Corners, work_on_windows
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.caching import COMPILED, cached

# Where the columns of each feature are.
_COLUMNS = {
    "Diameter": slice(0, 1),
    "Euclidean Diameter": slice(1, 2),
    "Total Length": slice(2, 3),
    "Average Length": slice(3, 4),
    "Branch Count": slice(4, 5),
    "Hole Count": slice(5, 6),
    "Skeleton Center": slice(6, 8),
    "Terminal 1": slice(8, 10),
    "Terminal 2": slice(10, 12),
}


@njit(**COMPILED)
def _describe(mask, left, top, out):
    """Put the features of the object in a mask into out; the mask begins at these coordinates."""
    height, width = mask.shape
    to_x, to_y = nearest_outside(mask)
    squares = to_x.astype(np.int64) ** 2 + to_y.astype(np.int64) ** 2
    marked = mark_candidates(mask, to_x, to_y)
    thin(marked, squares)
    paths, last = make_paths(marked)
    if last < 0:
        return
    n_arcs = height * (width - 1) + width * (height - 1) + 2 * (height - 1) * (width - 1)
    longest = n_arcs * np.sqrt(2.0)
    line = longest_line(paths, last, longest)
    diameter, center = middle(line, width)
    tree = grow(paths, squares.reshape(-1), center, longest)
    n_holes, in_loops = find_loops(paths, tree, squares.reshape(-1), mask)
    n_branches, in_branches, total = count_branches(tree, in_loops)
    first, end = line[0], line[-1]
    out[0] = diameter
    out[1] = np.sqrt(float((first % width - end % width) ** 2 + (first // width - end // width) ** 2))
    out[2] = total
    out[3] = in_branches / n_branches if n_branches > 0 else 0.0
    out[4] = n_branches
    out[5] = n_holes
    out[6] = center % width + left
    out[7] = center // width + top
    out[8] = first % width + left
    out[9] = first // width + top
    out[10] = end % width + left
    out[11] = end // width + top


@cached
def _describe_all(begin, end, out, labels, values, origin, objects):
    for i in objects:
        top, left = begin[i, 1], begin[i, 2]
        own = labels[0, top - origin[1] : end[i, 1] - origin[1], left - origin[2] : end[i, 2] - origin[2]]
        _describe(own == i + 1, left, top, out[i])


def skeleton_features(
    labels: Volume, low: Corners, high: Corners, workers: int = 1, block_bytes: int = SLAB_BYTES
) -> dict[str, NDArray[np.float64]]:
    """Return ilastik's features of the skeletons of objects in an image of one plane.

    Parameters
    ----------
    labels
        Numbers of objects; its first channel counts.
    low, high
        The boxes of the objects along z, y, x: first pixels, and those after the last.
    workers
        Number of threads.
    block_bytes
        What a block of the image should take in memory, where two are at once.

    Returns
    -------
    By name float64 (objects, columns); coordinates are x and y. Objects without a skeleton have zeros.
    """
    _, height, width = labels.shape[1:]
    # One more pixel on each side shows where the object ends, and is missing where the image does.
    rim = np.array([0, 1, 1])
    begin = np.maximum(low - rim, 0)
    end = np.minimum(high + rim, [1, height, width])
    out = np.zeros((len(low), 12))
    work_on_windows(labels, None, begin, end, partial(_describe_all, begin, end, out), workers, block_bytes)
    return {name: out[:, columns] for name, columns in _COLUMNS.items()}
