"""Members of a project, reached by links that stay in the file, and stored in the file."""

import h5py

# Soft links on the way to a member, beyond which they are taken for a circle; ilastik writes none.
_MAX_LINKS = 16


class ElsewhereError(Exception):
    """A member is in another file."""


def own_member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """Return a member of a group, or None if there is none. No other file is opened.

    Raises
    ------
    ElsewhereError
        If a link on the way leads to another file, or the values of the dataset are in other files.
    """
    item, parts, n_links = group, name.split("/"), 0
    if name.startswith("/"):
        item = group.file["/"]
    while parts:
        part = parts.pop(0)
        if part in ("", "."):
            continue
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise ElsewhereError(f"a link to the file '{link.filename[:200]}'")
        if isinstance(link, h5py.SoftLink):
            n_links += 1
            if n_links > _MAX_LINKS:
                raise ElsewhereError("links in a circle")
            parts = link.path.split("/") + parts
            item = group.file["/"] if link.path.startswith("/") else item
        else:
            item = item[part]
    if isinstance(item, h5py.Dataset):
        _check_storage(item)
    return item


def _check_storage(dataset: h5py.Dataset) -> None:
    # Nothing else may be asked of a virtual dataset before: HDF5 may open its sources to tell its shape.
    properties = dataset.id.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        raise ElsewhereError("a virtual dataset")
    if properties.get_external_count() > 0:
        raise ElsewhereError("values in another file (external storage)")
