"""Texts in a project, as ilastik stores them."""

from collections.abc import Sequence

import h5py
import numpy as np

_ASCII = h5py.string_dtype("ascii")


def put_text(group: h5py.Group, name: str, text: str) -> None:
    """Store one text, in UTF-8; HDF5 is told that it is ASCII, as ilastik does."""
    group.create_dataset(name, data=text.encode(), dtype=_ASCII)


def put_texts(group: h5py.Group, name: str, texts: Sequence[str]) -> h5py.Dataset:
    """Store a list of texts."""
    return group.create_dataset(name, data=np.array([text.encode() for text in texts], object), dtype=_ASCII)


def put_storage_version(group: h5py.Group, version: str) -> None:
    """Store the version of a group, without which ilastik ignores the group."""
    group["StorageVersion"] = version
