"""Finding the datasets in an HDF5 file, through links of every kind."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import h5py

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.hdf5.links import check_links


class _Seen:
    """The objects that were met, by file and address."""

    def __init__(self) -> None:
        self._keys: set[tuple[int, int]] = set()
        # Kept open: a file that is opened again has another number.
        self._files: dict[int, h5py.File] = {}

    def is_new(self, item: object) -> bool:
        """Return whether an object is a dataset or group that was not met before, and note it."""
        if not isinstance(item, h5py.Dataset | h5py.Group):
            return False
        info = h5py.h5o.get_info(item.id)
        if info.fileno not in self._files:
            self._files[info.fileno] = item.file
        key = info.fileno, info.addr
        is_new = key not in self._keys
        self._keys.add(key)
        return is_new


class Found(NamedTuple):
    """A dataset, by one of its paths; ``missing`` says why a link to another file leads nowhere."""

    path: str
    dataset: h5py.Dataset | None
    missing: str = ""


def find_datasets(file: Path, h5: h5py.File) -> Iterator[Found]:
    """Yield every dataset in a file once.

    A dataset with several paths has the first one without a link to a name or into another file; one that is reached
    by such links only has the first of these. Groups that hold each other are entered once. A link to another file
    that leads nowhere is listed as if it led to a dataset, so that nothing is lost without a word.

    Parameters
    ----------
    file
        The file, for messages.
    h5
        The same, opened.
    """
    seen = _Seen()
    links: deque[tuple[h5py.Group, str, str]] = deque()
    yield from _own(h5["/"], "", seen, links)
    while links:
        group, name, path = links.popleft()
        is_external = isinstance(group.get(name, getlink=True), h5py.ExternalLink)
        try:
            check_links(group, name)
            item = group.get(name)
        except (ImageReadError, OSError, RuntimeError) as error:
            if is_external:
                yield Found(path, None, str(error))
            continue
        if item is None:
            if is_external:
                yield Found(path, None, f"'{path}' in '{file}' is a link to what is not there.")
            continue
        if seen.is_new(item):
            if isinstance(item, h5py.Dataset):
                yield Found(path, item)
            elif isinstance(item, h5py.Group):
                yield from _own(item, f"{path}/", seen, links)


def _own(top: h5py.Group, prefix: str, seen: _Seen, links: "deque[tuple[h5py.Group, str, str]]") -> Iterator[Found]:
    """Yield the datasets below a group that its own names lead to, and note links to names and other files."""
    seen.is_new(top)
    # Not by recursion: groups may be nested deeply.
    stack = [(top, prefix, iter(_names(top)))]
    while stack:
        group, prefix, names = stack[-1]
        name = next(names, None)
        if name is None:
            stack.pop()
            continue
        path = f"{prefix}{name}"
        # By the lower functions of h5py: a plan asks this of thousands of files.
        if group.id.links.get_info(name.encode(errors="surrogateescape")).type != h5py.h5l.TYPE_HARD:
            links.append((group, name, path))
            continue
        item = _opened(group, name)
        if item is None or not seen.is_new(item):
            continue
        if isinstance(item, h5py.Dataset):
            yield Found(path, item)
        elif isinstance(item, h5py.Group):
            stack.append((item, f"{path}/", iter(_names(item))))


def _opened(group: h5py.Group, name: str) -> h5py.Dataset | h5py.Group | None:
    """Return a dataset or group in a group; None for a type, and for what cannot be opened."""
    try:
        found = h5py.h5o.open(group.id, name.encode(errors="surrogateescape"))
    except (KeyError, RuntimeError, OSError, ValueError):
        return None
    if isinstance(found, h5py.h5d.DatasetID):
        return h5py.Dataset(found)
    return h5py.Group(found) if isinstance(found, h5py.h5g.GroupID) else None


def _names(group: h5py.Group) -> list[str]:
    """Return the sorted names in a group; h5py gives bytes for those that are not UTF-8."""
    names = (name.decode(errors="surrogateescape") if isinstance(name, bytes) else name for name in group)
    return sorted(names)
