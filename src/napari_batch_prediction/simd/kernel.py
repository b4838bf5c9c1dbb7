"""Kernels: compiled loops as Python calls them, without numba if they are on disk."""

import ctypes
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from napari_batch_prediction.simd import building, loading, shelf
from napari_batch_prediction.simd.shelf import Job
from napari_batch_prediction.simd.signature import RESULTS, Type, flattened


class KernelError(RuntimeError):
    """A compiled loop raised an error."""


class Call(NamedTuple):
    """A kernel with its arguments, for a loop that calls it by :func:`~.calls.call`.

    Attributes
    ----------
    function, words
        The addresses of the machine code and of the words of the arguments.
    """

    function: int
    words: int


class Bound:
    """A kernel with its arguments, which live as long as this does.

    Attributes
    ----------
    call
        The call, for compiled code.
    """

    def __init__(self, name: str, function: loading.Function, address: int, words: list[int], kept: Any) -> None:
        self._name, self._function, self._kept = name, function, kept
        self._words = (ctypes.c_int64 * (RESULTS + len(words)))(*[0] * RESULTS, *words)
        self.call = Call(address, ctypes.addressof(self._words))

    def __call__(self) -> Any:
        """Run the loop; return its result: None, a whole number, or a tuple of them."""
        n_results = self._function(self.call.words)
        if n_results < 0:
            raise KernelError(f"The compiled loop {self._name} raised an error.")
        results = tuple(self._words[:n_results])
        return results if n_results > 1 else next(iter(results), None)


class Kernel:
    """A compiled loop: called as the function is that it is compiled from.

    The function is compiled when it is first called with arguments of new types, unless that is on disk. It is named
    by its module, as this loads numba and need not be imported.

    Parameters
    ----------
    module, name
        The module in which the function is, decorated by :func:`~.caching.cached`, and its name.
    function, options
        The function, and options of numba to compile it with, if the module is loaded.
    strict
        See :func:`~.caching.strict`.

    Attributes
    ----------
    part
        The function as a part of other loops, once it is one.
    """

    def __init__(
        self,
        module: str,
        name: str,
        function: Callable | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.module, self.name, self.function, self.options, self.strict = module, name, function, options, strict
        self.part: Any = None
        self._found: dict[tuple[Type, ...], tuple[loading.Function, int]] = {}
        self._lock = threading.Lock()
        # Read now: later the files may be of another version than what is running.
        shelf.stamp()

    def __call__(self, *args: Any) -> Any:
        """Run the loop; return its result: None, a whole number, or a tuple of them."""
        return self.bind(*args)()

    def bind(self, *args: Any) -> Bound:
        """Return the loop with its arguments, to be called several times, or by another loop."""
        words: list[int] = []
        signature = tuple(flattened(value, words) for value in args)
        if (jobs := _wanted.get()) is not None:
            jobs.append(Job(self.module, self.name, signature))
            return Bound(self.name, _nothing, 0, words, args)
        found = self._found.get(signature)
        if found is None:
            with self._lock:
                found = self._found.get(signature) or self._find(signature)
                self._found[signature] = found
        return Bound(self.name, *found, words, args)

    def _find(self, signature: tuple[Type, ...]) -> tuple[loading.Function, int]:
        job = Job(self.module, self.name, signature)
        code = shelf.find(job)
        return loading.load(building.build(job) if code is None else code, job.symbol)


_wanted: ContextVar[list[Job] | None] = ContextVar("wanted", default=None)


def _nothing(words: int) -> int:
    return 0


@contextmanager
def noted() -> Iterator[list[Job]]:
    """Run no loops in this thread, but give a list of those that would be run."""
    jobs: list[Job] = []
    token = _wanted.set(jobs)
    try:
        yield jobs
    finally:
        _wanted.reset(token)
