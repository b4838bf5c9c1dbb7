"""Files that get their name only when they are whole."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_batch_prediction.errors import ExportError, OutputExistsError


def temporary_path(final: Path) -> Path:
    """Return a new, recognisable hidden name beside ``final`` that no file system finds too long."""
    start = os.fsencode(final.name)[:200].decode(errors="ignore")
    return final.with_name(f".{start}.{secrets.token_hex(4)}.part")


def remove_leftovers(final: Path) -> None:
    """Remove temporary files beside ``final`` that a killed process left."""
    start = temporary_path(final).name[: -len("12345678.part")]
    if not final.parent.is_dir():
        return
    for item in final.parent.iterdir():
        if item.name.startswith(start) and item.name.endswith(".part"):
            remove(item)


def why(error: Exception) -> str:
    """Return the system's text of an error, without additions of libraries."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of the system or a library inside the block into an ExportError about ``path``."""
    try:
        yield
    except ExportError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise ExportError(f"{path} cannot be written: {why(error)}") from error


def not_whole(path: Path, came: int, expected: int, noun: str = "chunks") -> ExportError:
    """Return the error about a file that is finished too early."""
    return ExportError(f"{path} is not whole: {came} of {expected} {noun} came.")


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
        raise ExportError(
            f"The folder {folder} cannot be made: {why(error)}. Choose another folder.", setting="folder", path=folder
        ) from error


def sync(path: Path) -> None:
    """Sync a closed file, or all files below a folder, to the disk, so that the content precedes the name."""
    for item in path.rglob("*") if path.is_dir() else [path]:
        if item.is_file():
            with item.open("rb+") as file:
                os.fsync(file.fileno())


def publish(temporary: Path, final: Path, *, replace: bool) -> None:
    """Give a whole file its final name.

    Raises
    ------
    OutputExistsError
        If the name is taken and ``replace`` is False. On file systems without hard links, another program that takes
        the name in the last moment is not noticed.
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
        raise taken(final) from None
    except OSError as error:
        raise ExportError(f"{final} cannot be given its name: {why(error)}.") from error


def taken(final: Path) -> OutputExistsError:
    """Return the error about a name that was free when the job began."""
    return OutputExistsError(
        f"{final} appeared while it was being computed and is left as it is. Remove it, or allow overwriting.",
        setting="existing",
        path=final,
    )


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


def publish_folder(temporary: Path, final: Path, *, replace: bool) -> None:
    """Give a whole folder its final name.

    A folder to be replaced is first renamed, and removed once the new folder has its name. If the machine stops in
    between, :func:`restore_folder` finds the old folder.

    Raises
    ------
    OutputExistsError
        If the name is taken and ``replace`` is False.
    ExportError
        If the folder cannot be renamed.
    """
    aside = None
    try:
        if os.path.lexists(final):
            if not replace:
                raise taken(final)
            aside = temporary.with_suffix(_ASIDE)
            final.rename(aside)
        try:
            temporary.rename(final)
        except OSError:
            if aside is not None:
                aside.rename(final)
            raise
        if aside is not None:
            _remove_all(aside)
    except ExportError:
        raise
    except OSError as error:
        raise ExportError(f"{final} cannot be given its name: {why(error)}.") from error


_ASIDE = ".old"


def restore_folder(final: Path) -> None:
    """Put back a folder that was being replaced when the machine stopped; remove it if the new one is there."""
    start = temporary_path(final).name.rsplit(".", 2)[0]
    for aside in sorted(path for path in final.parent.glob(".*" + _ASIDE) if path.name.rsplit(".", 2)[0] == start):
        if os.path.lexists(final):
            _remove_all(aside)
        else:
            aside.rename(final)


def _remove_all(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a temporary file, or a folder with its contents.

    Raises
    ------
    ExportError
        If it exists and cannot be removed.
    """
    try:
        if os.path.lexists(path):
            _remove_all(path)
    except OSError as error:
        raise ExportError(f"The temporary file {path} cannot be removed: {why(error)}.") from error
