"""Choices that are kept for the next time that napari is open, in napari's settings of plugins.

The program can do without them: a value that cannot be read counts as never kept, and one that cannot be written is
forgotten.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import Existing
from napari_batch_prediction.locations.paths import absolute_path

MAX_RECENT = 10


class _Exports(BaseModel):
    model_config = ConfigDict(frozen=True)

    exports: tuple[Export, ...] = Field(min_length=1)
    existing: Existing


def recent() -> list[Path]:
    """Return the classifiers used before, the latest first."""
    value = _read("recent")
    names = value if isinstance(value, list) else []
    paths = [Path(name) for name in names if isinstance(name, str) and name]
    return list(dict.fromkeys(paths))[:MAX_RECENT]


def add_recent(path: Path) -> None:
    """Keep a classifier as the last one used."""
    latest = absolute_path(path)
    paths = [latest, *(other for other in recent() if other != latest)]
    _keep("recent", json.dumps([os.fspath(path) for path in paths[:MAX_RECENT]]))


def exports() -> tuple[tuple[Export, ...], Existing] | None:
    """Return the exports of the last batch and its treatment of outputs that existed; None if there are none.

    The exports have no regions, which belong to the images of that batch.
    """
    try:
        kept = _Exports.model_validate(_read("exports"))
    except ValidationError:
        # Never kept, kept by another version, or edited by hand.
        return None
    return _without_regions(kept.exports), kept.existing


def keep_exports(exports: Sequence[Export], existing: Existing) -> None:
    """Keep the exports of a batch, without their regions; without effect if there are none."""
    if exports:
        kept = _Exports(exports=_without_regions(exports), existing=existing)
        # json, because pydantic cannot write file names that are not UTF-8.
        _keep("exports", json.dumps(kept.model_dump(mode="json", exclude_defaults=True)))


def _without_regions(exports: Sequence[Export]) -> tuple[Export, ...]:
    return tuple(export.model_copy(update={"region": {}}) for export in exports)


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


def _read(name: str) -> object:
    """Return a setting that is kept as JSON; None if there is none."""
    text = getattr(_group(), name, "")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


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
