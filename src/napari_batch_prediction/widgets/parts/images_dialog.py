"""The dialog that chooses images: files, and stores, which are folders."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QAbstractItemView, QDialog, QFileDialog, QLineEdit, QWidget

from napari_batch_prediction.formats.registry import FILE_FORMATS
from napari_batch_prediction.locations.paths import is_store

# The names that Qt gives to parts of its own dialog.
_LINE, _VIEWS = "fileNameEdit", ("listView", "treeView")


class ImagesDialog(QFileDialog):
    """Qt's dialog for files, in which Zarr and N5 stores are chosen like files.

    The dialogs of systems choose either files or folders, and show what is inside a store.

    Parameters
    ----------
    parent
        The widget that asks.
    folder
        The folder to begin in.
    """

    def __init__(self, parent: QWidget | None, folder: str) -> None:
        files = (file_format for file_format in FILE_FORMATS if not file_format.is_folder)
        extensions = " ".join(f"*{extension}" for file_format in files for extension in file_format.extensions)
        super().__init__(parent, "Add files", folder, f"Images ({extensions});;All files (*)")
        self.setOption(QFileDialog.Option.DontUseNativeDialog)
        self.setFileMode(QFileDialog.FileMode.ExistingFiles)
        self._stores: list[str] = []
        self.directoryEntered.connect(self._on_entered)
        for view in self.findChildren(QAbstractItemView):
            if view.objectName() in _VIEWS and (selection := view.selectionModel()) is not None:
                # After Qt's own answer, which comes first.
                selection.selectionChanged.connect(partial(self._on_selected, view))

    @classmethod
    def choose(cls, parent: QWidget | None, folder: str) -> list[str]:
        """Ask for images; return the paths that were chosen, none if the dialog was cancelled."""
        dialog = cls(parent, folder)
        chosen = dialog.chosen() if dialog.exec() == QDialog.DialogCode.Accepted else []
        dialog.deleteLater()
        return chosen

    def chosen(self) -> list[str]:
        """Return the paths that are chosen."""
        return self._stores or list(self.selectedFiles())

    def accept(self) -> None:
        """Take stores as they are; Qt would show what is inside."""
        paths = list(self.selectedFiles())
        if any(map(_is_store, paths)) and all(_is_store(path) or Path(path).is_file() for path in paths):
            self._take(paths)
        else:
            super().accept()

    def _take(self, paths: Sequence[str]) -> None:
        self._stores = list(paths)
        self.done(QDialog.DialogCode.Accepted)

    def _on_entered(self, path: str) -> None:
        """Take a store that was double-clicked."""
        if _is_store(path):
            self._take([path])

    def _on_selected(self, view: QAbstractItemView, *_: object) -> None:
        """Write the names of stores into the line, too, which Qt does only with those of files."""
        line: QLineEdit | None = self.findChild(QLineEdit, _LINE)
        selection, folder = view.selectionModel(), self.directory()
        if line is None or selection is None or not view.isVisible():
            return
        names = [str(index.data()) for index in selection.selectedIndexes() if index.column() == 0]
        paths = [folder.absoluteFilePath(name) for name in names]
        if any(map(_is_store, paths)):
            chosen = [name for name, path in zip(names, paths, strict=True) if _is_store(path) or Path(path).is_file()]
            line.setText(chosen[0] if len(chosen) == 1 else " ".join(f'"{name}"' for name in chosen))


def _is_store(path: str) -> bool:
    return is_store(Path(path))
