"""What a project says of the table of objects, read out of its pickle without unpickling it."""

from typing import Any

import numpy as np

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.limits import MAX_NAME, MAX_TEXT
from napari_batch_prediction.ilp.objects.project import TableExport
from napari_batch_prediction.ilp.reading.group import ProjectGroup
from napari_batch_prediction.pickles.read import read_pickle

_MOST_FEATURES = 1000


def read_table_export(applet: ProjectGroup) -> TableExport | None:
    """Return what ilastik's window was told of the table of objects.

    None if nothing, or if it is damaged: the classifier can be used without it.
    """
    try:
        stored = applet.array("ExportSettings", 1)
        if stored is None or stored.dtype.kind != "V" or stored.dtype.itemsize > MAX_TEXT:
            return None
        value = read_pickle(np.asarray(stored).tobytes())
    except ProjectError:
        return None
    return _table_export(value)


def _table_export(value: Any) -> TableExport | None:
    # Nothing is compared as a whole or shown: values may hold themselves.
    if not (isinstance(value, tuple) and len(value) == 2):
        return None
    settings, selected = value
    if not isinstance(settings, dict) or not isinstance(selected, list | tuple) or len(selected) > _MOST_FEATURES:
        return None
    kind, path = _text(settings.get("file type")), _text(settings.get("file path"))
    names = tuple(_text(name) for name in selected)
    if kind not in ("csv", "h5") or not path or not all(names):
        return None
    margin = settings.get("margin", 0)
    return TableExport(
        file_type="csv" if kind == "csv" else "h5",
        path=path,
        features=tuple(name for name in names if name),
        margin=int(margin) if isinstance(margin, int) and 0 <= margin <= MAX_NAME else 0,
        include_raw=settings.get("include raw") is True,
    )


def _text(value: Any) -> str | None:
    """Return a text, which is of bytes if Python 2 stored it; None if it is none, or longer than a name."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) and len(value) <= MAX_NAME else None
