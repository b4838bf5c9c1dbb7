"""How an output was made: what is stored in it and in the ledger."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from napari_batch_prediction import __version__
from napari_batch_prediction.batch.job import BatchJob
from napari_batch_prediction.export.settings import Export

# What does not change the values of an output.
_WHERE = {"folder", "name", "internal_path", "format"}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder with their names, in hexadecimal."""
    if path.is_dir():
        total = hashlib.sha256()
        for item in sorted(item for item in path.rglob("*") if item.is_file()):
            total.update(f"{item.relative_to(path).as_posix()}\0{file_hash(item)}\n".encode())
        return total.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_size(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    if path.is_dir():
        return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
    return path.stat().st_size


def versions() -> dict[str, str]:
    """Return the versions of what computes a prediction."""
    return {"napari-batch-prediction": __version__, **{name: version(name) for name in ("numpy", "numba", "h5py")}}


def made_with(job: BatchJob, export: Export, classifier_hash: str) -> str:
    """Return, as JSON, the classifier and the settings that the values of an output depend on."""
    settings = {key: value for key, value in export.model_dump(mode="json").items() if key not in _WHERE}
    inputs = {key: value for key, value in job.model_dump(mode="json").items() if key.startswith("input_")}
    return json.dumps(
        {
            "classifier": job.classifier.name,
            "classifier_sha256": classifier_hash,
            "settings": {**settings, **inputs},
            "versions": versions(),
        },
        sort_keys=True,
    )
