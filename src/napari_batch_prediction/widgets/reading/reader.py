"""napari's way to open what this program and ilastik export.

Importing this module costs nothing, and a file of another program is recognised by its first bytes: napari asks
about every file that it opens.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_batch_prediction.errors import ImageReadError

LayerTuple = tuple[Any, dict[str, Any], str]
NoLayer = tuple[None]

# As the registry of formats says, which would take too long to import for files of other programs.
HDF5 = (".h5", ".hdf5")
PROJECT = ".ilp"

# TIFF and PNG of this program have what made them before their pixels.
_SOFTWARE = b"napari-batch-prediction"
_HEAD = 2**16


def get_reader(path: str | Sequence[str]) -> Callable[..., list[LayerTuple] | list[NoLayer]] | None:
    """Return what opens a file; None if it is not for this reader.

    It is for HDF5 files with axistags, which ilastik and this program export; for this program's TIFF, PNG,
    OME-Zarr and N5; and for ilastik's projects, which open the widget. Every HDF5 file is taken: napari asks here
    only once the user has chosen this reader, and of a file that is refused here it does not say why.

    Parameters
    ----------
    path
        A file or folder; several, to be stacked, are for other readers.
    """
    if not isinstance(path, str | os.PathLike):
        return None
    file = Path(path)
    suffix = file.suffix.lower()
    try:
        if not file.exists():
            return None
        if suffix == PROJECT:
            return open_project
        if file.is_file() and suffix in HDF5:
            return read_output
        if file.is_file():
            with file.open("rb") as stream:
                if _SOFTWARE not in stream.read(_HEAD):
                    return None
        return read_output if _holds_output(file) else None
    except OSError:
        return None  # other readers will say why it cannot be read


def read_output(path: str | Sequence[str], stack: bool = False) -> list[LayerTuple]:
    """Read an output as layers.

    Parameters
    ----------
    path
        The file or folder.
    stack
        What napari tells every reader; nothing is stacked here.

    Returns
    -------
    For each layer its pixels, its options and its type. Probabilities are an image for each class, in its colour;
    a segmentation is labels with the names of the classes. Large files are read as they are looked at.

    Raises
    ------
    ImageReadError
        If the file cannot be read, or nothing in it can be shown.
    """
    from napari_batch_prediction.widgets.reading.output_layers import output_layers

    return [
        (layer.data, {"name": layer.name, "multiscale": isinstance(layer.data, list), **layer.options}, layer.kind)
        for layer in output_layers(_only(path))
    ]


def open_project(path: str | Sequence[str], stack: bool = False) -> list[NoLayer]:
    """Open the widget with a project as its classifier.

    Returns
    -------
    What tells napari that there is no layer, and nothing is wrong.

    Raises
    ------
    ImageReadError
        If there is no window to open it in.
    """
    from napari import current_viewer

    project, viewer = _only(path), current_viewer()
    if viewer is None:
        raise ImageReadError(
            f"'{project}' is an ilastik project, not an image, and there is no window of napari to use it in. Open it "
            "in napari, or run it with napari_batch_prediction.BatchJob."
        )
    from napari_batch_prediction.widgets.dock import choose_classifier, open_dock

    choose_classifier(open_dock(viewer), project)
    return [(None,)]


def choose_output() -> None:
    """Ask for files, also those that napari would give to another reader by their names, and open them.

    Raises
    ------
    ImageReadError
        If one of them is none of ilastik's or of this program.
    """
    from napari import current_viewer
    from napari.layers import Layer
    from qtpy.QtWidgets import QApplication, QFileDialog

    from napari_batch_prediction.formats.registry import FILE_FORMATS

    viewer = current_viewer()
    files = (file_format for file_format in FILE_FORMATS if file_format.stamp and not file_format.is_folder)
    extensions = " ".join(f"*{extension}" for file_format in files for extension in file_format.extensions)
    kinds = f"Exported images ({extensions})"
    paths, _ = QFileDialog.getOpenFileNames(QApplication.activeWindow(), "Open exported images", "", kinds)
    for path in paths if viewer is not None else ():
        for layer in read_output(path):
            viewer.add_layer(Layer.create(*layer))


def _only(path: str | Sequence[str]) -> Path:
    return Path(path if isinstance(path, str | os.PathLike) else path[0])


def _holds_output(path: Path) -> bool:
    from napari_batch_prediction.formats.exported import find_exported

    try:
        return bool(find_exported(path))
    except ImageReadError:
        return False  # other readers will say why it cannot be read
