"""From what a user names to a list of inputs, and the file and stem of each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from texts import expand

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import parse

FILES = (
    "a1.tif",
    "a2.tif",
    "a10.tif",
    "b[1].png",
    "b1.png",
    "exp[1]/c.png",
    "exp[1]/deep/d.png",
    "runs.h5/e.tif",
    "runs.h5_dir/f.h5",
    "scan1.h5",
    "scan2.h5",
    ".hidden.tif",
    "~odd.tif",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with FILES, which is the current folder."""
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "a3.tif").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


EXPANSIONS = {
    "a file": (["a1.tif"], ["a1.tif"]),
    "a missing file stays": (["no.tif"], ["no.tif"]),
    "a folder": (["exp[1]"], ["exp[1]/c.png"]),
    "a folder and those below": (["exp[1]/**"], ["exp[1]/c.png", "exp[1]/deep/d.png"]),
    "in natural order, without folders": (["a*.tif"], ["a1.tif", "a2.tif", "a10.tif"]),
    "hidden files stay hidden": (["*.tif"], ["a1.tif", "a2.tif", "a10.tif", "~odd.tif"]),
    "order of the entries": (["b1.png", "a*.tif"], ["b1.png", "a1.tif", "a2.tif", "a10.tif"]),
    "each once": (["a2.tif", "a*.tif", "./a1.tif"], ["a2.tif", "a1.tif", "a10.tif"]),
    "a name with brackets": (["b[1].png"], ["b[1].png"]),
    "a set": (["b[0-9].png"], ["b1.png"]),
    "in a folder with brackets": (["exp[1]/*.png"], ["exp[1]/c.png"]),
    "any depth": (["**/*.png"], ["b1.png", "b[1].png", "exp[1]/c.png", "exp[1]/deep/d.png"]),
    "any depth below": (["exp[1]/**/*.png"], ["exp[1]/c.png", "exp[1]/deep/d.png"]),
    "a question mark": (["a?.tif"], ["a1.tif", "a2.tif"]),
    "a dataset": (["scan1.h5/volume/data"], ["scan1.h5/volume/data"]),
    "a dataset with brackets": (["scan1.h5/d[0]"], ["scan1.h5/d[0]"]),
    "a dataset in each": (["scan*.h5/volume/data"], ["scan1.h5/volume/data", "scan2.h5/volume/data"]),
    "a dataset at any depth": (["**/f.h5/data"], ["runs.h5_dir/f.h5/data"]),
    "two datasets of a file": (["scan1.h5/a", "scan1.h5/b", "scan1.h5/a"], ["scan1.h5/a", "scan1.h5/b"]),
    "in a folder named as a file": (["runs.h5/*.tif"], ["runs.h5/e.tif"]),
    "in folders named as files": (["run*.h5/*.tif"], ["runs.h5/e.tif"]),
    "a tilde in a name": (["~odd.tif"], ["~odd.tif"]),
    "none": ([], []),
}


@pytest.mark.parametrize(("inputs", "expected"), EXPANSIONS.values(), ids=EXPANSIONS)
def test_pattern_becomes_the_files_it_matches(inputs, expected, folder):
    """Patterns become the files they match; names stay as they are given."""
    assert [Path(found) for found in expand(inputs)] == [Path(name) for name in expected]


def test_absolute_pattern_gives_absolute_names(folder):
    """Absolute patterns give absolute names."""
    assert expand([str(folder / "a*.tif")]) == [str(folder / name) for name in ("a1.tif", "a2.tif", "a10.tif")]


