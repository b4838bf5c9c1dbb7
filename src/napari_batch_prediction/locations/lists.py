"""Lists of inputs: text files with one input on each line, or CSV files with a column of inputs."""

import csv
from collections.abc import Iterator
from pathlib import Path

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.paths import is_url
from napari_batch_prediction.wording import plain

EXTENSIONS = (".txt", ".csv")

# Possible names of the column of inputs.
_COLUMNS = ("path", "file", "input")


def read_list(file: Path) -> list[str]:
    """Return the inputs in a list; relative names start at the folder of the list.

    Empty lines and lines that start with ``#`` are left out. In a CSV file the inputs are in the column ``path``,
    ``file`` or ``input``, else in the first; commas, semicolons or tabs separate columns.

    Raises
    ------
    SettingsError
        If the list does not exist, is no text, or is empty.
    """
    refuse_special(file, SettingsError)
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"Cannot read the list of inputs '{file}': {error.strerror}. Check its name.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"The list of inputs '{file}' is no text in UTF-8. Save it as such.") from None
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    entries = _column(lines) if file.suffix.lower() == ".csv" else lines
    if not entries:
        raise SettingsError(f"The list of inputs '{file}' is empty. Expected one file or pattern on each line.")
    return [entry if entry.startswith("~") or is_url(entry) else str(file.parent / entry) for entry in entries]


def _column(lines: list[str]) -> list[str]:
    separator = max(",;\t", key=lambda character: lines[0].count(character)) if lines else ","
    rows = [[plain(cell.strip()) for cell in row] for row in _rows(lines, separator)]
    names = [cell.lower() for cell in rows[0]] if rows else []
    column = next((names.index(name) for name in _COLUMNS if name in names), None)
    if column is None:
        return [row[0] for row in rows if row[0]]
    return [row[column] for row in rows[1:] if len(row) > column and row[column]]


def _rows(lines: list[str], separator: str) -> Iterator[list[str]]:
    """Yield the cells of each row; a line that is no CSV, as with a cell of more than 128 kB, is one cell."""
    reader = csv.reader(lines, delimiter=separator)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield [lines[reader.line_num - 1]]
