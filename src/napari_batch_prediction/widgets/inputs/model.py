"""The images of a batch as a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from natsort import natsort_keygen
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from napari_batch_prediction.images.channels import describe_channels
from napari_batch_prediction.planning.inputs.inspection import ImageInfo, Inspected
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.widgets.parts.words import short_name, tip
from napari_batch_prediction.wording import count

COLUMNS = ("Image", "Axes", "Shape", "Channels", "Check")
HEADINGS = (
    "Image",
    "Axes: t time, c channel, z, y, x. Guessed ones are marked *.",
    "Shape in the order of the axes",
    "Number of channels",
    "The result of the check, which is made before anything runs",
)
AXES_SOURCES = {"file": "as the file says", "user": "as set by you", "guess": "guessed from the shape, so look at them"}
WAITING = "\u2026"

_ORDER = ("problem", "warning", WAITING, "", "ok")


class InputsModel(QAbstractTableModel):
    """Table with one row for each image that the inputs stand for, and the result of its check.

    Parameters
    ----------
    parent
        The owner.

    Attributes
    ----------
    inputs
        Files, folders, patterns and layers as the user named them.
    locations
        The locations that each input stands for, where known.
    images
        The locations of the rows, from the top. An input that was not looked up yet stands for itself.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.inputs: tuple[str, ...] = ()
        self.locations: dict[str, tuple[str, ...]] = {}
        self.images: list[str] = []
        self._row_of: dict[str, int] = {}
        self._inspected: dict[str, Inspected] = {}
        self._checking = False
        self._n_left_out = 0
        self._sorted: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def set_inputs(self, inputs: Iterable[str]) -> None:
        """Replace the inputs, without repeats, and keep the results of those that stay."""
        self.inputs = tuple(dict.fromkeys(inputs))
        self.locations = {name: self.locations[name] for name in self.inputs if name in self.locations}
        self._set_images()

    def begin_check(self, locations: Mapping[str, Sequence[str]]) -> None:
        """Show the images that each input stands for, now that a check begins."""
        self.locations = {name: tuple(locations[name]) for name in self.inputs if name in locations}
        self._n_left_out = 0
        self._set_checking(True)
        self._set_images()

    def look_up_anew(self) -> None:
        """Forget the locations that the inputs stand for."""
        self.locations = {}
        self._set_images()

    def take_many(self, results: Iterable[Inspected]) -> None:
        """Show the results of the check of some images."""
        rows = []
        for result in results:
            row = self._row_of.get(result.input)
            if row is not None:
                self._inspected[result.input] = result
                rows.append(row)
        if rows:
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), len(COLUMNS) - 1))

    def set_plan(self, plan: Plan | None) -> None:
        """Show the results of a finished check; None forgets all results."""
        self._set_checking(False)
        if plan is None:
            self.forget()
        else:
            self._leave_out(plan)
            self.take_many(
                Inspected(row.location, row.image, row.problems, row.warnings, row.beside) for row in plan.rows
            )

    def _leave_out(self, plan: Plan) -> None:
        """Take away rows that turned out to be results."""
        self._n_left_out = len(plan.left_out)
        left_out = set(plan.left_out)
        if not left_out.isdisjoint(self.images):
            self.locations = {
                name: tuple(location for location in locations if location not in left_out)
                for name, locations in self.locations.items()
            }
            self._set_images()

    def forget(self, locations: Iterable[str] | None = None) -> None:
        """Forget the results of some images, or of all."""
        for location in list(self._inspected) if locations is None else locations:
            self._inspected.pop(location, None)
        self._show_all()

    def inspected(self, location: str) -> Inspected | None:
        """Return the result of the check of an image; None if it was not inspected yet."""
        return self._inspected.get(location)

    def row(self, location: str) -> int | None:
        """Return the row of an image; None if it is not listed."""
        return self._row_of.get(location)

    def with_first_problem(self) -> list[str]:
        """Return the images that share the problems of the first image with any."""
        bad = [result for result in self._results() if result.problems]
        texts = [list(map(str, result.problems)) for result in bad]
        return [result.input for result, text in zip(bad, texts, strict=True) if text == texts[0]]

    def has_reasons(self) -> bool:
        """Return True if any image has a problem or a warning."""
        return any(result.problems or result.warnings for result in self._inspected.values())

    def _results(self) -> list[Inspected]:
        return [result for result in map(self._inspected.get, self.images) if result is not None]

    def short_summary(self) -> str:
        """Return how many images there are, with a mark if any has a problem."""
        if not self.images:
            return ""
        return f"{len(self.images)} !" if any(result.problems for result in self._results()) else str(len(self.images))

    def summary(self) -> str:
        """Return how many images there are, how many are checked, and how many have problems."""
        results = self._results()
        if not self.images:
            return ""
        if len(results) < len(self.images):
            n = len(self.images)
            return f"{len(results)} of {n} checked" if self._checking else f"{n} listed"
        n_bad = sum(bool(result.problems) for result in results)
        n_warnings = sum(bool(result.warnings) and not result.problems for result in results)
        texts = [count(len(results), "image")]
        texts += [f"{n_bad} with a problem"] if n_bad else []
        texts += [f"{n_warnings} with a warning"] if n_warnings else []
        texts += [f"{count(self._n_left_out, 'result')} left out"] if self._n_left_out else []
        return ", ".join(texts)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of images."""
        return 0 if parent.isValid() else len(self.images)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the heading of a column, or its explanation."""
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
            return tip(self._tooltip(location, index.column()))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 restores the order of the inputs."""
        if (column, order) == self._sorted:
            return
        self._sorted = (column, order)
        # The persistent indices keep the selection.
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        locations = [self.images[index.row()] for index in before]
        self._set_order(self._in_order(self._listed()))
        after = [
            self.index(self._row_of[location], index.column())
            for location, index in zip(locations, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _listed(self) -> list[str]:
        """Return all images in the order of the inputs."""
        return list(dict.fromkeys(image for name in self.inputs for image in self.locations.get(name, (name,))))

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
        """Make a row for every image: append new ones if that suffices, otherwise lay all anew."""
        images, n = self._listed(), len(self.images)
        remaining = set(images)
        if remaining <= self._row_of.keys() and self._sorted[0] >= 0:
            # Rows that stay do not jump, whatever the check has said since they were sorted.
            images = [image for image in self.images if image in remaining]
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
        self._inspected = {image: result for image, result in self._inspected.items() if image in self._row_of}
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
        result = self._inspected.get(location)
        return None if result is None else result.image

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
        result = self._inspected.get(location)
        if result is None:
            return WAITING if self._checking else ""
        return "problem" if result.problems else "warning" if result.warnings else "ok"

    def _tooltip(self, location: str, column: int) -> str:
        result, info = self._inspected.get(location), self._info(location)
        if column == 4:
            return "Not checked yet." if result is None else "\n".join(map(str, (*result.problems, *result.warnings)))
        if info is None:
            return location
        about = (
            f"{location}\nDataset: {info.dataset}" if info.dataset else location,
            f"Axes {info.axes}, {AXES_SOURCES[info.axes_known]}.",
            ", ".join(f"{key}: {n}" for key, n in zip(info.axes, info.shape, strict=True)) + f"; {info.dtype}",
            "Channels: "
            + (describe_channels(info.channel_names) or f"{info.extents['c']}, and the file has no names for them"),
        )
        # A narrow window hides columns; the tooltip of the first has all their texts.
        return about[column] if column else "\n".join(about)
