"""The benchmarks run."""

import json
import subprocess
import sys

import pytest
from repository import ROOT

pytestmark = pytest.mark.slow


def test_features_are_measured_on_noise_without_projects_for_speed(tmp_path):
    """Without projects for speed, features are measured on noise; contestants that are not installed are left out."""
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", "--only", "features"]
    options = ["--perf", str(tmp_path / "none"), "--output", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    rows = {(row["section"], row["name"]): row for row in results["rows"]}
    for section in ("Features, 2D", "Features, 3D"):
        assert rows[section, "this project, left in cache"]["microseconds"] > 0
        assert "the same features" in rows[section, "SciPy"]["note"]
        assert rows[section, "SciPy"]["ratio"]["median"] > 0
    tables = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert all(note in tables for note in results["left_out"])
    assert "## Features, 3D" in done.stdout


def test_counting_is_measured_without_projects_for_speed(tmp_path):
    """It needs no projects for speed; the densities compared are the same, or it would fail."""
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", "--only", "counting"]
    done = subprocess.run([*command, "--output", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["rows"]}
    assert rows["scikit-learn"]["ratio"]["median"] > 0
    assert rows["scikit-learn"]["target"] == 5


def test_short_commands_are_measured_against_another_checkout(tmp_path):
    """Each command is run from copies of both checkouts; here they are the same."""
    command = [sys.executable, str(ROOT / "benchmarks" / "startup.py"), "--quick", "--only", "help"]
    options = ["--other", str(ROOT), "--output", str(tmp_path / "startup.md")]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == ["| `--help`", "| `run --help`", "| `nbp-ilastik --help`"]
    assert all(float(cell.split()[0]) > 0 for row in rows for cell in row[1:])
    assert (tmp_path / "startup.md").read_text(encoding="utf-8").endswith(done.stdout.split("Medians")[1])


def test_features_of_objects_are_measured(tmp_path):
    """Where vigra is installed the values are compared, or it would fail; otherwise the table says that it is not."""
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", "--only", "objects"]
    done = subprocess.run([*command, "--output", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    sections = {row["section"] for row in results["rows"]}
    features = {f"Object features, {name}" for name in ("five", "ilastik's choice", "all", "around objects")}
    assert sections == features | {"Object Classification, whole command"}
