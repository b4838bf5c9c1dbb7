"""The check before the run: every input opened, every output named, every problem found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_batch_prediction.batch.job import BatchJob
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.images.base import AxesKnown


@dataclass(frozen=True)
class ImageInfo:
    """What the header of an input says."""

    axes: str
    axes_known: AxesKnown
    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(frozen=True)
class PlanRow:
    """One input, what was found in it, and what will be written for it.

    Attributes
    ----------
    input
        The input: a path, or a path with a dataset after it. Patterns are expanded already.
    image
        What its header says; None if it cannot be read.
    outputs
        The file for each source.
    problems
        Why it cannot run, in words; empty if it can.
    """

    input: str
    image: ImageInfo | None
    outputs: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A checked job."""

    job: BatchJob
    classifier: Classifier
    rows: tuple[PlanRow, ...]
