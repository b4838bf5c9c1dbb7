"""Good projects with something changed at random: none may crash, hang or take much memory when it is read.

For more than the tests do: ``python tests/support/project_mutations.py 5000``.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
from autocontext_writer import write_stages
from counting_writer import write_counting
from ilp_writer import put, write_project
from labelled_writer import write_labels
from object_writer import write_objects
from pickle_mutations import CHANGES
from repository import ENVIRONMENT, GOLDEN, TESTS

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ProjectError

WORKFLOWS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "pixel": (write_project, "a_2d_u8"),
    "labels": (write_labels, "c_2d_u16"),
    "autocontext": (write_stages, "i_autocontext_2d_u8"),
    "counting": (write_counting, "h1_count_2d_u8"),
    "objects": (write_objects, "n_objclass_2d_pred_hyst"),
}
# One in so many is a mutation of what ilastik saved.
GOLDEN_SHARE = 10
MEMORY = 2**30
# Of computing, and by the clock, which counts what other programs do.
SECONDS, WAIT = 10, 120
# Values of a dataset that is read to be changed.
_MOST = 10**6
_Random = np.random.Generator


def originals(workflow: str, folder: Path) -> list[bytes]:
    """Return a small project, and one that ilastik saved."""
    write, golden = WORKFLOWS[workflow]
    return [write(folder / "small.ilp").read_bytes(), (GOLDEN / golden / "project.ilp").read_bytes()]


def mutated(path: Path, projects: Sequence[bytes], number: int) -> None:
    """Write a project with one to four changes, of its bytes or of what is in it."""
    rng = np.random.default_rng(number)
    data = projects[number % GOLDEN_SHARE == 0]
    if number % 2:
        for _ in range(rng.integers(1, 5)):
            data = CHANGES[rng.integers(len(CHANGES))](data, projects, rng)
    path.write_bytes(data)
    if number % 2 == 0:
        with h5py.File(path, "r+") as file:
            for _ in range(rng.integers(1, 5)):
                change(file, rng)


def change(file: h5py.File, rng: _Random) -> None:
    """Change something of what is in a file."""
    names: list[str] = []
    file.visit(names.append)
    # Trees are many; all else is as likely as they are.
    others = [name for name in names if "Tree" not in name]
    chosen = others if rng.integers(4) else names
    if not chosen:
        return
    name, other = (chosen[rng.integers(len(chosen))] for _ in range(2))
    change_one = STRUCTURE[rng.integers(len(STRUCTURE))]
    # Not every change can be made everywhere.
    with suppress(OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError):
        change_one(file, name, other, rng)


def _remove(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    del file[name]


def _replace(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    del file[name]
    file.copy(other, name)


def _link(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    del file[name]
    links = (
        h5py.SoftLink(f"/{other}"),
        h5py.SoftLink(f"/{name}"),
        h5py.SoftLink("../nowhere"),
        h5py.ExternalLink("small.ilp", f"/{name}"),
        file[other],
        file["/"],
    )
    file[name] = links[rng.integers(len(links))]


def _sparse(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    stored = file[name]
    rank = int(rng.integers(0, 4))
    shape = tuple(int(10 ** rng.uniform(0, 9)) for _ in range(rank))
    dtype = stored.dtype if isinstance(stored, h5py.Dataset) and rng.integers(2) else np.dtype("i4")
    del file[name]
    chunks = tuple(int(min(n, 10 ** rng.uniform(0, 6))) for n in shape) if rank and rng.integers(2) else None
    file.create_dataset(name, shape, dtype, chunks=chunks, compression="gzip" if chunks and rng.integers(2) else None)


def _value(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    put(file, name, VALUES[rng.integers(len(VALUES))](rng))


def _numbers(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    stored = file[name]
    if not isinstance(stored, h5py.Dataset) or stored.dtype.kind not in "biuf" or stored.size >= _MOST:
        return
    values = np.array(stored[()]).ravel()
    for _ in range(rng.integers(1, 9) if values.size else 0):
        extremes = np.array([0, 1, -1, 255, 1e9, -1e9, 2**31 - 1, np.inf, np.nan, rng.integers(20)])
        with np.errstate(all="ignore"):
            values[rng.integers(min(values.size, 40))] = extremes[rng.integers(len(extremes))].astype(stored.dtype)
    put(file, name, values.reshape(stored.shape))


def _cut(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    stored = file[name]
    if not isinstance(stored, h5py.Dataset) or (stored.size or 0) >= _MOST:
        return
    values = np.atleast_1d(stored[()])
    put(file, name, values[: rng.integers(len(values) + 1)] if rng.integers(2) else np.concatenate([values] * 2))


def _attribute(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    attributes = file[name].attrs
    known = [*attributes, "axistags", "blockSlice", "isEmpty", "vigra_random_forest_version"]
    attributes[known[rng.integers(len(known))]] = VALUES[rng.integers(len(VALUES))](rng)


def _virtual(file: h5py.File, name: str, other: str, rng: _Random) -> None:
    stored = file[name]
    if isinstance(stored, h5py.Dataset) and stored.shape and stored.dtype.kind in "biuf":
        shape, dtype = stored.shape, stored.dtype
        del file[name]
        if rng.integers(2):
            external = [("small.ilp", 0, h5py.h5f.UNLIMITED)]
            file.create_dataset(name, shape, dtype, external=external)
        else:
            layout = h5py.VirtualLayout(shape, dtype)
            layout[...] = h5py.VirtualSource("none.h5", "data", shape=shape)
            file.create_virtual_dataset(name, layout)


STRUCTURE = (_remove, _replace, _link, _sparse, _value, _value, _numbers, _numbers, _cut, _attribute, _virtual)

VALUES: tuple[Callable[[_Random], object], ...] = (
    lambda rng: h5py.Empty("f4"),
    lambda rng: np.zeros(0),
    lambda rng: float(rng.normal()),
    lambda rng: int(rng.integers(-(2**62), 2**62)),
    lambda rng: rng.integers(0, 300, tuple(rng.integers(1, 9, rng.integers(1, 5)))),
    lambda rng: rng.normal(size=rng.integers(1, 2000)),
    lambda rng: np.array([2**63 - 1] * 3),
    lambda rng: np.zeros(3, complex),
    lambda rng: np.zeros((3, 2), [("a", "f4"), ("b", "S3")]),
    lambda rng: np.array([b"text", b"\xff\xfe"]),
    lambda rng: np.void(bytes(rng.integers(0, 256, 50, np.uint8))),
    lambda rng: [b"GaussianSmoothing", "µ".encode()],
    lambda rng: [b"x" * int(10 ** rng.uniform(0, 6.5))],
    lambda rng: b"9" * int(10 ** rng.uniform(0, 4.5)) + b".1",
    lambda rng: b'{"axes":' + b"[" * 10**4 + b"]" * 10**4 + b"}",
    lambda rng: json.dumps({"axes": [{"key": "yx"[i % 2], "resolution": 10**400} for i in range(2)]}).encode(),
    lambda rng: b'{"axes": ["y", 1, null, {}]}',
    lambda rng: b"[0:10,0:99999999,0:1]",
    lambda rng: "\udcff text",
)


def read_all(workflow: str, folder: Path, first: int, end: int) -> None:
    """Read mutations, and say how each went; the process ends with the first that takes too long."""
    projects = originals(workflow, folder)
    path = folder / "mutated.ilp"
    for number in range(first, end):
        mutated(path, projects, number)
        limit_time(SECONDS, WAIT)
        start = time.process_time()
        try:
            load_classifier(path)
            outcome = "read"
        except ProjectError as error:
            outcome = "refused" if len(str(error)) < 5000 else "long"
        except BaseException as error:  # whatever it is, it is what is looked for
            outcome = f"{type(error).__name__}: {str(error)[:200]!r}"
        limit_time(0, 0)
        print(json.dumps([number, outcome, round(time.process_time() - start, 2)]), flush=True)


def limit_time(seconds: int, wait: int) -> None:
    """End this process after so many seconds of computing, or by the clock; never if 0."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(wait)


