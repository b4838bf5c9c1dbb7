"""Finding and reading the training images of a project."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from numpy.typing import NDArray

from napari_batch_prediction.axes import check_axes, extents, guess_axes, reorder
from napari_batch_prediction.errors import BatchPredictionError, ProjectError
from napari_batch_prediction.ilp.file import ProjectFile
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt
from napari_batch_prediction.locations.paths import is_true


def read_training_pixels(file: ProjectFile, lane: Lane) -> NDArray:
    """Return the pixels (c, y, x) of a 2D training image, from its stored path or from beside the project.

    Raises
    ------
    ProjectError
        If the image is not found, cannot be read, or has another shape than the training image.
    """
    if lane.damage:
        raise ProjectError(lane.damage)
    if lane.path is None:
        raise file.damaged(f"{lane.name.lstrip('/')}/filePath", "it is missing")
    if lane.is_inside:
        location = f"{file.path}/{lane.path.lstrip('/')}"
        stored = file.array(lane.path)
        if stored is None or stored.dtype.kind not in "biuf":
            raise file.damaged(lane.path, "expected an image")
        pixels: NDArray = stored
        axes = check_axes(lane.axes or guess_axes(pixels.shape), pixels.shape)
    else:
        location = _find(file.path.parent, lane.path)
        axes, pixels = _read(location, lane.axes)
    actual = extents(axes, pixels.shape)
    expected = extents(lane.axes, lane.shape) if lane.axes and lane.shape else {"t": 1, "z": 1}
    if any(actual[key] != n for key, n in expected.items()):
        raise ProjectError(
            f"{location} is not the image that the project was trained on: expected "
            f"{_extents_text(expected)}, found {_extents_text(actual)}."
        )
    planes: NDArray = reorder(pixels, axes, "tczyx")[0, :, 0]
    return planes


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


def _read(location: str, stored_axes: str | None) -> tuple[str, NDArray]:
    try:
        with open_image(location) as image:
            if stored_axes is None or len(stored_axes) != len(image.shape) or stored_axes == image.axes:
                return image.axes, image.read()
        with open_image(location, stored_axes) as image:
            return image.axes, image.read()
    except BatchPredictionError as error:
        raise ProjectError(f"the training image {location} cannot be read: {error}") from error


def _extents_text(lengths: dict[str, int]) -> str:
    return ", ".join(f"{key}={n}" for key, n in lengths.items() if n > 1 or key in "yx")
