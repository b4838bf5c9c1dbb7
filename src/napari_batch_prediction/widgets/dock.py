"""Opening the widget in its dock without napari's menu."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from qtpy.QtWidgets import QDockWidget, QWidget

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.classifier.section import ClassifierSection
from napari_batch_prediction.widgets.inputs.section import InputsSection

if TYPE_CHECKING:
    from napari.viewer import Viewer

Kind = TypeVar("Kind", bound=QWidget)

# The name that napari's menu gives the dock: the titles of the widget and of the plugin. With it the menu shows and
# hides this dock, and opens no second one.
NAME = "Batch Prediction (ilastik Batch Prediction)"


def open_dock(viewer: "Viewer") -> BatchPredictionWidget:
    """Return the widget that is docked in a viewer, or dock one; in either case show it."""
    return docked(viewer, BatchPredictionWidget, NAME)


def docked(viewer: "Viewer", kind: Callable[["Viewer"], Kind], name: str) -> Kind:
    """Return the widget of a kind that is docked in a viewer, or dock one under a name; in either case show it."""
    widget = next(iter(docks(viewer, kind)), None)
    if widget is None:
        widget = kind(viewer)
        # Beside other docks there is no room below them.
        viewer.window.add_dock_widget(widget, name=name, tabify=True)
    dock = widget.parentWidget()
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    if dock is not None:
        dock.show()
        dock.raise_()
    return widget


def docks(viewer: "Viewer", kind: Callable[["Viewer"], Kind]) -> list[Kind]:
    """Return the widgets of a kind that are docked in a viewer; its model has no window, and so none."""
    window = getattr(viewer, "window", None)
    widgets = window.dock_widgets.values() if window is not None else ()
    return [widget for widget in widgets if isinstance(widget, cast("type[Kind]", kind))]


def batch_docks(viewer: "Viewer") -> list[BatchPredictionWidget]:
    """Return the batches that are docked in a viewer."""
    return docks(viewer, BatchPredictionWidget)


def choose_classifier(widget: BatchPredictionWidget, path: Path) -> None:
    """Choose the classifier; everything else stays as it is."""
    section: ClassifierSection = widget.findChild(ClassifierSection)
    section.choose(path)


def hold_classifier(widget: BatchPredictionWidget, classifier: Classifier) -> None:
    """Choose a classifier that is in no file, or the file that it is in; everything else stays as it is."""
    section: ClassifierSection = widget.findChild(ClassifierSection)
    if classifier.path is None:
        section.hold(classifier)
    else:
        section.choose(classifier.path)


def held_classifier(widget: BatchPredictionWidget) -> Classifier | None:
    """Return the classifier in no file that is chosen; None if none is."""
    section: ClassifierSection = widget.findChild(ClassifierSection)
    return section.held


def listed_inputs(widget: BatchPredictionWidget) -> tuple[str, ...]:
    """Return the inputs in the list, as in a job."""
    section: InputsSection = widget.findChild(InputsSection)
    inputs: tuple[str, ...] = tuple(section.value()["inputs"])
    return inputs
