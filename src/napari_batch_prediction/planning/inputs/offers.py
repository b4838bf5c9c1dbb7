"""Templates by which second images lie beside the images of a batch, to be offered."""

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.images.second import LABEL_IMAGE, MASK, PREDICTION_MAPS, SEGMENTATION_IMAGE, Role
from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.planning.inputs.matching import goes_on, names_of

# How people and programs call such files. Outputs of the classifiers that take them have names that are much alike.
_CALLED: Mapping[Role, re.Pattern[str]] = {
    MASK: re.compile("mask|roi", re.IGNORECASE),
    PREDICTION_MAPS: re.compile("^(?!.*object).*(prob|pred)", re.IGNORECASE),
    SEGMENTATION_IMAGE: re.compile("^(?!.*simple).*(binary|seg|mask|foreground)", re.IGNORECASE),
    LABEL_IMAGE: re.compile("^(?!.*(simple|prob|pred)).*(label|object|seg|mask)", re.IGNORECASE),
}

# Folders may be many, and slow: the plan says which of the other images have none.
_MOST_LOOKED_AT = 50


class Offer(NamedTuple):
    """A template, and the name of the first file that it stands for."""

    template: str
    example: str


def offers(role: Role, images: Sequence[Location]) -> tuple[Offer, ...]:
    """Return the templates by which each image has a second image in its own folder, told by names alone.

    Parameters
    ----------
    role
        What the second images are for.
    images
        The images of the batch; only the first are looked at. Those that are second images of others do not count.
    """

    @cache
    def names_in(folder: Path) -> Sequence[str]:
        try:
            return sorted(entry.name for entry in os.scandir(folder))
        except OSError:  # the check says so
            return ()

    found: dict[Location, dict[str, str]] = {}
    files = [(image, image.file) for image in images[:_MOST_LOOKED_AT] if image.file is not None]
    for image, file in files:
        found[image] = _endings(role, image, names_in(file.parent))
    others = {file.parent / name for (_, file), own in zip(files, found.values(), strict=True) for name in own.values()}
    of_images = [found[image] for image, file in files if file not in others]
    if not of_images:
        return ()
    shared = set.intersection(*map(set, of_images))
    return tuple(Offer(f"{{stem}}{ending}", name) for ending, name in of_images[0].items() if ending in shared)


def _endings(role: Role, image: Location, names: Sequence[str]) -> dict[str, str]:
    """Return the names that begin with that of an image and are those of a second image, by what is behind it."""
    found: dict[str, str] = {}
    for stem in names_of(image):
        for name in names:
            ending = name.removeprefix(stem)
            if ending == name or "{" in ending or "}" in ending or goes_on(stem, ending):
                continue
            # The longest name of the image that a file has is meant.
            if name not in found.values() and _CALLED[role].search(ending) and known_format(Path(name)) is not None:
                found.setdefault(ending, name)
    return found
