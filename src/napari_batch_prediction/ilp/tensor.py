"""The formula of the structure tensor, as far as the text of a project tells it."""

import re
from dataclasses import dataclass
from typing import Literal

from napari_batch_prediction.features.selection import StructureTensor

Known = Literal["yes", "likely", "no"]


@dataclass(frozen=True, slots=True)
class TensorFormula:
    """The formula of the structure tensor with which a classifier was trained.

    Attributes
    ----------
    value
        The formula.
    known
        ``"yes"`` if it is certain, ``"likely"`` or ``"no"`` if the training images may tell another.
    told
        A sentence on how the formula was told, if not by the project's text; else empty.
    warning
        A sentence if the formula is a guess; else empty.
    """

    value: StructureTensor
    known: Known = "yes"
    told: str = ""
    warning: str = ""


_FIRST_OPEN, _FIRST_FAST, _FIRST_NAMED = (1, 2, 0), (1, 3, 0), (1, 3, 2)
# Names of features in 2D end so since ilastik can compute 3D images slice by slice; those in 3D never did.
_NEW_NAME = re.compile(r" in 2D( \[\d+\])?$")

SAVED_HERE = "+nbp"
"""The end of the version of a project that this program saved, always with the formula that the version had."""


def tensor_formula(version: str, names: tuple[str, ...] | None, *, in_2d: bool = True) -> TensorFormula:
    """Return the formula with which a forest was trained.

    Up to 1.1 ilastik had no fastfilters, from 1.3 on always; in between the computer decided. A later version that
    saves a project keeps its forest, and the names of features that are stored beside it.

    Parameters
    ----------
    version
        Version of ilastik that saved the project.
    names
        Names of the features of the forest; None if none are stored.
    in_2d
        True if one of the features is computed in 2D.
    """
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    numbers = tuple(int(number or 0) for number in found.groups()) if found else _FIRST_NAMED
    if numbers < _FIRST_OPEN:
        return TensorFormula("gradient")
    if numbers < _FIRST_FAST:
        return TensorFormula("gradient", "no")
    if version.endswith(SAVED_HERE) or any(_NEW_NAME.search(name) for name in names or ()):
        return TensorFormula("integration")
    # Saved by a version that writes other names, the forest is older than the project.
    is_older = names is not None and in_2d and numbers >= _FIRST_NAMED
    return TensorFormula("integration", "no" if is_older else "likely")


def tensor_formula_of_pickle(version: str, protocol: int) -> TensorFormula:
    """Return the formula with which a stored regressor was trained, from the protocol of its pickle.

    ilastik runs with Python 3, whose protocols are 3 and above, since 1.3.
    """
    if protocol > 2:
        return TensorFormula("integration")
    return TensorFormula("gradient", "yes" if tensor_formula(version, None) == TensorFormula("gradient") else "no")
