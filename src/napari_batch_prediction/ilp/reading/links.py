"""Members of a project, reached by links that stay in the file, and stored in the file.

A forest has hundreds of members, so all this asks HDF5 by h5py's low-level calls, which take a fifth of the time.
"""

from typing import Any, TypeAlias

import h5py
from h5py import h5d, h5g, h5l, h5o, h5t

# Soft links on the way to a member, beyond which they are taken for a circle; ilastik writes none.
_MAX_LINKS = 16

Member: TypeAlias = h5g.GroupID | h5d.DatasetID | h5t.TypeID
"""A member of a group; ilastik writes no named types."""


class ElsewhereError(Exception):
    """A member is in another file."""


def own_member(group: h5g.GroupID, name: str) -> Member | None:
    """Return a member of a group, or None if there is none. No other file is opened.

    Raises
    ------
    ElsewhereError
        If a link on the way leads to another file, or the values of the dataset are in other files.
    """
    item: Any = group
    parts, n_links = name.split("/"), 0
    if name.startswith("/"):
        item = _root(group)
    while parts:
        part = parts.pop(0)
        if part in ("", "."):
            continue
        key = part.encode()
        if not isinstance(item, h5g.GroupID) or not item.links.exists(key):
            return None
        kind = item.links.get_info(key).type
        if kind == h5l.TYPE_HARD:
            item = h5o.open(item, key)
        elif kind == h5l.TYPE_SOFT:
            n_links += 1
            if n_links > _MAX_LINKS:
                raise ElsewhereError("links in a circle")
            path = item.links.get_val(key).decode("utf-8", "surrogateescape")
            parts = path.split("/") + parts
            item = _root(group) if path.startswith("/") else item
        elif kind == h5l.TYPE_EXTERNAL:
            file = item.links.get_val(key)[0].decode("utf-8", "replace")
            raise ElsewhereError(f"a link to the file '{file[:200]}'")
        else:
            raise TypeError(f"a link of an unknown kind, {kind}")
    if isinstance(item, h5d.DatasetID):
        _check_storage(item)
    found: Member = item
    return found


def opened(member: Member) -> h5py.Group | h5py.Dataset | h5py.Datatype:
    """Return a member as h5py's high-level calls know it."""
    if isinstance(member, h5g.GroupID):
        return h5py.Group(member)
    return h5py.Dataset(member) if isinstance(member, h5d.DatasetID) else h5py.Datatype(member)


def _root(group: h5g.GroupID) -> h5g.GroupID:
    return h5o.open(group, b"/")


def _check_storage(dataset: h5d.DatasetID) -> None:
    # Nothing else may be asked of a virtual dataset before: HDF5 may open its sources to tell its shape.
    properties = dataset.get_create_plist()
    if properties.get_layout() == h5d.VIRTUAL:
        raise ElsewhereError("a virtual dataset")
    if properties.get_external_count() > 0:
        raise ElsewhereError("values in another file (external storage)")
