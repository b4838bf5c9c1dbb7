"""Times of things that are run in turns, so that a busy machine disturbs all of them alike."""

import ctypes
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

# Parameters of glibc's mallopt.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_memory() -> None:
    """Have this process keep the memory that it frees, for whoever is next.

    Otherwise large results are in fresh memory each time, and on a virtual machine it may take longer to get that from
    the system than to compute them.
    """
    libc = ctypes.CDLL(None)
    for parameter, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_ARENA_MAX, 1)):
        if not libc.mallopt(parameter, value):
            raise RuntimeError(f"mallopt({parameter}, {value}) failed: is this Linux with glibc?")


class Time(NamedTuple):
    """Seconds that something took: of the processor, and by the clock."""

    cpu: float
    wall: float

    def plus(self, other: "Time") -> "Time":
        """Return the time of doing both."""
        return Time(self.cpu + other.cpu, self.wall + other.wall)

    def __sub__(self, other: "Time") -> "Time":
        return Time(self.cpu - other.cpu, self.wall - other.wall)


class Spread(NamedTuple):
    """The median over rounds, and the extremes."""

    median: float
    low: float
    high: float


Contestant = Callable[[], Time]


def timed(work: Callable[[], object]) -> Contestant:
    """Return a contestant that does the work in this process; results are freed after the clock stops."""

    def run() -> Time:
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        taken = Time(time.process_time() - cpu, time.perf_counter() - wall)
        del result
        return taken

    return run


def interleave(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[Time]]:
    """Run all contestants once without counting, then in turns: A B C, A B C, ...

    Returns
    -------
    For each contestant its time in each round.
    """
    for run in contestants.values():
        run()
    times: dict[str, list[Time]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            times[name].append(run())
    return times


def spread(values: Sequence[float]) -> Spread:
    """Return median, smallest and largest."""
    return Spread(statistics.median(values), min(values), max(values))


def cpu_ratio(times: Sequence[Time], base: Sequence[Time]) -> Spread:
    """Return the ratio of processor times to those of ``base``, compared within each round."""
    return spread([time.cpu / base_time.cpu for time, base_time in zip(times, base, strict=True)])
