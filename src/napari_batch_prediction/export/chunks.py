"""How a file is divided into chunks."""

CHUNK_BYTES = 512_000


def chunk_shape(axes: str, shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return ilastik's shape of a chunk: one time point, one channel, 512 kB as equal along z, y, x as fits.

    The shortest axis is served first; what it cannot use is left to the others.
    """
    spatial = sorted((n, i) for i, n in enumerate(shape) if axes[i] not in "tc")
    chunk = [1] * len(shape)
    pixels = CHUNK_BYTES // itemsize
    for left, (extent, i) in zip(range(len(spatial), 0, -1), spatial, strict=True):
        side = pixels if left == 1 else round(pixels ** (1 / left))
        chunk[i] = max(1, min(extent, side))
        pixels //= chunk[i]
    return tuple(chunk)
