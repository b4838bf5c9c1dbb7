"""The images of a batch as a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from natsort import natsort_keygen
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from napari_batch_prediction.images.channels import describe_channels
from napari_batch_prediction.planning.inspection import ImageInfo, Inspected
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.widgets.parts.words import count, short_name

COLUMNS = ("Image", "Axes", "Shape", "Channels", "Check")
HEADINGS = (
    "Image",
    "Axes: t time, c channel, z, y, x. Guessed ones are marked *.",
    "Shape in the order of the axes",
    "Number of channels",
    "What the check says; it is made before anything runs",
)
KNOWN = {"file": "as the file says", "user": "as set by you", "guess": "guessed from the shape, so look at them"}
WAITING = "\u2026"

_ORDER = ("problem", "warning", WAITING, "", "ok")


class InputsModel(QAbstractTableModel):
    """One row for each image that the inputs stand for, as far as known, with what the check found in it.

    Parameters
    ----------
    parent
        The owner.

    Attributes
    ----------
    inputs
        Files, folders, patterns and layers as the user named them.
    given
        The locations that inputs stand for, where known.
    images
        The locations of the rows, from the top. An input that was not looked up yet stands for itself.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.inputs: tuple[str, ...] = ()
        self.given: dict[str, tuple[str, ...]] = {}
        self.images: list[str] = []
        self._row_of: dict[str, int] = {}
        self._found: dict[str, Inspected] = {}
        self._checking = False
        self._sorted: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def set_inputs(self, inputs: Iterable[str]) -> None:
        """Replace the inputs; of equal ones the first is kept. What is known of those that stay is kept."""
        self.inputs = tuple(dict.fromkeys(inputs))
        self.given = {name: self.given[name] for name in self.inputs if name in self.given}
        self._set_images()

    def set_found(self, given: Mapping[str, Sequence[str]]) -> None:
        """Show the images that inputs stand for: a check begins."""
        self.given = {name: tuple(given[name]) for name in self.inputs if name in given}
        self._set_checking(True)
        self._set_images()

    def look_up_anew(self) -> None:
        """Forget what the inputs stand for."""
        self.given = {}
        self._set_images()

    def take_many(self, found: Iterable[Inspected]) -> None:
        """Show what the check found in some images."""
        rows = []
        for one in found:
            row = self._row_of.get(one.input)
            if row is not None:
                self._found[one.input] = one
                rows.append(row)
        if rows:
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), len(COLUMNS) - 1))

    def set_plan(self, plan: Plan | None) -> None:
        """Show what the check says in the end; None if it does not know anything (any more)."""
        self._set_checking(False)
        if plan is None:
            self.forget()
        else:
            self.take_many(Inspected(row.location, row.image, row.problems, row.warnings) for row in plan.rows)

    def forget(self, locations: Iterable[str] | None = None) -> None:
        """Forget what was found in some images, or in all."""
        for location in list(self._found) if locations is None else locations:
            self._found.pop(location, None)
        self._show_all()

    def found(self, location: str) -> Inspected | None:
        """Return what the check found in an image; None if it was not looked at yet."""
        return self._found.get(location)

    def row(self, location: str) -> int | None:
        """Return the row of an image; None if it is not listed."""
        return self._row_of.get(location)

    def with_first_problem(self) -> list[str]:
        """Return the images that have the same problem as the first that has any."""
        known = [one for one in map(self._found.get, self.images) if one is not None and one.problems]
        texts = [list(map(str, one.problems)) for one in known]
        return [one.input for one, text in zip(known, texts, strict=True) if text == texts[0]]

    def has_reasons(self) -> bool:
        """Return whether any image has a problem or a warning."""
        return any(one.problems or one.warnings for one in self._found.values())

    def summary(self) -> str:
        """Return how many images there are, how many are checked, and how many have problems."""
        known = [one for one in map(self._found.get, self.images) if one is not None]
        if not self.images:
            return ""
        if len(known) < len(self.images):
            n = len(self.images)
            return f"{len(known)} of {n} checked" if self._checking else f"{n} listed"
        n_bad = sum(bool(one.problems) for one in known)
        n_warnings = sum(bool(one.warnings) and not one.problems for one in known)
        parts = [count(len(known), "image")]
        parts += [f"{n_bad} with a problem"] if n_bad else []
        parts += [f"{n_warnings} with a warning"] if n_warnings else []
        return ", ".join(parts)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of images."""
        return 0 if parent.isValid() else len(self.images)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the heading of a column, and what it means."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return f"{HEADINGS[section]}. Click to sort."
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text or the tooltip of a cell."""
        location = self.images[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(location, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(location, index.column())
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 is the order in which the inputs were given."""
        if (column, order) == self._sorted:
            return
        self._sorted = (column, order)
        # What is selected stays so.
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        locations = [self.images[index.row()] for index in before]
        self._set_order(self._in_order(self._listed()))
        after = [self.index(self._row_of[at], index.column()) for at, index in zip(locations, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _listed(self) -> list[str]:
        """Return all images in the order in which the inputs were given."""
        return list(dict.fromkeys(image for name in self.inputs for image in self.given.get(name, (name,))))

    def _in_order(self, images: list[str]) -> list[str]:
        column, order = self._sorted
        if column < 0:
            return images
        by_name = natsort_keygen()
        keys: tuple[Callable[[str], Any], ...] = (
            lambda location: by_name(short_name(location)),
            lambda location: self._text(location, 1),
            lambda location: self._shape(location),
            lambda location: int(self._text(location, 3) or 0),
            lambda location: _ORDER.index(self._text(location, 4)),
        )
        return sorted(images, key=keys[column], reverse=order == Qt.SortOrder.DescendingOrder)

    def _set_images(self) -> None:
        """Have a row for every image: new ones are added at the end, or all are laid anew."""
        images, n = self._listed(), len(self.images)
        left = set(images)
        if left <= self._row_of.keys() and self._sorted[0] >= 0:
            # Rows that stay do not jump, whatever was found in them since they were sorted.
            images = [image for image in self.images if image in left]
        else:
            images = self._in_order(images)
        if images == self.images:
            return
        if images[:n] == self.images:
            self.beginInsertRows(QModelIndex(), n, len(images) - 1)
            self._set_order(images)
            self.endInsertRows()
            return
        self.beginResetModel()
        self._set_order(images)
        self._found = {location: found for location, found in self._found.items() if location in self._row_of}
        self.endResetModel()

    def _set_order(self, images: list[str]) -> None:
        self.images = images
        self._row_of = {location: row for row, location in enumerate(images)}

    def _set_checking(self, checking: bool) -> None:
        if checking != self._checking:
            self._checking = checking
            self._show_all()

    def _show_all(self) -> None:
        if self.images:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.images) - 1, len(COLUMNS) - 1))

    def _info(self, location: str) -> ImageInfo | None:
        found = self._found.get(location)
        return None if found is None else found.image

    def _shape(self, location: str) -> tuple[int, ...]:
        info = self._info(location)
        return () if info is None else (len(info.shape), *info.shape)

    def _text(self, location: str, column: int) -> str:
        if column == 0:
            return short_name(location)
        if column == 4:
            return self._check(location)
        info = self._info(location)
        if info is None:
            return ""
        if column == 1:
            return info.axes + ("*" if info.axes_known == "guess" else "")
        return "\u00d7".join(map(str, info.shape)) if column == 2 else str(info.extents["c"])

    def _check(self, location: str) -> str:
        found = self._found.get(location)
        if found is None:
            return WAITING if self._checking else ""
        return "problem" if found.problems else "warning" if found.warnings else "ok"

    def _tooltip(self, location: str, column: int) -> str:
        found, info = self._found.get(location), self._info(location)
        if column == 4:
            return "\n".join(map(str, (*found.problems, *found.warnings))) if found is not None else "Not checked yet."
        if info is None:
            return location
        about = (
            f"{location}\nDataset: {info.dataset}" if info.dataset else location,
            f"Axes {info.axes}, {KNOWN[info.axes_known]}.",
            ", ".join(f"{key}: {n}" for key, n in zip(info.axes, info.shape, strict=True)) + f"; {info.dtype}",
            "Channels: "
            + (describe_channels(info.channel_names) or f"{info.extents['c']}, and the file has no names for them"),
        )
        # In a narrow window not all columns are shown.
        return about[column] if column else "\n".join(about)
