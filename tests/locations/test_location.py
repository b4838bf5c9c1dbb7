"""Locations as values: their text, their kind, and what they say without looking at the disk again."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import napari_batch_prediction
from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.images.memory import Channels, MemoryImage
from napari_batch_prediction.locations.inputs import Expansion, open_image
from napari_batch_prediction.locations.location import (
    FileAt,
    FilesNamed,
    LayerNamed,
    StackOf,
    Unmatched,
    absolute,
    parse,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two planes, a file with two datasets and a store, in the current folder."""
    for name in ("a1.npy", "a2.npy"):
        np.save(tmp_path / name, np.eye(4))
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["raw/t1"] = file["raw/t2"] = np.eye(5)
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.zarr" / "zarr.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


A1, A2, SCAN, STORE = (FileAt(Path(name)) for name in ("a1.npy", "a2.npy", "scan.h5", "x.zarr"))
T1, T2 = (FileAt(SCAN.path, name) for name in ("raw/t1", "raw/t2"))

TEXTS = {
    "a file": ("a1.npy", FileAt(Path("a1.npy"))),
    "a file in the folder where one is": ("./a1.npy", FileAt(Path("a1.npy"))),
    "a missing file": ("no/b.tif", FileAt(Path("no/b.tif"))),
    "a dataset": ("scan.h5/raw/t1", FileAt(Path("scan.h5"), "raw/t1")),
    "a dataset with a slash at its end": ("scan.h5/raw/t1/", FileAt(Path("scan.h5"), "raw/t1")),
    "a store with a slash at its end": ("x.zarr/", FileAt(Path("x.zarr"))),
    "a level of a store": ("x.zarr/0", FileAt(Path("x.zarr"), "0")),
    "a pattern that is no stack": ("*.npy", FileAt(Path("*.npy"))),
    "a layer": ("layer:cells [1]", LayerNamed("cells [1]")),
    "a layer without a name": ("layer:", LayerNamed("")),
    "files": ("files:a1.npy, no/b.tif", FilesNamed("files:a1.npy, no/b.tif", (A1, FileAt(Path("no/b.tif"))), "c")),
    "files with odd names": (
        'files:"a, b.tif", "say ""d"".tif",scan.h5/raw/t1',
        FilesNamed(
            'files:"a, b.tif", "say ""d"".tif",scan.h5/raw/t1',
            (FileAt(Path("a, b.tif")), FileAt(Path('say "d".tif')), T1),
            "c",
        ),
    ),
    "several layers": ("layers:DAPI, GFP + RFP, a b", LayerNamed("DAPI", ("GFP + RFP", "a b"))),
    "several layers with odd names": (
        'layers:"a, b", " c ", "say ""d""", "", layer:e, "f\ng", "h\r"',
        LayerNamed("a, b", (" c ", 'say "d"', "", "layer:e", "f\ng", "h\r")),
    ),
}


@pytest.mark.parametrize(("text", "location"), TEXTS.values(), ids=TEXTS)
def test_text_is_kept(text, location, folder):
    """A text becomes a value once, and the value gives back the very text."""
    assert parse(text) == location
    assert str(parse(text)) == text


STACKS = {
    "a pattern": ("*.npy", (A1, A2), "a"),
    "a folder": (".", (A1, A2, SCAN, STORE), None),
    "datasets of a file": ("scan.h5/raw/*", (T1, T2), "scan-raw-t"),
}


@pytest.mark.parametrize(("text", "files", "stem"), STACKS.values(), ids=STACKS)
def test_stack_knows_its_files(text, files, stem, folder):
    """A stack says all of itself from the files that were found when it was parsed."""
    stack = parse(text, "z")
    for path in folder.glob("a*.npy"):
        path.unlink()
    assert stack == StackOf(text, files, "z")
    assert (str(stack), stack.stem) == (text, stem or folder.name)
    assert stack.paths == tuple(file.path for file in files)


def test_dataset_chosen_for_a_location(folder):
    """A dataset is added to a file, to every file of a stack, or not at all to a layer."""
    file = parse("./scan.h5").at("/raw/t1/")
    assert (str(file), file) == ("./scan.h5/raw/t1", FileAt(Path("scan.h5"), "raw/t1"))
    assert file.at("deep") == FileAt(Path("scan.h5"), "raw/t1/deep")
    assert parse("scan.h5").at("raw/*", "t") == parse("scan.h5/raw/*", "t")
    assert parse("s*.h5", "z").at("raw/t1") == StackOf("s*.h5/raw/t1", (FileAt(Path("scan.h5"), "raw/t1"),), "z")
    assert LayerNamed("a").at("raw") == LayerNamed("a")


