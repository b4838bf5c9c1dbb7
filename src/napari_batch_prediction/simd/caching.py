"""Compiled loops kept on disk, and renewed when any file that they are compiled from changes.

numba keeps a loop together with all that the loop calls, but compares only the file that holds the loop. Here the
names of the files on disk carry a stamp of the sources of all loops, so that a loop of other sources is never found:
after an upgrade, in a checkout, or beside a process that still runs the sources before. Files that are damaged or of
another numba are not found either, since each ends with a digest. Where nothing can be kept, loops are compiled
each time, and an event of numba says why.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from pathlib import Path
from typing import Any

import numba
from numba import njit
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, NullCache

from napari_batch_prediction.turns import Turn

COMPILED = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
"""Options of numba for every compiled loop: without the interpreter lock, and without checks."""

UNCOUNTED = {**COMPILED, "_nrt": False}
"""Options for functions that are called for every few pixels and allocate nothing: references to arrays are not
counted, which would take longer than the work and make threads wait for each other."""

INLINED = {**UNCOUNTED, "forceinline": True}
"""Options for a part of a loop that has a name of its own: its machine code stands where it is called."""

ROOMS = ("engine", "features", "forest", "objects", "simd")
"""Folders of the package that loops are compiled from."""

WAITING = "napari-batch-prediction:waiting"
"""Event of numba: a loop is not on disk, and is compiled here or, at this moment, by another process."""

NOT_KEPT = "napari-batch-prediction:not kept"
"""Event of numba: a loop cannot be kept on disk; its data are the reason."""


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


DIGEST_SIZE = hashlib.sha256().digest_size


class NotOnDiskError(Exception):
    """A loop is not on disk, and is not to be compiled in this thread."""


_only_from_disk = ContextVar("only from disk", default=False)


@contextmanager
def only_from_disk() -> Iterator[None]:
    """Raise NotOnDiskError in this thread for loops that would have to be compiled and could be kept."""
    token = _only_from_disk.set(True)
    try:
        yield
    finally:
        _only_from_disk.reset(token)


# The folders in which loops are kept.
_folders: set[Path] = set()


def any_kept() -> bool:
    """Return True if a loop of these sources is kept on disk."""
    return any(any(folder.glob(f"*-{stamp()}.nbi")) for folder in _folders)


class _StampedFiles(CompileResultCacheImpl):
    """The files of one loop: numba's names, and the stamp."""

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        return f"{super().get_filename_base(fullname, abiflags)}-{stamp()}"


class _CheckedFiles(IndexDataCacheFile):
    """The index and the loops on disk, each before its digest: a file that was cut or changed counts as absent."""

    def _load_index(self) -> dict[Any, str]:
        index: dict[Any, str] = super()._load_index() if self._is_whole(self._index_path) else {}
        return index

    def _load_data(self, name: str) -> Any:
        return super()._load_data(name) if self._is_whole(self._data_path(name)) else None

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BytesIO]:
        with super()._open_for_write(filepath) as file:
            content = BytesIO()
            yield content
            file.write(content.getvalue() + self._digest(content.getvalue()))

    def _is_whole(self, path: str) -> bool:
        try:
            content = Path(path).read_bytes()
        except OSError:
            return False
        return content[-DIGEST_SIZE:] == self._digest(content[:-DIGEST_SIZE])

    def _digest(self, content: bytes) -> bytes:
        return hashlib.sha256(numba.__version__.encode() + content).digest()


class _StampedCache(FunctionCache):
    """numba's cache of one loop, in stamped files; of processes that need the same loop one compiles it."""

    _impl_class = _StampedFiles

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        source_stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _CheckedFiles(self._cache_path, self._impl.filename_base, source_stamp)
        _folders.add(Path(self._cache_path))
        self._turn = Turn(Path(self._cache_path, f"{self._impl.filename_base}.compiling"))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        loop = super().load_overload(sig, target_context)
        if loop is None and _only_from_disk.get():
            raise NotOnDiskError
        if loop is None:
            with event.trigger_event(WAITING):
                self._turn.take()
            loop = super().load_overload(sig, target_context)
            if loop is not None:
                self._turn.give_back()
        return loop

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say_not_kept(f"{error.strerror or error}: '{self.cache_path}'")
        finally:
            self._turn.give_back()
        # The folder belongs to this package alone: a __pycache__, or one for each folder of sources elsewhere.
        for path in Path(self.cache_path).glob("*.nb[ic]"):
            if f"-{stamp()}." not in path.name:
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    # Windows keeps a file that another process reads; it goes the next time.
                    continue


class _NoCache(NullCache):
    """Stands for the cache where no folder can be written, neither beside the sources nor in the user's cache."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        _say_not_kept("there is no folder that can be written")


def _say_not_kept(reason: str) -> None:
    event.start_event(NOT_KEPT, {"reason": reason})


def cached(function: Callable) -> Any:
    """Compile a loop that Python calls when it is first called, and keep it on disk with all that it calls."""
    loop = njit(**COMPILED)(function)
    try:
        loop._cache = _StampedCache(function)
    except (RuntimeError, OSError):
        loop._cache = _NoCache()
    return loop
