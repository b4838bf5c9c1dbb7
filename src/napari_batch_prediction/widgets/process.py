"""Settings of the whole process that work off the main thread needs, kept here and nowhere else in the window."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from qtpy.QtCore import QThreadPool

AT_ONCE = 4
"""How many pieces of work can be under way at once, at least."""

SELDOM = 1000
"""Full garbage collections come after so many smaller ones while there is work."""


def allow_threads() -> None:
    """Let a run, a check and the reading of a row not wait for each other, however few cores there are."""
    pool = QThreadPool.globalInstance()
    if pool is not None and pool.maxThreadCount() < AT_ONCE:
        pool.setMaxThreadCount(AT_ONCE)


class _FullCollections:
    """Full garbage collections of the process, whose thresholds all work shares."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_working = 0
        self._before = (0, 0, 0)

    @contextmanager
    def seldom(self) -> Iterator[None]:
        """Put full collections off until the last of the work that is under way ends.

        Each stops the window for 0.2 s and more, whichever thread it is in.
        """
        with self._lock:
            if not self._n_working:
                self._before = gc.get_threshold()
                gc.set_threshold(*self._before[:2], SELDOM)
            self._n_working += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_working -= 1
                if not self._n_working:
                    gc.set_threshold(*self._before)


full_collections = _FullCollections()
