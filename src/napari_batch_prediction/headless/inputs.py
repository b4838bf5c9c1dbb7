"""The images of a call, and the axes that ilastik would give them."""

from collections.abc import Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.locations.inputs import Expansion, prepare
from napari_batch_prediction.locations.location import FileAt, Location, StackOf
from napari_batch_prediction.locations.paths import is_true


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input of a call.

    Attributes
    ----------
    text
        The input, with its dataset if it is an HDF5 or N5 file with a single one: ilastik has both in its nickname.
    axes, shape
        Its own axes and its shape; empty for a stack, and for what cannot be read.
    """

    text: str
    axes: str = ""
    shape: tuple[int, ...] = ()


def has_stack(files: Sequence[str]) -> bool:
    """Return True if one of the inputs is a pattern, whose files are one image."""
    return any(has_magic(file) and not is_true(Path.exists, Path(file)) for file in files)


def axes_of_role(text: str | None, role: int, stack: StackAxis | None = None) -> str | None:
    """Return the axes that ``--input_axes`` gives to a role; None if it gives none.

    Parameters
    ----------
    text
        The option: the axes of all roles, or those of each, with commas between them.
    role
        The number of the role, from 0.
    stack
        The axis along which files are stacked; the axes are then those of the stack, and each file has the others.

    Raises
    ------
    AxesError
        If they are not valid.
    """
    given = [axes.strip().lower() for axes in (text or "none").split(",")]
    axes = given[0] if len(given) == 1 else given[role] if role < len(given) else "none"
    if axes in ("", "none"):
        return None
    axes = check_axes(axes)
    return axes.replace(stack, "") if stack else axes


def look_at(files: Sequence[str], stack: StackAxis | None) -> list[Input]:
    """Return the inputs of a call, after a look at their headers.

    Parameters
    ----------
    files, stack
        The inputs as they were given, and the axis along which the files of patterns are stacked.
    """
    prepare(files)
    expansion = Expansion(stack)
    found: list[Input] = []
    for file in files:
        try:
            locations = expansion.expand(file)
        except BatchPredictionError:  # the plan says so
            locations = []
        # The images of a folder are left to the plan, which knows results among them.
        is_folder = len(locations) > 1 and not expansion.matched.isdisjoint(locations)
        found += [Input(text=file)] if is_folder or not locations else map(_look_at, locations)
    return found


def _look_at(location: Location) -> Input:
    if isinstance(location, StackOf):
        return Input(text=str(location))
    try:
        with location.open() as image:
            axes, shape, dataset = image.axes, image.shape, image.dataset
    except BatchPredictionError:  # the plan says so
        return Input(text=str(location))
    if isinstance(location, FileAt) and location.dataset is None and dataset:
        file_format = known_format(location.path)
        if file_format is not None and file_format.has_internal_path:
            location = location.at(dataset)
    return Input(text=str(location), axes=axes, shape=shape)


def trained_axes(classifier: Classifier, lane: Lane, inputs: Sequence[Input]) -> dict[str, str]:
    """Return the axes of the last training image for those inputs that say other axes, or none, by their texts.

    Images that do not have as many axes keep their own, and so do those that only fit the classifier with their own.

    Parameters
    ----------
    classifier, lane
        The classifier, and its last training image.
    inputs
        The inputs.
    """
    found: dict[str, str] = {}
    for item in inputs:
        axes = _like(lane, len(item.shape))
        if axes is None or axes == item.axes:
            continue
        if _fits(classifier, axes, item.shape) or not _fits(classifier, item.axes, item.shape):
            found[item.text] = axes
    return found


def _like(lane: Lane, n_axes: int) -> str | None:
    """Return the axes of a training image, without some of extent 1, if these are so many; None if not."""
    axes = lane.axes or ""
    choices = [axes]
    if lane.extent("c") == 1:
        # ilastik reads grey pictures with a channel.
        choices.append(axes.replace("c", ""))
    choices.append("".join(key for key in axes if key in "yx" or lane.extent(key) != 1))
    return next((choice for choice in choices if choice and len(choice) == n_axes), None)


def _fits(classifier: Classifier, axes: str, shape: Sequence[int]) -> bool:
    try:
        classifier.check(axes, shape)
    except BatchPredictionError:
        return False
    return True
