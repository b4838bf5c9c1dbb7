"""Predicting a whole image in memory, by tiles in several threads."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import check_axes, extents, guess_axes, output_axes, reorder
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.tiles import Tile, make_tiles, n_cores

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier, Source

_T = TypeVar("_T")

# Tiles for each thread that wait for it, so that none idles.
_AHEAD = 2


def predict_image(
    classifier: "Classifier", array: NDArray, axes: str | None, name: str, workers: int | None
) -> NDArray:
    """Predict a source of an image; see :meth:`~napari_batch_prediction.classifiers.base.Classifier.predict`."""
    array = np.asarray(array)
    axes = guess_axes(array.shape) if axes is None else check_axes(axes, array.shape)
    source = classifier.source(name)
    classifier.check(axes, array.shape, array.dtype)
    image, n_workers = reorder(array, axes, "tczyx"), workers or n_cores()
    if source.kind == "table":
        sums = Counter[int]()
        density = classifier.source(source.made_from)
        for t, total in _for_each_tile(classifier, image, density, n_workers, _sum_of_tile):
            sums[t] += total
        counts = np.array([sums[t] / UNIT for t in range(len(image))])
        return counts if "t" in axes else counts.reshape(())
    target = output_axes(axes)
    shape = {**extents(axes, array.shape), "c": source.channels}
    result = np.empty([shape[key] for key in target], source.dtype)
    # A view with all axes; those missing in the output have extent 1.
    view = reorder(result, target, "tczyx")

    def keep(tile: Tile, values: NDArray) -> None:
        view[(tile.t, slice(None), tile.z, tile.y, tile.x)] = values

    for _ in _for_each_tile(classifier, image, source, n_workers, keep):
        pass
    return result


def _for_each_tile(
    classifier: "Classifier", image: NDArray, source: "Source", n_workers: int, use: Callable[[Tile, NDArray], _T]
) -> Iterator[_T]:
    """Predict a source of an image ``(t, c, z, y, x)`` in several threads; yield the results of ``use`` by tile.

    Tiles are made as threads become free: an image may have more than memory holds.
    """
    sizes = extents("tczyx", image.shape)
    memory = classifier.memory([source.name])
    tiles = make_tiles(sizes, classifier.context, (1, 1, 1), memory, n_workers, ENGINE.limits)

    def run(tile: Tile) -> _T:
        around, inner = tile.with_context(sizes, classifier.context)
        block = image[(tile.t, slice(None), *around)]
        return use(tile, classifier.predict_tile(block, inner, [source.name])[source.name])

    with ThreadPoolExecutor(n_workers, thread_name_prefix="predict") as pool:
        waiting: deque[Future[_T]] = deque()
        try:
            for tile in tiles:
                waiting.append(pool.submit(run, tile))
                if len(waiting) > _AHEAD * n_workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _sum_of_tile(tile: Tile, density: NDArray) -> tuple[int, int]:
    return tile.t, exact_sum(density)
