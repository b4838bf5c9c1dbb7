"""Nothing is overwritten or removed that is not the run's own: beside the ledger, at the outputs, in their folders."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from threshold import Threshold, plan_for, save_images

from napari_batch_prediction.errors import ExportError, SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.planning import classifier as classifiers_of_jobs
from napari_batch_prediction.records.events import BatchFinished, FileFinished, TileDone
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running import recorder
from napari_batch_prediction.running.recorder import Recorder
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import iter_run, run_plan


@pytest.fixture(autouse=True)
def resumable(monkeypatch):
    """Let a ledger be resumed whose classifier is the threshold, which no file holds."""
    monkeypatch.setattr(classifiers_of_jobs, "load_classifier", Threshold)


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    """Return a hash and the time of the last change of everything below a folder."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.lstat().st_mtime_ns,
        )
        for path in folder.rglob("*")
    }


def killed(record: Path) -> Path:
    """Leave of a ledger what is there when its run is killed before the first input ends."""
    lines = record.read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["kind"] in ("run", "input", "begin")]
    record.write_text("".join(kept))
    return record


FORMATS = ("single-scale OME-Zarr", "n5", "compressed hdf5", "numpy")


@pytest.mark.parametrize("name", FORMATS)
def test_resume_of_a_run_that_goes_on_is_refused_and_leaves_its_files(tmp_path, name):
    """Another process cannot resume it, and the run ends with whole outputs."""
    (image,) = save_images(tmp_path, "a", shape=(1500, 1500))
    expected = plan_for([image], "Simple Segmentation", format=name, folder=tmp_path / "quiet")
    run_plan(expected)
    path = tmp_path / "r.ledger.jsonl"
    plan = plan_for([image], "Simple Segmentation", format=name, folder=tmp_path / "out", ledger=path, workers=1)
    tried = False
    for event in iter_run(plan):
        if isinstance(event, TileDone) and event.done == 2:
            tried = True
            before = snapshot(tmp_path / "out")
            again = plan_resume(path)
            with pytest.raises(SettingsError, match="Another run is writing to the ledger"):
                run_plan(again)
            assert snapshot(tmp_path / "out").keys() >= before.keys()
        if isinstance(event, BatchFinished):
            assert [row.status for row in event.ledger.rows] == ["done"]
    assert tried
    hashes = [{key: value for key, (value, _) in snapshot(tmp_path / folder).items()} for folder in ("quiet", "out")]
    assert {k: v for k, v in hashes[0].items() if "ledger" not in k and not k.endswith(".csv")} == hashes[1]


def test_resume_planned_while_the_run_went_on_is_refused(tmp_path):
    """What a plan took from a ledger may not hold any more when its run has ended."""
    path = tmp_path / "r.ledger.jsonl"
    early = []
    plan = plan_for(save_images(tmp_path, "a", "b"), folder=tmp_path / "out", ledger=path)
    run_plan(plan, lambda event: isinstance(event, FileFinished) and early.append(plan_resume(path)))
    before = snapshot(tmp_path)
    with pytest.raises(SettingsError, match=r"Another run has written to the ledger .* Resume it again"):
        run_plan(early[0])
    assert snapshot(tmp_path) == before
    assert run_plan(plan_resume(path)).count("done") == 2


@pytest.mark.parametrize("existing", ["error", "skip", "overwrite"])
def test_plan_changes_nothing(tmp_path, existing):
    """A plan, and the plan of a resume, leave every file and folder as it is, also leftovers."""
    paths = save_images(tmp_path, "a", "b")
    exports = tuple(Export(source="Simple Segmentation", format=name, folder=tmp_path / name) for name in FORMATS)
    record = run_plan(plan_for(paths, exports=exports, ledger=tmp_path / "r.ledger.jsonl", existing=existing)).path
    (token,) = read_record(killed(record)).tokens
    for name in FORMATS:
        (tmp_path / name / f".a_x.{token}-01234567.part").mkdir()
        (tmp_path / name / ".a_x.01234567.old").write_text("aside")
    before = snapshot(tmp_path)
    plan_resume(record)
    plan_resume(record, failed=True)
    plan_for(paths, exports=exports, existing=existing)
    assert snapshot(tmp_path) == before


