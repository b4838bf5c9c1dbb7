"""A run that was interrupted goes on where it stopped, and its ledger is true at every moment."""

import json
import subprocess
import sys
from pathlib import Path

import golden
import numpy as np
import pytest
from PIL import Image

import napari_batch_prediction as nbp
from napari_batch_prediction.cli import main
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running.resume import plan_resume

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"


def save_images(folder: Path, n: int) -> list[Path]:
    """Write small images, each with other pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(Image.open(PROJECT.with_name("test2.png")))
    paths = [folder / f"{i}.png" for i in range(n)]
    for i, path in enumerate(paths):
        Image.fromarray(np.roll(pixels, i, 1)).save(path)
    return paths


def outputs(folder: Path) -> dict[str, bytes]:
    """Return name and content of every file in a folder but the ledgers."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith((".ledger.jsonl", ".csv"))
    }


def job(images: list[Path], out: Path, **settings) -> nbp.BatchJob:
    exports = (nbp.Export(folder=out), nbp.Export(source="Simple Segmentation", folder=out))
    return nbp.BatchJob(classifier=PROJECT, inputs=[str(path) for path in images], exports=exports, **settings)


def test_record_has_a_line_for_each_begin_and_end(tmp_path):
    """One line for the run, one for each input, when it begins and when it ends; and a table."""
    images = save_images(tmp_path, 3)
    images[1].write_bytes(b"no image")
    ledger = job(images, tmp_path / "out").run()
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [line["kind"] for line in lines[:4]] == ["run", "input", "input", "input"]
    assert sorted(line["kind"] for line in lines[4:]) == ["begin", "begin", "end", "end", "end", "finish"]
    run, first = lines[:2]
    assert nbp.BatchJob.model_validate(run["job"]).classifier == PROJECT
    assert len(run["classifier_sha256"]) == 64
    assert run["versions"]["napari-batch-prediction"] == nbp.__version__
    image = first["image"]
    assert (image["axes"], image["axes_known"], image["shape"], image["dtype"]) == ("yx", "file", [61, 45], "uint8")
    assert {"dataset", "channel_names", "pixel_size", "units"} < image.keys()
    ends = {line["index"]: line for line in lines if line["kind"] == "end"}
    assert [ends[i]["status"] for i in range(3)] == ["done", "problem", "done"]
    assert ends[1]["reason"] == ledger.rows[1].reason
    for source, output in ends[0]["outputs"].items():
        path = Path(output["path"])
        assert path == ledger.rows[0].outputs[source]
        assert output["size"] == path.stat().st_size
    table = ledger.path.with_name(ledger.path.name.replace(".ledger.jsonl", ".csv")).read_text().splitlines()
    assert table[0] == "input,status,reason,seconds,outputs,count"
    assert len(table) == 4


