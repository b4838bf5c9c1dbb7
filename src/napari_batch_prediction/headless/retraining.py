"""Loading the classifier of a call, trained anew if the call says so."""

import argparse
from pathlib import Path

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ProjectError, SettingsError
from napari_batch_prediction.headless.messages import Messages
from napari_batch_prediction.ilp.project import AUTOCONTEXT, PIXEL_CLASSIFICATION
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.locations.location import at_home


def load_for(arguments: argparse.Namespace, messages: Messages) -> Classifier:
    """Return the classifier of a call; with ``--retrain`` or ``--tree_count`` it is trained anew from its labels.

    As in ilastik, a project without a classifier is trained, too. Only ``--retrain`` with ``--readonly=0`` changes the
    project.

    Raises
    ------
    ProjectError
        If the project cannot be used, or not be trained.
    SettingsError
        If there is no such number of trees.
    ExportError
        If the new classifier cannot be saved.
    """
    path = Path(at_home(arguments.project))
    if not arguments.retrain and arguments.tree_count is None:
        return _loaded(path, messages)
    if arguments.tree_count is not None and arguments.tree_count < 1:
        raise SettingsError(f"--tree_count is {arguments.tree_count}, expected at least 1.")
    with ProjectFile(path) as file:
        if file.workflow == PIXEL_CLASSIFICATION:
            return _retrained(file, arguments, messages)
        workflow = file.workflow
    if workflow in AUTOCONTEXT and arguments.retrain:
        raise ProjectError(f"{path} is a project of the workflow '{workflow}', which is not trained here.")
    # ilastik has neither option in its other workflows.
    return _loaded(path, messages)


def _loaded(path: Path, messages: Messages) -> Classifier:
    classifier = load_classifier(path)
    if told := classifier.describe().trained_again:
        messages.warn(told)
    return classifier


def _retrained(file: ProjectFile, arguments: argparse.Namespace, messages: Messages) -> Classifier:
    from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
    from napari_batch_prediction.ilp.writing.forests import replace_forest
    from napari_batch_prediction.training.opening import train_from_labels

    project, training = train_from_labels(file, n_trees=arguments.tree_count, is_asked=True)
    if arguments.retrain and arguments.readonly is False:
        n_pixels = sum(int((block.labels != 0).sum()) for image in training.images for block in image.blocks)
        replace_forest(file.path, project, n_pixels)
        messages.say(f"The new classifier is saved in {file.path}.")
    elif arguments.retrain:
        messages.say("The new classifier is not saved in the project; with --readonly=0 it is.")
    messages.warn(project.trained_again)
    return PixelClassification(project, training)
