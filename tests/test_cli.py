"""The command line: what it writes, what it says, and its exit status."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unicodedata import combining, east_asian_width

import h5py
import numpy as np
import pytest
from PIL import Image
from repository import ENVIRONMENT, GOLDEN

from napari_batch_prediction import BatchJob, Export, InputSettings
from napari_batch_prediction.cli import main, make_parser
from napari_batch_prediction.console import Console
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.plan import Found
from napari_batch_prediction.records.events import TileDone
from napari_batch_prediction.report import Progress, made_plan

CASE = GOLDEN / "a_2d_u8"
PROJECT = str(CASE / "project.ilp")
COMMAND = [sys.executable, "-m", "napari_batch_prediction.cli"]


def command(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, **environment},
        check=False,
    )


def files_in(folder: Path) -> set[str]:
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in files if not name.endswith((".ledger.jsonl", ".csv"))}


def golden(name: str) -> np.ndarray:
    with h5py.File(CASE / "expected" / f"{name}.h5") as file:
        return file["exported_data"][()]


@pytest.fixture
def ten_files(tmp_path):
    """Six images that can be predicted, in several formats, and four that cannot."""
    folder = tmp_path / "data"
    folder.mkdir()
    images = [np.asarray(Image.open(CASE / f"{name}.png")) for name in ("test1", "test2", "train")]
    Image.fromarray(images[0]).save(folder / "1.png")
    Image.fromarray(images[1]).save(folder / "2 two.tif")
    np.save(folder / "3.npy", images[2])
    with h5py.File(folder / "4.h5", "w") as file:
        file["volume/data"] = images[1]
    Image.fromarray(images[1]).save(folder / "5.x.ome.v2.png")
    Image.fromarray(images[1]).save(folder / "6 größe.png")
    Image.fromarray(images[0]).save(folder / "truncated.tif")
    whole = (folder / "truncated.tif").read_bytes()
    (folder / "truncated.tif").write_bytes(whole[:-2000])
    Image.merge("RGBA", [Image.fromarray(images[1])] * 4).save(folder / "rgba.png")
    np.save(folder / "volume.npy", np.zeros((20, 61, 45), np.uint8))
    (folder / "text.tif").write_text("This is not an image.\n")
    return folder


def test_ten_files_give_six_outputs_and_four_reasons(ten_files, tmp_path):
    """Six outputs, four named reasons, exit status 1; a second run skips what is done."""
    out = tmp_path / "out"
    arguments = ["run", PROJECT, ten_files / "*.*", "--folder", out]
    result = command(*arguments)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert files_in(out) == {f"{stem}_Probabilities.h5" for stem in ("1", "2 two", "3", "4", "5.x.ome.v2", "6 größe")}
    for stem, name in {"1": "test1", "2 two": "test2", "3": "train", "4": "test2", "6 größe": "test2"}.items():
        with h5py.File(out / f"{stem}_Probabilities.h5") as file:
            difference = np.abs(file["exported_data"][()] - golden(f"{name}_Probabilities"))
            assert (difference > 0.001).mean() < 0.0005
    lines = {Path(line.split("  ")[0]).name: line for line in result.stdout.splitlines()}
    reasons = {
        "truncated.tif": "Cannot read",
        "rgba.png": "The image has 4 channels, but the classifier was trained on 1",
        "volume.npy": "The image is 3D",
        "text.tif": "Cannot read",
    }
    for name, reason in reasons.items():
        assert "  problem  " in lines[name]
        assert reason in lines[name]
    assert result.stdout.splitlines()[-2] == "10 inputs: 6 done, 4 with a problem."
    assert result.stderr.splitlines()[-1].startswith("6/6 ")

    again = command(*arguments, "--existing", "skip")
    assert again.returncode == 1
    assert again.stdout.splitlines()[-1] == "10 inputs: 4 with a problem, 6 skipped."


def test_check_prints_the_plan_and_writes_nothing(ten_files, tmp_path, capsys):
    """The plan as a table: axes and how they are known, shape, type, outputs, problems. Nothing is written."""
    assert main(["check", PROJECT, str(ten_files / "*.npy"), "--folder", str(tmp_path / "out")]) == 1
    header, image, volume, problem, _, last = capsys.readouterr().out.splitlines()
    assert header.split() == ["input", "axes", "shape", "type", "output"]
    assert image.split() == [
        str(ten_files / "3.npy"),
        *("yx", "(guess)", "200", "x", "220", "uint8"),
        str(tmp_path / "out" / "3_Probabilities.h5"),
    ]
    assert "zyx (guess)  20 x 61 x 45" in volume
    assert problem.strip().startswith("problem: The image is 3D")
    assert last == "2 inputs, 1 with problems. Nothing was written."
    assert not (tmp_path / "out").exists()
    assert main(["check", PROJECT, str(ten_files / "3.npy")]) == 0


def test_options_that_mend_problems_are_named(ten_files, capsys):
    """Messages are the same in every place; the command line says by which of its options a setting is given."""
    images = [str(ten_files / name) for name in ("3.npy", "rgba.png", "volume.npy")]
    for command in ("check", "run"):
        assert main([command, PROJECT, *images, "--folder", str(ten_files / command)]) == 1
        captured = capsys.readouterr()
        assert "See --channels, --input-axes.\n" in captured.err
        assert "--" not in captured.out.replace(str(ten_files), "")
    job = {"classifier": PROJECT, "inputs": images}
    assert main(["check", "--job", json.dumps(job)]) == 1
    assert "See " not in capsys.readouterr().err


def test_a_run_says_each_warning_once(tmp_path, capsys):
    """A warning of several images is one line, before the run, with the option that it is about."""
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", np.zeros((40, 40), np.uint16 if name != "c" else np.uint8))
    options = ["--export", "Object Table", "--object-class", "1", "--min-size", "5", "--size-unit", "physical"]
    assert main(["run", PROJECT, *(str(tmp_path / f"{name}.npy") for name in "abc"), *options]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("Warning", "See"))]
    first = tmp_path / "a.npy"
    assert len(lines) == 3
    assert lines[0].startswith(f"Warning: {first} and 1 other: The image is uint16, but the training images were uint8")
    assert lines[1].startswith(f"Warning: {first} and 2 others: ")
    assert lines[2] == "See --size-unit."


def test_every_option_of_run_arrives(tmp_path, capsys):
    """Every option of run arrives where it belongs."""
    words = (
        "--export | simple segmentation | --export | Uncertainty | --format | hdf5 | --name | {index}/{source} | "
        "--internal-path | a/b | --input-axes | yx | --existing | overwrite | --workers | 1"
    )
    arguments = ["run", PROJECT, str(CASE / "test2.png"), "--folder", str(tmp_path), *words.split(" | ")]
    assert main(arguments) == 0
    assert files_in(tmp_path) == {"1/Simple Segmentation.h5", "1/Uncertainty.h5"}
    with h5py.File(tmp_path / "1" / "Simple Segmentation.h5") as file:
        assert file["a/b"].compression is None
        np.testing.assert_array_equal(file["a/b"], golden("test2_Simple Segmentation"))
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-2] == "1 input: 1 done."
    assert str(tmp_path / "1" / "Uncertainty.h5") in captured.out
    # Before it, the first time on a computer, that the prediction is being prepared.
    assert captured.err.splitlines()[-1] == f"1/1  done       {CASE / 'test2.png'}"


@pytest.mark.golden
def test_outputs_have_the_attributes_and_chunks_of_ilastik(tmp_path):
    """Attributes, labels, chunks and compression of the outputs are those of ilastik's own."""
    sources = ("Probabilities", "Uncertainty", "Features")
    exports = [word for source in sources for word in ("--export", source)]
    assert main(["run", PROJECT, str(CASE / "test2.png"), "--folder", str(tmp_path), *exports]) == 0
    for source in sources:
        with (
            h5py.File(tmp_path / f"test2_{source}.h5") as ours,
            h5py.File(CASE / "expected" / f"test2_{source}.h5") as theirs,
        ):
            assert list(ours) == list(theirs)
            a, b = ours["exported_data"], theirs["exported_data"]
            assert (a.shape, a.dtype, a.chunks) == (b.shape, b.dtype, b.chunks)
            assert (a.compression, a.compression_opts) == ("gzip", 1)
            assert [d.label for d in a.dims] == [d.label for d in b.dims]
            assert a.attrs["axistags"] == b.attrs["axistags"]
            assert a.attrs["display_mode"] == b.attrs["display_mode"]
            if source != "Features":
                assert set(a.attrs) - {"napari-batch-prediction"} == set(b.attrs)
                assert a.attrs["drange"].dtype == b.attrs["drange"].dtype
                assert a.attrs["drange"].tolist() == b.attrs["drange"].tolist()


