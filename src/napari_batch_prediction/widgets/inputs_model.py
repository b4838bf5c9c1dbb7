"""The inputs of a batch as a table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from napari_batch_prediction.batch.plan import PlanRow
from napari_batch_prediction.images.formats import FORMATS

COLUMNS = ("Image", "Pixels", "Check")

# Extensions of files that hold several images.
CONTAINERS = tuple(extension for known in FORMATS if known.has_datasets for extension in known.extensions)


def short_name(location: str) -> str:
    """Return the end of an input that tells it from others: its file, or its pattern.

    A dataset is shown with its file, a pattern from the folder before its first wildcard on.
    """
    parts = re.split(r"[/\\]", location)
    for i, part in enumerate(parts):
        if re.search(r"[*?\[]", part):
            return "/".join(parts[max(i - 1, 0) :])
        if part.lower().endswith(CONTAINERS):
            return "/".join(parts[i:])
    return parts[-1]


def count(n: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


class InputsModel(QAbstractTableModel):
    """Files and patterns as the user named them, and what the check found in each.

    Parameters
    ----------
    parent
        The owner.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.inputs: tuple[str, ...] = ()
        self._checked: Mapping[str, Sequence[PlanRow]] = {}

    def set_inputs(self, inputs: Iterable[str]) -> None:
        """Replace the inputs; of equal ones the first is kept."""
        self.beginResetModel()
        self.inputs = tuple(dict.fromkeys(inputs))
        self.endResetModel()

    def set_checked(self, checked: Mapping[str, Sequence[PlanRow]]) -> None:
        """Show what the check found: for each input its images."""
        self._checked = checked
        if self.inputs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.inputs) - 1, len(COLUMNS) - 1))

    def problems(self, row: int) -> str:
        """Return what is wrong with the images of an input, in words."""
        images = self._checked.get(self.inputs[row], ())
        return "\n".join(f"{short_name(image.input)}: {problem}" for image in images for problem in image.problems)

    def summary(self) -> str:
        """Return how many images there are and how many have problems, as far as known."""
        # Two inputs may stand for the same image, which is predicted once.
        images = {image.input: image for found in self._checked.values() for image in found}
        if not self.inputs or set(self.inputs) - set(self._checked):
            return f"{len(self.inputs)} listed" if self.inputs else ""
        n_bad = sum(bool(image.problems) for image in images.values())
        return count(len(images), "image") + (f", {n_bad} with a problem" if n_bad else "")

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of inputs."""
        return 0 if parent.isValid() else len(self.inputs)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the heading of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text or the tooltip of a cell."""
        location = self.inputs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (short_name(location), self._pixels(location), self._check(location))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n\n".join(filter(None, [location, self.problems(index.row())]))
        return None

    def _pixels(self, location: str) -> str:
        images = self._checked.get(location, ())
        if len(images) != 1 or images[0].image is None:
            return ""
        info = images[0].image
        guessed = "*" if info.axes_known == "guess" else ""
        shape = "\u00d7".join(map(str, info.shape))
        return f"{info.axes}{guessed}  {shape}"

    def _check(self, location: str) -> str:
        if location not in self._checked:
            return ""
        images = self._checked[location]
        n_bad = sum(bool(image.problems) for image in images)
        if len(images) == 1:
            return "problem" if n_bad else "ok"
        if not images:
            return "listed above"
        return count(len(images), "image") + (f", {n_bad} !" if n_bad else "")
