"""Turns of processes: one does something, such as compiling a loop, and the others wait for it or leave it."""

import threading
import time
import uuid
from itertools import count, islice
from pathlib import Path

BEAT_SECONDS = 1.0
"""How often the process whose turn it is says that it is alive."""

SILENT_SECONDS = 15.0
"""After so long without a word of it, its turn is over: it was killed, or stands still."""

LIMIT_SECONDS = 300.0
"""No turn that others wait for takes longer, and no waiting."""

POLL_SECONDS = 0.1


class Turn:
    """The turn to do something: a file that is there as long as one process does it.

    It needs no locks, which some disks lack, nor clocks that agree: what counts is that the content of the file
    changes. Where no file can be made, or a turn is taken for over that is not, two processes do the same.

    Parameters
    ----------
    path
        The file.
    endless
        True if the turn may take any time, so that others do not wait for its end.
    """

    def __init__(self, path: Path, *, endless: bool = False) -> None:
        self._path = path
        self._endless = endless
        self._name = uuid.uuid4().hex
        self._given_back = threading.Event()

    def take(self) -> bool:
        """Take the turn, once no other process has it; return True if it is the turn of this one.

        Others are waited for at most for :data:`LIMIT_SECONDS`. One whose turn is endless is only listened to: it is
        False as soon as that says a word.
        """
        start = heard = time.monotonic()
        said = None
        while (made := self._make()) is None:
            now, before = time.monotonic(), said
            said = self._read()
            if said != before:
                if self._endless and before is not None and said is not None:
                    return False
                heard = now
            elif now - heard > SILENT_SECONDS and said is not None:
                self._remove(said)
                continue
            if now - start > LIMIT_SECONDS or now - heard > SILENT_SECONDS:
                return False
            time.sleep(POLL_SECONDS)
        return made

    def is_taken(self) -> bool:
        """Return whether it is the turn of this process, which others may have taken for over."""
        return (self._read() or "").startswith(self._name)

    def give_back(self) -> None:
        """Let the others go on."""
        self._given_back.set()
        said = self._read()
        if said is not None and said.startswith(self._name):
            self._remove(said)

    def _make(self) -> bool | None:
        """Make the file; return True if it is there for this process, False if none can be made, None to wait."""
        try:
            with self._path.open("x") as file:
                file.write(self._name)
        except FileExistsError:
            return self.is_taken() or None
        except PermissionError:
            # Windows says so of a file that is just being removed.
            return None if self._path.exists() else False
        except OSError:
            return False
        self._given_back.clear()
        threading.Thread(target=self._beat, daemon=True).start()
        return True

    def _beat(self) -> None:
        n_beats = None if self._endless else round(LIMIT_SECONDS / BEAT_SECONDS)
        for number in islice(count(), n_beats):
            if self._given_back.wait(BEAT_SECONDS) or not self.is_taken():
                return
            try:
                with self._path.open("r+") as file:
                    file.write(f"{self._name} {number}")
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
