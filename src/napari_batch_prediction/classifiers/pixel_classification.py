"""ilastik's Pixel Classification."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import check_axes, extents, guess_axes, output_axes, reorder
from napari_batch_prediction.classifiers.base import (
    FEATURES,
    PROBABILITIES,
    SEGMENTATION,
    UNCERTAINTY,
    Color,
    Context,
    Memory,
    Source,
)
from napari_batch_prediction.classifiers.project import PIXEL_CLASSIFICATION, PixelClassificationProject
from napari_batch_prediction.classifiers.tiles import Tile, make_tiles, n_cores
from napari_batch_prediction.errors import ImageMismatchError, SettingsError

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.prediction import TilePredictor


class PixelClassification:
    """A trained Pixel Classification project; see :class:`~napari_batch_prediction.classifiers.base.Classifier`.

    Safe to use from several threads at once.
    """

    workflow = PIXEL_CLASSIFICATION

    def __init__(self, project: PixelClassificationProject) -> None:
        self.project = project
        self.path: Path = project.path
        self.classes: tuple[str, ...] = project.label_names
        self.class_colors: tuple[Color, ...] = project.label_colors
        self.axes = project.axes
        self.n_channels = project.n_channels
        self.n_features = project.selection.n_features(project.n_channels)
        self.context = Context(*project.selection.context)
        # The forest counts labels in bytes, as ilastik does.
        segments = (SEGMENTATION,) if len(self.classes) <= np.iinfo(np.uint8).max else ()
        self.sources: tuple[str, ...] = (PROBABILITIES, *segments, UNCERTAINTY, FEATURES)

    @cached_property
    def _predictor(self) -> "TilePredictor":
        # numba costs 0.3 s to import, which looking at a project and planning need not pay.
        from napari_batch_prediction.classifiers.prediction import TilePredictor

        project = self.project
        return TilePredictor(
            project.selection, project.n_channels, project.trees, project.channel_of_column, len(self.classes)
        )

    def source(self, name: str) -> Source:
        """Return the source of this name, in any case.

        Raises
        ------
        SettingsError
            If there is none; the message lists the names.
        """
        known = {source.lower(): source for source in self.sources}
        match known.get(name.lower()):
            case "Probabilities" as found:
                return Source(found, np.dtype(np.float32), len(self.classes), self.classes, (0.0, 1.0))
            case "Simple Segmentation" as found:
                return Source(found, np.dtype(np.uint8), 1, (found,), (0.0, float(len(self.classes))), is_labels=True)
            case "Uncertainty" as found:
                return Source(found, np.dtype(np.float32), 1, (found,), (0.0, 1.0))
            case "Features" as found:
                names = self.project.selection.names(self.n_channels)
                return Source(found, np.dtype(np.float32), self.n_features, names, None)
        raise SettingsError(f"{self.path.name} cannot export '{name}'. Choose one of: {', '.join(self.sources)}.")

    def check(self, axes: str, shape: Sequence[int]) -> None:
        """Check that an image can be predicted.

        Axes of extent 1 do not count: a volume of one slice is a 2D image.

        Raises
        ------
        ImageMismatchError
            If the number of channels or of dimensions differs from the training images, or the image is too
            small for the features.
        """
        found = extents(axes, shape)
        if found["c"] != self.n_channels:
            raise ImageMismatchError(
                f"The image has {_channels(found['c'])}, but the classifier was trained on {self.n_channels}"
                f"{_alpha(found['c'], self.n_channels)}. Use images with {_channels(self.n_channels)}."
            )
        if (found["z"] > 1) != ("z" in self.axes):
            is_3d = found["z"] > 1
            raise ImageMismatchError(
                f"The image is {'3D' if is_3d else '2D'} (axes {axes}, shape {_times(shape)}), but the classifier "
                f"was trained on {'2D' if is_3d else '3D'} images (axes {self.axes}). "
                + (
                    "If the first axis is time, not depth, set the axes to "
                    f"'{axes.replace('z', 't')}'; otherwise use 2D images."
                    if is_3d and "t" not in axes
                    else f"Use {'2D' if is_3d else '3D'} images."
                )
            )
        self.project.selection.check_extents(found["z"], found["y"], found["x"])

    @cached_property
    def _brightest(self) -> float:
        """The largest threshold on a smoothed image: the training images reached it."""
        selection, n = self.project.selection, self.n_channels
        smoothed = [name.startswith("Gaussian Smoothing") for name in selection.names(n)]
        columns = np.flatnonzero(smoothed)
        trees = self.project.trees
        return max((float(t.threshold[np.isin(t.feature, columns)].max(initial=0.0)) for t in trees), default=0.0)

    def doubts(self, dtype: np.dtype) -> list[str]:
        """Return why an image of this type may be unlike the training images; see the protocol.

        Projects keep the type of the training images only if these were copied into them. Thresholds of the
        forest on smoothed images tell what grey values it has seen at least.
        """
        trained = self.project.dtype
        if trained is not None and np.dtype(trained) != dtype:
            return [f"The image is {dtype}, but the training images were {trained}; nothing is normalised."]
        if dtype.kind in "iu" and self._brightest > np.iinfo(dtype).max:
            return [
                f"The image is {dtype}, which ends at {np.iinfo(dtype).max}, but the training images had values of "
                f"{self._brightest:.0f} and more; nothing is normalised."
            ]
        return []

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory that predicting these sources takes; see the protocol."""
        values = sum(source.channels * source.dtype.itemsize for source in map(self.source, sources))
        # One smoothed image for each scale and channel; the channels as they are and as float32.
        smoothed = len(self.project.selection.used_scales) * self.n_channels
        return Memory(4 * smoothed + values, 8 * self.n_channels)

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict part of one time point; see the protocol."""
        from napari_batch_prediction.classifiers.sources import segmentation, uncertainty

        wanted = [self.source(name).name for name in sources]
        probabilities, features = self._predictor.predict(
            block, inner, probabilities=set(wanted) != {FEATURES}, features=FEATURES in wanted
        )
        values = {PROBABILITIES: probabilities, FEATURES: features}
        if SEGMENTATION in wanted:
            values[SEGMENTATION] = segmentation(probabilities)
        if UNCERTAINTY in wanted:
            values[UNCERTAINTY] = uncertainty(probabilities)
        return {name: values[name] for name in wanted}

    def predict(
        self, array: NDArray, axes: str | None = None, source: str = PROBABILITIES, workers: int | None = None
    ) -> NDArray:
        """Predict a whole image in memory.

        Parameters
        ----------
        array
            The image, of any numeric dtype.
        axes
            Its axis keys; guessed from the shape by ilastik's rules if None.
        source
            What to return, one of ``sources``.
        workers
            Number of threads; all cores if None.

        Returns
        -------
        Values of the source in the axes of the input, then ``c`` if the input had none.

        Raises
        ------
        AxesError
            If the axes do not fit the array.
        ImageMismatchError
            If the image does not fit the classifier.
        SettingsError
            If there is no such source.
        """
        array = np.asarray(array)
        axes = guess_axes(array.shape) if axes is None else check_axes(axes, array.shape)
        wanted = self.source(source)
        self.check(axes, array.shape)
        found = extents(axes, array.shape)
        image = reorder(array, axes, "tczyx")
        target = output_axes(axes)
        shape = {**found, "c": wanted.channels}
        result = np.empty([shape[key] for key in target], wanted.dtype)
        # A view in which axes the output lacks have extent 1.
        view = reorder(result, target, "tczyx")
        n_workers = workers or n_cores()
        tiles = make_tiles(found, self.context, (1, 1, 1), self.memory([source]), n_workers)

        def run(tile: Tile) -> None:
            around, inner = tile.with_context(found, self.context)
            block = image[(tile.t, slice(None), *around)]
            values = self.predict_tile(block, inner, [wanted.name])[wanted.name]
            view[(tile.t, slice(None), tile.z, tile.y, tile.x)] = values

        with ThreadPoolExecutor(n_workers, thread_name_prefix="predict") as pool:
            list(pool.map(run, tiles))
        return result

    def summary(self) -> dict[str, object]:
        """Return what a user wants to know of this classifier, by heading, in the order to be shown."""
        chosen = self.project.selection
        scales = ", ".join(
            f"{chosen.scales[j]:g}{'' if chosen.in_2d[j] == chosen.all_in_2d else ' (2D)'}" for j in chosen.used_scales
        )
        return {
            "File": os.fspath(self.path),
            "Workflow": self.workflow,
            "ilastik": self.project.version,
            "Classes": ", ".join(self.classes),
            "Channels": self.n_channels,
            "Axes": self.axes,
            "Features": f"{self.n_features} in {'2D' if chosen.all_in_2d else '3D'}, scales {scales}",
            "Trees": len(self.project.trees),
            "Sources": ", ".join(self.sources),
        }


def _channels(n: int) -> str:
    return f"{n} channel{'' if n == 1 else 's'}"


def _alpha(found: int, expected: int) -> str:
    """Name the likely alpha channel of an image with one or three colours."""
    return "; the last one is probably alpha (transparency)" if found in (2, 4) and expected == found - 1 else ""


def _times(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape)
