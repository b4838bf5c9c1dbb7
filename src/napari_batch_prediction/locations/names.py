"""Names in one text, with commas between them."""

import csv
from collections.abc import Iterable


def read_names(text: str) -> list[str]:
    """Return the names in a text; one that is no list is one name, and opening it says that there is none.

    Names with commas, double quotes or blanks at their ends stand in double quotes, and a double quote in them is
    doubled.
    """
    try:
        return next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:
        return [text]


def write_names(names: Iterable[str]) -> str:
    """Return names as a text for :func:`read_names`."""
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    if name and name == name.strip() and not {",", '"', "\r", "\n"} & set(name):
        return name
    return '"' + name.replace('"', '""') + '"'