def test_state_changes_with_the_file(folder):
    """A file, and a folder as one image, tell when they change; what cannot tell has no state."""
    for text, stack in (("a1.npy", None), (".", "z")):
        location = parse(text, stack)
        before = location.state()
        (folder / "new.npy").touch()
        np.save(folder / "a1.npy", np.eye(9))
        assert before is not None
        assert location.state() != before
        (folder / "new.npy").unlink()
    assert [parse("*.npy", "z").state(), parse("no.tif").state(), LayerNamed("a").state()] == [None, None, None]


def test_layer_is_opened_from_memory():
    """A layer is in memory alone: it has no file, and needs the viewer it is in."""
    layer = parse("layer:a")
    assert (layer.in_memory, layer.file, layer.paths, layer.stem) == (True, None, (), "a")
    arrays = {"layer:a": MemoryImage("layer:a", np.eye(4), "yx", axes_known="guess")}
    with open_image(layer, arrays=arrays) as image:
        assert image is arrays["layer:a"]
    with pytest.raises(ImageReadError, match="'layer:a' is a layer of a viewer"):
        open_image("layer:a")


SPELLINGS = {
    "without blanks": ("layers:a,b", "layers:a, b"),
    "one layer": ("layers:a", "layer:a"),
    "one layer in quotes": ('layers:"a, b"', "layer:a, b"),
    "none": ("layers:", "layer:"),
    "a quote that does not end": ('layers:a, "b', "layers:a, b"),
    "a line that ends without quotes": ("layers:a\nb", "layer:a\nb"),
}


@pytest.mark.parametrize(("text", "usual"), SPELLINGS.values(), ids=SPELLINGS)
def test_spelling_of_layers_does_not_matter(text, usual):
    """A list of layers that is typed otherwise is kept as typed, names the same layers, and never fails."""
    assert parse(text) == parse(usual)
    assert str(parse(text)) == text
    assert Expansion().expand(text) == [parse(usual)]


def test_layers_are_written_so_that_they_are_read():
    """Names of any kind come back from the text that is made of them."""
    names = ("a, b", " c ", 'say "d"', "", "layer:e", "f\ng", "h\r", "i + j", "\t", "'")
    location = LayerNamed(names[0], names[1:])
    assert str(location).startswith('layers:"a, b", " c "')
    assert parse(str(location)).names == names


def test_layers_as_channels_are_opened_from_memory():
    """Several layers are one image in memory, named after all; the reason why they are none is its error."""
    layers = parse("layers:a, b")
    assert (layers.in_memory, layers.file, layers.stem, layers.names) == (True, None, "a + b", ("a", "b"))
    assert absolute("layers:a, b") == "layers:a, b"
    planes = [np.arange(12).reshape(3, 4), np.ones((3, 4), int)]
    image = MemoryImage("layers:a, b", Channels(planes), "yxc", axes_known="file", channel_names=("a", "b"))
    with open_image(layers, channels=("b", "a"), arrays={"layers:a, b": image}) as chosen:
        np.testing.assert_array_equal(chosen.read(), np.stack(planes[::-1], axis=-1))
        part = chosen.read((slice(1, 3), slice(2, 3), slice(1, 2)))
        np.testing.assert_array_equal(part, planes[0][1:3, 2:3, None])
    with pytest.raises(ImageReadError, match="'layers:a, b' are layers of a viewer"):
        open_image(layers)
    with pytest.raises(ImageReadError, match="b is gone"):
        open_image(layers, arrays={"layers:a, b": ImageReadError("b is gone")})


def test_text_that_stands_for_nothing():
    """Its error comes when it is opened, and it has no files."""
    location = Unmatched("*.jpg", SettingsError("nothing"))
    assert (str(location), location.file, location.paths, location.state()) == ("*.jpg", None, (), None)
    with pytest.raises(SettingsError, match="nothing"):
        location.open()


def test_absolute_text(folder):
    """A path is seen from the root; a layer has none, and links stay."""
    (folder / "link").symlink_to(folder)
    assert absolute("link/a1.npy") == str(folder / "link" / "a1.npy")
    assert absolute("layer:a/../b") == "layer:a/../b"


def test_images_of_later_inputs_are_new(folder):
    """An image that two inputs stand for belongs to the first, also through a link to its folder."""
    (folder / "link").symlink_to(folder)
    expansion = Expansion()
    found = [[str(location) for location in expansion.expand(entry)] for entry in ("a2.npy", "*.npy", "link/*.npy")]
    assert found == [["a2.npy"], ["a1.npy"], []]


def test_prefix_of_layers_is_known_in_one_module():
    """Whoever needs to know whether an input is a layer asks its location."""
    sources = Path(napari_batch_prediction.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if '"layer:' in path.read_text("utf-8")] == ["layers.py"]
