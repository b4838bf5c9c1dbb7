"""The part of the window that lists the images."""

from collections.abc import Iterable, Mapping, Sequence

from magicgui.widgets import Container, LineEdit
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton

from napari_batch_prediction.batch.plan import PlanRow
from napari_batch_prediction.images.formats import FORMATS
from napari_batch_prediction.widgets.inputs_model import InputsModel
from napari_batch_prediction.widgets.message import Message
from napari_batch_prediction.widgets.section import Section
from napari_batch_prediction.widgets.table import StatusDelegate, Table

PATTERN_HELP = (
    "A pattern: * stands for any characters, ? for one, ** for any number of folders.\n"
    "Or one file with a dataset after it: scan.h5/volume/data"
)
AXES_HELP = (
    "The axes of every input in their order: t, c, z, y, x. For example tyx for a time series.\n"
    "Left empty they come from the file; where it does not say, they are guessed, marked *."
)


class InputsSection(Section):
    """A table of files and patterns: added, dropped, removed, and what the check found in them.

    Attributes
    ----------
    changed
        An input was added or removed, or the axes were changed.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Inputs", takes_files=True)
        self._model = InputsModel(self)
        self._table = Table(self._model)
        self._table.setItemDelegateForColumn(2, StatusDelegate(self._table))
        self._message = Message()

        self._add = QPushButton("Add files")
        self._add.setToolTip("Choose images. They can also be dropped here.")
        self._add.clicked.connect(self._choose)
        self._remove = QPushButton("Remove")
        self._remove.clicked.connect(self._remove_selected)
        self._clear = QPushButton("Clear")
        self._clear.clicked.connect(lambda: self._set_inputs(()))
        buttons = QHBoxLayout()
        for button in (self._add, self._remove, self._clear):
            buttons.addWidget(button)

        self._pattern = LineEdit(tooltip=PATTERN_HELP)
        pattern_line = self._pattern.native
        pattern_line.setPlaceholderText("folder/**/*.tif")
        pattern_line.returnPressed.connect(self._add_pattern)
        self._add_pattern_button = QPushButton("Add pattern")
        self._add_pattern_button.clicked.connect(self._add_pattern)
        pattern = QHBoxLayout()
        pattern.addWidget(pattern_line, 1)
        pattern.addWidget(self._add_pattern_button)

        self._axes = LineEdit(label="Axes", tooltip=AXES_HELP)
        self._axes.native.setPlaceholderText("as the file says")
        self._form = Container(widgets=[self._axes])
        self._form.margins = (0, 0, 0, 0)
        for line in (pattern_line, self._axes.native):
            line.setAcceptDrops(False)

        self.body.addLayout(buttons)
        self.body.addLayout(pattern)
        self.body.addWidget(self._table, 1)
        self.body.addWidget(self._message)
        self.body.addWidget(self._form.native)

        self._axes.changed.connect(self.changed.emit)
        self._pattern.changed.connect(self._refresh)
        self._table.rows_selected.connect(self._refresh)
        self.files_dropped.connect(lambda paths: self.add(map(str, paths)))
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self._table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._remove_selected)
        self._refresh()

    def value(self) -> tuple[tuple[str, ...], str | None]:
        """Return the inputs as the user named them, and the axes if the user gave them."""
        return self._model.inputs, self._axes.value.strip() or None

    def setValue(self, inputs: Iterable[str], axes: str | None) -> None:
        """Replace the inputs and the axes."""
        self._axes.value = axes or ""
        self._set_inputs(inputs)

    def add(self, inputs: Iterable[str]) -> None:
        """Add files or patterns; what is listed already is not listed twice."""
        self._set_inputs([*self._model.inputs, *inputs])

    def set_checked(self, checked: Mapping[str, Sequence[PlanRow]]) -> None:
        """Show what the check found: for each input its images."""
        self._model.set_checked(checked)
        self._refresh()

    def _set_inputs(self, inputs: Iterable[str]) -> None:
        self._model.set_inputs(inputs)
        self._refresh()
        self.changed.emit()

    def _choose(self) -> None:
        files = (known for known in FORMATS if not known.is_folder)
        extensions = " ".join(f"*{extension}" for known in files for extension in known.extensions)
        paths, _ = QFileDialog.getOpenFileNames(self, "Add files", "", f"Images ({extensions});;All files (*)")
        if paths:
            self.add(paths)

    def _add_pattern(self) -> None:
        if pattern := self._pattern.value.strip():
            self._pattern.value = ""
            self.add([pattern])

    def _remove_selected(self) -> None:
        gone = set(self._table.selected_rows())
        self._set_inputs(given for row, given in enumerate(self._model.inputs) if row not in gone)

    def _refresh(self) -> None:
        selected, inputs = self._table.selected_rows(), self._model.inputs
        _enable(self._remove, bool(selected), "Remove the selected rows.", "Select rows to remove them.")
        _enable(self._clear, bool(inputs), "Remove all rows.", "There is nothing to remove.")
        _enable(
            self._add_pattern_button,
            bool(self._pattern.value.strip()),
            "Add what matches the pattern.",
            "Type a pattern first.",
        )
        # Without a selection, what most needs attention.
        asked = selected or [row for row in range(len(inputs)) if self._model.problems(row)][:1]
        self._message.say("\n".join(filter(None, map(self._model.problems, asked))))
        self.set_summary(self._model.summary())


def _enable(button: QPushButton, enabled: bool, does: str, needs: str) -> None:
    """Switch a button, and say what it does or what it needs."""
    button.setEnabled(enabled)
    button.setToolTip(does if enabled else needs)
