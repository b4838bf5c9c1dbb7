"""The workflows that are run, and what ilastik calls their sources."""

import argparse

from napari_batch_prediction.classifiers.base import DENSITY, PROBABILITIES, Classifier, Source
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.project import AUTOCONTEXT, COUNTING, OBJECTS, PIXEL_AND_OBJECT

_PIXEL_PROBABILITIES = f"Pixel {PROBABILITIES}"

_NAMES = {DENSITY: PROBABILITIES}
"""ilastik's names of sources that have another one here."""

_OF_OBJECTS = (
    "prediction_maps",
    "segmentation_image",
    "label_image",
    "table_filename",
    "table_only",
    "export_object_prediction_img",
    "export_object_probability_img",
)
"""Options that ilastik has in its object classifications."""

_OF_PIXELS = (_PIXEL_PROBABILITIES, "Simple Segmentation")
"""What an object classification exports of its pixel classification."""


def chosen_source(classifier: Classifier, name: str | None) -> tuple[Source, str]:
    """Return the source of a call, and what ilastik calls it: the first one if none is named.

    Raises
    ------
    ProjectError
        If the workflow is not run.
    SettingsError
        If there is no such source.
    """
    if classifier.workflow in OBJECTS:
        raise ProjectError(f"{classifier.path} is of the workflow '{classifier.workflow}', which is not run yet.")
    if classifier.workflow == PIXEL_AND_OBJECT:
        # Objects come through here once they are predicted.
        named = next((known for known in _OF_PIXELS if name is not None and known.lower() == name.lower()), None)
        if named is None:
            raise ProjectError(
                f"{classifier.path} is of the workflow '{PIXEL_AND_OBJECT}', of which only "
                f"--export_source='{_PIXEL_PROBABILITIES}' and --export_source='Simple Segmentation' can be exported."
            )
        return classifier.source(named), named
    source = classifier.source(classifier.sources[0] if name is None else name)
    return source, _NAMES.get(source.name, source.name)


def unused_options(arguments: argparse.Namespace, workflow: str) -> list[str]:
    """Return the options of a call that a workflow does not have, in ilastik neither."""
    others = [*_OF_OBJECTS, *(["retrain", "tree_count"] if workflow == COUNTING else ["csv_export_file"])]
    others += ["tree_count"] if workflow in AUTOCONTEXT else []
    return [f"--{name}" for name in others if getattr(arguments, name) not in (None, False)]
