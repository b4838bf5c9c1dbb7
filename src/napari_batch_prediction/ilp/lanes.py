"""The training images in a project file: path, axes, shape and type, as far as stored."""

import numpy as np

from napari_batch_prediction.axes import axistags_from_json, check_axes
from napari_batch_prediction.errors import AxesError, ProjectError
from napari_batch_prediction.ilp.limits import MAX_DIMENSIONS, MAX_LANES
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.reading.group import ProjectGroup


def read_lanes(file: ProjectFile) -> tuple[Lane, ...]:
    """Return the training images in order; a lane with a damaged description has only its damage.

    Raises
    ------
    ProjectError
        If the list of images is damaged.
    """
    inputs = file.group("Input Data")
    infos = inputs.group("infos") if inputs is not None else None
    if inputs is None or infos is None:
        return ()
    roles = inputs.texts("Role Names")
    groups = infos.numbered_subgroups()
    if len(groups) > MAX_LANES:
        raise infos.damaged("", f"expected at most {MAX_LANES} images, found {len(groups)}")
    lanes = (_read_lane(file, group, roles) for group in groups)
    return tuple(lane for lane in lanes if lane is not None)


def last_lane(lanes: tuple[Lane, ...]) -> Lane:
    """Return the last training image, which ilastik takes as the model for new images.

    Raises
    ------
    ProjectError
        If its description is damaged.
    """
    lane = lanes[-1] if lanes else Lane()
    if lane.damage:
        raise ProjectError(lane.damage)
    return lane


def _read_lane(file: ProjectFile, lane: ProjectGroup, roles: tuple[str, ...] | None) -> Lane | None:
    try:
        # The oldest layout has no roles: the lane itself has the keys.
        info = lane.group(roles[0]) if roles else lane
        return _read_info(file, info) if info is not None and info.names() else None
    except ProjectError as error:
        return Lane(name=lane.name, damage=str(error))


def _read_info(file: ProjectFile, info: ProjectGroup) -> Lane:
    axes, shape, dtype = _read_axes(info), info.integers("shape"), None
    path = info.text("inner_path")
    stored = file.dataset(path) if path else None
    if path and stored is not None:
        dtype = np.dtype(stored.dtype).name
        shape = shape or stored.shape
        axes = axes or _parsed_axes(file, path, file.attribute(path, "axistags"))
    else:
        path = info.text("filePath")
    if shape is not None and len(shape) > MAX_DIMENSIONS:
        raise info.damaged("shape", f"expected at most {MAX_DIMENSIONS} dimensions, found {len(shape)}")
    if axes is not None and shape is not None and (len(shape) != len(axes) or min(shape) < 1):
        raise info.damaged("shape", f"shape {shape} does not fit the axes '{axes}'")
    return Lane(name=info.name, path=path, is_inside=stored is not None, axes=axes, shape=shape, dtype=dtype)


def _read_axes(info: ProjectGroup) -> str | None:
    axes = _parsed_axes(info, "axistags", info.text("axistags"))
    order = info.text("axisorder")
    if axes is not None or order is None:
        return axes
    try:
        return check_axes(order)
    except AxesError as error:
        raise info.damaged("axisorder", error) from error


def _parsed_axes(parent: ProjectGroup, name: str, axistags: str | None) -> str | None:
    if axistags is None:
        return None
    try:
        return axistags_from_json(axistags)[0]
    except AxesError as error:
        raise parent.damaged(name, error) from error
