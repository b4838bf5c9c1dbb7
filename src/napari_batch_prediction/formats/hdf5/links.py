"""Links in HDF5 files, and the files that another one names, looked at before the library opens them."""

import os
from collections.abc import Sequence
from pathlib import Path

import h5py

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import ImageReadError

_MAX_LINKS = 16
# Names of missing files in a message.
_MOST_NAMED = 3


class MissingError(ImageReadError):
    """Files that another one is put together from are missing."""

    def __init__(self, file: Path, names: Sequence[str]) -> None:
        if len(names) == 1:
            text = f"The file '{names[0]}', which '{file}' is put together from, is missing. Copy it"
        else:
            listed = ", ".join(f"'{name}'" for name in names[:_MOST_NAMED])
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            text = f"The files {listed}{more}, which '{file}' is put together from, are missing. Copy them"
        super().__init__(f"{text} to the same folder.", path=file)


def check_links(group: h5py.Group, name: str, depth: int = 0) -> None:
    """Check the files that links on the way to an object lead to, before the library follows them.

    Parameters
    ----------
    group
        The group that the way starts in.
    name
        The way.
    depth
        The number of links followed before.

    Raises
    ------
    ImageReadError
        If one is missing or no regular file, or links lead to links in a circle.
    """
    if depth > _MAX_LINKS:
        raise ImageReadError(f"'{name}' in '{group.file.filename}' is a link to links without an end.")
    item: object = group["/"] if name.startswith("/") else group
    for part in filter(None, name.split("/")):
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) and part != "." else None
        if not isinstance(item, h5py.Group) or (link is None and part != "."):
            return
        if isinstance(link, h5py.SoftLink):
            check_links(item, link.path, depth + 1)
        elif isinstance(link, h5py.ExternalLink):
            target = existing(Path(item.file.filename), link.filename, "HDF5_EXT_PREFIX")
            with h5py.File(target, "r") as other:
                check_links(other, link.path, depth + 1)
        item = item.get(part)


def existing(file: Path, name: str, prefix: str, *, beside: bool = True) -> Path:
    """Return the regular file that HDF5 takes for a name in a file.

    Parameters
    ----------
    file
        The file that names it.
    name
        The name.
    prefix
        The variable of the environment with a folder where HDF5 looks first.
    beside
        Whether HDF5 looks beside the file, before it looks in the current folder.

    Raises
    ------
    MissingError
        If there is none.
    ImageReadError
        If it is no regular file.
    """
    folders: list[str | Path] = (
        [os.environ.get(prefix, "").replace("${ORIGIN}", str(file.parent))] if os.environ.get(prefix) else []
    )
    candidates = [Path(folder, name) for folder in (*folders, *([file.parent] if beside else []), Path())]
    if Path(name).is_absolute() and beside:
        # HDF5 also finds a file that was moved together with the other.
        candidates += [Path(folder, Path(name).name) for folder in (*folders, file.parent)]
    for candidate in candidates:
        if os.path.lexists(candidate):
            refuse_special(candidate, ImageReadError)
            if candidate.is_file():
                return candidate
    raise MissingError(file, [name])
