"""The demo: what it makes, what it says, and that its numbers are ilastik's."""

import re

import h5py
import numpy as np
import pytest
from PIL import Image
from repository import SAMPLES

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.cli import main
from napari_batch_prediction.demo import DAMAGED, run_demo
from napari_batch_prediction.demo.overview import Panels, draw_overview
from napari_batch_prediction.errors import SettingsError

EXPECTED = SAMPLES / "nuclei" / "expected"
NAMES = [f"nuclei_0{i}" for i in range(1, 7)]


def exported(path):
    with h5py.File(path, "r") as file:
        return file["exported_data"][()]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo that was run twice, the second time over the first: its folder."""
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    assert run_demo(folder, viewer=False) == 0
    (folder / "notes.txt").write_text("mine")
    assert run_demo(folder, viewer=False) == 0
    return folder


@pytest.mark.slow
def test_folder_has_samples_results_and_picture(demo):
    """Sample, damaged image, two results for each whole image, the picture; files of the user stay."""
    found = {path.relative_to(demo).as_posix() for path in demo.rglob("*") if path.is_file()}
    results = {f"results/{n}_{s}.h5" for n in NAMES for s in ("Probabilities", "Simple Segmentation")}
    assert found == {
        "nuclei.ilp",
        DAMAGED,
        "overview.png",
        "trained_here.ilp",
        "notes.txt",
        "results/demo.ledger.jsonl",
        "results/demo.csv",
        *(f"{n}.png" for n in NAMES),
        *results,
    }


@pytest.mark.golden
@pytest.mark.parametrize("name", NAMES)
def test_results_equal_those_of_ilastik(demo, name):
    """At most 0.05 % of the values differ from ilastik's by more than 0.001, none by more than 0.06."""
    ours = exported(demo / "results" / f"{name}_Probabilities.h5")
    theirs = exported(EXPECTED / f"{name}_Probabilities.h5")
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    difference = np.abs(ours - theirs)
    assert (difference > 0.001).mean() <= 0.0005
    assert difference.max() <= 0.06
    classes = exported(demo / "results" / f"{name}_Simple Segmentation.h5")[..., 0]
    assert (classes != theirs.argmax(-1) + 1).mean() <= 0.00005


@pytest.mark.slow
def test_demo_prints_each_image_and_the_meant_failure(tmp_path, capsys):
    """A line for each image, the reason of the failure, that it was meant to fail, and where the picture is."""
    run_demo(tmp_path, viewer=False)
    said = capsys.readouterr().out
    for name in NAMES:
        assert re.search(rf"{name}\.png.*\bdone\b", said)
    assert re.search(rf"{DAMAGED}.*\bfailed\b", said)
    assert f"Only {DAMAGED} failed, as it should" in said
    assert str(tmp_path / "overview.png") in said
    assert "Trained on the 8826 labelled pixels in nuclei.ilp in" in said
    assert load_classifier(tmp_path / "trained_here.ilp").classes == ("Background", "Nucleus", "Mitotic")


def test_picture_has_no_empty_panel(demo):
    """The overview has two lines of text and three lines of six panels, none of them empty."""
    with Image.open(demo / "overview.png") as picture:
        assert picture.size == (2036, 1256)
        pixels = np.asarray(picture)
    columns = [28 + g * 1004 + p * 328 for g in range(2) for p in range(3)]
    for top in (108, 476, 844):
        for left in columns:
            assert pixels[top : top + 320, left : left + 320].std() > 5


def test_picture_without_results_is_made():
    """Also without a single result there is a picture."""
    assert draw_overview([], {"A": (255, 0, 0)}, ["a.png (failed)"]).size[0] == 2036


def test_picture_has_the_colours_of_the_classes():
    """Probabilities are shown as the mixed colours of the classes, labels in their class's colour."""
    labels = np.tile(np.uint8([[1, 2]]), (64, 32))
    labels.sort(axis=1)
    probabilities = np.full((64, 64, 2), 0.5)
    panels = Panels("a.png", np.full((64, 64), 7, np.uint8), probabilities, labels)
    pixels = np.asarray(draw_overview([panels], {"A": (200, 0, 0), "B": (0, 0, 100)}, []))
    middle = pixels[108 + 160]
    assert middle[28 + 328 + 160].tolist() == [100, 0, 50]
    assert middle[28 + 2 * 328 + 40].tolist()[1:] == [0, 0]
    assert middle[28 + 2 * 328 + 280].tolist()[:2] == [0, 0]


@pytest.mark.parametrize("kind", ["folder with other files", "file"])
def test_foreign_folder_is_refused_and_stays(tmp_path, kind):
    """A folder with other files, or a file, is refused and stays as it was."""
    target = tmp_path / "mine"
    if kind == "file":
        target.write_text("text")
    else:
        target.mkdir()
        (target / "nuclei.ilp").write_text("my own project")
    with pytest.raises(SettingsError, match="mine"):
        run_demo(target, viewer=False)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_text() for path in files] == ["text" if kind == "file" else "my own project"]


def test_viewer_without_qt_says_what_to_install(tmp_path, monkeypatch, capsys):
    """Before anything is done: one sentence, and status 2."""
    monkeypatch.setattr("napari_batch_prediction.demo._BINDINGS", ("nothing_of_qt",))
    assert main(["demo", str(tmp_path / "demo"), "--viewer"]) == 2
    said = capsys.readouterr()
    assert "pip install 'napari-batch-prediction[pyqt6]'" in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "demo").exists()
