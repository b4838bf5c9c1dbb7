"""Second images: those that a job names for each of its images beside it, such as masks."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.second import MASK, ROLES, Role, check_beside, check_opacity, fitting_axes
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import Arrays, Location
from napari_batch_prediction.planning.inputs.header import ImageInfo

# Bytes that are read at once for a hash.
_AT_ONCE = 2**25


@dataclass(frozen=True, slots=True)
class SecondImage:
    """A second image of an input.

    Attributes
    ----------
    role
        What it is for.
    location
        Where it is.
    image
        Its header, with the axes that it is read with.
    """

    role: Role
    location: Location
    image: ImageInfo

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files and stores that belong to it."""
        return (*self.location.paths, *self.image.parts)


Beside = tuple[SecondImage, ...]


def second_texts(job: BatchJob) -> list[str]:
    """Return all that a job says of second images."""
    texts = (getattr(said, field) for said in (job, *job.input_settings.values()) for field in ROLES)
    return [text for text in texts if text is not None and not is_project(text)]


def is_project(text: str) -> bool:
    """Return True if a job names a project, which predicts second images, in place of them."""
    return text.lower().endswith(".ilp")


def fitted(job: BatchJob, role: Role, location: Location, header: ImageInfo, image: ImageInfo) -> str:
    """Return the axes with which a second image is read.

    Parameters
    ----------
    job
        The job.
    role, location, header
        What the second image is for, where it is, and its header.
    image
        The header of the image that it is beside.

    Raises
    ------
    ImageMismatchError
        If it does not fit the image.
    """
    axes = fitting_axes(role, header.axes, header.axes_known, header.shape, image.axes, image.extents)
    own = header.with_axes(axes).extents
    check_beside(role, location, own, image.extents)
    if role == MASK and job.outside_mask != "ilastik":
        check_opacity(location, own["c"])
    return axes


def open_second(second: SecondImage, arrays: Arrays | None = None) -> Image:
    """Open a second image with the axes that fit; only its header is read.

    Raises
    ------
    ImageReadError
        If it is not there any more, cannot be read, or has changed since it was checked.
    """
    is_known = second.image.axes_known != "guess"
    image = open_image(second.location, None if is_known else second.image.axes, arrays=arrays)
    now, before = ImageInfo.of(image), second.image
    if (now.axes, now.shape, now.dtype) != (before.axes, before.shape, before.dtype):
        image.close()
        raise ImageReadError(
            f"The {second.role.noun} '{second.location}' has changed since it was checked: expected {before.axes} "
            f"{before.shape} {before.dtype}, got {now.axes} {now.shape} {now.dtype}. Start again."
        )
    return image


def pixel_hash(image: Image) -> str:
    """Return the SHA-256 of the shape, type and pixels of an image, in hexadecimal.

    It is that of its pixels, not of its file, which may hold other images.

    Raises
    ------
    ImageReadError
        If they cannot be read.
    """
    total = hashlib.sha256(f"{image.shape} {image.dtype.str}".encode())
    for region in _pieces(image.shape, image.dtype.itemsize):
        total.update(image.read(region).data)
    return total.hexdigest()


def _pieces(shape: tuple[int, ...], itemsize: int) -> Iterator[tuple[slice, ...]]:
    """Yield the parts of an array in the order of its pixels in memory, each small."""
    axis = next(i for i in range(len(shape)) if prod(shape[i + 1 :]) * itemsize <= _AT_ONCE or i == len(shape) - 1)
    step = max(1, _AT_ONCE // (prod(shape[axis + 1 :]) * itemsize))
    for index in product(*map(range, shape[:axis])):
        for start in range(0, shape[axis], step):
            first = (*(slice(i, i + 1) for i in index), slice(start, min(start + step, shape[axis])))
            yield (*first, *(slice(0, n) for n in shape[axis + 1 :]))


def hashes_of(beside: Iterable[SecondImage], arrays: Arrays | None = None) -> dict[str, str]:
    """Return the hash of the pixels of each second image, by its field.

    Raises
    ------
    ImageReadError
        If one cannot be read.
    """
    hashes = {}
    for second in beside:
        with open_second(second, arrays) as image:
            hashes[second.role.field] = pixel_hash(image)
    return hashes
