"""The form for format, folder and name of exports."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from magicgui.types import FileDialogMode
from magicgui.widgets import FileEdit
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QWidget

from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.formats.registry import EXPORT_FORMATS, format_named
from napari_batch_prediction.job.export import DEFAULT_NAME, Export
from napari_batch_prediction.job.options import label
from napari_batch_prediction.planning.choices import format_problems, why_off
from napari_batch_prediction.planning.naming import PLACEHOLDERS
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets.parts.form_rows import (
    Row,
    combo,
    line,
    make_form,
    set_choices,
    set_tooltips,
    type_in,
)
from napari_batch_prediction.widgets.parts.menu_button import MenuButton

_ABOUT = {export_format.name: export_format.about for export_format in EXPORT_FORMATS}
FORMAT_HELP = "The format of the files. What cannot hold the output is greyed; its tooltip says why."
FOLDER_HELP = "Where files are written. Left empty, they go beside each image."
NAME_HELP = "Template of the file names, without extension. It can hold:\n" + "\n".join(
    f"{{{name}}}: {meaning}" for name, meaning in PLACEHOLDERS.items()
)
NAMES = (
    (DEFAULT_NAME, "image and output, as ilastik names them"),
    ("{stem}_export", "image and 'export', for one output"),
    ("{relative}/" + DEFAULT_NAME, "the images' folders again, below Folder"),
)
BESIDE_EACH, BESIDE_ALL = "beside each image", "beside the images"
NO_FOLDER = "Choose a folder first, below which the folders of the images are repeated."


class ShownExport(NamedTuple):
    """An export whose settings are shown, and its source; None if the source is not known."""

    export: Export
    source: Source | None

    @property
    def is_table(self) -> bool:
        """True if the source is known to be a table."""
        return self.source is not None and self.source.kind == "table"


def off_for_all(setting: str, exports: Sequence[ShownExport]) -> str:
    """Return the reason why a setting has no effect on any of these exports; empty if it affects one."""
    reasons = [why_off(setting, each.export, each.source) for each in exports]
    return str(reasons[0]) if reasons and all(reasons) else ""


def shown_for(setting: str, exports: Sequence[ShownExport]) -> ShownExport:
    """Return the export whose value of a setting is shown: the first that the setting affects."""
    return next((each for each in exports if not why_off(setting, each.export, each.source)), exports[0])


class ExportForm(QWidget):
    """Controls for format, folder and name of one export, or of several together.

    Attributes
    ----------
    edited
        The user has changed settings; emitted with the changed fields of :class:`Export`.
    """

    edited = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        form = make_form(self)
        self._format = combo([(export_format.name, export_format.name) for export_format in EXPORT_FORMATS])
        self._folder = FileEdit(mode=FileDialogMode.EXISTING_DIRECTORY)
        self._folder.margins = (0, 0, 0, 0)
        self._folder.choose_btn.text = "Browse"
        self._folder.choose_btn.tooltip = f"Choose the folder. {FOLDER_HELP}"
        self._folder.line_edit.native.setAcceptDrops(False)
        self._name = line()
        self._names = MenuButton("", self._fill_names)
        self._names.setToolTip("Names to start from.")
        self._format_row = Row(form, label(Export, "format"), [self._format.native], FORMAT_HELP)
        self._folder_row = Row(form, label(Export, "folder"), [self._folder.native], FOLDER_HELP)
        self._name_row = Row(form, label(Export, "name"), [self._name.native, self._names], NAME_HELP)
        self._format.changed.connect(lambda name: self.edited.emit({"format": name}))
        self._folder.line_edit.changed.connect(self._on_folder)
        self._name.changed.connect(lambda name: self.edited.emit({"name": name}))

    def show_exports(self, exports: Sequence[ShownExport], image: ImageAxes | None, off: str = "") -> None:
        """Show the settings of these exports; those of the first where they differ.

        Parameters
        ----------
        exports
            At least one.
        image
            The first image, if it is known.
        off
            The reason why no files are written; empty if some are.
        """
        images = [each for each in exports if not each.is_table] or list(exports)
        first = images[0].export
        export_format = format_named(first.format)
        name = export_format.name if export_format is not None else first.format
        names = [export_format.name for export_format in EXPORT_FORMATS]
        # An unknown format, set from Python, is shown as it is.
        set_choices(self._format, [(n, n) for n in dict.fromkeys([*names, name])], name)
        set_tooltips(self._format, _ABOUT, _reasons(images, image))
        self._format_row.set_off(off)
        self._format.tooltip = off or f"{_ABOUT.get(name, '')}\n{FORMAT_HELP}".strip()
        self._folder_row.set_off(off or off_for_all("folder", exports))
        self._name_row.set_off(off)
        tables = all(each.is_table for each in exports)
        self._folder.line_edit.native.setPlaceholderText(BESIDE_ALL if tables else BESIDE_EACH)
        folder = shown_for("folder", exports).export.folder
        text = "" if folder is None else str(folder)
        if _folder(self._folder.line_edit.value) != folder:
            type_in(self._folder.line_edit, text)
        self._folder.line_edit.tooltip = off or text or FOLDER_HELP
        type_in(self._name, first.name)

    def _on_folder(self, text: str) -> None:
        self.edited.emit({"folder": _folder(text)})

    def _fill_names(self, menu: QMenu) -> None:
        for name, meaning in NAMES:
            action = menu.addAction(f"{name}  ({meaning})")
            if action is not None:
                mirrored = name.startswith("{relative}") and _folder(self._folder.line_edit.value) is None
                action.setEnabled(not mirrored)
                action.setToolTip(NO_FOLDER if mirrored else f"Name the files {name}.")
                action.triggered.connect(lambda _=False, name=name: setattr(self._name, "value", name))


def _folder(text: str) -> Path | None:
    return Path(text.strip()) if text.strip() else None


def _reasons(exports: Sequence[ShownExport], image: ImageAxes | None) -> dict[str, str]:
    """Return, by format, the reason why one of the exports cannot have it."""
    reasons: dict[str, str] = {}
    for export, source in exports:
        for name, problem in format_problems(export, source, image).items():
            if problem and name not in reasons:
                reasons[name] = f"{export.source}: {problem}" if len(exports) > 1 else str(problem)
    return reasons
