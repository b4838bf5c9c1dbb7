"""Changes to the inputs of a job and to their settings."""

import itertools
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatch
from glob import has_magic
from pathlib import Path
from typing import Any

from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.locations.lists import EXTENSIONS as LISTS
from napari_batch_prediction.locations.location import absolute, files_text, parse
from napari_batch_prediction.locations.paths import absolute_path
from napari_batch_prediction.widgets.parts.words import CONTAINERS


def containers(locations: Iterable[str]) -> list[str]:
    """Return the locations that are, by their extension, files that can hold several images."""
    return [location for location in locations if location.lower().endswith(CONTAINERS)]


def without(inputs: Iterable[str], locations: Mapping[str, Sequence[str]], removed: Collection[str]) -> tuple[str, ...]:
    """Return the inputs without some of their images.

    A pattern or a folder that loses some of its images, or would bring back an image that is removed from
    another input, becomes its other images, by name.

    Parameters
    ----------
    inputs
        The inputs as the user named them.
    locations
        The locations of each input, where known; a location of several inputs belongs to the first.
    removed
        The locations to leave out.
    """
    removed = set(removed)
    remaining: list[str] = []
    for name in inputs:
        images = locations.get(name, (name,))
        if images == (name,) and name not in removed:
            remaining.append(name)
        elif not removed.isdisjoint(images) or _may_stand_for(name, removed):
            remaining += [image for image in images if image not in removed]
        else:
            remaining.append(name)
    return tuple(dict.fromkeys(remaining))


def _may_stand_for(name: str, locations: Iterable[str]) -> bool:
    """Return True if a folder, pattern or list could stand for one of the locations, by its name alone."""
    path = Path(os.path.expanduser(name))  # noqa: PTH111 - never fails
    if name.startswith("@") or path.suffix.lower() in LISTS:
        return True
    # Brackets may belong to the name of a folder; other wildcards match a little too much here.
    folders = itertools.takewhile(lambda folder: "[" not in folder, path.parts)
    pattern = os.path.join(absolute_path(Path(*folders)), "")  # noqa: PTH118 - ends in a separator
    pattern = f"{pattern}*" if "[" in name or not has_magic(name) else pattern.rstrip(os.sep)
    pattern = pattern.replace(f"**{os.sep}", "*")
    return any(fnmatch(absolute(location), pattern) for location in locations)


def with_setting(
    settings: Mapping[str, InputSettings], locations: Iterable[str], field: str, value: Any
) -> dict[str, InputSettings]:
    """Return the settings of single images with one field changed for some; empty settings are left out.

    Parameters
    ----------
    settings
        The settings so far, by location.
    locations
        The images to change it for.
    field, value
        A field of :class:`InputSettings` and its value; None unsets it.
    """
    changed = dict(settings)
    empty = InputSettings()
    for location in locations:
        changed[location] = changed.get(location, empty).model_copy(update={field: value})
        if changed[location] == empty:
            del changed[location]
    return changed


def for_images(
    settings: Mapping[str, InputSettings], locations: Mapping[str, Sequence[str]]
) -> dict[str, InputSettings]:
    """Return the settings of single images: those of a pattern become settings of each of its images."""
    changed = dict(settings)
    for name in settings:
        images = locations.get(name, (name,))
        if images and name not in images:
            own = changed.pop(name)
            changed = {**dict.fromkeys(images, own), **changed}
    return changed


def joined(files: Sequence[str], settings: Sequence[InputSettings]) -> str:
    """Return the location of files, with the datasets that are set for them, as the channels of one image."""
    datasets = [own.dataset for own in settings]
    members = (parse(file).at(name) if name else file for file, name in zip(files, datasets, strict=True))
    return files_text(map(str, members))


def same(values: Sequence[Any]) -> Any:
    """Return the value that all have; None if they differ or there are none."""
    return values[0] if values and all(value == values[0] for value in values) else None
