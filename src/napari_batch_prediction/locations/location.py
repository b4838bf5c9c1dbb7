"""Where on disk an input is: its file, or the folder that is one image, and the dataset in it."""

from collections.abc import Callable
from pathlib import Path

from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.formats.zarr.store import is_zarr


def split(location: str) -> tuple[Path, str | None]:
    """Return the file (or store) and the dataset that a location names; the file need not exist."""
    path = Path(location)
    if is_true(Path.is_file, path):
        return path, None
    for folder in reversed((path, *path.parents)):
        if _has_store_name(folder) and is_true(Path.is_dir, folder):
            return _parts(path, folder)
    if is_true(Path.is_dir, path):
        root = path
        while is_store(root) and is_store(root.parent):
            root = root.parent
        return _parts(path, root)
    for file in path.parents:
        if is_true(Path.is_file, file) or is_store(file):
            return _parts(path, file)
    return next(iter(dataset_splits(path)), (path, None))


def _parts(path: Path, file: Path) -> tuple[Path, str | None]:
    return file, None if path == file else path.relative_to(file).as_posix()


def dataset_splits(path: Path) -> list[tuple[Path, str]]:
    """Return the ways to split a path after a name that can be a file with datasets, outermost first.

    Folders that exist are no such files, whatever their names.
    """
    splits = []
    for file in reversed(path.parents):
        kind = known_format(file)
        if kind is not None and kind.has_datasets and not is_true(Path.is_dir, file):
            splits.append((file, path.relative_to(file).as_posix()))
    return splits


def is_store(folder: Path) -> bool:
    """Say whether a folder that exists is one image, or one file of several, to the user: Zarr or N5."""
    return is_true(Path.is_dir, folder) and (_has_store_name(folder) or is_zarr(folder))


def _has_store_name(folder: Path) -> bool:
    kind = known_format(folder)
    return kind is not None and kind.is_folder


def is_true(test: Callable[[Path], bool], path: Path) -> bool:
    """Apply a test to a path; too long a name, or one without permission, is False. Opening it says so."""
    try:
        return test(path)
    except OSError:
        return False
