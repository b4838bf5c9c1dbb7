"""Counting as ilastik counts, in batches."""

import csv
import json

import golden
import h5py
import numpy as np
import pytest
import threshold
from PIL import Image

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.records.events import FileFinished
from napari_batch_prediction.running.run import run_plan

pytestmark = pytest.mark.golden

CASES = tuple(sorted(path.parent.name for path in golden.ROOT.glob("*/counting.json")))
NAMES = ("test1", "test2", "train")
BOTH = (nbp.Export(source="Density"), nbp.Export(source="Counts"))


def images(case):
    """Return the images of a case."""
    return [golden.ROOT / case / f"{name}.png" for name in NAMES]


def ilastiks(case):
    """Return ilastik's own counts of these images."""
    lines = [(golden.ROOT / case / "expected" / f"counts_{name}.csv").read_text() for name in NAMES]
    return [(nickname, float(count)) for line in lines for nickname, count in [line.strip().split(",")]]


def job(case, folder, exports=BOTH, inputs=None, **settings):
    """Return a job of a golden project that writes to a folder."""
    exports = tuple(export.model_copy(update={"folder": folder}) for export in exports)
    inputs = [str(path) for path in inputs or images(case)]
    return nbp.BatchJob(classifier=golden.ROOT / case / "project.ilp", inputs=inputs, exports=exports, **settings)


def table(path):
    """Return the lines of a table below its heading."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_golden_counting_projects_are_of_grey_and_of_colour():
    """There is a project for grey images and one for colour images."""
    assert len(CASES) == 2


@pytest.mark.parametrize("case", CASES)
def test_counts_are_those_of_ilastik(case, tmp_path):
    """Within 0.05 % of ilastik's; the density that is written adds up to the count."""
    ledger = job(case, tmp_path).run()
    lines = table(tmp_path / "project_Counts.csv")
    assert [(line["image"], line["time"]) for line in lines] == [(str(path), "0") for path in images(case)]
    for line, row, (name, count) in zip(lines, ledger.rows, ilastiks(case), strict=True):
        assert float(line["count"]) == row.count == pytest.approx(count, rel=0.0005)
        assert line["count in region"] == line["count"]
        with h5py.File(tmp_path / f"{name}_Density.h5") as file:
            density = file["exported_data"][()]
        assert density.dtype == np.float32
        assert density.sum(dtype=np.float64) == pytest.approx(row.count, rel=1e-9)
        theirs = golden.read(golden.ROOT / case / "expected" / f"{name}_Probabilities.h5")
        assert density.shape == theirs.shape
        assert (np.abs(density - theirs) <= 1e-5).mean() >= 0.999


