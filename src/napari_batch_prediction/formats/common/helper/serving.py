"""Serving in a second process: it answers questions, and ends when a library hangs or nobody asks any more."""

import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from napari_batch_prediction import errors
from napari_batch_prediction.errors import BatchPredictionError

SECONDS = 60.0
"""The time for an answer, by the clock."""

SECONDS_OF_WORK = 8.0
"""The computing for an answer. A library that goes in circles computes, a slow disk does not."""

READY = b"ready\n"
"""The first line that the process says."""

IDLE = 75
"""The status with which the process ends when it was not asked for a while."""

_IDLE_SECONDS = 20.0


def serve(answer: Callable[[Any], object], memory: int = 2**30) -> None:
    """Answer questions, one in a line, until there are no more: what the process does.

    Parameters
    ----------
    answer
        A function from a question to its answer; its errors are answers, too.
    memory
        Bytes that the process may take besides those that it has.
    """
    # What a library prints must not be taken for an answer.
    replies = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    silent = os.fdopen(nothing, "w")
    _bound(memory)
    questions: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(questions,), daemon=True).start()
    replies.write(READY)
    replies.flush()
    while True:
        try:
            line = questions.get(timeout=_IDLE_SECONDS)
        except Empty:
            os._exit(IDLE)
        if not line:
            os._exit(0)
        # Whatever hangs in a library ends with this, also when nobody waits for it any more.
        faulthandler.dump_traceback_later(2 * SECONDS, exit=True, file=silent)
        _bound_work(SECONDS_OF_WORK)
        reply = _reply(answer, line)
        _bound_work(0)
        faulthandler.cancel_dump_traceback_later()
        try:
            replies.write(json.dumps(reply).encode() + b"\n")
            replies.flush()
        except OSError:
            os._exit(0)  # nobody listens


def _bound_work(seconds: float) -> None:
    """End the process after so many seconds of computing, where the system can; never if 0."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _reply(answer: Callable[[Any], object], line: bytes) -> dict[str, object]:
    try:
        return {"kind": "value", "value": answer(json.loads(line))}
    except BatchPredictionError as error:
        path = None if error.path is None else os.fspath(error.path)
        kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
        return {"kind": kind, "value": {"text": str(error), "setting": error.setting, "path": path}}
    except MemoryError:
        return _other("it takes more memory to look at it than its structure may")
    except Exception as error:  # damaged files make libraries raise nearly anything
        return _other(str(error).rstrip(". ") or type(error).__name__)


def _other(text: str) -> dict[str, object]:
    return {"kind": "other", "value": {"text": text, "setting": None, "path": None}}


def _read(questions: "SimpleQueue[bytes]") -> None:
    while line := sys.stdin.buffer.readline():
        questions.put(line)
    questions.put(b"")


def _bound(memory: int) -> None:
    """Bound the memory of this process, where the system can."""
    try:
        import resource

        with Path("/proc/self/statm").open() as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = size + memory
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))
    except (ImportError, OSError, ValueError):
        return
