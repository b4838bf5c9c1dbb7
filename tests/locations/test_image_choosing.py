"""Folders, lists and patterns over stores: from what a user names to a list of inputs."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from texts import expand

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.location import parse

FILES = (
    "a10.tif",
    "a2.TIF",
    "b.czi",
    "notes.md",
    ".hidden.tif",
    "x.ome.zarr/zarr.json",
    "x.ome.zarr/0/c/0/0.tif",
    "y.n5/attributes.json",
    "plain/.zgroup",
    "plain/data/.zarray",
    "sub/c.png",
    "sub/deep/d.npz",
    "sub/deep/z.zarr/.zgroup",
    "sub/deep/z.zarr/1/.zarray",
    "sub/.git/e.png",
    "empty/notes.md",
    "lists/list.txt",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with FILES, which is the current folder."""
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


EXPANSIONS = {
    "a folder: what can be read, with stores": (["."], ["a2.TIF", "a10.tif", "b.czi", "plain", "x.ome.zarr", "y.n5"]),
    "a folder inside": (["sub"], ["sub/c.png"]),
    "all below": (["sub/**"], ["sub/c.png", "sub/deep/d.npz", "sub/deep/z.zarr"]),
    "folders by pattern are not looked into": (["s*/*.png"], ["sub/c.png"]),
    "stores are not looked into": (["**/*0.tif"], ["a10.tif"]),
    "stores by pattern": (["**/*.zarr"], ["sub/deep/z.zarr", "x.ome.zarr"]),
    "all of a folder, readable or not": (
        ["*"],
        ["a2.TIF", "a10.tif", "b.czi", "notes.md", "plain", "x.ome.zarr", "y.n5"],
    ),
    "a store": (["x.ome.zarr"], ["x.ome.zarr"]),
    "a level in each store": (["**/*.zarr/1"], ["sub/deep/z.zarr/1", "x.ome.zarr/1"]),
    "a level": (["sub/deep/z.zarr/1"], ["sub/deep/z.zarr/1"]),
    "folder and file, each once": (["sub", "sub/c.png", "sub/*"], ["sub/c.png"]),
    "a store with a slash at its end": (["x.ome.zarr/", "x.ome.zarr"], ["x.ome.zarr/"]),
    "a store and a level": (["x.ome.zarr", "x.ome.zarr/0"], ["x.ome.zarr", "x.ome.zarr/0"]),
}


@pytest.mark.parametrize(("inputs", "expected"), EXPANSIONS.values(), ids=EXPANSIONS)
def test_folder_stands_for_its_images_and_a_store_for_itself(inputs, expected, folder):
    """Folders give what can be read by its extension; a store is one thing, and never looked into."""
    assert [Path(found) for found in expand(inputs)] == [Path(name) for name in expected]


LISTS = {
    "names, comments, blank lines": ("l.txt", "# mine\n\n  a10.tif \nsub/c.png\n", ["a10.tif", "sub/c.png"]),
    "patterns and folders": ("l.txt", "sub/**\n*.czi", ["sub/c.png", "sub/deep/d.npz", "sub/deep/z.zarr", "b.czi"]),
    "each once": ("l.txt", "a10.tif\n./a10.tif\na10.tif", ["a10.tif"]),
    "Windows": ("l.txt", "\ufeffa10.tif\r\nsub/c.png\r\n", ["a10.tif", "sub/c.png"]),
    "first column": ("l.csv", "a10.tif,1\nsub/c.png,2\n", ["a10.tif", "sub/c.png"]),
    "column path": ("l.csv", "id,Path\n1,a10.tif\n2,sub/c.png\n", ["a10.tif", "sub/c.png"]),
    "column file": ("l.CSV", "file;group\na10.tif;x\n\n#c\n;y\n", ["a10.tif"]),
    "tabs and quotes": ("l.csv", 'n\tinput\n1\t"a,b.tif"\n', ["a,b.tif"]),
    "a missing file stays": ("l.txt", "no.tif", ["no.tif"]),
}


@pytest.mark.parametrize("to_list", ["", "@"], ids=["named", "at"])
@pytest.mark.parametrize(("name", "text", "expected"), LISTS.values(), ids=LISTS)
def test_list_stands_for_its_lines(name, text, expected, to_list, folder, monkeypatch):
    """A list stands for what is in it, seen from its own folder."""
    (folder / name).write_bytes(text.encode())
    monkeypatch.chdir(folder / "sub")
    assert expand([f"{to_list}../{name}"]) == [f"../{found}" for found in expected]


def test_any_file_after_an_at_is_a_list(folder):
    """With '@' any file is a list; what is in it may be absolute, or in the home folder."""
    (folder / "mine").write_text(f"{folder / 'a10.tif'}\n")
    assert expand(["@mine"]) == [str(folder / "a10.tif")]
    (folder / "@a.tif").touch()
    assert expand(["@a.tif"]) == ["@a.tif"]


