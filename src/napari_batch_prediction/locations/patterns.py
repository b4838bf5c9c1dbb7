"""Matching patterns and folders with files, stores and datasets; files inside a store are not matched."""

import os
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch, fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.formats.registry import known_extensions, known_format
from napari_batch_prediction.images.base import reading
from napari_batch_prediction.locations.paths import (
    SplitPath,
    dataset_splits,
    is_store,
    is_true,
    store_format,
    why_no_store,
)


def expand_pattern(text: str, split: SplitPath) -> list[SplitPath] | None:
    """Return the images of a pattern or a folder, in natural order; None if the text names a single image.

    Parameters
    ----------
    text
        The pattern or folder.
    split
        The same, split into file and dataset.

    Raises
    ------
    SettingsError
        If nothing matches.
    """
    if split.kind == "missing":
        if not has_magic(text):
            return None
        matches = _match(Path(text))
        if not matches:
            raise SettingsError(
                f"The pattern '{text}' matches no file. Check its folder and extension. '**' stands for any "
                f"number of folders; relative patterns start at '{Path.cwd()}'."
            )
    elif split.dataset is not None:
        names = _matching_datasets(split.path, split.dataset)
        if not names:
            return None
        matches = [split._replace(dataset=name) for name in names]
    elif split.kind == "folder":
        matches = _images(_walk(split.path, ["*"], set()), only_readable=True)
        if not matches:
            raise SettingsError(
                f"The folder '{text}' holds no image that can be read. Formats that can be read: "
                f"{known_extensions()}. To look into the folders below, give '{split.path / '**'}'."
                f"{why_no_store(split.path)}"
            )
    else:
        return None
    if len(matches) == 1:
        return matches
    from natsort import natsorted, ns  # needs 10 ms

    # Sorted twice, so that names that are equal as numbers, such as a1 and a01, have a fixed order.
    return natsorted(sorted(matches, key=written), key=written, alg=ns.PATH)


def written(split: SplitPath) -> str:
    """Return a file and its dataset as text."""
    return str(split.path) if split.dataset is None else f"{split.path}/{split.dataset}"


def _match(pattern: Path) -> list[SplitPath]:
    matches = _match_files(pattern)
    for files, dataset in dataset_splits(pattern):
        for split in _match_files(files):
            names = _matching_datasets(split.path, dataset)
            # A file without such a dataset is kept: opening it lists the datasets that it has.
            matches += [split._replace(dataset=name) for name in names or [dataset]]
    return matches


def _matching_datasets(file: Path, pattern: str) -> list[str]:
    """Return the datasets of a file that match; none if the pattern is a dataset's name, or the file cannot be read."""
    file_format = known_format(file) or store_format(file)
    if not has_magic(pattern) or file_format is None:
        return []
    try:
        with reading(f"'{file}'"):
            names = file_format.datasets(file)
    except ImageReadError:
        return []  # opening it says so
    return [] if pattern in names else match_datasets(names, pattern, is_flat=file_format.is_flat)


class _Entry(NamedTuple):
    path: Path
    is_file: bool
    is_folder: bool
    is_link: bool

    @property
    def is_image(self) -> bool:
        return self.is_file or (self.is_folder and is_store(self.path))


def _match_files(pattern: Path) -> list[SplitPath]:
    """Return the matching files and stores, without folders and hidden files.

    A pattern that ends with ``**`` matches every file below with a readable extension.

    Parameters
    ----------
    pattern
        Pattern with ``*``, ``?``, ``[...]`` in its parts, and ``**`` for any number of folders. Brackets in the
        names of existing folders mean themselves.
    """
    folder = Path(pattern.anchor)
    rest = list(pattern.parts[1:] if pattern.anchor else pattern.parts)
    while rest and is_true(Path.is_dir, folder / rest[0]):
        folder /= rest.pop(0)
    if rest and rest[-1] == "**":
        return _images(_walk(folder, [*rest, "*"], set()), only_readable=True)
    return _images(_walk(folder, rest, set()))


def _images(entries: Iterator[_Entry], *, only_readable: bool = False) -> list[SplitPath]:
    """Return each entry once; with ``only_readable``, only stores and files with a readable extension."""
    readable = (entry for entry in entries if not only_readable or not entry.is_file or known_format(entry.path))
    images = (SplitPath(entry.path, None, "file" if entry.is_file else "store", entry.is_link) for entry in readable)
    return list(dict.fromkeys(images))


def _walk(folder: Path, parts: Sequence[str], above: set[str]) -> Iterator[_Entry]:
    """Yield the entries below a folder that match the parts of a pattern; folders ``above`` are not entered again."""
    if not parts:
        return
    name, rest = parts[0], parts[1:]
    if name == "**":
        real = os.path.realpath(folder)
        if real in above:  # a link to a folder around it
            return
        yield from _walk(folder, rest, above)
        for entry in _listed(folder, "*"):
            if entry.is_folder and not is_store(entry.path):
                yield from _walk(entry.path, parts, above | {real})
        return
    for entry in _listed(folder, name) if has_magic(name) else [_entry(folder / name)]:
        if entry.is_image:
            if not rest:
                yield entry
        elif rest and entry.is_folder:
            yield from _walk(entry.path, rest, above)


def _listed(folder: Path, pattern: str) -> list[_Entry]:
    """Return the matching entries of a folder, sorted by name, without hidden ones."""
    hidden = pattern.startswith(".")
    matches = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") == hidden and fnmatch(entry.name, pattern):
                    is_file, is_folder = _is_true(entry.is_file), _is_true(entry.is_dir)
                    matches.append(_Entry(folder / entry.name, is_file, is_folder, entry.is_symlink()))
    except OSError:
        return []  # without permission a folder counts as empty
    return sorted(matches, key=lambda entry: entry.path.name)


def _entry(path: Path) -> _Entry:
    return _Entry(path, is_true(Path.is_file, path), is_true(Path.is_dir, path), is_true(Path.is_symlink, path))


def _is_true(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:
        return False  # a link that leads nowhere, or in circles


def match_datasets(names: Sequence[str], pattern: str, *, is_flat: bool = False) -> list[str]:
    """Return the datasets that match a pattern; ``*`` matches one level, ``**`` any number of levels.

    If the names are a flat list, ``*`` matches slashes too.
    """
    if is_flat:
        return [name for name in names if fnmatchcase(name, pattern)]
    return [name for name in names if _matches(name.split("/"), pattern.split("/"))]


def _matches(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])
