"""Run a trained ilastik classifier over many images: in napari, from Python, or on the command line."""

# typing's own, without the 10 ms of importing it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from napari_batch_prediction.api.train import train
    from napari_batch_prediction.classifiers.base import Classifier
    from napari_batch_prediction.classifiers.load import load_classifier
    from napari_batch_prediction.errors import BatchPredictionError
    from napari_batch_prediction.images.base import Image
    from napari_batch_prediction.job.export import Export
    from napari_batch_prediction.job.inputs import InputSettings
    from napari_batch_prediction.job.job import BatchJob
    from napari_batch_prediction.locations.inputs import open_image
    from napari_batch_prediction.planning.plan import Plan
    from napari_batch_prediction.records.ledger import Ledger
    from napari_batch_prediction.running.resume import resume

PROGRAM = "napari-batch-prediction"
"""The name of this program: of its command, of its plugin, and in its outputs."""

__version__ = "0.1.0"

__all__ = [
    "BatchJob",
    "BatchPredictionError",
    "Classifier",
    "Export",
    "Image",
    "InputSettings",
    "Ledger",
    "ObjectSettings",
    "Plan",
    "load_classifier",
    "open_image",
    "resume",
    "train",
]

# Loaded on first use, so that importing the package costs no numpy, no h5py and no pydantic.
_HOMES = {
    "BatchJob": "job.job",
    "BatchPredictionError": "errors",
    "Classifier": "classifiers.base",
    "Export": "job.export",
    "Image": "images.base",
    "InputSettings": "job.inputs",
    "Ledger": "records.ledger",
    "ObjectSettings": "job.objects",
    "Plan": "planning.plan",
    "load_classifier": "classifiers.load",
    "open_image": "locations.inputs",
    "resume": "running.resume",
    "train": "api.train",
}


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
