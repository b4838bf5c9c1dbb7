"""The first stage: Gaussian smoothing of a tile, compiled.

Passes run along x, then y, then z, each rounded to float32, and each output is ``c0 a[i]`` followed by
``c1 (a[i+1] + a[i-1])`` and so on outwards, fused: the order of fastfilters, so that most results are the same
to the last bit.
"""

from numba import njit

from napari_batch_prediction.features.layout import MARGIN
from napari_batch_prediction.simd.caching import UNCOUNTED, strict
from napari_batch_prediction.simd.vectors import fma, load, splat, store


@njit(**UNCOUNTED)
def mirror(i, n):
    """Return the index within ``0 ... n - 1`` that position ``i`` is mirrored to; the edge is not repeated."""
    if n == 1:
        return 0
    i = abs(i) % (2 * (n - 1))
    return 2 * (n - 1) - i if i >= n else i


@njit(**UNCOUNTED)
def _convolve_line(source, offsets, kernel, target, start, n):
    """Symmetric filter: tap k begins at source[offsets[r + k]]; n outputs go to target[start:]."""
    r = kernel.size - 1
    for i in range(0, n, 64):
        tap = splat(kernel[0])
        centre = offsets[r] + i
        v0 = tap * load(source, centre)
        v1 = tap * load(source, centre + 16)
        v2 = tap * load(source, centre + 32)
        v3 = tap * load(source, centre + 48)
        for k in range(1, r + 1):
            tap = splat(kernel[k])
            up = offsets[r + k] + i
            down = offsets[r - k] + i
            v0 = fma(load(source, up) + load(source, down), tap, v0)
            v1 = fma(load(source, up + 16) + load(source, down + 16), tap, v1)
            v2 = fma(load(source, up + 32) + load(source, down + 32), tap, v2)
            v3 = fma(load(source, up + 48) + load(source, down + 48), tap, v3)
        store(target, start + i, v0)
        store(target, start + i + 16, v1)
        store(target, start + i + 32, v2)
        store(target, start + i + 48, v3)


@njit(**UNCOUNTED)
def _mirrored_line(pixels, first_x, n, line):
    """Copy n pixels beginning at position first_x; positions outside are mirrored."""
    first, last = max(0, -first_x), min(n, pixels.size - first_x)
    whole = first + (last - first) // 16 * 16
    for i in range(first, whole, 16):
        store(line, i, load(pixels, first_x + i))
    for i in range(whole, last):
        line[i] = pixels[first_x + i]
    for i in range(first):
        line[i] = pixels[mirror(first_x + i, pixels.size)]
    for i in range(last, n):
        line[i] = pixels[mirror(first_x + i, pixels.size)]


@njit(**UNCOUNTED)
def _smooth_slice(pixels, kernel, tile, scratch, target, start, stride):
    """Smooth a slice along x and y into target; rows and columns from -MARGIN to +MARGIN around the tile."""
    height, width = pixels.shape
    r = kernel.size - 1
    n = tile.x1 - tile.x0 + 2 * MARGIN
    offsets = scratch.offsets
    first = max(0, tile.y0 - MARGIN - r)
    last = min(height, tile.y1 + MARGIN + r)
    pitch = scratch.pitch
    first_x = tile.x0 - MARGIN
    for k in range(2 * r + 1):
        offsets[k] = k
    for y in range(first, last):
        _mirrored_line(pixels[y], first_x - r, n + 2 * r, scratch.line)
        row = (y - first) * pitch
        _convolve_line(scratch.line, offsets, kernel, scratch.rows, row, n)
        for x in range(first_x, 0):
            scratch.rows[row + x - first_x] = scratch.rows[row + mirror(x, width) - first_x]
        for x in range(width, tile.x1 + MARGIN):
            scratch.rows[row + x - first_x] = scratch.rows[row + mirror(x, width) - first_x]
    for y in range(tile.y0 - MARGIN, tile.y1 + MARGIN):
        centre = mirror(y, height)
        for k in range(-r, r + 1):
            offsets[r + k] = (mirror(centre + k, height) - first) * pitch
        _convolve_line(scratch.rows, offsets, kernel, target, start + (y - tile.y0 + MARGIN) * stride, n)


@strict
def presmooth(block, kernel, in_2d, tile, scratch, target, stride):
    """Smooth a tile of a block and a margin of 3 pixels around it.

    Parameters
    ----------
    block
        float32 (z, y, x); mirrored at its ends.
    kernel
        float32 taps 0 to the radius.
    in_2d
        Smooth each slice by itself. Then the result has no margin along z.
    tile, scratch
        :class:`~.smoothing.Bounds` and :class:`~.smoothing.Scratch`.
    target
        float32 array of ``planes * (y1 - y0 + 6) * stride + 384`` elements, ``planes`` being ``z1 - z0``, and 6
        more if not ``in_2d``. Position (-3, -3, -3) of the tile, or (0, -3, -3), comes first.
    stride
        Elements from row to row in ``target``: at least ``x1 - x0 + 6`` rounded up to 64.
    """
    depth = block.shape[0]
    r = kernel.size - 1
    n = tile.x1 - tile.x0 + 2 * MARGIN
    n_rows = tile.y1 - tile.y0 + 2 * MARGIN
    plane = n_rows * stride
    first, last = (tile.z0, tile.z1) if in_2d else (max(0, tile.z0 - MARGIN - r), min(depth, tile.z1 + MARGIN + r))
    planes = target if in_2d else scratch.planes
    for z in range(first, last):
        _smooth_slice(block[z], kernel, tile, scratch, planes, (z - first) * plane, stride)
    if in_2d:
        return
    offsets = scratch.offsets
    for z in range(tile.z0 - MARGIN, tile.z1 + MARGIN):
        centre = mirror(z, depth)
        for y in range(n_rows):
            for k in range(-r, r + 1):
                offsets[r + k] = (mirror(centre + k, depth) - first) * plane + y * stride
            _convolve_line(planes, offsets, kernel, target, (z - tile.z0 + MARGIN) * plane + y * stride, n)
