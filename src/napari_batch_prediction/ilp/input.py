"""The images a project was trained on: axes, shape and dtype, as far as the project file tells."""

import re
from dataclasses import dataclass

import h5py
import numpy as np

from napari_batch_prediction.axes import axistags_from_json, check_axes
from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.ilp.hdf5 import (
    attribute,
    damaged,
    dataset,
    group,
    integers,
    names,
    subgroups,
    text,
    texts,
)
from napari_batch_prediction.training.images import training_dtype


@dataclass(frozen=True)
class TrainingImage:
    """What a project file tells of a training image.

    Attributes
    ----------
    axes
        Axis keys in stored order, or None if unknown.
    shape
        Extents along ``axes``, or None if unknown.
    dtype
        Name of the dtype; known of an image that was copied into the project, or that lies where the project says.
    """

    axes: str | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None

    def extent(self, key: str) -> int | None:
        """Return the extent along an axis: 1 for an axis the image does not have, None if unknown."""
        if self.axes is None:
            return None
        if key not in self.axes:
            return 1
        return self.shape[self.axes.index(key)] if self.shape else None


def read_training_image(file: h5py.File) -> TrainingImage:
    """Return what is known of the last training image: the one ilastik goes by for new images.

    Raises
    ------
    ProjectError
        If its axes or shape are damaged.
    """
    inputs = group(file, "Input Data")
    infos = group(inputs, "infos") if inputs is not None else None
    if inputs is None or infos is None:
        return TrainingImage()
    roles = texts(inputs, "Role Names")
    lanes = subgroups(infos)
    for name in sorted(lanes, key=_lane_number, reverse=True):
        # Projects of the oldest layout have no roles: the keys are in the lane itself.
        raw = group(lanes[name], roles[0]) if roles else lanes[name]
        if raw is not None and names(raw):
            return _read_info(file, raw)
    return TrainingImage()


def _read_info(file: h5py.File, info: h5py.Group) -> TrainingImage:
    axes, shape, dtype = _read_axes(info), integers(info, "shape"), None
    inner = text(info, "inner_path")
    stored = dataset(file, inner) if inner else None
    if inner and stored is not None:
        dtype = np.dtype(stored.dtype).name
        shape = shape or stored.shape
        axes = axes or _parsed_axes(file, inner, attribute(stored, "axistags"))
    else:
        dtype = training_dtype(info)
    if axes is None:
        return TrainingImage(dtype=dtype)
    if shape is not None and (len(shape) != len(axes) or min(shape) < 1):
        raise damaged(info, "shape", f"shape {shape} does not fit the axes '{axes}'")
    return TrainingImage(axes, shape, dtype)


def _read_axes(info: h5py.Group) -> str | None:
    axes = _parsed_axes(info, "axistags", text(info, "axistags"))
    order = text(info, "axisorder")
    if axes is not None or order is None:
        return axes
    try:
        return check_axes(order)
    except AxesError as error:
        raise damaged(info, "axisorder", error) from error


def _parsed_axes(parent: h5py.Group, name: str, axistags: str | None) -> str | None:
    if axistags is None:
        return None
    try:
        return axistags_from_json(axistags)[0]
    except AxesError as error:
        raise damaged(parent, name, error) from error


def _lane_number(name: str) -> int:
    digits = re.search(r"\d+", name)
    return int(digits[0]) if digits else -1
