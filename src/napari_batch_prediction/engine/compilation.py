"""Telling the user when loops are compiled, which happens once on each computer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_batch_prediction.simd.shelf import Job

FIRST = (
    "Preparing predictions for this computer. This takes about 10 seconds and happens only once; another workflow may "
    "need a part of its own later."
)
MORE = "Compiling a part that only this kind of project needs. This takes about 10 seconds, the first time."
NOT_KEPT = (
    "Compiled loops cannot be kept: {reason}. They are compiled each time, which takes about 20 seconds. Free some "
    "space, or set NUMBA_CACHE_DIR to a folder that can be written."
)


@contextmanager
def compilation_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Call ``tell`` with a sentence, from any thread, when something is compiled and not found on disk.

    Parameters
    ----------
    tell
        Called at most once with :data:`FIRST` or :data:`MORE`, and once with :data:`NOT_KEPT` if the next time is not
        shorter.
    """
    from napari_batch_prediction.simd import shelf
    from napari_batch_prediction.simd.building import Listener, listening

    told: set[str] = set()

    def on_waiting() -> None:
        if not told:
            told.add("waiting")
            tell(MORE if shelf.any_kept() else FIRST)

    def on_not_kept(reason: str) -> None:
        if "not kept" not in told:
            told.add("not kept")
            tell(NOT_KEPT.format(reason=reason))

    with listening(Listener(on_waiting, on_not_kept)):
        yield


def compile_ahead(loops: "Callable[[], list[Job]]") -> threading.Thread:
    """Compile loops that are not on disk, in other processes; return at once.

    Parameters
    ----------
    loops
        Returns the loops.

    Returns
    -------
    The thread that waits for that.
    """

    def work() -> None:
        from napari_batch_prediction.simd import shelf
        from napari_batch_prediction.simd.building import build_all

        # Whatever goes wrong does so again where a loop is needed.
        with suppress(Exception):
            if any(shelf.find(job) is None for job in loops()):
                build_all(loops)

    thread = threading.Thread(target=work, daemon=True, name="compile ahead")
    thread.start()
    return thread
