"""The dots and strokes in a Cell Density Counting project."""

import re
from dataclasses import dataclass

import h5py
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_from_json
from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.ilp.hdf5 import array, attribute, damaged, dataset, group, names, subgroups

DOT, BACKGROUND = 1, 2

_BLOCK_AXES = "xyc"
_SLICE = re.compile(r"(\d{1,9}):(\d{1,9})")


@dataclass(frozen=True, eq=False)
class Block:
    """Labels in part of an image.

    Attributes
    ----------
    y, x
        Where the block begins.
    labels
        (y, x): :data:`DOT`, :data:`BACKGROUND`, or 0.
    """

    y: int
    x: int
    labels: NDArray


def read_label_blocks(applet: h5py.Group) -> list[list[Block]]:
    """Return for each training image, in their order, the blocks with labels.

    Raises
    ------
    ProjectError
        If a block is damaged.
    """
    images = group(applet, "LabelSets")
    members = subgroups(images) if images is not None else {}
    ordered = sorted(members, key=lambda name: int("0" + "".join(re.findall(r"\d", name))))
    return [
        [block for name in names(members[key]) if (block := _read_block(members[key], name)).labels.any()]
        for key in ordered
    ]


def _read_block(parent: h5py.Group, name: str) -> Block:
    stored, labels = dataset(parent, name), array(parent, name)
    if stored is None or labels is None or labels.dtype.kind not in "iu":
        raise damaged(parent, name, "expected whole numbers")
    axes = _BLOCK_AXES
    if tags := attribute(stored, "axistags"):
        try:
            axes = axistags_from_json(tags)[0]
        except AxesError as error:
            raise damaged(parent, name, error) from error
    slices = [(int(a), int(b)) for a, b in _SLICE.findall(str(attribute(stored, "blockSlice")))]
    lengths = tuple(stop - start for start, stop in slices)
    others = [n for key, n in zip(axes, labels.shape, strict=False) if key not in "yx"]
    if len(axes) != labels.ndim or lengths != labels.shape or any(n != 1 for n in others):
        raise damaged(parent, name, f"labels of shape {labels.shape} for the part {slices} in the axes {axes}")
    starts = dict(zip(axes, (start for start, _ in slices), strict=True))
    plane = labels.squeeze(tuple(i for i, key in enumerate(axes) if key not in "yx"))
    return Block(starts["y"], starts["x"], plane if axes.index("y") < axes.index("x") else plane.T)
