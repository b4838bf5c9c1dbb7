"""The rows of a plan, one for each image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.planning.checks import OutputChecks
from napari_batch_prediction.planning.inputs.inspection import ImageInfo, Inspected
from napari_batch_prediction.planning.inputs.second import Beside
from napari_batch_prediction.planning.memory import MemoryShares
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.space import DiskSpace
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.records.record import RecordedInput

Decide = Callable[[RecordedInput], LedgerRow | Problem | None]
"""Decides about an input of an earlier run: keep its row, report a problem, or run it (None)."""

_NOTHING: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One image of a plan: its location, header, outputs and problems.

    Attributes
    ----------
    location
        The location of the image, after expanding patterns and lists.
    image
        Its header; None if it cannot be read.
    unnamed, names
        The output of each export of an image without its name, and the names. Equal images share the former, to
        save objects in plans of thousands of rows.
    problems
        Problems that prevent predicting it.
    warnings
        Problems that its prediction may have.
    skip
        True if all outputs exist and the job says to skip such images.
    own
        Outputs that an earlier part of the same run may have made, if they exist.
    kept
        The ledger's row of an earlier part of the same run, if it is kept.
    beside
        The second images of the image, such as its mask.
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
    beside: Beside = ()

    @property
    def plans(self) -> tuple[OutputPlan, ...]:
        """The output of each export of an image."""
        return tuple(plan.named_as(name) for plan, name in zip(self.unnamed, self.names, strict=True))

    @property
    def outputs(self) -> dict[str, Path]:
        """The path of each output, by its export's name; empty for images in memory."""
        return {plan.export.name: plan.path for plan in self.plans if plan.folder is not None}

    def plan(self, name: str) -> OutputPlan:
        """Return the output of an export by its name."""
        return next(plan for plan in self.plans if plan.export.name == name)

    @property
    def input(self) -> str:
        """The text of the location, for people and JSON."""
        return str(self.location)

    @property
    def is_to_run(self) -> bool:
        """True if the image is to be predicted: it has no problem, and is neither skipped nor kept."""
        return self.image is not None and not (self.problems or self.skip or self.kept)

    def files(self, name: str) -> tuple[Path, ...]:
        """Return the file or folder of an output by its export's name, or the files of a sequence."""
        return self.plan(name).files

    @property
    def n_bytes(self) -> int:
        """The size of all outputs in bytes, before compression."""
        return sum(plan.n_bytes for plan in self.unnamed)


class RowMaker:
    """Makes the rows of a plan, one after the other.

    Parameters
    ----------
    checks, space, shares
        The checks of outputs, the space on disks, and the shares of memory.
    decide
        Decides about the inputs of an earlier run; None to run all.
    """

    def __init__(self, checks: OutputChecks, space: DiskSpace, shares: MemoryShares, decide: Decide | None) -> None:
        self._checks, self._space, self._shares, self._decide = checks, space, shares, decide
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
            Its outputs, and its problems so far.
        before
            The input in the ledger of the run to resume; None in a new run.
        """
        plans, problems = outputs
        warnings = item.warnings
        making = self._shares.making
        if making is not None and item.image is not None:
            warnings = (*warnings, *making.warnings(item.image, item.beside))
            impossible = making.problem(item.image)
            problems = [*problems, impossible] if impossible is not None else problems
        own = before.own if before is not None and before.begun else _NOTHING
        checked = self._checks.check(item.location, plans, own, item.beside, is_sound=not problems)
        decision = self._decide(before) if self._decide is not None and before is not None else None
        problems = [*dict.fromkeys([*problems, *checked.problems])]
        if isinstance(decision, Problem):
            problems.append(decision)
        if not problems and not checked.skip and decision is None and item.image is not None:
            stays = item.location.in_memory and all(plan.folder is None for plan in plans)
            short = self._shares.problem(item.image, plans, item.beside, in_memory=stays)
            problems += [short] if short else []
        if not problems and not checked.skip and decision is None:
            extents = None if item.image is None else item.image.extents
            shortage = self._space.take(checked.to_write, checked.replaced, extents, plans)
            if shortage is not None and shortage.severity == "warning":
                warnings = (*warnings, shortage)
            elif shortage is not None:
                problems.append(shortage)
        return PlanRow(
            location=item.location,
            image=item.image,
            unnamed=self._shared(plans),
            names=tuple([plan.name for plan in plans]),
            problems=tuple(problems),
            warnings=warnings,
            skip=checked.skip,
            own=own,
            kept=decision if isinstance(decision, LedgerRow) else None,
            beside=item.beside,
        )

    def _shared(self, plans: Sequence[OutputPlan]) -> tuple[OutputPlan, ...]:
        """Return outputs without their names, as one object for all rows with equal ones."""
        key = tuple([(plan.folder, id(plan.transform), plan.problems) for plan in plans])
        if key not in self._unnamed:
            self._unnamed[key] = tuple(plan.named_as("") for plan in plans)
        return self._unnamed[key]
