"""The run whose results are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Arrays
from napari_batch_prediction.planning.classifier import classifier_hash, with_pixel_classifier
from napari_batch_prediction.planning.exports import NamedExport, named_exports
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest, final_first
from napari_batch_prediction.widgets.objects.numbers import KnownTables


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
    classifier
        The classifier; None until it is known, and if it is not that of the run any more.
    tables
        The tables of the batch that it has written, by the name of the export; until it ends, a file of that name is
        another's.
    known
        The tables of objects of images that were shown before.
    """

    job: BatchJob
    arrays: Arrays = field(default_factory=dict)
    exports: tuple[NamedExport, ...] = ()
    is_running: bool = False
    predicted: dict[int, Mapping[str, NDArray]] = field(default_factory=dict)
    classifier: Classifier | None = None
    tables: Mapping[str, Path] = field(default_factory=dict)
    known: KnownTables = field(default_factory=KnownTables)

    @classmethod
    def of(cls, plan: Plan) -> "ShownRun":
        """Return the run of a plan, at its beginning."""
        exports = final_first(plan.exports, plan.classifier)
        return cls(plan.job, plan.arrays, exports, is_running=True, classifier=plan.classifier)

    def request(self, index: int, location: str, ended: LedgerRow | None) -> RowRequest:
        """Return the request that shows an image and its outputs."""
        return RowRequest(
            location=location,
            job=self.job,
            arrays=self.arrays,
            exports=self.exports,
            ended=ended,
            predicted=self.predicted.get(index, {}),
            classifier=self.classifier,
            tables=self.tables,
            known=self.known,
        )


def find_exports(job: BatchJob, sha256: str) -> tuple[tuple[NamedExport, ...], Classifier | None]:
    """Return the exports of a recorded job, the final stage first, and its classifier; None if that has changed.

    Parameters
    ----------
    job
        The job.
    sha256
        The hash of the classifier that it was run with.

    Raises
    ------
    ProjectError, SettingsError
        If its classifier cannot be used, or lacks one of the sources.
    """
    classifier = with_pixel_classifier(job, load_classifier(job.classifier, job.structure_tensor))
    is_same = classifier_hash(job) == sha256
    return final_first(named_exports(job, classifier), classifier), classifier if is_same else None
