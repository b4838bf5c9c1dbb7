"""Damaged ledgers: values of other types, lost keys and lines, flipped bytes, deep nesting."""

import json
import random
from collections.abc import Iterator
from typing import Any

VALUES = (
    None, True, -1, 0, 10**30, 1.5, float("nan"), "", "x", "\0", "\ud800", "a" * 5000, [], [[]], {}, {"x": 1}, [None],
    "../..", "done",
)  # fmt: skip


def mutated(lines: list[bytes], seed: int) -> bytes:
    """Return the lines of a ledger, damaged at random."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    lines = [*lines]
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        i = rng.randrange(len(lines))
        lines[i : i + 1] = rng.choice((_value, _value, _value, _bytes, _cut, _lost, _twice, _nested, _other))(
            lines[i], rng
        )
        if not lines:
            return b""
    return b"".join(lines)


def _value(line: bytes, rng: random.Random) -> list[bytes]:
    """Replace or remove a value of a line, or add one."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return [line]
    places = [*_places(content)]
    if not places:
        return [line]
    holder, key = rng.choice(places)
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(VALUES)
    return [json.dumps(content).encode() + b"\n"]


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in [*items]:
        yield content, key
        yield from _places(value)


def _bytes(line: bytes, rng: random.Random) -> list[bytes]:
    damaged = bytearray(line or b" ")
    for _ in range(rng.choice((1, 3, 10))):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return [bytes(damaged)]


def _cut(line: bytes, rng: random.Random) -> list[bytes]:
    return [line[: rng.randrange(len(line))] + rng.choice((b"", b"\n"))] if line else []


def _lost(line: bytes, rng: random.Random) -> list[bytes]:
    return []


def _twice(line: bytes, rng: random.Random) -> list[bytes]:
    return [line, line]


def _nested(line: bytes, rng: random.Random) -> list[bytes]:
    opened, closed = rng.choice(((b"[", b"]"), (b'{"kind":', b"}")))
    n = rng.choice((10, 1000, 100_000))
    return [opened * n + b"1" + closed * n + b"\n"]


def _other(line: bytes, rng: random.Random) -> list[bytes]:
    return [json.dumps(rng.choice(VALUES)).encode() + b"\n"]
