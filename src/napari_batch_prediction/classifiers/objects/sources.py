"""The sources of a classifier of objects."""

from dataclasses import replace

import numpy as np

from napari_batch_prediction.classifiers.derived import OBJECT_TABLE
from napari_batch_prediction.classifiers.source import Source
from napari_batch_prediction.ilp.objects.project import ObjectProject

PREDICTIONS = "Object Predictions"
PROBABILITIES = "Object Probabilities"
IDENTITIES = "Object Identities"


def object_sources(project: ObjectProject, made_from: str = "", variant: str = "") -> tuple[Source, ...]:
    """Return the sources that are made of objects.

    Parameters
    ----------
    project
        What classifies objects.
    made_from
        The source of the probabilities of pixels; empty if objects are those of a second image.
    variant
        See :class:`~napari_batch_prediction.classifiers.source.Source`.
    """
    classes, colors, n = project.label_names, project.label_colors, len(project.label_names)
    predictions = Source(
        name=PREDICTIONS,
        kind="labels",
        dtype=np.dtype(np.uint8),
        channel_names=(PREDICTIONS,),
        value_range=(0.0, float(n)),
        classes=classes,
        class_colors=colors,
        whole=True,
        about="The number of the most probable class of each object at its pixels: 1 is the first class.",
    )
    probabilities = Source(
        name=PROBABILITIES,
        dtype=np.dtype(np.float32),
        channels=n,
        channel_names=classes,
        value_range=(0.0, 1.0),
        classes=classes,
        class_colors=colors,
        whole=True,
        about="For each class, how probable it is that an object belongs to it, at the object's pixels.",
    )
    identities = Source(
        name=IDENTITIES,
        kind="labels",
        dtype=np.dtype(np.uint32),
        channel_names=(IDENTITIES,),
        whole=True,
        about="The number of its object at each pixel, from 1; 0 is background.",
    )
    table = Source(
        name=OBJECT_TABLE,
        kind="table",
        dtype=np.dtype(np.float64),
        channel_names=(OBJECT_TABLE,),
        classes=classes,
        class_colors=colors,
        whole=True,
        about="A table with a row for each object: class, probabilities and features.",
    )
    sources = (predictions, probabilities, identities, table)
    return tuple(replace(source, made_from=made_from, variant=variant) for source in sources)