def test_tilde_is_the_home_folder(folder, monkeypatch):
    """'~' is the home folder, in names and in patterns."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert expand(["~/b1.png", "~/exp[1]/*"]) == [str(folder / "b1.png"), str(folder / "exp[1]" / "c.png")]


def test_file_and_its_link_are_one_input(folder):
    """A file and a link to it are one input: the one that is named first."""
    (folder / "link.png").symlink_to("b1.png")
    assert expand(["link.png", "b1.png"]) == ["link.png"]


def test_equal_numbers_keep_one_order(folder):
    """a01 and a1 are equal as numbers; their order does not depend on the disk."""
    for name in ("n1.gif", "n01.gif", "n001.gif"):
        (folder / name).touch()
    assert expand(["n*.gif"]) == ["n001.gif", "n01.gif", "n1.gif"]


@pytest.mark.parametrize("pattern", ["*.bmp", "no/*.tif", "a3*", "**/*.bmp", "no*.h5/data", "runs*.h5/data"])
def test_pattern_without_files_is_refused(pattern, folder):
    """A pattern that matches nothing, or only folders, is named in the error."""
    with pytest.raises(SettingsError, match="matches no file") as raised:
        expand(["a1.tif", pattern])
    assert f"'{pattern}'" in str(raised.value)


STEMS = {
    "plain": ("x/cells.png", "x/cells.png", "cells"),
    "capitals": ("cells.TIFF", "cells.TIFF", "cells"),
    "dots": ("SOX9-QA1W.9_z108.tif", "SOX9-QA1W.9_z108.tif", "SOX9-QA1W.9_z108"),
    "a number after a dot": ("iso.2334", "iso.2334", "iso.2334"),
    "two extensions": ("x.ome.tif", "x.ome.tif", "x.ome"),
    "only an extension": (".tif", ".tif", ".tif"),
    "a dataset": ("x/scan.h5/volume/data", "x/scan.h5", "scan-volume-data"),
    "a dataset in capitals": ("SCAN.HDF5/data", "SCAN.HDF5", "SCAN-data"),
    "no dataset": ("scan.h5", "scan.h5", "scan"),
    "a dataset named as a file": ("scan.h5/a.h5", "scan.h5", "scan-a.h5"),
    "a dataset of a file that is there": ("scan1.h5/a", "scan1.h5", "scan1-a"),
    "in a folder named as a file": ("runs.h5/e.tif", "runs.h5/e.tif", "e"),
    "missing in a folder named as a file": ("runs.h5/no.tif", "runs.h5/no.tif", "no"),
    "dataset in a folder named nearly as a file": ("runs.h5_dir/f.h5/data", "runs.h5_dir/f.h5", "f-data"),
    "200 letters": ("n" * 200 + ".tif", "n" * 200 + ".tif", "n" * 200),
    "300 letters": ("n" * 300 + ".tif", "n" * 300 + ".tif", "n" * 300),
    "unicode": ("Зелёный 緑.tif", "Зелёный 緑.tif", "Зелёный 緑"),
}


@pytest.mark.parametrize(("location", "file", "stem"), STEMS.values(), ids=STEMS)
def test_file_and_stem_of_a_name_are_found(location, file, stem, folder):
    """The file on disk, and the name that outputs are made from, whether the file exists or not."""
    assert parse(location).file == Path(file)
    assert parse(location).stem == stem
    assert parse(Path(location)).stem == stem


def test_folder_named_as_a_file_is_no_file(tmp_path):
    """Folders named 'x.h5' and 'y.h5_dir' do not confuse where the file ends and the dataset begins."""
    folder = tmp_path / "x.h5" / "y.h5_dir"
    folder.mkdir(parents=True)
    with h5py.File(folder / "scan.h5", "w") as file:
        file["a/b.h5/c"] = np.eye(5)
        file["d"] = np.ones((2, 2))
    with open_image(folder / "scan.h5" / "a" / "b.h5" / "c") as image:
        np.testing.assert_array_equal(image.read(), np.eye(5))


def test_backslashes_where_they_separate_folders(tmp_path):
    """A dataset may be separated as the system separates folders."""
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["a/b"] = np.eye(5)
        file["d"] = np.ones((2, 2))
    location = f"{tmp_path / 'scan.h5'}{os.sep}a{os.sep}b"
    assert parse(location).stem == "scan-a-b"
    with open_image(location) as image:
        assert image.location == location
        np.testing.assert_array_equal(image.read(), np.eye(5))


def test_formats_are_imported_when_needed():
    """Knowing the formats does not load their libraries, nor Qt, nor napari."""
    code = (
        "import json, sys; from napari_batch_prediction.locations.inputs import open_image\n"
        "print(json.dumps([name for name in sys.modules if '.' not in name]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "napari_batch_prediction" in loaded
    assert not loaded & {"tifffile", "h5py", "imagecodecs", "PIL", "qtpy", "napari", "numba"}
