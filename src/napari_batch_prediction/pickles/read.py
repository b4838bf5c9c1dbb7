"""Reading the pickles of trained regressors without unpickling them.

A pickle is a program for a small stack machine that can call any function by name. The machine here runs the same
program without functions: for a call, it notes name and arguments in a
:class:`~napari_batch_prediction.pickles.values.Record`. Names are compared with a list and never imported; a name that
is not in the list ends the reading.

Time and memory are bounded for any bytes: every value is made of its own bytes or refers to an existing value, nothing
is copied, compared or traversed, keys are short texts, and the number of steps is limited.
"""

import codecs
import struct
from collections.abc import Callable
from typing import Any

from napari_batch_prediction.pickles.machine import Machine
from napari_batch_prediction.pickles.values import DamagedPickleError

MAX_BYTES = 256 * 2**20
"""Size in bytes of the largest pickle that is read."""

MAX_STEPS = 1_000_000
"""Number of steps after which reading stops; a forest of ten trees takes about 2000."""


def read_pickle(data: bytes) -> Any:
    """Return the value in a pickle of protocol 0 to 5, with records for objects and bytes for texts of Python 2.

    Raises
    ------
    ForeignPickleError
        If it names something that no regressor needs.
    DamagedPickleError
        If it is not a whole pickle, or larger or longer than the limits.
    """
    if len(data) > MAX_BYTES:
        raise DamagedPickleError(
            f"The pickle has {len(data)} bytes, and only pickles of up to {MAX_BYTES} are read. "
            "Train with fewer trees or fewer labels."
        )
    machine = Machine(data)
    for _ in range(MAX_STEPS):
        code = machine.take(1)
        if code == b".":
            return machine.result()
        step = _STEPS.get(code)
        if step is None:
            raise machine.damaged(f"an unknown step {code!r}")
        step(machine)
    raise DamagedPickleError(f"The pickle has more than {MAX_STEPS} steps, which no regressor has.")


_BYTE, _SHORT, _UINT, _INT, _LONG, _DOUBLE = (struct.Struct(layout) for layout in ("<B", "<H", "<I", "<i", "<Q", ">d"))


def _utf8(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")


def _raw_unicode(stored: bytes) -> str:
    # Decoding by the codec's name would import a module.
    return codecs.raw_unicode_escape_decode(stored)[0]


_Step = Callable[[Machine], object]


def _counted(length: struct.Struct, *, text: bool) -> _Step:
    def step(machine: Machine) -> None:
        stored = machine.take(machine.number(length))
        machine.push(machine.text(_utf8, stored) if text else stored)

    return step


def _tuple_of(n: int) -> _Step:
    def step(machine: Machine) -> None:
        values = [machine.pop() for _ in range(n)]
        machine.push(tuple(values[::-1]))

    return step


_STEPS: dict[bytes, _Step] = {
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": Machine.integer_or_bool,
    b"L": lambda m: m.push(m.small(m.line())),
    b"F": Machine.float_text,
    b"K": lambda m: m.push(m.number(_BYTE)),
    b"M": lambda m: m.push(m.number(_SHORT)),
    b"J": lambda m: m.push(m.number(_INT)),
    b"G": lambda m: m.push(m.number(_DOUBLE)),
    b"\x8a": lambda m: m.long(_BYTE),
    b"\x8b": lambda m: m.long(_INT),
    b"S": Machine.quoted,
    b"V": lambda m: m.push(m.text(_raw_unicode, m.line(None))),
    b"U": _counted(_BYTE, text=False),
    b"T": _counted(_UINT, text=False),
    b"C": _counted(_BYTE, text=False),
    b"B": _counted(_UINT, text=False),
    b"\x8e": _counted(_LONG, text=False),
    b"\x96": _counted(_LONG, text=False),
    b"\x8c": _counted(_BYTE, text=True),
    b"X": _counted(_UINT, text=True),
    b"\x8d": _counted(_LONG, text=True),
    b"(": Machine.mark,
    b"0": Machine.drop,
    b"1": Machine.pop_to_mark,
    b"2": lambda m: m.push(m.top(object, "a value")),
    b")": lambda m: m.push(()),
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"t": lambda m: m.push(tuple(m.pop_to_mark())),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.pop_to_mark()),
    b"a": Machine.append,
    b"e": Machine.extend,
    b"}": lambda m: m.push({}),
    b"d": Machine.new_dict,
    b"s": Machine.set_item,
    b"u": Machine.set_items,
    b"\x8f": lambda m: m.push(set()),
    b"\x90": Machine.add_items,
    b"\x91": lambda m: m.push(frozenset([m.key(value) for value in m.pop_to_mark()])),
    b"p": lambda m: m.put(m.small(m.line())),
    b"q": lambda m: m.put(m.number(_BYTE)),
    b"r": lambda m: m.put(m.number(_UINT)),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"g": lambda m: m.get(m.small(m.line())),
    b"h": lambda m: m.get(m.number(_BYTE)),
    b"j": lambda m: m.get(m.number(_UINT)),
    b"c": lambda m: m.name(m.line(), m.line()),
    b"\x93": Machine.name_on_stack,
    b"R": Machine.call,
    b"\x81": Machine.call,
    b"\x92": Machine.call_with_keywords,
    b"o": Machine.call_marked,
    b"i": Machine.call_line,
    b"b": Machine.set_state,
    b"\x80": Machine.protocol,
    # The length of a frame, for readers of a stream, is skipped.
    b"\x95": lambda m: m.number(_LONG),
    # References to external objects, codes of a class registry, and buffers outside the pickle.
    **dict.fromkeys((b"P", b"Q", b"\x82", b"\x83", b"\x84", b"\x97", b"\x98"), Machine.refuse),
}
