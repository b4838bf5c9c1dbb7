"""ilastik's "convex hull" features: the hull is the box around the object.

The library that ilastik uses never closes its polytope, so that no pixel of the box lies outside. Forests were trained
on these numbers, so they must be these.
"""

from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.features.windows import Corners, work_on_windows
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_find_defects = Kernel("napari_batch_prediction.objects.features.loops.hull", "find_defects")

Values = NDArray[np.float64]


class Defects(NamedTuple):
    """Numbers of the defects of each object: the parts of its box that are not the object.

    Attributes
    ----------
    number, mean, variance, skewness, kurtosis, displacement
        (objects,): their number, of their sizes the mean and unbiased moments, and how far they are from the center
        of the object, on average over their pixels.
    center
        (objects, 3): mean coordinates x, y, z of their pixels, NaN without any.
    """

    number: Values
    mean: Values
    variance: Values
    skewness: Values
    kurtosis: Values
    displacement: Values
    center: Values


def hull_features(
    labels: Volume,
    low: Corners,
    high: Corners,
    count: Values,
    center: Values,
    workers: int = 1,
    block_bytes: int = SLAB_BYTES,
) -> dict[str, Values]:
    """Return ilastik's features of hulls.

    Parameters
    ----------
    labels
        Numbers of objects; its first channel counts.
    low, high
        The boxes of the objects along z, y, x: first pixels, and those after the last.
    count, center
        (objects, 1) and (objects, dims): the features ``Count`` and ``RegionCenter``.
    workers
        Number of threads.
    block_bytes
        What a block of the image should take in memory, where two are at once.

    Returns
    -------
    By name float64 (objects, columns). ``DefectCenter`` of an object without defects is NaN, where ilastik reads
    memory that holds anything.
    """
    n, n_dims = center.shape
    centers = np.zeros((n, 3))
    centers[:, :n_dims] = center
    number, mean, variance, skewness, kurtosis, displacement = (np.zeros(n) for _ in range(6))
    defects = Defects(number, mean, variance, skewness, kurtosis, displacement, np.full((n, 3), np.nan))
    work_on_windows(labels, None, low, high, partial(_find_defects, low, high, centers, defects), workers, block_bytes)
    size = (high - low).prod(axis=1).astype(np.float64)
    # Numbers that no pixel has are in an empty box.
    with np.errstate(invalid="ignore"):
        convexity = count[:, 0] / size
    found = {
        "InputVolume": count,
        "HullVolume": size,
        "Convexity": convexity,
        "InputCenter": center,
        "HullCenter": ((low + high - 1) / 2.0)[:, ::-1][:, :n_dims],
        "DefectCount": defects.number,
        "DefectVolumeMean": defects.mean,
        "DefectVolumeVariance": defects.variance,
        "DefectVolumeSkewness": defects.skewness,
        "DefectVolumeKurtosis": defects.kurtosis,
        "DefectDisplacementMean": defects.displacement,
        "DefectCenter": defects.center[:, :n_dims],
    }
    return {name: values.reshape(n, prod(values.shape[1:])) for name, values in found.items()}
