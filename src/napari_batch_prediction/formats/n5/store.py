"""Recognising N5 on disk, and what is in it, without a library."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.formats.common.json_files import read_json
from napari_batch_prediction.formats.common.stores import StoreNames

_ATTRIBUTES = "attributes.json"


# Levels of groups without attributes are few.
_MOST_LOOKED_AT = 1000


def is_n5(folder: Path) -> bool:
    """Return True if a folder is N5: it or a folder below has attributes; those of stores below are their own."""
    if os.path.isfile(folder / _ATTRIBUTES):  # noqa: PTH113 - False for names too long
        return True
    pending = [os.fspath(folder)]
    for _ in range(_MOST_LOOKED_AT):
        if not pending:
            return False
        try:
            with os.scandir(pending.pop()) as entries:
                inner = [entry.path for entry in entries if _is_group(entry)]
        except OSError:
            continue
        if any(os.path.isfile(os.path.join(path, _ATTRIBUTES)) for path in inner):  # noqa: PTH113, PTH118
            return True
        pending += inner
    return False


def _is_group(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False) and not entry.name.lower().endswith((".n5", ".zarr"))


def datasets_in(file: Path) -> dict[str, str]:
    """Return shape and type of each dataset by its path, without those below that have no pixels."""
    datasets: dict[str, str] = {}
    pending = [file]
    while pending:
        folder = pending.pop()
        attributes = read_attributes(folder)
        if "dimensions" in attributes and "dataType" in attributes:
            name = folder.relative_to(file).as_posix()
            shape = tuple(reversed(attributes["dimensions"]))
            if name == "." or 0 not in shape:
                datasets["" if name == "." else name] = f"{shape} {attributes['dataType']}"
        elif folder.is_dir():
            pending += sorted((path for path in folder.iterdir() if path.is_dir()), reverse=True)
    return datasets


def read_attributes(folder: Path) -> Mapping[str, Any]:
    """Return the attributes of a group or dataset; empty if it has none."""
    attributes = read_json(folder / _ATTRIBUTES)
    return attributes if isinstance(attributes, dict) else {}


def _second_dataset(container: Path) -> Path | None:
    """Return a dataset of a container that holds several, of others if there is one; None if it holds one."""
    own: list[Path] = []
    of_others: list[Path] = []
    pending = [container]
    while pending:
        folder = pending.pop()
        try:
            attributes = read_attributes(folder)
        except (OSError, ValueError):  # damaged, and perhaps a dataset
            attributes = {"dimensions": None} if folder != container else {}
        if "dimensions" in attributes:
            (own if PROGRAM in attributes else of_others).append(folder)
        else:
            pending += (path for path in folder.iterdir() if path.is_dir())
    return [*own, *of_others][-1] if len(own) + len(of_others) > 1 else None


NAMES = StoreNames((_ATTRIBUTES,), re.compile(r"\d+"), _second_dataset)
"""Metadata, and chunks named by their place along the last axis."""
