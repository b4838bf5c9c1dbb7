"""The labels (dots and strokes) in a project."""

import re
from collections.abc import Mapping

from napari_batch_prediction.axes import axistags_from_json, reorder
from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.ilp.limits import MAX_BLOCKS
from napari_batch_prediction.ilp.project import LabelBlock, Lane
from napari_batch_prediction.ilp.reading.group import ProjectGroup

_SLICE = re.compile(r"(\d{1,9}):(\d{1,9})")


def read_label_blocks(applet: ProjectGroup, axes: Mapping[int, str]) -> list[list[LabelBlock]]:
    """Return the blocks with labels of each training image, in order.

    Parameters
    ----------
    applet
        The group of the workflow.
    axes
        The axes of blocks that do not store theirs, as those of ilastik before 1.3, by their number.

    Raises
    ------
    ProjectError
        If a block is damaged.
    """
    return [
        [block for name in names if (block := _read_block(image, name, axes)).labels.any()]
        for image, names in named_blocks(applet)
    ]


def label_axes(lane: Lane) -> dict[int, str]:
    """Return the axes of labels that do not store theirs, by their number: those of the image, the channel last."""
    has = {key: key in (lane.axes or "") and lane.extent(key) != 1 for key in "tz"}
    return {3: "yxc", 4: "tyxc" if has["t"] and not has["z"] else "zyxc", 5: "tzyxc" if all(has.values()) else "txyzc"}


def named_blocks(applet: ProjectGroup) -> list[tuple[ProjectGroup, list[str]]]:
    """Return the labels of each training image, in order, with the names of their blocks."""
    sets = applet.group("LabelSets")
    images = sets.numbered_subgroups() if sets is not None else []
    blocks = [(image, image.names()) for image in images]
    if (n_blocks := sum(len(names) for _, names in blocks)) > MAX_BLOCKS:
        raise applet.damaged("LabelSets", f"expected at most {MAX_BLOCKS} blocks, found {n_blocks}")
    return blocks


def _read_block(parent: ProjectGroup, name: str, default_axes: Mapping[int, str]) -> LabelBlock:
    stored, labels = parent.dataset(name), parent.array(name)
    if stored is None or labels is None or labels.dtype.kind not in "iu":
        raise parent.damaged(name, "expected whole numbers")
    axes = default_axes.get(labels.ndim, "")
    if tags := parent.attribute(name, "axistags"):
        try:
            axes = axistags_from_json(tags)[0]
        except AxesError as error:
            raise parent.damaged(name, error) from error
    slices = [(int(a), int(b)) for a, b in _SLICE.findall(str(parent.attribute(name, "blockSlice")))]
    lengths = tuple(stop - start for start, stop in slices)
    if len(axes) != labels.ndim or lengths != labels.shape or ("c" in axes and lengths[axes.index("c")] != 1):
        raise parent.damaged(name, f"labels of shape {labels.shape} for the part {slices} in the axes {axes}")
    starts = dict(zip(axes, (start for start, _ in slices), strict=True))
    t, z, y, x = (starts.get(key, 0) for key in "tzyx")
    return LabelBlock(start=(t, z, y, x), labels=reorder(labels, axes, "tzyx"))
