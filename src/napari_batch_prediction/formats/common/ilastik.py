"""ilastik's attributes of a dataset in HDF5 and N5."""

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.formats.common.target import Target


def ilastik_attributes(target: Target) -> Mapping[str, str | NDArray]:
    """Return ilastik's attributes: axes, kind of display, and where known units of axes and range of values."""
    attributes: dict[str, str | NDArray] = {"axistags": axistags_to_json(target.axes, target.pixel_size)}
    if target.units:
        attributes["axis_units"] = json.dumps({key: target.units.get(key, "") for key in target.axes if key != "c"})
    if target.value_range is not None:
        attributes["drange"] = np.array(target.value_range).astype(target.dtype)
    attributes["display_mode"] = "grayscale"
    return attributes
