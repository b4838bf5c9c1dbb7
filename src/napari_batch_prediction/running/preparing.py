"""Preparing a run under a limit on memory: everything is loaded before the memory that is left is divided."""

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.engine.compilation import compilation_told
from napari_batch_prediction.records.events import Notice

# How often a run that is being prepared looks whether it is cancelled.
_POLL_SECONDS = 0.1


# Of glibc's mallopt: the size from which memory that is freed goes back to the system at once.
_M_MMAP_THRESHOLD, _BYTES = -3, 2**18


def give_back_freed_memory() -> None:
    """Let memory that is freed go back to the system, where the C library would keep much of it.

    Otherwise chunks and tiles that come and go leave gaps that are counted as the process's memory: half as much again
    in a run with many classes.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BYTES)


def preparing(classifier: Classifier, sources: Sequence[str], is_cancelled: Callable[[], bool]) -> Iterator[Notice]:
    """Load or compile what predicting takes, in a thread, and yield what there is to tell meanwhile.

    Errors are left to the first image, which has them again.

    Parameters
    ----------
    classifier, sources
        The classifier, and names of its image sources.
    is_cancelled
        Asked again and again; once it returns True, nothing is waited for.
    """
    give_back_freed_memory()
    back: SimpleQueue[str | None] = SimpleQueue()

    def prepare() -> None:
        try:
            with suppress(Exception), compilation_told(back.put):
                classifier.prepare(sources)
        finally:
            back.put(None)

    threading.Thread(target=prepare, daemon=True, name="prepare").start()
    while not is_cancelled():
        try:
            text = back.get(timeout=_POLL_SECONDS)
        except Empty:
            continue
        if text is None:
            return
        yield Notice(text)
