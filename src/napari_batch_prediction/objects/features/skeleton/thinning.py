"""From an object to the pixels of its skeleton, as ilastik's library does it: compiled.

An object is given as a mask (y, x) with one more pixel on each side that is no border of the image.
"""

import numpy as np
from numba import njit

from napari_batch_prediction.simd.caching import COMPILED, UNCOUNTED

ARCS_X = np.array([-1, 0, 1, -1, 1, -1, 0, 1])
ARCS_Y = np.array([-1, -1, -1, 0, 0, 1, 1, 1])
"""The eight neighbours of a pixel, in the order in which they are visited."""

# For each arrangement of neighbours, whose first one is the highest bit, 1 if the pixel in the middle may go.
_MAY_GO = np.array(
    [int(bit) for bit in f"{0x013333000073000000C0880000C0880000003B000000000000C0880080C08800:0256b}"], np.uint8
)


@njit(**UNCOUNTED)
def _nearest_in_rows(mask, to_x, none):
    """Put the way along x to the nearest pixel outside into ``to_x``; ``none`` where there is none in the row."""
    height, width = mask.shape
    for y in range(height):
        x = 0
        while x < width:
            if not mask[y, x]:
                x += 1
                continue
            first = x
            while x < width and mask[y, x]:
                x += 1
            for at in range(first, x):
                # Of two that are as near, the one to the right.
                if x < width and (first == 0 or x - at <= at - first + 1):
                    to_x[y, at] = x - at
                elif first > 0:
                    to_x[y, at] = first - 1 - at
                else:
                    to_x[y, at] = none


@njit(**COMPILED)
def nearest_outside(mask):
    """Return the ways along x and y from each pixel of an object to the nearest one outside, int32 (y, x).

    Borders of the image are not outside. Without any pixel outside the ways are 0. Along each column the parabolas of
    the rows' distances have a lower envelope; of two that are as near, the lower row counts.
    """
    height, width = mask.shape
    none = 2 * (height + width)
    in_row = np.zeros((height, width), np.int32)
    _nearest_in_rows(mask, in_row, none)
    to_x = np.zeros((height, width), np.int32)
    to_y = np.zeros((height, width), np.int32)
    apex = np.empty(height + 2, np.int64)
    value = np.empty(height + 2)
    left = np.empty(height + 2)
    for x in range(width):
        y = 0
        while y < height:
            if not mask[y, x]:
                y += 1
                continue
            first = y
            while y < height and mask[y, x]:
                y += 1
            n = 0
            for row in range(max(first - 1, 0), min(y + 1, height)):
                new = float(in_row[row, x]) ** 2 if mask[row, x] else 0.0
                start = -1.0
                while n > 0:
                    apart = float(row - apex[n - 1])
                    start = row + (new - value[n - 1] - apart * apart) / (2.0 * apart)
                    if start >= left[n - 1]:
                        break
                    n -= 1
                apex[n] = row
                value[n] = new
                left[n] = start if n > 0 else -1.0
                n += 1
            owner = 0
            for at in range(first, y):
                while owner + 1 < n and at >= left[owner + 1]:
                    owner += 1
                row = apex[owner]
                if mask[row, x]:
                    to_x[at, x] = in_row[row, x] if in_row[row, x] != none else 0
                to_y[at, x] = row - at
    return to_x, to_y


@njit(**UNCOUNTED)
def _square(to_x, to_y, x, y):
    return to_x[y, x] ** 2 + to_y[y, x] ** 2


@njit(**UNCOUNTED)
def _mark_between(mask, to_x, to_y, marked, x, y, dx, dy):
    """Mark pixels where the ways of two neighbours part; return the index of one that may be the end of a branch."""
    width = mask.shape[1]
    other_x, other_y = x + dx, y + dy
    if mask[y, x] and mask[other_y, other_x]:
        apart_x = to_x[other_y, other_x] - to_x[y, x] + dx
        apart_y = to_y[other_y, other_x] - to_y[y, x] + dy
        if max(abs(apart_x), abs(apart_y)) <= 1:
            return -1
        along = apart_x * dx + apart_y * dy
        across = apart_x * (to_x[y, x] + to_x[other_y, other_x]) + apart_y * (to_y[y, x] + to_y[other_y, other_x])
        if along * across > 0:
            x, y = other_x, other_y
        marked[y, x] = 1
        return y * width + x if _square(to_x, to_y, x, y) == 4 else -1
    if mask[y, x] and max(abs(to_x[y, x] - dx), abs(to_y[y, x] - dy)) > 1:
        marked[y, x] = 1
    if mask[other_y, other_x] and max(abs(to_x[other_y, other_x] + dx), abs(to_y[other_y, other_x] + dy)) > 1:
        marked[other_y, other_x] = 1
    return -1


