"""The numbers of a run as plots: quantities of its images as bars, properties of its objects as histograms."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.planning.naming import safe_name
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.canvas.depth import background_class
from napari_batch_prediction.widgets.objects.written import WrittenTable
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.widgets.results.drawing import Chart
from napari_batch_prediction.widgets.results.histogram import ObjectValues
from napari_batch_prediction.widgets.results.model import ResultsModel
from napari_batch_prediction.widgets.results.object_values import read_properties, read_values
from napari_batch_prediction.widgets.results.picture import SUFFIXES, save_picture
from napari_batch_prediction.widgets.results.plot import NOTHING, Plot
from napari_batch_prediction.widgets.results.quantities import COUNT, Quantity, Values, mean
from napari_batch_prediction.widgets.work import Task, in_background

Choice = Quantity | str
"""A quantity of images, or the name of a property of objects, to be plotted."""

SAVE = "Save the plot as a picture: PNG, or SVG for drawing programs."

_FILTERS = ("PNG (*.png)", "SVG (*.svg)")


class PlotPanel(QWidget):
    """A list of quantities and properties, and the plot of the chosen one.

    A quantity has a bar for each image and, if the selected one is a time series, below it one for each of its frames.
    A property has a histogram over all objects, in which those of the selected image stand out. It is read from the
    tables of objects when it is chosen.

    The panel is hidden if there is nothing to plot. The place for the frames is kept if any image is a time series.

    Parameters
    ----------
    model
        The images of the run.

    Attributes
    ----------
    clicked
        The bar of an image was clicked; emitted with its row.
    quantity_chosen
        Another quantity is plotted; emitted with it.
    model
        The images of the run.
    choices
        What can be plotted.
    """

    clicked = Signal(int)
    quantity_chosen = Signal(object)

    def __init__(self, model: ResultsModel) -> None:
        super().__init__()
        self.model = model
        self._counts = self._of_series = False
        self._selected: int | None = None
        # The bars of the images, whether they are shown or not.
        self._locations: Sequence[str] = ()
        self._names: list[str] = []
        self._means: list[float | None] = []
        # What the user has chosen, also while there is no such thing.
        self._wanted: Choice | None = None
        self._tables: tuple[WrittenTable, ...] = ()
        self._properties: tuple[str, ...] = ()
        self._values: ObjectValues | None = None
        self._task: Task | None = None
        self._file = Path()
        self.choices: list[Choice] = []
        self._list = QComboBox()
        self._list.setAccessibleName("Plot of")
        self._list.setToolTip("What is plotted: for each image, or for all objects of the batch.")
        self._list.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        label = QLabel("Plot")
        label.setBuddy(self._list)
        self._save = QPushButton("Save plot...")
        self._images, self._frames = Plot(), Plot()
        self._frames.setAccessibleName("Plot of frames")
        self._message = Message()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        top = QHBoxLayout()
        top.addWidget(label)
        top.addWidget(self._list, 1)
        top.addWidget(self._save)
        layout.addLayout(top)
        for widget in (self._images, self._frames, self._message):
            layout.addWidget(widget)
        self._images.clicked.connect(self.clicked)
        self._list.activated.connect(lambda i: self.choose(self.choices[i]))
        self._save.clicked.connect(self._on_save)
        model.quantities_changed.connect(self._offer)
        self._offer()

    def set_counting(self, counts: bool) -> None:
        """Show the panel if what is run next counts, before it runs."""
        self._counts = counts
        self._offer()

    def set_rows(self, *, of_series: bool = False) -> None:
        """Begin anew with the images of a run; ``of_series`` if any is known to be a time series."""
        rows = range(len(self.model.locations))
        lengths = (len(self.model.values(row, each)) for each in self.model.quantities for row in rows)
        self._of_series = of_series or any(n > 1 for n in lengths)
        self._selected = None
        self._fill()
        self._show()

    def set_tables(self, tables: Sequence[WrittenTable]) -> None:
        """Offer the properties of the objects in tables; none while they are not written."""
        if not tables and not self._tables:
            return
        self._drop()
        self._tables, self._properties, self._values = tuple(tables), (), None
        self._offer()
        if tables:
            self._task = in_background(partial(read_properties, self._tables), self, self._on_properties)

    def set_file(self, start: Path) -> None:
        """Set where pictures are saved by default: a folder, and the start of their names."""
        self._file = start

    def note_ends(self, rows: Iterable[int]) -> None:
        """Show the bars of images that have ended."""
        quantity = self._quantity()
        if quantity is None:
            return
        for row in rows:
            values = self.model.values(row, quantity)
            self._means[row] = mean(values)
            self._of_series |= len(values) > 1
        self._show()

    def set_selected(self, row: int | None) -> None:
        """Make the bar of an image stand out, or its objects, and show its frames if it has several."""
        self._selected = row
        self._show()

    def chosen(self) -> Choice | None:
        """Return the choice that is plotted; None if there is none."""
        at = self._list.currentIndex()
        return self.choices[at] if 0 <= at < len(self.choices) else None

    def choose(self, choice: Choice) -> None:
        """Plot something else; without effect if it is not among the choices."""
        if choice in self.choices:
            self._wanted = choice
            self._list.setCurrentIndex(self.choices.index(choice))
            self._begin()

    def _quantity(self) -> Quantity | None:
        chosen = self.chosen()
        return chosen if isinstance(chosen, Quantity) else None

    def _offer(self) -> None:
        """Fill the list. What was chosen stays, or comes back once it is there again."""
        before = self.chosen()
        quantities = self.model.quantities or ((COUNT,) if self._counts else ())
        self.choices = [*quantities, *self._properties]
        self._list.clear()
        self._list.addItems([each.label if isinstance(each, Quantity) else f"Objects: {each}" for each in self.choices])
        self.setVisible(bool(self.choices))
        if self.choices:
            chosen = next(each for each in (self._wanted, before, _first(self.choices)) if each in self.choices)
            self._list.setCurrentIndex(self.choices.index(chosen))
        self._begin()

    def _begin(self) -> None:
        """Plot the choice, once it is read."""
        chosen = self.chosen()
        if isinstance(chosen, Quantity):
            self.quantity_chosen.emit(chosen)
        elif chosen is not None and (self._values is None or self._values.name != chosen):
            self._drop()
            self._values = None
            self._task = Task(partial(read_values, self._tables, chosen), self, end=self._on_values)
            self._task.start()
        self._message.say("")
        self._fill()
        self._show()

    def _drop(self) -> None:
        if self._task is not None:
            self._task.drop()
            self._task = None

    def _on_properties(self, result: tuple[str, ...] | Failure) -> None:
        self._task = None
        if isinstance(result, Failure):
            self._message.say(result.reason, result.trace, "problem")
            self.setVisible(True)
        else:
            self._properties = result
            self._offer()

    def _on_values(self, result: ObjectValues | Failure | None) -> None:
        self._task = None
        if isinstance(result, Failure):
            self._message.say(result.reason, result.trace, "problem")
        else:
            self._values = result
        self._show()

    def _fill(self) -> None:
        """Make the bars of all images."""
        locations = self.model.locations
        if locations is not self._locations:
            self._locations, self._names = locations, [short_name(location) for location in locations]
            self._selected = None
        quantity = self._quantity()
        if quantity is not None:
            self._means = [mean(self.model.values(row, quantity)) for row in range(len(locations))]

    def _show(self) -> None:
        chosen = self.chosen()
        if isinstance(chosen, Quantity):
            title = chosen.title("image", is_mean=self._of_series)
            self._show_bars(self._images, chosen, title, self._names, self._means, self._selected)
            self._show_frames(chosen)
        elif chosen is not None:
            self._show_histogram(chosen)
        self._frames.setVisible(self._of_series and isinstance(chosen, Quantity))
        is_empty = not len(self._images.chart.heights)
        self._save.setEnabled(not is_empty)
        self._save.setToolTip("There is nothing to save yet." if is_empty else SAVE)

    def _show_frames(self, quantity: Quantity) -> None:
        row = self._selected
        values = self.model.values(row, quantity) if row is not None else ()
        if row is None or len(values) < 2:
            self._show_bars(self._frames, quantity, "", [], [])
            return
        names = [str(time) for time in range(len(values))]
        title = quantity.title(f"frame of {self._names[row]}")
        self._show_bars(self._frames, quantity, title, names, values)

    def _show_bars(
        self,
        plot: Plot,
        quantity: Quantity,
        title: str,
        names: Sequence[str],
        values: Values,
        strong: int | None = None,
    ) -> None:
        heights = np.array([np.nan if value is None else value for value in values], np.float64)
        front = np.full(len(heights), np.nan)
        if strong is not None:
            front[strong] = heights[strong]
        noun = "image" if plot is self._images else "frame"
        n_known = int((~np.isnan(heights)).sum())
        are_whole = all(value is None or isinstance(value, int) for value in values)
        plot.show_chart(
            Chart(title=title, heights=heights, front=front, names=names),
            lambda i: f"{names[i]}: {quantity.number_text(values[i], is_whole=are_whole)}",
            f"{title}: {n_known} of {len(heights)} {noun}s {quantity.done}",
        )

    def _show_histogram(self, name: str) -> None:
        values = self._values
        if values is None:
            title = f"Reading {name} ..." if self._task is not None else name
            self._images.show_chart(replace(NOTHING, title=title), str, title)
            return
        row = self._selected
        image = "" if row is None else absolute(self._locations[row])
        chart = values.chart(image, "" if row is None else self._names[row])
        self._images.show_chart(chart, partial(values.text, chart), ". ".join([chart.title, *chart.lines]))

    def _on_save(self) -> None:
        chosen = self.chosen()
        label = safe_name(chosen.label if isinstance(chosen, Quantity) else str(chosen))
        start = self._file.with_name(f"{self._file.name}_{label}{SUFFIXES[0]}")
        text, wanted = QFileDialog.getSaveFileName(self, "Save plot", str(start), ";;".join(_FILTERS))
        if not text:
            return
        path = Path(text)
        if path.suffix.lower() not in SUFFIXES:
            path = path.with_name(path.name + SUFFIXES[_FILTERS.index(wanted) if wanted in _FILTERS else 0])
            # The dialog has asked about another name.
            if os.path.exists(path) and not self._may_replace(path):  # noqa: PTH110 - False for names too long
                return
        charts = [plot.chart for plot in (self._images, self._frames) if len(plot.chart.heights) and plot.isVisible()]
        try:
            save_picture(path, charts, self._images.small_font())
        except ExportError as error:
            self._message.say(str(error), kind="problem")
        else:
            self._message.say(f"Saved as {path}.")

    def _may_replace(self, path: Path) -> bool:
        buttons = QMessageBox.StandardButton
        question = f"{path.name} is there already. Replace it?"
        return bool(QMessageBox.question(self, "Save plot", question, buttons.Yes | buttons.No) == buttons.Yes)


def _first(choices: Sequence[Choice]) -> Choice:
    """Return the choice to begin with: the count, or the share of the first class that is not background."""
    classes = [each for each in choices if isinstance(each, Quantity) and each.number is not None]
    if len(classes) < 2 or choices[0] == COUNT:
        return choices[0]
    background = background_class([each.name for each in classes])
    return next(each for i, each in enumerate(classes) if i != background)
