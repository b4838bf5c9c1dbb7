"""Texts that cannot be paths, and paths that are neither files nor folders."""

import os
import stat
from functools import cache
from pathlib import Path

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.wording import shortened, visible

MAX_NAME = 255
"""The longest name of a file, in bytes, on most file systems."""

MAX_PATH = 4095 if os.name != "nt" else 32_000
"""The longest path that can be opened, in bytes."""

FileState = tuple[int, int, int]
"""Time of change, size and inode of a file: another value once it was written to or replaced."""

_SHOWN = 100

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_MANY = 1024


def refuse_special(path: Path, error: type[BatchPredictionError], mode: int | None = None) -> None:
    """Raise an error for a pipe, a socket or a device: reading it may wait forever, or never end.

    Parameters
    ----------
    path
        The path; if it cannot be looked at, opening it says why.
    error
        The error to raise.
    mode
        The mode that the disk gives for the path, if it was asked already.
    """
    if mode is None:
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), None)
    if kind is not None:
        raise error(f"'{path}' is {kind}, expected a file. Save its contents to a file, and name that.", path=path)


def state_of(found: os.stat_result) -> FileState:
    """Return the state of a file that was looked at."""
    return found.st_mtime_ns, found.st_size, found.st_ino


def file_state(path: str | Path) -> FileState | None:
    """Return the state of a file; None if it cannot be looked at."""
    try:
        return state_of(os.stat(path))  # noqa: PTH116 - asked of thousands of files
    except (OSError, ValueError):
        return None


def text_fault(text: str) -> str | None:
    """Return the reason why no name can have these characters, as the end of a sentence; None if one can."""
    if "\0" in text:
        return "holds a NUL character"
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        return f"holds {text[error.start]!r}, which is no character"
    return None


def path_fault(path: str | Path) -> str | None:
    """Return the reason why no file or folder can have a path, as the end of a sentence; None if one can."""
    text = str(path)
    if fault := text_fault(text):
        return fault
    n_bytes = len(os.fsencode(text))
    if n_bytes > MAX_PATH:
        return f"is {n_bytes} bytes long, and a path has at most {MAX_PATH}"
    longest = max((len(os.fsencode(name)) for name in Path(text).parts), default=0) if n_bytes > MAX_NAME else 0
    if longest > MAX_NAME:
        return f"holds a name of {longest} bytes, and a name has at most {MAX_NAME}"
    return None


def require_path(path: str | Path, error: type[BatchPredictionError], subject: str, setting: str | None = None) -> None:
    """Raise an error if no file or folder can have a path.

    Parameters
    ----------
    path
        The path.
    error
        The error to raise.
    subject
        The noun for the path at the beginning of the message.
    setting
        The setting that mends it.
    """
    if fault := path_fault(path):
        raise error(f"{subject} '{shown(path)}' {fault}. Choose another.", setting=setting)


def shown(path: str | Path) -> str:
    """Return a path as a message shows it, whatever characters it has and however long it is."""
    return visible(shortened(str(path), _SHOWN)).encode(errors="backslashreplace").decode()


@cache
def most_open_files() -> int:
    """Return the number of files that the system lets this process open, or as many as are ever wanted."""
    try:
        import resource
    except ImportError:  # Windows, where the limit is far away
        return _MANY
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MANY if limit == resource.RLIM_INFINITY else min(limit, _MANY)
