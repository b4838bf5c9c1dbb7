"""Regions as text, as in ``y=10:200, x=:512``."""

import re
from collections.abc import Mapping

from napari_batch_prediction.axes import AxisKey
from napari_batch_prediction.errors import SettingsError

Region = dict[AxisKey, tuple[int | None, int | None]]

_KEYS: Mapping[str, AxisKey] = {"t": "t", "c": "c", "z": "z", "y": "y", "x": "x"}


def parse_region(text: str) -> Region:
    """Return start and stop along each axis of a region given as text; an empty text is no region.

    Raises
    ------
    SettingsError
        If the text is not a region.
    """
    region: Region = {}
    for interval in text.split(",") if text.strip() else ():
        match = re.fullmatch(r"\s*([tczyx])\s*=\s*(\d*)\s*:\s*(\d*)\s*", interval, re.ASCII | re.IGNORECASE)
        key = _KEYS[match[1].lower()] if match else None
        if match is None or key is None or key in region:
            raise SettingsError(
                f"'{text}' is not a region. Write start and stop, each axis once, for example y=10:200, x=:512.",
                setting="region",
            )
        start, stop = (int(number) if number else None for number in match.groups()[1:])
        region[key] = start, stop
    return region


def shortest(region: Region) -> Region:
    """Return a region without the ends that all images have: a start at 0, an axis that is not cut."""
    ends = {key: (start or None, stop) for key, (start, stop) in region.items()}
    return {key: interval for key, interval in ends.items() if interval != (None, None)}


def format_region(region: Mapping[AxisKey, tuple[int | None, int | None]]) -> str:
    """Return a region as text that :func:`parse_region` reads."""
    return ", ".join(f"{key}={_end(start)}:{_end(stop)}" for key, (start, stop) in region.items())


def _end(value: int | None) -> str:
    return "" if value is None else str(value)
