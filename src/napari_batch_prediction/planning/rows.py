"""One input of a plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.planning.checks import OutputChecks
from napari_batch_prediction.planning.inspection import ImageInfo, Inspected
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.space import DiskSpace
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.records.record import RecordedInput

Decide = Callable[[RecordedInput], LedgerRow | Problem | None]
"""The decision about an input of an earlier run: its row is kept, it has a problem, or (None) it is to be run."""

_NOTHING: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One input, what was found in it, and what will be written for it.

    Attributes
    ----------
    location
        The input: a file, a dataset in one, a stack of files, or a layer. Patterns are expanded already.
    image
        What its header says; None if it cannot be read.
    unnamed, names
        The output of each export of an image without its name, and the names. Equal images share the first: of
        thousands of rows every object counts.
    problems
        The problems that keep it from running.
    warnings
        Problems that the result may have.
    skip
        All outputs exist, and the job says to leave such inputs out.
    own
        Outputs that exist and may be replaced, because an earlier part of the same run made them.
    kept
        What an earlier part of the same run did for this input, if that holds.
    """

    location: Location
    image: ImageInfo | None
    unnamed: tuple[OutputPlan, ...] = ()
    names: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    skip: bool = False
    own: frozenset[Path] = frozenset()
    kept: LedgerRow | None = None

    @property
    def plans(self) -> tuple[OutputPlan, ...]:
        """The output of each export of an image."""
        return tuple(plan.named_as(name) for plan, name in zip(self.unnamed, self.names, strict=True))

    @property
    def outputs(self) -> dict[str, Path]:
        """The file for each export of an image, by its name in the plan's exports; none for images in memory."""
        return {plan.named.name: plan.path for plan in self.plans if plan.folder is not None}

    def plan(self, name: str) -> OutputPlan:
        """Return the output of an export."""
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
        return sum(plan.n_bytes for plan in self.unnamed)


class RowMaker:
    """Makes the rows of a plan one after the other, each whole.

    Parameters
    ----------
    checks, space
        The checks of outputs, and the room on the disks.
    decide
        Decides about the inputs of an earlier run; None if there was none, or all are to be run.
    """

    def __init__(self, checks: OutputChecks, space: DiskSpace, decide: Decide | None) -> None:
        self._checks, self._space, self._decide = checks, space, decide
        self._unnamed: dict[tuple[object, ...], tuple[OutputPlan, ...]] = {}

    def make(
        self, item: Inspected, outputs: tuple[list[OutputPlan], list[Problem]], before: RecordedInput | None
    ) -> PlanRow:
        """Return the row of an input.

        Parameters
        ----------
        item
            The header of the input.
        outputs
            Its outputs, and what is wrong so far.
        before
            The record of the input in the run that this goes on with.
        """
        plans, problems = outputs
        warnings = item.warnings
        own = before.own if before is not None and before.begun else _NOTHING
        found, skip = self._checks.check(item.location, plans, own, is_sound=not problems)
        problems = [*dict.fromkeys([*problems, *found])]
        shortage = None if problems or skip else self._space.take(plans)
        if shortage is not None and shortage.severity == "warning":
            warnings = (*warnings, shortage)
        elif shortage is not None:
            problems.append(shortage)
        decision = self._decide(before) if self._decide is not None and before is not None else None
        if isinstance(decision, Problem):
            problems.append(decision)
        return PlanRow(
            item.location,
            item.image,
            self._shared(plans),
            tuple([plan.name for plan in plans]),
            tuple(problems),
            warnings,
            skip,
            own,
            decision if isinstance(decision, LedgerRow) else None,
        )

    def _shared(self, plans: Sequence[OutputPlan]) -> tuple[OutputPlan, ...]:
        """Return outputs without their names, the same object for all rows that have the same."""
        key = tuple([(plan.folder, id(plan.transform), plan.problems) for plan in plans])
        if key not in self._unnamed:
            self._unnamed[key] = tuple(plan.named_as("") for plan in plans)
        return self._unnamed[key]
