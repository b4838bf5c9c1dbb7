"""The line that names the mask of some images or of all."""

from typing import TYPE_CHECKING

from magicgui.widgets import LineEdit
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QWidget

from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.widgets.viewer_layers import layer_location, pixel_layers

if TYPE_CHECKING:
    from napari.components import ViewerModel

HELP = (
    "Predict only where a mask is not 0: other pixels are 0 in every result, and cost no time.\n"
    "A file for all images; a folder or a pattern of files that have the names of the images in theirs;\n"
    "or a template that begins at the folder of each image, for example {stem}_mask.tif or masks/{stem}.h5/mask."
)
BY_NAME = "{stem}_mask.*"


class MaskLine(QWidget):
    """A line for a file, a folder, a pattern, a template or a layer, and a menu that fills it.

    Parameters
    ----------
    viewer
        The viewer whose layers are offered.

    Attributes
    ----------
    edited
        The user has changed the mask; emitted with its text, None if there is none.
    line
        The line.
    """

    edited = Signal(object)

    def __init__(self, viewer: "ViewerModel") -> None:
        super().__init__()
        self._viewer = viewer
        self._folder = ""
        self.line = LineEdit(tooltip=HELP)
        self.line.native.setAcceptDrops(False)
        self.line.native.setMinimumWidth(40)
        self._menu = MenuButton("", self._fill)
        self._menu.setToolTip("Choose a mask: files, or a layer of the viewer.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line.native, 1)
        layout.addWidget(self._menu)
        self.line.changed.connect(lambda text: self.edited.emit(text.strip() or None))

    def show_mask(self, mask: str | None, hint: str, *, typing: bool) -> None:
        """Show a mask, and what holds while there is none; a text that is being typed stays."""
        self.line.native.setPlaceholderText(hint)
        self.line.tooltip = f"{mask}\n\n{HELP}" if mask else HELP
        if not typing and self.line.value.strip() != (mask or ""):
            with self.line.changed.blocked():
                self.line.value = mask or ""

    def _fill(self, menu: QMenu) -> None:
        entries = {
            "A file": ("Choose one mask.", self._choose_file),
            "A folder": ("Choose the folder of the masks, or a Zarr or N5 store.", self._choose_folder),
            "By the name of the image": (f"Masks beside the images: {BY_NAME}", lambda: self._set(BY_NAME)),
            "No mask": ("Predict everything.", lambda: self._set("")),
        }
        for text, (tooltip, act) in entries.items():
            action = menu.addAction(text)
            if action is not None:
                action.setToolTip(tooltip)
                action.triggered.connect(act)
        menu.addSeparator()
        for layer in pixel_layers(self._viewer):
            location = layer_location(layer)
            action = menu.addAction(short_name(location).replace("&", "&&"))
            if action is not None:
                action.setCheckable(True)
                action.setChecked(location == self.line.value.strip())
                action.setToolTip("Use this layer as the mask.")
                action.triggered.connect(lambda on, location=location: self._set(location if on else ""))

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Mask", self._folder)
        self._set_path(path)

    def _choose_folder(self) -> None:
        self._set_path(QFileDialog.getExistingDirectory(self, "Masks", self._folder))

    def _set_path(self, path: str) -> None:
        if path:
            self._folder = path
            self._set(path)

    def _set(self, text: str) -> None:
        self.line.value = text
