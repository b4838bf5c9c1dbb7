"""Writing the table of a whole batch, in one of two layouts."""

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


def write_lines(path: Path, lines: Iterable[Line], *, replace: bool) -> None:
    """Write a table.

    Raises
    ------
    ExportError
        If it cannot be written.
    OutputExistsError
        If the file exists and ``replace`` is False.
    """
    make_folder(path.parent)
    temporary = temporary_path(path)
    try:
        with writing(path):
            # Bytes of names that are not UTF-8 stay as they are.
            with temporary.open("x", newline="", encoding="utf-8", errors="surrogateescape") as file:
                csv.writer(file, lineterminator="\n").writerows(lines)
            sync(temporary)
        publish(temporary, path, replace=replace)
    finally:
        remove(temporary)


def _text(number: float | None) -> str:
    return "" if number is None else str(number)
