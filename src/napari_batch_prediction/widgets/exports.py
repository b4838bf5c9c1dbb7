"""The part of the window that says what is written, and where."""

from collections.abc import Sequence
from pathlib import Path

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit, LineEdit
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget
from superqt import QElidingLabel, QFlowLayout

from napari_batch_prediction.batch.job import Existing
from napari_batch_prediction.batch.plan import Plan
from napari_batch_prediction.export.naming import PLACEHOLDERS
from napari_batch_prediction.export.settings import Export
from napari_batch_prediction.widgets.section import ELLIPSIS_WIDTH, Section

NAME_HELP = "Template of the file names, without extension. It can hold:\n" + "\n".join(
    f"{{{name}}}: {meaning}" for name, meaning in PLACEHOLDERS.items()
)
EXISTING: dict[Existing, str] = {
    "error": "report it as failed",
    "skip": "skip the image",
    "overwrite": "overwrite it",
}


class ExportsSection(Section):
    """Sources to tick, a folder, a name, and what to do about files that exist.

    What an export holds beyond this (its format, its dataset) stays as it was set.

    Attributes
    ----------
    changed
        Something else is to be written.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Export settings")
        self._offered: tuple[str, ...] = ()
        self._exports: tuple[Export, ...] = (Export(),)
        # What the next source that is ticked is exported with.
        self._template = Export()
        self._boxes: dict[str, CheckBox] = {}

        self._sources = QWidget()
        self._flow = QFlowLayout(self._sources)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(12)

        self._folder = FileEdit(mode=FileDialogMode.EXISTING_DIRECTORY, label="Folder")
        self._folder.choose_btn.text = "Browse"
        self._folder.choose_btn.tooltip = "Choose the folder to write to. Left empty, files go beside each image."
        self._folder.line_edit.native.setPlaceholderText("beside each image")
        self._name = LineEdit(label="Name", value=self._template.name, tooltip=NAME_HELP)
        self._existing = ComboBox(
            label="If it exists",
            choices=[(text, value) for value, text in EXISTING.items()],
            tooltip="What to do about an output that exists already.",
        )
        self._form = Container(widgets=[self._folder, self._name, self._existing])
        self._form.margins = (0, 0, 0, 0)
        for line in (self._folder.line_edit, self._name):
            line.native.setAcceptDrops(False)
        self._first = QElidingLabel()
        self._first.setEllipsesWidth(ELLIPSIS_WIDTH)
        self._first.setElideMode(Qt.TextElideMode.ElideLeft)

        self.body.addWidget(self._sources)
        self.body.addWidget(self._form.native)
        self.body.addWidget(self._first)
        self._folder.line_edit.changed.connect(self._on_where)
        self._name.changed.connect(self._on_where)
        self._existing.changed.connect(self._on_change)
        self._show_sources()
        self.set_plan(None)

    def value(self) -> tuple[tuple[Export, ...], Existing]:
        """Return what is exported, and what to do about outputs that exist. Nothing may be ticked."""
        return self._exports, self._existing.value

    def setValue(self, exports: Sequence[Export], existing: Existing) -> None:
        """Show these exports. Folder and name are those of the first."""
        first = exports[0]
        self._folder.line_edit.value = str(first.folder or "")
        self._name.value = first.name
        self._existing.value = existing
        # Last, because what is typed above goes to all exports.
        self._template, self._exports = first, tuple(exports)
        self._show_sources()
        self._on_change()

    def set_offered(self, sources: Sequence[str]) -> None:
        """Offer the sources of a classifier."""
        self._offered = tuple(sources)
        self._show_sources()

    def set_plan(self, plan: Plan | None) -> None:
        """Show the first name that will be written; none if it is not known."""
        paths = [str(path) for path in plan.rows[0].outputs.values()] if plan is not None else []
        self._first.setText(paths[0] if paths else "")
        self._first.setToolTip("\n".join(["Files written for the first image:", *paths]) if paths else "")
        self._first.setVisible(bool(paths))

    def _show_sources(self) -> None:
        """Have a box for every source that is offered or ticked."""
        ticked = {export.source.lower() for export in self._exports}
        offered = {name.lower() for name in self._offered}
        names = [*self._offered, *(e.source for e in self._exports if e.source.lower() not in offered)]
        if list(self._boxes) != names:
            for box in self._boxes.values():
                self._flow.removeWidget(box.native)
                box.native.deleteLater()
            self._boxes = {name: CheckBox(text=name) for name in dict.fromkeys(names)}
            for box in self._boxes.values():
                self._flow.addWidget(box.native)
                box.changed.connect(self._on_ticked)
        for name, box in self._boxes.items():
            with box.changed.blocked():
                box.value = name.lower() in ticked
            known = not offered or name.lower() in offered
            box.tooltip = f"Write {name}." if known else f"The classifier does not offer {name}."
        self.set_summary(", ".join(export.source for export in self._exports) or "nothing")

    def _on_ticked(self) -> None:
        ticked = [name for name, box in self._boxes.items() if box.value]
        known = {export.source.lower(): export for export in self._exports}
        new = (self._template.model_copy(update={"source": name}) for name in ticked)
        self._exports = tuple(known.get(export.source.lower(), export) for export in new)
        self._show_sources()
        self._on_change()

    def _on_where(self) -> None:
        folder = self._folder.line_edit.value.strip()
        where = {"folder": Path(folder) if folder else None, "name": self._name.value}
        self._template = self._template.model_copy(update=where)
        self._exports = tuple(export.model_copy(update=where) for export in self._exports)
        self._folder.line_edit.tooltip = folder
        self._on_change()

    def _on_change(self) -> None:
        self.changed.emit()
