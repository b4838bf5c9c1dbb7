"""One input of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.planning.inspection import ImageInfo
from napari_batch_prediction.records.ledger import LedgerRow


@dataclass(frozen=True)
class PlanRow:
    """One input, what was found in it, and what will be written for it.

    Attributes
    ----------
    location
        The input: a file, a dataset in one, a stack of files, or a layer. Patterns are expanded already.
    image
        What its header says; None if it cannot be read.
    outputs
        The file for each export of an image, by its name in the plan's exports; none for images in memory.
    sequences
        The files of each output that is a sequence of them.
    problems
        Why it cannot run, in words; empty if it can.
    warnings
        What may be wrong with the result, in words.
    skip
        All outputs exist, and the job says to leave such inputs out.
    own
        Outputs that exist and may be replaced, because an earlier part of the same run made them.
    kept
        What an earlier part of the same run did for this input, if that holds.
    n_bytes
        Bytes of all values that are written, before compression.
    """

    location: Location
    image: ImageInfo | None
    outputs: Mapping[str, Path] = field(default_factory=dict)
    sequences: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skip: bool = False
    own: frozenset[Path] = frozenset()
    kept: LedgerRow | None = None
    n_bytes: int = 0

    @property
    def input(self) -> str:
        """The input as people and files see it: the text of its location."""
        return str(self.location)

    def files(self, name: str) -> tuple[Path, ...]:
        """Return the files, or folders, that make up the output of an export: one, or those of a sequence."""
        return self.sequences.get(name) or (self.outputs[name],)

    @property
    def all_files(self) -> list[Path]:
        """All files and folders that are written for this input."""
        return list(chain.from_iterable(map(self.files, self.outputs)))
