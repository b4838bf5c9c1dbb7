"""Finding the images that a project was trained on."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

import h5py
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_from_json, check_axes, extents, guess_axes, reorder
from napari_batch_prediction.errors import AxesError, BatchPredictionError, ProjectError
from napari_batch_prediction.ilp.hdf5 import (
    array,
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
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import is_true, split


def training_image_infos(file: h5py.File) -> list[h5py.Group]:
    """Return the groups that describe the training images, in their order.

    Raises
    ------
    ProjectError
        If the project does not describe any.
    """
    inputs = group(file, "Input Data")
    infos = group(inputs, "infos") if inputs is not None else None
    if inputs is None or infos is None:
        raise damaged(file, "Input Data", "it names no training images")
    roles = texts(inputs, "Role Names")
    lanes = subgroups(infos)
    ordered = sorted(lanes, key=lambda name: int("0" + "".join(re.findall(r"\d", name))))
    # Projects of the oldest layout have no roles: the keys are in the lane itself.
    raws = [group(lanes[name], roles[0]) if roles else lanes[name] for name in ordered]
    return [raw for raw in raws if raw is not None and names(raw)]


def read_training_pixels(info: h5py.Group) -> NDArray:
    """Return the pixels of a 2D training image, (c, y, x), from where the project says it is, or from beside it.

    Raises
    ------
    ProjectError
        If it is not found, cannot be read, or is not the image that the project was trained on.
    """
    try:
        stored_axes = axistags_from_json(tags)[0] if (tags := text(info, "axistags")) else text(info, "axisorder")
    except AxesError as error:
        raise damaged(info, "axistags", error) from error
    inner = text(info, "inner_path")
    stored = dataset(info.file, inner) if inner else None
    if inner and stored is not None:
        where = f"{info.file.filename}{stored.name}"
        pixels = array(info.file, inner)
        if pixels is None or pixels.dtype.kind not in "biuf":
            raise damaged(info.file, inner, "expected an image")
        tags = attribute(stored, "axistags")
        axes = stored_axes or (axistags_from_json(tags)[0] if tags else guess_axes(pixels.shape))
        check_axes(axes, pixels.shape)
    else:
        where = _find(info)
        axes, pixels = _read(where, stored_axes)
    found = extents(axes, pixels.shape)
    shape = integers(info, "shape")
    expected = extents(stored_axes, shape) if stored_axes and shape else {"t": 1, "z": 1}
    if any(found[key] != n for key, n in expected.items()):
        raise ProjectError(
            f"{where} is not the image that the project was trained on: expected "
            f"{_listed(expected)}, found {_listed(found)}."
        )
    planes: NDArray = reorder(pixels, axes, "tczyx")[0, :, 0]
    return planes


def training_dtype(info: h5py.Group) -> str | None:
    """Return the type of a training image's file; None if it is not found there any more, or is another image.

    Only files that the project names from its own folder on are looked at: elsewhere may be the network.
    """
    path, shape = text(info, "filePath"), integers(info, "shape")
    if path is None or shape is None or PureWindowsPath(path).anchor or PurePosixPath(path).is_absolute():
        return None
    try:
        with open_image(_find(info)) as image:
            same = sorted(n for n in image.shape if n > 1) == sorted(n for n in shape if n > 1)
            return image.dtype.name if same else None
    except BatchPredictionError:
        return None  # the project does without; only a doubt is lost


def _find(info: h5py.Group) -> str:
    """Return the location of the image's file."""
    path = text(info, "filePath")
    if path is None:
        raise damaged(info, "filePath", "it is missing")
    folder = Path(info.file.filename).parent
    # ilastik on Windows writes backslashes.
    written = path.replace("\\", "/")
    file, inside = split(str(folder / written))
    looked_at = [folder / written, folder / file.name / (inside or "")]
    for candidate in looked_at:
        if is_true(Path.exists, split(str(candidate))[0]):
            return str(candidate)
    listed = " and ".join(dict.fromkeys(str(candidate) for candidate in looked_at))
    raise ProjectError(f"the training image {path} was not found; looked for {listed}")


def _read(location: str, stored_axes: str | None) -> tuple[str, NDArray]:
    try:
        with open_image(location) as image:
            if stored_axes is None or len(stored_axes) != len(image.shape) or stored_axes == image.axes:
                return image.axes, image.read()
        with open_image(location, stored_axes) as image:
            return image.axes, image.read()
    except BatchPredictionError as error:
        raise ProjectError(f"the training image {location} cannot be read: {error}") from error


def _listed(found: dict[str, int]) -> str:
    return ", ".join(f"{key}={n}" for key, n in found.items() if n > 1 or key in "yx")
