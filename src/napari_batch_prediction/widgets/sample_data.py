"""Samples in napari's menu: images on the canvas, and the widget filled in with the job that predicts them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_batch_prediction.demo.samples import Sample
    from napari_batch_prediction.widgets.batch import BatchPredictionWidget
    from napari_batch_prediction.widgets.training.projects import Opened
    from napari_batch_prediction.widgets.training.train import TrainClassifierWidget

LayerTuple = tuple[Any, dict[str, Any], str]

# Images lie side by side: so many to a row, with so many pixels between them.
_IN_A_ROW = 2
_GAP = 24


def nuclei() -> list[LayerTuple]:
    """Return six images of nuclei in culture."""
    from napari_batch_prediction.demo.samples import NUCLEI

    return _open(NUCLEI)


def colonies() -> list[LayerTuple]:
    """Return four images of colonies to be counted."""
    from napari_batch_prediction.demo.samples import COLONIES

    return _open(COLONIES)


def embryo() -> list[LayerTuple]:
    """Return a volume of an embryo."""
    from napari_batch_prediction.demo.samples import EMBRYO

    return _open(EMBRYO)


def division() -> list[LayerTuple]:
    """Return a time series of a dividing nucleus."""
    from napari_batch_prediction.demo.samples import DIVISION

    return _open(DIVISION)


def strokes() -> list[LayerTuple]:
    """Return two images of nuclei, and open strokes on them to train on if there is a window."""
    from napari import current_viewer

    from napari_batch_prediction.demo.samples import NUCLEI
    from napari_batch_prediction.widgets.training.projects import open_project

    opened = open_project(NUCLEI.project)
    viewer = current_viewer()
    if viewer is not None:
        from napari_batch_prediction.widgets.parts.timers import single_shot
        from napari_batch_prediction.widgets.training.dock import open_training_dock

        widget = open_training_dock(viewer)
        # napari adds the layers after this function returns.
        single_shot(widget, 0, lambda: _begin_training(widget, opened)).start()
    return [image.layer.as_layer_data_tuple() for image in opened.images]


def _begin_training(widget: "TrainClassifierWidget", opened: "Opened") -> None:
    """Have the strokes on the layers of the sample, or tell the user why not: strokes of the user stay."""
    from napari.utils.notifications import show_info

    if not widget.is_empty():
        show_info(
            "Train Classifier keeps its images and strokes. To learn on the sample, remove its images from the list, "
            "and open the sample again."
        )
        return
    widget.take(opened)


def _open(sample: "Sample") -> list[LayerTuple]:
    """Return the images of a sample as layers, and fill in the widget if there is a window for it.

    ``classifier`` in the metadata of the layers is the path of the project.
    """
    from napari import current_viewer

    layers = _layers(sample)
    viewer = current_viewer()
    if viewer is not None:
        from napari_batch_prediction.widgets.dock import open_dock
        from napari_batch_prediction.widgets.parts.timers import single_shot

        widget = open_dock(viewer)
        names = [options["name"] for _, options, _ in layers]
        # napari adds the layers after this function returns.
        later = single_shot(widget, 0, lambda: _fill_in(widget, viewer, sample, names))
        if not viewer.layers:
            # napari fits the view to the first layer only.
            later.timeout.connect(viewer.reset_view)
        later.start(0)
    return layers


def _layers(sample: "Sample") -> list[LayerTuple]:
    from napari_batch_prediction.locations.inputs import open_image
    from napari_batch_prediction.locations.location import FileAt
    from napari_batch_prediction.widgets.canvas.grids import PixelGrid
    from napari_batch_prediction.widgets.canvas.layer_data import raw_layers
    from napari_batch_prediction.widgets.canvas.pixels import read_pixels

    images = [open_image(path) for path in sample.images]
    height, width = (max(image.extents[key] for image in images) + _GAP for key in "yx")
    layers: list[LayerTuple] = []
    for i, image in enumerate(images):
        row, column = divmod(i, _IN_A_ROW)
        grid = PixelGrid.of(image)
        origin = {"y": row * height * grid.scale.get("y", 1), "x": column * width * grid.scale.get("x", 1)}
        grid = replace(grid, origin=origin)
        for layer in raw_layers(read_pixels(image, grid.axes), image, grid, FileAt.of(image.location).stem):
            options = {"name": layer.name, "metadata": {"classifier": str(sample.project)}, **layer.options}
            layers.append((layer.data, options, layer.kind))
    return layers


def _fill_in(widget: "BatchPredictionWidget", viewer: "Viewer", sample: "Sample", names: list[str]) -> None:
    """Fill in the job that predicts the layers, or tell the user why not: images listed by the user stay."""
    from napari.utils.notifications import show_info

    from napari_batch_prediction.locations.location import LayerNamed
    from napari_batch_prediction.widgets.dock import listed_inputs

    if all(_is_of_sample(viewer, location) for location in listed_inputs(widget)):
        widget.setValue(sample.job([str(LayerNamed(name)) for name in names]))
    else:
        show_info(
            "Batch Prediction keeps the images that are listed. To have it filled in for the sample, remove the "
            "sample's layers, press Clear on the page Images, and open the sample again."
        )


def _is_of_sample(viewer: "Viewer", location: str) -> bool:
    """Return True if an input is the layer of a sample, or a layer that is gone, but no image of the user."""
    from napari_batch_prediction.demo.samples import FOLDER
    from napari_batch_prediction.locations.location import LayerNamed

    layer = LayerNamed.of(location)
    if layer is None:
        return False
    if layer.name not in viewer.layers:
        return True
    return Path(str(viewer.layers[layer.name].metadata.get("classifier", ""))).is_relative_to(FOLDER)
