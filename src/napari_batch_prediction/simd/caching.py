"""Compiled loops kept on disk, and renewed when any file that they are compiled from changes.

numba keeps a loop together with all that the loop calls, but compares only the file that holds the loop. Here the
names of the files on disk carry a stamp of the sources of all loops, so that a loop of other sources is never found:
after an upgrade, in a checkout, or beside a process that still runs the sources before.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache

COMPILED = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
"""Options of numba for every compiled loop: without the interpreter lock, and without checks."""

UNCOUNTED = {**COMPILED, "_nrt": False}
"""Options for functions that are called for every few pixels and allocate nothing: references to arrays are not
counted, which would take longer than the work and make threads wait for each other."""

INLINED = {**UNCOUNTED, "forceinline": True}
"""Options for a part of a loop that has a name of its own: its machine code stands where it is called."""

ROOMS = ("engine", "features", "forest", "simd")
"""Folders of the package that loops are compiled from."""


def _sources(folder: Traversable) -> Iterator[Traversable]:
    """Iterate over the Python files of a folder in the order of their names; a frozen program has none."""
    if folder.is_dir():
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                yield entry
            elif entry.name != "__pycache__":
                yield from _sources(entry)


@cache
def stamp() -> str:
    """Return a digest of the sources of all loops."""
    digest = hashlib.sha256()
    package = files(__name__.partition(".")[0])
    for room in ROOMS:
        for source in _sources(package.joinpath(room)):
            content = source.read_bytes()
            digest.update(f"{room} {source.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


class _StampedFiles(CompileResultCacheImpl):
    """The files of one loop: numba's names, and the stamp."""

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        return f"{super().get_filename_base(fullname, abiflags)}-{stamp()}"


class _StampedCache(FunctionCache):
    """numba's cache of one loop, in stamped files."""

    _impl_class = _StampedFiles

    def save_overload(self, sig: Any, data: Any) -> None:
        super().save_overload(sig, data)
        # The folder belongs to this package alone: a __pycache__, or one for each folder of sources elsewhere.
        for path in Path(self.cache_path).glob("*.nb[ic]"):
            if f"-{stamp()}." not in path.name:
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    # Windows keeps a file that another process reads; it goes the next time.
                    continue


def cached(function: Callable) -> Any:
    """Compile a loop that Python calls when it is first called, and keep it on disk with all that it calls."""
    loop = njit(**COMPILED)(function)
    try:
        loop._cache = _StampedCache(function)
    except RuntimeError:
        # No folder can be written, neither beside the sources nor in the user's cache: each process compiles.
        return loop
    return loop
