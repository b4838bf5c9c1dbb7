"""Loading a classifier from its file."""

import os
from dataclasses import replace
from typing import get_args

from napari_batch_prediction.classifiers.base import PROBABILITIES, Classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.classifiers.tensor import class_fit, settled
from napari_batch_prediction.errors import ProjectError, SettingsError
from napari_batch_prediction.features.selection import StructureTensor
from napari_batch_prediction.ilp.forests import is_untrained
from napari_batch_prediction.ilp.lanes import last_lane
from napari_batch_prediction.ilp.pixel_classification import read_project, read_stages, stage_group
from napari_batch_prediction.ilp.project import AUTOCONTEXT, COUNTING, OBJECTS, PIXEL_AND_OBJECT
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.locations.location import at_home
from napari_batch_prediction.training.images import training_dtype
from napari_batch_prediction.wording import did_you_mean, either


def load_classifier(path: str | os.PathLike[str], structure_tensor: StructureTensor | None = None) -> Classifier:
    """Return the classifier in a project file.

    Parameters
    ----------
    path
        An ilastik project (``.ilp``) of one of the workflows Pixel Classification, Autocontext, Cell Density Counting
        and Object Classification.
    structure_tensor
        Which Gaussian of the structure tensor has the feature's scale, ``"gradient"`` or ``"integration"``; told from
        the project if None.

    Raises
    ------
    ProjectError
        If the file cannot serve as a classifier. The message gives the reason and the remedy.
    SettingsError
        If there is no such formula of the structure tensor.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> classifier = nbp.load_classifier("nuclei.ilp")
    >>> classifier.classes, classifier.axes, classifier.n_channels
    (('Background', 'Nucleus', 'Mitotic'), 'yx', 1)
    """
    if not isinstance(path, str | os.PathLike):
        raise ProjectError(f"A project is named by its path, got {type(path).__name__}.")
    if structure_tensor not in (None, *get_args(StructureTensor)):
        choices = get_args(StructureTensor)
        raise SettingsError(
            f"structure_tensor is {either(choices)}, got {structure_tensor!r}"
            f"{did_you_mean(str(structure_tensor), choices)}.",
            setting="structure_tensor",
        )
    with ProjectFile(at_home(os.fspath(path))) as file:
        # Each workflow imports its own: loading one classifier is most of the time that a short command takes.
        if file.workflow in AUTOCONTEXT:
            return _autocontext(file, structure_tensor)
        if file.workflow == COUNTING:
            return _counting(file, structure_tensor)
        if file.workflow in OBJECTS:
            return _objects(file)
        if file.workflow == PIXEL_AND_OBJECT:
            return _pixels_and_objects(file, structure_tensor)
        return _pixel_classification(file, structure_tensor)


def _pixel_classification(file: ProjectFile, structure_tensor: StructureTensor | None) -> Classifier:
    applet = file.group(stage_group(1))
    if applet is not None and is_untrained(applet):
        # Only projects that ilastik saved untrained need this.
        from napari_batch_prediction.training.opening import train_from_labels

        return PixelClassification(*train_from_labels(file))
    project = read_project(file)
    project = replace(project, dtype=training_dtype(file.path.parent, last_lane(project.lanes)))
    if structure_tensor is None:
        fit = class_fit(file, project.lanes, [stage_group(1)], [PROBABILITIES])
        (project,) = settled(file, [project], lambda stages: PixelClassification(stages[0]), fit)
    return PixelClassification(project).with_structure_tensor(structure_tensor)


def _autocontext(file: ProjectFile, structure_tensor: StructureTensor | None) -> Classifier:
    from napari_batch_prediction.classifiers.autocontext import Autocontext

    stages = read_stages(file)
    dtype = training_dtype(file.path.parent, last_lane(stages[0].lanes))
    stages = tuple(replace(stage, dtype=dtype) for stage in stages)
    if structure_tensor is None:
        numbers = range(1, len(stages) + 1)
        sources = [f"{PROBABILITIES} Stage {n}" for n in numbers]
        stages = settled(
            file, stages, Autocontext, class_fit(file, stages[0].lanes, [*map(stage_group, numbers)], sources)
        )
    return Autocontext(stages).with_structure_tensor(structure_tensor)


def _counting(file: ProjectFile, structure_tensor: StructureTensor | None) -> Classifier:
    from napari_batch_prediction.classifiers.density_counting import GOOD_FIT, DensityCounting, density_fit
    from napari_batch_prediction.ilp.counting import read_counting_project

    project = read_counting_project(file)
    project = replace(project, dtype=training_dtype(file.path.parent, last_lane(project.lanes)))
    if not project.regressors:
        # Only projects that ilastik saved untrained need this.
        from napari_batch_prediction.training.counting import train_again

        project = train_again(file, project)
    elif structure_tensor is None:
        fit = density_fit(file, project)
        (project,) = settled(file, [project], lambda stages: DensityCounting(*stages), fit, GOOD_FIT)
    return DensityCounting(project).with_structure_tensor(structure_tensor)


def _objects(file: ProjectFile) -> Classifier:
    from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
    from napari_batch_prediction.ilp.objects.reading import read_object_project

    project = read_object_project(file)
    return ObjectClassification(replace(project, dtype=training_dtype(file.path.parent, last_lane(project.lanes))))


def _pixels_and_objects(file: ProjectFile, structure_tensor: StructureTensor | None) -> Classifier:
    """Return both classifiers in one, or that of pixels alone if objects cannot be classified."""
    from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
    from napari_batch_prediction.ilp.objects.reading import read_object_project

    pixels = _pixel_classification(file, structure_tensor)
    if not isinstance(pixels, PixelClassification):
        raise AssertionError
    try:
        project = read_object_project(file)
    except ProjectError as error:
        return PixelClassification(pixels.project, pixels.training, without_objects=str(error))
    return ObjectClassification(replace(project, dtype=pixels.project.dtype), pixels)
