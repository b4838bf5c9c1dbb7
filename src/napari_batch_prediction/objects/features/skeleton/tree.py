"""The tree of a skeleton: its longest line, branches and loops, as ilastik's library finds them, compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.skeleton.paths import ANY_LENGTH, FAR, Paths, cut_arc, search, step
from napari_batch_prediction.objects.features.skeleton.thinning import ARCS_X, ARCS_Y
from napari_batch_prediction.simd.caching import COMPILED, UNCOUNTED

# ilastik's constants: branches shorter than this are not salient, loops of less area are none, and branches are what
# is at least so salient, compared with the center.
_SHORTEST = 4.0
_SMALLEST_LOOP = 3
_SALIENT = 0.2

# Pixels nearer to the outside than this, squared, are not taken off.
_NEAR_BORDER = 4


class Tree(NamedTuple):
    """The tree of shortest paths from the center of a skeleton; arrays by pixel.

    Attributes
    ----------
    order
        int64: the pixels from the center outwards.
    parent, child
        int64: the pixel before, and the one after on the longest way outwards; -1 if there is none.
    length
        float64: at first that of the longest way outwards, then that from the center along the longest.
    salience
        float64: how long the ways through a pixel are, compared with the width of the object.
    area
        int64: twice the area that the way from the center runs around.
    in_loop
        bool: True on loops and on the ways to them.
    """

    order: NDArray[np.int64]
    parent: NDArray[np.int64]
    child: NDArray[np.int64]
    length: NDArray[np.float64]
    salience: NDArray[np.float64]
    area: NDArray[np.int64]
    in_loop: NDArray[np.bool_]


@njit(**UNCOUNTED)
def _apart(a, b, width):
    return np.sqrt(float((a % width - b % width) ** 2 + (a // width - b // width) ** 2))


@njit(**UNCOUNTED)
def _cross(a, b, width):
    return (a % width) * (b // width) - (a // width) * (b % width)


@njit(**COMPILED)
def longest_line(paths, last, longest):
    """Return the pixels of the longest of the shortest paths, from its end to its source.

    It is found by going as far as possible twice, first from the given pixel.
    """
    search(paths, last, -1, longest)
    search(paths, paths.order[paths.filled[1] - 1], -1, longest)
    line = np.empty(paths.filled[1], np.int64)
    line[0] = paths.order[paths.filled[1] - 1]
    n = 1
    while paths.before[line[n - 1]] != line[n - 1]:
        line[n] = paths.before[line[n - 1]]
        n += 1
    return line[:n]


@njit(**COMPILED)
def middle(line, width):
    """Return the length of a line, and the pixel in its middle."""
    along = np.zeros(line.size)
    for i in range(1, line.size):
        along[i] = along[i - 1] + _apart(line[i], line[i - 1], width)
    if line.size == 1:
        return 0.0, line[0]
    half = 0.5 * along[-1]
    after = 1
    while along[after] < half:
        after += 1
    position = after - 1 + (half - along[after - 1]) / (along[after] - along[after - 1])
    return along[-1], line[int(np.floor(position + 0.5))]


@njit(**COMPILED)
def grow(paths, squares, center, longest):
    """Return the tree of a skeleton, and cut arcs that close loops between pixels that are no leaves."""
    width = paths.size[1]
    search(paths, center, -1, longest)
    n = squares.size
    tree = Tree(
        paths.order[: paths.filled[1]].copy(),
        np.full(n, -1),
        np.full(n, -1),
        np.zeros(n),
        np.ones(n),
        np.zeros(n, np.int64),
        np.zeros(n, np.bool_),
    )
    for pixel in tree.order[::-1]:
        parent = paths.before[pixel]
        tree.parent[pixel] = parent
        for arc in range(4):
            if step(paths, pixel, arc) == FAR:
                continue
            other = pixel + ARCS_Y[arc] * width + ARCS_X[arc]
            in_tree = other == parent or paths.before[other] == pixel
            if not in_tree and tree.child[pixel] >= 0 and tree.child[other] >= 0:
                cut_arc(paths, pixel, arc)
        length = tree.length[pixel] + _apart(pixel, parent, width)
        if tree.length[parent] < length:
            tree.length[parent] = length
            tree.child[parent] = pixel
        if tree.length[pixel] >= _SHORTEST:
            salience = (tree.length[pixel] + 0.5) / np.sqrt(float(squares[pixel]))
            tree.salience[pixel] = max(tree.salience[pixel], salience)
            tree.salience[parent] = max(tree.salience[parent], tree.salience[pixel])
    for pixel in tree.order:
        parent = tree.parent[pixel]
        if pixel == tree.child[parent]:
            tree.length[pixel] = tree.length[parent]
            tree.salience[pixel] = tree.salience[parent]
        else:
            tree.length[pixel] += _apart(pixel, parent, width)
        tree.area[pixel] = tree.area[parent] + _cross(pixel, parent, width)
    return tree


@njit(**COMPILED)
def _goes_around_a_hole(loop, mask):
    """Return True if a closed line of pixels has a pixel that is not the object's inside."""
    width = mask.shape[1]
    x, y = loop % width, loop // width
    crossings = np.empty(loop.size)
    for row in range(y.min(), y.max() + 1):
        n = 0
        for i in range(loop.size - 1):
            if (y[i] > row) != (y[i + 1] > row):
                crossings[n] = (x[i + 1] - x[i]) * (row - y[i]) / (y[i + 1] - y[i]) + x[i]
                n += 1
        for column in range(x.min(), x.max() + 1):
            if not mask[row, column]:
                is_inside = False
                for i in range(n):
                    if column < crossings[i]:
                        is_inside = not is_inside
                if is_inside:
                    return True
    return False


