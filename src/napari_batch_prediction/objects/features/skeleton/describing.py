"""The features of one skeleton after the other, compiled."""

import numpy as np
from numba import njit

from napari_batch_prediction.objects.features.skeleton.thinning import mark_candidates, nearest_outside, thin
from napari_batch_prediction.objects.features.skeleton.tree import (
    count_branches,
    find_loops,
    grow,
    longest_line,
    make_paths,
    middle,
)
from napari_batch_prediction.simd.caching import COMPILED, cached


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
def describe_all(begin, end, out, labels, values, origin, objects):
    """Put the features of objects into ``out``; positions are counted from the origin of a window."""
    for i in objects:
        top, left = begin[i, 1], begin[i, 2]
        own = labels[0, top - origin[1] : end[i, 1] - origin[1], left - origin[2] : end[i, 2] - origin[2]]
        _describe(own == i + 1, left, top, out[i])
