"""Boxes around objects: read many at once, and worked on by threads."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.objects.features.runs import as_labels, as_values
from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.volume import Volume

Corners = NDArray[np.int64]
"""(objects, 3): a corner of a box for each object, along z, y, x."""

Work = Callable[[NDArray[np.uint32], NDArray[np.float32], tuple[int, int, int], NDArray[np.int64]], None]
"""What is done with labels (z, y, x) and values (c, z, y, x) of a block, where it begins, and objects from 0 in it."""


def blocks(low: Corners, high: Corners, most_pixels: int) -> Iterator[tuple[Box, NDArray[np.int64]]]:
    """Yield blocks of an image, each with the objects whose boxes are in it; every object is in one block.

    Parameters
    ----------
    low, high
        Where the boxes begin and end.
    most_pixels
        What a block should have; one with a single object may have more.
    """
    waiting = [np.arange(len(low))] if len(low) else []
    while waiting:
        objects = waiting.pop()
        start, stop = low[objects].min(axis=0), high[objects].max(axis=0)
        extents = (stop - start).tolist()
        if prod(extents) <= most_pixels or len(objects) == 1:
            z, y, x = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
            yield (z, y, x), objects
            continue
        # Cut across the longest side, which leaves the fewest boxes on both sides of the cut.
        axis = extents.index(max(extents))
        order = objects[np.argsort(low[objects, axis] + high[objects, axis], kind="stable")]
        waiting += [order[len(order) // 2 :], order[: len(order) // 2]]


def work_on_windows(
    labels: Volume,
    raw: Volume | None,
    low: Corners,
    high: Corners,
    work: Work,
    workers: int = 1,
    block_bytes: int = SLAB_BYTES,
) -> None:
    """Read the boxes around all objects and work on them.

    Parameters
    ----------
    labels
        Numbers of objects; its first channel is read.
    raw
        The image; without it, values have no channel.
    low, high
        Where the boxes begin and end.
    work
        Called by several threads at once, for different objects.
    workers
        Number of threads.
    block_bytes
        What a block should take in memory, where two are at once.
    """
    n_channels = raw.shape[0] if raw is not None else 0

    def read(box: Box) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        own = as_labels(labels.read(box))
        return own, np.empty((0, *own.shape), np.float32) if raw is None else as_values(raw.read(box))

    with ThreadPoolExecutor(workers + 1) as pool:
        found = blocks(low, high, block_bytes // (4 * (1 + n_channels)))
        box, objects = next(found, (None, np.empty(0, np.int64)))
        reading = pool.submit(read, box) if box is not None else None
        while reading is not None and box is not None:
            own, values = reading.result()
            origin = (box[0].start, box[1].start, box[2].start)
            parts = [pool.submit(work, own, values, origin, part) for part in np.array_split(objects, workers)]
            box, objects = next(found, (None, objects))
            reading = pool.submit(read, box) if box is not None else None
            for part in parts:
                part.result()
