"""Paths that are neither files nor folders."""

import stat
from pathlib import Path

from napari_batch_prediction.errors import BatchPredictionError

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


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
