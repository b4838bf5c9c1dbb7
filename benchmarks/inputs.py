"""Inputs of the measurements: images, features of some of their pixels, all features at ilastik's default scales."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from vigra_client import VigraWorker

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.engine.tiles import Box, Tile
from napari_batch_prediction.features import selection
from napari_batch_prediction.features.selection import FeatureSelection

ROOT = Path(__file__).resolve().parents[1]

BLOB = 16

SCALES = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)


class Setting(NamedTuple):
    """The settings of all measurements.

    Attributes
    ----------
    quick
        True for small inputs and few rounds, to see that everything works.
    rounds
        Number of rounds.
    perf
        The folder with projects and images for speed; None if there is none.
    scratch
        A folder for temporary files.
    vigra
        vigra in its own interpreter; None if it is not installed.
    left_out
        Measurements that were left out, with the reason; filled on the way.
    """

    quick: bool
    rounds: int
    perf: Path | None
    scratch: Path
    vigra: VigraWorker | None
    left_out: list[str]


@contextmanager
def left_out(setting: Setting, package: str) -> Iterator[None]:
    """Note what cannot be measured because a package is not installed, and go on."""
    try:
        yield
    except ImportError as error:
        note = f"{package}: {error}; install it with: pip install --group benchmark"
        if note not in setting.left_out:
            setting.left_out.append(note)


def noise(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return noise, fine and coarse: the time of filters does not depend on the values, but rounding does."""
    random = np.random.default_rng(1)
    coarse = random.integers(0, 200, [-(-extent // BLOB) for extent in shape])
    for axis in range(len(shape)):
        coarse = coarse.repeat(BLOB, axis)
    fine = random.integers(0, 56, shape)
    return (coarse[tuple(map(slice, shape))] + fine).astype(np.float32)


def all_features(in_2d: bool) -> FeatureSelection:
    """Return everything that ilastik's window offers at its default scales: 49 features in 2D, 61 in 3D."""
    # At the smallest scale the window offers smoothing only.
    matrix = tuple(tuple(name == selection.GAUSSIAN or s >= 0.7 for s in SCALES) for name in selection.FEATURE_IDS)
    return FeatureSelection(selection.FEATURE_IDS, SCALES, matrix, (in_2d,) * len(SCALES))


def read_image(path: Path) -> NDArray:
    """Return an image as (c, z, y, x): a grey PNG, or the dataset ``data`` of an HDF5 file."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return file["data"][()][np.newaxis]
    with Image.open(path) as picture:
        return np.asarray(picture)[np.newaxis, np.newaxis]


def mirrored(image: NDArray, length: int) -> NDArray:
    """Return an image (length, length), made of one (y, x) and its mirror images."""
    parts = [-(-length // extent) for extent in image.shape]
    padded = np.pad(image, [(0, (n - 1) * extent) for n, extent in zip(parts, image.shape, strict=True)], "symmetric")
    return np.ascontiguousarray(padded[:length, :length])


def boxes(shape: Sequence[int], size: Sequence[int], counts: Sequence[int]) -> list[Box]:
    """Return boxes of one size (z, y, x), spread evenly over an image: so many along z, y and x."""
    starts = [
        [round((i + 0.5) * extent / n - length / 2) for i in range(n)]
        for extent, length, n in zip(shape, size, counts, strict=True)
    ]
    return [
        (slice(z, z + size[0]), slice(y, y + size[1]), slice(x, x + size[2]))
        for z in starts[0]
        for y in starts[1]
        for x in starts[2]
    ]


def feature_rows(classifier: Classifier, image: NDArray, tiles: Sequence[Box]) -> NDArray[np.float32]:
    """Return the features of all pixels of some boxes, as in the whole image: (pixels, features)."""
    extents = dict(zip("zyx", image.shape[1:], strict=True))
    rows = []
    for tile in tiles:
        around, inner = Tile(0, *tile).with_context(extents, classifier.context)
        values = classifier.predict_tile(image[(slice(None), *around)], inner, ["Features"])["Features"]
        rows.append(values.reshape(len(values), -1).T)
    return np.ascontiguousarray(np.concatenate(rows))
