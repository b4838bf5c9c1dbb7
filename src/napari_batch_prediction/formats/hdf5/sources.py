"""The other files that a dataset is put together from, checked before anything is read.

HDF5 gives zeros for what is missing, waits for pipes, and follows datasets that are made of each other without an end.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import h5py

from napari_batch_prediction.disk import FileState, state_of
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.hdf5.chunks import check_chunks
from napari_batch_prediction.formats.hdf5.filters import check_filters
from napari_batch_prediction.formats.hdf5.links import MissingError, check_links, existing

_MAX_DEPTH = 8
_MAX_SOURCES = 100_000
_SAME_FILE = "."
# Numbers looked for after the first that is missing.
_MOST_GAP = 1000


class _Needed(NamedTuple):
    """The part of a source that a virtual dataset takes: up to the ends or, if these are empty, a number in all."""

    ends: tuple[int, ...]
    n_values: int

    @classmethod
    def of(cls, properties: h5py.h5p.PropDCID, i: int) -> Self:
        space = properties.get_virtual_srcspace(i)
        if space.get_select_type() == h5py.h5s.SEL_ALL:
            return cls((), _n_selected(properties.get_virtual_vspace(i)))
        try:
            return cls(tuple(int(end) + 1 for end in space.get_select_bounds()[1]), 0)
        except (ValueError, RuntimeError, OverflowError):  # nothing, or anything along a growing dimension
            return cls((0,) * space.get_simple_extent_ndims(), 0)

    def is_in(self, shape: tuple[int, ...]) -> bool:
        if not self.ends:
            return math.prod(shape) == self.n_values
        return len(shape) == len(self.ends) and all(n >= end for n, end in zip(shape, self.ends, strict=True))


def virtual_dimensions(dataset: h5py.Dataset) -> int:
    """Return the number of dimensions of a virtual dataset, which is put together from others; 0 for other datasets."""
    properties = dataset.id.get_create_plist()
    if properties.get_layout() != h5py.h5d.VIRTUAL:
        return 0
    n_sources = properties.get_virtual_count()
    dimensions: int = properties.get_virtual_vspace(0).get_simple_extent_ndims() if n_sources else dataset.ndim
    return dimensions


@dataclass(frozen=True)
class Sources:
    """What a dataset is put together from.

    Attributes
    ----------
    files
        Every further file, with its state (see :func:`state`).
    warnings
        Facts that may make its values partial, as sentences.
    chunk_bytes
        Bytes of the largest chunk that is decoded at once; 0 if nothing is.
    needs_package
        Whether a filter is of the package with further filters.
    """

    files: Mapping[Path, FileState]
    warnings: tuple[str, ...]
    chunk_bytes: int
    needs_package: bool


def check_sources(file: Path, dataset: h5py.Dataset) -> Sources:
    """Check the files and datasets that a dataset is put together from, and the filters of its chunks.

    Parameters
    ----------
    file
        The file.
    dataset
        The dataset. Its shape must not be asked for before.

    Raises
    ------
    ImageReadError
        If a source is missing, is no regular file, is smaller than expected, or is made of the dataset itself, or if a
        filter is not installed.
    """
    check = _Check()
    check.dataset(file, dataset, ())
    return Sources(check.files, tuple(check.warnings), check.chunk_bytes, check.needs_package)


_Above = tuple[tuple[str, str], ...]


class _Check:
    """The check of a dataset and of all that it is put together from."""

    def __init__(self) -> None:
        self.files: dict[Path, FileState] = {}
        self.warnings: list[str] = []
        self.chunk_bytes = 0
        self.needs_package = False
        self._done: set[tuple[str, str]] = set()

    def dataset(self, file: Path, dataset: h5py.Dataset, above: _Above) -> None:
        """Check a dataset, which those ``above`` are made of."""
        properties = dataset.id.get_create_plist()
        if properties.get_layout() != h5py.h5d.VIRTUAL:
            self._raw_files(file, dataset, properties)
            self.needs_package |= check_filters(file, dataset)
            self.chunk_bytes = max(self.chunk_bytes, check_chunks(file, dataset))
            return
        key = (os.path.realpath(file), dataset.name)
        if key in above or len(above) == _MAX_DEPTH:
            raise ImageReadError(
                f"'{above[0][0]}/{above[0][1].strip('/')}' is made of datasets that are made of others, "
                f"{'in a circle' if key in above else f'more than {_MAX_DEPTH} deep'}, at '{file}'. Copy its values "
                "into one dataset.",
                path=file,
            )
        if key in self._done:
            return
        for source, names in self._by_file(file, dataset, properties):
            if source is None:
                self._datasets(file, dataset.file, names, (*above, key))
                continue
            self.files[source] = state_of(source.stat())
            with h5py.File(source, "r") as h5:
                self._datasets(source, h5, names, (*above, key))
        self._done.add(key)
        self._gaps(file, dataset, properties)

    def _by_file(self, file: Path, dataset: h5py.Dataset, properties: h5py.h5p.PropDCID) -> list["_OfFile"]:
        """Return each source file (None for the file itself) and the part that is needed of each dataset in it."""
        count = properties.get_virtual_count()
        if count > _MAX_SOURCES:
            raise ImageReadError(f"'{file}' is put together from {count} parts, expected at most {_MAX_SOURCES}.")
        needed: dict[str, dict[str, set[_Needed]]] = {}
        for i in range(count):
            source, name = properties.get_virtual_filename(i), properties.get_virtual_dsetname(i)
            if _is_counted(source) or _is_counted(name):
                part = _Needed.of(properties, i)
                for one, one_name in self._counted(file, dataset, source, name):
                    needed.setdefault(one, {}).setdefault(one_name, set()).add(part)
                continue
            source, name = source.replace("%%", "%"), name.replace("%%", "%")
            needed.setdefault(source, {}).setdefault(name, set()).add(_Needed.of(properties, i))
        found: list[_OfFile] = []
        missing = []
        for source, names in needed.items():
            try:
                found.append((None if source == _SAME_FILE else existing(file, source, "HDF5_VDS_PREFIX"), names))
            except MissingError:
                missing.append(source)
        if missing:
            raise MissingError(file, missing)
        return found

    def _counted(self, file: Path, dataset: h5py.Dataset, source: str, name: str) -> list[tuple[str, str]]:
        """Return files and datasets whose names are counted up from 0 (``%b``), as many as there are."""

        def numbered(n: int) -> tuple[str, str]:
            return _numbered(source, n), _numbered(name, n)

        n_found = 0
        while n_found < _MAX_SOURCES and _is_there(file, dataset, *numbered(n_found)):
            n_found += 1
        later = next((n for n in range(n_found + 1, n_found + _MOST_GAP) if _is_there(file, dataset, *numbered(n))), 0)
        if n_found == 0 or later:
            missing = [numbered(n) for n in range(n_found, max(later, n_found + 1))]
            if _is_counted(source):
                raise MissingError(file, [one for one, _ in missing])
            raise ImageReadError(
                f"The dataset '{missing[0][1]}', which '{file}' is put together from, is missing. Copy that file "
                "again.",
                path=file,
            )
        self.warnings.append(
            f"'{dataset.name.strip('/')}' in '{file}' is put together from as many parts '{source}/{name.strip('/')}' "
            f"as there are, {n_found} now; whether some at the end are missing cannot be seen."
        )
        return [numbered(n) for n in range(n_found)]

    def _datasets(self, file: Path, h5: h5py.File, names: Mapping[str, set[_Needed]], above: _Above) -> None:
        for name, needed in names.items():
            check_links(h5, name)
            source = h5.get(name)
            if not isinstance(source, h5py.Dataset):
                raise ImageReadError(
                    f"The dataset '{name}' in '{file}', which '{above[-1][0]}' is put together from, is missing. Copy "
                    "that file again.",
                    path=file,
                )
            self.dataset(Path(source.file.filename), source, above)
            if not all(need.is_in(source.shape) for need in needed):
                raise ImageReadError(
                    f"The dataset '{name}' in '{file}', which '{above[-1][0]}' is put together from, has the shape "
                    f"{source.shape}, which is not the expected one. Copy that file again.",
                    path=file,
                )

    def _raw_files(self, file: Path, dataset: h5py.Dataset, properties: h5py.h5p.PropDCID) -> None:
        """Check the files that hold the values of a dataset as they are (external storage)."""
        n_left = dataset.size * dataset.dtype.itemsize if properties.get_external_count() else 0
        for i in range(properties.get_external_count()):
            name, offset, size = properties.get_external(i)
            raw = existing(file, os.fsdecode(name), "HDF5_EXTFILE_PREFIX", beside=False)
            self.files[raw] = state_of(raw.stat())
            n_needed = min(size, n_left)
            n_left -= n_needed
            if (n_bytes := raw.stat().st_size) < offset + n_needed:
                raise ImageReadError(
                    f"'{raw}', which holds values of '{file}', has {n_bytes} bytes, expected {offset + n_needed}. Copy "
                    "it again.",
                    path=raw,
                )
        if n_left:
            raise ImageReadError(
                f"The files that hold the values of '{dataset.name.strip('/')}' in '{file}' are {n_left} bytes short. "
                "Copy its values into one dataset.",
                path=file,
            )

    def _gaps(self, file: Path, dataset: h5py.Dataset, properties: h5py.h5p.PropDCID) -> None:
        """Note that a part of a dataset has no source: its author may mean that, or not."""
        spaces = [properties.get_virtual_vspace(i) for i in range(properties.get_virtual_count())]
        if any(h5py.h5s.UNLIMITED in _selected(space) for space in spaces):
            return
        n_filled = sum(space.get_select_npoints() for space in spaces)
        if n_filled < (total := math.prod(dataset.shape)):
            self.warnings.append(
                f"{total - n_filled} of {total} values of '{dataset.name.strip('/')}' in '{file}' have no source: "
                f"they are read as {dataset.fillvalue}."
            )


_OfFile = tuple[Path | None, Mapping[str, set[_Needed]]]


def _selected(space: h5py.h5s.SpaceID) -> tuple[int, ...]:
    """Return the bounds of a selection, or the sign of one that has none."""
    try:
        return tuple(space.get_select_bounds()[1])
    except (ValueError, RuntimeError, OverflowError):
        return (h5py.h5s.UNLIMITED,)


def _n_selected(space: h5py.h5s.SpaceID) -> int:
    """Return the number of selected values; along a growing dimension, of one block."""
    if h5py.h5s.UNLIMITED not in _selected(space) or not space.is_regular_hyperslab():
        return int(space.get_select_npoints())
    _, _, counts, blocks = space.get_regular_hyperslab()
    return math.prod(n if count == h5py.h5s.UNLIMITED else count * n for count, n in zip(counts, blocks, strict=True))


def _is_counted(name: str) -> bool:
    return "%b" in name.replace("%%", "")


def _numbered(name: str, number: int) -> str:
    return "%".join(part.replace("%b", str(number)) for part in name.split("%%"))


def _is_there(file: Path, dataset: h5py.Dataset, source: str, name: str) -> bool:
    """Return whether a file is there or, if it is the file itself, a dataset in it."""
    if source != _SAME_FILE:
        try:
            existing(file, source, "HDF5_VDS_PREFIX")
        except MissingError:
            return False
        return True
    return name in dataset.file
