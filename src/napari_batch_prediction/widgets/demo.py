"""The demo in napari: ``python -m napari_batch_prediction.widgets.demo JOB``, with the job as JSON."""

import sys

import napari
from napari.viewer import Viewer

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.stored import read_job
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.dock import open_dock


def add_widget(viewer: Viewer, job: BatchJob) -> BatchPredictionWidget:
    """Dock the widget as napari's menu does, and fill in the job."""
    widget = open_dock(viewer)
    widget.setValue(job)
    return widget


def show_demo(job: BatchJob) -> None:
    """Open napari with the widget filled in; return when the window is closed."""
    add_widget(Viewer(), job)
    napari.run()


if __name__ == "__main__":
    show_demo(read_job(sys.argv[1]))
