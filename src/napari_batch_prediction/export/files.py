"""Files that appear under their name only when they are whole."""

import os
import secrets
from pathlib import Path

from napari_batch_prediction.errors import ExportError, OutputExistsError


def temporary_path(final: Path) -> Path:
    """Return a new hidden name beside ``final``, recognisable and no longer than file systems allow."""
    start = os.fsencode(final.name)[:200].decode(errors="ignore")
    return final.with_name(f".{start}.{secrets.token_hex(4)}.part")


def why(error: Exception) -> str:
    """Return the system's words for an error, without the names and numbers libraries put around them."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents.

    Raises
    ------
    ExportError
        If it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"The folder {folder} cannot be made: {why(error)}. Choose another folder.") from error


def sync(path: Path) -> None:
    """Have the content of a closed file on the disk, so that its name never outlives it."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def publish(temporary: Path, final: Path, *, replace: bool) -> None:
    """Give a whole file its final name.

    Raises
    ------
    OutputExistsError
        If the name is taken and ``replace`` is False. On file systems without hard links, another program
        that takes the name in the last moment goes unseen; elsewhere it cannot.
    ExportError
        If the file cannot be renamed.
    """
    try:
        if replace:
            temporary.replace(final)
        elif os.name == "nt":
            temporary.rename(final)  # refuses to replace on Windows
        else:
            _link(temporary, final)
    except FileExistsError:
        raise OutputExistsError(
            f"{final} appeared while it was being computed and is left as it is. Remove it, or allow overwriting."
        ) from None
    except OSError as error:
        raise ExportError(f"{final} cannot be given its name: {why(error)}.") from error


def _link(temporary: Path, final: Path) -> None:
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except OSError:  # no hard links here
        if final.exists():
            raise FileExistsError(str(final)) from None
        temporary.rename(final)
    else:
        temporary.unlink()


def remove(path: Path) -> None:
    """Remove a temporary file.

    Raises
    ------
    ExportError
        If it is there and cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"The temporary file {path} cannot be removed: {why(error)}.") from error
