"""Predicting a whole image in memory, by tiles in several threads."""

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import output_axes, reorder
from napari_batch_prediction.classifiers.derived import AREAS, OBJECT_TABLE, OBJECTS
from napari_batch_prediction.classifiers.masked import predict_block, predict_inside
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.tiles import Tile, Tiles, make_tiles, n_cores
from napari_batch_prediction.errors import AxesError, SettingsError
from napari_batch_prediction.images.arrays import array_image, as_xarray, is_xarray
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.second import MASK, Mask, Role, check_beside, check_opacity, fitting_axes

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier, Source

_T = TypeVar("_T")

# What is made of more than one tile, or is no array.
_ELSEWHERE = {
    AREAS: "it is a table. Make it by a job, BatchJob(classifier, image, 'Areas').run()[0].tables['Areas']",
    **dict.fromkeys((OBJECTS, OBJECT_TABLE), "classifier.objects(image, object_class=...) returns labels and a table"),
}

# Tiles for each thread that wait for it, so that none idles.
_AHEAD = 2


Progress = Callable[[int, int], object]


def predict_image(
    classifier: "Classifier",
    given: Any,
    axes: str | None,
    name: str,
    workers: int | None,
    progress: Progress | None,
    mask: Any = None,
) -> Any:
    """Predict a source of an image; see :meth:`~napari_batch_prediction.classifiers.base.Classifier.predict`."""
    source = classifier.source(name)
    check_workers(workers)
    with ExitStack() as opened:
        image = as_image(given, axes)
        if image is not given:
            opened.callback(image.close)
        classifier.check(image.axes, image.shape, image.dtype)
        if source.name in _ELSEWHERE:
            raise SettingsError(
                f"{source.name} cannot be predicted alone: {_ELSEWHERE[source.name]}.", setting="source"
            )
        predicting = _Predicting(classifier, image, workers, progress, mask_of(image, mask, opened))
        if source.kind == "table":
            return _sums(predicting, source)
        values, target = _values(predicting, source)
    if is_xarray(given):
        return as_xarray(values, target, given, image.axes, source.name, source.channel_names)
    return values


def check_workers(workers: int | None) -> None:
    """Raise :class:`SettingsError` if a number of threads is none."""
    if workers is not None and not (isinstance(workers, int) and workers > 0):
        raise SettingsError(f"workers is a number of threads, at least 1, got {workers!r}.", setting="workers")


def as_image(given: Any, axes: str | None, name: str = "image") -> Image:
    """Return an image that was given as one, as a path, an array or a layer."""
    if isinstance(given, str | os.PathLike):
        # Most predictions are of arrays, which need no readers.
        from napari_batch_prediction.locations.inputs import open_image

        return open_image(given, axes)
    if isinstance(given, MemoryImage):
        return given if axes is None else given.with_axes(axes)
    if isinstance(given, Image):
        if axes not in (None, given.axes):
            raise AxesError(
                f"'{given.location}' was opened with the axes '{given.axes}', not '{axes}'. Give the axes when it is "
                "opened.",
                setting="axes",
            )
        return given
    return array_image(given, axes, name)


def mask_of(image: Image, given: Any, opened: ExitStack) -> Mask | None:
    """Return a mask that was given as an image is; None if none was.

    Raises
    ------
    ImageMismatchError
        If it does not fit the image.
    """
    if given is None:
        return None
    mask = image_beside(MASK, image, given, opened)
    check_opacity(mask.location, mask.extents["c"])
    return Mask(mask)


def image_beside(role: Role, image: Image, given: Any, opened: ExitStack) -> Image:
    """Return an image beside another one, which was given as an image is.

    Parameters
    ----------
    role
        What it is for.
    image, given
        The other image, and what was given.
    opened
        Closes what is opened here.

    Raises
    ------
    ImageMismatchError
        If it does not fit the image.
    """
    beside = as_image(given, None, role.noun)
    if beside is not given:
        opened.callback(beside.close)
    axes = fitting_axes(role, beside.axes, beside.axes_known, beside.shape, image.axes, image.extents)
    if axes != beside.axes and (beside is not given or isinstance(beside, MemoryImage)):
        beside = as_image(given, axes, role.noun)
        opened.callback(beside.close)
    check_beside(role, beside.location, beside.extents, image.extents)
    return beside


class _Predicting(NamedTuple):
    """An image that is predicted by a classifier."""

    classifier: "Classifier"
    image: Image
    workers: int | None
    progress: Progress | None
    mask: Mask | None


def _sums(predicting: _Predicting, source: "Source") -> NDArray:
    """Return the sum of a table's image source at each time point."""
    sums = Counter[int]()
    image = predicting.image
    density = predicting.classifier.source(source.made_from)
    for t, total in _for_each_tile(predicting, density, _sum_of_tile):
        sums[t] += total
    counts = np.array([sums[t] / UNIT for t in range(image.extents["t"])])
    return counts if "t" in image.axes else counts.reshape(())


def _values(predicting: _Predicting, source: "Source") -> tuple[NDArray, str]:
    """Return the values of an image source, and their axes."""
    result, target, view = empty_result(predicting.image, source)

    def keep(tile: Tile, values: NDArray) -> None:
        view[(tile.t, slice(None), tile.z, tile.y, tile.x)] = values

    for _ in _for_each_tile(predicting, source, keep):
        pass
    return result, target


def empty_result(image: Image, source: "Source") -> tuple[NDArray, str, NDArray]:
    """Return an array for the values of an image source, its axes, and a view of it as ``(t, c, z, y, x)``."""
    target = output_axes(image.axes) if source.has_channels else image.axes.replace("c", "")
    sizes = {**image.extents, "c": source.channels}
    result = np.empty([sizes[key] for key in target], source.dtype)
    # Axes that are missing in the output have extent 1 in the view.
    return result, target, reorder(result, target, "tczyx")


def _reader(image: Image) -> Callable[[int, slice, slice, slice], NDArray]:
    """Return a function that returns a region ``(c, z, y, x)`` of one time point, without copying an array."""
    if not (isinstance(image, MemoryImage) and isinstance(image.pixels, np.ndarray)):
        return image.read_czyx
    whole = reorder(image.pixels, image.axes, "tczyx")
    return lambda t, z, y, x: whole[t, :, z, y, x]


def _for_each_tile(predicting: _Predicting, source: "Source", use: Callable[[Tile, NDArray], _T]) -> Iterator[_T]:
    """Predict a source of an image in several threads; yield the results of ``use`` by tile.

    Tiles are made as threads become free: an image may have more than memory holds.
    """
    classifier, image, workers, progress, mask = predicting
    n_workers, sizes, read, names = workers or n_cores(), image.extents, _reader(image), [source.name]
    memory = classifier.memory(names)
    tiles = make_tiles(sizes, classifier.context, (1, 1, 1), memory, n_workers, ENGINE.limits)

    def run(tile: Tile) -> _T:
        if mask is None:
            values = predict_block(classifier, read, tile, sizes, names)
        else:
            values = predict_inside(classifier, read, tile, sizes, names, mask.read(*tile))
        return use(tile, values[source.name])

    with closing(_in_threads(run, tiles, n_workers)) as results:
        for n_done, result in enumerate(results, start=1):
            yield result
            if progress is not None:
                progress(n_done, len(tiles))


def _in_threads(run: Callable[[Tile], _T], tiles: Tiles, n_workers: int) -> Generator[_T, None, None]:
    """Yield the result of each tile, in order."""
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
