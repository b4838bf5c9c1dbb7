"""The rules of ilastik's command line, one by one."""

import os
import shutil
import subprocess
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
from ilastik_callers import COMMAND, image, project, put
from PIL import Image

import napari_batch_prediction as nbp
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.headless.arguments import parse
from napari_batch_prediction.headless.command import main
from napari_batch_prediction.headless.inputs import axes_of_role
from napari_batch_prediction.headless.limits import read_limits
from napari_batch_prediction.headless.values import local_path, parse_range, parse_region, template

GREY, VOLUME, COUNTING, AUTOCONTEXT = "a_2d_u8", "d_3d_u8", "h1_count_2d_u8", "i_autocontext_2d_u8"
FORESTS = "PixelClassification/ClassifierForests"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a project and an image."""
    project(tmp_path, GREY)
    put(tmp_path / "raw.png", image(GREY))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str) -> int:
    return main(["--headless", "--project=P.ilp", *words])


def h5(path: Path, dataset: str = "exported_data") -> np.ndarray:
    with h5py.File(path) as file:
        return file[dataset][()]


def expected(name: str = "test2") -> np.ndarray:
    return h5(golden.ROOT / GREY / "expected" / f"{name}_Probabilities.h5")


def close(values: np.ndarray, wanted: np.ndarray) -> bool:
    """Compare with ilastik's values: one tree of a hundred may differ in a few."""
    return values.shape == wanted.shape and (np.abs(values - wanted) > 1e-3).sum() <= max(6, 0.001 * wanted.size)


@pytest.mark.parametrize(
    ("words", "readonly"),
    [
        (["--readonly", "raw.png"], True),
        (["--readonly=1", "raw.png"], True),
        (["--readonly", "1", "raw.png"], True),
        (["--readonly=true", "raw.png"], True),
        (["--readonly", "0", "raw.png"], False),
        (["--readonly", "--debug", "raw.png"], True),
        (["raw.png", "--readonly"], True),
        (["raw.png"], None),
    ],
)
def test_readonly_takes_no_file(words, readonly):
    """A flag with an optional value: the next word is one only if it is yes or no."""
    found = parse(["--project=P.ilp", *words])
    assert (found.readonly, found.files) == (readonly, ["raw.png"])


def test_dashes_prefixes_and_the_last_of_repeated_options():
    """As ilastik reads them."""
    found = parse(
        ["--proj", "A", "--raw-data", "a", "b", "--project=B", "--input-axes=yx", "--output_filename=x", "-v"]
    )
    assert (found.project, found.files, found.input_axes) == ("B", ["a", "b"], "yx")
    assert (found.output_filename_format, found.unknown) == ("x", ["-v"])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["raw.png"], "--project=PROJECT is missing"),
        (["--project=P", "--raw_data", "a.png", "--debug", "b.png"], "'b.png' stands alone"),
        (["--project=P", "--export_dtype=int64"], "invalid choice: 'int64'"),
        (["--project=P", "--output_format=tifff"], "did you mean 'tiff'?"),
        (["--project=P", "--output_format=csv"], "is a format of tables"),
        (["--project=P", "--output_f=x"], "ambiguous option"),
        (["--project=P", "--readonly=perhaps"], "'perhaps' is none of 1, yes, true"),
        (["--new_project=P", "--workflow=x"], "--new_project of ilastik is not supported here"),
    ],
)
def test_wrong_options_end_with_2(words, text, capsys):
    """Argparse's status, as in ilastik, and the reason."""
    assert main(words) == 2
    assert text in capsys.readouterr().err