CHAINS = {
    "three channels": ("b_2d_rgb_u8", "test2.png", "test2_Probabilities"),
    "volume": ("d_3d_u8", "test2.h5/data", "test2-data_Probabilities"),
    "time series": ("f_2dt_u8", "test2.h5/data", "test2-data_Probabilities"),
    "volume of two channels": ("m_3d_2ch_u16", "test2.h5", "test2_Probabilities"),
}


@pytest.mark.golden
@pytest.mark.parametrize(("case", "image", "output"), CHAINS.values(), ids=CHAINS)
def test_project_and_image_give_the_file_of_ilastik(tmp_path, case, image, output):
    """From project and image to a file in which ilastik's axes, shape, chunks and values are found."""
    folder = GOLDEN / case
    assert main(["run", str(folder / "project.ilp"), str(folder / image), "--folder", str(tmp_path)]) == 0
    (expected,) = (folder / "expected").glob("test2*_Probabilities.h5")
    with h5py.File(tmp_path / f"{output}.h5") as ours, h5py.File(expected) as theirs:
        a, b = ours["exported_data"], theirs["exported_data"]
        assert (a.shape, a.dtype, a.chunks) == (b.shape, b.dtype, b.chunks)
        assert a.attrs["axistags"] == b.attrs["axistags"]
        assert (np.abs(a[()] - b[()]) > 0.001).mean() <= 0.001


