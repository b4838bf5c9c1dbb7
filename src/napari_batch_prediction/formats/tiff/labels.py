"""Names of channels from labels of single planes: ImageJ's slice labels, and the names of pages."""

import re
from collections.abc import Sequence

import numpy as np

from napari_batch_prediction.formats.tiff.series import Series

_PAGE_NAME = 285

# Numbers of a plane in its label, as in "c:1/2 z:3/5 - DAPI" and "GFP z3".
_NUMBER = re.compile(r"\b(?:c|ch|channel|z|slice|t|time|frame)?\s*[:=#]?\s*\d+\s*(?:/\s*\d+)?\b", re.IGNORECASE)
_EDGES = " \t-_:;,/#()"


def plane_labels(series: Series) -> tuple[str, ...]:
    """Return a name for each channel from the labels of its planes; empty if they do not tell channels apart."""
    lead = series.letters[: len(series.letters) - len(series.pages.keyframe.axes)]
    if "C" not in lead:
        return ()
    extents = series.shape[: len(lead)]
    axis = lead.index("C")
    labels = _labels(series)
    if len(labels) == extents[axis] and len(labels) != int(np.prod(extents)):
        return tuple(labels)
    if len(labels) != int(np.prod(extents)):
        return ()
    table = np.moveaxis(np.array(labels, object).reshape(extents), axis, 0).reshape(extents[axis], -1)
    for shorten in (str, _without_numbers):
        rows = [{shorten(label) for label in row} for row in table]
        names = tuple(min(row) for row in rows)
        if all(len(row) == 1 for row in rows) and any(names) and (len({*names}) == len(names)):
            return names
    return ()


def _labels(series: Series) -> Sequence[str]:
    labels = series.imagej.get("Labels", ())
    if labels:
        return [*map(str, labels)] if isinstance(labels, list | tuple) else [str(labels)]
    if _PAGE_NAME not in series.pages.keyframe.tags:
        return ()
    pages = [page.aspage() for page in series.pages if page is not None]
    return [str(page.tags.valueof(_PAGE_NAME, default="")) for page in pages]


def _without_numbers(label: str) -> str:
    return _NUMBER.sub("", label).strip(_EDGES)
