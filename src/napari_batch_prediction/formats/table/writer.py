"""Writing the table of a whole batch, in one of two layouts."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from napari_batch_prediction.wording import harmless

_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")

Cell = str | float | None
"""A text or a number in a table; None if there is none."""

Line = tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRows:
    """The rows of one image in a table.

    Attributes
    ----------
    image
        The absolute location of the image.
    nickname
        The name of the image without folder and extension.
    rows
        A cell for each column of each row.
    total
        The count over all time points; None if there is none.
    """

    image: str
    nickname: str
    rows: tuple[Line, ...]
    total: float | None


def csv_lines(columns: Sequence[str], images: Iterable[ImageRows]) -> Iterator[Line]:
    """Yield a header, and a line for each row of each image."""
    yield "image", *columns
    for image in images:
        for row in image.rows:
            yield image.image, *row


def ilastik_lines(columns: Sequence[str], images: Iterable[ImageRows]) -> Iterator[Line]:
    """Yield ilastik's lines, without a header: for each image its nickname and its count.

    For time series, in which ilastik does not count, it is the sum over all time points.
    """
    for image in images:
        yield image.nickname, image.total


def table_bytes(lines: Iterable[Line], end: str = "\n") -> bytes:
    """Return the content of a CSV file with these lines.

    Texts are written by :func:`~napari_batch_prediction.wording.harmless`, so that no spreadsheet runs them as
    formulas; numbers stay numbers.
    """
    return as_bytes("".join(line_of([_harmless(cell) for cell in line]) + end for line in lines))


def as_bytes(text: str) -> bytes:
    """Return a text as UTF-8.

    The bytes of a name that is not UTF-8 are written as they are; other halves of characters stand for no bytes.
    """
    if text.isascii():
        return text.encode("ascii")
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8", errors="surrogateescape")


def _harmless(cell: Cell) -> Cell:
    return harmless(cell) if isinstance(cell, str) else cell


def line_of(cells: Sequence[Cell]) -> str:
    """Return a line of a CSV file, without its end."""
    text = io.StringIO(newline="")
    # With this end, each character that ends lines somewhere is quoted.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n")
