"""Pauses before something is done."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer


def single_shot(parent: QObject, milliseconds: int, act: Callable[[], object]) -> QTimer:
    """Return a timer, not started yet, that acts once after each start; a start while it runs begins it anew."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(act)
    return timer
