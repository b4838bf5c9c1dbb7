"""Good images, projects and records with something changed at random: a batch reads or refuses each, and goes on.

For more than the tests do: ``python tests/support/mutations.py 5000``, with names of what to change after it. The
number of a change is its seed; ``5000-10000`` are others.
"""

import json
import re
import shutil
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import project_mutations
from image_originals import ORIGINALS
from numpy.typing import NDArray
from pickle_mutations import CHANGES
from record_mutations import mutated as mutated_record
from threshold import Threshold, plan_for, save_images

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning import classifier as classifiers_of_jobs
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import run_plan

RECORD = "record"
NAMES = (*ORIGINALS, *project_mutations.WORKFLOWS, RECORD)
# A change may make an image large and leave it readable: predicting it may then take as long as it wants.
_ENOUGH = 2.0
_MEMORY_ENDED = re.compile(r"MemoryError|[Uu]nable to allocate|[Cc]annot allocate|bad_alloc")
_JSON = (".json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")
_Random = np.random.Generator


class Flat(Threshold):
    """A classifier that takes every image, and says nothing about it."""

    def check(self, axes: str, shape: Sequence[int], dtype: np.dtype | None = None) -> None:
        pass

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        return {"Simple Segmentation": np.ones_like(block[:1][(slice(None), *inner)], np.uint8)}


def originals(name: str, folder: Path) -> list[Path]:
    """Write the images of a format."""
    extension, writes = ORIGINALS[name]
    folder.mkdir()
    paths = [folder / f"{i}.{extension}" for i in range(len(writes))]
    for path, write in zip(paths, writes, strict=True):
        write(path)
    return paths


def mutate(path: Path, images: Sequence[Path], number: int) -> None:
    """Write an image with one to four changes."""
    rng = np.random.default_rng(number)
    original = images[number % len(images)]
    if original.is_dir():
        shutil.copytree(original, path)
        members = sorted(item for item in path.rglob("*") if item.is_file())
        for _ in range(rng.integers(1, 3)):
            _change_member(members[rng.integers(len(members))], members, rng)
        return
    contents = [image.read_bytes() for image in images]
    data = original.read_bytes()
    changes_structure = path.suffix == ".h5" and rng.integers(2)
    for _ in range(0 if changes_structure else rng.choice((1, 1, 2, 4))):
        data = CHANGES[rng.integers(len(CHANGES))](data, contents, rng)
    if path.suffix == ".png" and rng.integers(2):
        data = _sealed(data)
    path.write_bytes(data)
    if changes_structure:
        with h5py.File(path, "r+") as file:
            for _ in range(rng.integers(1, 4)):
                project_mutations.change(file, rng)


def _change_member(member: Path, members: Sequence[Path], rng: _Random) -> None:
    kind = rng.integers(8)
    if not member.exists():
        return
    if kind == 0:
        member.unlink()
        return
    data = member.read_bytes()
    if kind == 1:
        with suppress(OSError):  # removed already
            data = members[0].read_bytes()
    elif kind < 5 and member.name.endswith(_JSON):
        # Of one line, as those of a record are.
        data = mutated_record([b" ".join(data.splitlines())], int(rng.integers(2**31)))
    else:
        data = CHANGES[rng.integers(len(CHANGES))](data, [data], rng)
    member.write_bytes(data)


def _sealed(data: bytes) -> bytes:
    """Return a PNG with right checksums, so that a change reaches further than to the first of them."""
    sealed, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        if at + 12 + length > len(data):
            break
        sealed += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return sealed + data[at:]