def bound_memory() -> None:
    """Bound the memory of this process to what it has, and what reading may take."""
    with Path("/proc/self/statm").open() as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY,) * 2)


def run(workflow: str, first: int, end: int) -> tuple[Counter[str], float, list[str]]:
    """Read mutations of a workflow; see :func:`run_script`."""
    return run_script(Path(__file__), workflow, first, end)


def run_script(script: Path, name: str, first: int, end: int) -> tuple[Counter[str], float, list[str]]:
    """Let a script read mutations in a process of bounded memory, and in another one after each that ended it.

    Returns
    -------
    How many went how, the seconds of the slowest, and what else happened.
    """
    counts: Counter[str] = Counter()
    slowest, others = 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        while first < end:
            command = [sys.executable, str(script), name, folder, str(first), str(end)]
            paths = os.pathsep.join((ENVIRONMENT["PYTHONPATH"], str(TESTS / "support")))
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, env={**ENVIRONMENT, "PYTHONPATH": paths}
            )
            for line in ended.stdout.splitlines():
                first, outcome, seconds = json.loads(line)
                first, slowest = first + 1, max(slowest, seconds)
                kind = outcome if outcome in ("read", "refused") else "other"
                counts[kind] += 1
                if kind == "other":
                    others.append(f"{name} {first - 1}: {outcome}")
            if first < end:
                counts["other"] += 1
                others.append(f"{name} {first}: ended with {ended.returncode} {ended.stderr[-300:]}")
                first += 1
    return counts, slowest, others


if __name__ == "__main__":
    if len(sys.argv) > 3:
        bound_memory()
        read_all(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        for name in WORKFLOWS:
            print(name, *run(name, 0, int(sys.argv[1])), flush=True)