def test_help_names_every_option(capsys):
    """Also without a project."""
    assert main(["--headless", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("--raw_data", "--export_drange", "--csv_export_file", "LAZYFLOW_THREADS"))


def test_unknown_options_are_named_and_left_out(folder, capsys):
    """A warning, and on it goes."""
    assert call("--frobnicate=3", "raw.png", "-q") == 0
    assert capsys.readouterr().err == "Unused command-line args: --frobnicate=3 -q\n"
    assert close(h5(folder / "raw_Probabilities.h5"), expected())
    assert call("--csv-export-file=C.csv", "--table_only", "raw.png") == 0
    assert capsys.readouterr().err == "Unused command-line args: --table_only --csv_export_file\n"
    assert not (folder / "C.csv").exists()


def test_without_input_nothing_is_exported(folder, capsys):
    """Status 0; the project is opened all the same."""
    before = {*folder.iterdir()}
    assert call("--export_source=Probabilities") == 0
    assert {*folder.iterdir()} == before
    assert main(["--headless", "--project=gone.ilp"]) == 1
    assert "There is no project file gone.ilp" in capsys.readouterr().err


def test_one_bad_input_does_not_stop_the_others(folder, capsys):
    """Its reason is on the last lines of stderr."""
    (folder / "text.png").write_text("no image")
    assert call("text.png", "gone.png", "raw.png") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("nbp-ilastik: text.png: 'text.png'")
    assert lines[1] == "nbp-ilastik: gone.png: There is no file 'gone.png'. Check its name and folder."
    assert lines[2:] == ["nbp-ilastik: 2 of 3 images could not be exported."]
    assert close(h5(folder / "raw_Probabilities.h5"), expected())


def test_wrong_source_is_refused(folder, capsys):
    """With those that there are."""
    assert call("--export_source=Segmentation", "raw.png") == 1
    assert "Choose one of: Probabilities, Simple Segmentation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("out/{nickname}.tiff", "out/a.b.h5"),
        ("{nickname}", "a.h5"),
        ("{nickname}_x", "a.h5"),
        ("v1.0/{nickname}.h5", "v1.0/a.b.h5"),
        ("{nickname}_{stem}_{}.h5", "a.b_{stem}_{}.h5"),
        ("{broken_{nickname}", "{broken_{nickname}.h5"),
        ("{dataset_dir}/x.h5", "in/x.h5"),
    ],
)
def test_names(name, written, folder):
    """What follows the last dot is the extension, and replaced; unknown placeholders stay."""
    put(folder / "in/a.b.png", image(GREY))
    assert call(f"--output_filename_format={name}", "in/a.b.png") == 0
    assert (folder / written).is_file()


def test_pattern_is_one_stack(folder):
    """Along z, or the axis that is told; the axes of the call are those of the stack."""
    project(folder, VOLUME)
    for z, plane in enumerate(image(VOLUME)):
        put(folder / f"p_{z:02}.png", plane)
    assert call("--output_filename_format={nickname}.h5", "p_*.png") == 0
    wanted = h5(golden.ROOT / VOLUME / "expected/test2-data_Probabilities.h5")
    assert close(h5(folder / "p_.h5"), wanted)
    assert call("--output_filename_format=axes.h5", "--input_axes=zyx", "p_*.png") == 0
    assert close(h5(folder / "axes.h5"), wanted)
    project(folder, GREY)
    assert call("--output_filename_format=times.h5", "--stack_along=t", "p_0*.png") == 0
    assert h5(folder / "times.h5").shape == (10, *wanted.shape[1:3], 3)


def test_folder_has_no_results_as_inputs(folder, capfd):
    """ilastik takes no folders; here one stands for its images, without what was made of them."""
    put(folder / "in/a.png", image(GREY))
    put(folder / "in/b.png", image(GREY, "test1"))
    for _ in range(2):
        assert call("--output_format=tiff", "--export_source=Uncertainty", "in") == 0
    assert {path.name for path in (folder / "in").iterdir()} == {
        "a.png", "b.png", "a_Uncertainty.tiff", "b_Uncertainty.tiff",
    }  # fmt: skip


def test_other_datasets_of_a_replaced_file_stay(folder):
    """As in ilastik, which only replaces the dataset that it writes."""
    with h5py.File(folder / "O.h5", "w") as file:
        file["other/values"] = [1, 2]
        file["other"].attrs["unit"] = "m"
        file["gone"] = h5py.SoftLink("/nowhere")
        file["a/b"] = 3
        file["a/c"] = 4
    for source in ("Probabilities", "Uncertainty"):
        words = (f"--export_source={source}", "--output_filename_format=O.h5", "--output_internal_path=a/b")
        assert call(*words, "raw.png") == 0
    with h5py.File(folder / "O.h5") as file:
        assert file["other/values"][()].tolist() == [1, 2]
        assert file["other"].attrs["unit"] == "m"
        assert file.get("gone", getlink=True).path == "/nowhere"
        assert (file["a/b"].shape, file["a/c"][()]) == ((*image(GREY).shape, 1), 4)
    assert not [path for path in folder.iterdir() if path.name not in ("O.h5", "P.ilp", "raw.png")]


