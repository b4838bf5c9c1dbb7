"""Numbers and names as they are written in messages."""

from collections.abc import Iterable


def count(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def either(names: Iterable[str]) -> str:
    """Return names as alternatives, in words."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
