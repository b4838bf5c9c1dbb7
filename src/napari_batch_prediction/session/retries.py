"""The images of the last run to run again, and with what settings that run was made."""

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.ledger import BAD, Ledger


class Retries:
    """What is known of the last run for running some of its images again."""

    def __init__(self) -> None:
        # The job, and the hash of its classifier.
        self._ran: tuple[BatchJob, str] | None = None
        # The last answer, and the objects that it is for: the view asks at every change of state.
        self._answer: tuple[Plan | None, Ledger | None, tuple[str, ...]] = (None, None, ())

    def note(self, job: BatchJob, classifier_sha256: str) -> None:
        """Take a run as the last one."""
        self._ran = job, classifier_sha256

    def images(self, plan: Plan | None, ledger: Ledger | None) -> tuple[str, ...]:
        """Return the images in a plan that failed or had a problem in the run of a ledger."""
        if self._answer[0] is not plan or self._answer[1] is not ledger:
            bad = {absolute(row.input) for row in ledger.rows if row.status in BAD} if ledger is not None else set()
            rows = plan.rows if plan is not None and bad else ()
            self._answer = plan, ledger, tuple(row.input for row in rows if absolute(row.input) in bad)
        return self._answer[2]

    def has_settings_of(self, job: BatchJob, plan: Plan | None) -> bool:
        """Return True if a job, with its plan, differs from that of the last run at most in its inputs."""
        if self._ran is None or plan is None:
            return False
        ran, classifier_sha256 = self._ran
        return plan.classifier_sha256 == classifier_sha256 and _settings(ran) == _settings(job)


def _settings(job: BatchJob) -> BatchJob:
    """Return a job without its inputs and the name of its ledger, with whole paths."""
    return job.model_copy(update={"ledger": None}).absolute().model_copy(update={"inputs": ()})