@pytest.mark.parametrize("case", CASES)
def test_table_of_ilastik_is_written_as_ilastik_does(case, tmp_path):
    """ilastik's own table: the same lines, with counts within 0.05 %."""
    job(case, tmp_path, [nbp.Export(source="Counts", format="ilastik csv", name="counts")]).run()
    with (tmp_path / "counts.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert [(name, pytest.approx(float(count), rel=0.0005)) for name, count in lines] == ilastiks(case)


@pytest.mark.usefixtures("small_process")
@pytest.mark.parametrize("workers", [1, 3])
def test_table_is_the_same_for_any_threads_and_tiles(tmp_path, workers):
    """An image that is cut into tiles gives the same table with any number of threads, and with less memory."""
    image = np.tile(np.asarray(Image.open(images(CASES[0])[0])), (3, 3))
    Image.fromarray(image).save(tmp_path / "large.png")
    inputs = [tmp_path / "large.png"]
    quiet = job(CASES[0], tmp_path / "quiet", inputs=inputs).run()
    ledger = job(CASES[0], tmp_path / "other", inputs=inputs, workers=workers, memory=2**29).run()
    assert ledger.rows[0].tables == quiet.rows[0].tables
    written = [(tmp_path / folder / "project_Counts.csv").read_bytes() for folder in ("quiet", "other")]
    assert written[0] == written[1]


def test_density_and_counts_come_from_one_pass(tmp_path):
    """Density, counts and ilastik's counts come from one prediction of each tile."""
    exports = (*BOTH, nbp.Export(source="Counts", format="ilastik csv", name="ilastik"))
    todo = job(CASES[0], tmp_path, exports)
    classifier = load_classifier(todo.classifier)
    predict, asked, events = classifier.predict_tile, [], []
    classifier.predict_tile = lambda block, inner, sources: asked.append(sources) or predict(block, inner, sources)
    run_plan(make_plan(todo, classifier), events.append)
    assert asked == [("Density",)] * events[0].n_tiles
    assert threshold.files_in(tmp_path) == {f"{name}_Density.h5" for name in NAMES}
    assert len(table(tmp_path / "project_Counts.csv")) == 3
    assert (tmp_path / "ilastik.csv").exists()


def test_resumed_run_keeps_its_counts(tmp_path):
    """What was counted before a failure keeps its counts, and the table becomes that of a quiet run."""
    job(CASES[0], tmp_path / "quiet").run()
    copies = [tmp_path / "in" / path.name for path in images(CASES[0])]
    copies[0].parent.mkdir()
    for path, copy in zip(images(CASES[0]), copies, strict=True):
        copy.write_bytes(path.read_bytes())
    good = copies[1].read_bytes()
    copies[1].write_bytes(good[: len(good) // 2])
    ledger = job(CASES[0], tmp_path / "out", inputs=copies).run()
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert len(table(tmp_path / "out" / "project_Counts.csv")) == 2
    copies[1].write_bytes(good)
    again = nbp.resume(ledger.path, failed=True)
    assert [row.tables for row in again.rows][::2] == [row.tables for row in ledger.rows][::2]
    quiet, resumed = (
        [line["count"] for line in table(tmp_path / folder / "project_Counts.csv")] for folder in ("quiet", "out")
    )
    assert resumed == quiet


def test_density_is_integrated_over_the_region(tmp_path):
    """The integral of the density over the region, beside that over the whole image."""
    region = {"y": (10, 37), "x": (5, 40)}
    exports = (BOTH[0], nbp.Export(source="Counts", region=region))
    job(CASES[0], tmp_path, exports).run()
    for name, line in zip(NAMES, table(tmp_path / "project_Counts.csv"), strict=True):
        with h5py.File(tmp_path / f"{name}_Density.h5") as file:
            density = file["exported_data"][()]
        assert float(line["count"]) == pytest.approx(density.sum(dtype=np.float64), rel=1e-9)
        assert float(line["count in region"]) == pytest.approx(density[10:37, 5:40].sum(dtype=np.float64), rel=1e-9)


def test_frames_are_counted_as_images(tmp_path):
    """Each frame is counted as an image of its own would be."""
    frame = np.asarray(Image.open(images(CASES[0])[1]))
    series = [np.roll(frame, shift, 1) for shift in (0, 3, 7)]
    np.save(tmp_path / "series.npy", np.stack(series))
    for i, one in enumerate(series):
        Image.fromarray(one).save(tmp_path / f"{i}.png")
    inputs = [tmp_path / "series.npy", *(tmp_path / f"{i}.png" for i in range(3))]
    settings = {str(inputs[0]): InputSettings(axes="tyx")}
    ledger = job(CASES[0], tmp_path, BOTH[1:], inputs, input_settings=settings).run()
    assert [row.reason for row in ledger.rows] == [""] * 4
    lines = table(tmp_path / "project_Counts.csv")
    assert [line["time"] for line in lines] == ["0", "1", "2", "0", "0", "0"]
    assert [line["count"] for line in lines[:3]] == [line["count"] for line in lines[3:]]


@pytest.mark.parametrize("case", CASES)
def test_layer_has_the_density_and_count_of_its_file(case, tmp_path):
    """A layer of the viewer has the density and the count of its file."""
    axes = json.loads((golden.ROOT / case / "counting.json").read_text())["axes"]
    paths = images(case)[:2]
    layers = [MemoryImage(f"layer:{p.stem}", np.asarray(Image.open(p)), axes, axes_known="file") for p in paths]
    arrays = {layer.location: layer for layer in layers}
    todo = job(case, tmp_path, inputs=[*paths, *arrays])
    events = []
    run_plan(make_plan(todo, arrays=arrays), events.append)
    ends = {event.row.input: event for event in events if isinstance(event, FileFinished)}
    for path in paths:
        layer = ends[f"layer:{path.stem}"]
        assert layer.row.tables == ends[str(path)].row.tables
        with h5py.File(tmp_path / f"{path.stem}_Density.h5") as file:
            np.testing.assert_array_equal(layer.arrays["Density"], file["exported_data"][()])
