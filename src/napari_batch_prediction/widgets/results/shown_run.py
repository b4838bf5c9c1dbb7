"""The run whose results are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Arrays
from napari_batch_prediction.planning.exports import NamedExport, named_exports
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest, final_first


@dataclass
class ShownRun:
    """A run with the facts that all of its rows share, and its predictions in memory.

    Attributes
    ----------
    job
        The job.
    arrays
        Images in memory, by location.
    exports
        The exports, the final stage first; none until they are known.
    is_running
        True while the run is under way.
    predicted
        Predictions of images in memory, by the index of the image.
    """

    job: BatchJob
    arrays: Arrays = field(default_factory=dict)
    exports: tuple[NamedExport, ...] = ()
    is_running: bool = False
    predicted: dict[int, Mapping[str, NDArray]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> "ShownRun":
        """Return the run of a plan, at its beginning."""
        return cls(plan.job, plan.arrays, final_first(plan.exports, plan.classifier), is_running=True)

    def request(self, index: int, location: str, ended: LedgerRow | None) -> RowRequest:
        """Return the request that shows an image and its outputs."""
        return RowRequest(
            location=location,
            job=self.job,
            arrays=self.arrays,
            exports=self.exports,
            ended=ended,
            predicted=self.predicted.get(index, {}),
        )


def find_exports(job: BatchJob) -> tuple[NamedExport, ...]:
    """Return the exports of a recorded job, the final stage first.

    Raises
    ------
    ProjectError, SettingsError
        If its classifier cannot be used, or lacks one of the sources.
    """
    classifier = load_classifier(job.classifier, job.structure_tensor)
    return final_first(named_exports(job, classifier), classifier)
