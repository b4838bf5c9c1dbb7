"""The run: what is written, and which events say so."""

import threading
from pathlib import Path

import numpy as np
import pytest
from threshold import files_in, plan_for, random_image, read, save_images, whole

from napari_batch_prediction.engine.compilation import FIRST, MORE
from napari_batch_prediction.records.events import (
    BatchFinished,
    BatchStarted,
    FileFinished,
    FileStarted,
    Notice,
    TileDone,
)
from napari_batch_prediction.running.run import iter_run, run_plan
from napari_batch_prediction.simd.building import tell_waiting

IMAGES = {
    "2D": ("yx", (600, 530)),
    "2D, small": ("yx", (5, 3)),
    "one channel": ("yxc", (600, 530, 1)),
    "channel first": ("cyx", (1, 30, 40)),
    "columns first": ("xy", (530, 600)),
    "time series": ("tyx", (3, 520, 530)),
    "time last": ("yxt", (30, 40, 3)),
    "slices": ("zyx", (7, 210, 220)),
    "one slice": ("zyx", (1, 30, 40)),
    "all axes": ("tzcyx", (2, 3, 1, 30, 40)),
}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("axes", "shape"), IMAGES.values(), ids=IMAGES)
def test_tiles_give_the_values_of_the_whole_image(tmp_path, axes, shape, workers):
    """Tiles give what the whole image gives, in the image's own axes, c last where there was none."""
    image = random_image(*shape)
    path = tmp_path / "a.npy"
    np.save(path, image)
    run_plan(plan_for([path], input_axes=axes, workers=workers))
    written = read(tmp_path / "a_Probabilities.h5")
    out_axes = axes if "c" in axes else axes + "c"
    order = [out_axes.index(key) for key in "tzyxc" if key in out_axes]
    planes = image.transpose(
        [axes.index(key) for key in "tzyx" if key in axes] + [i for i, key in enumerate(axes) if key == "c"]
    )
    height, width = (shape[axes.index(key)] for key in "yx")
    expected = np.stack([whole(plane) for plane in planes.reshape(-1, height, width)])
    np.testing.assert_array_equal(written.transpose(order).reshape(expected.shape), expected)


def test_events_are_in_order_with_true_counts(tmp_path):
    """Every event in its order, and counts that are true at every moment."""
    paths = save_images(tmp_path, "a", "b", "c", shape=(600, 600))
    np.save(tmp_path / "colour.npy", np.zeros((20, 30, 3), np.uint8))
    plan = plan_for([*paths[:2], tmp_path / "colour.npy", paths[2]], workers=2)
    events = list(iter_run(plan))

    n_tiles = {event.index: event.n_tiles for event in events if isinstance(event, FileStarted)}
    assert list(n_tiles) == [0, 1, 3]
    assert events[0] == BatchStarted(3, sum(n_tiles.values()), 3 * 600 * 600)
    tiles = [event for event in events if isinstance(event, TileDone)]
    assert [event.batch_done for event in tiles] == list(range(1, sum(n_tiles.values()) + 1))
    assert {event.batch_tiles for event in tiles} == {sum(n_tiles.values())}
    for index, n in n_tiles.items():
        of_file = [event for event in events if getattr(event, "index", None) == index]
        assert of_file[0] == FileStarted(index, n)
        assert [(event.done, event.n_tiles) for event in of_file[1:-1]] == [(i + 1, n) for i in range(n)]
        assert isinstance(of_file[-1], FileFinished)
        assert of_file[-1].row.status == "done"
    ends = {event.index: event.row for event in events if isinstance(event, FileFinished)}
    assert sorted(ends) == [0, 1, 2, 3]
    assert isinstance(events[-1], BatchFinished)
    assert events[-1].ledger.rows == tuple(ends[i] for i in range(4))


def test_ledger_names_each_input_in_order(tmp_path):
    """The ledger names each input with its status, its outputs and its time, in the order of the inputs."""
    paths = save_images(tmp_path, "a", "b")
    seen = []
    ledger = run_plan(plan_for(paths, "Probabilities", "simple segmentation"), seen.append)
    assert [row.input for row in ledger.rows] == [str(path) for path in paths]
    assert (ledger.count("done"), ledger.count("failed")) == (2, 0)
    for row, path in zip(ledger.rows, paths, strict=True):
        assert row.outputs == {
            "Probabilities": path.with_name(f"{path.stem}_Probabilities.h5"),
            "Simple Segmentation": path.with_name(f"{path.stem}_Simple Segmentation.h5"),
        }
        assert all(output.is_file() for output in row.outputs.values())
        assert row.seconds > 0
        assert (row.reason, row.trace) == ("", "")
    assert seen[-1] == BatchFinished(ledger)


def test_several_sources_in_one_pass(tmp_path):
    """Probabilities, segmentation and a third source come from one prediction of each tile."""
    paths = save_images(tmp_path, "a")
    plan = plan_for(paths, "Probabilities", "Simple Segmentation", "Features")
    calls, events = [], []
    plan.classifier.gate = lambda: calls.append(1)
    run_plan(plan, events.append)
    assert len(calls) == events[0].n_tiles
    bright = read(tmp_path / "a_Probabilities.h5")[..., 1]
    np.testing.assert_array_equal(
        read(tmp_path / "a_Simple Segmentation.h5")[..., 0], 1 + (read(tmp_path / "a_Features.h5")[..., 0] >= 128)
    )
    np.testing.assert_array_equal(bright, read(tmp_path / "a_Features.h5")[..., 0] / np.float32(255))


