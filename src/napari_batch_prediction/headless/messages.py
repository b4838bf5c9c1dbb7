"""Where a call says what it does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from napari_batch_prediction.console import Console
from napari_batch_prediction.wording import one_line


class Messages:
    """Writes messages to the streams of the process, and to a file.

    What is done goes to stdout, what went wrong to stderr.

    Parameters
    ----------
    file
        The file that has all of them, at its end; None for none.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, file: str | None) -> None:
        self._file: TextIO | None = None if file is None else _appended(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def say(self, text: str) -> None:
        """Say what is done."""
        self._write(text, sys.stdout)

    def warn(self, text: str) -> None:
        """Say what went wrong, or may have."""
        self._write(text, sys.stderr)

    def _write(self, text: str, stream: TextIO) -> None:
        lines = "".join(f"{one_line(line)}\n" for line in text.splitlines() or [""])
        for place in (stream, self._file):
            if place is not None:
                place.write(lines)
                place.flush()


@contextmanager
def redirected(file: str | None) -> Iterator[None]:
    """Write what is printed inside the block to the end of a file, if one is named.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if file is None:
        yield
        return
    before = sys.stdout, sys.stderr
    with _appended(file) as stream:
        sys.stdout = sys.stderr = Console(stream)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def _appended(file: str) -> TextIO:
    path = Path(file).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", encoding="utf-8", errors="backslashreplace")
