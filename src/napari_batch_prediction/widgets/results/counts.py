"""The counts of a run as bars."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.widgets.results.counts_plot import CountsPlot
from napari_batch_prediction.widgets.results.model import COUNT, ResultsModel


class CountsPanel(QWidget):
    """A bar for each image and, if the selected one is a time series, below it a bar for each of its frames.

    The panel is hidden if nothing is counted. The place for the frames is kept if any image is a time series.

    Attributes
    ----------
    clicked
        The bar of an image was clicked; emitted with its row.
    """

    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._model: ResultsModel | None = None
        self._counts = self._of_series = False
        self._images = CountsPlot("image")
        self._images.clicked.connect(self.clicked)
        self._frames = CountsPlot("frame")
        self._frames.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._images)
        layout.addWidget(self._frames)
        self.setVisible(False)

    def set_counting(self, counts: bool) -> None:
        """Show the panel if what is run next counts, before it runs."""
        self._counts = counts
        self._show()

    def set_rows(self, model: ResultsModel, *, of_series: bool = False) -> None:
        """Begin anew with the images of a run.

        Parameters
        ----------
        model
            The images.
        of_series
            True if any is known to be a time series.
        """
        self._model = model
        n = len(model.locations)
        ended = [model.ended(row) for row in range(n)]
        self._of_series = of_series or any(row is not None and len(row.counts) > 1 for row in ended)
        values = [_mean(row.counts) if row is not None else None for row in ended]
        self._images.set_values(self._title(), [short_name(location) for location in model.locations], values)
        self._show()

    def set_count(self, row: int, counts: Sequence[float]) -> None:
        """Show the counts in the frames of one image."""
        if len(counts) > 1 and not self._of_series:
            self._of_series = True
            self._images.set_title(self._title())
        self._images.set_value(row, _mean(counts))
        self._show()

    def set_selected(self, row: int | None) -> None:
        """Make the bar of an image stand out, and show its frames if it has several."""
        self._images.set_selected(row)
        ended = self._model.ended(row) if self._model is not None else None
        counts = ended.counts if ended is not None else ()
        if len(counts) > 1 and ended is not None:
            names = [str(time) for time in range(len(counts))]
            self._frames.set_values(f"Count in each frame of {short_name(ended.input)}", names, counts)
        else:
            self._frames.set_values("", [], [])

    def _title(self) -> str:
        return "Mean count in each image" if self._of_series else "Count in each image"

    def _show(self) -> None:
        self.setVisible(self._counts or (self._model is not None and self._model.column(COUNT) is not None))
        self._frames.setVisible(self._of_series)


def _mean(counts: Sequence[float]) -> float | None:
    # One count stays the whole number that it may be.
    return counts[0] if len(counts) == 1 else sum(counts) / len(counts) if counts else None
