"""The stack machine that pickles are programs for, without the functions it could call."""

import codecs
import re
import struct
from typing import Any

from napari_batch_prediction.pickles.stream import MAX_TEXT, Stream
from napari_batch_prediction.pickles.values import ALLOWED, ForeignPickleError, Name, Record

HIGHEST_PROTOCOL = 5

_MAX_INTEGER_BYTES = 32


class Machine(Stream):
    """The machine: a pickle's bytes, the stack, the marks in it, and the memory."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks below the marks
        self.memo: dict[int, Any] = {}

    def result(self) -> Any:
        """Return the one value that is left when the program ends."""
        value = self.pop()
        if self.stack or self.below:
            raise self.damaged("values left over at its end")
        # A text of fixed length is filled up with zeros.
        if self.data.count(0, self.at) != len(self.data) - self.at:
            raise self.damaged("bytes behind its end")
        return value

    # The stack.

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the value on top of the stack."""
        if not self.stack:
            raise self.damaged("a value missing")
        return self.stack.pop()

    def top(self, kind: type, what: str) -> Any:
        """Return the value on top of the stack, which the next step will change."""
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise self.damaged(f"something other than {what} where one is filled")
        return self.stack[-1]

    def mark(self) -> None:
        """Remember how high the stack is."""
        self.below.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        """Take all values above the last mark."""
        if not self.below:
            raise self.damaged("a mark missing")
        values, self.stack = self.stack, self.below.pop()
        return values

    def drop(self) -> None:
        """Forget the value on top of the stack, or the mark."""
        if self.stack or not self.below:
            self.pop()
        else:
            self.pop_to_mark()

    # Memory.

    def put(self, index: int) -> None:
        """Keep the value on top of the stack under a number."""
        # Python counts through from 0, so that a pickle has a byte or more for each.
        if not 0 <= index <= len(self.data):
            raise self.damaged(f"a value to be kept as number {index}")
        self.memo[index] = self.top(object, "a value")

    def get(self, index: int) -> None:
        """Put the value that was kept under a number on the stack."""
        if index not in self.memo:
            raise self.damaged(f"a reference to value {index}, which is not there")
        self.push(self.memo[index])

    # Texts and whole numbers.

    def integer_or_bool(self) -> None:
        """Push a number; 00 and 01 are False and True."""
        stored = self.line()
        self.push(stored == b"01" if stored in (b"00", b"01") else self.small(stored))

    def float_text(self) -> None:
        """Push a number that is written as text."""
        stored = self.line()
        try:
            self.push(float(stored))
        except ValueError as error:
            raise self.damaged("a number that is none") from error

    def long(self, length: struct.Struct) -> None:
        """Push a whole number of as many bytes as are given first."""
        n = self.number(length)
        if not 0 <= n <= _MAX_INTEGER_BYTES:
            raise self.damaged(f"a whole number of {n} bytes")
        self.push(int.from_bytes(self.take(n), "little", signed=True))

    def quoted(self) -> None:
        """Push a text of Python 2 as the bytes it is."""
        stored = self.line(None)
        inside = stored[1:-1]
        if len(stored) < 2 or stored[:1] not in (b"'", b'"') or stored[:1] != stored[-1:]:
            raise self.damaged("text without quotes")
        if b"\\" in re.sub(rb"""\\(?:[\\'"nrt]|x[0-9a-fA-F]{2})""", b"", inside):
            raise self.damaged("text with an unknown escape")
        self.push(codecs.escape_decode(inside)[0])

    def key(self, value: Any) -> str:
        """Return a short text that a dict or a set can be searched by."""
        if isinstance(value, bytes) and len(value) <= MAX_TEXT:
            return value.decode("latin-1")
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise self.damaged("a key that is not a short text")
        return value

    # Lists, dicts and sets.

    def append(self) -> None:
        """Append a value to the list below it."""
        value = self.pop()
        self.top(list, "a list").append(value)

    def extend(self) -> None:
        """Append the values above the mark to the list below it."""
        values = self.pop_to_mark()
        self.top(list, "a list").extend(values)

    def fill(self, target: dict[str, Any], items: list[Any]) -> None:
        """Enter keys and values, one after the other."""
        if len(items) % 2:
            raise self.damaged("a key without its value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[self.key(key)] = value

    def set_item(self) -> None:
        """Enter a key and a value in the dict below them."""
        value, key = self.pop(), self.pop()
        self.fill(self.top(dict, "a dict"), [key, value])

    def set_items(self) -> None:
        """Enter the keys and values above the mark in the dict below it."""
        items = self.pop_to_mark()
        self.fill(self.top(dict, "a dict"), items)

    def new_dict(self) -> None:
        """Push a dict of the keys and values above the mark."""
        items = self.pop_to_mark()
        self.push({})
        self.fill(self.stack[-1], items)

    def add_items(self) -> None:
        """Add the texts above the mark to the set below it."""
        values = self.pop_to_mark()
        self.top(set, "a set").update([self.key(value) for value in values])

    # Names and what would be called.

    def name(self, module: bytes | str, name: bytes | str) -> None:
        """Push the name of a class or function, if it is allowed."""
        texts = [text.decode("latin-1") if isinstance(text, bytes) else text for text in (module, name)]
        known = ALLOWED.get((texts[0], texts[1]))
        if known is None:
            raise ForeignPickleError(
                f"The pickle names {ascii('.'.join(texts))[1:-1]}, which no regressor needs. It is not read further, "
                "and nothing in it was run."
            )
        self.push(Name(known))

    def name_on_stack(self) -> None:
        """Push the name that is on the stack as two texts."""
        name, module = self.pop(), self.pop()
        self.name(self.key(module), self.key(name))

    def named(self, value: Any) -> str:
        """Return which name a value is."""
        if not isinstance(value, Name):
            raise self.damaged("something to be called that is not a name")
        return value.text

    def record(self, name: Any, arguments: Any) -> None:
        """Push what a call with these arguments would make."""
        kind = self.named(name)
        if not isinstance(arguments, tuple):
            raise self.damaged("arguments that are not a tuple")
        # These two make an object of the class that is their first argument.
        if kind in ("_reconstructor", "__newobj__"):
            kind, arguments = self.named(arguments[0] if arguments else None), ()
        self.push(Record(kind, arguments))

    def call(self) -> None:
        """Push what a call of the name below the arguments would make."""
        arguments, name = self.pop(), self.pop()
        self.record(name, arguments)

    def call_with_keywords(self) -> None:
        """As :meth:`call`; there may be no arguments by keyword."""
        keywords = self.pop()
        if not isinstance(keywords, dict) or keywords:
            raise self.damaged("arguments by keyword")
        self.call()

    def call_marked(self) -> None:
        """Push what a call of the first value above the mark with the others would make."""
        name, *arguments = self.pop_to_mark() or [None]
        self.record(name, tuple(arguments))

    def call_line(self) -> None:
        """Push what a call with the values above the mark would make."""
        module, name = self.line(), self.line()
        arguments = self.pop_to_mark()
        self.name(module, name)
        self.record(self.pop(), tuple(arguments))

    def set_state(self) -> None:
        """Note what an object would be filled with."""
        state = self.pop()
        record = self.top(Record, "an object")
        if record.state is not None:
            raise self.damaged("a second state of an object")
        record.state = state

    # The rest.

    def protocol(self) -> None:
        """Check the protocol, which may be given at the start."""
        version = self.take(1)[0]
        if version > HIGHEST_PROTOCOL or self.at != 2:
            raise self.damaged(f"protocol {version}, expected one up to {HIGHEST_PROTOCOL}, at the start")

    def refuse(self) -> None:
        """End the reading of a pickle that asks for something outside of it."""
        raise ForeignPickleError(
            f"The pickle asks at byte {self.at} for something that is kept outside of it, which no regressor does. It "
            "is not read further, and nothing in it was run."
        )
