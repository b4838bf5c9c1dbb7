"""Results as tables for people and as JSON for programs."""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rows import Row
from timing import Spread
from vigra_client import VigraWorker
from whole import MEMORY_TARGET, WholeRow

PACKAGES = (
    "napari-batch-prediction",
    "numpy",
    "numba",
    "fastfilters2",
    "opencv-python-headless",
    "scipy",
    "scikit-image",
    "scikit-learn",
)

Table = list[tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Results:
    """All results of one run: machine, settings, figures, and measurements that were left out."""

    machine: dict[str, str]
    quick: bool
    rounds: int
    rows: list[Row]
    whole: list[WholeRow]
    left_out: list[str]


def machine(vigra: VigraWorker | None) -> dict[str, str]:
    """Return the facts that the figures depend on: processor, system, versions."""
    cores = os.sched_getaffinity(0)
    facts = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": f"{_processor()}, {len(cores)} cores",
        "system": platform.platform(),
        "Python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return facts | ({"vigra": vigra.version} if vigra else {})


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write(results: Results, folder: Path) -> None:
    """Write ``results.json`` and ``results.md``."""
    (folder / "results.json").write_text(json.dumps(_plain(results), indent=1) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(text(results), encoding="utf-8")


def _plain(value: object) -> object:
    """Return a value as JSON has it, with the names of fields."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def text(results: Results) -> str:
    """Return all tables in Markdown."""
    rounds = "1 round" if results.rounds == 1 else f"the median of {results.rounds} rounds"
    parts = [
        "# Results",
        "\n".join(f"* {key}: {value}" for key, value in results.machine.items()),
        f"Each figure is {rounds}; in brackets the smallest and the largest. README.md says how to read them."
        + (" **A quick run: the figures say little.**" if results.quick else ""),
    ]
    for section in dict.fromkeys(row.section for row in results.rows):
        parts += [f"## {section}", _markdown(_section([row for row in results.rows if row.section == section]))]
    if results.whole:
        parts += ["## Whole commands", _markdown(_whole(results.whole))]
    if targets := _targets(results):
        parts += ["## Targets", _markdown([("", "wanted", "measured", ""), *targets])]
    if results.left_out:
        parts += ["## Not measured", "\n".join(f"* {note}" for note in results.left_out)]
    return "\n\n".join(parts) + "\n"


def _section(rows: Sequence[Row]) -> Table:
    table: Table = [("", "µs per pixel", "ratio", "to", "what it is")]
    for row in rows:
        ratio = _times(row.ratio) if row.ratio else ""
        table.append((row.name, f"{row.microseconds:.3g}", ratio, row.base or "", row.note))
    return table


def _whole(rows: Sequence[WholeRow]) -> Table:
    table: Table = [
        (
            "",
            "format",
            "wall s",
            "start-up s",
            "CPU s",
            "memory MB",
            "ilastik: wall s",
            "memory MB",
            "ratio",
            "factor",
            "calibrated ratio",
        )
    ]
    for row in rows:
        measured = (f"{value:.2f}" for value in (row.wall, row.start_up, row.cpu))
        ilastik = (f"{row.ilastik.wall:g}", f"{row.ilastik.memory:g}")
        factor = f"{row.factor.median:.2f}" if row.factor else ""
        calibrated = _times(row.calibrated) if row.calibrated else ""
        table.append(
            (row.name, row.format, *measured, f"{row.memory:.0f}", *ilastik, _times(row.raw), factor, calibrated)
        )
    return table


def _targets(results: Results) -> Table:
    table: Table = [
        _target(f"{row.section}: {row.name}", row.target, row.ratio.median)
        for row in results.rows
        if row.target and row.ratio
    ]
    for command in results.whole:
        what = f"{command.name}, {command.format}"
        if command.target and command.calibrated:
            table.append(_target(f"{what}: calibrated", command.target, command.calibrated.median))
        met = "met" if command.memory < MEMORY_TARGET else "missed"
        table.append((f"{what}: memory", f"< {MEMORY_TARGET:.0f} MB", f"{command.memory:.0f} MB", met))
    return table


def _target(what: str, wanted: float, measured: float) -> tuple[str, ...]:
    return what, f"{wanted:g} ×", f"{measured:.1f} ×", "met" if measured >= wanted else "missed"


def _times(ratio: Spread) -> str:
    return f"{ratio.median:.1f} × ({ratio.low:.1f} to {ratio.high:.1f})"


def _markdown(table: Table) -> str:
    """Return a table whose columns are also aligned where it is read as plain text."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
