"""Comparisons of contestants, and the rows of the table made of them."""

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
    """The result of a contestant: processor time per pixel in microseconds, and its ratio to that of ``base``."""

    section: str
    name: str
    microseconds: float
    base: str | None
    ratio: Spread | None
    target: float | None
    note: str


def compete(section: str, contests: Sequence[Contest], rounds: int, n_pixels: int) -> list[Row]:
    """Run contestants in turns and compare them."""
    return compare(section, contests, interleave({contest.name: contest.run for contest in contests}, rounds), n_pixels)


def compare(section: str, contests: Sequence[Contest], times: dict[str, list[Time]], n_pixels: int) -> list[Row]:
    """Compare contestants by their times in each round."""
    rows = []
    for contest in contests:
        own = [Time(time.cpu / contest.share, time.wall / contest.share) for time in times[contest.name]]
        rows.append(
            Row(
                section=section,
                name=contest.name,
                microseconds=spread([time.cpu for time in own]).median / n_pixels * 1e6,
                base=contest.base,
                ratio=cpu_ratio(own, times[contest.base]) if contest.base else None,
                target=contest.target,
                note=contest.note,
            )
        )
    return rows
