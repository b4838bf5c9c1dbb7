"""The images of a call, and the axes that ilastik would give them."""

from collections.abc import Sequence
from glob import has_magic
from pathlib import Path

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.job.job import InputSettings
from napari_batch_prediction.locations.inputs import Expansion
from napari_batch_prediction.locations.location import StackOf
from napari_batch_prediction.locations.paths import is_true


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


def trained_axes(
    classifier: Classifier, lane: Lane, files: Sequence[str], stack: StackAxis | None
) -> dict[str, InputSettings]:
    """Return settings with the axes of the last training image for those images that say other axes, or none.

    Images that do not have as many axes keep their own, and so do those that only fit the classifier with their own.

    Parameters
    ----------
    classifier, lane
        The classifier, and its last training image.
    files, stack
        The inputs, and the axis along which the files of patterns are stacked.
    """
    settings: dict[str, InputSettings] = {}
    expansion = Expansion(stack)
    for file in files if lane.axes else ():
        try:
            locations = expansion.expand(file)
        except BatchPredictionError:  # the plan says so
            continue
        for location in locations:
            if isinstance(location, StackOf):
                continue
            try:
                with location.open() as image:
                    axes, own, shape = _like(lane, len(image.shape)), image.axes, image.shape
            except BatchPredictionError:
                continue
            if (
                axes is not None
                and axes != own
                and (_fits(classifier, axes, shape) or not _fits(classifier, own, shape))
            ):
                settings[str(location)] = InputSettings(axes=axes)
    return settings


def _like(lane: Lane, n_axes: int) -> str | None:
    """Return the axes of a training image, without some of extent 1, if these are so many; None if not."""
    axes = lane.axes or ""
    choices = [axes]
    if lane.extent("c") == 1:
        # ilastik reads grey pictures with a channel.
        choices.append(axes.replace("c", ""))
    choices.append("".join(key for key in axes if key in "yx" or lane.extent(key) != 1))
    return next((choice for choice in choices if len(choice) == n_axes), None)


def _fits(classifier: Classifier, axes: str, shape: Sequence[int]) -> bool:
    try:
        classifier.check(axes, shape)
    except BatchPredictionError:
        return False
    return True
