"""Finding and opening the training images of a project."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from napari_batch_prediction.axes import check_axes, extents, guess_axes
from napari_batch_prediction.errors import BatchPredictionError, ImageReadError, ProjectError
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt
from napari_batch_prediction.locations.paths import is_true
from napari_batch_prediction.training.reopening import ReopeningImage


@contextmanager
def training_image(file: ProjectFile, lane: Lane, otherwise: Mapping[str, int] | None = None) -> Iterator[Image]:
    """Open a training image for a while, see :func:`open_training_image`.

    Raises
    ------
    ProjectError
        Also if the image cannot be read.
    """
    with open_training_image(file, lane, otherwise) as image:
        try:
            yield image
        except ImageReadError as error:
            raise ProjectError(f"the training image {image.location} cannot be read: {error}") from error


def open_training_image(
    file: ProjectFile, lane: Lane, otherwise: Mapping[str, int] | None = None, place: str | None = None
) -> Image:
    """Open a training image, from its stored path, from beside the project, or from inside it.

    Parameters
    ----------
    file, lane
        The project, and the training image as it describes it.
    otherwise
        Extents that the image must have if the project does not store its shape.
    place
        The location of the image, if it is elsewhere by now.

    Returns
    -------
    The image. It does not need the project; closed, it opens its file when it is read.

    Raises
    ------
    ProjectError
        If the image is not found, cannot be opened, or has another shape than the training image.
    """
    if place is not None:
        image = _outside(place, lane)
    elif lane.damage:
        raise ProjectError(lane.damage)
    elif lane.path is None:
        raise file.damaged(f"{lane.name.lstrip('/')}/filePath", "it is missing")
    else:
        image = _inside(file, lane, lane.path) if lane.is_inside else _outside(_find(file.path.parent, lane.path), lane)
    expected = extents(lane.axes, lane.shape) if lane.axes and lane.shape else otherwise or {}
    if any(image.extents[key] != n for key, n in expected.items()):
        image.close()
        raise ProjectError(
            f"{image.location} is not the image that the project was trained on: expected "
            f"{_extents_text(expected)}, found {_extents_text(image.extents)}."
        )
    return image


def training_dtype(folder: Path, lane: Lane) -> str | None:
    """Return the type of a training image, from its file if it is not in the project.

    The type is None if the file is missing or holds an image of another shape. Only paths relative to the project's
    folder are opened, since others may be on a network.

    Parameters
    ----------
    folder
        The project's folder.
    lane
        The training image.
    """
    if lane.is_inside:
        return lane.dtype
    path, shape = lane.path, lane.shape
    if path is None or shape is None or PureWindowsPath(path).anchor or PurePosixPath(path).is_absolute():
        return None
    try:
        with open_image(_find(folder, path)) as image:
            same = sorted(n for n in image.shape if n > 1) == sorted(n for n in shape if n > 1)
            return image.dtype.name if same else None
    except BatchPredictionError:
        return None  # only a warning depends on the type


def _find(folder: Path, path: str) -> str:
    """Return the location of the image's file."""
    # ilastik on Windows writes backslashes.
    written = path.replace("\\", "/")
    image = FileAt.of(folder / written)
    looked_at = [folder / written, folder / image.path.name / (image.dataset or "")]
    for candidate in looked_at:
        if is_true(Path.exists, FileAt.of(candidate).path):
            return str(candidate)
    listed = " and ".join(dict.fromkeys(str(candidate) for candidate in looked_at))
    raise ProjectError(f"the training image {path} was not found; looked for {listed}")


def _inside(file: ProjectFile, lane: Lane, path: str) -> Image:
    pixels = file.array(path)
    if pixels is None or pixels.dtype.kind not in "biuf":
        raise file.damaged(path, "expected an image")
    axes = check_axes(lane.axes or guess_axes(pixels.shape), pixels.shape)
    return MemoryImage(f"{file.path}/{path.lstrip('/')}", pixels, axes, axes_known="file")


def _outside(location: str, lane: Lane) -> Image:
    try:
        return ReopeningImage(partial(_with_axes, location, lane.axes))
    except BatchPredictionError as error:
        raise ProjectError(f"the training image {location} cannot be read: {error}") from error


def _with_axes(location: str, axes: str | None) -> Image:
    """Open a file with these axes, if it has as many."""
    image = open_image(location)
    if axes is None or len(axes) != len(image.shape) or axes == image.axes:
        return image
    image.close()
    return open_image(location, axes)


def _extents_text(lengths: Mapping[str, int]) -> str:
    return ", ".join(f"{key}={n}" for key, n in lengths.items() if n > 1 or key in "yx")
