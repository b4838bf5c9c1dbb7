"""One input of a plan."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.planning.inspection import ImageInfo
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.ledger import LedgerRow


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One input, what was found in it, and what will be written for it.

    Attributes
    ----------
    location
        The input: a file, a dataset in one, a stack of files, or a layer. Patterns are expanded already.
    image
        What its header says; None if it cannot be read.
    plans
        What each export of an image comes to.
    problems
        Why it cannot run; empty if it can.
    warnings
        What may be wrong with the result.
    skip
        All outputs exist, and the job says to leave such inputs out.
    own
        Outputs that exist and may be replaced, because an earlier part of the same run made them.
    kept
        What an earlier part of the same run did for this input, if that holds.
    """

    location: Location
    image: ImageInfo | None
    plans: tuple[OutputPlan, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    skip: bool = False
    own: frozenset[Path] = frozenset()
    kept: LedgerRow | None = None

    @property
    def outputs(self) -> dict[str, Path]:
        """The file for each export of an image, by its name in the plan's exports; none for images in memory."""
        return {plan.named.name: plan.path for plan in self.plans if plan.folder is not None}

    def plan(self, name: str) -> OutputPlan:
        """Return what an export comes to."""
        return next(plan for plan in self.plans if plan.named.name == name)

    @property
    def input(self) -> str:
        """The input as people and files see it: the text of its location."""
        return str(self.location)

    def files(self, name: str) -> tuple[Path, ...]:
        """Return the files, or folders, that make up the output of an export: one, or those of a sequence."""
        return self.plan(name).files

    @property
    def all_files(self) -> list[Path]:
        """All files and folders that are written for this input."""
        return list(chain.from_iterable(plan.files for plan in self.plans if plan.folder is not None))

    @property
    def n_bytes(self) -> int:
        """Bytes of all values that are written, before compression."""
        return sum(plan.n_bytes for plan in self.plans)
