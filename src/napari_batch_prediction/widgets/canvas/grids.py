"""Grids: where the pixels of an image lie in the world of a viewer, and so where those of its predictions do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pint
from numpy.typing import ArrayLike, NDArray

from napari_batch_prediction.images.base import Image

if TYPE_CHECKING:
    from napari.layers import Layer

PLACING = ("axis_labels", "scale", "translate", "rotate", "shear", "affine", "units")
"""The options of a layer that say where its pixels lie."""

# pint fills the registry, which napari uses too, at its first use, and until then has no units for other threads.
# Layers are prepared in threads, so it is filled here: findings/pint_registry_first_use_in_threads.sh
pint.application_registry.Unit("pixel")


@dataclass(frozen=True)
class PixelGrid:
    """Position and size of the pixels of an image, along each of its axes.

    Attributes
    ----------
    axes
        The axes of predictions, in their order, without that of channels.
    scale, origin
        Size of a pixel and position of the first; by default 1 and 0.
    units
        Units of both; by default pixels.
    """

    axes: str
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, image: Image) -> "PixelGrid":
        """Return the grid of an image on disk."""
        axes = "".join(key for key in "tzyx" if key in image.axes)
        return cls(axes, image.pixel_size, image.units, image.origin)

    @property
    def arranged(self) -> str:
        """The axes of a layer without channels, as :meth:`arrange` returns it."""
        return self.axes

    def options(self, start: Mapping[str, int], *, with_channels: bool = False) -> dict[str, Any]:
        """Return the options that place a layer.

        Parameters
        ----------
        start
            The first pixel of the layer in the image, by axis.
        with_channels
            True if the layer has an axis of channels; it is the first.
        """
        axes = "c" * with_channels + self.axes
        registry = pint.application_registry
        units = {key: unit for key, unit in self.units.items() if unit.isidentifier() and unit in registry}
        return {
            "scale": tuple(self.scale.get(key, 1.0) for key in axes),
            "translate": tuple(
                self.origin.get(key, 0.0) + start.get(key, 0) * self.scale.get(key, 1.0) for key in axes
            ),
            "units": tuple(registry.Unit(units.get(key, "pixel")) for key in axes),
            "axis_labels": tuple(axes),
        }

    def arrange(self, pixels: Any, *, with_channels: bool = False) -> Any:
        """Return pixels in the axes of a layer.

        Parameters
        ----------
        pixels
            An array, lazy or not, or a list of levels; in ``axes``, with the channels first if there are any.
        with_channels
            True if there are.
        """
        return pixels


@dataclass(frozen=True, kw_only=True)
class LayerGrid(PixelGrid):
    """The grid of a layer of the viewer, with all that turns, shears and moves it.

    A prediction has the axes of the layer. That of channels is left out where it comes first, since napari lines layers
    up by their last axes; elsewhere, or where the layer is turned along it, it stays as one pixel over all channels.

    Attributes
    ----------
    layer_axes
        The axes of the layer, with that of channels if it has one.
    n_channels
        The extent along that axis.
    placing
        The options of the layer in :data:`PLACING`; ``rotate``, ``shear`` and ``affine`` as matrices.
    """

    layer_axes: str
    n_channels: int
    placing: Mapping[str, Any]

    @classmethod
    def of_layer(cls, layer: "Layer", axes: str) -> "LayerGrid":
        """Return the grid of a layer.

        Parameters
        ----------
        layer
            The layer.
        axes
            Its axes; of a picture in colours, and of several layers as channels, one more for these.
        """
        axes = axes[: layer.ndim]
        placing = {name: getattr(layer, name) for name in ("axis_labels", "units", "scale", "translate", "rotate")}
        placing |= {"shear": _shear(layer), "affine": np.asarray(layer.affine)}
        pixels = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
        n_channels = pixels.shape[axes.index("c")] if "c" in axes else 1
        return cls(axes.replace("c", ""), layer_axes=axes, n_channels=n_channels, placing=placing)

    @cached_property
    def keeps_channels(self) -> bool:
        """True if the axis of channels cannot be left out."""
        if "c" not in self.layer_axes:
            return False
        i = self.layer_axes.index("c")
        return i > 0 or not all(_is_apart(self.placing[name], i) for name in ("rotate", "shear", "affine"))

    @property
    def arranged(self) -> str:
        """The axes of a layer without channels, see :attr:`PixelGrid.arranged`; that of channels if it stays."""
        return self.layer_axes if self.keeps_channels else self.axes

    def options(self, start: Mapping[str, int], *, with_channels: bool = False) -> dict[str, Any]:
        """Return the options that place a layer; see :meth:`PixelGrid.options`."""
        first = np.array([start.get(key, 0) for key in self.layer_axes], float)
        scale, rotate, shear = (np.array(self.placing[name], float) for name in ("scale", "rotate", "shear"))
        move = rotate @ shear @ np.diag(scale)
        if self.keeps_channels and not with_channels:
            i = self.layer_axes.index("c")
            first[i] += (self.n_channels - 1) / 2
            scale[i] *= self.n_channels
        translate = np.array(self.placing["translate"], float) + move @ first
        if self.keeps_channels:
            kept: list[int] = list(range(len(self.layer_axes)))
        else:
            kept = [i for i, key in enumerate(self.layer_axes) if key != "c"]
        lead = int(with_channels and not self.keeps_channels)
        units, labels = self.placing["units"], self.placing["axis_labels"]
        return {
            "scale": (1.0,) * lead + tuple(scale[kept].tolist()),
            "translate": (0.0,) * lead + tuple(translate[kept].tolist()),
            "rotate": _part(rotate, kept, lead),
            "shear": _part(shear, kept, lead),
            "affine": _part(self.placing["affine"], [*kept, len(self.layer_axes)], lead),
            "units": (pint.application_registry.Unit("pixel"),) * lead + tuple(units[i] for i in kept),
            "axis_labels": ("c",) * lead + tuple(labels[i] for i in kept),
        }

    def arrange(self, pixels: Any, *, with_channels: bool = False) -> Any:
        """Return pixels in the axes of a layer; see :meth:`PixelGrid.arrange`."""
        if not self.keeps_channels:
            return pixels
        if isinstance(pixels, list):
            return [self.arrange(level, with_channels=with_channels) for level in pixels]
        i = self.layer_axes.index("c")
        return np.moveaxis(pixels if with_channels else pixels[None], 0, i)


def world_matrix(options: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the matrix from pixels to the world, in homogeneous coordinates.

    Parameters
    ----------
    options
        ``scale`` and ``translate`` of a layer, and matrices for ``rotate``, ``shear`` and ``affine`` if it has them.
    """
    scale = np.array(options["scale"], float)
    n = len(scale)
    matrix = np.eye(n + 1)
    matrix[:n, :n] = np.array(options.get("rotate", np.eye(n))) @ np.array(options.get("shear", np.eye(n)))
    matrix[:n, :n] *= scale
    matrix[:n, n] = options["translate"]
    whole: NDArray[np.float64] = np.array(options.get("affine", np.eye(n + 1)), float) @ matrix
    return whole