def test_whole_run_has_nothing_to_resume(tmp_path):
    """A run that is whole stays as it is, and nothing is written again."""
    ledger = job(save_images(tmp_path, 2), tmp_path / "out").run()
    before = {path: path.stat().st_mtime_ns for row in ledger.rows for path in row.outputs.values()}
    again = nbp.resume(ledger.path)
    assert [row.status for row in again.rows] == ["done", "done"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_record_is_named_by_a_text_or_a_path(tmp_path):
    """A ledger may be named by a text, as people type it, or by a path."""
    ledger = job(save_images(tmp_path, 1), tmp_path / "out").run()
    assert [row.status for row in nbp.resume(str(ledger.path))] == ["done"]
    assert [row.status for row in nbp.resume(ledger.path)] == ["done"]


def test_failed_is_done_when_mended(tmp_path):
    """What failed is tried again; what is done is kept."""
    images = save_images(tmp_path, 3)
    good = images[1].read_bytes()
    images[1].write_bytes(good[:300])
    ledger = job(images, tmp_path / "out").run()
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    images[1].write_bytes(good)
    assert [row.status for row in nbp.resume(ledger.path, failed=True).rows] == ["done"] * 3
    assert len(outputs(tmp_path / "out")) == 6


def test_resume_of_failed_leaves_what_was_never_begun(tmp_path):
    """After a cancelled run, --failed does not go on with the rest."""
    images = save_images(tmp_path, 3)
    images[0].write_bytes(b"no image")
    ledger = job(images, tmp_path / "out").run(should_cancel=lambda: True)
    assert [row.status for row in ledger.rows] == ["problem", "cancelled", "cancelled"]


def test_missing_output_is_made_again(tmp_path):
    """Done means there."""
    ledger = job(save_images(tmp_path, 2), tmp_path / "out").run()
    before = outputs(tmp_path / "out")
    for path in ledger.rows[1].outputs.values():
        path.unlink()
    assert [row.status for row in nbp.resume(ledger.path).rows] == ["done", "done"]
    assert outputs(tmp_path / "out") == before


def test_changed_output_is_not_replaced(tmp_path):
    """Somebody's work may be in it."""
    ledger = job(save_images(tmp_path, 2), tmp_path / "out").run()
    changed = ledger.rows[0].outputs["Probabilities"]
    changed.write_bytes(b"mine")
    again = nbp.resume(ledger.path)
    assert [row.status for row in again.rows] == ["problem", "done"]
    assert "is not what was written" in again.rows[0].reason
    assert changed.read_bytes() == b"mine"


def test_changed_classifier_is_refused(tmp_path):
    """Two classifiers in one run would not be told apart later."""
    project = tmp_path / "cells.ilp"
    project.write_bytes(PROJECT.read_bytes())
    images = save_images(tmp_path, 1)
    ledger = job(images, tmp_path / "out").model_copy(update={"classifier": project}).run()
    project.write_bytes((golden.ROOT / "c_2d_u16" / "project.ilp").read_bytes())
    with pytest.raises(SettingsError, match="has changed since the run"):
        nbp.resume(ledger.path)


no_records = {
    "missing": (None, "cannot be read"),
    "empty": ("", "does not begin with a run"),
    "text": ("hello\n", "Line 1 of .* is not a line of a ledger"),
    "other JSON": ('{"a": 1}\n', "Line 1 of .* is not a line of a ledger"),
    "a later format": ('{"kind": "run", "format": 99}\n', "format 99, expected 1"),
}


@pytest.mark.parametrize("case", no_records)
def test_file_that_is_no_record_is_refused_with_the_line(case, tmp_path):
    """Another file is refused, with the line."""
    content, message = no_records[case]
    path = tmp_path / "x.ledger.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=message):
        plan_resume(path)
    assert main(["resume", str(path)]) == 2


def test_existing_record_is_never_written_over(tmp_path, capsys):
    """A ledger is never written over."""
    images = save_images(tmp_path, 1)
    path = tmp_path / "run.ledger.jsonl"
    assert main(["run", str(PROJECT), str(images[0]), "--folder", str(tmp_path / "a"), "--ledger", str(path)]) == 0
    assert main(["run", str(PROJECT), str(images[0]), "--folder", str(tmp_path / "b"), "--ledger", str(path)]) == 2
    assert f"The ledger {path} exists" in capsys.readouterr().err
    assert main(["resume", str(path)]) == 0


def test_second_run_on_one_record_is_refused(tmp_path):
    """While a run writes to it, another process is refused."""
    images = save_images(tmp_path, 2)
    path = tmp_path / "run.ledger.jsonl"
    refusals = []

    def try_to_resume(event) -> None:
        if not refusals:
            command = [sys.executable, "-m", "napari_batch_prediction.cli", "resume", str(path)]
            refusals.append(subprocess.run(command, capture_output=True, text=True, check=False))

    job(images, tmp_path / "out", ledger=path).run(on_event=try_to_resume)
    assert refusals[0].returncode == 2
    assert "Another run is writing to the ledger" in refusals[0].stderr


def test_input_that_disappears_before_its_turn_fails_alone(tmp_path):
    """A file that goes between the check and its turn fails alone, and the ledger says so."""
    images = save_images(tmp_path, 3)
    plan = job(images, tmp_path / "out").plan()
    images[1].unlink()
    ledger = nbp.running.run.run_plan(plan)
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert [noted.row.status for noted in read_record(ledger.path).inputs] == ["done", "failed", "done"]
