"""Opening the dock Train Classifier without napari's menu."""

from typing import TYPE_CHECKING

from napari_batch_prediction.widgets.dock import docked
from napari_batch_prediction.widgets.training.train import TrainClassifierWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer

# The name that napari's menu gives the dock.
NAME = "Train Classifier (ilastik Batch Prediction)"


def open_training_dock(viewer: "Viewer") -> TrainClassifierWidget:
    """Return the widget that is docked in a viewer, or dock one; in either case show it."""
    return docked(viewer, TrainClassifierWidget, NAME)
