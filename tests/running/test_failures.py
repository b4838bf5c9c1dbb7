"""Every kind of failure ends one file alone, leaves nothing half-written, and has a reason."""

import os
import threading

import numpy as np
import pytest
from threshold import BROKEN, NO_MEMORY, files_in, plan_for, read, save_images, whole

from napari_batch_prediction.records.events import BatchFinished, FileFinished, FileStarted, TileDone
from napari_batch_prediction.running.run import iter_run, run_plan

GOOD = {"a.npy", "bad.npy", "z.npy", "a_Probabilities.h5", "z_Probabilities.h5"}


def three_images(tmp_path, shape=(600, 600)):
    return save_images(tmp_path, "a", "bad", "z", shape=shape)


def damage(paths, row, value):
    image = np.load(paths[1])
    image[row, 5] = value
    np.save(paths[1], image)


def check_isolation(tmp_path, ledger, paths):
    """The files before and after the bad one are done and right; nothing else is left."""
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert ledger.rows[1].outputs == {}
    assert files_in(tmp_path) == GOOD
    for path in (paths[0], paths[2]):
        np.testing.assert_array_equal(read(path.with_name(f"{path.stem}_Probabilities.h5")), whole(np.load(path)))


@pytest.mark.parametrize("row", [5, 595])
@pytest.mark.parametrize("workers", [1, 2])
def test_unexpected_error_keeps_its_trace(tmp_path, workers, row):
    """A fault nobody foresaw: its type and message are the reason, the whole trace is kept."""
    paths = three_images(tmp_path)
    damage(paths, row, BROKEN)
    ledger = run_plan(plan_for(paths, workers=workers))
    check_isolation(tmp_path, ledger, paths)
    assert ledger.rows[1].reason == "Unexpected ZeroDivisionError: the forest is empty"
    assert ledger.rows[1].trace.startswith("Traceback (most recent call last)")
    assert "threshold.py" in ledger.rows[1].trace


def test_running_out_of_memory_says_what_helps(tmp_path):
    """Running out of memory says what helps."""
    paths = three_images(tmp_path)
    damage(paths, 300, NO_MEMORY)
    ledger = run_plan(plan_for(paths))
    check_isolation(tmp_path, ledger, paths)
    assert ledger.rows[1].reason == "Not enough memory. Use fewer workers. Unable to allocate 8 EiB"
    assert ledger.rows[1].trace == ""


def test_truncated_file_fails_when_it_is_read(tmp_path):
    """A file whose pixels end too early fails when it is read, with the reader's reason."""
    paths = three_images(tmp_path)
    plan = plan_for(paths)
    os.truncate(paths[1], paths[1].stat().st_size - 1000)
    ledger = run_plan(plan)
    check_isolation(tmp_path, ledger, paths)
    assert ledger.rows[1].reason.startswith(f"Cannot read '{paths[1]}' as NumPy")


def test_file_that_is_gone_after_the_check_fails(tmp_path):
    """A file that is removed after the check."""
    paths = three_images(tmp_path)
    plan = plan_for(paths)
    paths[1].unlink()
    ledger = run_plan(plan)
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert "There is no file" in ledger.rows[1].reason


def test_file_that_is_changed_after_the_check_fails(tmp_path):
    """A file that becomes another after the check is not predicted by the old plan."""
    paths = three_images(tmp_path)
    plan = plan_for(paths)
    np.save(paths[1], np.zeros((20, 30), np.uint16))
    ledger = run_plan(plan)
    check_isolation(tmp_path, ledger, paths)
    assert ledger.rows[1].reason == (
        f"{paths[1]} has changed since it was checked: "
        "expected yx (600, 600) uint8, got yx (20, 30) uint16. Start again."
    )


def test_output_that_appears_during_the_run_is_kept(tmp_path):
    """An output that another program writes during the run is kept."""
    paths = three_images(tmp_path)
    plan = plan_for(paths)
    theirs = tmp_path / "bad_Probabilities.h5"
    theirs.write_bytes(b"theirs")
    ledger = run_plan(plan)
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert f"{theirs} appeared while it was being computed" in ledger.rows[1].reason
    assert theirs.read_bytes() == b"theirs"
    assert files_in(tmp_path) == GOOD | {theirs.name}


def test_folder_that_becomes_a_file_fails_its_outputs(tmp_path):
    """A folder that cannot be made, although the check thought so."""
    paths = save_images(tmp_path, "a/1", "bad/1", "z/1")
    plan = plan_for(paths, folder=tmp_path / "out", name="{parent}/{stem}")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "bad").touch()
    ledger = run_plan(plan)
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert f"The folder {tmp_path / 'out' / 'bad'} cannot be made" in ledger.rows[1].reason
    assert files_in(tmp_path / "out") == {"a/1.h5", "bad", "z/1.h5"}