def test_region_is_cut_off_at_the_image(folder):
    """A stop beyond the image, or at 0, is its end."""
    words = ("--cutout_subregion=[(5,None,1),(1000,0,2)]", "--output_filename_format=O.h5")
    assert call(*words, "raw.png") == 0
    assert close(h5(folder / "O.h5"), expected()[5:, :, 1:2])


def test_region_with_other_axes_is_refused(folder, capsys):
    """With the orders that there are."""
    assert call("--cutout_subregion=[(0,0),(5,5)]", "raw.png") == 1
    assert "--cutout_subregion has 2 axes, expected 3 (y, x, c)" in capsys.readouterr().err


def test_axes_of_the_training_images(folder):
    """They win over a guess, but for the file's own if asked, and where they do not fit."""
    values = np.moveaxis(image("b_2d_rgb_u8"), -1, 0)
    project(folder, "b_2d_rgb_u8", "cyx")
    put(folder / "I.npy", values)
    wanted = h5(golden.ROOT / "b_2d_rgb_u8/expected/test2_Probabilities.h5")
    assert call("--output_filename_format=O.h5", "I.npy") == 0
    assert close(h5(folder / "O.h5"), np.moveaxis(wanted, -1, 0))
    assert call("--ignore_training_axistags", "I.npy") == 1
    assert call("--output_filename_format=O.h5", "--ignore-training-axistags", "--input-axes=cyx,None", "I.npy") == 0
    put(folder / "I.png", image("b_2d_rgb_u8"))
    assert call("--output_filename_format=O.h5", "I.png") == 0
    assert close(h5(folder / "O.h5"), wanted)


def test_masks_by_their_places(folder, capsys):
    """The first image has the first mask; without one, all of an image is predicted."""
    put(folder / "mask.png", np.zeros(image(GREY).shape, np.uint8))
    put(folder / "b.png", image(GREY))
    assert call("--raw_data", "raw.png", "b.png", "--prediction_mask", "mask.png") == 0
    assert not h5(folder / "raw_Probabilities.h5").any()
    assert close(h5(folder / "b_Probabilities.h5"), expected())
    assert call("--raw_data", "raw.png", "--prediction-mask", "mask.png", "mask.png") == 1
    assert "There are 2 masks, but 1 image." in capsys.readouterr().err
    assert call("--raw_data", "raw.png", "--prediction-mask", "gone.png") == 1
    assert "gone.png" in capsys.readouterr().err
    project(folder, COUNTING)
    assert call("--raw_data", "raw.png", "--prediction-mask", "mask.png") == 1
    assert "Cell Density Counting has no masks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("threads", "megabytes", "limits"),
    [
        ("2", "4096", (2, 4096 * 2**20)),
        ("0", "100", (1, 512 * 2**20)),
        ("-1", "0", (None, None)),
        ("", "", (None, None)),
    ],
)
def test_limits(threads, megabytes, limits):
    """No limit at ilastik's defaults, and never less than a batch can run with."""
    assert read_limits({"LAZYFLOW_THREADS": threads, "LAZYFLOW_TOTAL_RAM_MB": megabytes}, None) == limits


def test_limits_of_a_file(tmp_path):
    """The environment wins."""
    config = tmp_path / "ilastikrc"
    config.write_text("[ilastik]\ndebug: true\n[lazyflow]\nthreads=3\ntotal_ram_mb=2000\n")
    assert read_limits({}, str(config)) == (3, 2000 * 2**20)
    assert read_limits({"LAZYFLOW_THREADS": "1"}, str(config)) == (1, 2000 * 2**20)
    config.write_text("threads=3")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_limits({}, str(config))


def test_limit_that_is_no_number(folder, monkeypatch, capsys):
    """It is named."""
    monkeypatch.setenv("LAZYFLOW_THREADS", "all")
    assert call("raw.png") == 1
    assert capsys.readouterr().err == "nbp-ilastik: LAZYFLOW_THREADS is 'all', expected a whole number.\n"