def attempt(path: Path, folder: Path, classifier: Flat) -> str:
    """Plan and run a batch of one image; return what became of it."""
    job = BatchJob(
        classifier=Path(__file__),
        inputs=(str(path),),
        exports=(Export(source="Simple Segmentation", format="numpy", folder=folder / "out"),),
        workers=1,
        memory=2**29,
    )
    try:
        plan = make_plan(job, classifier)
    except BatchPredictionError as error:
        return _refused(Problem.of(error))
    problems = [problem for row in plan.rows for problem in row.problems]
    if problems:
        return next((kind for kind in map(_refused, problems) if kind != "refused"), "refused")
    end = time.monotonic() + _ENOUGH
    try:
        rows = run_plan(plan, should_cancel=lambda: time.monotonic() > end).rows
    except BatchPredictionError as error:
        return _refused(Problem.of(error))
    for row in rows:
        if row.trace:
            return f"trace: {row.trace}"
        if row.status in ("failed", "problem"):
            return _refused(Problem("image", row.reason))
    return "read"


def _refused(problem: Problem) -> str:
    if problem.kind == "unexpected" or _MEMORY_ENDED.search(problem.text):
        return f"{problem.kind}: {problem.text}"
    return "refused" if problem.text and len(problem.text) < 5000 else f"text of {len(problem.text)}"


def record(folder: Path) -> list[bytes]:
    """Return the lines of the record of a run."""
    paths = save_images(folder, "a", "b", "c")
    path = run_plan(plan_for(paths, ledger=folder / "good.ledger.jsonl")).path
    return path.read_bytes().splitlines(keepends=True) if path is not None else []


def attempt_record(path: Path) -> str:
    """Read and resume a record; return what became of it."""
    try:
        read_record(path)
        plan_resume(path)
    except BatchPredictionError as error:
        return _refused(Problem.of(error))
    return "read"


def attempt_all(name: str, folder: Path, first: int, end: int) -> None:
    """Try mutations, and say how each went; the process ends with the first that takes too long."""
    work = Path(tempfile.mkdtemp(dir=folder))
    is_record = name == RECORD
    lines = record(work) if is_record else []
    images = [] if is_record else originals(name, work / "originals")
    classifier = Flat(Path(__file__))
    classifiers_of_jobs.load_classifier = Flat  # type: ignore[assignment,misc]
    for number in range(first, end):
        place = work / str(number)
        place.mkdir()
        path = place / ("mutated.ledger.jsonl" if is_record else f"mutated.{ORIGINALS[name][0]}")
        if is_record:
            path.write_bytes(mutated_record(lines, number))
        else:
            mutate(path, images, number)
        project_mutations.limit_time(project_mutations.SECONDS, project_mutations.WAIT)
        start = time.process_time()
        try:
            outcome = attempt_record(path) if is_record else attempt(path, place, classifier)
        except BaseException as error:  # whatever it is, it is what is looked for
            outcome = f"{type(error).__name__}: {str(error)[:200]!r}"
        project_mutations.limit_time(0, 0)
        print(json.dumps([number, outcome, round(time.process_time() - start, 2)]), flush=True)
        shutil.rmtree(place, ignore_errors=True)


def run(name: str, first: int, end: int) -> tuple[Counter[str], float, list[str]]:
    """Try mutations of a format in a process of bounded memory, in another one after each that ended it.

    Returns
    -------
    How many went how, the seconds of the slowest, and what else happened.
    """
    if name in project_mutations.WORKFLOWS:
        return project_mutations.run(name, first, end)
    return project_mutations.run_script(Path(__file__), name, first, end)


if __name__ == "__main__":
    if sys.argv[1].replace("-", "").isdigit():
        start, _, stop = sys.argv[1].rpartition("-")
        first, last = int(start or 0), int(stop)
        print("what         tried   read  refused  other  slowest (s)")
        for name in sys.argv[2:] or NAMES:
            counts, slowest, others = run(name, first, last)
            print(f"{name:12}" + "".join(f"{n:7}" for n in (last - first, counts["read"], counts["refused"])), end="")
            print(f"{counts['other']:7}{slowest:9.1f}", *(f"    {other}" for other in others), sep="\n  ", flush=True)
    else:
        project_mutations.bound_memory()
        attempt_all(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
