"""Projects by their paths."""

from pathlib import Path

from napari_batch_prediction.ilp import counting, pixel_classification
from napari_batch_prediction.ilp.project import CountingProject, PixelClassificationProject
from napari_batch_prediction.ilp.reading.file import ProjectFile


def read_project(path: str | Path) -> PixelClassificationProject:
    """Return a project of Pixel Classification."""
    with ProjectFile(path) as file:
        return pixel_classification.read_project(file)


def read_stages(path: str | Path) -> tuple[PixelClassificationProject, ...]:
    """Return the stages of a project of Autocontext."""
    with ProjectFile(path) as file:
        return pixel_classification.read_stages(file)


def read_counting_project(path: str | Path) -> CountingProject:
    """Return a project of Cell Density Counting, with no regressors if those in it cannot be used."""
    with ProjectFile(path) as file:
        return counting.read_counting_project(file)


def workflow_name(path: str | Path) -> str:
    """Return the workflow of a project."""
    with ProjectFile(path) as file:
        return file.workflow
