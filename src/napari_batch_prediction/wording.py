"""Numbers and names as they are written in messages and in cells of tables."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

# Characters that a terminal obeys instead of showing them, or that turn the direction of what follows.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LONGEST = 2000
_LEFT_OUT = "..."
# Also the full-width forms of = + - @, which spreadsheets of some languages take for the same.
_FORMULA = re.compile(r"'*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")


# The name of each unit of bytes.
_UNITS = {1: "bytes", 10**3: "kB", 10**6: "MB", 10**9: "GB", 10**12: "TB", 10**15: "PB"}
_LARGEST_UNIT = 10**15


def count(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a time as minutes and seconds, from an hour on with hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(n_bytes: int) -> str:
    """Return a number of bytes in the unit that suits it, with three digits, as in ``1.25 GB``."""
    # In whole numbers: sizes may be beyond those of floats. From 999.5 of a unit on it is one of the next.
    unit = next((unit for unit in _UNITS if 2 * n_bytes < 1999 * unit), _LARGEST_UNIT)
    if unit == 1:
        return count(n_bytes, "byte")
    n_decimals = 2 if n_bytes < 10 * unit else 1 if n_bytes < 100 * unit else 0
    number, rest = divmod((n_bytes * 10**n_decimals + unit // 2) // unit, 10**n_decimals)
    return f"{number:,}{f'.{rest:0{n_decimals}}' if n_decimals else ''} {_UNITS[unit]}"


def either(names: Iterable[str]) -> str:
    """Return names as alternatives, in words."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return names with commas between them; of more than ``most`` how many follow."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def visible(text: str) -> str:
    r"""Return a text with escapes such as ``\x1b`` for control characters, but for tabs and ends of lines."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Return a text with escapes for all control characters, also for tabs and ends of lines."""
    return visible(text).replace("\t", r"\t").replace("\n", r"\n")


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text of at most ``longest`` characters: of a longer one the middle is left out."""
    if len(text) <= longest:
        return text
    mark = f" [{len(text) - longest} characters left out] "
    half = (longest - len(mark)) // 2
    return f"{text[:half]}{mark}{text[-half:]}"


def fitted(text: str, columns: int) -> str:
    """Return a text that takes at most so many columns of a terminal: of a longer one the middle is left out."""
    widths = [_columns(letter) for letter in text]
    if sum(widths) <= columns:
        return text
    half = max(columns - len(_LEFT_OUT), 0) // 2
    first = bisect_right([*accumulate(widths)], half)
    last = bisect_right([*accumulate(reversed(widths))], half)
    return f"{text[:first]}{_LEFT_OUT}{text[len(text) - last :]}"


def _columns(letter: str) -> int:
    """Return the columns that a character takes, of those that terminals show in fixed width."""
    return 0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def harmless(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula: with an apostrophe before ``= + - @``.

    The same is before their full-width forms, a tab and the ends of lines. A text that has apostrophes before one of
    these gets one more, so that :func:`plain` undoes it.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def plain(cell: str) -> str:
    """Return the text of a cell that :func:`harmless` made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the question whether the most similar of some names is meant, in brackets; empty if none is similar."""
    from difflib import get_close_matches  # only for messages

    by_lower = {other.lower(): other for other in names}
    similar = get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    # Two letters in the wrong order are the likeliest slip; the sort keeps the order of equal ones.
    similar.sort(key=lambda other: sorted(other) != sorted(name.lower()))
    return f" (did you mean '{by_lower[similar[0]]}'?)" if similar else ""
