"""What napari pays for this plugin when it starts, its manifest and nothing else; and what short commands import."""

import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys

import pytest
from repository import ENVIRONMENT

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


def test_napari_that_is_too_old_is_named(monkeypatch):
    """In a napari that is too old the windows say so, and what to do."""
    widgets = importlib.import_module(f"{OWN}.widgets")
    real = importlib.metadata.version
    monkeypatch.setattr(widgets, "requires", lambda name: ["h5py>=3.12", "napari>=0.9; extra == 'napari'"])
    monkeypatch.setattr(widgets, "version", lambda name: "0.8.0" if name == "napari" else real(name))
    expected = "The windows of napari-batch-prediction need napari 0.9 or later; napari 0.8.0 is installed. Update it: "
    with pytest.raises(MissingLibraryError, match=re.escape(expected)):
        widgets._require()


WINDOWS = """
import importlib, importlib.metadata, sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing} else self.finder.find_spec(name, path, target)
sys.meta_path[:] = map(Without, sys.meta_path)
if not {metadata}:
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)
    importlib.metadata.requires = requires
importlib.import_module("{module}")
"""

MISSING = {
    "a plain install": (("napari", "qtpy", "magicgui", "superqt"), True, "need napari 0.9 or later; it is not"),
    "a copied folder": (("napari", "qtpy", "magicgui", "superqt"), False, "need napari; it is not installed."),
    "a library lost": (("superqt",), True, "need superqt 0.7.8 or later; it is not installed."),
}


@pytest.mark.parametrize(("missing", "metadata", "expected"), MISSING.values(), ids=MISSING)
def test_windows_without_napari_say_what_to_install(missing, metadata, expected):
    """Not by the name of a module that is missing, whichever window is imported."""
    for module in ("widgets.batch", "widgets.training.train"):
        code = WINDOWS.format(missing=missing, metadata=metadata, module=f"{OWN}.{module}")
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, check=False, capture_output=True, text=True, env=ENVIRONMENT)
        said = result.stderr.splitlines()[-1]
        assert "MissingLibraryError: The windows of napari-batch-prediction " + expected in said
        assert said.endswith("Install it with Qt: pip install 'napari-batch-prediction[pyqt6]'")
