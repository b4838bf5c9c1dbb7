"""What the people who do this work ask for, point by point, from real projects and files to what is on the disk."""

import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image
from repository import ENVIRONMENT

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.cli import main
from napari_batch_prediction.records.events import BatchStarted, Event, FileFinished, TileDone
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.report import Progress
from napari_batch_prediction.running.run import run_plan

CASE = golden.ROOT / "a_2d_u8"
PROJECT = CASE / "project.ilp"
SERIES = golden.ROOT / "f_2dt_u8" / "project.ilp"
PIXELS = np.asarray(Image.open(CASE / "test2.png"))


def start(*command: str | Path, **options: object) -> subprocess.Popen[str]:
    """Start Python with these arguments and this package."""
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        **options,
    )


def save(path: Path, pixels: np.ndarray = PIXELS) -> Path:
    """Write one image, as its extension says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Return the path and the content of every file below a folder, but for the ledgers."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if not path.name.endswith((".ledger.jsonl", ".csv"))
    }


def segmentation(**settings: object) -> tuple[nbp.Export, ...]:
    return (nbp.Export(source="Simple Segmentation", **settings),)


NAMES = {
    "SOX9-QA1W.9_z108.tif": "SOX9-QA1W.9_z108",
    "SOX9-QA1W.9_z109.tif": "SOX9-QA1W.9_z109",
    "iso.2334.png": "iso.2334",
    "x.ome.tif": "x.ome",
    "x.tif": "x",
    "two words  and {braces}.tif": "two words  and {braces}",
    "größe 緑 µm.tif": "größe 緑 µm",
    f"{'n' * 196}.tif": "n" * 196,
    f"{'n' * 195}m.tif": f"{'n' * 195}m",
}


def test_01_dotted_unicode_spaced_and_long_names(tmp_path, capsys):
    """Each image gets an output of its own, under its whole name."""
    for i, name in enumerate(NAMES):
        save(tmp_path / "in" / name, np.roll(PIXELS, i, 1))
    out = tmp_path / "out"
    assert main(["run", str(PROJECT), str(tmp_path / "in"), "--folder", str(out)]) == 0
    assert contents(out).keys() == {f"{stem}_Probabilities.h5" for stem in NAMES.values()}
    classifier = nbp.load_classifier(PROJECT)
    for i, stem in enumerate(NAMES.values()):
        with h5py.File(out / f"{stem}_Probabilities.h5") as file:
            np.testing.assert_array_equal(file["exported_data"], classifier.predict(np.roll(PIXELS, i, 1)))
    assert "9 inputs: 9 done." in capsys.readouterr().out


@pytest.mark.parametrize("names", [("a.tif", "a.png"), ("1/1.tif", "2/1.tif"), ("a.tif", "A.tif")], ids=" ".join)
def test_02_two_inputs_with_one_output_are_refused(tmp_path, capsys, names):
    """Refused before anything is written; mirrored folders, or numbers, keep them apart."""
    images = [str(save(tmp_path / "in" / name)) for name in names]
    out = tmp_path / "out"
    job = ["run", str(PROJECT), *images, "--folder", str(out)]
    assert main(job) == 1
    said = capsys.readouterr().out
    assert all(f"is also the output of {image}." in said for image in images)
    assert not out.exists()
    template = "{relative}/{stem}" if "/" in names[0] else "{stem}_{index}"
    assert main([*job, "--name", template]) == 0
    apart = (
        {"1/1.h5", "2/1.h5"} if "/" in names[0] else {f"{Path(name).stem}_{i}.h5" for i, name in enumerate(names, 1)}
    )
    assert contents(out).keys() == apart


def test_03_each_file_stands_alone(tmp_path, capsys):
    """Ten files of which four cannot be predicted: six outputs, four reasons, an exit status that is not 0."""
    for i in range(6):
        save(tmp_path / "in" / f"good {i}.{'tif' if i % 2 else 'png'}", np.roll(PIXELS, i, 1))
    os.truncate(save(tmp_path / "in" / "truncated.tif"), 2000)
    save(tmp_path / "in" / "rgba.png", np.dstack([PIXELS] * 4))
    save(tmp_path / "in" / "volume.tif", np.stack([PIXELS] * 20))
    (tmp_path / "in" / "text.tif").write_text("This is not an image.\n")
    out, record = tmp_path / "out", tmp_path / "run.ledger.jsonl"
    assert main(["run", str(PROJECT), str(tmp_path / "in"), "--folder", str(out), "--ledger", str(record)]) == 1
    assert contents(out).keys() == {f"good {i}_Probabilities.h5" for i in range(6)}
    reasons = {Path(noted.input).name: noted.row.reason for noted in read_record(record).inputs if noted.row.reason}
    assert reasons.keys() == {"truncated.tif", "rgba.png", "volume.tif", "text.tif"}
    assert "has 4 channels" in reasons["rgba.png"]
    assert "is 3D" in reasons["volume.tif"]
    assert "Cannot read" in reasons["truncated.tif"]
    assert "Cannot read" in reasons["text.tif"]
    said = capsys.readouterr().out
    assert all(reason in said for reason in reasons.values())
    assert "10 inputs: 6 done, 4 with a problem." in said


@pytest.mark.slow
def test_04_killed_and_resumed(tmp_path):
    """After SIGKILL (on Windows its like) whatever bears a name is whole; resuming ends with the usual bytes."""
    images = [str(save(tmp_path / "in" / f"{i}.png", np.tile(np.roll(PIXELS, i, 1), (8, 8)))) for i in range(8)]
    job = nbp.BatchJob(classifier=PROJECT, inputs=images, exports=segmentation(folder=tmp_path / "quiet"))
    assert job.run().count("done") == 8
    expected = contents(tmp_path / "quiet")
    out, record = tmp_path / "out", tmp_path / "run.ledger.jsonl"
    options = ("--folder", out, "--ledger", record, "--export", "Simple Segmentation")
    process = start("-m", "napari_batch_prediction.cli", "run", PROJECT, *images, *options)
    while not process.stderr.readline().startswith("2/8 "):
        assert process.poll() is None
    process.kill()
    process.communicate()
    named = {name: content for name, content in contents(out).items() if not name.endswith(".part")}
    assert 2 <= len(named) < 8
    assert named.items() <= expected.items()
    assert main(["resume", str(record)]) == 0
    assert contents(out) == expected


HOLD = """
import sys
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.pixel_classification import read_project
with ProjectFile(sys.argv[1]) as file:
    print(len(read_project(file).trees), flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_05_read_only_and_shared_project(tmp_path):
    """Fifty processes hold a project open that may not be written, in a folder that may not, while one predicts."""
    folder = tmp_path / "in"
    image = save(folder / "a.png")
    project = folder / "project.ilp"
    project.write_bytes(PROJECT.read_bytes())
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    for path in (project, image):
        path.chmod(0o444)
    folder.chmod(0o555)
    processes = []
    try:
        for _ in range(5):
            several = [start("-c", HOLD, project) for _ in range(10)]
            processes += several
            assert [process.stdout.readline() for process in several] == ["100\n"] * 10
        assert main(["run", str(project), str(image), "--folder", str(tmp_path / "out")]) == 0
        assert all(process.poll() is None for process in processes)
    finally:
        errors = [process.communicate()[1] for process in processes]
        folder.chmod(0o755)
    assert errors == [""] * 50
    assert [process.returncode for process in processes] == [0] * 50
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    assert contents(tmp_path / "out").keys() == {"a_Probabilities.h5"}


def test_06_time_and_pixel_size_survive(tmp_path):
    """A time series in TIFF, its prediction in HDF5, that one's in OME-Zarr, that one's in TIFF."""
    with h5py.File(SERIES.with_name("test2.h5")) as file:
        series = np.squeeze(file["data"][()])
    n_times = series.shape[0]
    assert series.ndim == 3
    sizes = {"t": 2.5, "y": 0.325, "x": 0.65}
    source = tmp_path / "series.ome.tif"
    tifffile.imwrite(
        source,
        series,
        metadata={
            "axes": "TYX",
            "PhysicalSizeX": sizes["x"], "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": sizes["y"], "PhysicalSizeYUnit": "µm",
            "TimeIncrement": sizes["t"], "TimeIncrementUnit": "s",
        },
    )  # fmt: skip
    image = source
    steps = {"compressed hdf5": ".h5", "multi-scale OME-Zarr": ".zarr", "multipage tiff": ".tiff"}
    for i, (form, extension) in enumerate(steps.items()):
        job = nbp.BatchJob(
            classifier=SERIES,
            inputs=(str(image),),
            exports=segmentation(folder=tmp_path, name=f"step {i}", format=form),
        )
        assert [row.reason for row in job.run().rows] == [""]
        image = tmp_path / f"step {i}{extension}"
        with nbp.open_image(image) as opened:
            assert opened.axes_known == "file"
            assert opened.extents == {"t": n_times, "c": 1, "z": 1, "y": series.shape[1], "x": series.shape[2]}
            assert {key: opened.pixel_size[key] for key in sizes} == pytest.approx(sizes)
            assert [opened.units[key] for key in "tyx"] == ["second", "micrometer", "micrometer"]
    with tifffile.TiffFile(image) as tif:
        assert tif.series[0].get_shape(squeeze=True) == series.shape
        assert tif.series[0].axes == "TYX"
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (pytest.approx(0.65), "µm")
    assert (pixels["TimeIncrement"], pixels["TimeIncrementUnit"]) == (pytest.approx(2.5), "s")


MEASURE = """
import re, resource, sys
from pathlib import Path
import napari_batch_prediction as nbp
job = nbp.BatchJob.model_validate_json(sys.stdin.read())
ledger = job.run()
if sys.platform == "linux":
    # What getrusage says there includes what the parent took when it started this process.
    largest = 1024 * int(re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
else:
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(largest, *[row.reason for row in ledger.rows])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the largest memory of a process is measured otherwise there")
def test_07_memory_stays_within_the_budget(tmp_path):
    """An image and its probabilities that take 832 MB in memory are made within 512 MiB; tiled equals untiled."""
    shape = (8000, 8000)
    noise = np.random.default_rng(0).integers(0, 64, (1000, 1000), np.uint8)
    pixels = np.tile(noise + np.resize(PIXELS // 2, noise.shape), (8, 8))
    assert pixels.shape == shape
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, pixels, tile=(512, 512), compression="deflate")
    budget = 512 * 2**20
    job = nbp.BatchJob(
        classifier=PROJECT,
        inputs=(str(path),),
        exports=(nbp.Export(folder=tmp_path, name="out", format="multi-scale OME-Zarr"),),
        workers=2,
        memory=budget,
    )
    output, errors = start("-c", MEASURE).communicate(job.model_dump_json())
    assert errors == ""
    largest, reason = output.rstrip("\n").split(" ", 1)
    assert reason == ""
    assert int(largest) < budget
    # The corner as one tile, with the pixels around it that it depends on.
    side = 1200
    classifier = nbp.load_classifier(PROJECT)
    reach = side + classifier.context.y
    inner = (slice(0, 1), slice(0, side), slice(0, side))
    values = classifier.predict_tile(pixels[None, None, :reach, :reach], inner, ["Probabilities"])["Probabilities"]
    with nbp.open_image(tmp_path / "out.zarr") as image:
        written = image.read_czyx(0, slice(0, 1), slice(0, side), slice(0, side))
    np.testing.assert_array_equal(written, values)


@pytest.mark.parametrize("workers", [1, 2])
def test_08_cancel_within_one_tile(tmp_path, monkeypatch, workers):
    """After a cancel no tile begins but those the other threads were about to; nothing half-written stays."""
    images = [str(save(tmp_path / f"{i}.png", np.tile(PIXELS, (12, 12)))) for i in range(2)]
    job = nbp.BatchJob(
        classifier=PROJECT, inputs=images, exports=segmentation(folder=tmp_path / "out"), workers=workers
    )
    cancelled, lock = threading.Event(), threading.Lock()
    before: list[int] = []
    after: list[int] = []
    predict_tile = PixelClassification.predict_tile

    def predict(*args):
        with lock:
            (after if cancelled.is_set() else before).append(1)
            if len(before) == 3:
                cancelled.set()
        return predict_tile(*args)

    monkeypatch.setattr(PixelClassification, "predict_tile", predict)
    n_tiles: list[int] = []
    ledger = job.run(
        lambda event: n_tiles.append(event.n_tiles) if isinstance(event, BatchStarted) else None, cancelled.is_set
    )
    assert n_tiles[0] > 3 + workers
    assert len(before) == 3
    assert len(after) < workers
    assert ledger.rows[-1].status == "cancelled"
    whole = {path.name for row in ledger.rows for path in row.outputs.values()}
    assert contents(tmp_path / "out").keys() == whole if whole else not contents(tmp_path / "out")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.slow
def test_09_progress_is_true(tmp_path):
    """310 equal files: when 51 are done, 16 % of the work is, and the terminal says so."""
    for i in range(310):
        np.save(tmp_path / f"{i}.npy", np.roll(PIXELS, i, 0))
    job = nbp.BatchJob(
        classifier=PROJECT, inputs=(str(tmp_path / "*.npy"),), exports=segmentation(folder=tmp_path / "out")
    )
    plan, terminal = job.plan(), Terminal()
    progress = Progress(plan, terminal)
    events: list[Event] = []
    shares: list[float] = []
    shown: list[int] = []

    def note(event: Event) -> None:
        events.append(event)
        progress.show(event)
        if isinstance(event, FileFinished):
            last = next(e for e in reversed(events) if isinstance(e, TileDone))
            shares.append(100 * last.share)
            shown.append(int(re.findall(r"(\d+) %", terminal.getvalue())[-1]))

    assert run_plan(plan, note).count("done") == 310
    assert events[0] == BatchStarted(310, 310, 310 * PIXELS.size)
    assert int(shares[50]) == shown[50] == 16
    assert shares == pytest.approx([100 * i / 310 for i in range(1, 311)])
    assert all(a <= b for a, b in itertools.pairwise(shown))
    assert shown[-1] == 100


@pytest.mark.golden
def test_10_several_outputs_come_from_one_pass(tmp_path):
    """Probabilities, segmentation and uncertainty take the tiles of one, and are what ilastik exports."""
    sources = ("Probabilities", "Simple Segmentation", "Uncertainty")
    job = nbp.BatchJob(
        classifier=PROJECT,
        inputs=(str(CASE / "test1.png"),),
        exports=tuple(nbp.Export(source=source, folder=tmp_path) for source in sources),
    )
    one = job.model_copy(update={"exports": segmentation(folder=tmp_path / "one")})
    counts = []
    for each in (job, one):
        events: list[Event] = []
        assert each.run(events.append).count("done") == 1
        counts.append(sum(isinstance(event, TileDone) for event in events))
    assert counts[0] == counts[1]
    for source in sources:
        with (
            h5py.File(tmp_path / f"test1_{source}.h5") as ours,
            h5py.File(CASE / "expected" / f"test1_{source}.h5") as theirs,
        ):
            difference = np.abs(ours["exported_data"][()].astype(float) - theirs["exported_data"][()])
            assert (difference > 0.001).mean() < 0.0005


@pytest.mark.slow
def test_10_counts_come_from_the_same_pass(tmp_path):
    """Density and counts take the tiles of the density alone; the table says what the density sums to."""
    case = golden.ROOT / "h1_count_2d_u8"
    image = str(case / "test1.png")
    tiles = []
    for sources in (("Density",), ("Density", "Counts")):
        folder = tmp_path / str(len(sources))
        exports = tuple(nbp.Export(source=source, folder=folder) for source in sources)
        events: list[Event] = []
        ledger = nbp.BatchJob(classifier=case / "project.ilp", inputs=(image,), exports=exports).run(events.append)
        assert [row.reason for row in ledger.rows] == [""]
        tiles.append(sum(isinstance(event, TileDone) for event in events))
    assert tiles[0] == tiles[1]
    with h5py.File(folder / "test1_Density.h5") as file:
        total = file["exported_data"][()].astype(float).sum()
    assert ledger.rows[0].count == pytest.approx(total, rel=1e-6)
    (table,) = ledger.tables.values()
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert any(float(value) == pytest.approx(total, rel=1e-6) for value in rows[0].values() if is_number(value))


def is_number(text: str) -> bool:
    return re.fullmatch(r"\d+\.\d+", text) is not None


WITHOUT_WINDOW = """
import json, sys
import napari_batch_prediction as nbp
from napari_batch_prediction.cli import main
project, image, folder = sys.argv[1:]
nbp.load_classifier(project).predict(nbp.open_image(image).read())
ledger = nbp.BatchJob(classifier=project, inputs=[image], exports=[nbp.Export(folder=folder)]).run()
ledger = nbp.resume(ledger.path)
status = main(["run", project, image, "--folder", folder, "--existing", "overwrite"])
windows = "napari qtpy PyQt5 PyQt6 PySide2 PySide6 magicgui superqt npe2 vispy".split()
print(json.dumps([ledger.count("done"), status, sorted(set(windows) & set(sys.modules))]))
"""


@pytest.mark.slow
def test_11_no_window_toolkit_is_imported(tmp_path):
    """Predicting, running, resuming and the command line import neither Qt nor napari."""
    process = start("-c", WITHOUT_WINDOW, PROJECT, CASE / "test2.png", tmp_path)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(output.splitlines()[-1]) == [1, 0, []]
