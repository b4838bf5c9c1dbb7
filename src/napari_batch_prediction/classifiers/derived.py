"""What is made of the probabilities of whole images: areas of the classes, and objects."""

from dataclasses import replace

import numpy as np

from napari_batch_prediction.classifiers.source import Source

AREAS = "Areas"
OBJECTS = "Objects"
OBJECT_TABLE = "Object Table"

AREA_COLUMNS = (
    "time",
    "class",
    "pixels",
    "share",
    "area",
    "volume",
    "unit",
    "mean probability",
    "mean uncertainty",
)
"""The columns of a table of areas."""


def derived_sources(probabilities: Source) -> tuple[Source, ...]:
    """Return the sources that are made of probabilities, besides those of single pixels.

    Parameters
    ----------
    probabilities
        The source of the probabilities: one channel a class.
    """
    table = replace(
        probabilities,
        name=AREAS,
        kind="table",
        dtype=np.dtype(np.float64),
        channels=1,
        channel_names=(AREAS,),
        value_range=None,
        columns=AREA_COLUMNS,
        made_from=probabilities.name,
        about="A table with the area of each class in each image: pixels, share, area or volume.",
    )
    objects = replace(
        probabilities,
        name=OBJECTS,
        kind="labels",
        dtype=np.dtype(np.uint32),
        channels=1,
        channel_names=(OBJECTS,),
        value_range=None,
        classes=(),
        class_colors=(),
        made_from=probabilities.name,
        whole=True,
        about="The objects of one class: each pixel has the number of its object, from 1; 0 is background.",
    )
    of_objects = replace(
        objects,
        name=OBJECT_TABLE,
        kind="table",
        dtype=np.dtype(np.float64),
        channel_names=(OBJECT_TABLE,),
        about="A table with a row for each object: position, size, shape and intensity.",
    )
    return table, objects, of_objects
