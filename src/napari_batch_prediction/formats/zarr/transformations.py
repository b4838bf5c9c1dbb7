"""Coordinate transformations of OME-Zarr: scale and translation of a level, as every version writes them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from napari_batch_prediction.errors import ImageReadError

# Transformations of a level in 0.6; others are not allowed there.
_OF_LEVELS = ("scale", "translation", "identity", "sequence")


class Placed(NamedTuple):
    """Size and position of the first pixel of a level along each axis."""

    scale: tuple[float, ...]
    translation: tuple[float, ...]


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping; an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> Sequence[Any]:
    """Return a list; an empty one in place of anything else."""
    return value if isinstance(value, list | tuple) else ()


def floats(values: Any, n: int) -> tuple[float, ...] | None:
    """Return a list of ``n`` numbers, with NaN for other entries; None if it is no such list."""
    numbers = tuple(map(number, as_list(values)))
    return numbers if len(numbers) == n else None


def number(value: Any) -> float:
    """Return a number; NaN if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def place(owners: Sequence[Mapping[str, Any]], n_axes: int) -> Placed:
    """Return the product of the transformations of a level and of its image; what is no such is left out."""
    placed = Placed((1.0,) * n_axes, (0.0,) * n_axes)
    for owner in owners:
        for step in _flat(owner.get("coordinateTransformations")):
            placed = _after(placed, step, n_axes)
    return placed


def output_system(level: Mapping[str, Any]) -> str:
    """Return the name of the coordinate system in which a level of version 0.6 is placed; empty if there is none."""
    for step in map(as_mapping, as_list(level.get("coordinateTransformations"))):
        output = step.get("output")
        return str(as_mapping(output).get("name") or "") if isinstance(output, Mapping) else str(output or "")
    return ""


def check_simple(level: Mapping[str, Any]) -> None:
    """Raise ImageReadError if a level of version 0.6 is placed in another way than by scale and translation."""
    for step in _flat(level.get("coordinateTransformations")):
        if (kind := step.get("type")) not in _OF_LEVELS:
            raise ImageReadError(
                f"It is OME-Zarr 0.6 with the transformation '{kind}' of the level '{level.get('path')}'. Expected "
                "scale and translation; convert it to OME-Zarr 0.5 first."
            )


def _flat(steps: Any) -> Iterator[Mapping[str, Any]]:
    """Yield transformations, those in sequences one by one."""
    pending = list(reversed(as_list(steps)))
    while pending:
        step = as_mapping(pending.pop())
        if step.get("type") == "sequence":
            pending += reversed(as_list(step.get("transformations")))
        else:
            yield step


def _after(placed: Placed, step: Mapping[str, Any], n_axes: int) -> Placed:
    kind = step.get("type")
    values = floats(step.get(str(kind)), n_axes) if kind in ("scale", "translation") else None
    if values is None:
        return placed
    scale, translation = placed
    if kind == "translation":
        return Placed(scale, tuple(a + b for a, b in zip(translation, values, strict=True)))
    return Placed(_products(scale, values), _products(translation, values))


def _products(first: Sequence[float], second: Sequence[float]) -> tuple[float, ...]:
    return tuple(a * b for a, b in zip(first, second, strict=True))
