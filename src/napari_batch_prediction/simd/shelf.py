"""Compiled loops on disk: found as long as no source of any loop changes, on computers of the same kind.

A file holds the machine code of one loop for one signature, and a digest, so that a file that was damaged counts as
absent. Its name carries a stamp of the sources of all loops, and a key of everything else that the code depends on:
the processor, the versions of Python and of the compiler, the signature. So a loop of other sources is never found:
after an upgrade, in a checkout, or beside a process that still runs the sources before.
"""

import hashlib
import json
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from napari_batch_prediction.simd import loading
from napari_batch_prediction.simd.signature import Type

ROOMS = ("engine", "features", "forest", "objects", "simd")
"""Folders of the package that loops are compiled from."""

DIGEST_SIZE = hashlib.sha256().digest_size

_PACKAGE = Path(__file__).parents[1]

# What numba is told by variables and what changes its code.
_SETTINGS = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX")


class Job(NamedTuple):
    """A loop, by its module and name, and the types of its arguments."""

    module: str
    name: str
    signature: tuple[Type, ...]

    @property
    def symbol(self) -> str:
        """The name of the loop in machine code, different for all that it depends on but the sources."""
        return f"loop_{_digest(json.dumps([_machine(), *self]).encode())}"

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"{self.module.rpartition('.')[2]}.{self.name}-{stamp()}-{self.symbol}.bin"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def read_stamp() -> str:
    """Return a digest of the sources of all loops as they are on disk; a frozen program has none."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for folder, folders, names in os.walk(_PACKAGE / room):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                if name.endswith(".py"):
                    content = Path(folder, name).read_bytes()
                    digest.update(f"{room} {name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


_stamp = cache(read_stamp)


def stamp() -> str:
    """Return the digest of the sources of all loops, as they were when the first of them was asked for."""
    return _stamp()


@cache
def _machine() -> list[str]:
    """Return what loops depend on beside sources and signatures."""
    versions = [_version_of(name) for name in ("numba", "llvmlite")]
    return [*loading.target(), sys.version, *versions, *(os.environ.get(name, "") for name in _SETTINGS)]


def _version_of(library: str) -> str:
    """Return a digest of the file that holds the version of a library: importing it, or its metadata, takes longer."""
    spec = find_spec(library)
    folders = (spec and spec.submodule_search_locations) or ()
    for folder in folders:
        with suppress(OSError):
            return _digest(Path(folder, "_version.py").read_bytes())
    return ""


def _places() -> Iterator[Path]:
    """Iterate over the folders in which loops may be kept, the best first."""
    # Copies of the package have folders of their own, so that none removes what another needs.
    own = f"napari_batch_prediction_{_digest(str(_PACKAGE).encode())}"
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(chosen, own)
    yield _PACKAGE / "__pycache__"
    with suppress(RuntimeError):
        yield _users_cache() / own


def _users_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@cache
def folder() -> Path | None:
    """Return the folder in which this process keeps loops: the first that can be written, None if there is none."""
    for place in _places():
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=place, prefix="writable"):
                return place
    return None


def any_kept() -> bool:
    """Return True if a loop of these sources is kept on disk."""
    return any(any(place.glob(f"*-{stamp()}-*.bin")) for place in _places())


def find(job: Job) -> bytes | None:
    """Return the machine code of a loop; None if it is not kept, or damaged. Folders need not be writable."""
    for place in _places():
        with suppress(OSError):
            content = (place / job.file_name).read_bytes()
            code, digest = content[:-DIGEST_SIZE], content[-DIGEST_SIZE:]
            if hashlib.sha256(code).digest() == digest:
                return code
    return None


def keep(job: Job, code: bytes) -> None:
    """Keep the machine code of a loop, and remove loops of other sources.

    Raises
    ------
    OSError
        If there is no folder that can be written, or no space.
    """
    place = folder()
    if place is None:
        raise OSError("there is no folder that can be written")
    temporary = place / f"{job.file_name}.{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_bytes(code + hashlib.sha256(code).digest())
        temporary.replace(place / job.file_name)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise OSError(f"{error.strerror or error}: '{place}'") from error
    _remove_old(place)


def _remove_old(place: Path) -> None:
    """Remove loops of other sources, and those of versions that kept them as numba does."""
    old = [path for path in place.glob("*.bin") if f"-{stamp()}-" not in path.name]
    if place.parent == _PACKAGE:
        old += [path for room in ROOMS for path in (_PACKAGE / room).glob("**/__pycache__/*.nb[ic]")]
    for path in old:
        # Windows keeps a file that another process reads; it goes the next time.
        with suppress(OSError):
            path.unlink(missing_ok=True)
