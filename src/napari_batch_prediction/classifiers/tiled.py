"""What all workflows have in common: sources by name, checks of an image, and prediction tile by tile."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import check_axes, extents, guess_axes, output_axes, reorder
from napari_batch_prediction.classifiers.base import PROBABILITIES, Source
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.tiles import Context, Memory, Tile, make_tiles, n_cores
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.features.selection import FeatureSelection

_T = TypeVar("_T")


class TiledClassifier(ABC):
    """The part of :class:`~napari_batch_prediction.classifiers.base.Classifier` that is the same for all workflows.

    Parameters
    ----------
    offered
        What can be exported, the default first.
    synonyms
        Other names of sources, in any case, and the names they stand for.
    selections
        The features of each stage. A tile needs the context of all of them.
    """

    workflow: str
    path: Path
    classes: tuple[str, ...]
    class_colors: tuple[Color, ...]
    axes: str
    n_channels: int

    def __init__(
        self, offered: Iterable[Source], synonyms: Mapping[str, str], selections: Sequence[FeatureSelection]
    ) -> None:
        self._offered = {source.name: source for source in offered}
        self._names = {name.lower(): name for name in self._offered}
        self._names |= {name.lower(): stands_for for name, stands_for in synonyms.items()}
        self._selections = selections
        self.sources: tuple[str, ...] = tuple(self._offered)
        z, y, x = (sum(pixels) for pixels in zip(*(chosen.context for chosen in selections), strict=True))
        self.context = Context(z, y, x)

    @abstractmethod
    def doubts(self, dtype: np.dtype) -> list[str]:
        """Return why the prediction of an image of this type may not be what was trained; see the protocol."""

    @abstractmethod
    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory that predicting these sources takes; see the protocol."""

    @abstractmethod
    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict part of one time point; see the protocol."""

    @abstractmethod
    def summary(self) -> dict[str, object]:
        """Return what a user wants to know of this classifier, by heading, in the order to be shown."""

    def source(self, name: str) -> Source:
        """Return the source of this name, in any case.

        Raises
        ------
        SettingsError
            If there is none; the message lists the names.
        """
        known = self._names.get(name.lower())
        if known is None:
            raise SettingsError(f"{self.path.name} cannot export '{name}'. Choose one of: {', '.join(self.sources)}.")
        return self._offered[known]

    def bytes_of(self, sources: Sequence[str]) -> int:
        """Return the bytes that all values of a pixel take in these sources."""
        return sum(source.channels * source.dtype.itemsize for source in map(self.source, sources))

    def check(self, axes: str, shape: Sequence[int], dtype: np.dtype | None = None) -> None:
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
                f"{_alpha(found['c'], self.n_channels)}. Use images with {_channels(self.n_channels)}"
                f"{', or choose channels of these' if found['c'] > self.n_channels else ''}."
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
        for selection in self._selections:
            selection.check_extents(found["z"], found["y"], found["x"])

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
        Values of the source in the axes of the input, then ``c`` if the input had none. Of a source of sums one
        float64 for each time point, ``(t,)``, or a single one if the input has no ``t``.

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
        self.check(axes, array.shape, array.dtype)
        image, n_workers = reorder(array, axes, "tczyx"), workers or n_cores()
        if wanted.sums:
            sums = Counter[int]()
            for t, total in self._for_each_tile(image, self.source(wanted.sums), n_workers, _sum_of_tile):
                sums[t] += total
            counts = np.array([sums[t] / UNIT for t in range(len(image))])
            return counts if "t" in axes else counts.reshape(())
        target = output_axes(axes)
        shape = {**extents(axes, array.shape), "c": wanted.channels}
        result = np.empty([shape[key] for key in target], wanted.dtype)
        # A view in which axes the output lacks have extent 1.
        view = reorder(result, target, "tczyx")

        def keep(tile: Tile, values: NDArray) -> None:
            view[(tile.t, slice(None), tile.z, tile.y, tile.x)] = values

        self._for_each_tile(image, wanted, n_workers, keep)
        return result

    def _for_each_tile(
        self, image: NDArray, wanted: Source, n_workers: int, use: Callable[[Tile, NDArray], _T]
    ) -> list[_T]:
        """Predict one source of an image ``(t, c, z, y, x)`` in several threads; return what ``use`` makes of it."""
        found = extents("tczyx", image.shape)
        tiles = make_tiles(found, self.context, (1, 1, 1), self.memory([wanted.name]), n_workers)

        def run(tile: Tile) -> _T:
            around, inner = tile.with_context(found, self.context)
            block = image[(tile.t, slice(None), *around)]
            return use(tile, self.predict_tile(block, inner, [wanted.name])[wanted.name])

        with ThreadPoolExecutor(n_workers, thread_name_prefix="predict") as pool:
            return list(pool.map(run, tiles))


def _sum_of_tile(tile: Tile, density: NDArray) -> tuple[int, int]:
    return tile.t, exact_sum(density)


def _channels(n: int) -> str:
    return f"{n} channel{'' if n == 1 else 's'}"


def _alpha(found: int, expected: int) -> str:
    """Name the likely alpha channel of a picture with three colours."""
    return "; the last one may be alpha (transparency)" if found == 4 and expected == 3 else ""


def _times(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape)
