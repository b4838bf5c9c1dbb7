"""The tables of objects that a run has written, read back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import BatchPredictionError, ExportError
from napari_batch_prediction.formats.common.rows import Columns
from napari_batch_prediction.formats.format import ExportFormat
from napari_batch_prediction.formats.table.choice import table_reader
from napari_batch_prediction.objects.measuring import TEXTS, WHOLE
from napari_batch_prediction.objects.table import ObjectTable, joined

IMAGE, UNIT = "image", "unit"


@dataclass(frozen=True, eq=False)
class WrittenTable:
    """A table of objects that was written, or that is in memory.

    Attributes
    ----------
    image
        The absolute location of its image; empty if a column says it, in a table of a batch.
    path, format
        The file and its format; none for a table in memory.
    columns
        The columns of a table in memory.
    """

    image: str = ""
    path: Path | None = None
    format: ExportFormat | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Return the names of its columns."""
        if self.path is None or self.format is None:
            return tuple(self.columns)
        with _reading(self.path):
            return table_reader(self.format, self.path).columns

    def parts(self, name: str) -> Iterator[Columns]:
        """Yield parts of a column of numbers, with the images and the units if there are such columns."""
        if self.path is None or self.format is None:
            yield {name: self.columns[name], **({UNIT: self.columns[UNIT]} if UNIT in self.columns else {})}
            return
        with _reading(self.path):
            reader = table_reader(self.format, self.path)
            texts = [text for text in (IMAGE, UNIT) if text in reader.columns and not (text == IMAGE and self.image)]
            yield from reader.parts([name], texts)

    @property
    def n_bytes(self) -> int:
        """The size of the file; 0 if there is none."""
        return self.path.stat().st_size if self.path is not None and self.path.is_file() else 0

    def rows_of(self, image: str) -> ObjectTable:
        """Return the rows of an image; a table without columns if it has none, or if no column says the image.

        Parameters
        ----------
        image
            The absolute location of the image.

        Raises
        ------
        ExportError
            If the file cannot be read.
        """
        if self.path is None or self.format is None or not self.path.is_file():
            return ObjectTable({})
        with _reading(self.path):
            reader = table_reader(self.format, self.path)
            if IMAGE not in reader.columns:
                return ObjectTable({})
            numbers = [name for name in reader.columns if name not in TEXTS]
            parts: list[ObjectTable] = []
            for part in reader.parts(numbers, [name for name in reader.columns if name in TEXTS]):
                its = part[IMAGE] == image
                if its.any():
                    columns = {name: part[name][its] for name in reader.columns}
                    whole = {name: _whole(name, columns[name]) for name in numbers if name.startswith(WHOLE)}
                    parts.append(ObjectTable(columns | whole))
                elif parts:
                    break  # the rows of an image follow each other
        return joined(parts) if parts else ObjectTable({})


def _whole(name: str, column: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a column of whole numbers as such; of larger ones a table does not tell which they are."""
    if not (np.abs(column) <= 2**53).all():
        raise ValueError(f"its column {name} has something else than whole numbers")
    return column.astype(np.int64)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except BatchPredictionError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise ExportError(f"The table {path} cannot be read: {str(error).rstrip('.')}.") from error
