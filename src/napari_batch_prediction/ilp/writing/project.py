"""Writing a Pixel Classification project: whole, or not at all."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import h5py
import numpy as np

from napari_batch_prediction.disk import require_path
from napari_batch_prediction.errors import ExportError, OutputExistsError, SettingsError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.formats.common.files import write_whole, writing
from napari_batch_prediction.ilp.limits import MAX_BLOCKS, MAX_LANES
from napari_batch_prediction.ilp.project import PIXEL_CLASSIFICATION, Existing, PixelClassificationProject
from napari_batch_prediction.ilp.tensor import SAVED_HERE
from napari_batch_prediction.ilp.writing.export import write_export_settings
from napari_batch_prediction.ilp.writing.forests import factory, write_forests
from napari_batch_prediction.ilp.writing.images import WrittenImage, write_images
from napari_batch_prediction.ilp.writing.labels import gridded, write_labels
from napari_batch_prediction.ilp.writing.texts import put_storage_version, put_text, put_texts
from napari_batch_prediction.wording import either

EXTENSION = ".ilp"

VERSION = f"1.4.0{SAVED_HERE}"
"""The version of ilastik whose layout it is, marked as not saved by it."""

OLD_VERSION = f"1.1.0{SAVED_HERE}"
"""The version for a forest trained on the structure tensor that ilastik computed up to then."""

_MEMORY_STEP = 2**20


def write_project(
    path: Path,
    project: PixelClassificationProject,
    images: Sequence[WrittenImage],
    *,
    n_trees: int = 100,
    existing: Existing = "error",
) -> None:
    """Write a Pixel Classification project that ilastik opens, predicts with and trains again.

    It is written under a temporary name; a file that is replaced stays until then.

    Parameters
    ----------
    path
        The file, which ends in ``.ilp``. Paths of images in or under its folder are written relative to it.
    project
        Selection, classes and forest. Without trees the project has labels only, which ilastik trains on.
    images
        The training images with their labels, at least one.
    n_trees
        Number of trees of a new training.
    existing
        Whether a file of that name is replaced.

    Raises
    ------
    SettingsError
        If the name cannot be that of a project, or there is no training image, or there are too many.
    OutputExistsError
        If there is such a file and it is not to be replaced.
    ExportError
        If the file cannot be written, or is open in another program.
    """
    path = Path(path)
    check_place(path, existing)
    if not images:
        raise SettingsError("A project needs a training image, and there is none. Add an image.", setting="inputs")
    if len(images) > MAX_LANES:
        raise SettingsError(
            f"There are {len(images)} training images, expected at most {MAX_LANES}. Leave some out.", setting="inputs"
        )
    with writing(path):
        content = _content(path, project, images, n_trees)
    write_whole(path, content, replace=existing == "overwrite")


def check_place(path: Path, existing: Existing = "error") -> None:
    """Check that a project can be written to a path, as far as that is known before it is written.

    Raises
    ------
    SettingsError, OutputExistsError, ExportError
        See :func:`write_project`.
    """
    require_path(path, SettingsError, "The project", "classifier")
    _check_existing(existing)
    if path.suffix.lower() != EXTENSION:
        raise SettingsError(
            f"A project is saved in a file that ends in {EXTENSION}, not in '{path.name}'. "
            f"Use '{path.name}{EXTENSION}'.",
            setting="classifier",
            path=path,
        )
    if not os.path.lexists(path):
        return
    if path.is_dir():
        raise ExportError(f"{path} is a folder. Choose another name.", path=path)
    if existing != "overwrite":
        raise OutputExistsError(
            f"{path} exists, and is left as it is. Choose another name, or allow overwriting (existing='overwrite', "
            "--overwrite).",
            setting="existing",
            path=path,
        )
    if _is_open_elsewhere(path):
        raise ExportError(
            f"{path} is open in another program, such as ilastik, which would lose its changes. Close it there, or "
            "choose another name.",
            path=path,
        )


def _check_existing(existing: str) -> None:
    if existing not in get_args(Existing):
        raise SettingsError(
            f"existing is {existing!r}, expected {either(map(repr, get_args(Existing)))}.", setting="existing"
        )


def _is_open_elsewhere(path: Path) -> bool:
    """Return True if a program has the file open to change it: HDF5 then holds a lock."""
    try:
        import fcntl
    except ImportError:
        return False  # Windows renames no open file
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no locks here, or not readable
    return False


def _content(path: Path, project: PixelClassificationProject, images: Sequence[WrittenImage], n_trees: int) -> bytes:
    """Return the content of the file.

    It is made in memory: where the disk is full, HDF5 ends the process while it closes a file (seen with 1.14.6).
    """
    with h5py.File(path.name, "w", driver="core", backing_store=False, block_size=_MEMORY_STEP) as file:
        _write(file, path, project, images, n_trees)
        file.flush()
        content: bytes = file.id.get_file_image()
    return content


def _write(
    file: h5py.File,
    path: Path,
    project: PixelClassificationProject,
    images: Sequence[WrittenImage],
    n_trees: int,
) -> None:
    selection = project.selection
    is_old = selection.has_structure_tensor and selection.structure_tensor == "gradient"
    put_text(file, "ilastikVersion", OLD_VERSION if is_old else VERSION)
    put_text(file, "workflowName", PIXEL_CLASSIFICATION)
    put_text(file, "time", time.ctime())
    write_images(file, images, path)
    _write_selection(file.create_group("FeatureSelections"), selection)
    _write_classification(file.create_group("PixelClassification"), project, images, n_trees)
    write_export_settings(file.create_group("Prediction Export"), project.export, project.axes)


def _write_selection(group: h5py.Group, selection: FeatureSelection) -> None:
    put_storage_version(group, "0.1")
    put_texts(group, "FeatureIds", selection.ids)
    group["Scales"] = np.array(selection.scales, np.float64)
    group["SelectionMatrix"] = np.array(selection.matrix, bool)
    group["ComputeIn2d"] = np.array(selection.in_2d, bool)


def _write_classification(
    group: h5py.Group, project: PixelClassificationProject, images: Sequence[WrittenImage], n_trees: int
) -> None:
    put_storage_version(group, "0.1")
    colors = np.array(project.label_colors, np.int64)
    lists = [
        put_texts(group, "LabelNames", project.label_names),
        group.create_dataset("LabelColors", data=colors),
        group.create_dataset("PmapColors", data=colors),
    ]
    for stored in lists:
        stored.attrs["isEmpty"] = not project.label_names
    put_text(group, "ClassifierFactory", factory(n_trees))
    sets = group.create_group("LabelSets")
    n_samples = 0
    most = MAX_BLOCKS // max(sum(1 for image in images if image.blocks), 1)
    for i, image in enumerate(images):
        blocks = gridded(image.blocks, most)
        n_samples += sum(int(np.count_nonzero(block.labels)) for block in blocks)
        write_labels(sets.create_group(f"labels{i:03}"), blocks, image.label_axes)
    if project.trees:
        write_forests(group, project, n_samples)