@njit(**COMPILED)
def mark_candidates(mask, to_x, to_y):
    """Return 1 for the pixels that a skeleton may have: uint8 (y, x)."""
    height, width = mask.shape
    marked = np.zeros((height, width), np.uint8)
    ends = np.empty(2 * mask.size, np.int64)
    n_ends = 0
    for y in range(height):
        for x in range(width):
            if y > 0:
                end = _mark_between(mask, to_x, to_y, marked, x, y, 0, -1)
                if end >= 0:
                    ends[n_ends] = end
                    n_ends += 1
            if x > 0:
                end = _mark_between(mask, to_x, to_y, marked, x, y, -1, 0)
                if end >= 0:
                    ends[n_ends] = end
                    n_ends += 1
    for i in range(n_ends):
        y, x = ends[i] // width, ends[i] % width
        ends_here = True
        for arc in range(8):
            other_y, other_x = y + ARCS_Y[arc], x + ARCS_X[arc]
            is_inside = 0 <= other_x < width and 0 <= other_y < height
            if is_inside and marked[other_y, other_x] and _square(to_x, to_y, other_x, other_y) < 4:
                ends_here = False
        if ends_here:
            # The ways are 2 along one axis and 0 along the other.
            marked[y + to_y[y, x] // 2, x + to_x[y, x] // 2] = 1
    return marked


@njit(**UNCOUNTED)
def _may_go(marked, x, y):
    arrangement = 0
    for arc in range(8):
        arrangement = 2 * arrangement + marked[y + ARCS_Y[arc], x + ARCS_X[arc]]
    return _MAY_GO[arrangement] == 1


@njit(**UNCOUNTED)
def _push(keys, pixels, n, key, pixel):
    at = n
    while at > 0 and keys[(at - 1) // 2] > key:
        keys[at], pixels[at] = keys[(at - 1) // 2], pixels[(at - 1) // 2]
        at = (at - 1) // 2
    keys[at], pixels[at] = key, pixel


@njit(**UNCOUNTED)
def _pop(keys, pixels, n):
    """Remove the first of a heap of n entries."""
    key, pixel = keys[n - 1], pixels[n - 1]
    at = 0
    while 2 * at + 1 < n - 1:
        child = 2 * at + 1
        if child + 1 < n - 1 and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], pixels[at] = keys[child], pixels[child]
        at = child
    keys[at], pixels[at] = key, pixel


@njit(**COMPILED)
def thin(marked, squares):
    """Take pixels off the marked ones until none can go without a change of how they hang together.

    Those nearest to the outside go first, of equally near ones the one that was found first. Pixels at the border of
    the image stay.

    Parameters
    ----------
    marked
        uint8 (y, x): 1 for the pixels; changed.
    squares
        int64 (y, x): squared distances to the outside.
    """
    height, width = marked.shape
    most = 9 * np.int64(np.sum(marked)) + 1
    keys = np.empty(most, np.int64)
    pixels = np.empty(most, np.int64)
    n = 0
    n_found = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if marked[y, x] and _may_go(marked, x, y):
                _push(keys, pixels, n, (squares[y, x] << 32) + n_found, y * width + x)
                n += 1
                n_found += 1
    while n > 0:
        y, x = pixels[0] // width, pixels[0] % width
        _pop(keys, pixels, n)
        n -= 1
        if not marked[y, x] or not _may_go(marked, x, y):
            continue
        marked[y, x] = 0
        for arc in range(8):
            to_x, to_y = x + ARCS_X[arc], y + ARCS_Y[arc]
            inside = 0 < to_x < width - 1 and 0 < to_y < height - 1
            if inside and marked[to_y, to_x] and _may_go(marked, to_x, to_y):
                _push(keys, pixels, n, (squares[to_y, to_x] << 32) + n_found, to_y * width + to_x)
                n += 1
                n_found += 1
