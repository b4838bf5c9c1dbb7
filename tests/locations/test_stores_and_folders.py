"""Folders called like stores, stores in them, and names that are URLs."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.n5.writer import N5Writer
from napari_batch_prediction.locations.inputs import expand_inputs, open_image
from napari_batch_prediction.locations.location import absolute, parse

PIXELS = np.arange(20 * 30, dtype="u1").reshape(20, 30)


def write_zarr(path: Path, version: int = 2) -> None:
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("0", data=PIXELS)
    axes = [{"name": key, "type": "space"} for key in "yx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}]
    image = {"axes": axes, "datasets": datasets}
    if version == 2:
        group.attrs["multiscales"] = [{**image, "version": "0.4"}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}


def write_n5(path: Path) -> None:
    writer = N5Writer(Target(path, "yx", PIXELS.shape, PIXELS.dtype), compressed=True)
    writer.write((slice(0, 20), slice(0, 30)), PIXELS)
    writer.finish()


def names(*inputs: object) -> list[str]:
    return [str(location) for location in expand_inputs([str(name) for name in inputs])]


STORES = {
    "Zarr 2": ("a.zarr", lambda path: write_zarr(path)),
    "Zarr 3": ("a.zarr", lambda path: write_zarr(path, 3)),
    "Zarr without an extension": ("a", lambda path: write_zarr(path)),
    "N5": ("a.n5", write_n5),
}
CALLED = pytest.mark.parametrize("called", ["v0.5.ome.zarr", "all.n5", "outer.zarr/inner.zarr"])


@CALLED
@pytest.mark.parametrize(("name", "write"), STORES.values(), ids=STORES)
def test_stores_in_a_folder_called_like_one_are_images(called, name, write, tmp_path):
    """A folder without the files of a store is a folder, whatever its name; each store in it is an image."""
    folder = tmp_path / called
    folder.mkdir(parents=True)
    places = [folder / f"{i}{name}" for i in range(5)]
    for place in places:
        write(place)
    expected = [str(place) for place in places]
    assert names(folder) == expected
    assert names(f"{folder}/*") == expected
    assert names(f"{tmp_path}/**") == expected
    assert names(places[3]) == expected[3:4]
    with open_image(places[3]) as image:
        np.testing.assert_array_equal(image.read(), PIXELS)
    location = parse(places[3])
    assert (location.file, location.stem) == (places[3], Path(places[3].name).stem)


@CALLED
def test_level_of_a_store_in_a_folder_called_like_one(called, tmp_path):
    """The innermost folder that is a store is the file; what follows is its dataset."""
    place = tmp_path / called / "a.zarr"
    write_zarr(place)
    location = parse(place / "0")
    assert (location.file, location.stem) == (place, "a-0")
    with open_image(place / "0") as image:
        assert image.axes_known == "file"
    assert names(f"{tmp_path}/{called}/*.zarr/0") == [f"{place}/0"]


@CALLED
def test_pictures_in_a_folder_called_like_a_store_are_images(called, tmp_path):
    """A folder of pictures may be called like a store."""
    folder = tmp_path / called
    folder.mkdir(parents=True)
    for i in (1, 2):
        np.save(folder / f"{i}.npy", PIXELS)
    assert names(folder) == names(f"{folder}/*.npy") == [f"{folder}/1.npy", f"{folder}/2.npy"]
    with open_image(folder, stack="z") as image:
        assert image.shape == (2, 20, 30)


def test_store_in_a_store_is_a_part_of_it(tmp_path):
    """Where both are stores, the outer one is the file, so that results lie beside it."""
    zarr.open_group(tmp_path / "plate.zarr", mode="w", zarr_format=2)
    write_zarr(tmp_path / "plate.zarr/a.zarr")
    location = parse(tmp_path / "plate.zarr/a.zarr/0")
    assert (location.file, location.stem) == (tmp_path / "plate.zarr", "plate-a.zarr-0")
    with open_image(tmp_path / "plate.zarr/a.zarr") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


def test_n5_without_attributes_of_its_own_is_a_store(tmp_path):
    """Groups of N5 need no attributes, the outermost neither."""
    write_n5(tmp_path / "inner")
    (tmp_path / "a.n5/volumes").mkdir(parents=True)
    (tmp_path / "inner/exported_data").rename(tmp_path / "a.n5/volumes/raw")
    assert names(tmp_path / "a.n5/volumes/raw") == [str(tmp_path / "a.n5/volumes/raw")]
    location = parse(tmp_path / "a.n5/volumes/raw")
    assert (location.file, location.stem) == (tmp_path / "a.n5", "a-volumes-raw")
    with open_image(tmp_path / "a.n5") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


def test_zarr_called_n5_is_read_as_what_it_is(tmp_path):
    """The files in a folder say what it is, not its name."""
    write_zarr(tmp_path / "a.n5")
    with open_image(tmp_path / "a.n5") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


@pytest.mark.parametrize(("name", "missing"), [("a.zarr", "zarr.json, .zgroup, .zarray"), ("a.n5", "attributes.json")])
def test_empty_folder_called_like_a_store_says_what_is_missing(name, missing, tmp_path):
    """The reason names the files that would make it a store."""
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsError, match=f"is none: it has none of {missing}"):
        expand_inputs([str(tmp_path / name)])
    with pytest.raises(ImageReadError, match=f"is none: it has none of {missing}"):
        open_image(tmp_path / name)


def test_store_that_lost_its_marker_is_not_taken_apart(tmp_path):
    """Attributes without the marker of a group are a damaged store, whose levels are no images of their own."""
    write_zarr(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/.zgroup").unlink()
    assert names(tmp_path / "a.zarr") == [str(tmp_path / "a.zarr")]
    with pytest.raises(ImageReadError):
        open_image(tmp_path / "a.zarr")


URLS = ["https://example.org/a.zarr", "s3://bucket/a.zarr", "file:///data/a.tif", "HTTP://x/*.tif", "gs:/bucket/a.zarr"]


@pytest.mark.parametrize("url", URLS)
def test_url_is_refused_as_such(url, tmp_path):
    """A URL is no path with an odd folder: the reason says that URLs are not read."""
    with pytest.raises(SettingsError, match="is a URL, and URLs are not read"):
        expand_inputs([url])
    with pytest.raises(SettingsError, match="is a URL, and URLs are not read"):
        open_image(url)
    assert absolute(url) == url
    (tmp_path / "list.txt").write_text(f"{url}\n{tmp_path / 'a.npy'}\n")
    np.save(tmp_path / "a.npy", PIXELS)
    first, second = expand_inputs([str(tmp_path / "list.txt")])
    assert str(first) == url
    with second.open() as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


@pytest.mark.parametrize("name", ["a:b.npy", "x:/a.npy", "layer:https://a"])
def test_colon_alone_makes_no_url(name, tmp_path, monkeypatch):
    """A name with a colon, a drive and a layer are no URLs."""
    monkeypatch.chdir(tmp_path)
    assert names(name) == [name]
