"""Provenance of outputs: the stamp stored in them, and hashes and versions for the ledger."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from napari_batch_prediction import PROGRAM, __version__
from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.images.second import MASK, ROLES
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.region import shortest
from napari_batch_prediction.planning.inputs.opening import input_settings
from napari_batch_prediction.records.ledger import Written

# Settings that do not change the values of an output.
_WHERE = {"folder", "name", "internal_path", "format", "compression"}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measure(paths: Sequence[Path]) -> Written:
    """Return size and hash of an output: a file, a folder with all its files, or several files."""
    if len(paths) == 1 and paths[0].is_file():
        return Written(tuple(paths), paths[0].stat().st_size, file_hash(paths[0]))
    total, size = hashlib.sha256(), 0
    for path in paths:
        for item in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if item.is_file():
                total.update(f"{item.relative_to(path.parent).as_posix()}\0{file_hash(item)}\n".encode())
                size += item.stat().st_size
    return Written(tuple(paths), size, total.hexdigest())


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of this program and of the libraries that compute a prediction."""
    return {PROGRAM: __version__, **{name: _version(name) for name in ("numpy", "numba", "h5py")}}


def _version(library: str) -> str:
    """Return the version of a library, by the name of the folder with its metadata: reading these takes 5 ms."""
    spec = find_spec(library)
    if spec is not None and spec.origin is not None:
        found = [path.stem for path in Path(spec.origin).parents[1].glob(f"{library}-*.dist-info")]
        if len(found) == 1:
            return found[0].removeprefix(f"{library}-")
    from importlib.metadata import version

    return version(library)


def _own(source: Source) -> dict[str, object]:
    """Return the settings that a source has without being told."""
    return {"dtype": source.dtype.name, "input_range": source.value_range}


def _beside(job: BatchJob, beside: Mapping[str, str]) -> dict[str, object]:
    """Return what a stamp says of second images."""
    ilastik = MASK.field in beside and job.outside_mask == "ilastik"
    return {"beside": dict(beside), **({"outside_mask": job.outside_mask} if ilastik else {})}


def made_with(
    job: BatchJob,
    export: Export,
    source: Source,
    classifier_sha256: str,
    location: str,
    beside: Mapping[str, str] | None = None,
) -> str:
    """Return the stamp of an output as JSON: its classifier, the settings that its values depend on, their meaning.

    Parameters
    ----------
    job, export
        The job, and the settings of one of its exports.
    source
        The source of the export.
    classifier_sha256
        SHA-256 of the classifier's file, in hexadecimal.
    location
        The text of the input's location.
    beside
        The hash of the pixels of each second image of the input, by its field.

    Returns
    -------
    The same text for equal outputs. ``value_range`` is the output's, for readers that display it.
    """
    # Without defaults, so that a setting that comes later changes no text in which it is not used.
    same = {name for name, value in _own(source).items() if getattr(export, name) == value}
    plain = export.model_copy(update={"region": shortest(export.region)})
    settings = plain.model_dump(mode="json", exclude_defaults=True, exclude={"source", *_WHERE, *same})
    own = input_settings(job, location).model_dump(mode="json", exclude={*ROLES})
    return json.dumps(
        {
            "source": source.name,
            "classes": source.classes,
            "class_colors": source.class_colors,
            "is_labels": source.kind == "labels",
            **({"variant": source.variant} if source.variant else {}),
            "value_range": export.output_range or source.value_range,
            "classifier": job.classifier.name,
            "classifier_sha256": classifier_sha256,
            "settings": settings,
            "input": {**own, "stack": job.stack},
            **(_beside(job, beside) if beside else {}),
            **({"objects": job.objects.model_dump(mode="json", exclude_defaults=True)} if source.whole else {}),
            "versions": versions(),
        },
        sort_keys=True,
    )
