"""Runs that are killed at random moments, ended by signals, or started all at once, and what is to be true afterwards.

Everything is imported and compiled once, here; each run is a process forked from this one. No format is used in this
process itself, since some libraries have threads, which a forked process lacks.
"""

import contextlib
import io
import os
import random
import re
import shutil
import signal
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import golden
import numpy as np
from PIL import Image

import napari_batch_prediction as nbp
from napari_batch_prediction import cli
from napari_batch_prediction.errors import BatchPredictionError, SettingsError
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import run_plan

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"
COUNTING = golden.ROOT / "h1_count_2d_u8" / "project.ilp"

FORMATS = {
    "hdf5": "compressed hdf5",
    "tiff": "tiff",
    "ome-zarr": "multi-scale OME-Zarr",
    "png": "png",
    "numpy": "numpy",
    "n5": "compressed n5",
}
TABLE = "table"
"""Stands in the place of a format for a job that also makes a table."""
SEGMENTATION, PROBABILITIES = "Simple Segmentation", "Probabilities"

# Rows and columns of the images; the last is cut into several tiles.
SHAPES = ((120, 150), (200, 180), (90, 300), (1100, 600))

# Names of files that only a run which is going on may have.
_TEMPORARY = re.compile(r".*\.(part|old|lock|compiling)")

_LONGEST_SECONDS = 120.0


@dataclass
class Report:
    """What a campaign saw: numbers of cases by what happened, and what was wrong."""

    title: str
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def check(self, number: int, faults: list[str]) -> None:
        """Count a case as right, or as wrong with the faults."""
        self.counts["tried"] += 1
        self.counts["wrong" if faults else "right"] += 1
        self.wrong += [f"{self.title} {number}: {fault}" for fault in faults]

    def __str__(self) -> str:
        return "\n".join([f"{self.title}: {', '.join(f'{n} {word}' for word, n in self.counts.items())}", *self.wrong])


def warm_up() -> None:
    """Import and compile what a run needs."""
    import h5py  # noqa: F401
    import tifffile  # noqa: F401
    import zarr  # noqa: F401

    with contextlib.suppress(ImportError):
        import tensorstore  # noqa: F401
    classifier = nbp.load_classifier(PROJECT)
    for source in (SEGMENTATION, PROBABILITIES):
        classifier.predict(np.zeros(SHAPES[0], np.uint8), axes="yx", source=source)
    nbp.load_classifier(COUNTING).predict(np.zeros(SHAPES[0], np.uint8), axes="yx", source="Density")


