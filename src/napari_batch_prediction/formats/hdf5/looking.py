"""Looking at an HDF5 file from a process that must not die: what is in it is asked of another one."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_batch_prediction.disk import file_state
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.helper.asking import Helper, HelperEndedError, NoHelperError

HELPER = Helper("napari_batch_prediction.formats.hdf5.worker")


def look(about: str, file: Path, dataset: str | None = None) -> Any:
    """Return what is in a file.

    Where no other process can be started, this one looks.

    Parameters
    ----------
    about
        The question, a name in :data:`~napari_batch_prediction.formats.hdf5.structure.QUESTIONS`.
    file, dataset
        The file, and the dataset if the question is about one.

    Raises
    ------
    ImageReadError
        If the file is not fit for it, or the library dies of it.
    OSError
        If the file cannot be read.
    """
    question = _question(about, file, dataset)
    try:
        answer = HELPER.ask(question)
        if about == "header" and not is_unchanged(answer["states"][:1]):
            answer = HELPER.ask(question)  # it was foreseen, and the file has changed since
        return answer
    except HelperEndedError as end:
        raise ImageReadError(
            f"'{file}' cannot be read: a process of the HDF5 library, which was to look at it, {end}. The file is "
            "damaged, or of a kind that this library does not survive. Check that it opens in other programs, and "
            "copy or save it again.",
            path=file,
        ) from None
    except NoHelperError:
        from napari_batch_prediction.formats.hdf5.structure import QUESTIONS

        return QUESTIONS[about](file, dataset)


def is_unchanged(states: Iterable[tuple[str, int, int, int]]) -> bool:
    """Return whether files (each its path and state) are as they were when they were looked at."""
    return all(file_state(path) == tuple(state) for path, *state in states)


def prepare() -> None:
    """Start the other process, so that it is ready when it is asked."""
    HELPER.start()


def foresee(file: Path, dataset: str | None) -> None:
    """Have the header of a dataset read that will be asked for soon."""
    HELPER.foresee(_question("header", file, dataset))


def _question(about: str, file: Path, dataset: str | None) -> dict[str, str | None]:
    try:
        folder = os.getcwd()  # noqa: PTH109 - as text
    except OSError:
        folder = None
    return {"about": about, "file": os.fspath(file), "dataset": dataset, "folder": folder}
