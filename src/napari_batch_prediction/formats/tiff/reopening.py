"""An open TIFF file that may be opened again with other options."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tifffile import TiffFile


class Reopening:
    """A TIFF file, closed at the end of a ``with`` block unless it is released.

    Parameters
    ----------
    file
        The file.

    Attributes
    ----------
    tif
        The open file.
    warnings
        What does not fit or is missing, as sentences.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.tif = TiffFile(file)
        self.warnings: list[str] = []
        self._is_released = False
        self._options: dict[str, Any] = {}

    def open(self, **options: Any) -> TiffFile:
        """Close the file, and return it opened again with more options of tifffile."""
        self.tif.close()
        self._options |= options
        self.tif = TiffFile(self._file, **self._options)
        return self.tif

    def release(self) -> TiffFile:
        """Return the file, which stays open after the block."""
        self._is_released = True
        return self.tif

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_released:
            self.tif.close()
