"""A project file, opened read-only and without a lock."""

import os
import re
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py

from napari_batch_prediction.disk import refuse_special, require_path
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.formats.content import content_of
from napari_batch_prediction.ilp.limits import MAX_NAME, Limits
from napari_batch_prediction.ilp.project import CLASS_NAMES, PIXEL_CLASSIFICATION, SUPPORTED
from napari_batch_prediction.ilp.reading.group import H5PY_ERRORS, ProjectGroup
from napari_batch_prediction.images.faults import plain_fault

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OLDEST = (0, 6)


class ProjectFile(ProjectGroup):
    """An open project of ilastik 0.6 or newer, and its root group.

    Any number of processes may read the file at once, also while ilastik has it open.

    Attributes
    ----------
    version
        Version of ilastik that saved the project.
    workflow
        ilastik's name of the workflow, for example ``"Pixel Classification"``.

    Raises
    ------
    ProjectError
        If the file is missing, may not be read, is a folder, is not HDF5, is damaged, or is not such a project.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = Path(path)
        require_path(path, ProjectError, "The classifier", "classifier")
        self._file = _open(path)
        try:
            super().__init__(path, self._file, Limits(path))
            self.version = self._read_version()
            self.workflow = self._read_workflow()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def other_workflow(self, expected: str) -> ProjectError:
        """Return the error for a project of another workflow than the expected one."""
        if self.workflow in SUPPORTED:
            return ProjectError(f"{self.path} is a project of the workflow '{self.workflow}', expected '{expected}'.")
        return ProjectError(
            f"{self.path} is a project of the workflow '{self.workflow}', which is not supported. "
            f"Choose a project of one of these workflows: {', '.join(SUPPORTED)}."
        )

    def _read_version(self) -> str:
        stored = self.array("ilastikVersion")
        if stored is None and not any(self.has(name) for name in ("Project", "workflowName", "PixelClassification")):
            raise ProjectError(
                f"{self.path} is an HDF5 file, but not an ilastik project: it has no 'ilastikVersion'. "
                "Choose the file with the ending .ilp that ilastik saved."
            )
        # ilastik 0.5 stored its version as a number, or not at all.
        version = (
            self.text("ilastikVersion", MAX_NAME) if stored is not None and stored.dtype.kind not in "biuf" else "0.5"
        )
        numbers = re.match(r"(\d{1,9})\.(\d{1,9})", version or "")
        if version is None or numbers is None:
            raise self.damaged("ilastikVersion", f"expected a version such as 1.4.1, found {version!r}")
        if (int(numbers[1]), int(numbers[2])) < _OLDEST:
            raise ProjectError(
                f"{self.path} was saved by ilastik {version}, but projects are read from version 0.6 on. Import it "
                "into a new project in ilastik 1.x, train (Live Update on), save, and choose the new file."
            )
        return version

    def _read_workflow(self) -> str:
        name = self.text("workflowName", MAX_NAME)
        if name is None:
            if not self.has("PixelClassification"):
                raise self.damaged("workflowName", "the name of the workflow is missing")
            return PIXEL_CLASSIFICATION
        return CLASS_NAMES.get(name, name)


def _open(path: Path) -> h5py.File:
    if path.is_dir():
        raise ProjectError(f"{path} is a folder. Choose the project file (.ilp) itself.")
    refuse_special(path, ProjectError)
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_SIGNATURE))
    except FileNotFoundError as error:
        raise ProjectError(f"There is no project file {path}. Check the path.") from error
    except PermissionError as error:
        raise ProjectError(f"{path} may not be read. Ask its owner for permission to read it.") from error
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path} cannot be read: {error}.") from error
    if start != _SIGNATURE:
        raise ProjectError(
            f"{path} is not an ilastik project: expected an HDF5 file, but it is {_kind(path)}. "
            "Choose the file with the ending .ilp that ilastik saved."
        )
    try:
        return h5py.File(path, "r", locking=False)
    except H5PY_ERRORS as error:
        raise ProjectError(f"{path} is damaged: {plain_fault(error)}. Take an intact copy of the file.") from error


def _kind(path: Path) -> str:
    if not path.stat().st_size:
        return "empty"
    content = content_of(path)
    if content is None:
        return "of an unknown kind"
    return content if isinstance(content, str) else f"{content.name} (an image)"
