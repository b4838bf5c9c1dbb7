"""The arguments of a kernel as types and as words: what a kernel is compiled for, and what it is called with.

The type of an argument is a text, such as ``float32[2C]`` for a contiguous array with two axes (``2A`` for any other),
``int64`` or ``none``; that of a tuple is a tuple of its class, "" for plain tuples, and the types of its members.

Words are 64 bits each: of an array the address, the extents and the strides; of a number its value; of a tuple the
words of its members; of None nothing.
"""

import struct
from typing import Any

import numpy as np

RESULTS = 4
"""Words before those of the arguments, for the results of a loop: nothing, a whole number, or several."""

Type = str | tuple
"""The type of an argument."""


def flattened(value: Any, words: list[int]) -> Type:
    """Return the type of an argument, and append its words.

    Raises
    ------
    TypeError
        If no compiled loop takes such an argument.
    """
    if isinstance(value, np.ndarray):
        return _flattened_array(value, words)
    if value is None:
        return "none"
    if isinstance(value, bool | np.bool_):
        words.append(int(value))
        return "bool"
    if isinstance(value, int | np.integer):
        words.append(int(value))
        return "uint64" if isinstance(value, np.uint64) else "int64"
    if isinstance(value, float | np.floating):
        words.append(struct.unpack("=q", struct.pack("=d", value))[0])
        return "float64"
    if isinstance(value, tuple):
        kind = type(value)
        name = "" if kind is tuple else f"{kind.__module__}:{kind.__qualname__}"
        return (name, *(flattened(member, words) for member in value))
    raise TypeError(f"Expected arrays, numbers and tuples of them for a compiled loop, got {type(value).__name__}.")


def _flattened_array(array: np.ndarray, words: list[int]) -> str:
    flags = array.flags
    if not (flags.aligned and array.dtype.isnative and array.dtype.kind in "biuf"):
        raise TypeError(
            f"Expected numbers as this computer has them in memory for a compiled loop, got an array of "
            f"{array.dtype.str}{'' if flags.aligned else ', not aligned'}."
        )
    words.append(array.__array_interface__["data"][0])
    words.extend(array.shape)
    words.extend(array.strides)
    return f"{array.dtype.name}[{array.ndim}{'C' if flags.c_contiguous else 'A'}]"
