"""Telling the user when kernels are compiled, which happens once on each computer for each kind of project."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

FIRST = (
    "Preparing predictions for this computer. This takes about 20 seconds and happens only once; another workflow may "
    "need a part of its own later."
)
MORE = "Compiling a part that only this kind of project needs. This takes about 20 seconds, the first time."
NOT_KEPT = (
    "Compiled loops cannot be kept: {reason}. They are compiled each time, which takes about 20 seconds. Free some "
    "space, or set NUMBA_CACHE_DIR to a folder that can be written."
)


def compiling() -> str:
    """Return the sentence to tell before something is compiled: the first time on this computer, or another."""
    from napari_batch_prediction.simd import caching

    return MORE if caching.any_kept() else FIRST


@contextmanager
def compilation_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Call ``tell`` with a sentence, from any thread, when something is compiled and not found in the cache.

    Parameters
    ----------
    tell
        Called at most once with :func:`compiling`, and once with :data:`NOT_KEPT` if the next time is not shorter.
    """
    from numba.core import event

    from napari_batch_prediction.simd import caching

    class Listener(event.Listener):  # type: ignore[misc]
        told = not_kept = False

        def on_start(self, event: Any) -> None:
            if event.kind == caching.NOT_KEPT and not self.not_kept:
                self.told = self.not_kept = True
                tell(NOT_KEPT.format(**event.data))
            elif not self.told:
                self.told = True
                tell(compiling())

        def on_end(self, event: Any) -> None:
            pass

    listener = Listener()
    with ExitStack() as stack:
        for kind in ("numba:compile", caching.WAITING, caching.NOT_KEPT):
            stack.enter_context(event.install_listener(kind, listener))
        yield
