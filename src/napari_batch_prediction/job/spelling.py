"""The settings of a job in one spelling, whatever way they are written: equal jobs are equal data."""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import format_named
from napari_batch_prediction.job.region import parse_region


def path(value: Any) -> Any:
    """Return the text of a path; anything else unchanged."""
    return os.fsdecode(value) if isinstance(value, os.PathLike) else value


def lower(value: Any) -> Any:
    """Return a text in lower case, without spaces around it; anything else unchanged."""
    return value.strip().lower() if isinstance(value, str) else value


def format_name(value: Any) -> Any:
    """Return ilastik's name of a format; an unknown name as it is, to be refused with those that are known."""
    known = format_named(value) if isinstance(value, str) else None
    return value if known is None else known.name


def dtype_name(value: Any) -> Any:
    """Return the name of a type of values that NumPy knows, such as ``<u1`` or ``np.uint8``; else the value."""
    for spelling in (value, lower(value)) if value is not None else ():
        try:
            return np.dtype(spelling).name
        except (TypeError, ValueError):
            continue
    return lower(value)


def version(value: Any) -> Any:
    """Return the text of a version that was given as a number."""
    return str(value) if isinstance(value, float) else lower(value)


def region(value: Any) -> Any:
    """Return the region of a text, or with its axes in lower case."""
    if isinstance(value, str):
        return parse_region(value)
    return {lower(key): _interval(ends) for key, ends in value.items()} if isinstance(value, Mapping) else value


def _interval(value: Any) -> Any:
    """Return the ends of a slice; anything else unchanged."""
    return (value.start, value.stop) if isinstance(value, slice) and value.step in (None, 1) else value


def parse_size(text: str) -> int:
    """Return the number of bytes of a size such as ``4GiB`` or ``500 MB``.

    Raises
    ------
    SettingsError
        If the text is not a size.
    """
    size = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?)(i?)B?\s*", text, re.ASCII | re.IGNORECASE)
    if size is None:
        raise SettingsError(f"'{text}' is not a size; expected for example 4GiB")
    power = " KMGT".index(size[2].upper() or " ")
    return int(float(size[1]) * (1024 if size[3] else 1000) ** power)


def _whole(value: Any) -> Any:
    if isinstance(value, bool | np.bool_ | float | np.floating):
        raise PydanticKnownError("int_type")
    return value


def _real(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        raise PydanticKnownError("float_type")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number: neither true, which Python takes for 1, nor a number with a fraction of zero."""

Real = Annotated[float, BeforeValidator(_real)]
"""A number: not true, which Python takes for 1."""

Axes = Annotated[str, BeforeValidator(lower)]
"""Axis keys in lower case."""
