"""Writing the table of a whole batch, in one of two layouts."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Line = tuple[str, ...]


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
        A number for each column of each row; None if there is none.
    total
        The count over all time points; None if there is none.
    """

    image: str
    nickname: str
    rows: tuple[tuple[float | None, ...], ...]
    total: float | None


def csv_lines(columns: Sequence[str], images: Iterable[ImageRows]) -> Iterator[Line]:
    """Yield a header, and a line for each row of each image."""
    yield "image", *columns
    for image in images:
        for row in image.rows:
            yield image.image, *map(_text, row)


def ilastik_lines(columns: Sequence[str], images: Iterable[ImageRows]) -> Iterator[Line]:
    """Yield ilastik's lines, without a header: for each image its nickname and its count.

    For time series, in which ilastik does not count, it is the sum over all time points.
    """
    for image in images:
        yield image.nickname, _text(image.total)


def table_bytes(lines: Iterable[Line]) -> bytes:
    """Return the content of a file with these lines."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    # The bytes of a name that is not UTF-8 are written as they are.
    return text.getvalue().encode("utf-8", errors="surrogateescape")


def _text(number: float | None) -> str:
    return "" if number is None else str(number)
