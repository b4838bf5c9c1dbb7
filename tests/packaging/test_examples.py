"""The scripts in ``examples`` run as they stand."""

import runpy

import napari
import pytest
from napari.components import ViewerModel
from napari.plugins import _initialize_plugins
from repository import ROOT

EXAMPLES = {
    "batch_folder.py": "segmented/nuclei_06_Simple Segmentation.tiff",
    "progress.py": "probabilities/nuclei_06_Probabilities.npy",
    "counts_table.py": "colonies.csv",
    "predict_tiles.py": "large_segmentation.zarr/zarr.json",
    "measure_nuclei.py": "nuclei.csv",
}


def run(name, monkeypatch, folder):
    """Run an example in a folder; return its names, or its exit status."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", [name])
    # No display, and no waiting for somebody to close a window. A window would find the plugins.
    _initialize_plugins()
    monkeypatch.setattr(napari, "Viewer", ViewerModel)
    monkeypatch.setattr(napari, "run", lambda: None)
    try:
        return runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs_and_writes_its_result(name, tmp_path, monkeypatch, capsys):
    """Each example ends well, writes what it is for, and says something."""
    assert run(name, monkeypatch, tmp_path) != 1
    assert (tmp_path / EXAMPLES[name]).is_file()
    assert capsys.readouterr().out


def test_example_for_napari_shows_the_image_and_its_results(tmp_path, monkeypatch):
    """The example for napari has the image, its probabilities and its segmentation as layers."""
    viewer = run("view_results.py", monkeypatch, tmp_path)["viewer"]
    assert viewer.layers[0].name == "nuclei_01"
    assert [layer._type_string for layer in viewer.layers] == ["image", "image", "image", "image", "labels"]


def test_every_example_is_run():
    """No example is left out of the tests above, nor of the list for readers."""
    scripts = {path.name for path in (ROOT / "examples").glob("*.py")}
    readme = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert scripts == {*EXAMPLES, "view_results.py"}
    assert all(f"`{name}`" in readme for name in scripts)
