"""Numbers, texts and numpy arrays made of the values in a pickle."""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.pickles.values import DamagedPickleError, Name, Record, mismatch

_MAX_EXTENT = 2**40
_MAX_DIMENSIONS = 4
_MAX_FIELDS = 16
_MAX_ITEM = 1024

_PLAIN = re.compile(r"(b1|[iu][1248]|f[248])")


def as_text(value: Any) -> str:
    """Return a value as text, which Python 2 stores as bytes.

    Raises
    ------
    DamagedPickleError
        If it is something else.
    """
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    raise _mismatch("a text", value)


def as_number(value: Any) -> float:
    """Return a number of Python or of numpy as float.

    Raises
    ------
    DamagedPickleError
        If it is no number, or not finite.
    """
    if isinstance(value, Record) and value.name == "scalar" and len(value.arguments) == 2:
        dtype, data = _plain_dtype(value.arguments[0]), as_bytes(value.arguments[1])
        if len(data) != dtype.itemsize:
            raise DamagedPickleError(f"The pickle is damaged: {len(data)} bytes for a number of {dtype.itemsize}.")
        value = np.frombuffer(data, dtype)[0].item()
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _mismatch("a number", value)
    return float(value)


def as_integer(value: Any) -> int:
    """Return a value as a whole number.

    Raises
    ------
    DamagedPickleError
        If it is something else.
    """
    number = as_number(value)
    if number != int(number):
        raise DamagedPickleError(f"The pickle is damaged: expected a whole number, found {number:g}.")
    return int(number)


def as_bytes(value: Any) -> bytes:
    """Return a value as bytes, which Python 3 stores as an encoded text in protocols 0 to 2.

    Raises
    ------
    DamagedPickleError
        If it is something else.
    """
    if isinstance(value, Record):
        match value.name, value.arguments:
            case "bytes", ():
                return b""
            case (("bytes" | "encode"), (str(text), encoding)) if as_text(encoding).replace("-", "") == "latin1":
                try:
                    return text.encode("latin-1")
                except UnicodeEncodeError as error:
                    raise DamagedPickleError(f"The pickle is damaged: bytes with {error.reason}.") from error
    if not isinstance(value, bytes):
        raise _mismatch("bytes", value)
    return value


def as_array(value: Any) -> NDArray:
    """Return a read-only array of numbers or of records of numbers.

    Raises
    ------
    DamagedPickleError
        If it is no such array, or its shape does not fit the number of bytes.
    """
    match value:
        case Record("_reconstruct", (Name("ndarray"), _, _), (_, shape, dtype, in_columns, data)):
            order = "F" if in_columns is True or in_columns == 1 else "C"
        case Record("_frombuffer", (data, dtype, shape, order)):
            order = as_text(order)
        case _:
            raise _mismatch("an array", value)
    kind, stored = _dtype(dtype), as_bytes(data)
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
        raise _mismatch(f"a shape of up to {_MAX_DIMENSIONS} dimensions", shape)
    extents = [as_integer(n) for n in shape]
    if not all(0 <= n <= _MAX_EXTENT for n in extents) or math.prod(extents) * kind.itemsize != len(stored):
        raise DamagedPickleError(
            f"The pickle is damaged: {len(stored)} bytes for an array of shape {tuple(extents)} of {kind.itemsize} "
            "bytes each."
        )
    if order not in ("C", "F"):
        raise DamagedPickleError("The pickle is damaged: an array in an unknown order.")
    return np.frombuffer(stored, kind).reshape(extents, order="F" if order == "F" else "C")


def _dtype(value: Any) -> np.dtype:
    match value:
        case Record("dtype", (_, *_), (_, _, None, tuple(names), dict(fields), size, *_)):
            return _record_dtype([as_text(name) for name in names[: _MAX_FIELDS + 1]], fields, as_integer(size))
    return _plain_dtype(value)


def _plain_dtype(value: Any) -> np.dtype:
    """Return the type of plain numbers."""
    match value:
        case Record("dtype", (code, *_), (_, byte_order, None, None, None, *_)):
            text, byte_order = as_text(code), as_text(byte_order)
        case Record("dtype", (code, *_), None):
            text, byte_order = as_text(code), "="
        case _:
            raise _mismatch("the type of plain numbers", value)
    if byte_order not in ("<", ">", "=", "|") or _PLAIN.fullmatch(text) is None:
        raise DamagedPickleError(f"The pickle is damaged: numbers of the type {ascii(byte_order + text)[:40]}.")
    return np.dtype(byte_order + text)


def _record_dtype(names: list[str], fields: dict[str, Any], size: int) -> np.dtype:
    if not 0 < len(names) <= _MAX_FIELDS or set(names) != set(fields) or not 0 < size <= _MAX_ITEM:
        raise DamagedPickleError(f"The pickle is damaged: records of {size} bytes with {len(fields)} fields.")
    formats, offsets = [], []
    for name in names:
        match fields[name]:
            case (kind, offset, *_):
                formats.append(_plain_dtype(kind))
                offsets.append(as_integer(offset))
            case other:
                raise _mismatch("a field", other)
        if not 0 <= offsets[-1] <= size - formats[-1].itemsize:
            raise DamagedPickleError("The pickle is damaged: a field outside its record.")
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def _mismatch(expected: str, value: Any) -> DamagedPickleError:
    # Only the type is named: the value may contain itself, or be large.
    return mismatch(expected, value.name if isinstance(value, Record) else type(value).__name__)
