"""Finding the label image of each training image among files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.inputs import expand_inputs
from napari_batch_prediction.locations.location import FileAt, Location
from napari_batch_prediction.wording import count, listed

STEM = "{stem}"
"""In a pattern: the name of the image without its extension."""


class Pair(NamedTuple):
    """A training image and its labels.

    Attributes
    ----------
    image, labels
        Where they are.
    """

    image: Location
    labels: Location


def pair_labels(images: Sequence[Location], labels: str) -> list[Pair]:
    """Return each image with its labels.

    Parameters
    ----------
    images
        The images. Those that are the labels of another one are left out, as a pattern may match both.
    labels
        Where labels are. With ``{stem}``, which stands for the name of the image without its extension, a path beside
        the image or in the current folder. Otherwise a file, a folder or a pattern for all label images: they belong
        to the images whose name is in theirs; if no name is, to the images in the same natural order.

    Raises
    ------
    SettingsError
        If labels are missing, or it is not clear which belong to which image.
    """
    pairs = _by_stem(images, labels) if STEM in labels else _by_name(images, expand_inputs([labels]), labels)
    if same := [pair.image for pair in pairs if _real(pair.image) == _real(pair.labels)]:
        raise SettingsError(
            f"By '{labels}' the labels of {_listed(same)} would be the image itself. Name the label images.",
            setting="labels",
        )
    if not pairs:
        raise SettingsError(f"There are no images to train on beside the labels '{labels}'.", setting="images")
    return pairs


def _by_stem(images: Sequence[Location], pattern: str) -> list[Pair]:
    found: dict[Location, Location | None] = {image: _beside(image, pattern) for image in images}
    files = {_real(labels) for labels in found.values() if labels is not None}
    wanted = {image: labels for image, labels in found.items() if _real(image) not in files}
    missing = [image for image, labels in wanted.items() if labels is None]
    if missing:
        raise SettingsError(
            f"There are no labels for {_listed(missing)}: looked for '{pattern.replace(STEM, missing[0].stem)}' in "
            f"'{missing[0].file.parent if missing[0].file else Path()}' and in the current folder. Add the labels, or "
            "leave these images out.",
            setting="labels",
        )
    return [Pair(image, labels) for image, labels in wanted.items() if labels is not None]


def _beside(image: Location, pattern: str) -> Location | None:
    """Return the labels of an image by a pattern with its name; None if there is no such file."""
    text = pattern.replace(STEM, image.stem)
    folder = image.file.parent if image.file is not None else Path()
    for candidate in (FileAt.of(folder / text), FileAt.of(text)):
        if candidate.path.exists():
            return candidate
    return None


def _by_name(images: Sequence[Location], labels: Sequence[Location], text: str) -> list[Pair]:
    files = {_real(location) for location in labels}
    images = [image for image in images if _real(image) not in files] if len(images) > len(labels) else images
    if len(images) == len(labels) == 1:
        return [Pair(images[0], labels[0])]
    matches = {image: [one for one in labels if image.stem in one.stem] for image in images}
    # Of several images whose names are in that of a label image, the one with the longest name is meant.
    for one in labels:
        longest = max((len(image.stem) for image in images if one in matches[image]), default=0)
        for image in images:
            if one in matches[image] and len(image.stem) < longest:
                matches[image].remove(one)
    used = [one for found in matches.values() for one in found]
    if all(len(found) == 1 for found in matches.values()) and len(set(used)) == len(used):
        return [Pair(image, found[0]) for image, found in matches.items()]
    if any(matches.values()):
        unclear = [image for image, found in matches.items() if len(found) != 1 or used.count(found[0]) > 1]
        raise SettingsError(
            f"It is not clear which of the {count(len(labels), 'label image')} of '{text}' belongs to "
            f"{_listed(unclear)}. Say it by a pattern such as '{STEM}_labels.tif', which stands for the name of each "
            "image.",
            setting="labels",
        )
    if len(images) != len(labels):
        raise SettingsError(
            f"There are {count(len(images), 'image')}, but {count(len(labels), 'label image')} of '{text}', and their "
            f"names do not say to which image they belong. Use a pattern such as '{STEM}_labels.tif'.",
            setting="labels",
        )
    return [Pair(image, one) for image, one in zip(images, labels, strict=True)]


def _real(location: Location) -> object:
    file = location.file
    return (file.resolve(), getattr(location, "dataset", None)) if file is not None else location


def _listed(locations: Sequence[Location]) -> str:
    return listed([f"'{location}'" for location in locations])
