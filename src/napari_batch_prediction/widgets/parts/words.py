"""Names and numbers as the window says them."""

import re

from napari_batch_prediction.formats.registry import FILE_FORMATS
from napari_batch_prediction.locations.location import LayerNamed

CONTAINERS = tuple(extension for known in FILE_FORMATS if known.has_datasets for extension in known.extensions)
"""Extensions of files that can hold several images."""


def short_name(location: str) -> str:
    """Return the end of an input that tells it from others: its file, its layer or its pattern.

    A dataset is shown with its file, a pattern from the folder before its first wildcard on.
    """
    if (layer := LayerNamed.of(location)) is not None:
        return layer.name
    parts = re.split(r"[/\\]", location)
    for i, part in enumerate(parts):
        if re.search(r"[*?\[]", part):
            return "/".join(parts[max(i - 1, 0) :])
        if part.lower().endswith(CONTAINERS):
            return "/".join(parts[i:])
    return parts[-1] or location


def count(n: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
