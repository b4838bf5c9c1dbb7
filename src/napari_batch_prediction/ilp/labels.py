"""The classes in a project file: names, colours, and columns of the forest."""

import colorsys

from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.label_blocks import named_blocks
from napari_batch_prediction.ilp.limits import MAX_NAME
from napari_batch_prediction.ilp.project import MAX_LABEL, TRAIN_AGAIN
from napari_batch_prediction.ilp.reading.group import ProjectGroup

# For projects without colours: a palette for colour-blind people, too.
_COLORS: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (150, 150, 150),
)
_MAX_COLORS = 10_000
_GOLDEN_RATIO = 0.618


def read_label_names(applet: ProjectGroup, column_labels: tuple[int, ...]) -> tuple[str, ...]:
    """Return the name of each class.

    Parameters
    ----------
    applet
        The group of the pixel classification.
    column_labels
        Label value of each column of the classifier.

    Raises
    ------
    ProjectError
        If the classifier has more columns than names; ilastik discards such a classifier.
    """
    stored = applet.texts("LabelNames", MAX_LABEL, MAX_NAME)
    if stored is None:
        return tuple(f"Label {i}" for i in range(1, max((*column_labels, highest_label(applet))) + 1))
    if len(stored) < len(column_labels):
        raise ProjectError(
            f"{applet.path}: the classifier was trained on {len(column_labels)} classes, but the "
            f"project has only {len(stored)}: {', '.join(stored)[:500]}. {TRAIN_AGAIN}"
        )
    return stored


def channel_of_column(applet: ProjectGroup, column_labels: tuple[int, ...], n_labels: int) -> tuple[int, ...]:
    """Return the output channel (from 0) of each column of the classifier.

    As in ilastik, label values matter only if a class has no column.

    Raises
    ------
    ProjectError
        If a label belongs to no class.
    """
    if len(column_labels) == n_labels:
        return tuple(range(n_labels))
    if max(column_labels) > n_labels:
        raise applet.damaged(
            "ClassifierForests/known_labels",
            f"expected labels 1 to {n_labels}, found {column_labels}",
        )
    return tuple(label - 1 for label in column_labels)


def read_label_colors(applet: ProjectGroup, n_labels: int) -> tuple[Color, ...]:
    """Return the stored colour of each class, or fixed colours if too few are stored or they are not valid."""
    stored = applet.array("LabelColors", _MAX_COLORS)
    if stored is not None and stored.ndim == 2 and stored.shape[1] >= 3 and len(stored) >= n_labels:
        rows = stored[:n_labels, :3]
        if rows.dtype.kind in "iuf" and ((rows >= 0) & (rows <= 255)).all():
            return tuple((int(r), int(g), int(b)) for r, g, b in rows)
    return tuple(_color(i) for i in range(n_labels))


def _color(i: int) -> Color:
    if i < len(_COLORS):
        return _COLORS[i]
    r, g, b = colorsys.hsv_to_rgb(i * _GOLDEN_RATIO % 1, 0.7, 0.9)
    return round(255 * r), round(255 * g), round(255 * b)


def highest_label(applet: ProjectGroup) -> int:
    """Return the highest painted label; 0 if there is none."""
    highest = 0
    for blocks, names in named_blocks(applet):
        for name in names:
            labels = blocks.array(name)
            if labels is None or labels.dtype.kind not in "iu" or labels.max(initial=0) > MAX_LABEL:
                raise blocks.damaged(name, f"expected labels from 0 to {MAX_LABEL}")
            highest = max(highest, int(labels.max(initial=0)))
    return highest