def test_next_file_begins_before_the_last_tile_of_one_is_done(tmp_path):
    """While the last tile of one file runs, the first of the next does too: here each waits for the other."""
    plan = plan_for(save_images(tmp_path, "a", "b"), workers=2)
    both = threading.Barrier(2, timeout=60)
    plan.classifier.gate = both.wait
    assert run_plan(plan).count("done") == 2


def test_one_worker_is_one_thread(tmp_path):
    """One worker is one thread, and not the one that iterates."""
    plan = plan_for(save_images(tmp_path, "a", "b", shape=(600, 600)), workers=1)
    run_plan(plan)
    assert len(plan.classifier.threads) == 1
    assert threading.current_thread().name not in plan.classifier.threads


def test_compressed_and_plain_files_hold_the_same(tmp_path):
    """Compressed and plain HDF5 differ in size, not in content; the dataset is where the user wants it."""
    (path,) = save_images(tmp_path, "a", shape=(100, 100))
    np.save(path, np.zeros((100, 100), np.uint8))
    run_plan(plan_for([path], format="hdf5", name="plain"))
    run_plan(plan_for([path], format="Compressed HDF5", name="small"))
    plain, small = tmp_path / "plain.h5", tmp_path / "small.h5"
    np.testing.assert_array_equal(read(plain), read(small))
    assert small.stat().st_size < plain.stat().st_size / 2


def test_existing_outputs_are_replaced_if_wished(tmp_path):
    """What exists is replaced if the user says so."""
    paths = save_images(tmp_path, "a")
    output = tmp_path / "a_Probabilities.h5"
    output.write_bytes(b"old")
    assert run_plan(plan_for(paths)).rows[0].status == "problem"
    assert output.read_bytes() == b"old"
    assert run_plan(plan_for(paths, existing="overwrite")).rows[0].status == "done"
    np.testing.assert_array_equal(read(output), whole(np.load(paths[0])))


def test_existing_outputs_are_skipped_if_wished(tmp_path):
    """Inputs whose outputs exist are skipped; outputs that exist are not written again."""
    paths = save_images(tmp_path, "a", "b")
    run_plan(plan_for(paths[:1]))
    old = (tmp_path / "a_Probabilities.h5").stat().st_mtime_ns
    ledger = run_plan(plan_for(paths, existing="skip"))
    assert [row.status for row in ledger.rows] == ["skipped", "done"]
    assert ledger.rows[0].reason == "All outputs exist."
    ledger = run_plan(plan_for(paths[:1], "Probabilities", "Features", existing="skip"))
    assert ledger.rows[0].status == "done"
    assert set(ledger.rows[0].outputs) == {"Probabilities", "Features"}
    assert (tmp_path / "a_Probabilities.h5").stat().st_mtime_ns == old
    assert (tmp_path / "a_Features.h5").is_file()


def test_folders_are_made(tmp_path):
    """Folders of the outputs appear with the first file in them."""
    paths = save_images(tmp_path / "data", "p/1", "q/1")
    run_plan(plan_for(paths, folder=tmp_path / "out", name="{relative}/{stem}"))
    assert files_in(tmp_path / "out") == {"p/1.h5", "q/1.h5"}


def test_run_ends_at_once_if_every_row_has_a_problem(tmp_path):
    """A run of which nothing can run ends at once, with a reason for each input."""
    events = list(iter_run(plan_for([tmp_path / "1.npy", tmp_path / "2.npy"])))
    assert [type(event) for event in events] == [BatchStarted, FileFinished, FileFinished, BatchFinished]
    assert events[0] == BatchStarted(0, 0, 0)
    assert [row.status for row in events[-1].ledger.rows] == ["problem", "problem"]


def test_generator_returns_its_ledger(tmp_path):
    """The generator returns the ledger that its last event holds."""
    run = iter_run(plan_for(save_images(tmp_path, "a")))
    events = []

    def drain():
        events.append((yield from run))

    *_, last = drain()
    assert isinstance(last, BatchFinished)
    assert events == [last.ledger]


def test_compilation_of_kernels_is_told_once(tmp_path):
    """When kernels are compiled, the user is told, once, before the first tile is done."""
    plan = plan_for(save_images(tmp_path, "a", "b"), workers=2)
    plan.classifier.gate = tell_waiting
    events = list(iter_run(plan))
    kinds = [type(event) for event in events]
    (told,) = [event.text for event in events if isinstance(event, Notice)]
    assert told in (FIRST, MORE)
    assert kinds.index(Notice) < kinds.index(TileDone)


def test_name_and_folder_of_a_job_are_those_of_its_outputs(tmp_path):
    """Names and folder of a job are those of its outputs."""
    path: Path = save_images(tmp_path, "SOX9-QA1W.9_z108")[0]
    run_plan(plan_for([path], folder=tmp_path / "out"))
    assert files_in(tmp_path / "out") == {"SOX9-QA1W.9_z108_Probabilities.h5"}
