"""What a plan checks of its outputs: names, folders, what exists already, room on the disk."""

import os
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.formats.stamp import read_metadata
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.naming import Named, output_path, shared_folder
from napari_batch_prediction.planning.provenance import SOFTWARE, made_with
from napari_batch_prediction.planning.rows import PlanRow

# The longest name most file systems take, in bytes.
MAX_NAME = 255


def name_tables(
    job: BatchJob, exports: Sequence[NamedExport], rows: Sequence[PlanRow], *, own: bool
) -> dict[str, Path]:
    """Return the file of each table of the batch.

    In its name ``{stem}`` is that of the classifier. It lies in the folder of its export, or in the one that all
    images share; without either there is none.

    Parameters
    ----------
    job, exports, rows
        The plan.
    own
        Whether a table that exists is of an earlier part of the same run.

    Raises
    ------
    SettingsError
        If a table exists and may not be overwritten, or has the name of another file of the batch.
    """
    files = [file for row in rows for file in row.location.paths]
    root = shared_folder(files) if files else None
    used = {_same(path): f"an output of {row.input}" for row in rows for path in row.all_files}
    used |= {_same(file): f"the input {file}" for file in files}
    tables: dict[str, Path] = {}
    for key, export, source in exports:
        folder = export.folder or root
        if source.kind != "table" or folder is None:
            continue
        stem = job.classifier.stem
        named = Named(folder / job.classifier.name, stem, 1, 1, folder)
        path = tables[key] = output_path(export, source.name, find_format(export.format).extension, named, {})
        if owner := used.get(_same(path)):
            raise SettingsError(f"The table {path} is also {owner}. Choose another name.")
        used[_same(path)] = "another table"
        if path.is_dir():
            raise SettingsError(f"The table {path} is a folder. Choose another name.")
        if os.path.lexists(path) and job.existing != "overwrite" and not own:
            raise SettingsError(
                f"The table {path} exists. Remove it, choose another name, or allow overwriting; a table is made "
                "anew in every run, so it cannot be skipped."
            )
        if problem := _folder_problem(path.parent):
            raise SettingsError(problem)
    return tables


def check_outputs(
    rows: Sequence[PlanRow], job: BatchJob, exports: Sequence[NamedExport], classifier_hash: str
) -> list[PlanRow]:
    """Return the rows with the problems of their outputs added, and with those to be skipped marked."""
    inputs = [file for row in rows for file in row.location.paths]
    sacred = {_same(Path(os.path.realpath(file))): f"the input {file}" for file in inputs}
    sacred[_same(Path(os.path.realpath(job.classifier)))] = f"the classifier {job.classifier}"
    users: dict[str, list[str]] = {}
    for row in rows:
        for path in row.all_files:
            users.setdefault(_same(path), []).append(row.input)
    folders: dict[Path, str] = {}
    by_key = {key: export for key, export, _ in exports}
    makes_table = any(source.kind == "table" for _, _, source in exports)
    folders_wanted = {
        path
        for row in rows
        for key in row.outputs
        for path in row.files(key)
        if find_format(by_key[key].format).is_folder
    }

    checked = []
    for row in rows:
        problems = list(row.problems)
        in_the_way: list[Path] = []
        existing = {path for path in row.all_files if os.path.lexists(path)}
        for path in row.all_files:
            if path.parent not in folders:
                folders[path.parent] = _folder_problem(path.parent)
            others = list(users[_same(path)])
            others.remove(row.input)
            if others:
                also = "another export of it" if others[0] == row.input else others[0]
                problems.append(
                    f"{path} is also the output of {also}. Use a name that tells them apart, for "
                    "example with {relative}, {parent} or {index}, or with {source} for several exports."
                )
            if owner := sacred.get(_same(Path(os.path.realpath(path)))):
                problems.append(f"{path} is {owner}, which is never replaced. Choose another name or folder.")
            elif path in existing and path.is_dir() != (path in folders_wanted):
                kind = "folder" if path.is_dir() else "file"
                problems.append(f"{path} is a {kind}. Choose another name.")
            elif path in existing and job.existing == "error" and path not in row.own:
                in_the_way.append(path)
            if len(os.fsencode(path.name)) > MAX_NAME:
                problems.append(f"The name {path.name} is longer than {MAX_NAME} bytes. Choose a shorter one.")
            if folders[path.parent]:
                problems.append(folders[path.parent])
        if in_the_way:
            exists = f"and {len(in_the_way) - 1} more of its outputs exist" if len(in_the_way) > 1 else "exists"
            problems.append(
                f"{in_the_way[0]} {exists}. Remove what exists, choose another name, or allow skipping or overwriting."
            )
        skip = False
        if job.existing == "skip" and existing and not problems:
            problems += _not_the_same(row, job, exports, classifier_hash)
            # A table needs every image, also one whose outputs are there.
            skip = not problems and not makes_table and len(existing) == len(row.all_files)
        checked.append(replace(row, problems=tuple(dict.fromkeys(problems)), skip=skip))
    return checked


