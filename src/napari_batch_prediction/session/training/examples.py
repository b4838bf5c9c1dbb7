"""Labelled pixels with their features, kept from stroke to stroke: only those of new pixels are computed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.ilp.project import LabelBlock
from napari_batch_prediction.session.training.image import Region, TrainingImage
from napari_batch_prediction.session.work import ShouldCancel
from napari_batch_prediction.training.examples import read_examples
from napari_batch_prediction.training.labelled_image import LabelledImage

# Labels of so many pixels are looked through at a time.
_AT_ONCE = 2**24

# Extents along t, z, y and x of a part of an image of which labels are handed on as one array.
_PART = (1, 16, 256, 256)


@dataclass(frozen=True, eq=False, slots=True)
class ImageExamples:
    """The labelled pixels of an image.

    Attributes
    ----------
    shape
        Extents of the image along t, z, y and x.
    positions
        int64 (n,): the index of each pixel in an array of that shape, ascending.
    labels
        uint8 (n,): the label of each.
    features
        float32 (n, features); None if those of all are still to be computed.
    """

    shape: tuple[int, int, int, int]
    positions: NDArray[np.int64]
    labels: NDArray[np.uint8]
    features: NDArray[np.float32] | None

    @classmethod
    def none_of(cls, shape: tuple[int, int, int, int]) -> "ImageExamples":
        """Return no examples, of an image of this shape."""
        return cls(shape, np.empty(0, np.int64), np.empty(0, np.uint8), None)

    def without_features(self) -> "ImageExamples":
        """Return the same pixels, of which other features are wanted."""
        return replace(self, features=None)

    def with_labels(self, region: Region, positions: NDArray[np.int64], labels: NDArray[np.uint8]) -> "ImageExamples":
        """Return the examples after the labels of a region have changed to these; features of new pixels are NaN."""
        outside = ~self._inside(region)
        old = np.searchsorted(self.positions, positions)
        known = np.zeros(len(positions), bool)
        if len(self.positions):
            known = self.positions[np.minimum(old, len(self.positions) - 1)] == positions
        features = None
        if self.features is not None:
            features = np.full((len(positions), self.features.shape[1]), np.nan, np.float32)
            features[known] = self.features[old[known]]
            features = np.concatenate([self.features[outside], features])
        both = np.concatenate([self.positions[outside], positions])
        order = np.argsort(both, kind="stable")
        return replace(
            self,
            positions=both[order],
            labels=np.concatenate([self.labels[outside], labels])[order],
            features=features[order] if features is not None else None,
        )

    def coordinates(self, of: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return the positions (n, 4) along t, z, y and x of all examples, or of some."""
        positions = self.positions if of is None else self.positions[of]
        return np.stack(np.unravel_index(positions, self.shape), axis=1).astype(np.int64)

    def blocks(self, of: NDArray[np.bool_] | None = None) -> tuple[LabelBlock, ...]:
        """Return the labels of all examples, or of some, as small arrays."""
        coordinates = self.coordinates(of)
        labels = self.labels if of is None else self.labels[of]
        if not len(labels):
            return ()
        grid = [-(-n // size) for n, size in zip(self.shape, _PART, strict=True)]
        # One number for each part is sorted faster than four.
        _, part_of = np.unique(np.ravel_multi_index((coordinates // _PART).T, grid), return_inverse=True)
        order = np.argsort(part_of, kind="stable")
        blocks = []
        for members in np.split(order, np.cumsum(np.bincount(part_of))[:-1]):
            pixels = coordinates[members]
            first, last = pixels.min(0), pixels.max(0)
            array = np.zeros(last - first + 1, np.uint8)
            array[tuple((pixels - first).T)] = labels[members]
            t, z, y, x = map(int, first)
            blocks.append(LabelBlock((t, z, y, x), array))
        return tuple(blocks)

    def _inside(self, region: Region) -> NDArray[np.bool_]:
        inside = np.ones(len(self.positions), bool)
        for along, side in zip(np.unravel_index(self.positions, self.shape), region, strict=True):
            inside &= (along >= side.start) & (along < side.stop)
        return inside


def whole(shape: Sequence[int]) -> Region:
    """Return all of an image."""
    t, z, y, x = (slice(0, n) for n in shape)
    return t, z, y, x


def look_again(
    image: TrainingImage, known: ImageExamples, regions: Sequence[Region], should_cancel: ShouldCancel
) -> ImageExamples:
    """Return the labelled pixels of an image after labels in some regions have changed; features of new ones are NaN.

    It is cut short, with some changes left out, when it has to stop.
    """
    for region in regions:
        for part in _parts(region):
            if should_cancel():
                return known
            labels = image.labels.read(part)
            painted = np.nonzero(labels)
            offsets = [along + side.start for along, side in zip(painted, part, strict=True)]
            known = known.with_labels(part, np.ravel_multi_index(offsets, image.shape), labels[painted])
    return known


def complete(
    image: TrainingImage, examples: ImageExamples, selection: FeatureSelection, should_cancel: ShouldCancel
) -> ImageExamples:
    """Return examples with the features of all pixels; only missing ones are computed.

    Raises
    ------
    CancelledError
        If it had to stop.
    """
    n_channels = image.image.extents["c"]
    if examples.features is None:
        features = np.full((len(examples.positions), selection.n_features(n_channels)), np.nan, np.float32)
        missing = np.ones(len(examples.positions), bool)
    else:
        # The first feature tells: all of a pixel are computed together.
        features, missing = examples.features, np.isnan(examples.features[:, 0])
    if missing.any():
        new = read_examples(
            [LabelledImage(image.image, examples.blocks(missing))], selection, n_channels, is_cancelled=should_cancel
        )
        rows = np.searchsorted(examples.positions, np.ravel_multi_index(new.positions.T, image.shape))
        features = features.copy()
        features[rows] = new.features
    return replace(examples, features=features)


def counts(examples: Mapping[int, ImageExamples]) -> NDArray[np.int64]:
    """Return the number of labelled pixels with each label from 0 to 255."""
    found = [np.bincount(one.labels, minlength=256) for one in examples.values()]
    return np.sum(found, axis=0, dtype=np.int64) if found else np.zeros(256, np.int64)


def _parts(region: Region) -> Iterator[Region]:
    """Cut a region into parts of not too many pixels, along t, z and y."""
    t, z, y, x = region
    width = max(x.stop - x.start, 1)
    rows = max(min(_AT_ONCE // width, y.stop - y.start), 1)
    slices = max(_AT_ONCE // (width * rows), 1) if rows == y.stop - y.start else 1
    for time, depth, row in product(
        range(t.start, t.stop), range(z.start, z.stop, slices), range(y.start, y.stop, rows)
    ):
        yield (
            slice(time, time + 1),
            slice(depth, min(depth + slices, z.stop)),
            slice(row, min(row + rows, y.stop)),
            x,
        )
