"""What a call says of objects: the second image of each image, and their table."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.derived import OBJECT_TABLE
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.headless.inputs import look_at
from napari_batch_prediction.headless.values import local_path, template
from napari_batch_prediction.ilp.export_settings import place_of, without_extension
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.locations.location import at_home
from napari_batch_prediction.wording import count

_FORMATS = {"csv": "ilastik csv", "h5": "ilastik hdf5"}


def second_images(
    arguments: argparse.Namespace, classifier: Classifier, n_images: int, stack: StackAxis | None
) -> Mapping[str, list[str]]:
    """Return the second images of all images, in their order, by the field of a job; empty if none are needed.

    Raises
    ------
    SettingsError
        If there are not as many as images.
    """
    if not isinstance(classifier, ObjectClassification) or not classifier.second:
        return {}
    role = classifier.second
    seconds = [item.text for item in look_at([*map(local_path, getattr(arguments, role) or ())], stack)]
    if len(seconds) != n_images:
        raise SettingsError(
            f"--{role} names {count(len(seconds), 'file')} for {count(n_images, 'image')}, but the workflow "
            f"'{classifier.workflow}' needs one for each image. Name them in the order of the images."
        )
    return {role: seconds}


def object_table(arguments: argparse.Namespace, classifier: Classifier, title: str) -> list[Export]:
    """Return the table of objects, if the call asks for it; where and how the project says, if the call does not.

    Parameters
    ----------
    arguments, classifier
        The options, and the classifier.
    title
        ilastik's name of the source.

    Raises
    ------
    SettingsError
        If the table alone is asked for, and nothing says where.
    """
    if not isinstance(classifier, ObjectClassification):
        return []
    asked: str | None = arguments.table_filename
    if asked is None and not arguments.table_only:
        return []
    stored = classifier.project.table
    place: Mapping[str, Any]
    if asked is not None:
        place = {"folder": Path.cwd(), "name": at_home(asked)}
    elif stored is not None:
        place = place_of(stored.path, classifier.file.parent)
    else:
        raise SettingsError(
            "--table_only is given, but neither the call nor the project names a table: give its file "
            "with --table_filename."
        )
    file_type = "csv" if stored is None else stored.file_type
    name = without_extension(template(place["name"], title))
    # In ilastik, the name of a CSV says that it is a table.
    fields = {**place, "name": f"{name}_table" if file_type == "csv" else name}
    return [
        Export.read({**fields, "source": OBJECT_TABLE, "format": _FORMATS[file_type]}, "The table cannot be written")
    ]
