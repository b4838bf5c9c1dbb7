"""Settings of the whole process for work in the background; no other module of the window has any."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from qtpy.QtCore import QThreadPool

AT_ONCE = 4
"""Least number of tasks that can run at once."""

SELDOM = 1000
"""Number of smaller garbage collections before a full one, while there is work."""


def allow_threads() -> None:
    """Let a run, a check and the reading of a row run at once, however few cores there are."""
    pool = QThreadPool.globalInstance()
    if pool is not None and pool.maxThreadCount() < AT_ONCE:
        pool.setMaxThreadCount(AT_ONCE)


class _FullCollections:
    """Thresholds of the full garbage collections of the process, shared by all work."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_working = 0
        self._before = (0, 0, 0)

    @contextmanager
    def seldom(self) -> Iterator[None]:
        """Put off full collections until all work under way has ended.

        Each stops the window for 0.2 s and more, in whichever thread it happens.
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
