"""The samples that are shipped: images, and the project that was trained on some of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import COUNTS, DENSITY, PROBABILITIES, SEGMENTATION
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob

FOLDER = Path(__file__).parents[1] / "samples"
"""Where they are."""


class Sample(NamedTuple):
    """Images and their project.

    Attributes
    ----------
    images
        The images.
    project
        The project that predicts them.
    sources
        What to export of them.
    """

    images: tuple[Path, ...]
    project: Path
    sources: tuple[str, ...]

    def job(self, inputs: Sequence[str], folder: Path | None = None) -> BatchJob:
        """Return the job that predicts these images from another place.

        Parameters
        ----------
        inputs
            Copies of the images.
        folder
            Where outputs go; beside each image if None.
        """
        exports = tuple(Export(source=source, folder=folder) for source in self.sources)
        return BatchJob(classifier=self.project, inputs=tuple(inputs), exports=exports)


def _sample(folder: str, project: str, images: Sequence[str], *sources: str) -> Sample:
    place = FOLDER / folder
    return Sample(tuple(place / name for name in images), place / project, sources)


NUCLEI = _sample("nuclei", "nuclei.ilp", [f"nuclei_0{i}.png" for i in range(1, 7)], PROBABILITIES, SEGMENTATION)
COLONIES = _sample("colonies", "colonies.ilp", [f"colonies_0{i}.png" for i in range(1, 5)], COUNTS, DENSITY)
EMBRYO = _sample("embryo", "embryo.ilp", ["embryo.tif"], PROBABILITIES, SEGMENTATION)
DIVISION = _sample("embryo", "division.ilp", ["division.tif"], PROBABILITIES, SEGMENTATION)
