"""Loops that are not on disk: compiled in other processes, so that this one need not import numba."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from napari_batch_prediction.simd import shelf
from napari_batch_prediction.simd.shelf import Job
from napari_batch_prediction.turns import Turn

# Each takes 150 MB and the time to import numba.
_MOST_PROCESSES = 4

# The path comes first: a file json.py in the current folder is not meant. The variables are for code that is debugged.
_START = """
import sys
sys.path[:] = {path!r}
import os
for name in {ignored!r}:
    os.environ.pop(name, None)
from napari_batch_prediction.simd.compiling import main
main()
"""

_IGNORED = ("NUMBA_DISABLE_JIT", "NUMBA_OPT")

_lock = threading.RLock()
_groups: list[Callable[[], list[Job]]] = []
_expected: list[Callable[[], list[Job]]] = []

# Set once nothing came of other processes, as on a full disk: for each loop they would compile all that are missing.
_in_vain = threading.Event()


class Listener(NamedTuple):
    """What is called when a loop has to be waited for, and when none can be kept, with the reason."""

    on_waiting: Callable[[], None]
    on_not_kept: Callable[[str], None]


_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell a listener of loops that are compiled, here or by another process, for any thread."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell_waiting() -> None:
    """Tell all listeners that a loop has to be waited for."""
    for listener in tuple(_listeners):
        listener.on_waiting()


def together(group: Callable[[], list[Job]]) -> Callable[[], list[Job]]:
    """Compile all loops that a function returns as soon as one of them is: they are soon needed, too."""
    _groups.append(group)
    return group


@contextmanager
def expecting(loops: Callable[[], list[Job]]) -> Iterator[None]:
    """Compile all loops that a function returns as soon as any loop is compiled, for any thread: this work takes both.

    Where everything is on disk the function is not called.
    """
    _expected.append(loops)
    try:
        yield
    finally:
        _expected.remove(loops)


def build(job: Job) -> bytes:
    """Compile a loop, or wait until another process has; return its machine code."""
    tell_waiting()
    with _lock:
        code = _built_elsewhere(job)
        return _built_here(job) if code is None else code


def _built_elsewhere(job: Job) -> bytes | None:
    """Return the machine code of a loop that a process was started for; None if none can be, or nothing be kept."""
    if _in_vain.is_set():
        return None
    build_all(lambda: [job, *_soon_needed(job)], unless=job)
    code = shelf.find(job)
    if code is None:
        _in_vain.set()
    return code


def _soon_needed(job: Job) -> Iterator[Job]:
    """Iterate over the loops that are compiled with one, some of them twice."""
    for group in tuple(_groups):
        if job in (jobs := group()):
            yield from jobs
    for loops in tuple(_expected):
        yield from loops()


def _is_python(executable: str | None) -> bool:
    """Return False for a program that holds an interpreter, frozen or as a part of it: started, it may do anything."""
    return Path(executable or "").name.lower().startswith("python") and not getattr(sys, "frozen", False)


def _built_here(job: Job) -> bytes:
    # By name: it imports kernels, which import this.
    code: bytes = import_module("napari_batch_prediction.simd.compiling").compiled(job)
    try:
        shelf.keep(job, code)
    except OSError as error:
        for listener in tuple(_listeners):
            listener.on_not_kept(str(error))
    return code


def build_all(jobs: Callable[[], list[Job]], unless: Job | None = None) -> None:
    """Compile loops in other processes, if any can be started and anything be kept; only one process at once does so.

    Parameters
    ----------
    jobs
        Returns the loops; those on disk are passed over.
    unless
        Do nothing if another process has compiled this one meanwhile.
    """
    place = shelf.folder()
    if place is None or not _is_python(sys.executable):
        return
    turn = Turn(place / f"{shelf.stamp()}.compiling")
    with _lock:
        turn.take()
        try:
            if unless is None or shelf.find(unless) is None:
                _build_in_processes(jobs())
        finally:
            turn.give_back()


def _build_in_processes(jobs: list[Job]) -> None:
    # Loops of a module have functions in common, which one process compiles once.
    modules: dict[str, list[Job]] = {}
    for job in dict.fromkeys(jobs):
        if shelf.find(job) is None:
            modules.setdefault(job.module, []).append(job)
    queue: SimpleQueue[list[Job]] = SimpleQueue()
    for missing in sorted(modules.values(), key=len, reverse=True):
        queue.put(missing)
    n_processes = min(len(modules), os.cpu_count() or 1, _MOST_PROCESSES)
    # Not of a pool, for which the end of this process would wait.
    threads = [threading.Thread(target=_feed, args=(queue,), daemon=True, name="build") for _ in range(n_processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _feed(queue: SimpleQueue[list[Job]]) -> None:
    """Start a process and give it one loop after the other; it ends when it is given no more, or this one ends."""
    command = [sys.executable, "-c", _START.format(path=[*filter(_is_text, sys.path)], ignored=_IGNORED)]
    with suppress(OSError), _started(command) as process, suppress(Empty):
        while True:
            for job in queue.get_nowait():
                if not _answer(process, json.dumps([shelf.stamp(), *job])):
                    return


def _is_text(entry: object) -> bool:
    """Return True for what Python searches for modules; it leaves out anything else, such as paths of pathlib."""
    return isinstance(entry, str)


def _answer(process: subprocess.Popen[str], question: str) -> str:
    """Return the line that a process answers to a line; nothing if it has ended."""
    if process.stdin is None or process.stdout is None:
        return ""
    print(question, file=process.stdin, flush=True)
    return process.stdout.readline()


def _started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        text=True,
    )
