"""The workflows that are run, and what ilastik calls their sources."""

import argparse

from napari_batch_prediction.classifiers.base import DENSITY, PROBABILITIES, SEGMENTATION, Classifier, Source
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.classifiers.objects.sources import IDENTITIES, PREDICTIONS
from napari_batch_prediction.classifiers.objects.sources import PROBABILITIES as OBJECT_PROBABILITIES
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.ilp.project import AUTOCONTEXT, COUNTING, OBJECTS, PIXEL_AND_OBJECT

_PIXEL_PROBABILITIES = f"Pixel {PROBABILITIES}"

_NAMES = {DENSITY: PROBABILITIES}
"""ilastik's names of sources that have another one here."""

_OF_OBJECTS = (PREDICTIONS, OBJECT_PROBABILITIES, IDENTITIES)
"""What an object classification exports, its default first."""

_OF_PIXELS = (_PIXEL_PROBABILITIES, SEGMENTATION)
"""What it exports of its pixel classification, if it begins with one."""

_SOURCES_AS_OPTIONS = ("export_object_prediction_img", "export_object_probability_img")


def chosen_source(classifier: Classifier, name: str | None) -> tuple[Source, str]:
    """Return the source of a call, and what ilastik calls it: its first one if none is named.

    Raises
    ------
    SettingsError
        If there is no such source.
    """
    if isinstance(classifier, ObjectClassification):
        return _of_objects(classifier, _OF_OBJECTS[0] if name is None else name)
    source = classifier.source(classifier.sources[0] if name is None else name)
    return source, _NAMES.get(source.name, source.name)


def _of_objects(classifier: ObjectClassification, name: str) -> tuple[Source, str]:
    known = (*_OF_OBJECTS, *(_OF_PIXELS if classifier.workflow == PIXEL_AND_OBJECT else ()))
    named = next((each for each in known if each.lower() == name.strip().lower()), None)
    if named is not None:
        return classifier.source(named), named
    # Of those that are not made it says why.
    classifier.source(name)
    raise SettingsError(
        f"{classifier.path} is of the workflow '{classifier.workflow}', which cannot export '{name}'. Choose one of: "
        f"{', '.join(known)}."
    )


def unused_options(arguments: argparse.Namespace, workflow: str) -> list[str]:
    """Return the options of a call that a workflow does not have, in ilastik neither."""
    others = [*_SOURCES_AS_OPTIONS, *(role for role in OBJECTS.values() if role != OBJECTS.get(workflow))]
    of_objects = workflow in OBJECTS or workflow == PIXEL_AND_OBJECT
    others += [] if of_objects else ["table_filename", "table_only"]
    others += ["retrain"] if of_objects or workflow == COUNTING else []
    others += ["tree_count"] if of_objects or workflow == COUNTING or workflow in AUTOCONTEXT else []
    others += [] if workflow == COUNTING else ["csv_export_file"]
    return [f"--{name}" for name in others if getattr(arguments, name) not in (None, False)]
