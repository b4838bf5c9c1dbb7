"""The loops that making objects takes, to be compiled together, with those of predictions where both are needed."""

import numpy as np

from napari_batch_prediction.objects.features.hull import Defects
from napari_batch_prediction.objects.features.names import HULL_2D, HULL_3D, SKELETON_2D, is_local
from napari_batch_prediction.objects.features.runs import COMPILED_TYPES
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.objects.features.sums import first_sums, needs, no_second_sums
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.simd.kernel import Kernel, noted
from napari_batch_prediction.simd.shelf import Job

_LOOPS = "napari_batch_prediction.objects.loops"
_FEATURES = "napari_batch_prediction.objects.features"

_LABELS, _NUMBERS, _COUNTS = np.zeros((1, 1, 1), np.uint32), np.zeros(1, np.uint32), np.zeros(1, np.int64)
_PAIRS, _CORNERS, _ORIGIN = np.zeros((1, 2), np.uint32), np.zeros((1, 3), np.int64), (0, 0, 0)
_MATRIX, _VALUES, _FLAGS = np.zeros((1, 1)), np.zeros(1), np.zeros(1, bool)


def object_loops(thresholds: Thresholds | None, features: ObjectFeatures | None = None) -> list[Job]:
    """Return the loops that label and measure objects.

    Parameters
    ----------
    thresholds
        What makes objects of probabilities; None if they are those of a binary image or a label image.
    features
        The features by which objects are classified; None if they are not.
    """
    with noted() as jobs:
        _label(thresholds)
        _measure()
        if features is not None:
            _measure_more(features)
    return jobs


def _label(thresholds: Thresholds | None) -> None:
    components = f"{_LOOPS}.components"
    is_grown = thresholds is not None and thresholds.method == "ipht"
    for dtype in (np.uint8, np.uint32) if is_grown else (np.uint8 if thresholds else np.uint32,):
        Kernel(components, "label_box")(_LABELS.astype(dtype), _LABELS, _NUMBERS)
    Kernel(components, "measure_box")(_LABELS, _ORIGIN, _ORIGIN, _COUNTS, _COUNTS, _FLAGS)
    Kernel(components, "find_pairs")(_NUMBERS, _NUMBERS, _PAIRS)
    Kernel(components, "unite_pairs")(_NUMBERS, _PAIRS)
    Kernel(components, "sum_up")(_NUMBERS, _COUNTS, _COUNTS, _FLAGS)
    if thresholds is None:
        return
    values = np.zeros((1, 1, 1), np.float32)
    Kernel(f"{_LOOPS}.correlation", "correlate")(values, _VALUES, values)
    if is_grown:
        Kernel(f"{_LOOPS}.flooding", "flood")(values, _LABELS, 0.0)
    if thresholds.split:
        Kernel(components, "find_last")(_LABELS, 0, 0, _COUNTS)
        heights = np.zeros((1, 1, 1))
        Kernel(f"{_LOOPS}.basins", "find_basins")(heights, _COUNTS, 0.0, _LABELS, _NUMBERS, _VALUES, _COUNTS)


def _measure() -> None:
    where, values = np.zeros((1, 5), np.int64), np.zeros((1, 1), np.float32)
    for name in COMPILED_TYPES:
        Kernel(f"{_FEATURES}.loops.runs", "gather")(_LABELS, np.zeros((1, 1, 1, 1), name), (0, 0), 0, where, values)
    Kernel(f"{_FEATURES}.loops.first_pass", "add_first")(where, values, 0, 1, first_sums(1, 1, 2, needs(())))
    Kernel(f"{_FEATURES}.loops.eigensystem", "decompose")(_MATRIX, _MATRIX, np.zeros((1, 1, 1)))


def _measure_more(features: ObjectFeatures) -> None:
    plugins = {plugin for plugin, _ in features.features}
    where, values = np.zeros((1, 5), np.int64), np.zeros((1, 1), np.float32)
    first, second = first_sums(1, 1, 2, needs(())), no_second_sums(1, 2)
    Kernel(f"{_FEATURES}.loops.second_pass", "add_second")(where, values, 0, 1, second)
    Kernel(f"{_FEATURES}.loops.quantiles", "interpolate")(_PAIRS, *[_VALUES] * 6, _MATRIX)
    box = (_LABELS, np.zeros((1, 1, 1, 1), np.float32), _ORIGIN, _COUNTS)
    if any(is_local(name) for _, name in features.features):
        near = f"{_FEATURES}.loops.neighbourhood"
        Kernel(near, "add_first_near")(_CORNERS, _CORNERS, _CORNERS, False, first, *box)
        Kernel(near, "add_second_near")(_CORNERS, _CORNERS, _CORNERS, False, second, *box)
    if plugins & {HULL_2D, HULL_3D}:
        each = _VALUES
        defects = Defects(each, each, each, each, each, each, _MATRIX)
        Kernel(f"{_FEATURES}.loops.hull", "find_defects")(_CORNERS, _CORNERS, _MATRIX, defects, *box)
    if SKELETON_2D in plugins:
        describing = f"{_FEATURES}.skeleton.describing"
        Kernel(describing, "describe_all")(_CORNERS, _CORNERS, _MATRIX, *box)
