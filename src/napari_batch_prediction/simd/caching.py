"""Decorators of compiled loops, and how numba is to compile them."""

from collections.abc import Callable

from napari_batch_prediction.simd.kernel import Kernel

COMPILED = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
"""Options of numba for every compiled loop: without the interpreter lock, and without checks."""

UNCOUNTED = {**COMPILED, "_nrt": False}
"""Options for functions that are called for every few pixels and allocate nothing: references to arrays are not
counted, which would take longer than the work and make threads wait for each other."""

INLINED = {**UNCOUNTED, "forceinline": True}
"""Options for a part of a loop that has a name of its own: its machine code stands where it is called."""


def cached(function: Callable) -> Kernel:
    """Compile a loop that Python calls when it is first called, and keep it on disk with all that it calls.

    Its arguments are arrays, numbers, None, and tuples of these; its result is nothing or up to four whole
    numbers. Where numba is not to be imported, it is called by a :class:`~.kernel.Kernel` that names its module.
    """
    return Kernel(function.__module__, function.__qualname__, function, COMPILED)


def strict(function: Callable) -> Kernel:
    """Do the same with a loop that allocates nothing, and of which parts are inlined only if they are to be.

    That takes less time, and loops within loops have all registers for themselves.
    """
    return Kernel(function.__module__, function.__qualname__, function, UNCOUNTED, strict=True)
