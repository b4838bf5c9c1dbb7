"""Changes of the viewer, a few at a time, so that it draws and answers in between."""

import time
from collections import deque
from collections.abc import Generator

from qtpy.QtCore import QObject, QTimer, Signal

# Time of the changes, after which the viewer draws and answers, and the pause until the next.
TURN_SECONDS = 0.01
TURN_MS = 5

Steps = Generator[None]
"""Changes of the viewer, one at each step."""


class Turns(QObject):
    """Takes the steps of several changes, those of the selected row first.

    Parameters
    ----------
    parent
        The owner.

    Attributes
    ----------
    taken
        Some steps were taken; the viewer now draws and answers.
    """

    taken = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._first: Steps | None = None
        self._others: deque[Steps] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(TURN_MS)
        self._timer.timeout.connect(self._take)

    def begin(self, steps: Steps) -> None:
        """Replace the steps that come first, and begin at once."""
        self._first = steps
        self._timer.start()
        self._take()

    def add(self, steps: Steps) -> None:
        """Take these steps after all others."""
        self._others.append(steps)
        self._timer.start()

    def give_up(self) -> None:
        """Drop the rest of the steps that come first."""
        if self._first is not None:
            self._first.close()
            self._first = None

    def clear(self) -> None:
        """Drop the rest of all steps."""
        self.give_up()
        self._others.clear()

    def _take(self) -> None:
        """Take as many steps as there is time for."""
        self._take_steps()
        self.taken.emit()

    def _take_steps(self) -> None:
        end = time.perf_counter() + TURN_SECONDS
        while time.perf_counter() < end:
            steps = self._first or (self._others[0] if self._others else None)
            if steps is None:
                self._timer.stop()
                return
            try:
                next(steps)
            except StopIteration:
                if steps is self._first:
                    self._first = None
                else:
                    self._others.popleft()
