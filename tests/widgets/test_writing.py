"""Layers saved by napari: as HDF5 for ilastik, and as OME-Zarr."""

import h5py
import napari.layers
import npe2
import numpy as np
import pytest
import zarr
from dask import array as dask
from napari.layers import Image, Labels

from napari_batch_prediction.errors import ExportError, OutputExistsError, SettingsError
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.widgets.writing import write_hdf5, write_ome_zarr

PLUGIN = "napari-batch-prediction"
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module", autouse=True)
def installed():
    """The plugin as napari finds it."""
    npe2.PluginManager.instance().discover()


def save(layer: napari.layers.Layer, path) -> str:
    """Save a layer as File > Save Selected Layers does, by this plugin, and return what was written."""
    (written,) = npe2.write(str(path), [layer], plugin_name=PLUGIN)
    return written


LAYERS = {
    "plane": (Image(RNG.random((40, 50), np.float32)), "yx", "float32"),
    "colours": (Image(RNG.integers(0, 255, (40, 50, 3), np.uint8), rgb=True), "yxc", "uint8"),
    "volume with labelled axes": (
        Image(RNG.integers(0, 9999, (5, 40, 50), np.uint16), axis_labels=("t", "y", "x")), "tyx", "uint16",
    ),
    "lazy volume": (Image(dask.from_array(RNG.random((6, 70, 800)), chunks=(2, 70, 100))), "zyx", "float64"),
    "levels": (Image([RNG.random((64, 64)), np.zeros((32, 32))], multiscale=True), "yx", "float64"),
    "labels": (Labels(RNG.integers(0, 4, (40, 50))), "yx", "uint8"),
    "many labels in a volume": (Labels(RNG.integers(0, 70_000, (4, 40, 50))), "zyx", "uint32"),
    "lazy labels": (Labels(dask.full((3, 40, 50), 300, chunks=(1, 40, 50), dtype=np.int64)), "zyx", "uint16"),
}  # fmt: skip


@pytest.mark.parametrize("extension", [".h5", ".hdf5", ".zarr", ".ome.zarr"])
@pytest.mark.parametrize("case", LAYERS)
def test_saved_layer_is_read_again(tmp_path, case, extension):
    """A saved layer has its pixels and axes when it is opened here; labels have the smallest type that holds them."""
    layer, axes, dtype = LAYERS[case]
    pixels = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    written = save(layer, tmp_path / f"saved{extension}")
    assert written == str(tmp_path / f"saved{extension}")
    with open_image(written) as image:
        assert image.dtype == np.dtype(dtype)
        assert image.axes_known == "file"
        extents = {key: n for key, n in image.extents.items() if key in axes}
        assert extents == dict(zip(axes, pixels.shape, strict=True))
        assert np.array_equal(image.read().reshape(pixels.shape) if case != "colours" else pixels, pixels)
        if case == "colours":
            read = image.read_czyx(0, slice(0, 1), slice(0, 40), slice(0, 50))
            assert np.array_equal(np.moveaxis(read[:, 0], 0, -1), pixels)


def test_labels_in_hdf5_are_as_ilastik_exports_them(tmp_path):
    """Labels are in the dataset exported_data, with axistags and the axes of their layer."""
    labels = Labels(np.eye(9, dtype=np.int64), scale=(0.5, 0.5), units="um")
    with h5py.File(save(labels, tmp_path / "drawn.h5")) as file:
        assert list(file) == ["exported_data"]
        assert '"key": "y"' in file["exported_data"].attrs["axistags"]
        assert file["exported_data"].dtype == np.uint8
    with open_image(str(tmp_path / "drawn.h5")) as image:
        assert image.pixel_size == {"y": 0.5, "x": 0.5}


def test_place_is_kept_in_ome_zarr(tmp_path):
    """Scale, unit and position of a layer are those of its OME-Zarr image."""
    layer = Image(np.ones((4, 20, 30)), scale=(2, 0.5, 0.25), translate=(10, 0, 5), units="um")
    with open_image(save(layer, tmp_path / "placed.zarr")) as image:
        assert {key: image.pixel_size[key] for key in "zyx"} == {"z": 2, "y": 0.5, "x": 0.25}
        assert image.origin == {"z": 10, "x": 5}
        assert image.units["x"] == "micrometer"


def test_labels_go_into_the_image_that_is_there(tmp_path):
    """Labels saved under the name of an OME-Zarr image become labels of it, listed, with as many levels."""
    image = Image(RNG.integers(0, 255, (300, 2000), np.uint8))
    store = tmp_path / "image.zarr"
    save(image, store)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    drawn = Labels(np.tri(300, 2000, dtype=np.int32), name="drawn cells")
    assert save(drawn, store) == str(store / "labels" / "drawn cells")
    assert dict(zarr.open(store)["labels"].attrs)["labels"] == ["drawn cells"]
    group = zarr.open(store)
    inner = group["labels/drawn cells"]
    assert np.array_equal(np.squeeze(inner["s0"][:]), drawn.data)
    assert sorted(inner.array_keys()) == sorted(group.array_keys())
    assert "image-label" in dict(inner.attrs)
    assert all(path.read_bytes() == content for path, content in before.items())
    with pytest.raises(OutputExistsError, match="is there already"):
        save(drawn, store)


def test_other_data_is_not_replaced(tmp_path):
    """A file with other datasets, and a store that is there, are left as they are."""
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["volume/data"] = np.ones((9, 9))
    with pytest.raises(OutputExistsError, match=r"holds /?volume/data"):
        save(Labels(np.ones((9, 9), int)), tmp_path / "raw.h5")
    with h5py.File(tmp_path / "raw.h5") as file:
        assert list(file) == ["volume"]
    save(Image(np.ones((9, 9))), tmp_path / "a.zarr")
    with pytest.raises(OutputExistsError, match="Choose another name"):
        save(Image(np.zeros((9, 9))), tmp_path / "a.zarr")


def test_own_export_is_replaced(tmp_path):
    """An HDF5 file with nothing but an export is replaced, since napari has asked."""
    for value in (1, 2):
        save(Labels(np.full((9, 9), value)), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file["exported_data"][:] == 2).all()


def test_negative_labels_are_refused(tmp_path):
    """Labels below 0 are refused, and nothing is written."""
    with pytest.raises(ExportError, match="label -1"):
        save(Labels(np.full((9, 9), -1)), tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_hdf5, write_ome_zarr])
def test_writer_without_a_layer_says_what_to_do(write):
    """From the command palette, which gives no layer, the message says how to save one."""
    with pytest.raises(SettingsError, match="Save Selected Layers"):
        write()
