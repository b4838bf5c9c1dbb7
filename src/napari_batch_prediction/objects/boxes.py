"""Cutting a volume into boxes, and working on them in threads, in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from math import isqrt
from typing import TypeVar

from napari_batch_prediction.engine.tiles import Box

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")

MOST_PIXELS = 2**21
"""Pixels of a box, about."""

# Boxes for each thread that wait for it or for their turn.
_AHEAD = 2


def boxes(shape: tuple[int, int, int]) -> Iterator[Box]:
    """Yield boxes that cover a volume (z, y, x) once, each of whole rows and of about :data:`MOST_PIXELS`.

    In 3D they have as many slices as rows, so that there is little around them.
    """
    z, y, x = shape
    rows = max(1, MOST_PIXELS // x)
    deep = min(z, max(1, isqrt(rows)))
    if y < rows // deep:
        deep = min(z, max(1, rows // y))
    high = min(y, max(1, rows // deep))
    for z0 in range(0, z, deep):
        for y0 in range(0, y, high):
            yield slice(z0, min(z, z0 + deep)), slice(y0, min(y, y0 + high)), slice(0, x)


def in_order(
    function: Callable[[_Input], _Output], values: Iterable[_Input], workers: int
) -> Iterator[tuple[_Input, _Output]]:
    """Yield each value with what a function makes of it in several threads, in the order of the values."""
    if workers <= 1:
        for value in values:
            yield value, function(value)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="objects") as pool:
        waiting: deque[tuple[_Input, Future[_Output]]] = deque()
        try:
            for value in values:
                waiting.append((value, pool.submit(function, value)))
                if len(waiting) > _AHEAD * workers:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
