"""Finding the images that a project was trained on."""

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
    """Return the pixels of a 2D training image, (c, y, x), from where the project says it is, or from beside it.

    Raises
    ------
    ProjectError
        If it is not found, cannot be read, or is not the image that the project was trained on.
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
            f"{_listed(expected)}, found {_listed(actual)}."
        )
    planes: NDArray = reorder(pixels, axes, "tczyx")[0, :, 0]
    return planes


def training_dtype(folder: Path, lane: Lane) -> str | None:
    """Return the type of a training image, by a look at its file if it is not in the project.

    None if the file is not found there any more, or holds another image. Only files that the project names from its
    own folder on are looked at: elsewhere may be the network.

    Parameters
    ----------
    folder
        The project's folder.
    lane
        The image as the project describes it.
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
        return None  # the project does without; only a warning is lost


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


def _listed(lengths: dict[str, int]) -> str:
    return ", ".join(f"{key}={n}" for key, n in lengths.items() if n > 1 or key in "yx")