UNUSABLE = {
    "no command": ([], "required: COMMAND"),
    "abbreviated option": (["run", PROJECT, "a.png", "--fold", "x"], "unrecognized arguments: --fold"),
    "unknown choice": (["run", PROJECT, "a.png", "--existing", "maybe"], "invalid choice: 'maybe'"),
    "misspelt option": (["run", PROJECT, "a.png", "--xport", "Probabilities"], "(did you mean '--export'?)"),
    "option of another command": (["info", PROJECT, "--workers", "2"], "--workers 2 (other commands have it)"),
    "misspelt command": (["check_", PROJECT, "a.png"], "(did you mean 'check'?)"),
    "misspelt choice": (["run", PROJECT, "a.png", "--existing", "Skipx"], "(did you mean 'skip'?)"),
    "misspelt type": (["run", PROJECT, "a.png", "--dtype", "uint_8"], "got 'uint_8' (did you mean 'uint8'?)"),
    "misspelt compression": (["run", PROJECT, "a.png", "--compression", "gzipx"], "(did you mean 'gzip'?)"),
    "misspelt source": (["run", PROJECT, "a.png", "--export", "probabilityes"], "(did you mean 'Probabilities'?)"),
    "misspelt format": (["run", PROJECT, "a.png", "--format", "pgn"], "'pgn' is unknown (did you mean 'png'?)"),
    "too little memory": (["run", PROJECT, "a.png", "--memory", "100MB"], "100 MB is too little: the smallest"),
    "no size": (["run", PROJECT, "a.png", "--memory", "9" * 400], "is not a size"),
    "no number": (["run", PROJECT, "a.png", "--workers", "many"], "--workers: 'many' is not a whole number"),
    "no end of a range": (["run", PROJECT, "a.png", "--input-range", "a", "1"], "--input-range: 'a' is not a number"),
    "no worker": (["run", PROJECT, "a.png", "--workers", "0"], "--workers: at least 1 is expected, got 0"),
    "no classifier": (["run", "missing.ilp", "a.png"], "missing.ilp"),
    "not a classifier": (["info", str(CASE / "test1.png")], "test1.png"),
    "unknown source": (["run", PROJECT, "a.png", "--export", "Watershed"], "cannot export 'Watershed'"),
    "unknown format": (["run", PROJECT, "a.png", "--format", "jpeg 2000"], "format 'jpeg 2000' is unknown"),
    "unknown placeholder": (["check", PROJECT, "a.png", "--name", "{x}"], "holds {x}, which is unknown"),
    "wrong axes": (["check", PROJECT, "a.png", "--input-axes", "xx"], "'xx' are not valid"),
    "no format of tables": (
        ["check", PROJECT, "a.png", "--table-format", "tiff"],
        "The table format 'tiff' is unknown. Known are: 'csv', 'ilastik csv', 'ilastik hdf5', 'parquet', ",
    ),
    "a format of tables for images": (
        ["run", PROJECT, "a.png", "--export", "Areas", "--format", "parquet"],
        "'parquet' is a format of tables. Give it as --table-format.",
    ),
    "no match": (["run", PROJECT, "nothing/*.png"], "matches no file"),
    "no class of objects": (
        ["run", PROJECT, CASE / "test1.png", "--export", "Objects"],
        "Objects are made of one class. Name it: Class 1, Class 2, Class 3. See --object-class.",
    ),
    "a second image that is not taken": (
        ["check", PROJECT, CASE / "test1.png", "--label-image", "l.tif"],
        "takes no second image. Leave it out. See --label-image.",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_used_ends_with_status_2(arguments, message, capsys):
    """What cannot be used ends with status 2 and one message, without a traceback."""
    assert main([*map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


MIXED = {
    "before": ["--folder", "out", PROJECT, "a.png", "-b.png"],
    "between": [PROJECT, "--folder", "out", "a.png", "-b.png"],
    "after": [PROJECT, "a.png", "-b.png", "--folder", "out"],
    "among": [PROJECT, "a.png", "--folder", "out", "-b.png"],
}


@pytest.mark.parametrize("arguments", MIXED.values(), ids=MIXED)
def test_options_may_stand_anywhere(arguments):
    """Options stand before, between and after names; after ``--`` all are names, whatever they begin with."""
    plain = [name for name in arguments if name != "-b.png"]
    for given, names in ((["run", *plain], ["a.png"]), (["check", *plain, "--", "-b.png"], ["a.png", "-b.png"])):
        found = make_parser().parse_args(given)
        assert (found.classifier, found.inputs, str(found.folder)) == (PROJECT, names, "out")
    found = make_parser().parse_args(["run", "--", PROJECT, "-b.png"])
    assert (found.classifier, found.inputs) == (PROJECT, ["-b.png"])


JOBS = {
    "neither": ([], "Name a classifier and an input"),
    "no input": ([PROJECT], "Name an input"),
    "both": ([PROJECT, "a.tif", "--job", "{}"], "Give either --job or a classifier and inputs"),
    "options beside it": (
        ["--job", "{}", "--workers", "2", "--export", "Features", "--per-class", "--table-format", "csv"],
        "--job is a whole job: --export, --table-format, --per-class, --workers cannot be given with it.",
    ),
    "no such file": (["--job", "nowhere.json"], "The job 'nowhere.json' cannot be read"),
    "no JSON": (["--job", "{oops"], "The job is not JSON: a name in double quotes is expected at line 1, column 2"),
    "a field that is unknown": (
        ["--job", '{"classifier": "c", "inputs": ["a"], "speed": 1}'],
        "speed: is not the name",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), JOBS.values(), ids=JOBS)
def test_unusable_job_is_explained(arguments, message, capsys):
    """What is missing or too much is said."""
    assert main(["run", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_job_as_json_is_run_as_it_is(tmp_path, capsys):
    """A job as JSON, given or in a file, is run as it is: exports that differ, settings of single images."""
    image, volume = CASE / "test2.png", tmp_path / "series.npy"
    np.save(volume, np.stack([np.asarray(Image.open(image))] * 2))
    exports = (Export(folder=tmp_path, format="numpy"), Export(source="Simple Segmentation", folder=tmp_path))
    job = BatchJob(
        classifier=PROJECT,
        inputs=(str(image), str(volume)),
        exports=exports,
        input_settings={str(volume): InputSettings(axes="tyx")},
    )
    file = tmp_path / "job.json"
    file.write_text(job.model_dump_json())
    assert main(["run", "--job", str(file)]) == 0
    assert {path.name for path in tmp_path.glob("*_*.*") if "ledger" not in path.name and path.suffix != ".csv"} == {
        "test2_Probabilities.npy",
        "test2_Simple Segmentation.h5",
        "series_Probabilities.npy",
        "series_Simple Segmentation.h5",
    }
    capsys.readouterr()
    assert main(["check", "--job", job.model_dump_json()]) == 1
    assert "1 more of its outputs exist. Remove what exists" in capsys.readouterr().out


def test_asking_for_help_is_no_failure(capsys):
    """Asking for help is no failure."""
    assert main(["run", "--help"]) == 0
    assert "--existing {error,skip,overwrite}" in capsys.readouterr().out


def test_info_prints_the_classifier_line_by_line(capsys):
    """What a classifier is, line by line."""
    assert main(["info", PROJECT]) == 0
    lines = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["Workflow"].strip() == "Pixel Classification"
    assert lines["Classes"].strip() == "Class 1, Class 2, Class 3"


def test_terminal_without_unicode_shows_escapes(tmp_path):
    """A name that the terminal cannot show is written with escapes, and the batch goes on."""
    image = tmp_path / "größe 緑.png"
    Image.open(CASE / "test2.png").save(image)
    result = command("run", PROJECT, image, PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert r"gr\xf6\xdfe \u7dd1_Probabilities.h5" in result.stdout
    assert image.with_name("größe 緑_Probabilities.h5").is_file()


def test_interrupt_keeps_whole_files_and_ends_with_130(tmp_path):
    """Ctrl-C: what is whole stays, nothing else does, the table is printed, status 130."""
    for i in range(30):
        np.save(tmp_path / f"{i:02}.npy", np.zeros((1024, 1024), np.uint8) + np.arange(1024, dtype=np.uint8) % 200)
    process = subprocess.Popen(
        [*COMMAND, "run", PROJECT, str(tmp_path / "*.npy"), "--folder", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    while not process.stderr.readline().startswith("1/30 "):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert process.returncode == 130
    assert "Cancelling" in errors
    assert "Traceback" not in errors
    rows = [line.split() for line in output.splitlines()[1:31]]
    done = {f"{Path(row[0]).stem}_Probabilities.h5" for row in rows if row[1] == "done"}
    assert {row[1] for row in rows} == {"done", "cancelled"}
    assert files_in(tmp_path / "out") == done


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LONG_NAMES = ["x" * 5000, "\u7dd1" * 200, "\x1b]0;y\x07" * 40, "e\u0301" * 300]


@pytest.mark.parametrize("name", LONG_NAMES, ids=["letters", "wide", "escapes", "combining"])
def test_progress_stays_in_its_line(name, monkeypatch):
    """Of a long name the middle is left out, both ends are shown, and nothing in it commands the terminal."""
    terminal = Terminal()
    monkeypatch.setattr(Console, "columns", lambda _: 60)
    rows = [SimpleNamespace(input=f"/data/a{name}z.tif", is_to_run=True)]
    Progress(SimpleNamespace(rows=rows), terminal).show(TileDone(0, 1, 2, 1, 2, 50, 100))
    line = terminal.getvalue().removeprefix("\r\x1b[K")
    assert line.startswith(" 50 %  0 of 1 file  a")
    assert "..." in line
    assert line.endswith("z.tif")
    assert 50 < sum(0 if combining(x) else 2 if east_asian_width(x) == "W" else 1 for x in line) < 60
    assert "\x1b" not in line


def test_progress_is_one_line_on_a_terminal(tmp_path, monkeypatch, capsys):
    """On a terminal there is one line that changes, and lines that stay for failures only."""
    (tmp_path / "bad.png").write_bytes(b"no image")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    inputs = [str(CASE / "test2.png"), str(tmp_path / "bad.png")]
    assert main(["run", PROJECT, *inputs, "--folder", str(tmp_path)]) == 1
    shown = terminal.getvalue()
    assert "\r\x1b[K100 %  " in shown
    assert f"-  problem    {tmp_path / 'bad.png'}\n" in shown
    assert "done" not in shown
    assert shown.endswith("\r\x1b[K")


def test_command_line_imports_nothing_heavy(tmp_path):
    """Importing the command line imports nothing heavy; predicting imports neither Qt nor napari."""
    code = (
        "import sys; from napari_batch_prediction.cli import main; "
        "heavy = {'numpy', 'pydantic', 'h5py', 'numba', 'imagecodecs', 'asyncio', 'logging'} & set(sys.modules); "
        "status = main(sys.argv[1:]); "
        "windows = {m for m in sys.modules if m.partition('.')[0] in "
        "('napari', 'qtpy', 'PyQt5', 'PyQt6', 'PySide2', 'PySide6', 'magicgui', 'superqt', 'npe2', 'vispy')}; "
        "print(sorted(heavy), sorted(windows), status)"
    )
    arguments = ["run", PROJECT, str(CASE / "test2.png"), "--folder", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    assert result.stdout.splitlines()[-1] == "[] [] 0"


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_closed_pipe_ends_the_program_without_a_trace():
    """A pipe that is closed early ends the program without a traceback."""
    process = subprocess.Popen([*COMMAND, "info", PROJECT], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait() == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_time_left_goes_with_the_pixels_that_are_left(monkeypatch):
    """Nine small tiles are done, one large one is not: most of the time is still to come."""
    terminal, now = Terminal(), [0.0]
    monkeypatch.setattr("napari_batch_prediction.report.time.perf_counter", lambda: now[0])
    progress = Progress(SimpleNamespace(rows=[SimpleNamespace(input="a.tif", is_to_run=True)]), terminal)
    now[0] = 10.0
    progress.show(TileDone(0, 9, 10, 9, 10, 25, 100))
    assert terminal.getvalue().endswith(" 25 %  0 of 1 file  0:30 left  a.tif")


def test_check_says_how_far_it_is(monkeypatch):
    """On a terminal only, and the line is gone at the end."""
    now, plan = iter(range(100)), SimpleNamespace()
    monkeypatch.setattr("napari_batch_prediction.report.time.monotonic", lambda: next(now))

    def steps():
        yield Found({"*.tif": ("a.tif", "b.tif")})
        yield from (Inspected(parse("a.tif"), None), Inspected(parse("b.tif"), None))
        return plan

    terminal, file = Terminal(), io.StringIO()
    assert made_plan(steps(), terminal) is plan
    assert re.findall(r"Checking .*?(?=\r)", terminal.getvalue()) == ["Checking 1 of 2", "Checking 2 of 2"]
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert made_plan(steps(), file) is plan
    assert file.getvalue() == ""
