"""What the second image of a classifier of objects has to be."""

from collections.abc import Sequence

import numpy as np

from napari_batch_prediction.axes import extents
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.ilp.objects.project import ObjectProject
from napari_batch_prediction.ilp.project import OBJECTS
from napari_batch_prediction.images.second import LABEL_IMAGE, PREDICTION_MAPS, Role
from napari_batch_prediction.wording import count


def check_second(project: ObjectProject, role: Role, axes: str, shape: Sequence[int], dtype: np.dtype) -> None:
    """Check that objects can be made of a second image.

    Parameters
    ----------
    project
        What classifies objects.
    role
        What the second image is.
    axes, shape, dtype
        Its axes, its extent along each, and its type.

    Raises
    ------
    ImageMismatchError
        If it has fewer channels than are used, or if a binary image or a label image has several; if a label image
        is not of whole numbers.
    """
    n = extents(axes, shape)["c"]
    if project.thresholds is not None:
        least = max(project.thresholds.channels) + 1
        if n < least:
            raise ImageMismatchError(
                f"The {role.noun} has {count(n, 'channel')}, but objects are made of channel {least}. Export the "
                "probabilities of all classes.",
                setting=role.field,
            )
    elif n > 1:
        raise ImageMismatchError(
            f"The {role.noun} has {n} channels, expected one. Choose a channel of it, or save it as one.",
            setting=role.field,
        )
    if role == LABEL_IMAGE and dtype.kind not in "biu":
        raise ImageMismatchError(
            f"The {role.noun} is {dtype}, expected whole numbers. Save the labels as integers.", setting=role.field
        )


def check_predicted(project: ObjectProject, pixels: PixelClassification) -> None:
    """Check that a pixel classification can predict the probabilities that objects are made of.

    Raises
    ------
    SettingsError
        If the project takes no probabilities, or those of other classes or images.
    """
    name = pixels.path.name if pixels.path is not None else "The pixel classification"
    if OBJECTS.get(project.workflow) != PREDICTION_MAPS.field or project.thresholds is None:
        raise SettingsError(
            f"{name} cannot predict probabilities for '{project.workflow}', which takes none.",
            setting=PREDICTION_MAPS.field,
        )
    least = max(project.thresholds.channels) + 1
    if len(pixels.classes) < least or pixels.n_channels != project.n_channels:
        raise SettingsError(
            f"{name} has {len(pixels.classes)} classes for images of {count(pixels.n_channels, 'channel')}, but "
            f"objects are made of class {least} in images of {count(project.n_channels, 'channel')}. Name the project "
            "on whose probabilities it was trained.",
            setting=PREDICTION_MAPS.field,
        )
