"""The features of a classifier at their scales, in 2D or 3D: names, order and context of the feature vector."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.features.kernels import SMOOTHING_WINDOW, presmoothing_sigma, radius

GAUSSIAN = "GaussianSmoothing"
LAPLACIAN = "LaplacianOfGaussian"
GRADIENT = "GaussianGradientMagnitude"
DIFFERENCE = "DifferenceOfGaussians"
STRUCTURE = "StructureTensorEigenvalues"
HESSIAN = "HessianOfGaussianEigenvalues"

StructureTensor = Literal["gradient", "integration"]
"""Which Gaussian of the structure tensor has the feature's scale: that of its gradient, or the one that smooths the
products of the gradient. The other has half of it. ilastik without its library fastfilters, so up to 1.2, computed
the first; with it, the second."""

FEATURE_IDS = (GAUSSIAN, LAPLACIAN, GRADIENT, DIFFERENCE, STRUCTURE, HESSIAN)
"""The features, by ilastik's identifiers."""

TITLES = {
    GAUSSIAN: "Gaussian Smoothing",
    LAPLACIAN: "Laplacian of Gaussian",
    GRADIENT: "Gaussian Gradient Magnitude",
    DIFFERENCE: "Difference of Gaussians",
    STRUCTURE: "Structure Tensor Eigenvalues",
    HESSIAN: "Hessian of Gaussian Eigenvalues",
}
"""ilastik's names of the features, by identifier."""

# Beyond the presmoothing a tile needs the reach of the structure tensor: gradient 1 and smoothing 2 pixels.
_FILTER_REACH = 3


@dataclass(frozen=True)
class FeatureSelection:
    """The features a classifier was trained on.

    Attributes
    ----------
    ids
        Features in stored order; each one of :data:`FEATURE_IDS`.
    scales
        Sigmas in pixels, in stored order.
    matrix
        For each feature and each scale, True if it is used.
    in_2d
        For each scale, True if every z slice is filtered by itself.
    structure_tensor
        See :data:`StructureTensor`.
    """

    ids: tuple[str, ...]
    scales: tuple[float, ...]
    matrix: tuple[tuple[bool, ...], ...]
    in_2d: tuple[bool, ...]
    structure_tensor: StructureTensor = "integration"

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Iterate over (feature id, index of the scale) in the order of the feature vector."""
        for name, row in zip(self.ids, self.matrix, strict=True):
            for j, used in enumerate(row):
                if used:
                    yield name, j

    def width(self, name: str, scale: int) -> int:
        """Return how many values a feature gives for one channel: one for each eigenvalue, otherwise 1."""
        if name in (STRUCTURE, HESSIAN):
            return 2 if self.in_2d[scale] else 3
        return 1

    def n_features(self, n_channels: int = 1) -> int:
        """Return the length of the feature vector for images with this many channels."""
        return n_channels * sum(self.width(name, j) for name, j in self)

    def names(self, n_channels: int = 1) -> tuple[str, ...]:
        """Return ilastik's name of every entry of the feature vector."""
        names = []
        for name, j in self:
            title = f"{TITLES[name]} (σ={self.scales[j]}){' in 2D' if self.in_2d[j] else ''}"
            n = n_channels * self.width(name, j)
            names += [title] if n == 1 else [f"{title} [{i}]" for i in range(n)]
        return tuple(names)

    @cached_property
    def used_scales(self) -> tuple[int, ...]:
        """Indices of the scales at which any feature is used."""
        return tuple(j for j in range(len(self.scales)) if any(row[j] for row in self.matrix))

    @cached_property
    def has_structure_tensor(self) -> bool:
        """True if the structure tensor is used."""
        return any(name == STRUCTURE for name, _ in self)

    @cached_property
    def all_in_2d(self) -> bool:
        """True if no feature looks beyond its z slice."""
        return all(self.in_2d[j] for j in self.used_scales)

    @cached_property
    def context(self) -> tuple[int, int, int]:
        """Pixels along z, y and x that a tile needs on each side to come out as in the whole image."""

        def reach(scales: list[int]) -> int:
            sigmas = [presmoothing_sigma(self.scales[j]) for j in scales]
            return max((radius(sigma, SMOOTHING_WINDOW) + _FILTER_REACH for sigma in sigmas), default=0)

        used = list(self.used_scales)
        plane = reach(used)
        return reach([j for j in used if not self.in_2d[j]]), plane, plane

    @property
    def min_extents(self) -> tuple[int, int, int]:
        """Pixels along z, y and x that an image must have for every scale that is used."""
        used = self.used_scales
        plane = max((_min_extent(self.scales[j]) for j in used), default=1)
        depth = max((_min_extent(self.scales[j]) for j in used if not self.in_2d[j]), default=1)
        return depth, plane, plane

    def check_extents(self, z: int, y: int, x: int) -> None:
        """Check that an image is large enough for every scale that is used.

        Raises
        ------
        ImageMismatchError
            Naming the largest scale and the size that it needs.
        """
        # The largest scale comes first, so that the message gives the size that suffices for every scale.
        for j in sorted(self.used_scales, key=self.scales.__getitem__, reverse=True):
            least = _min_extent(self.scales[j])
            extents = {"y": y, "x": x} if self.in_2d[j] else {"z": z, "y": y, "x": x}
            small = [f"{key}={n}" for key, n in extents.items() if n < least]
            if small:
                raise ImageMismatchError(
                    f"The image is too small for the features at scale {self.scales[j]:g}: it needs at least "
                    f"{least} pixels along {', '.join(extents)}, but has {', '.join(small)}. Use a larger image, or "
                    f"train a classifier without scale {self.scales[j]:g}."
                )


def _min_extent(scale: float) -> int:
    """Return the pixels that ilastik needs along y and x, and along z where a scale is in 3D."""
    return math.ceil(SMOOTHING_WINDOW * scale) + 1
