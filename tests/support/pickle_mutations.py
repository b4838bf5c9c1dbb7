"""Good pickles with something changed at random: none may crash, hang or take much memory when it is read.

For more than the tests do: ``python -c "from pickle_mutations import run; print(run(FILES, 100_000, seed=0))"``.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.pickles.regressors import read_regressors

STEPS = b".NIJKMLFGSTUVXBC(012)tlad}escioRbpqrghjPQ\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
STEPS += b"\x90\x91\x92\x93\x94\x95\x96\x97\x98"


class Result(NamedTuple):
    """How the reading of mutated pickles went."""

    n_read: int
    n_refused: int
    seconds: float
    slowest: float


def run(originals: Sequence[bytes], count: int, seed: int) -> Result:
    """Read so many mutations; whatever is raised but a ProjectError comes through."""
    rng = np.random.default_rng(seed)
    n_read, slowest, began = 0, 0.0, time.perf_counter()
    for i in range(count):
        data = mutated(originals[i % len(originals)], originals, rng)
        start = time.perf_counter()
        try:
            read_regressors(data)
            n_read += 1
        except ProjectError:
            pass  # refused, as it may be
        slowest = max(slowest, time.perf_counter() - start)
    return Result(n_read, count - n_read, time.perf_counter() - began, slowest)


def mutated(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Return a pickle with one to four changes."""
    for _ in range(rng.integers(1, 5)):
        data = CHANGES[rng.integers(len(CHANGES))](data, others, rng)
    return data


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Return a place: anywhere, or in the first or last bytes, where most of the steps are."""
    return int(rng.integers((len(data), min(len(data), 3000), min(len(data), 300))[rng.integers(3)] + 1))


def _flip(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.integers(1, 9) if changed else 0):
        changed[min(_place(data, rng), len(data) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _replace(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + bytes([STEPS[rng.integers(len(STEPS))]]) + data[at + 1 :]


def _insert(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    at, n = _place(data, rng), rng.integers(1, 20)
    kind = rng.integers(3)
    new = bytes(rng.integers(0, 256, n, np.uint8)) if kind == 0 else bytes(rng.choice(list(STEPS), n).astype(np.uint8))
    return data[:at] + (new[:1] * int(n) if kind == 2 else new) + data[at:]


def _delete(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 40)) :]


def _duplicate(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    at, n = _place(data, rng), int(rng.integers(1, 400))
    return data[: at + n] + data[at : at + n] * int(rng.integers(1, 30)) + data[at + n :]


def _swap(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    a, b, n = _place(data, rng), _place(data, rng), int(rng.integers(1, 60))
    first, second = min(a, b), max(a, b)
    if first + n > second:
        return data
    return (
        data[:first]
        + data[second : second + n]
        + data[first + n : second]
        + data[first : first + n]
        + data[second + n :]
    )


def _splice(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    other = others[rng.integers(len(others))]
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def _cut_off(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)] + (b"." if rng.integers(2) else b"")


def _number(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    extreme = (
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x80",
        b"\xff\xff\xff\x7f",
        bytes(8),
        b"\xff" * 8,
        b"\x00\x00\x00\x10",
    )
    new = extreme[rng.integers(len(extreme))]
    return data[:at] + new + data[at + len(new) :]


CHANGES = (_flip, _replace, _insert, _delete, _duplicate, _swap, _splice, _cut_off, _number)