@pytest.mark.slow
def test_too_little_memory_is_no_reason_to_stop(folder):
    """The least memory is taken instead; an image that needs more is told."""
    put(folder / "large.png", np.tile(image(GREY), (10, 10)))
    words = [*COMMAND, "--headless", "--project=P.ilp", "--output_filename_format=O.h5", "large.png"]
    environment = {"LAZYFLOW_TOTAL_RAM_MB": "1", "LAZYFLOW_THREADS": "1"}
    result = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert h5(folder / "O.h5").shape == (*(10 * n for n in image(GREY).shape), 3)


@pytest.mark.slow
def test_folders_that_cannot_be_written(folder):
    """A home that is none, and a current folder that is left as it is."""
    empty = folder / "empty"
    empty.mkdir()
    empty.chmod(0o500)
    words = [*COMMAND, "--headless", f"--project={folder / 'P.ilp'}", f"--output_filename_format={folder}/O.h5"]
    environment = {"HOME": "/nonexistent/home", "XDG_CACHE_HOME": "/proc/none", "PYTHONHASHSEED": "0"}
    result = subprocess.run([*words, f"{folder}/raw.png"], cwd=empty, env=environment, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert close(h5(folder / "O.h5"), expected())
    assert [*empty.iterdir()] == []


def test_output_is_redirected(folder, capsys):
    """At the end of a file that may exist."""
    (folder / "printed.txt").write_text("before\n")
    assert call("--redirect_output=printed.txt", "gone.png", "raw.png") == 1
    lines = (folder / "printed.txt").read_text().splitlines()
    assert lines[0] == "before"
    assert lines[1] == f"raw.png: exported to {folder}/raw_Probabilities.h5"
    assert lines[-1] == "nbp-ilastik: 1 of 2 images could not be exported."
    assert capsys.readouterr() == ("", "")


def test_files_of_a_sequence(tmp_path, monkeypatch, capsys):
    """They are numbered as the name says, and stdout names them."""
    project(tmp_path, VOLUME)
    with h5py.File(tmp_path / "I.h5", "w") as file:
        file["data"] = image(VOLUME)
    monkeypatch.chdir(tmp_path)
    words = ["--export_source=Simple Segmentation", "--output_format=png sequence", "--cutout_subregion="]
    words[-1] += "[(8,0,0,None),(11,None,None,None)]"
    assert call(*words, "--output_filename_format=s/{nickname}_{slice_index:04d}_{z_start:03}.png", "I.h5") == 0
    files = sorted(path.name for path in (tmp_path / "s").iterdir())
    assert files == [f"I-data_{z:04d}_008.png" for z in (8, 9, 10)]
    out = capsys.readouterr().out
    assert f"I.h5/data: exported to {tmp_path}/s/{files[0]} to {files[-1]}" in out.splitlines()


def test_log_that_cannot_be_written(folder, capsys):
    """Said before anything is done."""
    assert call("--logfile=P.ilp/log.txt", "raw.png") == 1
    assert capsys.readouterr() == ("", "nbp-ilastik: 'P.ilp' cannot be written: File exists.\n")


def test_record_if_asked(folder):
    """The only option that ilastik does not have."""
    assert call("--ledger=run.ledger.jsonl", "raw.png") == 0
    assert (folder / "run.ledger.jsonl").is_file()


def test_job_without_a_ledger(folder):
    """The same from Python and JSON."""
    job = nbp.BatchJob("P.ilp", "raw.png", ledger=False)
    assert nbp.BatchJob.model_validate_json(job.model_dump_json()) == job == job.model_copy()
    assert job.absolute().ledger is False
    ledger = job.run()
    assert (ledger.path, [row.status for row in ledger]) == (None, ["done"])
    assert {path.name for path in folder.iterdir()} == {"P.ilp", "raw.png", "raw_Probabilities.h5"}


def test_counts_of_several_images(tmp_path, monkeypatch):
    """A line for each; the file of an earlier run is replaced."""
    project(tmp_path, COUNTING)
    monkeypatch.chdir(tmp_path)
    for name in ("test1", "test2"):
        put(tmp_path / f"{name}.png", image(COUNTING, name))
    for _ in range(2):
        assert call("--csv-export-file=C.csv", "test1.png", "test2.png") == 0
    wanted = [(golden.ROOT / COUNTING / f"expected/counts_{name}.csv").read_text() for name in ("test1", "test2")]
    lines = [line.split(",") for line in (tmp_path / "C.csv").read_text().splitlines()]
    assert [name for name, _ in lines] == ["test1", "test2"]
    assert [float(n) for _, n in lines] == pytest.approx([float(line.split(",")[1]) for line in wanted], rel=1e-3)


def test_region_of_a_density(tmp_path, monkeypatch):
    """ilastik counts in x, y, c."""
    project(tmp_path, COUNTING)
    put(tmp_path / "raw.png", image(COUNTING))
    monkeypatch.chdir(tmp_path)
    assert call("--cutout_subregion=[(0,3,0),(10,20,1)]", "--output_filename_format=O.h5", "raw.png") == 0
    wanted = h5(golden.ROOT / COUNTING / "expected/test2_Probabilities.h5")
    assert close(h5(tmp_path / "O.h5"), wanted[3:20, :10])


def training(folder: Path) -> Path:
    """Copy the project with its training image."""
    shutil.copy(golden.ROOT / GREY / "train.png", folder)
    return folder / "P.ilp"


@pytest.mark.slow
def test_retrained_classifier_is_saved_only_if_asked(folder, capsys):
    """The forest alone is replaced; all else of the project stays as it is."""
    path = training(folder)
    before = path.read_bytes()
    assert call("--retrain", "--output_filename_format=O.h5", "raw.png") == 0
    assert path.read_bytes() == before
    assert "was trained here from its" in capsys.readouterr().err
    memory = h5(folder / "O.h5")
    assert (memory.argmax(axis=-1) == expected().argmax(axis=-1)).mean() > 0.9
    assert not np.array_equal(memory, expected())
    stored = contents(path)
    assert call("--retrain", "--readonly=0", "--output_filename_format=O.h5", "raw.png") == 0
    assert contents(path) == stored
    assert call("--output_filename_format=O.h5", "raw.png") == 0
    np.testing.assert_array_equal(h5(folder / "O.h5"), memory)
    assert {item.name for item in folder.iterdir()} == {"O.h5", "P.ilp", "raw.png", "train.png"}


def contents(path: Path) -> dict[str, bytes]:
    """Return what a project holds besides its forest."""
    found: dict[str, bytes] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: np.asarray(item[()]).tobytes()})
                if isinstance(item, h5py.Dataset) and item.dtype != object and not name.startswith(FORESTS)
                else None
            )
        )
    return found


