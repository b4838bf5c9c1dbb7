"""Files that get their name only when they are whole."""

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_batch_prediction.errors import BatchPredictionError, ExportError, OutputExistsError
from napari_batch_prediction.formats.common.stores import StoreNames

_BLOCK = 2**20


def temporary_path(final: Path, token: str = "") -> Path:
    """Return a new, recognisable hidden name beside ``final`` that no file system finds too long.

    Parameters
    ----------
    final
        The name that the file gets in the end.
    token
        Hexadecimal digits that tell the run by which the file is written.
    """
    start = os.fsencode(final.name)[:200].decode(errors="ignore")
    return final.with_name(f".{start}.{token and f'{token}-'}{secrets.token_hex(4)}.part")


def remove_leftovers(folder: Path, tokens: Iterable[str]) -> None:
    """Remove the temporary files in a folder that runs with these tokens have left; none of them is going on.

    Raises
    ------
    ExportError
        If one cannot be removed.
    """
    name = re.compile(rf"\..*\.(?:{'|'.join(map(re.escape, tokens))})-[0-9a-f]{{8}}\.part", re.DOTALL)
    try:
        items = [*folder.iterdir()]
    except OSError:
        return  # not there, or not to be looked into: nothing was written there
    for item in items:
        if name.fullmatch(item.name):
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
    except BatchPredictionError:
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


def sync(path: Path) -> int:
    """Sync a closed file, or all files below a folder, to the disk; return the number of files."""
    n_files = 0
    for item in path.rglob("*") if path.is_dir() else [path]:
        if item.is_file():
            with item.open("rb+") as file:
                os.fsync(file.fileno())
            n_files += 1
    return n_files


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


def write_whole(path: Path, content: bytes, *, replace: bool, token: str = "") -> None:
    """Write a small file at once.

    Raises
    ------
    ExportError
        If it cannot be written.
    OutputExistsError
        If a file of that name is there and is not to be replaced.
    """
    make_folder(path.parent)
    temporary = temporary_path(path, token)
    try:
        with writing(path):
            with temporary.open("xb") as file:
                file.write(content)
            sync(temporary)
        publish(temporary, path, replace=replace)
    finally:
        remove(temporary)


def equal(first: Path, second: Path) -> bool:
    """Return whether two files, or two folders with all that is in them, are the same; a link is like nothing else."""
    if first.is_symlink() or second.is_symlink() or first.is_dir() != second.is_dir():
        return False
    if first.is_dir():
        names = [sorted(item.name for item in folder.iterdir()) for folder in (first, second)]
        return names[0] == names[1] and all(equal(first / name, second / name) for name in names[0])
    if not (first.is_file() and second.is_file()) or first.stat().st_size != second.stat().st_size:
        return False
    with first.open("rb") as one, second.open("rb") as other:
        return all(block == other.read(_BLOCK) for block in iter(lambda: one.read(_BLOCK), b""))


def keep_own(temporary: Path, final: Path) -> None:
    """Keep a file or folder of an earlier part of the run if it equals the new one.

    Raises
    ------
    OutputExistsError
        If it is something else, which is left as it is.
    """
    with writing(final):
        is_own = equal(temporary, final)
    if not is_own:
        raise OutputExistsError(
            f"{final} is not what this run writes there, and is left as it is. Remove it to have it made again.",
            setting="existing",
            path=final,
        )
    remove(temporary)


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


def publish_folder(temporary: Path, final: Path, *, replace: bool, names: StoreNames | None = None) -> None:
    """Give a whole folder its final name.

    A folder to be replaced is first renamed, and removed once the new folder has its name. If the machine stops in
    between, :func:`restore_folder` finds the old folder.

    Parameters
    ----------
    temporary, final
        The folder, and its name.
    replace
        Whether a folder of that name may be replaced.
    names
        The names of the files that may be replaced with it; any if not given.

    Raises
    ------
    OutputExistsError
        If the name is taken and ``replace`` is False, or something is there that is not of the format.
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
            if aside is not None and names is not None and not aside.is_symlink():
                stranger = names.stranger(aside)
                if stranger is not None:
                    raise not_replaced(final, final / stranger.relative_to(aside))
            temporary.rename(final)
        except (OSError, ExportError):
            if aside is not None:
                aside.rename(final)
            raise
        if aside is not None:
            _remove_all(aside)
    except ExportError:
        raise
    except OSError as error:
        raise ExportError(f"{final} cannot be given its name: {why(error)}.") from error


def not_replaced(folder: Path, stranger: Path) -> OutputExistsError:
    """Return the error about a folder that is not replaced because of a file in it, or because it is no image."""
    what = "is not an image of this format" if stranger == folder else f"holds {stranger}, which is not part of it"
    return OutputExistsError(
        f"{folder} {what}, and is left as it is. Move it away, or choose another name.", setting="name", path=folder
    )


_ASIDE = ".old"


def restore_folder(final: Path) -> None:
    """Put back a folder that was being replaced when the machine stopped; remove it if the new one is there."""
    start = temporary_path(final).name.rsplit(".", 2)[0]
    name = re.compile(rf"{re.escape(start)}\.([0-9a-f]+-)?[0-9a-f]{{8}}{re.escape(_ASIDE)}")
    for aside in sorted(path for path in final.parent.glob(".*" + _ASIDE) if name.fullmatch(path.name)):
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
