"""Saving a classifier as a project, and opening a project to go on."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_batch_prediction.ilp.project import LabelBlock
from napari_batch_prediction.session.training.fit import Trained
from napari_batch_prediction.session.training.image import Region
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.training.opening import open_training
from napari_batch_prediction.training.training_set import MissingImage, TrainingSet
from napari_batch_prediction.widgets.training.canvas.files import as_layer, open_as_layer
from napari_batch_prediction.widgets.training.canvas.images import PaintableImage
from napari_batch_prediction.widgets.work import in_background

FILTER = "ilastik projects (*.ilp)"
SUFFIX = ".ilp"


class OpenedImage(NamedTuple):
    """An image of a project: its layer and its labels."""

    layer: ImageLayer
    blocks: tuple[LabelBlock, ...]


class Opened(NamedTuple):
    """A project: what it was trained on, and its images."""

    path: Path
    training: TrainingSet
    images: tuple[OpenedImage, ...]


class Projects(QObject):
    """Asks for files, and reads and writes them in the background.

    Parameters
    ----------
    parent
        The window.

    Attributes
    ----------
    saved
        A classifier was saved; emitted with the :class:`~.fit.Trained` and the path.
    opened
        A project was opened; emitted with the :class:`Opened`.
    found
        An image that was missing is opened; emitted with the :class:`MissingImage` and the :class:`OpenedImage`.
    failed
        Something went wrong; emitted with the reason in words.
    """

    saved = Signal(object, object)
    opened = Signal(object)
    found = Signal(object, object)
    failed = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._folder = ""

    def ask_where_to_save(self) -> Path | None:
        """Return the file that the user names; one that is there is to be replaced, for which the dialog asks."""
        name, _ = QFileDialog.getSaveFileName(self._window, "Save the classifier", self._folder, FILTER)
        if not name:
            return None
        path = Path(name)
        # Without the suffix the dialog has asked about another name.
        if path.suffix.lower() != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
            if path.exists():
                self.failed.emit(f"'{path}' is there already. Save under its whole name to replace it.")
                return None
        self._folder = str(path.parent)
        return path

    def save(self, result: Trained, path: Path) -> None:
        """Save a classifier, in place of a file of that name."""
        work = partial(result.classifier.save, path, existing="overwrite")
        in_background(work, self._window, self._or_failed(lambda saved: self.saved.emit(result, saved)))

    def ask_what_to_open(self) -> Path | None:
        """Return the project that the user chooses."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open a project", self._folder, f"{FILTER};;All files (*)")
        return Path(name) if name else None

    def open(self, path: Path) -> None:
        """Open a project."""
        self._folder = str(path.parent)
        in_background(partial(open_project, path), self._window, self._or_failed(self.opened.emit))

    def find(self, missing: MissingImage) -> None:
        """Ask where an image is, and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, f"Where is {missing.lane.path}?", self._folder)
        if name:
            work = partial(_open_image, Path(name), missing)
            in_background(work, self._window, self._or_failed(lambda image: self.found.emit(missing, image)))

    def _or_failed(self, act: Callable[..., object]) -> Callable[[object], object]:
        return lambda result: self.failed.emit(result.reason) if isinstance(result, Failure) else act(result)


def with_labels(image: PaintableImage, blocks: tuple[LabelBlock, ...]) -> object:
    """Return labels, in the axes of their layer.

    Raises
    ------
    ValueError
        If they reach beyond the image.
    """
    labels = image.new_labels()
    for block in blocks:
        sides = dict(zip("tzyx", zip(block.start, block.labels.shape, strict=True), strict=True)) | {"c": (0, 1)}
        place = tuple(slice(sides[key][0], sides[key][0] + sides[key][1]) for key in image.labels_axes)
        own = np.asarray(labels[place])
        values = image.in_labels_axes(block.labels)
        if own.shape != values.shape:
            raise ValueError(f"labels at {block.start} reach beyond '{image.name}'")
        labels[place] = np.where(values, values, own)
    return labels


def region_of(block: LabelBlock) -> Region:
    """Return the region of a block of labels."""
    t, z, y, x = (slice(a, a + n) for a, n in zip(block.start, block.labels.shape, strict=True))
    return t, z, y, x


def open_project(path: Path) -> Opened:
    """Return a project; its large images are read as needed.

    Raises
    ------
    ProjectError
        If it cannot be opened.
    """
    training = open_training(path)
    return Opened(path, training, tuple(OpenedImage(as_layer(item.image), item.blocks) for item in training.images))


def _open_image(path: Path, missing: MissingImage) -> OpenedImage:
    return OpenedImage(open_as_layer(path), missing.blocks)
