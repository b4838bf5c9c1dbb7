"""The buttons that add and remove images."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget
from superqt import QFlowLayout

from napari_batch_prediction.locations.location import is_special
from napari_batch_prediction.widgets.parts.images_dialog import ImagesDialog
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.widgets.viewer_layers import image_layers, layer_location, layers_location, why_not

if TYPE_CHECKING:
    from napari.components import ViewerModel


class InputButtons(QWidget):
    """Add files, Add folder, Layers, Remove, Clear.

    Parameters
    ----------
    viewer
        The viewer whose image layers are offered.

    Attributes
    ----------
    added
        Inputs to add; emitted with their list.
    dropped
        Inputs to leave out; emitted with their list.
    joined
        Files to make one image of, as its channels; emitted with their list.
    remove_clicked, clear_clicked
        The selected images, or all, are to be removed.
    """

    added = Signal(list)
    dropped = Signal(list)
    joined = Signal(list)
    remove_clicked = Signal()
    clear_clicked = Signal()

    def __init__(self, viewer: "ViewerModel") -> None:
        super().__init__()
        self._viewer = viewer
        self._folder = ""
        self._listed: Collection[str] = ()
        self._selected: Sequence[str] = ()
        files, folder = QPushButton("Add files"), QPushButton("Add folder")
        files.setToolTip("Choose files, or Zarr and N5 stores. They can also be dropped here.")
        folder.setToolTip("Choose a folder: all images directly in it, or a Zarr or N5 store.")
        layers = MenuButton("Layers", self._fill)
        layers.setToolTip("Predict image layers of the viewer; the results become layers.")
        self._remove, self._clear = QPushButton("Remove"), QPushButton("Clear")
        files.clicked.connect(self._choose_files)
        folder.clicked.connect(self._choose_folder)
        self._remove.clicked.connect(self.remove_clicked)
        self._clear.clicked.connect(self.clear_clicked)
        flow = QFlowLayout(self)
        flow.setContentsMargins(0, 0, 0, 0)
        flow.setHorizontalSpacing(4)
        flow.setVerticalSpacing(4)
        for button in (files, folder, layers):
            flow.addWidget(button)
        # Remove and Clear stay together where a narrow window breaks the line.
        pair = QWidget()
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._remove)
        row.addWidget(self._clear)
        flow.addWidget(pair)
        self.show_state((), ())

    def show_state(self, listed: Collection[str], selected: Sequence[str]) -> None:
        """Update the buttons from the inputs listed and the images selected."""
        self._listed, self._selected = listed, selected
        _enable(self._remove, bool(selected), "Remove the selected images (Del).", "Select rows to remove them.")
        _enable(self._clear, bool(listed), "Remove all images.", "There is nothing to remove.")

    def _choose_files(self) -> None:
        if paths := ImagesDialog.choose(self, self._folder):
            self._folder = str(Path(paths[0]).parent)
            self.added.emit(paths)

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Add folder", self._folder)
        if path:
            self._folder = path
            self.added.emit([path])

    def _fill(self, menu: QMenu) -> None:
        """Offer the image layers, with a tick at those that are listed."""
        layers = image_layers(self._viewer)
        reasons = {layer_location(layer): why_not(layer) for layer in layers}
        usable = [location for location, reason in reasons.items() if not reason]
        everything = menu.addAction("All image layers")
        if everything is not None:
            nothing = "The viewer has no image layer: open an image in it first."
            _enable(everything, bool(usable), "Add every image layer.", nothing)
            everything.triggered.connect(lambda: self.added.emit(usable))
        together = menu.addAction("Selected layers as channels")
        if together is not None:
            chosen = [layer for layer in layers if layer in self._viewer.layers.selection]
            few = "Select two or more image layers in the list of layers first."
            obstacle = why_not(*chosen) if len(chosen) > 1 else few
            effect = "Add the layers selected in the list of layers as the channels of one image, from the lowest up."
            _enable(together, not obstacle, effect, obstacle)
            together.triggered.connect(lambda: self.added.emit([layers_location(chosen)]))
        self._offer_files(menu)
        menu.addSeparator()
        for location, reason in reasons.items():
            action = menu.addAction(short_name(location).replace("&", "&&"))
            if action is not None:
                action.setCheckable(True)
                action.setChecked(location in self._listed)
                _enable(action, not reason, "Add this layer, or leave it out.", reason)
                action.triggered.connect(
                    lambda on, location=location: (self.added if on else self.dropped).emit([location])
                )

    def _offer_files(self, menu: QMenu) -> None:
        """Offer to make one image of the selected files."""
        files = menu.addAction("Selected files as channels")
        if files is not None:
            chosen = self._selected
            few = "Select two or more files in the table first."
            other = next((location for location in chosen if is_special(location)), None)
            obstacle = few if len(chosen) < 2 else f"'{short_name(other)}' is no single file." if other else ""
            effect = "Make the files selected in the table the channels of one image, from the top down."
            _enable(files, not obstacle, effect, obstacle)
            files.triggered.connect(lambda: self.joined.emit(list(chosen)))


def _enable(control: QPushButton | QAction, enabled: bool, effect: str, obstacle: str) -> None:
    """Switch a control on or off; its tooltip is its effect, or the obstacle."""
    if isinstance(control, QPushButton) and control.isEnabled() != enabled:
        # In napari's themes a button that is off has another height.
        control.updateGeometry()
    control.setEnabled(enabled)
    control.setToolTip(effect if enabled else obstacle)
