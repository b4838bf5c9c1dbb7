"""napari's reader for the outputs of this program and of ilastik.

napari asks it about every file that it opens, so importing this module is cheap and the first bytes are enough to
recognise files of other programs.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.errors import ImageReadError

LayerTuple = tuple[Any, dict[str, Any], str]
NoLayer = tuple[None]

# The same as in the registry of formats, whose import would take too long for files of other programs.
HDF5 = (".h5", ".hdf5")
PROJECT = ".ilp"

# TIFF and PNG files of this program hold its name before the pixels.
_NAME = PROGRAM.encode()
_HEAD = 2**16


def get_reader(path: str | Sequence[str] | None = None) -> Callable[..., list[LayerTuple] | list[NoLayer]] | None:
    """Return the function that opens a file; None for files of other readers.

    This reader opens HDF5 files with axistags, as ilastik and this program export them, and this program's TIFF, PNG,
    OME-Zarr and N5; ilastik's projects open the widget. It accepts every HDF5 file: napari asks about one only after
    the user has chosen this reader, and would not show the reason of a refusal.

    Parameters
    ----------
    path
        A file or folder; several, to be stacked, are left to other readers. None asks the user for files and opens
        them: napari's menus and its command palette call the reader so.
    """
    if path is None:
        choose_output()
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
                if _NAME not in stream.read(_HEAD):
                    return None
        return read_output if _holds_output(file) else None
    except OSError:
        return None  # other readers tell the reason


def read_output(path: str | Sequence[str], stack: bool = False) -> list[LayerTuple]:
    """Read an output as layers.

    Parameters
    ----------
    path
        The file or folder.
    stack
        An argument that napari gives to every reader; nothing is stacked here.

    Returns
    -------
    Pixels, options and type of each layer. Probabilities become an image for each class, in its colour; a segmentation
    becomes labels with the names of the classes. Large files are read lazily.

    Raises
    ------
    ImageReadError
        If the file cannot be read, or holds no output.
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
    The list by which napari knows that there is no layer, and no error.

    Raises
    ------
    ImageReadError
        If there is no window for the widget.
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
    """Ask for files and open them, whichever reader napari would choose by their names.

    Raises
    ------
    ImageReadError
        If one of them is no output of ilastik or of this program.
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
        return False  # other readers tell the reason
