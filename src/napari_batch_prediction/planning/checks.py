"""Checks of planned outputs: no two share a file, and no file is replaced without permission."""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.disk import MAX_NAME, shown
from napari_batch_prediction.errors import BatchPredictionError, SettingsError
from napari_batch_prediction.formats.common.files import not_replaced
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Arrays, Location
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.folders import Folder, Folders, absolute_parts, place_problem
from napari_batch_prediction.planning.inputs.second import Beside, hashes_of
from napari_batch_prediction.planning.naming import shared_folder
from napari_batch_prediction.planning.output import OutputPlan, plan_table
from napari_batch_prediction.planning.provenance import made_with
from napari_batch_prediction.problems import Problem


class Checked(NamedTuple):
    """The outputs of an image after their checks.

    Attributes
    ----------
    problems
        Their problems.
    skip
        True if the image is to be skipped, because they exist.
    to_write
        The outputs to write, without those that exist and stay.
    replaced
        The files and folders that exist and will be replaced.
    """

    problems: tuple[Problem, ...]
    skip: bool
    to_write: tuple[OutputPlan, ...]
    replaced: tuple[Path, ...] = ()


class OutputChecks:
    """Checks the outputs of a batch, each against all others and against all inputs.

    Parameters
    ----------
    job, exports
        The job, and its exports.
    classifier_hash
        SHA-256 of the classifier's file, in hexadecimal.
    outputs
        The location of each image, and its outputs.
    parts
        Other files that images are spread over, and those of second images.
    arrays
        Images in memory.
    """

    def __init__(
        self,
        job: BatchJob,
        exports: Sequence[NamedExport],
        classifier_hash: str,
        outputs: Sequence[tuple[Location, Sequence[OutputPlan]]],
        parts: Iterable[Path] = (),
        arrays: Arrays | None = None,
    ) -> None:
        self._job = job
        self._classifier_hash = classifier_hash
        self._arrays = arrays or {}
        # A table needs every image, so that none with existing outputs may be skipped.
        self._makes_table = any(export.is_table for export in exports)
        here = os.getcwd()  # noqa: PTH109
        inputs = [file for location, _ in outputs for file in location.paths]
        read = {absolute_parts(file, here): f"the input {file}" for file in (*parts, *inputs)}
        read[absolute_parts(job.classifier, here)] = f"the classifier {job.classifier}"
        written = [(location, file) for location, plans in outputs for file in _folders_and_names(plans)]
        self.shared_folder = shared_folder(inputs) if inputs else None
        self._folders = Folders([*read, *(file for _, file in written)])
        self._sacred = {self._folders[folder].real_key(name): owner for (folder, name), owner in read.items()}
        self._users: dict[str, Location] = {}
        self._rivals: dict[str, list[Location]] = {}
        for location, (folder, name) in written:
            key = self._folders[folder].key(name)
            if key in self._users:
                self._rivals.setdefault(key, [self._users[key]]).append(location)
            else:
                self._users[key] = location
        # Sorted, so that the files of a folder are found without looking at all.
        self._all = sorted({*self._sacred, *self._users}) if _has_folders(exports) else []

    def name_tables(self, exports: Iterable[NamedExport], *, own: bool) -> dict[str, Path]:
        """Return the file of each table of the batch.

        In its name, ``{stem}`` is that of the classifier. It is in the folder of its export, or in the folder that all
        images share; without either there is no table.

        Parameters
        ----------
        exports
            The exports.
        own
            True if an existing table is of an earlier part of the same run.

        Raises
        ------
        SettingsError
            If a table exists and may not be overwritten, or has the name of another file of the batch.
        """
        tables: dict[str, Path] = {}
        keys: set[str] = set()
        for export in exports:
            path = plan_table(export, self._job.classifier, self.shared_folder) if export.is_table else None
            if path is None:
                continue
            if problem := place_problem(path.parent, path.name) or _too_long(path.name):
                raise SettingsError(f"The table of {export.name}: {problem}", setting=problem.setting)
            folder = self._folders[str(path.parent)]
            key = folder.key(path.name)
            owner = "another table" if key in keys else self._sacred.get(folder.real_key(path.name))
            if owner is None and key in self._users:
                owner = f"an output of {self._users[key]}"
            if owner is not None:
                raise SettingsError(f"The table {path} is also {owner}. Choose another name.", setting="name")
            if path.is_dir():
                raise SettingsError(f"The table {path} is a folder. Choose another name.", setting="name")
            if folder.holds(path.name) and self._job.existing != "overwrite" and not own:
                raise SettingsError(
                    f"The table {path} exists. Remove it, choose another name, or allow overwriting; a table is made "
                    "anew in every run, so it cannot be skipped.",
                    setting="existing",
                    path=path,
                )
            if folder.problem is not None:
                raise SettingsError(str(folder.problem), setting="folder", path=path.parent)
            keys.add(key)
            tables[export.name] = path
        return tables

    def check(
        self,
        location: Location,
        outputs: Sequence[OutputPlan],
        own: frozenset[Path],
        beside: Beside = (),
        *,
        is_sound: bool,
    ) -> Checked:
        """Return the problems of an image's outputs, and those to write.

        Parameters
        ----------
        location
            The image.
        outputs
            Its outputs.
        own
            Outputs that may be there, because an earlier part of the same run made them.
        beside
            Its second images.
        is_sound
            True if the image has no other problem.
        """
        problems: list[Problem] = []
        in_the_way: list[Path] = []
        existing: list[tuple[OutputPlan, Path]] = []
        files = [
            (output, self._folders[folder], name) for output in outputs for folder, name in _folders_and_names([output])
        ]
        for output, folder, name in files:
            exists = folder.holds(name)
            conflict = self._conflict(output, folder, name, exists=exists)
            if exists:
                path = folder.path(name)
                existing.append((output, path))
                if conflict is None and path not in own:
                    in_the_way.append(path)
            rivalry = self._rivalry(location, folder, name)
            problems += [problem for problem in (rivalry, conflict, _too_long(name), folder.problem) if problem]
        if in_the_way and self._job.existing == "error":
            problems.append(_in_the_way(in_the_way))
        if self._job.existing != "skip" or not existing or problems or not is_sound:
            return Checked(tuple(problems), False, tuple(outputs), tuple(path for _, path in existing))
        if location.in_memory:
            # A stamp does not say of which array it is.
            path = existing[0][1]
            text = f"{path} exists, and may be that of another array called {location}. Remove it, or overwrite."
            return Checked((Problem("exists", text, "existing", path),), False, tuple(outputs))
        try:
            hashes = hashes_of(beside, self._arrays)
        except BatchPredictionError as error:
            return Checked((Problem.of(error),), False, tuple(outputs))
        for output, path in existing:
            problems += self._not_the_same(location, output.export, path, hashes)
        there = Counter(output.export.name for output, _ in existing)
        to_write = tuple(output for output in outputs if there[output.export.name] < len(output.file_names))
        skip = not problems and not self._makes_table and not to_write
        return Checked(tuple(problems), skip, to_write)

    def _rivalry(self, location: Location, folder: Folder, name: str) -> Problem | None:
        """Return the problem that another output has the same file; None if there is none."""
        rivals = self._rivals.get(folder.key(name)) if self._rivals else None
        if rivals is None:
            return None
        others = list(rivals)
        others.remove(location)
        also = "another export of it" if others[0] == location else str(others[0])
        path = folder.path(name)
        text = (
            f"{path} is also the output of {also}. Use a name that tells them apart, for "
            "example with {relative}, {parent} or {index}, or with {source} for several exports."
        )
        return Problem("output", text, "name", path)

    def _conflict(self, output: OutputPlan, folder: Folder, name: str, *, exists: bool) -> Problem | None:
        """Return the problem that a name is an input's, or of a file for a folder; None if it is neither."""
        path = folder.path
        if owner := self._sacred.get(folder.real_key(name)):
            text = f"{path(name)} is {owner}, which is never replaced. Choose another name or folder."
        elif exists and (is_folder := path(name).is_dir()) != output.export.format.is_folder:
            text = f"{path(name)} is a {'folder' if is_folder else 'file'}. Choose another name."
        elif output.export.format.is_folder and (inner := self._inside(folder.real_key(name))):
            text = f"{path(name)} holds {inner}. Choose another name or folder."
        elif exists and self._job.existing == "overwrite" and (error := _why_not_replaced(output, path(name))):
            text = str(error)
        else:
            return None
        return Problem("output", text, "name", path(name))

    def _inside(self, key: str) -> str | None:
        """Return the name of another file of the batch in a folder; None if there is none."""
        i = bisect_left(self._all, f"{key}/")
        if i == len(self._all) or not self._all[i].startswith(f"{key}/"):
            return None
        return self._sacred.get(self._all[i]) or f"an output of {self._users[self._all[i]]}"

    def _not_the_same(
        self, location: Location, export: NamedExport, path: Path, beside: Mapping[str, str]
    ) -> Iterator[Problem]:
        """Yield a problem if an existing output is not the one that this job would write."""
        # Only for outputs that exist. A link that leads nowhere has no stamp.
        from napari_batch_prediction.formats.stamp import read_metadata

        stamp = read_metadata(path, export.settings.internal_path).get(PROGRAM)
        if stamp is None:
            text = f"{path} exists, but does not say how it was made. Remove it, or allow overwriting."
        elif stamp != made_with(
            self._job, export.settings, export.source, self._classifier_hash, str(location), beside
        ):
            text = (
                f"{path} exists, but was made by another classifier or with other settings or versions. "
                "Remove it, or allow overwriting."
            )
        else:
            return
        yield Problem("exists", text, "existing", path)


