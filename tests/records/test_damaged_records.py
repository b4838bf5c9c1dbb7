"""Ledgers that are cut, damaged or of another kind are refused with a reason, and lose no input without a word."""

import json
import os
from pathlib import Path

import golden
import pytest
from record_mutations import mutated
from threshold import Threshold, plan_for, save_images

import napari_batch_prediction as nbp
from napari_batch_prediction.cli import main
from napari_batch_prediction.errors import BatchPredictionError, SettingsError
from napari_batch_prediction.planning import classifier as classifiers_of_jobs
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import Recorded
from napari_batch_prediction.running import resume as resume_module
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import run_plan

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"


@pytest.fixture
def resumable(monkeypatch):
    """Let a ledger be resumed whose classifier is the threshold, which no file holds."""
    monkeypatch.setattr(classifiers_of_jobs, "load_classifier", Threshold)


@pytest.fixture
def record(tmp_path) -> Path:
    """A ledger of three inputs that are counted, one of which fails."""
    paths = save_images(tmp_path, "a", "b", "c")
    paths[1].write_bytes(b"no image")
    return run_plan(plan_for(paths, "Probabilities", "Counts", ledger=tmp_path / "r.ledger.jsonl")).path


def change(record: Path, number: int, **values: object) -> None:
    """Change values of a line."""
    lines = record.read_text().splitlines()
    lines[number] = json.dumps({**json.loads(lines[number]), **values})
    record.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("n_lines", [1, 2, 3])
def test_record_that_is_cut_among_its_inputs_is_refused(record, n_lines, capsys):
    """A run that was killed while its inputs were written down cannot be taken for one of fewer inputs."""
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:n_lines]) + lines[n_lines][:20])
    with pytest.raises(SettingsError, match=f"is cut: it names {n_lines - 1} of 3 inputs.*Remove it, and start"):
        plan_resume(record)
    assert main(["resume", str(record)]) == 2
    assert "is cut" in capsys.readouterr().err


def test_record_without_number_of_inputs_is_read(record):
    """Ledgers of earlier versions say neither how many inputs there are nor the token of the run."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    old = [{key: value for key, value in line.items() if key not in ("n_inputs", "token", "sha256")} for line in lines]
    record.write_text("".join(f"{json.dumps(line)}\n" for line in old if line["kind"] != "files"))
    recorded = read_record(record)
    assert [noted.row.status for noted in recorded.inputs] == ["done", "problem", "done"]
    assert (recorded.tokens, recorded.hashes) == (frozenset(), frozenset())


CHANGES = {
    "outputs are a list": (1, {"outputs": []}),
    "an index is a text": (1, {"index": "0"}),
    "an index is a truth": (1, {"index": True}),
    "a job is a number": (0, {"job": 3}),
    "an end without its input": (-3, {"kind": "end", "index": 77}),
    "another kind": (2, {"kind": "lunch"}),
}


@pytest.mark.parametrize("case", CHANGES)
def test_line_with_values_of_another_type_is_refused_with_its_number(record, case):
    """The line and what is wrong with it are said."""
    number, values = CHANGES[case]
    change(record, number, **values)
    n_lines = record.read_bytes().count(b"\n")
    with pytest.raises(SettingsError, match=f"Line {number % n_lines + 1} of .* is not a line of a ledger: "):
        read_record(record)


def test_deeply_nested_line_is_refused(record):
    """A line that is nested beyond what can be read is refused as any other."""
    with record.open("a") as file:
        file.write("[" * 100_000 + "]" * 100_000 + "\n")
    with pytest.raises(SettingsError, match="nested too deeply"):
        read_record(record)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may read anything")
def test_output_that_cannot_be_read_is_a_problem_of_its_row(record, resumable):
    """An output that is closed to the user is not taken for changed, nor for kept, and the others go on."""
    output = read_record(record).inputs[0].row.outputs["Probabilities"]
    output.chmod(0)
    (problem,) = plan_resume(record).rows[0].problems
    assert str(problem) == f"{output} cannot be read: Permission denied."


def test_relative_path_in_a_record_is_no_output(record, monkeypatch, resumable):
    """Nothing outside is measured because a damaged ledger names it."""
    lines = [*map(json.loads, record.read_text().splitlines())]
    for number, line in enumerate(lines):
        if line["kind"] == "end" and line["status"] == "done":
            output = {**line["outputs"]["Probabilities"], "files": ["../.."]}
            change(record, number, outputs={"Probabilities": output})
    monkeypatch.setattr(resume_module, "measure", pytest.fail)
    assert [row.kept for row in plan_resume(record).rows] == [None] * 3


def tried(path: Path, content: bytes) -> Recorded | None:
    """Return a damaged ledger if it can be read and planned, None if it is refused."""
    path.write_bytes(content)
    try:
        recorded = read_record(path)
        plan_resume(path)
    except BatchPredictionError:
        return None
    return recorded


@pytest.mark.slow
def test_hundred_damaged_records_are_read_or_refused(tmp_path):
    """Whatever is in a ledger, it is read or refused, and no other error comes out."""
    images = [tmp_path / f"{i}.png" for i in range(3)]
    for image in images:
        image.write_bytes(PROJECT.with_name("test2.png").read_bytes())
    job = nbp.BatchJob(classifier=PROJECT, inputs=tuple(map(str, images)), exports=(nbp.Export(folder=tmp_path / "o"),))
    lines = job.run().path.read_bytes().splitlines(keepends=True)
    read = [tried(tmp_path / "m.ledger.jsonl", mutated(lines, seed)) is not None for seed in range(100)]
    assert 0 < sum(read) < 100