def placed(layer: "Layer") -> dict[str, Any]:
    """Return the options of a layer for :func:`world_matrix`."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": _shear(layer),
        "affine": np.asarray(layer.affine),
    }


def plane_options(layer: "Layer") -> dict[str, Any]:
    """Return the options that place a plane over the last two axes of a layer."""
    n = layer.ndim
    last = [n - 2, n - 1]
    return {
        "scale": layer.scale[-2:],
        "translate": layer.translate[-2:],
        "rotate": _part(layer.rotate, last, 0),
        "shear": _part(_shear(layer), last, 0),
        "affine": _part(np.asarray(layer.affine), [*last, n], 0),
        "units": layer.units[-2:],
    }


def widened(matrix: NDArray, ndim: int) -> NDArray[np.float64]:
    """Return a matrix in homogeneous coordinates for so many axes, with those that it lacks in front."""
    return _part(matrix, list(range(len(matrix))), ndim + 1 - len(matrix))


def _shear(layer: "Layer") -> NDArray[np.float64]:
    """Return the shear of a layer as a matrix; napari names the values above the diagonal, or all."""
    shear = np.asarray(layer.shear, float)
    if shear.shape == (layer.ndim, layer.ndim):
        return shear
    matrix = np.eye(layer.ndim)
    matrix[np.triu_indices(layer.ndim, 1)] = shear
    return matrix


def _is_apart(matrix: ArrayLike, i: int) -> bool:
    """Return True if a matrix mixes an axis with no other."""
    matrix = np.asarray(matrix)
    others = [j for j in range(len(matrix)) if j != i]
    return not (np.any(matrix[i, others]) or np.any(matrix[others, i]))


def _part(matrix: ArrayLike, kept: list[int], lead: int) -> NDArray[np.float64]:
    """Return the part of a matrix for some axes, with others in front of them that stay as they are."""
    part = np.eye(lead + len(kept))
    part[lead:, lead:] = np.asarray(matrix)[np.ix_(kept, kept)]
    return part