@pytest.mark.slow
def test_number_of_trees(folder):
    """Trained in memory, with so many trees."""
    before = training(folder).read_bytes()
    assert call("--tree-count=4", "--output_filename_format=O.h5", "raw.png") == 0
    assert {*np.unique(h5(folder / "O.h5") * 4)} <= {0, 1, 2, 3, 4}
    assert (folder / "P.ilp").read_bytes() == before
    assert call("--tree-count=0", "raw.png") == 1


@pytest.mark.slow
def test_project_without_a_classifier(folder, capsys):
    """It is trained for this run; without its images the reason is told."""
    path = training(folder)
    with h5py.File(path, "r+") as file:
        del file[FORESTS]
    assert call("--output_filename_format=O.h5", "raw.png") == 0
    assert "was saved without its trained classifier. It was trained here" in capsys.readouterr().err
    assert (h5(folder / "O.h5").argmax(axis=-1) == expected().argmax(axis=-1)).mean() > 0.9
    (folder / "train.png").unlink()
    assert call("raw.png") == 1
    assert "it cannot be trained here" in capsys.readouterr().err


def test_other_workflows_are_not_trained(tmp_path, monkeypatch, capsys):
    """Autocontext by its name; in counting ilastik has no such option."""
    monkeypatch.chdir(tmp_path)
    project(tmp_path, AUTOCONTEXT)
    assert call("--retrain") == 1
    assert "'Autocontext (2-stage)', which is not trained here" in capsys.readouterr().err
    project(tmp_path, COUNTING)
    assert call("--retrain") == 0
    assert "Unused command-line args: --retrain" in capsys.readouterr().err


