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
from napari_batch_prediction.widgets.canvas.layer_data import RAW
from napari_batch_prediction.widgets.canvas.row_loader import ToShow, final_first


@dataclass
class ShownRun:
    """A run as a whole, and its predictions that are on no disk.

    Attributes
    ----------
    job
        The job.
    arrays
        Images in memory, by location.
    exports
        The exports, the final stage first; none as long as they are not known.
    is_running
        Whether the run is under way.
    predicted
        The predictions for images in memory, by the number of the image.
    """

    job: BatchJob
    arrays: Arrays = field(default_factory=dict)
    exports: tuple[NamedExport, ...] = ()
    is_running: bool = False
    predicted: dict[int, Mapping[str, NDArray]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> "ShownRun":
        """Return a run that begins."""
        return cls(plan.job, plan.arrays, final_first(plan.exports, plan.classifier), is_running=True)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of which there will be layers."""
        return (RAW, *(named.source.name for named in self.exports))

    def to_show(self, index: int, location: str, ended: LedgerRow | None) -> ToShow:
        """Return an image and the outputs of it that can be shown."""
        predicted = self.predicted.get(index, {})
        return ToShow(location, self.job, self.arrays, self.exports, ended, predicted, self.is_running)


def find_exports(job: BatchJob) -> tuple[NamedExport, ...]:
    """Return the exports of a recorded job, the final stage first.

    Raises
    ------
    ProjectError, SettingsError
        If its classifier cannot be used, or does not offer one of them.
    """
    classifier = load_classifier(job.classifier)
    return final_first(named_exports(job, classifier), classifier)
