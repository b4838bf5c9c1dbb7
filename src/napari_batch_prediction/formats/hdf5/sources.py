"""The other files that a dataset is put together from, checked before anything is read.

HDF5 gives zeros for what is missing, waits for pipes, and follows datasets that are made of each other without an end.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import h5py

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import ImageReadError

_MAX_DEPTH = 8
_MAX_SOURCES = 100_000
_SAME_FILE = "."


class _Needed(NamedTuple):
    """The part of a source that a virtual dataset takes: up to the ends or, if these are empty, a number in all."""

    ends: tuple[int, ...]
    n_values: int

    @classmethod
    def of(cls, properties: h5py.h5p.PropDCID, i: int) -> Self:
        space = properties.get_virtual_srcspace(i)
        if space.get_select_type() == h5py.h5s.SEL_ALL:
            return cls((), properties.get_virtual_vspace(i).get_select_npoints())
        try:
            return cls(tuple(int(end) + 1 for end in space.get_select_bounds()[1]), 0)
        except (ValueError, RuntimeError, OverflowError):  # nothing, or anything along a growing dimension
            return cls((0,) * space.get_simple_extent_ndims(), 0)

    def is_in(self, shape: tuple[int, ...]) -> bool:
        if not self.ends:
            return math.prod(shape) == self.n_values
        return len(shape) == len(self.ends) and all(n >= end for n, end in zip(shape, self.ends, strict=True))


def check_links(file: Path, h5: h5py.File, name: str) -> None:
    """Check the files that links on the way to a dataset lead to.

    Raises
    ------
    ImageReadError
        If one is missing or no regular file.
    """
    item: object = h5
    for part in name.strip("/").split("/"):
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None:
            return
        if isinstance(link, h5py.ExternalLink):
            _existing(file, link.filename, "HDF5_EXT_PREFIX")
        item = item.get(part) if isinstance(item, h5py.Group) else None


def virtual_dimensions(dataset: h5py.Dataset) -> int:
    """Return the number of dimensions of a virtual dataset, which is put together from others; 0 for other datasets."""
    properties = dataset.id.get_create_plist()
    if properties.get_layout() != h5py.h5d.VIRTUAL:
        return 0
    n_sources = properties.get_virtual_count()
    dimensions: int = properties.get_virtual_vspace(0).get_simple_extent_ndims() if n_sources else dataset.ndim
    return dimensions


def check_sources(file: Path, dataset: h5py.Dataset) -> None:
    """Check the files and datasets that a dataset is put together from.

    Parameters
    ----------
    file
        The file.
    dataset
        The dataset. Its shape must not be asked for before.

    Raises
    ------
    ImageReadError
        If a source is missing, is no regular file, is smaller than expected, or is made of the dataset itself.
    """
    _check(file, dataset, ())


def _check(file: Path, dataset: h5py.Dataset, above: tuple[tuple[str, str], ...]) -> None:
    properties = dataset.id.get_create_plist()
    if properties.get_layout() != h5py.h5d.VIRTUAL:
        _check_raw_files(file, dataset, properties)
        return
    key = (os.path.realpath(file), dataset.name)
    if key in above or len(above) == _MAX_DEPTH:
        raise ImageReadError(
            f"'{above[0][0]}/{above[0][1].strip('/')}' is made of datasets that are made of others, "
            f"{'in a circle' if key in above else f'more than {_MAX_DEPTH} deep'}, at '{file}'. Copy its values into "
            "one dataset.",
            path=file,
        )
    for source, names in _by_file(file, properties):
        if source is None:
            _check_datasets(file, dataset.file, names, (*above, key))
            continue
        with h5py.File(source, "r") as h5:
            _check_datasets(source, h5, names, (*above, key))


def _by_file(file: Path, properties: h5py.h5p.PropDCID) -> Iterator[tuple[Path | None, dict[str, set[_Needed]]]]:
    """Yield each source file (None for the file itself) and the part that is needed of each dataset in it."""
    count = properties.get_virtual_count()
    if count > _MAX_SOURCES:
        raise ImageReadError(f"'{file}' is put together from {count} parts, expected at most {_MAX_SOURCES}.")
    needed: dict[str, dict[str, set[_Needed]]] = {}
    for i in range(count):
        source, name = properties.get_virtual_filename(i), properties.get_virtual_dsetname(i)
        if "%" in (source + name).replace("%%", ""):
            raise ImageReadError(
                f"'{file}' is put together from any number of datasets ('{source}', '{name}'), so that a missing one "
                "goes unnoticed. Copy its values into one dataset.",
                path=file,
            )
        source, name = source.replace("%%", "%"), name.replace("%%", "%")
        needed.setdefault(source, {}).setdefault(name, set()).add(_Needed.of(properties, i))
    for source, names in needed.items():
        yield None if source == _SAME_FILE else _existing(file, source, "HDF5_VDS_PREFIX"), names


def _check_datasets(
    file: Path, h5: h5py.File, names: dict[str, set[_Needed]], above: tuple[tuple[str, str], ...]
) -> None:
    for name, needed in names.items():
        check_links(file, h5, name)
        source = h5.get(name)
        if not isinstance(source, h5py.Dataset):
            raise ImageReadError(
                f"The dataset '{name}' in '{file}', which '{above[-1][0]}' is put together from, is missing. Copy that "
                "file again.",
                path=file,
            )
        _check(file, source, above)
        if not all(need.is_in(source.shape) for need in needed):
            raise ImageReadError(
                f"The dataset '{name}' in '{file}', which '{above[-1][0]}' is put together from, has the shape "
                f"{source.shape}, which is not the expected one. Copy that file again.",
                path=file,
            )


def _check_raw_files(file: Path, dataset: h5py.Dataset, properties: h5py.h5p.PropDCID) -> None:
    """Check the files that hold the values of a dataset as they are (external storage)."""
    n_left = dataset.size * dataset.dtype.itemsize if properties.get_external_count() else 0
    for i in range(properties.get_external_count()):
        name, offset, size = properties.get_external(i)
        raw = _existing(file, os.fsdecode(name), "HDF5_EXTFILE_PREFIX", beside=False)
        n_needed = min(size, n_left)
        n_left -= n_needed
        if (n_bytes := raw.stat().st_size) < offset + n_needed:
            raise ImageReadError(
                f"'{raw}', which holds values of '{file}', has {n_bytes} bytes, expected {offset + n_needed}. Copy it "
                "again.",
                path=raw,
            )


def _existing(file: Path, name: str, prefix: str, *, beside: bool = True) -> Path:
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
    raise ImageReadError(
        f"The file '{name}', which '{file}' is put together from, is missing. Copy it to the same folder.", path=file
    )
