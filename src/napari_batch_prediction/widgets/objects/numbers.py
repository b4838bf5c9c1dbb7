"""The numbers of the objects of an image: the rows of the table that the run wrote, else made again as a run does."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.tiles import Box, n_cores
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.objects.measuring import ObjectColumns, Scale, measure_objects
from napari_batch_prediction.objects.table import ObjectTable, with_classes
from napari_batch_prediction.running.volumes import ImageVolume, StoppedError, Watch, WatchedVolume
from napari_batch_prediction.session.work import ShouldCancel
from napari_batch_prediction.widgets.objects.written import WrittenTable

Tables = tuple[ObjectTable, ...]
"""The tables of the objects of an image, one a time point."""

# A table of a whole batch may be of many images: to find the rows of one in a larger file takes longer than to make
# them again.
MOST_BYTES = 2**26

# The tables of images that were shown before have at most so many rows, of about 250 bytes each.
MOST_KEPT = 2**19


class KnownTables:
    """The tables of images that were shown before, the last ones first; any thread may use it."""

    def __init__(self) -> None:
        self._tables: dict[object, Tables] = {}

    def get(self, key: object) -> Tables:
        """Return the tables that were put under a key; none if they are not there any more."""
        return self._tables.get(key, ())

    def put(self, key: object, tables: Tables) -> None:
        """Keep tables, and forget the oldest of too many."""
        self._tables.pop(key, None)
        self._tables[key] = tables
        kept = 0
        for one, each in reversed([*self._tables.items()]):
            kept += sum(table.n_objects for table in each)
            if kept > MOST_KEPT:
                self._tables.pop(one, None)


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectNumbers:
    """The way to the numbers of the objects in a layer of labels.

    Attributes
    ----------
    counts
        The number of objects at each time point.
    class_colors
        The colours of the classes of objects, by their names; none if objects have no classes.
    known
        The tables, if they are known already; any others are not asked then.
    written, image
        The tables of the run that may hold their rows, and the absolute location of the image.
    open_labels, open_image
        Open the labels, and the image that they were made of; None if the numbers cannot be made of them again, as
        those of a region.
    is_classified, classifier
        True if objects have classes, which cannot be predicted again without the classifier of the run; None if it
        is not there any more, or if they have none.
    start
        The first pixel of the layer in the image, by axis.
    axes
        The axes of the layer.
    keep
        Called with the tables that were read or made.
    """

    counts: Sequence[int]
    class_colors: Mapping[str, Color] = field(default_factory=dict)
    known: Tables = ()
    written: Sequence[WrittenTable] = ()
    image: str = ""
    open_labels: Callable[[], Image] | None = None
    open_image: Callable[[], Image] | None = None
    is_classified: bool = False
    classifier: ObjectClassification | None = None
    start: Mapping[str, int] = field(default_factory=dict)
    axes: str = ""
    keep: Callable[[Tables], object] = lambda _: None

    def find(self, should_cancel: ShouldCancel) -> Tables:
        """Return the tables; none if there are none, or if the work was cancelled.

        Raises
        ------
        ImageReadError
            If the labels or the image cannot be read, or are not those of the run.
        ExportError
            If a table cannot be read.
        """
        try:
            tables = self.known or self._read() or self._make(should_cancel)
        except StoppedError:
            return ()
        self.keep(tables)
        return tables

    def _read(self) -> Tables:
        """Return the tables out of a file that the run wrote; none if it has not all rows, or is large."""
        for written in self.written:
            if written.n_bytes <= MOST_BYTES:
                tables = by_time(written.rows_of(self.image), len(self.counts))
                if all(_is_all(each, n) for each, n in zip(tables, self.counts, strict=True)):
                    return tables
        return ()

    def _make(self, should_cancel: ShouldCancel) -> Tables:
        if self.open_image is None or self.open_labels is None or (self.is_classified and self.classifier is None):
            return ()
        with closing(self.open_image()) as image, closing(self.open_labels()) as labels:
            extents = image.extents
            if [extents[key] for key in "tzyx"] != [labels.extents[key] for key in "tzyx"]:
                raise ImageReadError(f"{labels.location} is not as large as {image.location}, of which it was made.")
            watch = Watch(should_cancel, lambda: None, 1)
            columns, scale = ObjectColumns.of([(extents, image.channel_names)]), Scale.of(image)
            made = []
            for t, n in enumerate(self.counts):
                numbers = WatchedVolume(_Numbers(labels, t, n), watch)
                raw = WatchedVolume(ImageVolume(image, t), watch)
                table = measure_objects(numbers, raw, n, columns, scale, time=t, workers=n_cores())
                if self.classifier is not None:
                    result = self.classifier.classify(raw, numbers, n, more=(), workers=n_cores())
                    table = with_classes(table, self.classifier.classes, result.probabilities[1:], None)
                made.append(table)
        return tuple(made)


class _Numbers(ImageVolume):
    """The numbers of the objects at a time point of an opened image."""

    def __init__(self, image: Image, t: int, n: int) -> None:
        super().__init__(image, t)
        self.dtype = np.dtype(np.uint32)
        self._name, self._n = image.location, n

    def read(self, box: Box, channels: slice = slice(None)) -> NDArray:
        """Return the numbers in a box, none larger than the number of objects."""
        values = super().read(box, channels)
        if values.size and not 0 <= values.min() <= values.max() <= self._n:
            raise ImageReadError(
                f"{self._name} is not what the run wrote: it holds the number {values.max()}, and there are {self._n} "
                "objects. Run it again."
            )
        return values.astype(np.uint32, copy=False)


def by_time(table: ObjectTable, n_times: int) -> Tables:
    """Return the rows of each time point of a table."""
    times = table.get("time", np.zeros(0))
    return tuple(ObjectTable({name: column[times == t] for name, column in table.items()}) for t in range(n_times))


def _is_all(table: ObjectTable, n: int) -> bool:
    """Return True if a table has a row for each object of a time point, in their order."""
    return "label" in table and np.array_equal(table["label"], np.arange(1, n + 1))
