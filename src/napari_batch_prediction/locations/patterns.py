"""Patterns and folders, and the files and stores that match; nothing inside a store does."""

import os
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch, fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import NamedTuple

from natsort import natsorted, ns

from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.formats.registry import known_extensions, known_format
from napari_batch_prediction.images.base import reading
from napari_batch_prediction.locations.paths import Place, dataset_splits, is_store, is_true


def expand_pattern(text: str, place: Place) -> list[Place] | None:
    """Return the images that a pattern or a folder stands for, in natural order; None if the text names one image.

    Parameters
    ----------
    text
        The pattern or folder.
    place
        The text, split into file and dataset.

    Raises
    ------
    SettingsError
        If nothing matches.
    """
    if place.kind == "missing":
        if not has_magic(text):
            return None
        matches = _match(Path(text))
        if not matches:
            raise SettingsError(
                f"The pattern '{text}' matches no file. Check its folder and extension. '**' stands for any "
                f"number of folders; relative patterns start at '{Path.cwd()}'."
            )
    elif place.dataset is not None:
        names = _matching_datasets(place.path, place.dataset)
        if not names:
            return None
        matches = [place._replace(dataset=name) for name in names]
    elif place.kind == "folder":
        matches = _places(_walk(place.path, ["*"], set()), only_readable=True)
        if not matches:
            raise SettingsError(
                f"The folder '{text}' holds no image that can be read. Formats that can be read: "
                f"{known_extensions()}. To look into the folders below, give '{place.path / '**'}'."
            )
    else:
        return None
    # Sorted twice: names that are equal as numbers, such as a1 and a01, keep one order everywhere.
    return natsorted(sorted(matches, key=written), key=written, alg=ns.PATH)


def written(place: Place) -> str:
    """Return a file, and the dataset after it, as a user writes them."""
    return str(place.path) if place.dataset is None else f"{place.path}/{place.dataset}"


def _match(pattern: Path) -> list[Place]:
    matches = _match_files(pattern)
    for files, dataset in dataset_splits(pattern):
        for place in _match_files(files):
            names = _matching_datasets(place.path, dataset)
            # A file without such a dataset stays as it is named: opening it says what it has.
            matches += [place._replace(dataset=name) for name in names or [dataset]]
    return matches


def _matching_datasets(file: Path, pattern: str) -> list[str]:
    """Return the datasets of a file that match; none if it has one of that very name, or cannot be read."""
    file_format = known_format(file)
    if not has_magic(pattern) or file_format is None:
        return []
    try:
        with reading(f"'{file}'"):
            names = file_format.datasets(file)
    except ImageReadError:
        return []  # opening it says so
    return [] if pattern in names else match_datasets(names, pattern)


class _Entry(NamedTuple):
    path: Path
    is_file: bool
    is_folder: bool
    is_link: bool

    @property
    def is_image(self) -> bool:
        return self.is_file or (self.is_folder and is_store(self.path))


def _match_files(pattern: Path) -> list[Place]:
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
        return _places(_walk(folder, [*rest, "*"], set()), only_readable=True)
    return _places(_walk(folder, rest, set()))


def _places(entries: Iterator[_Entry], *, only_readable: bool = False) -> list[Place]:
    """Return each entry once; if asked for, only those that can be read by their extension, and stores."""
    readable = (entry for entry in entries if not only_readable or not entry.is_file or known_format(entry.path))
    return list(
        dict.fromkeys(
            Place(path, None, "file" if is_file else "store", is_link) for path, is_file, _, is_link in readable
        )
    )


def _walk(folder: Path, parts: Sequence[str], above: set[str]) -> Iterator[_Entry]:
    """Yield the entries below a folder that the parts of a pattern match, not going into folders ``above`` again."""
    if not parts:
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        real = os.path.realpath(folder)
        if real in above:  # a link to a folder it is in
            return
        yield from _walk(folder, rest, above)
        for entry in _listed(folder, "*"):
            if entry.is_folder and not is_store(entry.path):
                yield from _walk(entry.path, parts, above | {real})
        return
    for entry in _listed(folder, part) if has_magic(part) else _named(folder / part):
        if entry.is_image:
            if not rest:
                yield entry
        elif rest and entry.is_folder:
            yield from _walk(entry.path, rest, above)


def _listed(folder: Path, pattern: str) -> list[_Entry]:
    """Return the entries of a folder that match, sorted by name, without hidden ones."""
    hidden = pattern.startswith(".")
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") == hidden and fnmatch(entry.name, pattern):
                    is_file, is_folder = _is_true(entry.is_file), _is_true(entry.is_dir)
                    found.append(_Entry(folder / entry.name, is_file, is_folder, entry.is_symlink()))
    except OSError:
        return []  # no permission: as if it were not there
    return sorted(found, key=lambda entry: entry.path.name)


def _named(path: Path) -> list[_Entry]:
    return [_Entry(path, is_true(Path.is_file, path), is_true(Path.is_dir, path), is_true(Path.is_symlink, path))]


def _is_true(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:
        return False  # a link that leads nowhere, or in circles


def match_datasets(names: Sequence[str], pattern: str) -> list[str]:
    """Return the datasets that match a pattern; ``*`` stands for one level, ``**`` for any number of levels."""
    return [name for name in names if _matches(name.split("/"), pattern.split("/"))]


def _matches(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])