def save_images(folder: Path, shapes: tuple[tuple[int, int], ...] = SHAPES) -> list[Path]:
    """Write images that have all classes."""
    folder.mkdir(parents=True, exist_ok=True)
    sample = np.asarray(Image.open(PROJECT.with_name("test2.png")))
    paths = [folder / f"{i}.png" for i in range(len(shapes))]
    for i, (path, (height, width)) in enumerate(zip(paths, shapes, strict=True)):
        tiled = np.tile(sample, (height // sample.shape[0] + 1, width // sample.shape[1] + 1))
        Image.fromarray(np.roll(tiled[:height, :width], i, 1)).save(path)
    return paths


def make_job(images: list[Path], out: Path, format_: str, record: Path | None) -> nbp.BatchJob:
    """Return a job with one or two exports for each image, or one and a table."""
    if format_ == TABLE:
        tables = (nbp.Export(source="Density", format="numpy", folder=out), nbp.Export(source="Counts", folder=out))
        return nbp.BatchJob(classifier=COUNTING, inputs=[*map(str, images)], exports=tables, ledger=record, workers=2)
    sources = (SEGMENTATION,) if format_ == "png" else (SEGMENTATION, PROBABILITIES)
    exports = tuple(nbp.Export(source=source, format=FORMATS[format_], folder=out) for source in sources)
    return nbp.BatchJob(classifier=PROJECT, inputs=[*map(str, images)], exports=exports, ledger=record, workers=2)


def start(work: Callable[[], object]) -> int:
    """Do work in a forked process, whose exit status is 0 if it raises nothing; return its number."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            result = work()
            status = result if isinstance(result, int) else 0
    except SettingsError as error:
        status = 3 if "Another run" in str(error) else 1
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


REFUSED = 3
"""Exit status of a process that another run's ledger refused."""


def wait(child: int) -> int:
    """Return the exit status of a process, negative for a signal; one that hangs is killed."""
    end = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def kill_after(seconds: float, work: Callable[[], object], number: int = signal.SIGKILL) -> int:
    """Start work, send it a signal after a time, and return its exit status."""
    child = start(work)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)
    return wait(child)


def contents(folder: Path) -> dict[str, bytes]:
    """Return path and content of each file below a folder, but of ledgers; chunks of N5 as they are inflated."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jsonl")
    return {path.relative_to(folder).as_posix(): _content(path) for path in files if not _is_temporary(path, folder)}


def leftovers(*folders: Path) -> list[str]:
    """Return the temporary files in folders."""
    found = {path for folder in folders for path in folder.rglob("*") if _TEMPORARY.fullmatch(path.name)}
    return [f"{path.name} is left" for path in sorted(found)]


def _is_temporary(path: Path, folder: Path) -> bool:
    return any(_TEMPORARY.fullmatch(part) for part in path.relative_to(folder).parts)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if any(part.endswith(".n5") for part in path.parts) and path.suffix != ".json":
        # Equal values may be compressed to other bytes. Before them are 4 bytes, and 4 for each axis.
        header = 4 + 4 * int.from_bytes(content[2:4], "big")
        if content[header:].startswith(b"\x1f\x8b"):
            return content[:header] + zlib.decompress(content[header:], wbits=31)
    return content


def not_whole(there: Mapping[str, bytes], expected: Mapping[str, bytes]) -> list[str]:
    """Return what is wrong with files that have their names: each is the one of an undisturbed run."""
    return [f"{name} is not whole" for name, content in there.items() if expected.get(name) != content]


def record_faults(record: Path, statuses: set[str]) -> list[str]:
    """Return what is wrong with a ledger that is to have an end of each input, with one of these statuses."""
    try:
        rows = [recorded.row for recorded in read_record(record).inputs]
    except BatchPredictionError as error:
        return [str(error)]
    faults = [f"{record.name} has no end of an input" for row in rows if row is None]
    faults += [f"{row.input} is {row.status}: {row.reason}" for row in rows if row and row.status not in statuses]
    if b'"finish"' not in record.read_bytes().splitlines()[-1]:
        faults.append(f"{record.name} has no end")
    return faults


class Kills:
    """Runs in one format that are killed at random moments, and resumed.

    Parameters
    ----------
    folder
        A folder for images and outputs.
    format_
        One of :data:`FORMATS`, or :data:`TABLE`.
    seed
        The seed of the moments.
    """

    def __init__(self, folder: Path, format_: str, seed: int = 0) -> None:
        self.folder, self.format = folder, format_
        self.images = save_images(folder / "in")
        self.report = Report(f"kills, {format_}")
        self._rng = random.Random(seed)  # noqa: S311 - not for secrets
        quiet = folder / "quiet"
        for _ in range(2):
            shutil.rmtree(quiet, ignore_errors=True)
            begun = time.perf_counter()
            record = folder / "quiet.ledger.jsonl"
            record.unlink(missing_ok=True)
            job = make_job(self.images, quiet, format_, record)
            if wait(start(lambda job=job: job.run())) or record_faults(record, {"done"}):
                raise RuntimeError(f"{format_}: an undisturbed run fails: {record_faults(record, {'done'})}")
            self._seconds = time.perf_counter() - begun
        self.expected = contents(quiet)

    def kill(self, number: int, *, again: bool = False, second: bool = False) -> None:
        """Kill one run, resume it and check everything.

        Parameters
        ----------
        number
            The number of the case.
        again
            True to kill the resume as well, and resume that.
        second
            True to resume in two processes at once.
        """
        out, record = self.folder / f"out{number}", self.folder / f"{number}.ledger.jsonl"
        job = make_job(self.images, out, self.format, record)
        kill_after(self._moment(), lambda: job.run())
        faults = not_whole(contents(out), self.expected)
        midway = record.exists() and b'"begin"' in record.read_bytes() and b'"finish"' not in record.read_bytes()
        self.report.counts["killed midway"] += midway
        if not _is_complete(record):
            # Nothing was predicted: the message says to begin anew.
            faults += [f"{name} is there, but no whole ledger" for name in contents(out)]
            record.unlink(missing_ok=True)
            self.report.counts["begun anew"] += 1
        else:
            job = None
        resume = (lambda: run_plan(plan_resume(record))) if job is None else job.run
        if again and job is None:
            kill_after(self._moment() * 0.7, resume)
            self.report.counts["resume killed, too"] += 1
            faults += not_whole(contents(out), self.expected)
        if second and job is None:
            ends = [wait(child) for child in [start(resume), start(resume)]]
            self.report.counts["two resumes"] += 1
            self.report.counts["of these, one refused"] += REFUSED in ends
            if 0 not in ends or not {*ends} <= {0, REFUSED}:
                faults.append(f"two resumes ended with {ends}")
        if (status := wait(start(resume))) != 0:
            faults.append(f"the resume ended with {status}")
        faults += self._after(out, record)
        self.report.check(number, faults)
        shutil.rmtree(out, ignore_errors=True)
        for path in self.folder.glob(f"{number}.*"):
            path.unlink()

    def _after(self, out: Path, record: Path) -> list[str]:
        there = contents(out)
        faults = [f"{name} is missing" for name in self.expected if name not in there]
        faults += not_whole(there, self.expected) + leftovers(out) + record_faults(record, {"done"})
        lines = record.with_name(record.name.replace(".ledger.jsonl", ".csv"))
        if not lines.exists() or len(lines.read_text().splitlines()) != len(self.images) + 1:
            faults.append("the summary is not whole")
        return faults + [f"{path.name} is left" for path in self.folder.glob(".*")]

    def _moment(self) -> float:
        return self._rng.uniform(0.02, 1.05) * self._seconds


def _is_complete(record: Path) -> bool:
    """Return whether a ledger names all inputs of its run."""
    try:
        read_record(record)
    except BatchPredictionError:
        return False
    return True


def terminations(folder: Path, n: int, seed: int = 0) -> Report:
    """End ``n`` command lines by SIGTERM at random moments: the ledger has an end, and nothing temporary is left."""
    report, rng = Report("SIGTERM"), random.Random(seed)  # noqa: S311 - not for secrets
    images = save_images(folder / "in")
    seconds = 0.0
    for number in range(-1, n):
        out, record = folder / f"out{number}", folder / f"{number}.ledger.jsonl"
        format_ = FORMATS[[*FORMATS][number % len(FORMATS)]]
        options = ["--folder", out, "--ledger", record, "--format", format_, "--workers", "2", "--export", SEGMENTATION]
        arguments = [*map(str, ["run", PROJECT, *images, *options])]
        begun = time.perf_counter()
        moment = 1000 * seconds or _LONGEST_SECONDS
        if number < 0:
            if wait(start(lambda arguments=arguments: cli.main(arguments))) != 0:
                raise RuntimeError("an undisturbed run fails")
            seconds = time.perf_counter() - begun
            continue
        moment = rng.uniform(0.05, 1.0) * seconds
        status = kill_after(moment, lambda arguments=arguments: cli.main(arguments), signal.SIGTERM)
        # 0 if it had ended; the signal itself if it had not begun.
        faults = [] if status in (0, 128 + signal.SIGTERM, -signal.SIGTERM) else [f"the status is {status}"]
        if record.exists():
            faults += record_faults(record, {"done", "cancelled"})
            report.counts["ended midway"] += b'"cancelled"' in record.read_bytes()
        elif status == 0 or out.exists():
            faults.append("there is no ledger")
        report.check(number, faults + leftovers(out, folder))
        shutil.rmtree(out, ignore_errors=True)
    return report


def at_once(folder: Path, n_processes: int, n_times: int) -> Report:
    """Start processes that write into one folder at one moment, each an output of its own: each has its ledger."""
    report = Report(f"{n_processes} processes at once")
    (image,) = save_images(folder / "in", SHAPES[1:2])
    for turn in range(n_times):
        out = folder / f"out{turn}"
        go = time.time() + 1 + n_processes / 50
        children = [start(_starter(image, out, k, go)) for k in range(n_processes)]
        ends = [wait(child) for child in children]
        there = contents(out)
        expected = there.get(f"0_{SEGMENTATION}.npy")
        records = [*out.glob("*.ledger.jsonl")]
        faults = [fault for record in records for fault in record_faults(record, {"done"})]
        for k, status in enumerate(ends):
            own = [] if status == 0 else [f"process {k} ended with {status}"]
            if expected is None or there.get(f"{k}_{SEGMENTATION}.npy") != expected:
                own.append(f"the output of process {k} is not whole")
            report.check(turn, own)
        if faults or len(records) != n_processes or leftovers(out):
            report.check(turn, [*faults, *leftovers(out), f"{len(records)} ledgers"])
    return report


def _starter(image: Path, out: Path, k: int, go: float) -> Callable[[], object]:
    export = nbp.Export(source=SEGMENTATION, format="numpy", folder=out, name=f"{k}_{{source}}")
    job = nbp.BatchJob(classifier=PROJECT, inputs=[str(image)], exports=(export,), workers=1)

    def run() -> None:
        time.sleep(max(0.0, go - time.time()))
        ledger = job.run()
        if ledger.count("done") != 1:
            raise RuntimeError(ledger.rows[0].reason)

    return run


def kills(folder: Path, format_: str, n: int, n_again: int, n_second: int, seed: int = 0) -> Iterator[Report]:
    """Kill ``n`` runs of a format, of the first ones also the resume, of the next two at once; yield as it goes on."""
    campaign = Kills(folder, format_, seed)
    counts = campaign.report.counts
    for number in range(n):
        again = counts["resume killed, too"] < n_again
        campaign.kill(number, again=again, second=not again and counts["two resumes"] < n_second)
        yield campaign.report
