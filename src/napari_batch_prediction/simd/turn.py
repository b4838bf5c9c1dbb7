"""Turns of processes: one compiles a loop, and those that need the same loop wait for it."""

import threading
import time
import uuid
from pathlib import Path

BEAT_SECONDS = 1.0
"""How often the process whose turn it is says that it is alive."""

SILENT_SECONDS = 15.0
"""After so long without a word of it, its turn is over: it was killed, or stands still."""

LIMIT_SECONDS = 300.0
"""No turn and no waiting takes longer."""

POLL_SECONDS = 0.1


class Turn:
    """The turn to compile one loop: a file that is there as long as a process compiles.

    It needs no locks, which some disks lack, nor clocks that agree: what counts is that the content of the file
    changes. Where no file can be made, or a turn is taken for over that is not, two processes compile the same.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = uuid.uuid4().hex
        self._given_back = threading.Event()

    def take(self) -> None:
        """Wait until no other process has its turn, at most :data:`LIMIT_SECONDS`; then it is the turn of this one."""
        start = heard = time.monotonic()
        said = None
        while not self._make():
            now, before = time.monotonic(), said
            said = self._read()
            if said != before:
                heard = now
            elif now - heard > SILENT_SECONDS and said is not None:
                self._remove(said)
                continue
            if now - start > LIMIT_SECONDS or now - heard > SILENT_SECONDS:
                return
            time.sleep(POLL_SECONDS)

    def give_back(self) -> None:
        """Let the others go on."""
        self._given_back.set()
        said = self._read()
        if said is not None and said.startswith(self._name):
            self._remove(said)

    def _make(self) -> bool:
        """Make the file unless there is one; return whether there is nothing to wait for."""
        try:
            with self._path.open("x") as file:
                file.write(self._name)
        except FileExistsError:
            return (self._read() or "").startswith(self._name)
        except PermissionError:
            # Windows says so of a file that is just being removed.
            return not self._path.exists()
        except OSError:
            return True
        self._given_back.clear()
        threading.Thread(target=self._beat, daemon=True).start()
        return True

    def _beat(self) -> None:
        for count in range(round(LIMIT_SECONDS / BEAT_SECONDS)):
            if self._given_back.wait(BEAT_SECONDS):
                return
            said = self._read()
            if said is None or not said.startswith(self._name):
                return
            try:
                with self._path.open("r+") as file:
                    file.write(f"{self._name} {count}")
            except OSError:
                return

    def _read(self) -> str | None:
        """Return the content; None if the file is gone, or cannot be read now."""
        try:
            return self._path.read_text(errors="replace")
        except OSError:
            return None

    def _remove(self, said: str) -> None:
        """Remove the file if it still says this."""
        if self._read() == said:
            try:
                self._path.unlink(missing_ok=True)
            except OSError:
                # Another process reads it, on Windows; it is found silent later.
                return
