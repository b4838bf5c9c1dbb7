"""What a project keeps to be trained again: images, labels, classes, features and the number of trees."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.ilp.features import read_selection
from napari_batch_prediction.ilp.label_blocks import label_axes, read_label_blocks
from napari_batch_prediction.ilp.labels import read_label_colors, read_label_names
from napari_batch_prediction.ilp.lanes import read_lanes
from napari_batch_prediction.ilp.limits import MAX_TREES
from napari_batch_prediction.ilp.pixel_classification import stage_group
from napari_batch_prediction.ilp.project import (
    MAX_LABEL,
    PIXEL_AND_OBJECT,
    PIXEL_CLASSIFICATION,
    LabelBlock,
    Lane,
)
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.reading.group import ProjectGroup

# In a pickle of protocol 0: a name, where it is kept for later, and a whole number.
_N_TREES = re.compile(r"_num_trees\s+p\d+\s+I(\d{1,9})\s")
_DEFAULT_TREES = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredTraining:
    """What a project keeps to be trained again.

    Attributes
    ----------
    lanes
        The training images.
    blocks
        The labels of each.
    class_names, class_colors
        Name and colour of each class.
    n_trees
        Number of trees of a training.
    selection
        Returns the features, given the last training image as far as it is known.
    """

    lanes: tuple[Lane, ...]
    blocks: tuple[tuple[LabelBlock, ...], ...]
    class_names: tuple[str, ...]
    class_colors: tuple[Color, ...]
    n_trees: int
    selection: Callable[[Lane], FeatureSelection]


def read_training(file: ProjectFile) -> StoredTraining:
    """Read what a Pixel Classification project keeps to be trained again, whether it is trained or not.

    Raises
    ------
    ProjectError
        If the file is not a project of this workflow, has no labels, or is damaged.
    """
    if file.workflow not in (PIXEL_CLASSIFICATION, PIXEL_AND_OBJECT):
        raise file.other_workflow(PIXEL_CLASSIFICATION)
    applet = file.group(stage_group(1))
    lanes = read_lanes(file)
    if applet is None or not lanes:
        raise ProjectError(f"{file.path} has no training images. Add an image in ilastik, label it, and save.")
    blocks = _labels(applet, lanes[-1])
    if len(lanes) < len(blocks):
        raise ProjectError(
            f"{file.path} has labels of {len(blocks)} images, but names {len(lanes)} images. Open it in ilastik and "
            "save it again."
        )
    names = read_label_names(applet, ())
    highest = max((int(block.labels.max()) for image in blocks for block in image), default=0)
    # Labels beyond the names are kept, too.
    names += tuple(f"Label {i}" for i in range(len(names) + 1, highest + 1))
    return StoredTraining(
        lanes=lanes,
        blocks=(*blocks, *[()] * (len(lanes) - len(blocks))),
        class_names=names,
        class_colors=read_label_colors(applet, len(names)),
        n_trees=_n_trees(applet),
        selection=lambda image: read_selection(file, "FeatureSelections", image, 0),
    )


def _labels(applet: ProjectGroup, last: Lane) -> list[tuple[LabelBlock, ...]]:
    found = []
    for image in read_label_blocks(applet, label_axes(last)):
        for block in image:
            if block.labels.min() < 0 or block.labels.max() > MAX_LABEL:
                raise applet.damaged("LabelSets", f"expected labels from 0 to {MAX_LABEL}")
        found.append(tuple(LabelBlock(block.start, block.labels.astype(np.uint8)) for block in image))
    return found


def _n_trees(applet: ProjectGroup) -> int:
    try:
        text = applet.text("ClassifierFactory") or ""
    except ProjectError:
        return _DEFAULT_TREES
    found = _N_TREES.search(text)
    return min(max(int(found[1]), 1), MAX_TREES) if found else _DEFAULT_TREES
