"""ilastik's features of skeletons, object by object."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.features.windows import Corners, work_on_windows
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_describe_all = Kernel("napari_batch_prediction.objects.features.skeleton.describing", "describe_all")

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
