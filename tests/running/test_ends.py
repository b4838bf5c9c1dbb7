"""Runs that are killed, ended by signals, or started at once: a few of what `tests/stress` does many times."""

import os
import subprocess
import sys

import pytest
from repository import ENVIRONMENT, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="processes are forked and killed")]

KINDS = ("hdf5", "tiff", "ome-zarr", "png", "numpy", "n5", "table")


def check(*arguments: str) -> None:
    """Run a campaign in a process of its own, which has no threads when it forks others: nothing is wrong."""
    command = [sys.executable, str(ROOT / "tests" / "stress"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "right" in result.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_run_killed_at_any_moment_is_resumed_to_the_same_values(kind):
    """What has a name is whole; resumed, also by a process that is killed, or by two at once, it is as undisturbed."""
    check("kills", "--formats", kind, "-n", "10", "--again", "3", "--second", "2")


def test_run_ended_at_any_moment_has_a_record_with_an_end():
    """Of each format, and nothing temporary is left."""
    check("terms", "-n", "14")


def test_processes_that_begin_at_once_write_into_one_folder():
    """Each has its output and its ledger."""
    check("crowd", "-n", "30", "--times", "1")
