"""Choices that are kept for the next time that napari is open, in napari's settings of plugins and beside them.

The program can do without them: a value that cannot be read counts as never kept, and one that cannot be written is
forgotten.
"""

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.formats.registry import format_named
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.locations.paths import absolute_path

MAX_RECENT = 10


# An output and its format, as in ``Simple Segmentation (tiff)``.
_OUTPUT = re.compile(r"(?P<source>[^(]+)(\((?P<format>[^)]+)\))?")


def recent() -> list[Path]:
    """Return the classifiers used before, the latest first."""
    try:
        value = json.loads(_recent_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    names = value if isinstance(value, list) else []
    paths = [Path(name) for name in names if isinstance(name, str) and name]
    return list(dict.fromkeys(paths))[:MAX_RECENT]


def add_recent(path: Path) -> None:
    """Keep a classifier as the last one used."""
    latest = absolute_path(path)
    _keep_recent([latest, *(other for other in recent() if other != latest)])


def forget_recent() -> None:
    """Forget the classifiers used before."""
    _keep_recent([])


def exports() -> tuple[Export, ...]:
    """Return the sources and formats of the last batch as exports; none if there are none.

    Everything else is as for a new batch. A folder, a region, a range of values or the choice to overwrite belong to
    the images of that batch; with others they do harm.
    """
    kept = []
    for text in str(getattr(_group(), "outputs", "")).split(","):
        if (found := _OUTPUT.fullmatch(text.strip())) is not None:
            fields: dict[str, Any] = {name: value.strip() for name, value in found.groupdict().items() if value}
            if format_named(fields.get("format", "hdf5")) is not None:
                kept.append(Export(**fields))
    return tuple(kept)


def keep_exports(exports: Sequence[Export]) -> None:
    """Keep the sources and formats of a batch; without effect if there are none."""
    if exports:
        _keep("outputs", ", ".join(dict.fromkeys(f"{export.source} ({export.format})" for export in exports)))


def load_results() -> bool:
    """Return True if the selected row is to be shown in the viewer."""
    group = _group()
    return bool(group.load_results) if group is not None else True


def keep_load_results(load: bool) -> None:
    """Keep the choice to show the selected row in the viewer, or not to."""
    _keep("load_results", load)


def _group() -> Any:
    """Return napari's model of these settings; None if napari has none."""
    try:
        return get_plugin_settings(PROGRAM).batch
    except (KeyError, AssertionError, OSError):
        # KeyError: the plugin is off. AssertionError: the file holds no settings. OSError: it cannot be opened.
        return None


def _recent_file() -> Path:
    """Return the file of the classifiers used before, beside that of the settings.

    Raises
    ------
    FileNotFoundError
        If napari has no settings on the disk.
    """
    try:
        path = get_plugin_settings(PROGRAM).config_path
    except (KeyError, AssertionError):
        path = None
    if path is None:
        raise FileNotFoundError
    return Path(path).with_name(f"{PROGRAM}-recent.json")


def _keep_recent(paths: Sequence[Path]) -> None:
    # A full or read-only disk does not hinder the batch.
    with suppress(OSError):
        file = _recent_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        # In ASCII, since names of files may be no Unicode.
        file.write_text(json.dumps([os.fspath(path) for path in paths[:MAX_RECENT]]), encoding="ascii")


def _keep(name: str, value: str | bool) -> None:
    """Set a value, which napari then writes to the disk."""
    group = _group()
    if group is None or getattr(group, name) == value:
        return
    try:
        setattr(group, name, value)
    except OSError:
        # A full or read-only disk does not hinder the batch.
        return