def _folders_and_names(outputs: Iterable[OutputPlan]) -> Iterator[tuple[str, str]]:
    """Yield the folder and the name of each file of outputs."""
    for output in outputs:
        if output.folder is not None:
            folder = str(output.folder)
            for name in output.file_names:
                yield folder, name


def _has_folders(exports: Iterable[NamedExport]) -> bool:
    return any(export.format.is_folder for export in exports if not export.is_table)


def _why_not_replaced(output: OutputPlan, path: Path) -> Exception | None:
    """Return the error that an existing folder is not to be replaced; None if it is an image and nothing else."""
    file_format = output.export.format.file
    if file_format is None or not file_format.store or path.is_symlink():
        return None
    try:
        stranger = load(file_format.store).stranger(path)
    except OSError as error:
        return error
    return None if stranger is None else not_replaced(path, stranger)


def _too_long(name: str) -> Problem | None:
    """Return the problem that a name is too long for file systems; None if it is not."""
    if len(os.fsencode(name)) <= MAX_NAME:
        return None
    return Problem("output", f"The name {shown(name)} is longer than {MAX_NAME} bytes. Choose a shorter one.", "name")


def _in_the_way(paths: Sequence[Path]) -> Problem:
    """Return the problem that outputs exist."""
    exists = f"and {len(paths) - 1} more of its outputs exist" if len(paths) > 1 else "exists"
    text = f"{paths[0]} {exists}. Remove what exists, choose another name, or allow skipping or overwriting."
    return Problem("exists", text, "existing", paths[0])
