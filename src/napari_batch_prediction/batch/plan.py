"""The check before the run: every input opened, every output named, every problem found."""

import os
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import prod
from pathlib import Path
from typing import Self

import numpy as np

from napari_batch_prediction.axes import check_axes, extents
from napari_batch_prediction.batch.exports import NamedExport, named_exports
from napari_batch_prediction.batch.job import BatchJob
from napari_batch_prediction.batch.ledger import LedgerRow, explain
from napari_batch_prediction.batch.provenance import SOFTWARE, file_hash, made_with
from napari_batch_prediction.batch.record import RecordedInput
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.export.formats import find_format
from napari_batch_prediction.export.labels import FOLDER as LABELS
from napari_batch_prediction.export.labels import find_image
from napari_batch_prediction.export.naming import Named, check_template, output_path, shared_folder
from napari_batch_prediction.export.stamp import read_metadata
from napari_batch_prediction.export.transform import make_transform
from napari_batch_prediction.images.base import AxesKnown, Image
from napari_batch_prediction.images.channels import describe_channels
from napari_batch_prediction.images.inputs import expand_inputs, input_file, input_files, input_stem, open_image

# Formats whose files take what their values take.
NOT_COMPRESSED = ("hdf5", "numpy", "n5", "bmp", "pnm", "ppm", "pgm", "pbm")

# The longest name most file systems take, in bytes.
MAX_NAME = 255


@dataclass(frozen=True)
class ImageInfo:
    """What the header of an input says."""

    axes: str
    axes_known: AxesKnown
    shape: tuple[int, ...]
    dtype: np.dtype
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    dataset: str = ""

    @classmethod
    def of(cls, image: Image) -> Self:
        """Return what the header of an open image says."""
        return cls(
            image.axes,
            image.axes_known,
            image.shape,
            image.dtype,
            image.pixel_size,
            image.units,
            image.channel_names,
            image.dataset,
        )

    @property
    def extents(self) -> dict[str, int]:
        """The extent along each of ``t c z y x``; 1 where the image has no such axis."""
        return extents(self.axes, self.shape)


@dataclass(frozen=True)
class PlanRow:
    """One input, what was found in it, and what will be written for it.

    Attributes
    ----------
    input
        The input: a path, or a path with a dataset after it. Patterns are expanded already.
    image
        What its header says; None if it cannot be read.
    outputs
        The file for each export, by its name in :attr:`Plan.exports`.
    files
        The files, or folders, that make up the output of each source: one, or those of a sequence.
    problems
        Why it cannot run, in words; empty if it can.
    warnings
        What may be wrong with the result, in words.
    skip
        All outputs exist, and the job says to leave such inputs out.
    own
        Outputs that exist and may be replaced, because an earlier part of the same run made them.
    kept
        What an earlier part of the same run did for this input, if that holds.
    n_bytes
        Bytes of all values that are written, before compression.
    """

    input: str
    image: ImageInfo | None
    outputs: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skip: bool = False
    own: frozenset[Path] = frozenset()
    kept: LedgerRow | None = None
    n_bytes: int = 0


@dataclass(frozen=True)
class Plan:
    """A checked job.

    Attributes
    ----------
    job, classifier
        The job and its classifier.
    exports
        What is written for every input.
    rows
        One for each input.
    classifier_sha256
        SHA-256 of the classifier's file, in hexadecimal.
    resumed
        Whether this goes on with the run recorded in the job's ledger.
    """

    job: BatchJob
    classifier: Classifier
    exports: tuple[NamedExport, ...]
    rows: tuple[PlanRow, ...]
    classifier_sha256: str
    resumed: bool = False

    @property
    def n_problems(self) -> int:
        """The number of inputs that cannot run."""
        return sum(bool(row.problems) for row in self.rows)


def make_plan(
    job: BatchJob, classifier: Classifier | None = None, earlier: Sequence[RecordedInput] | None = None
) -> Plan:
    """Open every input, name every output and find every problem. Nothing is written.

    Parameters
    ----------
    job
        The job.
    classifier
        The job's classifier if it is loaded already.
    earlier
        The inputs of the recorded run that this goes on with.

    Raises
    ------
    ProjectError
        If the classifier cannot be used.
    SettingsError
        If a source, format or name template is unknown, or no input is given.
    AxesError
        If the axes given for the inputs are not valid.
    """
    if job.input_axes is not None:
        check_axes(job.input_axes)
    classifier = classifier or load_classifier(job.classifier)
    exports = named_exports(job, classifier)
    for _, export, _ in exports:
        check_template(export.name)
        find_format(export.format)
        if not export.internal_path.strip("/ "):
            raise SettingsError("The dataset inside the HDF5 file needs a name, for example 'exported_data'.")
    if earlier is None:
        inputs = expand_inputs(job.inputs, stack=job.stack is not None)
    else:
        inputs = [recorded.input for recorded in earlier]
    if not inputs:
        raise SettingsError("There is no input. Give files, or a pattern that matches some.")
    files = [input_file(location) for location in inputs]
    root = shared_folder(files)
    rows = []
    for i, (location, file) in enumerate(zip(inputs, files, strict=True), start=1):
        named = Named(file, input_stem(location), i, len(inputs), root)
        image, problems = _look_at(location, job, classifier)
        doubts = classifier.doubts(image.dtype) if image is not None else []
        outputs: dict[str, Path] = {}
        parts: dict[str, tuple[Path, ...]] = {}
        n_bytes = 0
        for key, export, source in exports:
            form = find_format(export.format)
            transform = None
            if image is not None:
                try:
                    transform = make_transform(export, source, image.axes, image.extents)
                except SettingsError as error:
                    problems.append(str(error))
            region = {key: transform.region[key] for key in transform.axes} if transform else {}
            if export.into_image:
                store = find_image(Path(location)) or find_image(file)
                if store is None:
                    problems.append(f"{location} is not an OME-Zarr image, so that labels cannot go into it.")
                inside = export.model_copy(update={"folder": (store or file) / LABELS})
                outputs[key] = output_path(inside, source.name, "", named, region)
            else:
                outputs[key] = output_path(export, source.name, form.extension, named, region)
            parts[key] = (outputs[key],)
            if transform is not None:
                n_bytes += prod(transform.shape) * transform.dtype.itemsize
                if problem := form.problem(transform.axes, transform.shape, transform.dtype):
                    problems.append(problem)
                else:
                    parts[key] = form.files(outputs[key], transform.axes, transform.shape, transform.offset)
        own = frozenset[Path]() if earlier is None or not earlier[i - 1].begun else earlier[i - 1].own
        rows.append(PlanRow(location, image, outputs, parts, tuple(problems), tuple(doubts), own=own, n_bytes=n_bytes))
    classifier_hash = file_hash(job.classifier)
    checked = _check_space(_check_outputs(rows, job, exports, classifier_hash), exports)
    return Plan(job, classifier, exports, checked, classifier_hash, resumed=earlier is not None)


