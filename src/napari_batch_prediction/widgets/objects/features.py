"""The table of the objects of a time point as a layer of labels shows it: features, and the colours of classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray

from napari_batch_prediction.colors import Color
from napari_batch_prediction.objects.table import ObjectTable

MOST_COLOURED = 2**16 - 2
"""As many labels have colours of their own in a texture of napari."""

# The same for all objects of a layer.
_LEFT_OUT = ("image", "time", "unit")


def as_features(table: ObjectTable) -> dict[str, NDArray[Any]]:
    """Return the table of a time point as features of a layer of labels, whose first row is the background's."""
    is_classified = any(name.startswith("probability_") for name in table)
    left_out = _LEFT_OUT if is_classified else (*_LEFT_OUT, "class")
    return {name: _with_background(name, table[name]) for name in table if name not in left_out}


def class_colormap(table: ObjectTable, class_colors: Mapping[str, Color]) -> CyclicLabelColormap | None:
    """Return colours that show the class of each object; None if there are no objects, or more than can have some.

    napari's colours for given labels take seconds for some ten thousand objects, in the thread of the window. A cycle
    of colours that is as long as there are objects shows the same at once, and has a limit.

    Parameters
    ----------
    table
        The table of a time point, with the class of each object.
    class_colors
        The colours of the classes, by name.
    """
    n = table.n_objects
    if not 0 < n <= MOST_COLOURED or "class" not in table:
        return None
    names, at = np.unique(table["class"].astype(str), return_inverse=True)
    of_names = np.array([[*class_colors[name], 255] if name in class_colors else [0] * 4 for name in names]) / 255
    return CyclicLabelColormap(colors=np.concatenate([np.zeros((1, 4)), of_names[at]]))


def _with_background(name: str, column: NDArray[Any]) -> NDArray[Any]:
    if name == "label":
        return np.concatenate([np.zeros(1, column.dtype), column])
    return np.concatenate([["none"] if name == "class" else [np.nan], column])
