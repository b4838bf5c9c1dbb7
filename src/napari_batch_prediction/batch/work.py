"""One input of a batch while it is worked on."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import extents, output_axes, reorder
from napari_batch_prediction.batch.ledger import LedgerRow, Status, explain
from napari_batch_prediction.batch.plan import Plan, PlanRow, source_names
from napari_batch_prediction.batch.tiles import Tile, make_tiles
from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.export.formats import find_format
from napari_batch_prediction.export.target import Target, Writer
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.inputs import open_image


@dataclass(frozen=True)
class Output:
    """One output of one input: what is written, and what writes it."""

    key: str
    source: Source
    target: Target
    writer: Writer


class FileWork:
    """The tiles, the image and the writers of one input.

    ``open`` and ``close`` are called by one thread, ``work`` by many. Nothing is written to disk before the
    first tile is predicted.

    Parameters
    ----------
    plan
        The checked job.
    index
        Which of its inputs; one without problems.
    workers
        Number of threads that share this input.
    """

    def __init__(self, plan: Plan, index: int, workers: int) -> None:
        self.index = index
        self.row: PlanRow = plan.rows[index]
        self.job = plan.job
        self.classifier: Classifier = plan.classifier
        self.outputs: list[Output] = []
        self.error: BaseException | None = None
        self.seconds = 0.0
        self._image: Image | None = None
        self._lock = threading.Lock()
        self._finished: dict[str, Path] = {}
        assert self.row.image is not None
        self._prepare(self.row.image)
        self.tiles: tuple[Tile, ...] = make_tiles(...)
