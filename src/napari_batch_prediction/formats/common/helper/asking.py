"""Asking a second process that may die in place of this one: it looks at what a library may not survive."""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from napari_batch_prediction import errors
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.formats.common.helper.serving import IDLE, READY, SECONDS, SECONDS_OF_WORK

# A fresh interpreter, neither forked (other threads hold locks) nor with the main module of this process in it.
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from importlib import import_module; "
    "import_module(sys.argv[2]).main()"
)
_SECONDS_TO_START = 120.0
_MOST_BYTES = 64 * 2**20
_MOST_FORESEEN = 16
_MOST_KNOWN = 4 * _MOST_FORESEEN


class HelperEndedError(Exception):
    """The process died, hung or answered something else; the text says which, as the end of a sentence."""


class NoHelperError(Exception):
    """No such process can be started on this machine."""


class _Process:
    """One such process, and the thread that listens to it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the command is of this program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this process, which ends the other
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._is_ready = False
        self._answers: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._listen, name="helper", daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):  # closed from this side
            while self._process.stdout is not None and (line := self._process.stdout.readline(_MOST_BYTES)):
                self._answers.put(line)
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._process.wait()
        self._answers.put(b"")

    def send(self, question: bytes) -> None:
        """Send a line; it is answered after those before it."""
        if self._process.stdin is not None:
            with suppress(OSError):  # it has ended, which the listener says
                self._process.stdin.write(question)
                self._process.stdin.flush()

    def receive(self, seconds: float) -> bytes:
        """Return the next answer; empty if the process ends without one.

        Raises
        ------
        HelperEndedError
            If it takes longer.
        NoHelperError
            If the process does not get as far as that.
        """
        if not self._is_ready:
            with suppress(Empty):
                self._is_ready = self._answers.get(timeout=_SECONDS_TO_START) == READY
            if not self._is_ready:
                raise NoHelperError
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            raise HelperEndedError(f"had not answered after {seconds:g} seconds") from None

    def end(self) -> int:
        """End the process if it has not ended, and return its status."""
        self._process.kill()
        status = self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):  # what was not written yet is lost with the process
                self._process.stdin.close()
        return status


class Helper:
    """Asks a process that is started when it is needed, and again after it died.

    It ends by itself when it is not asked for a while, and when this process ends, however that comes about. Several
    threads may ask; they take turns. Questions that are foreseen are answered while this process does something else.

    Parameters
    ----------
    module
        The module whose function ``main`` the process runs; it calls :func:`~.serving.serve`.
    seconds
        The time for an answer.
    command
        The command of the process, if it is another.
    """

    def __init__(self, module: str, seconds: float = SECONDS, command: Sequence[str] = ()) -> None:
        self._module, self._seconds, self._command = module, seconds, command
        self._is_missing = False
        self._forget()
        atexit.register(self._end)  # without waiting for a thread that still asks
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Leave the process to the one that this one was forked from."""
        self._lock = threading.Lock()
        self._process: _Process | None = None
        # Questions that were sent and not answered yet, in order; and answers that nobody asked for yet.
        self._sent: deque[bytes] = deque()
        self._known: dict[bytes, bytes | HelperEndedError] = {}

    def end(self) -> None:
        """End the process if there is one."""
        with self._lock:
            self._end()
            self._sent.clear()
            self._known.clear()

    def start(self) -> None:
        """Start the process if there is none, without waiting until it is ready."""
        with self._lock, suppress(NoHelperError):
            self._begun()

    def foresee(self, question: Mapping[str, object]) -> None:
        """Send a question that will be asked soon, without waiting for its answer.

        The caller sees to it that the answer is still true then; of many that are never asked for, the oldest are lost.
        """
        line = _line(question)
        with self._lock, suppress(NoHelperError):
            if line not in self._sent and line not in self._known and len(self._sent) < _MOST_FORESEEN:
                self._send(line)

    def ask(self, question: Mapping[str, object]) -> Any:
        """Return the answer to a question, both of them what JSON can hold.

        Raises
        ------
        HelperEndedError
            If the process dies, takes too long or says something else. It is started anew for the next question.
        NoHelperError
            If no such process can be started here.
        BatchPredictionError, OSError
            If the answer is an error.
        """
        line = _line(question)
        with self._lock:
            try:
                if line not in self._sent and line not in self._known:
                    self._send(line)
                while line not in self._known:
                    self._take()
                answer = self._known.pop(line)
            except NoHelperError:
                self._is_missing = True
                self._end()
                raise
            except BaseException:
                # Answers that are on their way would be taken for others.
                self._end()
                self._sent.clear()
                raise
            if isinstance(answer, bytes):
                try:
                    return _value(answer)
                except HelperEndedError:
                    self._restart()
                    raise
        raise answer

    def _send(self, line: bytes) -> None:
        self._begun().send(line)
        self._sent.append(line)

    def _take(self) -> None:
        """Take the answer to the question that was sent first, or that it has none."""
        answer: bytes | HelperEndedError = b""
        for is_last in (False, True):
            process = self._begun()
            try:
                answer = process.receive(self._seconds)
            except HelperEndedError as error:
                answer = error
            if answer and isinstance(answer, bytes):
                break
            status = self._end()
            if isinstance(answer, bytes) and (status != IDLE or is_last):
                answer = HelperEndedError(f"ended with {_named(status or 0)}")
            if isinstance(answer, HelperEndedError):
                break
            self._restart()  # it had ended before it saw the question
        self._known[self._sent.popleft()] = answer
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        if isinstance(answer, HelperEndedError) and self._sent:
            self._restart()

    def _restart(self) -> None:
        """Start the process again, and ask it what is not answered yet."""
        self._end()
        for line in self._sent:
            self._begun().send(line)

    def _begun(self) -> _Process:
        if self._is_missing:
            raise NoHelperError
        if self._process is None:
            try:
                self._process = _Process(self._command or _python(self._module))
            except OSError as error:
                raise NoHelperError from error
        return self._process

    def _end(self) -> int | None:
        process, self._process = self._process, None
        return None if process is None else process.end()


def _line(question: Mapping[str, object]) -> bytes:
    return json.dumps(question).encode() + b"\n"


def _python(module: str) -> Sequence[str]:
    """Return the command that runs a module with the paths of this process."""
    if not Path(sys.executable or "").name.lower().startswith("python"):
        raise NoHelperError  # a program that holds an interpreter, and may do anything
    paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100 - "" is the current folder
    return (sys.executable, "-I", "-c", _CODE, json.dumps(paths), module)


def _named(status: int) -> str:
    if hasattr(signal, "SIGPROF") and status == -signal.SIGPROF:
        return f"no answer after {SECONDS_OF_WORK:g} seconds"
    with suppress(ValueError):
        return f"the signal {signal.Signals(-status).name}" if status < 0 else f"the status {status}"
    return f"the status {status}"


def _value(line: bytes) -> Any:
    """Return what an answer holds, or raise the error that it holds."""
    try:
        answer = json.loads(line)
        kind, value = answer["kind"], answer["value"]
        error = None if kind == "value" else _error(kind, value)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise HelperEndedError("said what cannot be understood") from None
    if error is not None:
        raise error
    return value


def _error(kind: str, value: Mapping[str, str | None]) -> Exception:
    """Return an error of this package, or else an OSError."""
    text, path = str(value["text"]), value["path"]
    error_class = getattr(errors, kind, None)
    if isinstance(error_class, type) and issubclass(error_class, BatchPredictionError):
        return error_class(text, setting=value["setting"], path=None if path is None else Path(path))
    return OSError(text)
