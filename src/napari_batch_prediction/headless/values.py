"""Lists, regions, names and URIs as ilastik's options write them."""

import json
import os
import re
from string import Formatter
from urllib.parse import unquote, urlsplit

from napari_batch_prediction.axes import AxisKey
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.region import Region

_REPLACED = {"dataset_dir", "nickname", "roi", *(f"{key}_{end}" for key in "tczyx" for end in ("start", "stop"))}
SLICE_INDEX = "slice_index"

Numbers = list[int | float | None]


def parse_range(text: str, option: str) -> tuple[float, float]:
    """Return the ends of a range such as ``(0.0, 1.0)``.

    Raises
    ------
    SettingsError
        If it is none.
    """
    ends = _parsed(text)
    if not (isinstance(ends, list) and len(ends) == 2 and all(_is_number(end) for end in ends)):
        raise SettingsError(f"{option} is '{text}', expected two numbers, for example (0,255).")
    return float(ends[0]), float(ends[1])


def parse_region(text: str, option: str, orders: tuple[str, ...]) -> Region:
    """Return the region of a text such as ``[(0,0,None), (64,64,1)]``.

    Parameters
    ----------
    text, option
        The text, and the option that has it.
    orders
        Orders of axes, of different lengths: the one with as many axes as the text has numbers counts.

    Raises
    ------
    SettingsError
        If it is none.
    """
    ends = _parsed(text)
    if (
        not isinstance(ends, list)
        or len(ends) != 2
        or not all(isinstance(end, list) and all(_is_index(number) for number in end) for end in ends)
        or len(ends[0]) != len(ends[1])
    ):
        raise SettingsError(
            f"{option} is '{text}', expected start and stop with a whole number or None for each axis, for example "
            "[(0,0,None), (64,64,None)]."
        )
    order = next((order for order in orders if len(order) == len(ends[0])), None)
    if order is None:
        listing = " or ".join(f"{len(order)} ({', '.join(order)})" for order in orders)
        raise SettingsError(f"{option} has {len(ends[0])} axes, expected {listing}.")
    keys: list[AxisKey] = list(order)  # type: ignore[arg-type]  # axis keys
    region: Region = {}
    for key, start, stop in zip(keys, *ends, strict=True):
        # A stop at 0 is none in ilastik.
        if (start or None, stop or None) != (None, None):
            region[key] = start or None, stop or None
    return region


def _parsed(text: str) -> object:
    """Return lists of numbers as text, in round or square brackets, with None; None if it is something else."""
    plain = re.sub(r"\bNone\b", "null", text.strip().strip("'\"")).replace("(", "[").replace(")", "]")
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_index(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def template(text: str, result_type: str) -> str:
    """Return a name with ilastik's placeholders as one of an export.

    Placeholders that ilastik does not know stay as they are.
    """
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return _literal(text)  # ilastik then replaces none
    made = []
    for before, name, spec, _ in parts:
        made.append(_literal(before))
        if name == "result_type":
            made.append(_literal(result_type))
        elif name in _REPLACED or name == SLICE_INDEX:
            made.append(f"{{{name}{':' if spec else ''}{spec}}}")
        elif name is not None:
            made.append(_literal(f"{{{name}{':' if spec else ''}{spec}}}"))
    return "".join(made)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def local_path(text: str) -> str:
    """Return the path of a ``file:`` URI; another text as it is."""
    if not text.lower().startswith("file:"):
        return text
    path = unquote(urlsplit(text).path)
    return path[1:] if os.name == "nt" and re.match(r"/[A-Za-z]:", path) else path