def test_lists_that_are_matched_are_no_lists(folder):
    """A text file that a pattern matches is an input, which fails alone."""
    assert expand(["lists/*"]) == ["lists/list.txt"]


BAD_LISTS = {
    "missing": ("no.txt", None, "Cannot read the list of inputs 'no.txt'"),
    "missing with at": ("@no", None, "Cannot read the list of inputs 'no'"),
    "empty": ("l.txt", b"# nothing\n\n", "is empty"),
    "only a head": ("l.csv", b"path,group\n", "is empty"),
    "empty table": ("l.csv", b"", "is empty"),
    "no text": ("l.txt", b"\xff\xfe\0\xd8", "no text in UTF-8"),
    "a pattern without files": ("l.txt", b"*.jpg", "matches no file"),
}


@pytest.mark.parametrize(("entry", "content", "message"), BAD_LISTS.values(), ids=BAD_LISTS)
def test_unusable_list_is_refused(entry, content, message, folder):
    """A list that cannot be used is an error of the job."""
    if content is not None:
        (folder / entry).write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        expand([entry])


@pytest.mark.parametrize("entry", ["empty", "empty/**"])
def test_folder_without_images_is_refused_by_name(entry, folder):
    """A folder in which nothing can be read is named."""
    with pytest.raises(SettingsError, match=rf"'{entry.replace('*', '[*]')}' (holds|matches) no"):
        expand([entry])


def test_stack_keeps_patterns(folder):
    """As stacks, patterns and folders with several files stay as they are named."""
    (folder / "sub" / "c2.png").touch()
    inputs = ["a10.tif", "sub/*.png", "sub", "*.czi"]
    assert expand(inputs, stack="z") == ["a10.tif", "sub/*.png", "sub", "b.czi"]
    with pytest.raises(SettingsError, match="matches no file"):
        expand(["*.jpg"], stack="z")


def test_links_in_circles(folder):
    """A link to a folder above ends the way down, and what is below a link is found once."""
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "other").symlink_to(folder / "sub" / "deep")
    assert expand(["sub/**/*.npz", "other/**"]) == ["sub/deep/d.npz", "other/z.zarr"]


def test_pattern_matches_datasets(tmp_path):
    """'*' stands for one level of names in a file, '**' for any; a name with brackets that is there is that name."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in ("raw/t2", "raw/t10", "raw/deep/t1", "mask[0]", "mask0"):
            file[name] = np.zeros((4, 4))
    (tmp_path / "bad.h5").write_bytes(b"x")
    for pattern, expected in {
        "a.h5/raw/*": ["a.h5/raw/t2", "a.h5/raw/t10"],
        "a.h5/**/t?": ["a.h5/raw/deep/t1", "a.h5/raw/t2"],
        "a.h5/mask[0]": ["a.h5/mask[0]"],
        "a.h5/no*": ["a.h5/no*"],
        "*.h5/raw/t*": ["a.h5/raw/t2", "a.h5/raw/t10", "bad.h5/raw/t*"],
    }.items():
        assert expand([f"{tmp_path}/{pattern}"]) == [f"{tmp_path}/{name}" for name in expected]


STEMS = {
    "Zarr": ("x.ome.zarr", "x.ome.zarr", "x.ome"),
    "level": ("x.ome.zarr/0", "x.ome.zarr", "x.ome-0"),
    "N5": ("y.n5/setup0/s0", "y.n5", "y-setup0-s0"),
    "no extension": ("plain/data", "plain", "plain-data"),
    "missing": ("no.zarr/0", "no.zarr", "no-0"),
    "in a folder of a store's name": ("sub/deep/z.zarr/1", "sub/deep/z.zarr", "z-1"),
    "microscope": ("b.czi", "b.czi", "b"),
    "NPZ": ("sub/deep/d.npz/cells", "sub/deep/d.npz", "d-cells"),
}


@pytest.mark.parametrize(("location", "file", "stem"), STEMS.values(), ids=STEMS)
def test_dataset_begins_where_the_store_ends(location, file, stem, folder):
    """Where the store ends and the dataset begins."""
    assert parse(location).file == Path(file)
    assert parse(location).stem == stem


def test_thousand_files_are_in_natural_order(tmp_path):
    """A thousand files and stores in natural order."""
    for i in range(1000):
        (tmp_path / f"im{i}.tif").touch()
    for i in range(100):
        (tmp_path / f"z{i}.zarr" / "0").mkdir(parents=True)
        (tmp_path / f"z{i}.zarr" / ".zgroup").touch()
    found = expand([str(tmp_path), f"{tmp_path}/**/*.tif"])
    assert [Path(name).name for name in found[:1000]] == [f"im{i}.tif" for i in range(1000)]
    assert [Path(name).name for name in found[1000:]] == [f"z{i}.zarr" for i in range(100)]
