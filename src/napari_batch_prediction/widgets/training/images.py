"""The section that lists the images that are trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image as ImageLayer
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItem, QStandardItemModel
from qtpy.QtWidgets import QAbstractItemView, QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from napari_batch_prediction.session.training.examples import ImageExamples
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.form_rows import Row, line, make_form, type_in
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.table import Table
from napari_batch_prediction.widgets.training.canvas.entry import Entry
from napari_batch_prediction.widgets.viewer_layers import image_layers, why_not

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME, AXES, PIXELS = range(3)
HINT = "Add an image of the viewer, or files."


class TrainingImagesSection(Fold):
    """The images that are trained on; the selected one is painted.

    Parameters
    ----------
    viewer
        The viewer whose layers can be added.

    Attributes
    ----------
    layers_wanted
        Layers are to be trained on; emitted with them and True if they are the channels of one image.
    files_wanted
        Files are to be opened and trained on; emitted with their paths.
    chosen
        An image was selected; emitted with its number.
    removed
        An image is not to be trained on any more; emitted with its number.
    axes_wanted
        An image is to have other axes; emitted with its number and the axes.
    find_clicked
        The place of the first missing image is to be asked for.
    """

    layers_wanted = Signal(list, bool)
    files_wanted = Signal(list)
    chosen = Signal(int)
    removed = Signal(int)
    axes_wanted = Signal(int, str)
    find_clicked = Signal()

    def __init__(self, viewer: "ViewerModel") -> None:
        super().__init__("Images", takes_files=True)
        self._viewer = viewer
        self._numbers: list[int] = []
        self._entries: Sequence[Entry] = ()
        self._model = QStandardItemModel(0, 3)
        self._model.setHorizontalHeaderLabels(["Image", "Axes", "Labelled"])
        self._table = Table(self._model, hint=HINT, rows=2)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.rows_selected.connect(self._on_selected)
        self._add = MenuButton("Add layer", self._fill)
        self._add.setToolTip("Train on image layers of the viewer.")
        files = QPushButton("Add files...")
        files.setToolTip("Open images and train on them. Files can also be dropped here.")
        files.clicked.connect(self._browse)
        self._remove = QPushButton("Remove")
        self._remove.clicked.connect(self._on_remove)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self._add, files, self._remove):
            row.addWidget(button)
        row.addStretch(1)
        form = QWidget()
        self._axes = line()
        self._axes_row = Row(
            make_form(form),
            "Axes",
            [self._axes.native],
            "The axes of the selected image, for example tyx; Enter sets them.",
        )
        self._axes.native.editingFinished.connect(self._on_axes)
        self._message = Message()
        self.body.addLayout(row)
        self.body.addWidget(self._table)
        self.body.addWidget(form)
        self._missing = Message()
        self._find = QPushButton("Find image...")
        self._find.setToolTip("Choose the file of the first of these images.")
        self._find.clicked.connect(self.find_clicked)
        self.body.addWidget(self._message)
        self.body.addWidget(self._missing)
        self.body.addWidget(self._find, 0, Qt.AlignmentFlag.AlignLeft)
        self.files_dropped.connect(self.files_wanted)
        self.show_entries(())
        self.set_missing([])

    def set_missing(self, reasons: Sequence[str]) -> None:
        """Name the images of a project that were not found."""
        text = "Not found, but their labels are kept:\n" + "\n".join(reasons)
        self._missing.say(text if reasons else "", kind="warning")
        self._find.setVisible(bool(reasons))

    def say(self, text: str) -> None:
        """Show a problem with images; an empty one hides it."""
        self._message.say(text, kind="problem")

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """List the images."""
        before = self.selected()
        self._numbers, self._entries = [entry.number for entry in entries], entries
        self._model.setRowCount(0)
        for entry in entries:
            guessed = "*" * (entry.image.image.axes_known == "guess")
            name = QStandardItem(entry.image.name)
            name.setToolTip(f"{entry.image.name}, {' x '.join(map(str, entry.image.image.shape))}")
            pixels = QStandardItem("0")
            pixels.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            axes = QStandardItem(f"{entry.image.image.axes}{guessed}")
            axes.setToolTip("Guessed from the shape. Set others below." if guessed else "")
            self._model.appendRow([name, axes, pixels])
        if before in self._numbers:
            self.select(before)
        self.set_summary(f"{len(entries)}" if entries else "none")
        self._show_selected()

    def set_counts(self, examples: dict[int, ImageExamples]) -> None:
        """Show the number of labelled pixels of each image."""
        for row, number in enumerate(self._numbers):
            item = self._model.item(row, PIXELS)
            if item is not None and number in examples:
                item.setText(f"{len(examples[number].positions):,}")

    def selected(self) -> int:
        """Return the number of the selected image; -1 if none is."""
        rows = self._table.selected_rows()
        return self._numbers[rows[0]] if rows else -1

    def select(self, number: int) -> None:
        """Select an image."""
        if number in self._numbers:
            self._table.select_rows([self._numbers.index(number)])

    def _on_selected(self) -> None:
        self._show_selected()
        if self.selected() >= 0:
            self.chosen.emit(self.selected())

    def _show_selected(self) -> None:
        number = self.selected()
        none = "Select an image first."
        self._remove.setEnabled(number >= 0)
        self._remove.setToolTip(
            "Do not train on the selected image; its labels stay in the viewer." if number >= 0 else none
        )
        self._axes_row.set_off("" if number >= 0 else none)
        entry = next((entry for entry in self._entries if entry.number == number), None)
        type_in(self._axes, entry.image.image.axes if entry is not None else "")

    def _on_remove(self) -> None:
        self.removed.emit(self.selected())

    def _on_axes(self) -> None:
        number, axes = self.selected(), self._axes.value.strip()
        entry = next((entry for entry in self._entries if entry.number == number), None)
        if entry is not None and axes and axes != entry.image.image.axes:
            self.axes_wanted.emit(number, axes)

    def _fill(self, menu: QMenu) -> None:
        used = {layer for entry in self._entries for layer in entry.layers}
        layers = [layer for layer in image_layers(self._viewer) if layer not in used]
        for layer in reversed(layers):
            self._offer(menu, layer.name, [layer])
        if not layers:
            self._nothing(menu, "No other image layer", "Open an image in napari first.")
        selected = [layer for layer in layers if layer in self._viewer.layers.selection]
        menu.addSeparator()
        if len(selected) > 1:
            self._offer(menu, "Selected layers as channels", selected, together=True)
        else:
            self._nothing(
                menu, "Selected layers as channels", "Select several image layers in napari's list of layers first."
            )

    def _offer(self, menu: QMenu, text: str, layers: list[ImageLayer], *, together: bool = False) -> None:
        action = menu.addAction(text.replace("&", "&&"))
        if action is not None:
            reason = why_not(*layers)
            action.setEnabled(not reason)
            action.setToolTip(reason)
            action.triggered.connect(lambda: self.layers_wanted.emit(layers, together))

    @staticmethod
    def _nothing(menu: QMenu, text: str, tip: str) -> None:
        action = menu.addAction(text)
        if action is not None:
            action.setEnabled(False)
            action.setToolTip(tip)

    def _browse(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Choose images to train on")
        if names:
            self.files_wanted.emit([Path(name) for name in names])
