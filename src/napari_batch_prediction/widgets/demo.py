"""The demo in napari: ``python -m napari_batch_prediction.widgets.demo JOB RECORD``, with the job as JSON."""

import sys
from pathlib import Path

import napari
from napari.viewer import Viewer

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.stored import read_job
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.dock import open_dock


def add_widget(viewer: Viewer, job: BatchJob, record: Path) -> BatchPredictionWidget:
    """Dock the widget as napari's menu does, fill in the job, and show its run with the first image."""
    widget = open_dock(viewer)
    widget.setValue(job)
    widget.show_run(record)
    return widget


def show_demo(job: BatchJob, record: Path) -> None:
    """Open napari on a run of the demo; return when the window is closed."""
    add_widget(Viewer(), job, record)
    napari.run()


if __name__ == "__main__":
    show_demo(read_job(sys.argv[1]), Path(sys.argv[2]))