def _look_at(location: str, job: BatchJob, classifier: Classifier) -> tuple[ImageInfo | None, list[str]]:
    """Open an input; return what it says and why it cannot be predicted."""
    info = None
    try:
        with open_image(location, job.input_axes, stack=job.stack, channels=job.channels) as image:
            info = ImageInfo.of(image)
        classifier.check(info.axes, info.shape)
    except Exception as error:  # whatever is wrong with one file, the others are to be looked at
        reason = explain(error)[0]
        if info is not None and info.channel_names and info.extents["c"] > classifier.n_channels:
            reason += f" Or choose among its channels: {describe_channels(info.channel_names)}."
        return info, [reason]
    return info, []


def _check_outputs(
    rows: list[PlanRow], job: BatchJob, exports: Sequence[NamedExport], classifier_hash: str
) -> tuple[PlanRow, ...]:
    """Return the rows with the problems of their outputs added."""
    inputs = [file for row in rows for file in input_files(row.input)]
    sacred = {_same(Path(os.path.realpath(file))): f"the input {file}" for file in inputs}
    sacred[_same(Path(os.path.realpath(job.classifier)))] = f"the classifier {job.classifier}"
    users: dict[str, list[str]] = {}
    for row in rows:
        for path in _files(row):
            users.setdefault(_same(path), []).append(row.input)
    folders: dict[Path, str] = {}
    formats = [find_format(export.format) for _, export, _ in exports]
    folders_wanted = {
        path
        for row in rows
        for form, paths in zip(formats, row.files.values(), strict=True)
        for path in paths
        if form.is_folder
    }

    checked = []
    for row in rows:
        problems = list(row.problems)
        existing = {path for path in _files(row) if os.path.lexists(path)}
        for path in _files(row):
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
                problems.append(f"{path} exists. Remove it, choose another name, or allow skipping or overwriting.")
            if len(os.fsencode(path.name)) > MAX_NAME:
                problems.append(f"The name {path.name} is longer than {MAX_NAME} bytes. Choose a shorter one.")
            if folders[path.parent]:
                problems.append(folders[path.parent])
        skip = job.existing == "skip" and not problems and len(existing) == len(_files(row))
        if job.existing == "skip" and not problems:
            problems += _not_the_same(row, job, exports, classifier_hash)
            skip = skip and not problems
        checked.append(replace(row, problems=tuple(dict.fromkeys(problems)), skip=skip))
    return tuple(checked)


def _check_space(rows: Sequence[PlanRow], exports: Sequence[NamedExport]) -> tuple[PlanRow, ...]:
    """Return the rows with problems where the disk is too small, and doubts where only compression can help."""
    plain = [export.format.lower().removesuffix(" sequence") in NOT_COMPRESSED for _, export, _ in exports]
    free: dict[int, int] = {}
    checked = []
    for row in rows:
        if row.problems or row.skip or not row.outputs:
            checked.append(row)
            continue
        folder = _nearest(next(iter(row.outputs.values())).parent)
        device = folder.stat().st_dev
        if device not in free:
            free[device] = shutil.disk_usage(folder).free
        free[device] -= row.n_bytes
        if free[device] >= 0:
            checked.append(row)
            continue
        said = f"The disk of {folder} may be too small for this and the outputs before it: {_gigabytes(-free[device])} "
        if not all(plain):
            doubt = f"{said}are missing before compression."
            checked.append(replace(row, warnings=(*row.warnings, doubt)))
        else:
            problem = f"{said}are missing. Choose another folder, or a compressed format."
            checked.append(replace(row, problems=(problem,)))
    return tuple(checked)


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"


def _nearest(folder: Path) -> Path:
    """Return the folder, or the deepest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place) or place == place.parent)


def _not_the_same(row: PlanRow, job: BatchJob, exports: Sequence[NamedExport], classifier_hash: str) -> list[str]:
    """Return which existing outputs cannot be taken for those of this job."""
    problems = []
    for (_, export, _), files in zip(exports, row.files.values(), strict=True):
        for path in files:
            if not path.exists():
                continue
            made = read_metadata(path, export.internal_path).get(SOFTWARE)
            if made is None:
                problems.append(f"{path} exists, but does not say how it was made. Remove it, or allow overwriting.")
            elif made != made_with(job, export, classifier_hash):
                problems.append(
                    f"{path} exists, but was made by another classifier or with other settings or versions. "
                    "Remove it, or allow overwriting."
                )
    return problems


def _files(row: PlanRow) -> list[Path]:
    return list(chain.from_iterable(row.files.values()))


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
