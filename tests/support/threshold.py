"""A small classifier for tests of the batch: bright or dark, by the mean of a neighbourhood."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import extents
from napari_batch_prediction.classifiers.base import COUNT_COLUMNS, Classifier, Source
from napari_batch_prediction.classifiers.derived import derived_sources
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.engine.tiles import Context, Memory
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.problems import Problem

BROKEN = 251
NO_MEMORY = 252


class Threshold(Classifier):
    """Two classes, divided at 128: the mean over 3 x 3 pixels of the first channel. One channel, any axes.

    Its density is such that a thousand white pixels are one object.

    An image with the value 251 makes it fail, one with 252 lets it run out of memory: what an unforeseen fault
    in a prediction looks like. ``gate`` is called with every tile before it is predicted.
    """

    def __init__(self, path: Path, structure_tensor: str | None = None) -> None:
        names, colors, single = ("dark", "bright"), ((0, 0, 255), (255, 255, 0)), np.dtype(np.float32)
        sources = (
            Source(
                name="Probabilities", dtype=single, channels=2, channel_names=names, value_range=(0.0, 1.0),
                classes=names, class_colors=colors,
            ),
            Source(
                name="Simple Segmentation", dtype=np.dtype(np.uint8), channel_names=("Simple Segmentation",),
                value_range=(0.0, 2.0), classes=names, class_colors=colors,
            ),
            Source(name="Features", dtype=single, channel_names=("mean",)),
            Source(name="Density", dtype=single, channel_names=("Density",)),
            Source(
                name="Counts", kind="table", dtype=np.dtype(np.float64), channel_names=("Counts",),
                columns=COUNT_COLUMNS, made_from="Density", whole=True,
            ),
        )  # fmt: skip
        description = Description(
            path=path, workflow="Threshold", classes=names, class_colors=colors, n_channels=1, axes="yx",
            sources=tuple(source.name for source in sources),
        )  # fmt: skip
        super().__init__(description, (*sources, *derived_sources(sources[0])))
        self.context = Context(0, 1, 1)
        self.gate = lambda: None
        self.threads: set[str] = set()

    def check(self, axes: str, shape: Sequence[int], dtype: np.dtype | None = None) -> None:
        if extents(axes, shape)["c"] != 1:
            raise ImageMismatchError(f"The image has {extents(axes, shape)['c']} channels. Expected 1.")

    def warnings(self, dtype: np.dtype) -> list[Problem]:
        return [] if dtype == np.uint8 else [Problem("mismatch", f"The image is {dtype}.", severity="warning")]

    def memory(self, sources: Sequence[str]) -> Memory:
        return Memory(4 * sum(self.source(name).channels for name in sources), 8)

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        self.threads.add(threading.current_thread().name)
        self.gate()
        if (block == BROKEN).any():
            raise ZeroDivisionError("the forest is empty")
        if (block == NO_MEMORY).any():
            raise MemoryError("Unable to allocate 8 EiB")
        padded = np.pad(block[0].astype(np.float32), ((0, 0), (1, 1), (1, 1)), "reflect")
        _, height, width = block[0].shape
        total = sum(padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3))
        mean = (total / np.float32(9))[None][(slice(None), *inner)]
        bright = mean / np.float32(255)
        values = {
            "Probabilities": np.concatenate([1 - bright, bright]),
            "Simple Segmentation": (1 + (mean >= 128)).astype(np.uint8),
            "Features": mean,
            "Density": bright / np.float32(1000),
        }
        return {name: values[name] for name in sources}


def whole(image: NDArray, source: str = "Probabilities") -> NDArray:
    """Return the values (y, x, c) of a source for a whole image (y, x)."""
    everything = (slice(0, 1), slice(0, image.shape[0]), slice(0, image.shape[1]))
    values = Threshold(Path()).predict_tile(image[None, None], everything, [source])
    return values[source][:, 0].transpose(1, 2, 0)


def count(image: NDArray, *region: slice) -> float:
    """Return the sum of the density of an image (y, x) over a region, by fractions without any rounding."""
    density = whole(image, "Density")[(*region, ...)]
    return sum(round(value * 2**40) for value in density.astype(float).ravel()) / 2**40


def random_image(*shape: int, seed: int = 0) -> NDArray:
    """Return pixels that never have one of the values that make the classifier fail."""
    return np.random.default_rng(seed).integers(0, 250, shape, dtype=np.uint8)


def save_images(folder: Path, *names: str, shape: tuple[int, ...] = (20, 30)) -> list[Path]:
    """Write random images as NumPy files."""
    paths = [folder / f"{name}.npy" for name in names]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, random_image(*shape, seed=seed))
    return paths


def plan_for(inputs: Sequence[Path | str], *sources: str, **settings: object) -> Plan:
    """Return the checked job of predicting inputs with the threshold."""
    job = {key: settings.pop(key) for key in BatchJob.model_fields if key in settings}
    arrays = settings.pop("arrays", None)
    exports = job.pop("exports", tuple(Export(source=source, **settings) for source in sources or ("Probabilities",)))
    classifier = Path(__file__)  # any file that can be hashed
    return make_plan(
        BatchJob(classifier=classifier, inputs=tuple(map(str, inputs)), exports=exports, **job),
        Threshold(classifier),
        arrays=arrays,
    )


def read(path: Path) -> NDArray:
    with h5py.File(path) as file:
        return np.asarray(file["exported_data"])


def files_in(folder: Path) -> set[str]:
    """Return the names of all files in a folder and its sub-folders, but for the ledgers of runs."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in files if not name.endswith((".ledger.jsonl", ".csv"))}
