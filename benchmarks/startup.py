"""Measure whole short commands against another checkout: what starting, importing and loading take.

    python benchmarks/startup.py --other CHECKOUT [--perf FOLDER] [--rounds 20] [--output FILE]

Both are copied into a temporary folder with their byte code, so that neither finds what the other has compiled, and run
in turns. A ratio is this checkout's figure by the other's within a round. It needs Linux. The table is written to
startup.md beside this file, unless it is a quick look.
"""

import argparse
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from timing import Spread, spread

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "src" / "napari_batch_prediction" / "samples" / "nuclei"
NAMES = "this", "other"
# As the installed commands do it.
COMMAND = "from napari_batch_prediction.cli import console; console()"
UNUSABLE = 2
ILASTIK = "from napari_batch_prediction.headless.command import console; console()"


class Figures(NamedTuple):
    """Seconds by the clock and of the processor, and peak memory in MB."""

    wall: float
    cpu: float
    memory: float


class Command(NamedTuple):
    """A command to measure: its name, its arguments, its code, and whether nothing is to be compiled before."""

    name: str
    arguments: tuple[str, ...]
    code: str = COMMAND
    is_cold: bool = False


class Row(NamedTuple):
    """The medians of both, and the ratios; None for the other if it does not know the command."""

    name: str
    this: Figures
    other: Figures | None
    wall: Spread | None
    cpu: Spread | None


def commands(perf: Path | None, quick: bool) -> list[Command]:
    """Return what is measured."""
    write = ("--format", "hdf5", "--folder", "{results}")
    nuclei = ("run", str(SAMPLE / "nuclei.ilp"), str(SAMPLE / "nuclei_01.png"), *write)
    found = [
        Command("`run`, one image of 512 x 512", nuclei),
        Command("`check`, the same", ("check", *nuclei[1:])),
        Command("`info`", ("info", nuclei[1])),
        Command("`--help`", ("--help",)),
        Command("`run --help`", ("run", "--help")),
        Command("`--version`", ("--version",)),
        Command("`nbp-ilastik --help`", ("--help",), ILASTIK),
        Command("`nbp-ilastik --version`", ("--version",), ILASTIK),
        Command("`import napari_batch_prediction`", (), "import napari_batch_prediction"),
        Command("Python itself", (), "pass"),
    ]
    if perf is not None and not quick:
        big = ("run", str(perf / "p2d_all.ilp"), str(perf / "big2048.png"), *write)
        found.insert(1, Command("`run`, one image of 2048 x 2048", big))
    return found if quick else [*found, Command("`run`, nothing compiled yet", nuclei, is_cold=True)]


class Place:
    """A copy of a checkout's package, with a home of its own for what it compiles."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(
            checkout / "src" / "napari_batch_prediction", folder / "napari_batch_prediction", ignore=ignored
        )
        self._compile()

    def run(self, command: Command) -> Figures | None:
        """Measure a command; None if this checkout does not know it."""
        results = self.folder / "results"
        home = self.folder / "home"
        if command.is_cold:
            shutil.rmtree(home, ignore_errors=True)
            for cache in self.folder.rglob("__pycache__"):
                shutil.rmtree(cache)
            self._compile()
        names = ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")
        environment = {**os.environ, "PYTHONPATH": str(self.folder), **dict.fromkeys(names, str(home))}
        arguments = [argument.replace("{results}", str(results)) for argument in command.arguments]
        measure = [sys.executable, "-I", str(Path(__file__).with_name("measure.py"))]
        code = f"import sys; sys.argv[0] = 'command'; {command.code}"
        program = [sys.executable, "-c", code, *arguments]
        done = subprocess.run([*measure, *program], capture_output=True, text=True, env=environment)
        shutil.rmtree(results, ignore_errors=True)
        if done.returncode == UNUSABLE or "No module named" in done.stderr:
            return None
        if done.returncode:
            raise RuntimeError(f"This failed: {' '.join(program)}\n{done.stderr}")
        return Figures(**json.loads(done.stdout))

    def _compile(self) -> None:
        compileall.compile_dir(self.folder, quiet=1)


def measure(command: Command, places: Sequence[Place], rounds: int) -> Row:
    """Measure a command in both places in turns, after one round that does not count."""
    if not command.is_cold:
        for place in places:
            place.run(command)
    runs = [[place.run(command) for place in places] for _ in range(rounds)]
    this = [pair[0] for pair in runs]
    pairs = [(a, b) for a, b in runs if b is not None]
    if not pairs:
        return Row(command.name, _median(this), None, None, None)
    walls, cpus = [a.wall / b.wall for a, b in pairs], [a.cpu / b.cpu for a, b in pairs]
    return Row(command.name, _median(this), _median([b for _, b in pairs]), spread(walls), spread(cpus))


def _median(runs: Sequence[Figures]) -> Figures:
    # Memory is the largest of all runs.
    wall, cpu = (spread([getattr(run, name) for run in runs]).median for name in ("wall", "cpu"))
    return Figures(wall, cpu, max(run.memory for run in runs))


def table(rows: Sequence[Row], rounds: int, cold_rounds: int) -> str:
    """Return the rows as a table."""
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"Medians of {rounds} pairs, {cold_rounds} where nothing is compiled yet; {cores} cores. "
        "Milliseconds by the clock and of the processor, MB.",
        "",
        "| Command | this, clock | processor | memory | other, clock | processor | memory | ratio, clock | processor |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row.name, *_cells(row.this), *(_cells(row.other) if row.other else ("-",) * 3)]
        cells += [_ratio(row.wall), _ratio(row.cpu)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cells(figures: Figures) -> tuple[str, ...]:
    return f"{1000 * figures.wall:.0f}", f"{1000 * figures.cpu:.0f}", f"{figures.memory:.0f}"


def _ratio(ratio: Spread | None) -> str:
    return "-" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--other", type=Path, required=True, help="another checkout of this project")
    parser.add_argument("--perf", type=Path, default=ROOT.parent / "shared" / "perf", help="images for speed")
    parser.add_argument("--rounds", type=int, default=20, help="pairs")
    parser.add_argument("--cold-rounds", type=int, default=3, help="pairs with nothing compiled yet")
    parser.add_argument("--only", default="", help="only commands with this in their name")
    parser.add_argument("--quick", action="store_true", help="one pair of the short commands")
    parser.add_argument("--output", type=Path, help="the table")
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    perf = given.perf if given.perf.is_dir() else None
    with tempfile.TemporaryDirectory() as scratch:
        checkouts = zip(NAMES, (ROOT, given.other), strict=True)
        places = [Place(checkout, Path(scratch) / name) for name, checkout in checkouts]
        rows = []
        for command in commands(perf, given.quick):
            if given.only in command.name:
                rows.append(measure(command, places, given.cold_rounds if command.is_cold else rounds))
                print(f"{rows[-1].name}: {_ratio(rows[-1].wall)} by the clock", file=sys.stderr)
    made = table(rows, rounds, given.cold_rounds)
    print(made, end="")
    output = given.output or (None if given.quick or given.only else Path(__file__).with_name("startup.md"))
    if output is not None:
        output.write_text(f"# Start-up\n\n{made}", encoding="utf-8")


if __name__ == "__main__":
    main()