def test_pixels_of_an_object_classification(tmp_path, monkeypatch, capsys):
    """By ilastik's names, and not by those that they have in a pixel classification."""
    case = "j_objclass_2d_u8"
    project(tmp_path, case)
    put(tmp_path / "raw.png", image(case))
    monkeypatch.chdir(tmp_path)
    assert call("--export_source=Probabilities", "raw.png") == 1
    assert "'Object Classification (from pixel classification)', which cannot export 'Prob" in capsys.readouterr().err
    assert call("--export_source=pixel probabilities", "raw.png") == 0
    wanted = h5(golden.ROOT / case / "expected/test2_Pixel Probabilities.h5")
    assert close(h5(tmp_path / "raw_Pixel Probabilities.h5"), wanted)


def test_ranges_as_text():
    """Round and square brackets, blanks, quotes."""
    assert parse_range("(0.0, 1.0)", "--x") == parse_range("[0,1]", "--x") == parse_range("'(0,1)'", "--x") == (0, 1)
    for text in ("0,1", "(0,1,2)", "(0,)", "(a,b)", "(None,1)", "(0,True)", "", "[" * 10000):
        with pytest.raises(SettingsError, match=r"--x is .*, expected two numbers"):
            parse_range(text, "--x")


def test_regions_as_text():
    """Start and stop of each axis in order; None and a stop at 0 are no end."""
    orders = ("yxc", "zyxc")
    assert parse_region("[(None,None,None,0),(None,None,None,1)]", "--x", orders) == {"c": (None, 1)}
    assert parse_region("[(1, 2, 0), (0, 9, None)]", "--x", orders) == {"y": (1, None), "x": (2, 9)}
    for text in ("[(0,0,0)]", "[(0,0,0),(1,1)]", "[(0,0,-1),(1,1,1)]", "[0,1]", "[(0,0,0),(1,1,0.5)]", "x"):
        with pytest.raises(SettingsError, match=r"--x is .*, expected start and stop"):
            parse_region(text, "--x", orders)


def test_templates():
    """Only ilastik's placeholders are replaced."""
    assert template("{nickname}_{result_type}_{x_start}", "A {b}") == "{nickname}_A {{b}}_{x_start}"
    assert template("{index}{folder}{0}{a:3}", "") == "{{index}}{{folder}}{{0}}{{a:3}}"
    assert template("{nickname", "") == "{{nickname"


def test_uris_and_axes_of_roles():
    """Files by URI; the axes of the first role, or of all."""
    assert local_path("file:///a%20b/c.zarr/0") == "/a b/c.zarr/0"
    assert local_path("file.tif") == "file.tif"
    assert [axes_of_role(text, 0) for text in (None, "yx", "ZYX,yx", "None,yx")] == [None, "yx", "zyx", None]
    assert [axes_of_role(text, 1) for text in ("yx", "zyx,yx", "zyx,None", "a,")] == ["yx", "yx", None, None]
    assert axes_of_role("zyx", 0, "z") == "yx"


def test_nothing_heavy_is_imported_for_version_and_help():
    """Pipelines ask for the version before each task."""
    check = (
        "import sys; from napari_batch_prediction.headless.command import main; main(['--headless', sys.argv[1]]);"
        "print({*sys.modules} & {'numpy', 'h5py', 'numba', 'pydantic', 'napari'}, file=sys.stderr)"
    )
    for option in ("--version", "--help"):
        result = subprocess.run(
            [COMMAND[0], "-c", check, option],
            env={**os.environ, "PYTHONPATH": str(Path(nbp.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stderr == "set()\n"


def test_picture_is_read_back_whole(folder):
    """A segmentation over an existing picture, of other size."""
    Image.new("L", (3, 3)).save(folder / "O.png")
    words = ("--export_source=simple segmentation", "--output_format=png", "--output_filename_format=O.png")
    assert call(*words, "raw.png") == 0
    with Image.open(folder / "O.png") as picture:
        assert picture.size == image(GREY).shape[::-1]