def check_space(rows: Sequence[PlanRow], exports: Sequence[NamedExport]) -> list[PlanRow]:
    """Return the rows with problems where the disk is too small, and warnings where only compression can help."""
    plain = [_takes_it_all(export) for _, export, source in exports if source.kind != "table"]
    free: dict[int, int] = {}
    # Thousands of images share few folders.
    devices: dict[Path, tuple[Path, int]] = {}
    checked = []
    for row in rows:
        if row.problems or row.skip or not row.outputs:
            checked.append(row)
            continue
        parent = next(iter(row.outputs.values())).parent
        if parent not in devices:
            folder = _nearest(parent)
            devices[parent] = folder, folder.stat().st_dev
        folder, device = devices[parent]
        if device not in free:
            free[device] = shutil.disk_usage(folder).free
        free[device] -= row.n_bytes
        if free[device] >= 0:
            checked.append(row)
            continue
        said = f"The disk of {folder} may be too small for this and the outputs before it: {_gigabytes(-free[device])} "
        if not all(plain):
            warning = f"{said}are missing before compression."
            checked.append(replace(row, warnings=(*row.warnings, warning)))
        else:
            problem = f"{said}are missing. Choose another folder, or a compressed format."
            checked.append(replace(row, problems=(problem,)))
    return checked


def _takes_it_all(export: Export) -> bool:
    """Return whether a file takes as many bytes as its values do."""
    if export.compression is not None:
        return export.compression == "none"
    return not find_format(export.format).compresses_by_default


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"


def _nearest(folder: Path) -> Path:
    """Return the folder, or the deepest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place) or place == place.parent)


def _not_the_same(row: PlanRow, job: BatchJob, exports: Sequence[NamedExport], classifier_hash: str) -> list[str]:
    """Return which existing outputs cannot be taken for those of this job."""
    problems = []
    known: Mapping[str, NamedExport] = {named.name: named for named in exports}
    for key in row.outputs:
        _, export, source = known[key]
        for path in row.files(key):
            if not path.exists():
                continue
            made = read_metadata(path, export.internal_path).get(SOFTWARE)
            if made is None:
                problems.append(f"{path} exists, but does not say how it was made. Remove it, or allow overwriting.")
            elif made != made_with(job, export, source, classifier_hash, row.input):
                problems.append(
                    f"{path} exists, but was made by another classifier or with other settings or versions. "
                    "Remove it, or allow overwriting."
                )
    return problems


def _same(path: Path) -> str:
    """Return a text that is equal for names some file system takes for one: other case, other composition."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _folder_problem(folder: Path) -> str:
    """Return why files cannot be made in a folder, which need not exist yet; empty if they can."""
    nearest = _nearest(folder)
    if not nearest.is_dir():
        return f"The folder {folder} cannot be made: {nearest} is not a folder. Choose another folder."
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"The folder {nearest} cannot be written to. Choose another folder."
    return ""
