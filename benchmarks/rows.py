"""What is compared with what, and the rows of the table that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from timing import Contestant, Spread, Time, cpu_ratio, interleave, spread


@dataclass(frozen=True)
class Contest:
    """One who takes part in a comparison.

    Attributes
    ----------
    name
        Who it is.
    run
        Does the work and returns its time.
    base
        Name of the contestant of this project that it is compared with; None for those.
    note
        What it computes.
    target
        How many times as fast as this the project wants to be.
    share
        The part of the work that it does: its time is divided by this.
    """

    name: str
    run: Contestant
    base: str | None
    note: str
    target: float | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Row:
    """What came of it: processor time per pixel in microseconds, and how many times that of ``base`` it is."""

    section: str
    name: str
    microseconds: float
    base: str | None
    ratio: Spread | None
    target: float | None
    note: str


def compete(section: str, contests: Sequence[Contest], rounds: int, n_pixels: int) -> list[Row]:
    """Run contestants in turns and compare them."""
    return compare(section, contests, interleave({one.name: one.run for one in contests}, rounds), n_pixels)


def compare(section: str, contests: Sequence[Contest], times: dict[str, list[Time]], n_pixels: int) -> list[Row]:
    """Compare contestants whose times in each round are known."""
    rows = []
    for one in contests:
        mine = [Time(time.cpu / one.share, time.wall / one.share) for time in times[one.name]]
        ratio = cpu_ratio(mine, times[one.base]) if one.base else None
        microseconds = spread([time.cpu for time in mine]).median / n_pixels * 1e6
        rows.append(Row(section, one.name, microseconds, one.base, ratio, one.target, one.note))
    return rows
