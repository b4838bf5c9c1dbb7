"""The panel of plots in the results, as a user sees and changes it."""

from collections.abc import Sequence

from qtpy.QtWidgets import QComboBox

from napari_batch_prediction.widgets.results.plot import Plot
from napari_batch_prediction.widgets.results.plot_panel import PlotPanel


def begin(panel: PlotPanel, locations: Sequence[str]) -> tuple[Plot, Plot]:
    """Begin a run of images; return the plot of images and that of frames."""
    panel.model.set_rows(locations, {})
    panel.set_rows()
    images, frames = panel.findChildren(Plot)
    return images, frames


def choices(panel: PlotPanel) -> list[str]:
    """Return what can be plotted."""
    box = panel.findChild(QComboBox)
    return [box.itemText(i) for i in range(box.count())]


def pick(panel: PlotPanel, text: str) -> None:
    """Choose what is plotted, as a user does."""
    box = panel.findChild(QComboBox)
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())
