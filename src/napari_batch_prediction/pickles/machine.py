"""The stack machine that runs a pickle's program, without calling any function."""

import codecs
import re
import struct
from typing import Any

from napari_batch_prediction.pickles.stream import MAX_TEXT, Stream
from napari_batch_prediction.pickles.values import ALLOWED, ForeignPickleError, Name, Record

HIGHEST_PROTOCOL = 5

_MAX_INTEGER_BYTES = 32


class Machine(Stream):
    """The machine: a pickle's bytes, the stack with its marks, and the memory."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks below the marks
        self.memo: dict[int, Any] = {}

    def result(self) -> Any:
        """Return the only value left at the end of the program."""
        value = self.pop()
        if self.stack or self.below:
            raise self.damaged("values left over at its end")
        # A pickle stored as a text of fixed length is padded with zeros.
        if self.data.count(0, self.position) != len(self.data) - self.position:
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

    def top(self, kind: type, description: str) -> Any:
        """Return the value on top of the stack, which must be of a kind, to be changed in place."""
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise self.damaged(f"something other than {description} where one is filled")
        return self.stack[-1]

    def mark(self) -> None:
        """Put a mark on the stack."""
        self.below.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        """Take all values above the last mark."""
        if not self.below:
            raise self.damaged("a mark missing")
        values, self.stack = self.stack, self.below.pop()
        return values

    def drop(self) -> None:
        """Drop the value or the mark on top of the stack."""
        if self.stack or not self.below:
            self.pop()
        else:
            self.pop_to_mark()

    # Memory.

    def put(self, index: int) -> None:
        """Store the value on top of the stack in the memory, under a number."""
        # Python numbers values from 0, and a pickle has at least a byte for each.
        if not 0 <= index <= len(self.data):
            raise self.damaged(f"a value to be kept as number {index}")
        self.memo[index] = self.top(object, "a value")

    def get(self, index: int) -> None:
        """Push the value that is stored under a number."""
        if index not in self.memo:
            raise self.damaged(f"a reference to value {index}, which is not there")
        self.push(self.memo[index])

    # Texts and whole numbers.

    def integer_or_bool(self) -> None:
        """Push a whole number; 00 and 01 stand for False and True."""
        stored = self.line()
        self.push(stored == b"01" if stored in (b"00", b"01") else self.small(stored))

    def float_text(self) -> None:
        """Push a floating-point number given as text."""
        stored = self.line()
        try:
            self.push(float(stored))
        except ValueError as error:
            raise self.damaged("a number that is none") from error

    def long(self, length: struct.Struct) -> None:
        """Push a whole number of several bytes, preceded by their count."""
        n = self.number(length)
        if not 0 <= n <= _MAX_INTEGER_BYTES:
            raise self.damaged(f"a whole number of {n} bytes")
        self.push(int.from_bytes(self.take(n), "little", signed=True))

    def quoted(self) -> None:
        """Push a text of Python 2, as bytes."""
        stored = self.line(None)
        inside = stored[1:-1]
        if len(stored) < 2 or stored[:1] not in (b"'", b'"') or stored[:1] != stored[-1:]:
            raise self.damaged("text without quotes")
        if b"\\" in re.sub(rb"""\\(?:[\\'"nrt]|x[0-9a-fA-F]{2})""", b"", inside):
            raise self.damaged("text with an unknown escape")
        self.push(codecs.escape_decode(inside)[0])

    def key(self, value: Any) -> str:
        """Return a value as a key of a dict or a set: a short text."""
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
        """Add alternating keys and values to a dict."""
        if len(items) % 2:
            raise self.damaged("a key without its value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[self.key(key)] = value

    def set_item(self) -> None:
        """Add a key and a value to the dict below them."""
        value, key = self.pop(), self.pop()
        self.fill(self.top(dict, "a dict"), [key, value])

    def set_items(self) -> None:
        """Add the keys and values above the mark to the dict below it."""
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

    # Names and calls, which become records.

    def name(self, module: bytes | str, name: bytes | str) -> None:
        """Push the name of a class or function, if it is allowed."""
        texts = [text.decode("latin-1") if isinstance(text, bytes) else text for text in (module, name)]
        allowed = ALLOWED.get((texts[0], texts[1]))
        if allowed is None:
            raise ForeignPickleError(
                f"The pickle names {ascii('.'.join(texts))[1:-1]}, which no regressor needs. It is not read further, "
                "and nothing in it was run."
            )
        self.push(Name(allowed))

    def name_on_stack(self) -> None:
        """Push the name made of the two texts on top of the stack."""
        name, module = self.pop(), self.pop()
        self.name(self.key(module), self.key(name))

    def name_text(self, value: Any) -> str:
        """Return the text of a value that must be a name."""
        if not isinstance(value, Name):
            raise self.damaged("something to be called that is not a name")
        return value.text

    def record(self, name: Any, arguments: Any) -> None:
        """Push the record of a call with these arguments."""
        kind = self.name_text(name)
        if not isinstance(arguments, tuple):
            raise self.damaged("arguments that are not a tuple")
        # These two make an object; its class is their first argument.
        if kind in ("_reconstructor", "__newobj__"):
            kind, arguments = self.name_text(arguments[0] if arguments else None), ()
        self.push(Record(kind, arguments))

    def call(self) -> None:
        """Push the record of a call: a name, with a tuple of arguments above it."""
        arguments, name = self.pop(), self.pop()
        self.record(name, arguments)

    def call_with_keywords(self) -> None:
        """Push the record of a call with a name, a tuple of arguments, and an empty dict of keyword arguments."""
        keywords = self.pop()
        if not isinstance(keywords, dict) or keywords:
            raise self.damaged("arguments by keyword")
        self.call()

    def call_marked(self) -> None:
        """Push the record of a call with the values above the mark: a name and its arguments."""
        name, *arguments = self.pop_to_mark() or [None]
        self.record(name, tuple(arguments))

    def call_line(self) -> None:
        """Push the record of a call with a name in the next two lines and the arguments above the mark."""
        module, name = self.line(), self.line()
        arguments = self.pop_to_mark()
        self.name(module, name)
        self.record(self.pop(), tuple(arguments))

    def set_state(self) -> None:
        """Note the state of an object in its record."""
        state = self.pop()
        record = self.top(Record, "an object")
        if record.state is not None:
            raise self.damaged("a second state of an object")
        record.state = state

    # The rest.

    def protocol(self) -> None:
        """Check the protocol, which may only be given at the start."""
        version = self.take(1)[0]
        if version > HIGHEST_PROTOCOL or self.position != 2:
            raise self.damaged(f"protocol {version}, expected one up to {HIGHEST_PROTOCOL}, at the start")

    def refuse(self) -> None:
        """Refuse a pickle that refers to something outside of it."""
        raise ForeignPickleError(
            f"The pickle asks at byte {self.position} for something that is kept outside of it, which no regressor "
            "does. It is not read further, and nothing in it was run."
        )
