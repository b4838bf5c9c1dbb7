"""The bytes of a pickle, and the arguments of its steps.

The standard library's ``pickletools.genops`` would take a pickle apart as well, but not those that Python 2 wrote in
protocol 0: it decodes their texts as ASCII, and these hold the numbers of arrays. It also reads lines and whole numbers
of any length.
"""

import re
import struct
from collections.abc import Callable
from typing import Any

from napari_batch_prediction.pickles.values import DamagedPickleError

MAX_TEXT = 200
"""Bytes of names, keys and numbers that are read at most."""


class Stream:
    """A pickle's bytes, and how far they are read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def damaged(self, found: str) -> DamagedPickleError:
        """Return the error for bytes that do not make sense."""
        return DamagedPickleError(f"The pickle is damaged at byte {self.at} of {len(self.data)}: found {found}.")

    def take(self, n: int) -> bytes:
        """Return the next n bytes."""
        if n > len(self.data) - self.at:
            raise DamagedPickleError(f"The pickle is cut off: it has {len(self.data)} bytes, and more should follow.")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form: struct.Struct) -> Any:
        """Return the number that follows, in this form."""
        return form.unpack(self.take(form.size))[0]

    def line(self, limit: int | None = MAX_TEXT) -> bytes:
        """Take the bytes up to the next line feed, which are text of protocol 0."""
        end = self.data.find(b"\n", self.at, None if limit is None else self.at + limit + 1)
        if end < 0:
            raise self.damaged("a line that does not end")
        text = self.take(end - self.at)
        self.take(1)
        return text

    def text(self, decode: Callable[[bytes], str], stored: bytes) -> str:
        """Return bytes as text."""
        try:
            return decode(stored)
        except UnicodeDecodeError as error:
            raise self.damaged(f"text that cannot be decoded ({error.reason})") from error

    def small(self, stored: bytes) -> int:
        """Return a number of a limited number of digits."""
        if re.fullmatch(rb"-?\d{1,77}L?", stored) is None:
            raise self.damaged("a number that is none")
        return int(stored.removesuffix(b"L"))
