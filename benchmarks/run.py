"""Measure this project against others: features, the forest, Autocontext, counting, objects, whole commands.

    python benchmarks/run.py [--quick] [--only features|forest|training|autocontext|counting|objects|whole]
        [--perf FOLDER] [--output FOLDER]

See README.md beside this file.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import autocontext
import counting
import features
import forest
import object_features
import plot
import report
import training
import whole
from inputs import ROOT, Setting, left_out
from timing import keep_memory
from vigra_client import VigraWorker

SECTIONS = ("features", "forest", "training", "autocontext", "counting", "objects", "whole")
ROUNDS = 7
QUICK_ROUNDS = 1


def main() -> int:
    """Measure as the arguments say and write the results."""
    parser = argparse.ArgumentParser(description="Measure this project against others.")
    parser.add_argument("--quick", action="store_true", help="small inputs, one round: to see that it works")
    parser.add_argument("--only", choices=SECTIONS, help="measure only this")
    parser.add_argument(
        "--perf",
        metavar="FOLDER",
        type=Path,
        default=ROOT.parent / "shared" / "perf",
        help="projects and images for speed (default: ../shared/perf)",
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=Path,
        help="where to write results.json, results.md and benchmark.png (default: beside this file, and the plot to "
        "docs/images)",
    )
    arguments = parser.parse_args()

    keep_memory()
    wanted = (arguments.only,) if arguments.only else SECTIONS
    not_measured: list[str] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            vigra = stack.enter_context(VigraWorker())
        except ImportError as error:
            vigra = None
            not_measured.append(str(error))
        perf = arguments.perf if arguments.perf.is_dir() else None
        rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
        setting = Setting(arguments.quick, rounds, perf, scratch, vigra, not_measured)
        rows = []
        if "features" in wanted:
            rows += features.measure(setting)
        if "forest" in wanted:
            rows += forest.measure(setting)
        if "training" in wanted:
            rows += training.measure(setting)
        if "autocontext" in wanted:
            rows += autocontext.measure(setting)
        if "counting" in wanted:
            rows += counting.measure(setting)
        if "objects" in wanted:
            rows += object_features.measure(setting)
        commands = whole.measure(setting) if "whole" in wanted else []

    results = report.Results(report.machine(vigra), arguments.quick, rounds, rows, commands, not_measured)
    folder = arguments.output or Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    with left_out(setting, "matplotlib"):
        plot.write(results, (arguments.output or ROOT / "docs" / "images") / "benchmark.png")
    report.write(results, folder)
    print(report.text(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
