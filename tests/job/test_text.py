"""A job as text is the same job."""

import argparse
import shlex
from pathlib import Path

import pytest
from threshold import Threshold

import napari_batch_prediction as nbp
from napari_batch_prediction import cli
from napari_batch_prediction.classifiers import load
from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.text import as_command, as_python

JOBS = {
    "as little as possible": {},
    "several sources": {"exports": (Export(), Export(source="Simple Segmentation"))},
    "settings of exports": {
        "exports": tuple(
            Export(
                source=source,
                format="multipage tiff",
                folder="out put",
                name="{stem}'s {source}",
                dtype="uint8",
                input_range=(0, 1),
                output_range=(-0.5, 255),
                output_axes="cyx",
                region={"y": (3, None), "x": (None, 70)},
                per_class=True,
            )
            for source in ("Probabilities", "Uncertainty")
        )
    },
    "a table among images": {
        "exports": (Export(source="Density", format="tiff"), Export(source="Counts", format="ilastik csv"))
    },
    "exports with different settings": {
        "exports": (Export(dtype="uint8", output_range=(0, 255)), Export(source="Simple Segmentation", format="png"))
    },
    "settings of inputs": {
        "input_axes": "tyx",
        "stack": "z",
        "channels": ("DAPI", "488"),
        "existing": "overwrite",
        "workers": 3,
        "memory": 2**30,
        "ledger": "run.ledger.jsonl",
    },
    "channels by number": {"channels": (0, 2)},
    "a channel with a comma": {"channels": ("a, b",)},
    "channels with marks": {"channels": ('a "b"', "c,d", "e")},
    "a channel with blanks": {"channels": ("a ",)},
    "settings of one input": {"input_settings": {"a b.tif": InputSettings(axes="yxc", channels=("0",), dataset="d")}},
    "names that look like options": {"inputs": ("-a.tif", "$HOME", "'q'.png")},
    "a list and a layer": {"inputs": ("@list of files", "layer:cells")},
    "files as channels": {"inputs": ("files:\"a, b.tif\", c 'd'.tif", "files:e.h5/raw,f.h5/raw")},
    "layers as channels": {"inputs": ("layers:\"a, b\", c 'd'", "layers:e,f")},
}


class Counting(Threshold):
    """A classifier with a source of any name, of which the counts are a table."""

    def source(self, name: str) -> Source:
        return super().source(name if name == "Counts" else "Density")


@pytest.fixture(params=JOBS.values(), ids=JOBS)
def job(request, tmp_path, monkeypatch) -> BatchJob:
    monkeypatch.chdir(tmp_path)
    return BatchJob(**{"classifier": "my cells.ilp", "inputs": ("a b.tif", "data/**/*.tif"), **request.param})


def test_python_of_a_job_makes_the_same_job(job):
    """The code makes the same job, with absolute paths."""
    text = as_python(job)
    assert text.startswith("import napari_batch_prediction as nbp\n")
    run = "ledger = job.run()\nfor row in ledger.rows:\n    print(row.input, row.status, row.reason)\n"
    assert text.endswith(f"\n{run}")
    names = {"nbp": nbp}
    exec(text.removesuffix(run), names)  # noqa: S102 - what a user does with it
    assert names["job"] == job.absolute()


def test_command_of_a_job_gives_the_same_job(job, monkeypatch):
    """The command line gives the same job, with absolute paths."""
    words = shlex.split(as_command(job))
    assert words[:2] == ["napari-batch-prediction", "run"]
    seen: list[argparse.Namespace] = []
    monkeypatch.setattr(cli, "_run", lambda arguments: seen.append(arguments) or 0)
    monkeypatch.setattr(load, "load_classifier", Counting)
    assert cli.main(words[1:]) == 0
    made, _ = cli._job(seen[0])
    assert made == job.absolute()


def test_command_says_as_options_what_options_can_say(tmp_path):
    """What options can say is said with options; the rest as JSON."""
    job = BatchJob(classifier=tmp_path / "c.ilp", inputs=("a.tif",), exports=(Export(format="tiff"),))
    assert as_command(job).split()[-4:] == ["--export", "Probabilities", "--format", "tiff"]
    different = job.model_copy(update={"exports": (Export(), Export(format="png"))})
    assert "--job" in as_command(different)


def test_paths_in_a_text_are_absolute(tmp_path, monkeypatch):
    """Paths are those seen from where the job was made; layers and lists are still known as such."""
    monkeypatch.chdir(tmp_path)
    job = BatchJob(
        classifier="c.ilp", inputs=("a.tif", "@list", "layer:x"), input_settings={"a.tif": InputSettings(axes="yx")}
    )
    found = job.absolute()
    assert found.classifier == tmp_path / "c.ilp"
    assert found.inputs == (str(tmp_path / "a.tif"), f"@{tmp_path / 'list'}", "layer:x")
    assert list(found.input_settings) == [str(tmp_path / "a.tif")]
    monkeypatch.chdir(Path("/"))
    assert found.absolute() == found
