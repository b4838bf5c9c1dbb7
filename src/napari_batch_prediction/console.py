"""The console of a command: streams that cannot stop it, and signals that end it."""

import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from napari_batch_prediction.wording import visible

TYPE_CHECKING = False  # as in the package itself
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn, TextIO

# A closed terminal, Ctrl-C, kill; Ctrl-Break on Windows.
_SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM", "SIGBREAK")
_COLUMNS = 80

# Importing libraries makes tens of thousands of objects, which all stay. Looking for garbage among them takes long
# while they are made, and longer at the end of the process.
_GARBAGE = 100_000

# What libraries are told when they are imported: numpy's BLAS, which no prediction uses, else starts a thread for each
# core, and these spin for a while; pydantic looks for plugins in all packages that are installed.
_SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
_told: set[str] = set()


class Console(io.TextIOBase):
    """A standard stream: what it cannot write is lost, and control characters of names are shown as escapes.

    Parameters
    ----------
    stream
        The stream; None if the process has none.

    Attributes
    ----------
    fault
        The first error in writing; None if all could be written.
    """

    def __init__(self, stream: "TextIO | None") -> None:
        self._stream = stream
        self.fault: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal cannot show must not end a batch.
            stream.reconfigure(errors="backslashreplace")

    @classmethod
    def of(cls, stream: "TextIO | None") -> "Console":
        """Return a stream as a console; itself if it is one."""
        return stream if isinstance(stream, Console) else cls(stream)

    def write(self, text: str) -> int:
        """Write a text; its control characters are shown, but for tabs and ends of lines."""
        self.control(visible(text))
        return len(text)

    def control(self, text: str) -> None:
        """Write a text with the control characters in it."""
        if self._stream is None or self.fault is not None:
            return
        try:
            self._stream.write(text)
        except OSError as error:
            self.fault = error
        except (RuntimeError, ValueError):
            # A signal came while the stream was writing; or the stream was closed.
            return

    def flush(self) -> None:
        """Write what waits."""
        if self._stream is None or self.fault is not None:
            return
        try:
            self._stream.flush()
        except OSError as error:
            self.fault = error
        except (RuntimeError, ValueError):
            return

    def isatty(self) -> bool:
        """Return True if it is a terminal."""
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    def columns(self) -> int:
        """Return the width of the terminal; 80 if it does not say."""
        try:
            return os.get_terminal_size(self.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    def fileno(self) -> int:
        """Return the number of its file."""
        if self._stream is None:
            raise io.UnsupportedOperation("there is no such stream")
        return self._stream.fileno()


def as_process(main: Callable[[], int]) -> "NoReturn":
    """Run a command as the whole process, and end it with the status that it returns."""
    fill_descriptors()
    gc.set_threshold(_GARBAGE)
    _told.update(_SETTINGS.keys() - os.environ.keys())
    for name in _told:
        os.environ[name] = _SETTINGS[name]
    status = main() if _is_somewhere() else 1
    drop_unwritten()
    gc.freeze()
    sys.exit(status)


def _is_somewhere() -> bool:
    """Return whether the current folder is there, where relative names start; say so if not."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is slow to import
    except OSError as error:
        with consoles():
            print(f"There is no current folder any more: {error.strerror}. Go to another one.", file=sys.stderr)
        return False
    return True


def users_environment() -> Mapping[str, str]:
    """Return the environment as it was before :func:`as_process`, for programs of their own."""
    return {name: value for name, value in os.environ.items() if name not in _told}


@contextmanager
def consoles() -> Iterator[tuple[Console, Console]]:
    """Put consoles in the place of stdout and stderr inside the block."""
    before = sys.stdout, sys.stderr
    out, err = map(Console.of, before)
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def fill_descriptors() -> None:
    """Open standard streams that are closed, so that no file of a run gets their number and what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)


def drop_unwritten() -> None:
    """Drop what the standard streams cannot write, about which Python would complain at the end of the process."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except ValueError:
            continue  # closed


class Ends:
    """Signals that end a command; the second one ends the process at once.

    Outside :meth:`noted` the first one raises KeyboardInterrupt, as Ctrl-C does in Python.
    """

    def __init__(self) -> None:
        self._caught = 0
        self._is_noted = False

    @property
    def status(self) -> int:
        """The exit status of a process that such a signal ends."""
        return 128 + (self._caught or signal.SIGINT)

    def came(self) -> bool:
        """Return True if there was a signal."""
        return self._caught != 0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Only note the first signal inside the block, for work that ends by itself when :meth:`came` is True."""
        self._is_noted = True
        try:
            yield
        finally:
            self._is_noted = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch signals inside the block; does nothing in other threads than the main one."""
        names = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        for number, handler in [*before.items()]:
            if handler is None or (handler == signal.SIG_IGN and number != signal.SIGINT):
                del before[number]  # of another library; or as nohup wants it
            else:
                signal.signal(number, self._on_signal)
        self._numbers = [*before]
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: "FrameType | None") -> None:
        self._caught = number
        for other in self._numbers:
            # A terminal that is closed may say so several times.
            hung_up = signal.Signals(other).name == "SIGHUP"
            signal.signal(other, signal.SIG_IGN if hung_up else signal.SIG_DFL)
        if not self._is_noted:
            raise KeyboardInterrupt
        print("\nCancelling: the tiles under way are finished first. Once more ends at once.", file=sys.stderr)