def test_failure_keeps_what_it_was_to_replace(tmp_path):
    """With overwriting allowed, the old output stands until the new one is whole."""
    paths = three_images(tmp_path)
    damage(paths, 595, BROKEN)
    old = tmp_path / "bad_Probabilities.h5"
    old.write_bytes(b"old")
    ledger = run_plan(plan_for(paths, existing="overwrite"))
    assert ledger.rows[1].status == "failed"
    assert old.read_bytes() == b"old"


def test_no_tile_after_the_failure(tmp_path):
    """The other tiles of a failed file are dropped, and no longer counted."""
    paths = save_images(tmp_path, "bad", "z", shape=(9, 300, 300))
    image = np.load(paths[0])
    image[0, 0, 0] = BROKEN
    np.save(paths[0], image)
    plan = plan_for(paths, input_axes="tyx", workers=1)
    calls = []
    plan.classifier.gate = lambda: calls.append(1)
    events = list(iter_run(plan))
    assert len(calls) == 10
    tiles = [event for event in events if isinstance(event, TileDone)]
    assert [(event.batch_done, event.batch_tiles) for event in tiles] == [(i, 9) for i in range(1, 10)]
    size = 300 * 300
    assert [(event.pixels_done, event.n_pixels) for event in tiles] == [(size * i, size * 9) for i in range(1, 10)]


def test_batch_of_failures_ends_with_a_reason_each(tmp_path):
    """A batch of which everything fails still ends, with a reason for each."""
    paths = save_images(tmp_path, *(f"{i}" for i in range(20)))
    for path in paths:
        np.save(path, np.full((20, 30), BROKEN, np.uint8))
    ledger = run_plan(plan_for(paths, workers=3))
    assert ledger.count("failed") == 20
    assert files_in(tmp_path) == {path.name for path in paths}


def test_cancelled_run_keeps_whole_files_alone(tmp_path):
    """Cancelled: whole files stay, no part of a file does, and every input has an end."""
    paths = save_images(tmp_path, *"abcdef", shape=(600, 600))
    plan = plan_for(paths, workers=2)
    events = []
    ledger = run_plan(plan, events.append, lambda: sum(isinstance(e, TileDone) for e in events) >= 6)
    assert {row.status for row in ledger.rows} == {"done", "cancelled"}
    done = {
        f"{path.stem}_Probabilities.h5" for path, row in zip(paths, ledger.rows, strict=True) if row.status == "done"
    }
    assert files_in(tmp_path) == {path.name for path in paths} | done
    assert {row.reason for row in ledger.rows if row.status == "cancelled"} == {"The run was cancelled."}
    assert sorted(event.index for event in events if isinstance(event, FileFinished)) == list(range(6))
    assert events[-1] == BatchFinished(ledger)
    # Two threads, two tiles ahead: what was under way when the answer became True may end.
    assert sum(isinstance(event, TileDone) for event in events) <= 6 + 4


def test_run_cancelled_before_it_begins_opens_nothing(tmp_path):
    """Nothing is opened; what was known to fail still says why."""
    paths = save_images(tmp_path, "a", "b")
    events = []
    ledger = run_plan(plan_for([*paths, tmp_path / "missing.npy"]), events.append, lambda: True)
    assert [row.status for row in ledger.rows] == ["cancelled", "cancelled", "problem"]
    assert [row.seconds for row in ledger.rows] == [0, 0, 0]
    assert not any(isinstance(event, FileStarted) for event in events)


def threads_of_runs() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("predict")]


@pytest.mark.parametrize("n_events", [1, 2, 3, 7])
def test_generator_closed_early_leaves_no_part_and_no_thread(tmp_path, n_events):
    """A generator that is closed in the middle leaves no part of a file and no thread."""
    paths = save_images(tmp_path, "a", "b", "c", shape=(600, 600))
    run = iter_run(plan_for(paths, workers=2))
    for _ in range(n_events):
        next(run)
    run.close()
    assert threads_of_runs() == []
    assert not [name for name in files_in(tmp_path) if name.endswith(".part")]


def test_interrupted_run_leaves_no_part_and_no_thread(tmp_path):
    """So does Ctrl-C while an event is shown."""

    def interrupt(event) -> None:
        if isinstance(event, TileDone):
            raise KeyboardInterrupt

    paths = save_images(tmp_path, "a", "b", shape=(600, 600))
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan_for(paths, workers=2), interrupt)
    assert threads_of_runs() == []
    assert not [name for name in files_in(tmp_path) if name.endswith(".part")]
