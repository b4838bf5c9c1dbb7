"""The shipped samples: images, each set with a project trained on some of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import COUNTS, DENSITY, PROBABILITIES, SEGMENTATION
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob

FOLDER = Path(__file__).parents[1] / "samples"
"""The folder of the samples."""


class Sample(NamedTuple):
    """Images and their project.

    Attributes
    ----------
    images
        The images.
    project
        The project to predict them with.
    sources
        The sources to export.
    """

    images: tuple[Path, ...]
    project: Path
    sources: tuple[str, ...]

    def job(self, inputs: Sequence[str], folder: Path | None = None) -> BatchJob:
        """Return the job for copies of the images.

        Parameters
        ----------
        inputs
            The copies.
        folder
            Folder of the outputs; beside each image if None.
        """
        exports = tuple(Export(source=source, folder=folder) for source in self.sources)
        return BatchJob(classifier=self.project, inputs=tuple(inputs), exports=exports)


def _sample(folder: str, project: str, images: Sequence[str], *sources: str) -> Sample:
    path = FOLDER / folder
    return Sample(images=tuple(path / name for name in images), project=path / project, sources=sources)


NUCLEI = _sample("nuclei", "nuclei.ilp", [f"nuclei_0{i}.png" for i in range(1, 7)], PROBABILITIES, SEGMENTATION)
COLONIES = _sample("colonies", "colonies.ilp", [f"colonies_0{i}.png" for i in range(1, 5)], COUNTS, DENSITY)
EMBRYO = _sample("embryo", "embryo.ilp", ["embryo.tif"], PROBABILITIES, SEGMENTATION)
DIVISION = _sample("embryo", "division.ilp", ["division.tif"], PROBABILITIES, SEGMENTATION)