@njit(**COMPILED)
def _loop(paths, pixel, arc):
    """Return the shortest closed line through a pixel and its neighbour along an arc, which is cut."""
    other = pixel + ARCS_Y[arc] * paths.size[1] + ARCS_X[arc]
    cut_arc(paths, pixel, arc)
    search(paths, pixel, other, ANY_LENGTH)
    loop = np.empty(paths.filled[1] + 2, np.int64)
    loop[0] = pixel
    loop[1] = other
    n = 2
    while True:
        loop[n] = paths.before[loop[n - 1]]
        n += 1
        if paths.before[loop[n - 1]] == loop[n - 1]:
            return loop[:n]


@njit(**UNCOUNTED)
def _take_off(paths, tree, leaf):
    """Cut off a leaf with the branch that it is the end of."""
    pixel = leaf
    while True:
        tree.salience[pixel] = 0.0
        for arc in range(8):
            cut_arc(paths, pixel, arc)
        if tree.child[tree.parent[pixel]] != pixel:
            break
        pixel = tree.parent[pixel]


@njit(**COMPILED)
def find_loops(paths, tree, squares, mask):
    """Mark loops around holes, take off branches that end far inside; return number of holes and length of loops."""
    width = paths.size[1]
    n_holes = 0
    total = 0.0
    tree.in_loop[tree.order[0]] = True
    for pixel in tree.order[::-1]:
        if tree.child[pixel] < 0:
            for arc in range(8):
                if step(paths, pixel, arc) == FAR:
                    continue
                other = pixel + ARCS_Y[arc] * width + ARCS_X[arc]
                if tree.parent[pixel] == other:
                    continue
                if abs(tree.area[pixel] - _cross(pixel, other, width) - tree.area[other]) <= _SMALLEST_LOOP:
                    continue
                loop = _loop(paths, pixel, arc)
                if _goes_around_a_hole(loop, mask):
                    n_holes += 1
                    total += tree.length[pixel] + tree.length[other]
                    salience = max(tree.salience[pixel], tree.salience[other])
                    for member in loop[1:]:
                        tree.in_loop[member] = True
                        tree.salience[member] = max(tree.salience[member], salience)
            if not tree.in_loop[pixel] and squares[pixel] >= _NEAR_BORDER:
                _take_off(paths, tree, pixel)
        if tree.in_loop[pixel]:
            tree.in_loop[tree.parent[pixel]] = True
    return n_holes, total


@njit(**UNCOUNTED)
def count_branches(tree, total):
    """Return the number of branches, the sum of their lengths, and that sum added to a total."""
    least = _SALIENT * tree.salience[tree.order[0]]
    n_branches = 0
    length = 0.0
    for pixel in tree.order:
        if tree.child[pixel] < 0 and tree.salience[pixel] >= least and not tree.in_loop[pixel]:
            n_branches += 1
            length += tree.length[pixel]
            total += tree.length[pixel]
    return n_branches, length, total


@njit(**COMPILED)
def make_paths(marked):
    """Return the pixels around a skeleton, before any search, and its last pixel; -1 if it has none."""
    height, width = marked.shape
    n = marked.size
    bounds = np.array([width, -1, height, -1])
    last = -1
    for y in range(height):
        for x in range(width):
            if marked[y, x]:
                last = y * width + x
                bounds[0] = min(bounds[0], x)
                bounds[1] = max(bounds[1], x)
                bounds[2] = min(bounds[2], y)
                bounds[3] = max(bounds[3], y)
    paths = Paths(
        np.array([height, width]),
        bounds,
        marked.reshape(-1),
        np.zeros(n, np.uint8),
        np.zeros(n),
        np.full(n, -1),
        np.empty(n, np.int64),
        np.empty(n + 1, np.int64),
        np.zeros(n, np.int64),
        np.zeros(2, np.int64),
    )
    return paths, last
