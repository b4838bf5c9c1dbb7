"""The bytes of a pickle, read piece by piece as arguments of its steps.

The standard library's ``pickletools.genops`` cannot read pickles of protocol 0 by Python 2: it decodes their texts, in
which array data are stored, as ASCII. It also reads lines and whole numbers of any length.
"""

import re
import struct
from collections.abc import Callable
from typing import Any

from napari_batch_prediction.pickles.values import DamagedPickleError

MAX_TEXT = 200
"""Number of bytes of the longest name, key or number that is read."""


class Stream:
    """A pickle's bytes and the reading position."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def damaged(self, fault: str) -> DamagedPickleError:
        """Return the error for bytes that do not make sense."""
        return DamagedPickleError(f"The pickle is damaged at byte {self.position} of {len(self.data)}: found {fault}.")

    def take(self, n: int) -> bytes:
        """Return the next n bytes."""
        if n > len(self.data) - self.position:
            raise DamagedPickleError(f"The pickle is cut off: it has {len(self.data)} bytes, and more should follow.")
        self.position += n
        return self.data[self.position - n : self.position]

    def number(self, layout: struct.Struct) -> Any:
        """Return the next number, stored in this layout."""
        return layout.unpack(self.take(layout.size))[0]

    def line(self, limit: int | None = MAX_TEXT) -> bytes:
        """Return the bytes up to the next line feed, as steps of protocol 0 have them."""
        end = self.data.find(b"\n", self.position, None if limit is None else self.position + limit + 1)
        if end < 0:
            raise self.damaged("a line that does not end")
        text = self.take(end - self.position)
        self.take(1)
        return text

    def text(self, decode: Callable[[bytes], str], stored: bytes) -> str:
        """Return bytes as text."""
        try:
            return decode(stored)
        except UnicodeDecodeError as error:
            raise self.damaged(f"text that cannot be decoded ({error.reason})") from error

    def small(self, stored: bytes) -> int:
        """Return a whole number given as text, with a limited number of digits."""
        if re.fullmatch(rb"-?\d{1,77}L?", stored) is None:
            raise self.damaged("a number that is none")
        return int(stored.removesuffix(b"L"))
