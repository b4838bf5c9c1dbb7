"""Words about sets of files, for messages."""

from collections.abc import Iterable

from napari_batch_prediction.wording import count

# Of many files, so many are named.
_MOST_NAMED = 5


def named(names: Iterable[str]) -> str:
    """Return names as a list, shortened if there are many."""
    names = [*names]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {count(more, 'other')}" if more > 0 else "")


def one_image(names: Iterable[str]) -> str:
    """Return the remark that files are one image."""
    names = [*names]
    return f"It is one image in {count(len(names), 'file')}: {named(names)}."


def part_of(missing: Iterable[str], n_here: int, n_all: int) -> str:
    """Return the warning that files of a set are missing."""
    missing = [*missing]
    return (
        f"It is part of an image in several files, of which {count(len(missing), 'file')} cannot be found beside it: "
        f"{named(missing)}. Only what is in this file is read: {n_here} of {count(n_all, 'plane')}."
    )
