"""A limit on memory: what needs more is refused with the reason and the limit that suffices; the rest stays below."""

import re
import struct
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from threshold import plan_for

from napari_batch_prediction.job.spelling import parse_size
from napari_batch_prediction.planning.memory import process_bytes
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.running.task import make_tasks

LIMIT = 2**29
SIDE = 30_000


@pytest.fixture
def huge(tmp_path):
    """A GIF of a few bytes with 900 megapixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0x80, 0, 0) + bytes(6)
    path = tmp_path / "huge.gif"
    path.write_bytes(head + b"," + bytes(4) + struct.pack("<HHB", 1, 1, 0) + b"\2\2\x44\1\0;")
    return path


@pytest.mark.usefixtures("small_process")
def test_picture_that_is_decoded_whole_is_refused_with_the_limit_that_suffices(huge, tmp_path):
    """The plan says what takes the memory and the smallest limit; with that, the image has no problem."""
    np.save(tmp_path / "small.npy", np.zeros((20, 20), np.uint8))
    plan = plan_for([huge, tmp_path / "small.npy"], memory=LIMIT)
    (problem,) = plan.rows[0].problems
    assert (problem.kind, problem.setting) == ("memory", "memory")
    assert "limit of 537 MB of memory is too small" in problem.text
    assert "needed for decoding the image as a whole" in problem.text
    assert plan.rows[1].problems == ()
    least = parse_size(re.search(r"Allow (\d+MB)", problem.text)[1])
    assert plan_for([huge], memory=least).rows[0].problems == ()
    assert plan_for([huge], memory=least * 8 // 10).rows[0].problems


@pytest.mark.parametrize(("has", "refused"), [(2**40, False), (2**31, True)])
def test_without_a_limit_only_what_the_computer_cannot_hold_is_refused(has, refused, huge, monkeypatch):
    """Whoever sets no limit has the memory of the computer."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=has))
    problems = plan_for([huge]).rows[0].problems
    assert [(problem.kind, problem.setting) for problem in problems] == [("memory", None)] * refused
    assert all("this computer has 2.15 GB" in problem.text for problem in problems)


def test_memory_that_is_not_there_when_the_run_begins_fails_the_image_alone(tmp_path, monkeypatch):
    """What the process takes is measured again before the run, and an image that no longer fits has the reason."""
    name = "napari_batch_prediction.planning.memory.process_bytes"
    monkeypatch.setattr(name, lambda: 100 * 2**20)
    np.save(tmp_path / "small.npy", np.zeros((20, 20), np.uint8))
    plan = plan_for([tmp_path / "small.npy"], memory=LIMIT)
    monkeypatch.setattr(name, lambda: LIMIT)
    (row,) = run_plan(plan).rows
    assert row.status == "problem"
    assert "537 MB are needed for the program with its libraries and the classifier" in row.reason


@pytest.mark.usefixtures("small_process")
def test_tiles_and_files_that_are_open_stay_below_the_limit(tmp_path):
    """However many threads, what they and a file take fits into the room; with too many, fewer work at once."""
    np.save(tmp_path / "large.npy", np.zeros((3000, 3000), np.uint8))
    plan = plan_for([tmp_path / "large.npy"], memory=LIMIT, workers=64)
    task = make_tasks(plan, 64)[0]
    assert task.held + task.each <= task.room < LIMIT - 150 * 2**20
    n_at_once = (task.room - task.held) // task.each
    assert n_at_once >= 1


def test_memory_of_the_process_is_that_of_its_arrays():
    """An array that is filled is counted."""
    before = process_bytes()
    # So large that it gets pages of its own, not some that were freed before.
    array = np.ones(2**27, np.uint8)
    assert process_bytes() - before > 0.9 * array.nbytes