def test_only_leftovers_of_the_run_itself_are_removed(tmp_path):
    """Temporary files of other runs, which may be going on, and files of a like name stay."""
    out = tmp_path / "out"
    plan = plan_for(save_images(tmp_path, "a", "b"), folder=out, ledger=tmp_path / "r.ledger.jsonl")
    (token,) = read_record(killed(run_plan(plan).path)).tokens
    others = (".a_Probabilities.h5.0123456789ab-01234567.part", ".a_Probabilities.h5.01234567.part", f"{token}.part")
    own = (f".a_Probabilities.h5.{token}-01234567.part", f".b_Probabilities.h5.{token}-fedcba98.part")
    for name in (*others, *own):
        (out / name).write_text("part")
    again = run_plan(plan_resume(tmp_path / "r.ledger.jsonl"))
    assert again.count("done") == 2
    assert {path.name for path in out.iterdir() if path.name.endswith(".part")} == set(others)


@pytest.mark.parametrize("name", FORMATS)
def test_file_of_others_at_an_output_is_left_and_named_by_resume(tmp_path, name):
    """After a kill somebody puts another file where an output would be: it stays, and its input fails."""
    plan = plan_for(
        save_images(tmp_path, "a", "b"),
        "Simple Segmentation",
        format=name,
        folder=tmp_path / "out",
        ledger=tmp_path / "r.ledger.jsonl",
    )
    first, second = (row.outputs["Simple Segmentation"] for row in run_plan(plan).rows)
    killed(tmp_path / "r.ledger.jsonl")
    first.rename(tmp_path / "away")
    second.rename(first)  # of the right format, and yet another's
    before = snapshot(first) if first.is_dir() else first.read_bytes()
    again = run_plan(plan_resume(tmp_path / "r.ledger.jsonl"))
    assert [row.status for row in again.rows] == ["failed", "done"]
    assert again.rows[0].reason.startswith(f"{first} is not what this run writes there, and is left as it is.")
    assert (snapshot(first) if first.is_dir() else first.read_bytes()) == before


def test_output_that_was_not_recorded_any_more_is_kept_by_resume(tmp_path):
    """A run that is killed between naming an output and recording it goes on with that output."""
    plan = plan_for(
        save_images(tmp_path, "a", "b"), format="numpy", folder=tmp_path / "out", ledger=tmp_path / "r.ledger.jsonl"
    )
    record = run_plan(plan).path
    before = snapshot(tmp_path / "out")
    assert run_plan(plan_resume(killed(record))).count("done") == 2
    assert snapshot(tmp_path / "out") == before


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_summary_replaces_nothing_of_others(tmp_path, kind):
    """A list of inputs that has the name of the summary stays, and the summary gets another name."""
    taken, target = tmp_path / "plate.csv", tmp_path / "data" / "target.csv"
    paths = save_images(tmp_path, "a")
    if kind == "folder":
        taken.mkdir()
    elif kind == "link":
        target.parent.mkdir()
        target.write_text("mine")
        taken.symlink_to(target)
    else:
        taken.write_text("mine")
    record = run_plan(plan_for(paths, ledger=tmp_path / "plate.ledger.jsonl", folder=tmp_path / "out")).path
    if kind == "folder":
        assert list(taken.iterdir()) == []
    else:
        assert taken.read_text() == "mine"
        assert taken.is_symlink() == (kind == "link")
    assert (tmp_path / "plate_2.csv").read_text().startswith("input,status")
    # A resume replaces the run's own summary, and makes no third.
    run_plan(plan_resume(record))
    assert sorted(path.name for path in tmp_path.glob("plate*.csv")) == ["plate.csv", "plate_2.csv"]


def test_summary_that_was_changed_is_not_replaced(tmp_path):
    """Notes that somebody made in a summary stay when the run is resumed."""
    record = run_plan(plan_for(save_images(tmp_path, "a"), ledger=tmp_path / "r.ledger.jsonl")).path
    with (tmp_path / "r.csv").open("a") as file:
        file.write("looks fine\n")
    run_plan(plan_resume(record))
    assert (tmp_path / "r.csv").read_text().endswith("looks fine\n")
    assert (tmp_path / "r_2.csv").exists()


def test_table_that_was_changed_is_not_replaced_by_resume(tmp_path):
    """A table that somebody has changed since stays, and is named."""
    plan = plan_for(save_images(tmp_path, "a"), "Counts", ledger=tmp_path / "r.ledger.jsonl")
    (table,) = run_plan(plan).tables.values()
    table.write_text("mine")
    with pytest.raises(ExportError, match=f"{table} appeared while"):
        run_plan(plan_resume(tmp_path / "r.ledger.jsonl"))
    assert table.read_text() == "mine"


