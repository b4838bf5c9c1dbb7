"""Telling the user when kernels are compiled, which happens once on each computer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

COMPILING = "Preparing the prediction for this computer. This takes about 20 seconds and happens only once."


@contextmanager
def compilation_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Call ``tell`` with a sentence, from any thread, when something is compiled and not found in the cache.

    Parameters
    ----------
    tell
        Called at most once.
    """
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        told = False

        def on_start(self, event: Any) -> None:
            if not self.told:
                self.told = True
                tell(COMPILING)

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
