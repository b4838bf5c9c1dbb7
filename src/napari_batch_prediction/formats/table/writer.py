"""Files with the table of a whole batch: the lines of each layout, and the writing of them."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_batch_prediction.formats.common.files import (
    make_folder,
    publish,
    remove,
    sync,
    temporary_path,
    writing,
)

Line = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRows:
    """The part of a table that is of one image.

    Attributes
    ----------
    image
        The image, from the root of the disk on.
    nickname
        Its name without folder and extension.
    rows
        A number for each column of the table; None where there is none.
    total
        The count over the whole image, over all its time points.
    """

    image: str
    nickname: str
    rows: tuple[tuple[float | None, ...], ...]
    total: float | None


def csv_lines(columns: Sequence[str], images: Iterable[ImageRows]) -> Iterator[Line]:
    """Yield a header, and a line for each row of each image."""
    yield "image", *columns
    for part in images:
        for row in part.rows:
            yield part.image, *map(_text, row)


def ilastik_lines(columns: Sequence[str], images: Iterable[ImageRows]) -> Iterator[Line]:
    """Yield ilastik's lines: no header, and for each image its nickname and its count.

    ilastik does not count in time series; of these it is the sum of all time points.
    """
    for part in images:
        yield part.nickname, _text(part.total)


def write_lines(path: Path, lines: Iterable[Line], *, replace: bool) -> None:
    """Write a table.

    Raises
    ------
    ExportError
        If it cannot be written.
    OutputExistsError
        If a file of that name is there and is not to be replaced.
    """
    make_folder(path.parent)
    temporary = temporary_path(path)
    try:
        with writing(path):
            # The bytes of a name that is not UTF-8 are written as they are.
            with temporary.open("x", newline="", encoding="utf-8", errors="surrogateescape") as file:
                csv.writer(file, lineterminator="\n").writerows(lines)
            sync(temporary)
        publish(temporary, path, replace=replace)
    finally:
        remove(temporary)


def _text(number: float | None) -> str:
    return "" if number is None else str(number)