OVERWRITTEN = {
    "an input": ("exp.zarr/raw/a.npy", {}),
    "another output": ("a.npy", {"name": "exp.zarr/labels/x", "format": "single-scale OME-Zarr"}),
}


@pytest.mark.parametrize("case", OVERWRITTEN)
def test_output_folder_that_holds_another_file_of_the_job_is_refused(tmp_path, case):
    """Such a folder is neither made nor replaced."""
    image, settings = OVERWRITTEN[case]
    path = tmp_path / image
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.zeros((20, 30), np.uint8))
    first = Export(source="Simple Segmentation", format="single-scale OME-Zarr", folder=tmp_path, name="exp")
    exports = (first, *([Export(source="Probabilities", folder=tmp_path, **settings)] if settings else []))
    row = plan_for([path], exports=exports, existing="overwrite").rows[0]
    assert str(row.problems[0]).startswith(f"{tmp_path / 'exp.zarr'} holds ")


@pytest.mark.parametrize("name", FORMATS[:2])
def test_folder_of_the_user_is_not_replaced_by_overwriting(tmp_path, name):
    """A folder with the name of an output is replaced only if there is nothing but an image of the format in it."""
    (image,) = save_images(tmp_path, "a")
    settings = {"format": name, "existing": "overwrite", "folder": tmp_path / "out"}
    row = run_plan(plan_for([image], "Simple Segmentation", **settings)).rows[0]
    output = row.outputs["Simple Segmentation"]
    assert plan_for([image], "Simple Segmentation", **settings).n_problems == 0
    (output / "notes.txt").write_text("mine")
    (problem,) = plan_for([image], "Simple Segmentation", **settings).rows[0].problems
    assert str(problem).startswith(f"{output} holds {output / 'notes.txt'}, which is not part of it")
    assert problem.path == output


def test_runs_that_begin_at_once_have_records_of_their_own(tmp_path, monkeypatch):
    """A name that looks free may be taken in the next moment: it is taken, not looked at."""
    plan = plan_for(save_images(tmp_path, "a"), folder=tmp_path / "out")
    first = tmp_path / "out" / "x.ledger.jsonl"
    monkeypatch.setattr(recorder, "_new_path", lambda plan: first)
    recorders = [Recorder(plan, "") for _ in range(40)]
    assert len({one.path for one in recorders}) == 40
    assert recorders[0].path == first
    assert recorders[1].path.name == "x-2.ledger.jsonl"
    for one in recorders:
        one.close()


@pytest.mark.skipif(os.name == "nt", reason="processes are forked")
def test_processes_that_begin_in_one_second_all_run(tmp_path):
    """Sixteen processes with one folder and one start each have a ledger and a summary of their own."""
    (image,) = save_images(tmp_path, "a")
    children = []
    for k in range(16):
        plan = plan_for([image], folder=tmp_path / "out", name=f"{k}", workers=1)
        child = os.fork()
        if child == 0:
            os._exit(0 if run_plan(plan).rows[0].status == "done" else 1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 16
    assert len([*(tmp_path / "out").glob("*.ledger.jsonl")]) == len([*(tmp_path / "out").glob("*.csv")]) == 16


def test_record_of_inputs_from_two_trees_is_beside_an_output(tmp_path, monkeypatch):
    """Files of two trees share no folder but the root, where no ledger belongs."""
    paths = [*save_images(tmp_path / "x", "a"), *save_images(tmp_path / "y", "b")]
    plan = plan_for(paths)
    monkeypatch.setattr(recorder, "shared_folder", lambda files: Path(tmp_path.anchor))
    assert recorder._new_path(plan).parent == tmp_path / "x"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may write anywhere")
def test_record_is_not_put_where_nothing_may_be_written(tmp_path):
    """The folder that all outputs share may be closed, as /home is."""
    plan = plan_for([*save_images(tmp_path / "x", "a"), *save_images(tmp_path / "y", "b")])
    tmp_path.chmod(0o500)
    try:
        assert recorder._new_path(plan).parent == tmp_path / "x"
    finally:
        tmp_path.chmod(0o700)
