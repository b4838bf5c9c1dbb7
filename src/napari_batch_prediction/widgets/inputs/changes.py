"""What becomes of the inputs of a job, and of what is set for them, when the user changes some."""

import itertools
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatch
from glob import has_magic
from pathlib import Path
from typing import Any

from napari_batch_prediction.job.job import InputSettings
from napari_batch_prediction.locations.lists import EXTENSIONS as LISTS
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.locations.paths import absolute_path
from napari_batch_prediction.widgets.parts.words import CONTAINERS


def containers(locations: Iterable[str]) -> list[str]:
    """Return the locations that are, by their extension, files that can hold several images."""
    return [location for location in locations if location.lower().endswith(CONTAINERS)]


def without(inputs: Iterable[str], given: Mapping[str, Sequence[str]], gone: Collection[str]) -> tuple[str, ...]:
    """Return the inputs without some of their images.

    A pattern or a folder that loses some of its images, or would bring back an image that is removed from
    another input, becomes its other images, by name.

    Parameters
    ----------
    inputs
        The inputs as the user named them.
    given
        The locations that they stand for, where known; one for which several stand belongs to the first.
    gone
        The locations that go.
    """
    gone = set(gone)
    left: list[str] = []
    for name in inputs:
        images = given.get(name, (name,))
        if images == (name,) and name not in gone:
            left.append(name)
        elif not gone.isdisjoint(images) or _may_stand_for(name, gone):
            left += [image for image in images if image not in gone]
        else:
            left.append(name)
    return tuple(dict.fromkeys(left))


def _may_stand_for(name: str, locations: Iterable[str]) -> bool:
    """Say whether a folder, a pattern or a list could stand for one of the locations. The disk is not looked at."""
    path = Path(name).expanduser()
    if name.startswith("@") or path.suffix.lower() in LISTS:
        return True
    # Brackets may belong to the name of a folder; of other wildcards a little too much is taken here.
    parts = itertools.takewhile(lambda part: "[" not in part, path.parts)
    pattern = os.path.join(absolute_path(Path(*parts)), "")  # noqa: PTH118 - ends in a separator
    pattern = f"{pattern}*" if "[" in name or not has_magic(name) else pattern.rstrip(os.sep)
    pattern = pattern.replace(f"**{os.sep}", "*")
    return any(fnmatch(absolute(location), pattern) for location in locations)


def with_setting(
    settings: Mapping[str, InputSettings], locations: Iterable[str], field: str, value: Any
) -> dict[str, InputSettings]:
    """Return what is set for single images with one field changed for some; what is empty is left out.

    Parameters
    ----------
    settings
        What is set so far, by location.
    locations
        The images it is changed for.
    field, value
        A field of :class:`InputSettings` and its value; None takes it back.
    """
    changed = dict(settings)
    empty = InputSettings()
    for location in locations:
        changed[location] = changed.get(location, empty).model_copy(update={field: value})
        if changed[location] == empty:
            del changed[location]
    return changed


def for_images(settings: Mapping[str, InputSettings], given: Mapping[str, Sequence[str]]) -> dict[str, InputSettings]:
    """Return what is set for single images, where what was set for a pattern is set for all its images."""
    changed = dict(settings)
    for name in settings:
        images = given.get(name, (name,))
        if images and name not in images:
            own = changed.pop(name)
            changed = {**dict.fromkeys(images, own), **changed}
    return changed


def same(values: Sequence[Any]) -> Any:
    """Return the value that all share; None if they differ, or there are none."""
    return values[0] if values and all(value == values[0] for value in values) else None
