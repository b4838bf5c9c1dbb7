"""Whether the files of an image are what they were when it was opened."""

import os
import stat
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path

from napari_batch_prediction.disk import state_of
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.stores import is_everywhere
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Location, StackOf
from napari_batch_prediction.planning.inputs.opening import full_location

# Of folders with more files only the names and inodes are compared, which takes no look at each file.
_MOST_STATES = 20_000

# What is below belongs to other images, and may be an output.
_LABELS = "labels"

States = Mapping[Path, Hashable]
"""A value for each file or folder of an image, which differs once it has changed."""


def states(job: BatchJob, location: Location, image: Image) -> States:
    """Return the states of all files of an input; see :func:`states_of`."""
    return states_of(full_location(job, location), image)


def states_of(full: Location, image: Image) -> States:
    """Return the states of all files of an image: size, time of change and inode; none for an image in memory.

    The state of an array that is a folder is that of all files in it.
    """
    if isinstance(full, StackOf):
        places = {(file.path, file.dataset or "") for file in full.files}
    else:
        places = {(path, image.dataset) for path in full.paths}
    places |= {(path, "") for path in image.parts}
    return dict(_state(path, dataset) for path, dataset in places)


def check_unchanged(before: States, now: States, location: Location) -> None:
    """Raise an error if files of an image have changed while it was read.

    Raises
    ------
    ImageReadError
        If one has.
    """
    changed = [path for path, state in before.items() if now.get(path) != state]
    if changed:
        gone = not changed[0].exists()
        raise ImageReadError(
            f"'{location}' changed while it was read: '{changed[0]}' is {'gone' if gone else 'not what it was'}, and "
            "pixels of before may be mixed with others. Run it again once nothing writes to it.",
            path=changed[0],
        )


def _state(path: Path, dataset: str) -> tuple[Path, Hashable]:
    """Return the state of a file, or of the folder of an array in a store, with its path."""
    try:
        state = path.stat()
        if not stat.S_ISDIR(state.st_mode):
            return path, state_of(state)
        path /= dataset
        return path, _of_folder(path)
    except (OSError, ValueError):
        return path, None


def _of_folder(folder: Path) -> Hashable:
    # A sum does not depend on the order in which the disk lists the files.
    names = n_files = 0
    few: list[os.DirEntry[str]] = []
    for entry in _files(folder):
        n_files += 1
        names += hash((entry.path, entry.inode()))
        if n_files <= _MOST_STATES:
            few.append(entry)
    if n_files > _MOST_STATES:
        return n_files, names
    return n_files, names, sum(hash((entry.path, state_of(entry.stat()))) for entry in few)


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    pending = [os.fspath(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    pending += [] if entry.name == _LABELS else [entry.path]
                elif not is_everywhere(entry.name):
                    yield entry
