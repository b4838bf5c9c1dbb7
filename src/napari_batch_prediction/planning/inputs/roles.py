"""The second images that a classifier needs beside each image."""

from collections.abc import Mapping

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.classifiers.objects.second import check_second
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.images.second import MASK, PREDICTION_MAPS, ROLES, Role
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.header import ImageInfo
from napari_batch_prediction.planning.inputs.matching import Matched
from napari_batch_prediction.planning.inputs.second import is_project


def role_of(classifier: Classifier | None) -> Role | None:
    """Return the role of the second images that a classifier makes its objects of; None if it needs none."""
    return ROLES.get(classifier.second) if isinstance(classifier, ObjectClassification) else None


def needed_role(job: BatchJob, classifier: Classifier) -> Role | None:
    """Return the role of the second image that each image needs; None if it needs none.

    Raises
    ------
    SettingsError
        If the job names second images that the classifier does not take.
    """
    needed = role_of(classifier)
    settings = (job, *job.input_settings.values())
    for role in ROLES.values():
        text = next(filter(None, (getattr(said, role.field) for said in settings)), None)
        if text is None or role == needed:
            continue
        if role == MASK and needed is None:
            continue
        if role == PREDICTION_MAPS and is_project(text) and isinstance(classifier, ObjectClassification):
            continue
        takes = f"the {needed.noun} of each image" if needed is not None else "no second image"
        raise SettingsError(
            f"The {role.noun} of each image is given, but the classifier, '{classifier.workflow}', takes {takes}. "
            "Leave it out.",
            setting=role.field,
        )
    return needed


def with_needed(found: Mapping[Role, Matched], role: Role | None) -> Mapping[Role, Matched]:
    """Return where the second images of an image are, with the error that the one that is needed is not named."""
    if role is None or role in found:
        return found
    others = ", or a project that predicts it" if role == PREDICTION_MAPS else ""
    text = (
        f"The {role.noun} of each image is missing. Name it: a file, a pattern, a template such as {role.example}"
        f"{others}."
    )
    return {**found, role: SettingsError(text, setting=role.field)}


def check_role(classifier: Classifier, role: Role, header: ImageInfo) -> None:
    """Check that a classifier can use a second image.

    Raises
    ------
    ImageMismatchError
        If its channels or its type do not fit.
    """
    if isinstance(classifier, ObjectClassification) and role.field == classifier.second:
        check_second(classifier.project, role, header.axes, header.shape, header.dtype)
