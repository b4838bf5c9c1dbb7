"""Projects read with their labels and images, and written again."""

from pathlib import Path

import numpy as np

from napari_batch_prediction.ilp.label_blocks import read_label_blocks
from napari_batch_prediction.ilp.pixel_classification import read_project
from napari_batch_prediction.ilp.project import LabelBlock, PixelClassificationProject
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.writing.images import WrittenImage, written_image
from napari_batch_prediction.ilp.writing.project import write_project
from napari_batch_prediction.locations.inputs import open_image


def blocks_of(path: Path) -> list[list[LabelBlock]]:
    """Return the labels of each training image."""
    with ProjectFile(path) as file:
        return read_label_blocks(file.group("PixelClassification"), {})


def dense(blocks: list[LabelBlock], extents: dict[str, int]) -> np.ndarray:
    """Return labels as an array (t, z, y, x)."""
    labels = np.zeros([extents[key] for key in "tzyx"], np.uint8)
    for block in blocks:
        here = tuple(slice(a, a + n) for a, n in zip(block.start, block.labels.shape, strict=True))
        labels[here] = np.where(block.labels != 0, block.labels, labels[here])
    return labels


def read(path: Path) -> tuple[PixelClassificationProject, list[WrittenImage]]:
    """Return a project, and its images and labels as they would be written."""
    with ProjectFile(path) as file:
        project = read_project(file)
    images = []
    for lane, blocks in zip(project.lanes, blocks_of(path), strict=True):
        with open_image(str(path.parent / lane.path)) as image:
            images.append(written_image(image, blocks))
    return project, images


def write_again(source: Path, path: Path, **settings) -> Path:
    """Write what a project holds to another path."""
    project, images = read(source)
    write_project(path, project, images, **settings)
    return path
