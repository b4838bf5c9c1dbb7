"""The line that names second images, such as masks, of some images or of all."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import LineEdit
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMenu, QWidget

from napari_batch_prediction.images.second import LABEL_IMAGE, MASK, PREDICTION_MAPS, SEGMENTATION_IMAGE, Role
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.options import label
from napari_batch_prediction.planning.inputs.offers import Offer
from napari_batch_prediction.widgets.inputs.shown import ShownSecond
from napari_batch_prediction.widgets.parts.colors import color_of
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.words import short_name, tip
from napari_batch_prediction.widgets.viewer_layers import layer_location, pixel_layers

if TYPE_CHECKING:
    from napari.components import ViewerModel

PROJECT_FOR_ALL = "A project predicts the probabilities of all images: select none first."


_ABOUT: Mapping[Role, str] = {
    MASK: "Predict only where a mask is not 0: other pixels are 0 in every result, and cost no time.",
    PREDICTION_MAPS: "The probabilities of which objects are made: images with a channel for each class. Or a project "
    "of Pixel\nClassification that predicts them: the one on whose probabilities the objects were trained.",
    SEGMENTATION_IMAGE: "The images that say where objects are: pixels that are not 0.",
    LABEL_IMAGE: "The images that say where objects are: each number is an object.",
}


def help_text(role: Role) -> str:
    """Return the help on second images: their use, and the ways to name them."""
    return (
        f"{_ABOUT[role]}\n"
        "A file for all images; a folder or a pattern of files that have the names of the images in theirs;\n"
        f"or a template that begins at the folder of each image, for example {role.example} or results/{role.example}."
    )


def by_name(role: Role) -> str:
    """Return a template for files of any format beside the images."""
    return str(Path(role.example).with_suffix(".*"))


class SecondLine(QWidget):
    """A line for a file, a folder, a pattern, a template or a layer, and a menu that fills it.

    Parameters
    ----------
    role
        What the images are for.
    viewer
        The viewer whose layers are offered.
    offers
        A function that returns the templates by which such images lie beside those of the batch.

    Attributes
    ----------
    edited
        The user has changed it; emitted with its text, None if there is none.
    line, title
        The line, and its label, which stands elsewhere.
    """

    edited = Signal(object)

    def __init__(self, role: Role, viewer: "ViewerModel", offers: Callable[[Role], Sequence[Offer]]) -> None:
        super().__init__()
        self._role, self._viewer, self._offers = role, viewer, offers
        self._folder = ""
        self._of_all = True
        self._name = label(BatchJob, role.field)
        self.title = QLabel(self._name)
        self.line = LineEdit()
        self.line.native.setAcceptDrops(False)
        self.line.native.setMinimumWidth(40)
        self.line.native.setAccessibleName(self._name)
        self._menu = MenuButton("", self._fill)
        self._menu.setToolTip(f"{self._name}: files, or a layer of the viewer.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line.native, 1)
        layout.addWidget(self._menu)
        self.line.changed.connect(lambda text: self.edited.emit(text.strip() or None))

    def show_second(self, shown: ShownSecond, *, of_all: bool, typing: bool) -> None:
        """Show what names the images; a text that is being typed stays.

        Parameters
        ----------
        shown
            What names them, what holds while nothing does, and their problem.
        of_all
            True if it is for all images of the batch.
        typing
            True if the user types here.
        """
        self._of_all = of_all
        self.setVisible(shown.is_shown)
        self.title.setVisible(shown.is_shown)
        self.line.native.setPlaceholderText(shown.hint)
        tooltip = tip("\n\n".join(filter(None, [shown.problem, shown.text, help_text(self._role)])))
        self.line.tooltip = tooltip
        self.title.setToolTip(tooltip)
        dark = self.palette().color(self.foregroundRole()).lightness() > 128
        self.title.setStyleSheet(f"color: {color_of('problem', dark=dark).name()}" if shown.problem else "")
        if not typing and self.line.value.strip() != (shown.text or ""):
            with self.line.changed.blocked():
                self.line.value = shown.text or ""

    def _fill(self, menu: QMenu) -> None:
        template = by_name(self._role)
        if offers := self._offers(self._role):
            for offer in offers:
                self._add(menu, offer.template, f"Files beside the images: {offer.example}", offer.template)
            menu.addSeparator()
        entries = [
            ("A file", "Choose one file for all of these images.", self._choose_file),
            ("A folder", "Choose the folder of the files, or a Zarr or N5 store.", self._choose_folder),
            ("By the name of the image", f"Files beside the images: {template}", lambda: self._set(template)),
        ]
        if self._role == PREDICTION_MAPS:
            text = "The project of Pixel Classification that predicts them." if self._of_all else PROJECT_FOR_ALL
            entries.append(("A project that predicts them", text, self._choose_project))
        none = ("No mask", "Predict everything.") if self._role == MASK else ("Clear", "Empty the line.")
        entries.append((*none, lambda: self._set("")))
        for text, tooltip, act in entries:
            action = menu.addAction(text)
            if action is not None:
                action.setToolTip(tooltip)
                action.setEnabled(tooltip != PROJECT_FOR_ALL)
                action.triggered.connect(act)
        menu.addSeparator()
        for layer in pixel_layers(self._viewer):
            location = layer_location(layer)
            self._add(menu, short_name(location), f"Use this layer: {self._name.lower()}.", location)

    def _add(self, menu: QMenu, text: str, tooltip: str, value: str) -> None:
        """Add an entry that has a tick while it is chosen."""
        action = menu.addAction(text.replace("&", "&&"))
        if action is not None:
            action.setCheckable(True)
            action.setChecked(value == self.line.value.strip())
            action.setToolTip(tip(tooltip))
            action.triggered.connect(lambda on: self._set(value if on else ""))

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self._name, self._folder)
        self._set_path(path)

    def _choose_folder(self) -> None:
        self._set_path(QFileDialog.getExistingDirectory(self, self._name, self._folder))

    def _choose_project(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self._name, self._folder, "ilastik projects (*.ilp)")
        self._set_path(path)

    def _set_path(self, path: str) -> None:
        if path:
            self._folder = path
            self._set(path)

    def _set(self, text: str) -> None:
        self.line.value = text
