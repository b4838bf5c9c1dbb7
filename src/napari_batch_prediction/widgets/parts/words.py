"""Names and numbers as the window shows them."""

import re
from html import escape

from napari_batch_prediction.formats.registry import FILE_FORMATS
from napari_batch_prediction.locations.location import FILES, LayerNamed
from napari_batch_prediction.locations.names import read_names

CONTAINERS = tuple(
    extension for file_format in FILE_FORMATS if file_format.has_datasets for extension in file_format.extensions
)
"""Extensions of files that can hold several images."""


def short_name(location: str) -> str:
    """Return the part of a location that distinguishes it: its file, layer or pattern.

    A dataset is shown with its file, a pattern from the folder before its first wildcard on.
    """
    if (layer := LayerNamed.of(location)) is not None:
        return layer.stem
    if location.startswith(FILES):
        return " + ".join(map(short_name, read_names(location.removeprefix(FILES))))
    names = re.split(r"[/\\]", location)
    for i, name in enumerate(names):
        if re.search(r"[*?\[]", name):
            return "/".join(names[max(i - 1, 0) :])
        if name.lower().endswith(CONTAINERS):
            return "/".join(names[i:])
    return names[-1] or location


def tip(text: str) -> str:
    """Return a tooltip that shows a text as it is: Qt takes a text for HTML if it looks so, as names of files may."""
    return f"<qt>{escape(text).replace(chr(10), '<br>')}</qt>" if "<" in text else text
