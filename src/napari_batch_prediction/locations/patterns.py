"""Patterns and folders, and what they match: files and stores, never what is inside a store."""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch, fnmatchcase
from glob import has_magic
from pathlib import Path

from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.locations.location import is_store, is_true


def match_files(pattern: Path) -> list[Path]:
    """Return the files and stores that match, without folders and hidden files.

    A pattern whose last part is ``**`` stands for everything below that can be read, by extension.

    Parameters
    ----------
    pattern
        With ``*``, ``?``, ``[...]`` in its parts, and ``**`` for any number of folders. Folders that exist
        are meant as they are named, even with brackets in their names.
    """
    folder = Path(pattern.anchor)
    rest = list(pattern.parts[1:] if pattern.anchor else pattern.parts)
    while rest and is_true(Path.is_dir, folder / rest[0]):
        folder /= rest.pop(0)
    if rest and rest[-1] == "**":
        found = [path for path in _walk(folder, [*rest, "*"], set()) if _is_readable(path)]
    else:
        found = list(_walk(folder, rest, set()))
    return list(dict.fromkeys(found))


def files_in_folder(folder: Path) -> list[Path]:
    """Return the files and stores directly in a folder that can be read, by extension."""
    return [path for path in _walk(folder, ["*"], set()) if _is_readable(path)]


def _is_readable(path: Path) -> bool:
    # What is no file is a store, with or without an extension.
    return known_format(path) is not None or not is_true(Path.is_file, path)


def _walk(folder: Path, parts: Sequence[str], above: set[str]) -> Iterator[Path]:
    """Yield what the parts of a pattern match below a folder; ``above`` are folders that ``**`` came through."""
    if not parts:
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        real = os.path.realpath(folder)
        if real in above:  # a link to a folder it is in
            return
        yield from _walk(folder, rest, above)
        for path in _listed(folder, "*"):
            if is_true(Path.is_dir, path) and not is_store(path):
                yield from _walk(path, parts, above | {real})
        return
    for path in _listed(folder, part) if has_magic(part) else [folder / part]:
        if is_true(Path.is_file, path) or is_store(path):
            if not rest:
                yield path
        elif rest and is_true(Path.is_dir, path):
            yield from _walk(path, rest, above)


def _listed(folder: Path, pattern: str) -> list[Path]:
    """Return what is in a folder and matches, sorted, without hidden names."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []  # no permission: as if it were not there
    hidden = pattern.startswith(".")
    return [folder / name for name in sorted(names) if fnmatch(name, pattern) and name.startswith(".") == hidden]


def match_datasets(names: Sequence[str], pattern: str) -> list[str]:
    """Return the datasets that match a pattern; ``*`` stands for one level, ``**`` for any number of levels."""
    return [name for name in names if _matches(name.split("/"), pattern.split("/"))]


def _matches(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])
