"""What napari pays for this plugin when it starts, its manifest and nothing else; and what short commands import."""

import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys

import pytest

from napari_batch_prediction.demo.samples import NUCLEI
from napari_batch_prediction.errors import MissingLibraryError

HEAVY = {"numba", "h5py", "scipy", "sklearn", "skimage", "zarr", "tifffile", "dask", "numpy", "napari", "qtpy", "PIL"}
OWN = "napari_batch_prediction"
# What reading a project, checking a job and decoding a PNG needs; the last line is pydantic's own.
NEEDED = {
    *("numpy", "h5py", "imagecodecs", "pydantic"),
    *("pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
}


def loaded(code: str) -> set[str]:
    """Run code in its own interpreter, without a display, and return the modules that it has loaded."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["QT_QPA_PLATFORM"] = "offscreen"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return set(json.loads(done.stdout.splitlines()[-1]))


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == OWN}


def test_indexing_the_plugin_imports_nothing():
    """Finding and indexing the plugin imports none of its modules, and no library."""
    modules = loaded(
        "import npe2\n"
        "manager = npe2.PluginManager.instance()\n"
        "manager.discover()\n"
        "manager.index_npe1_adapters()\n"
        "assert 'napari-batch-prediction' in manager\n"
        "assert len(list(manager.iter_compatible_readers(['a.h5']))) >= 1\n"
        "list(manager.iter_widgets()), list(manager.iter_sample_data())\n"
    )
    assert own(modules) == set()
    assert modules & HEAVY == set()


@pytest.mark.slow
def test_napari_opens_without_importing_the_plugin():
    """napari with its window and menus imports none of the plugin's modules."""
    modules = loaded("import napari\nviewer = napari.Viewer(show=False)\nviewer.close()")
    assert "napari._qt.qt_main_window" in modules
    assert own(modules) == set()
    assert modules & {"h5py", "sklearn", "zarr"} == set()


def test_reader_imports_nothing_for_files_of_others(tmp_path):
    """The reader looks at files of others without importing what reads them."""
    (tmp_path / "a.tif").write_bytes(b"II*" + bytes(100))
    (tmp_path / "a.png").write_bytes(bytes(100))
    paths = [str(tmp_path / name) for name in ("a.tif", "a.png", "missing.h5")]
    modules = loaded(
        "from napari_batch_prediction.widgets.reading.reader import get_reader\n"
        f"assert [get_reader(path) for path in {paths}] == [None] * 3\n"
    )
    rooms = {f"{OWN}.widgets", f"{OWN}.widgets.reading"}
    assert own(modules) == {OWN, f"{OWN}.errors", f"{OWN}.wording", *rooms, f"{OWN}.widgets.reading.reader"}
    assert modules & HEAVY == set()
    assert loaded("import napari_batch_prediction.widgets.sample_data") & HEAVY == set()


@pytest.mark.slow
def test_widget_is_there_before_anything_compiled():
    """The window is there before anything compiled is: its module imports no numba of its own."""
    modules = loaded(f"import sys\nsys.modules['numba'] = None\nimport {OWN}.widgets.batch")
    assert f"{OWN}.widgets.batch" in modules
    assert "sklearn" not in modules


@pytest.mark.slow
def test_session_needs_neither_qt_nor_napari():
    """Whatever shows a session, it is neither Qt nor napari that the session needs."""
    modules = loaded(f"import {OWN}.session.session")
    assert f"{OWN}.session.state" in modules
    assert not {name.partition(".")[0] for name in modules} & {"napari", "qtpy", "superqt", "PyQt6", "PySide6"}


def libraries(code: str) -> set[str]:
    """Return the libraries that code loads in its own interpreter, without those of Python's own start."""
    names = {name.partition(".")[0] for name in loaded(code) - loaded("")} - set(sys.stdlib_module_names) - {OWN}
    # Cython's, and one that Python makes when it is built.
    return {name for name in names if "cython" not in name and not name.startswith("_sysconfigdata")}


@pytest.mark.parametrize("command", ["info", "check", "run"])
def test_commands_for_a_png_load_only_what_they_use(command, tmp_path):
    """No library is loaded for other formats, for the window, or to compile; compiled loops are loaded by llvmlite."""
    given = [str(NUCLEI.project)]
    if command != "info":
        given += [str(NUCLEI.images[0]), "--folder", str(tmp_path)]
    needed = NEEDED | {"llvmlite"} if command == "run" else NEEDED
    assert libraries(f"from {OWN}.cli import main\nassert main({[command, *given]}) == 0") <= needed


def test_loading_a_classifier_loads_only_what_it_uses():
    """In Python, too."""
    code = f"import {OWN} as nbp\nnbp.load_classifier({str(NUCLEI.project)!r})"
    assert libraries(code) <= NEEDED


@pytest.mark.parametrize(
    ("installed", "found"), [("0.8.0", "napari 0.8.0 is installed"), (None, "it is not installed")]
)
def test_napari_that_is_too_old_is_named(installed, found, monkeypatch):
    """In a napari that is too old, or has lost a library, the windows say so, and what to do."""
    widgets = importlib.import_module(f"{OWN}.widgets")
    real = importlib.metadata.version

    def version(name):
        if name != "napari":
            return real(name)
        if installed is None:
            raise importlib.metadata.PackageNotFoundError
        return installed

    monkeypatch.setattr(widgets, "requires", lambda name: ["h5py>=3.12", "napari>=0.9; extra == 'napari'"])
    monkeypatch.setattr(widgets, "version", version)
    expected = f"The windows of napari-batch-prediction need napari 0.9 or later; {found}. Update it: "
    with pytest.raises(MissingLibraryError, match=re.escape(expected)):
        widgets._require()
