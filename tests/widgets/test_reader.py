"""Outputs opened in napari by themselves: layers, names, colours, places."""

import csv
import gc
import shutil
from pathlib import Path

import h5py
import npe2
import numpy as np
import pytest
import tifffile
import zarr
from golden import ROOT as GOLDEN
from napari.layers import Layer
from PIL import Image as Picture

from napari_batch_prediction import BatchJob
from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.widgets.canvas import pixels
from napari_batch_prediction.widgets.reading.reader import get_reader

PLUGIN = "napari-batch-prediction"
CASE = GOLDEN / "a_2d_u8"
CLASSES = ["Class 1", "Class 2", "Class 3"]
COLORS = load_classifier(CASE / "project.ilp").class_colors

BYTES = {"dtype": "uint8", "output_range": (0, 255)}
# What is exported, and the layers that it is opened as.
OUTPUTS = {
    "probabilities, hdf5": (Export(), CLASSES),
    "probabilities, inner path": (Export(internal_path="volume/data", name="inner"), CLASSES),
    "probabilities, other axes": (Export(output_axes="tzcxy", name="turned"), CLASSES),
    "probabilities, OME-TIFF": (Export(format="multipage tiff"), CLASSES),
    "probabilities, TIFF": (Export(format="tiff"), CLASSES),
    "probabilities, PNG": (Export(format="png", **BYTES), CLASSES),
    "probabilities, OME-Zarr 0.4": (Export(format="single-scale OME-Zarr"), CLASSES),
    "probabilities, OME-Zarr 0.5": (
        Export(format="multi-scale OME-Zarr", ome_zarr_version="0.5", name="pyramid"), CLASSES,
    ),
    "probabilities, N5": (Export(format="n5"), CLASSES),
    "probabilities, a class": (Export(region={"c": (1, 2)}, name="one"), CLASSES[1:2]),
    "probabilities, cut": (Export(region={"y": (7, 40), "x": (None, 30)}, name="cut"), CLASSES),
    "probabilities, a file for each class": (Export(format="tiff", per_class=True), CLASSES),
    "segmentation, hdf5": (Export(source="Simple Segmentation"), ["Simple Segmentation"]),
    "segmentation, PNG": (Export(source="Simple Segmentation", format="png"), ["Simple Segmentation"]),
    "segmentation, TIFF": (Export(source="Simple Segmentation", format="tiff"), ["Simple Segmentation"]),
    "segmentation, OME-Zarr": (Export(source="Simple Segmentation", format="multi-scale OME-Zarr"),
                               ["Simple Segmentation"]),
    "uncertainty": (Export(source="Uncertainty"), ["Uncertainty"]),
    "features": (Export(source="Features"), ["Features"]),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def installed():
    """The plugin as napari finds it."""
    npe2.PluginManager.instance().discover()


def read(path: Path | str) -> list[Layer]:
    """Read a file as napari does; return the layers."""
    return [Layer.create(*data) for data in npe2.read([str(path)], stack=False, plugin_name=PLUGIN)]


def is_own(path: Path | str) -> bool:
    """Say whether the reader takes a file."""
    return get_reader(str(path)) is not None


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """The files of each output, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("outputs")
    exports = [export.model_copy(update={"folder": folder / str(i)}) for i, (export, _) in enumerate(OUTPUTS.values())]
    job = BatchJob(classifier=CASE / "project.ilp", inputs=(str(CASE / "test2.png"),), exports=exports)
    (row,) = job.run().rows
    assert row.status == "done", row.reason
    return {name: sorted((folder / str(i)).iterdir()) for i, name in enumerate(OUTPUTS)}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_have_names_colours_and_place(name, predicted):
    """Each output of this program has the names of its classes, in their colours, at its place."""
    export, titles = OUTPUTS[name]
    layers = [layer for path in predicted[name] for layer in read(path)]
    assert [layer.name.endswith(title) for layer, title in zip(layers, titles, strict=True)] == [True] * len(titles)
    if export.name == "{stem}_{source}" and not export.per_class:
        assert [layer.name for layer in layers] == [f"test2 {title}" for title in titles]
    first = {key: start or 0 for key, (start, _) in export.region.items() if key != "c"}
    for layer in layers:
        assert layer.axis_labels[-2:] == ("y", "x")
        assert tuple(layer.translate[-2:]) == (first.get("y", 0), first.get("x", 0))
        assert layer.ndim == (3 if name == "features" else 2)
        if export.source in ("Probabilities", "Uncertainty"):
            assert layer.contrast_limits == list(export.output_range or (0, 1))


def test_probabilities_are_added_up_in_the_colours_of_classes(predicted):
    """Probabilities are added up in the colours of the classes; values are those of the file."""
    layers = read(*predicted["probabilities, hdf5"])
    assert [layer.blending for layer in layers] == ["additive"] * 3
    brightest = [tuple(np.rint(255 * layer.colormap.colors[-1][:3]).astype(int)) for layer in layers]
    assert brightest == list(COLORS)
    with open_image(*predicted["probabilities, hdf5"]) as image:
        np.testing.assert_array_equal(np.stack([layer.data for layer in layers], -1), image.read())


@pytest.mark.parametrize("name", ["segmentation, hdf5", "segmentation, PNG", "segmentation, OME-Zarr"])
def test_segmentation_is_labels_with_names_and_colours(name, predicted):
    """A segmentation is labels: the status bar names the class, and its colour is the class's."""
    (layer,) = read(*predicted[name])
    assert layer._type_string == "labels"
    label = layer.data[20, 20]
    assert CLASSES[label - 1] in str(layer.get_status((20, 20), view_direction=None, dims_displayed=[0, 1]))
    color = layer.colormap.map(label)
    assert tuple(np.rint(255 * color[:3]).astype(int)) == COLORS[label - 1]


def test_rescaled_segmentation_has_no_classes(tmp_path):
    """Numbers of classes that were rescaled are no numbers of classes any more."""
    export = Export(source="Simple Segmentation", folder=tmp_path, output_range=(0, 255))
    BatchJob(classifier=CASE / "project.ilp", inputs=(str(CASE / "test2.png"),), exports=(export,)).run()
    (layer,) = read(tmp_path / "test2_Simple Segmentation.h5")
    assert layer._type_string == "image"
    assert layer.contrast_limits == [0, 255]


@pytest.mark.parametrize("form", ["hdf5", "multipage tiff", "multi-scale OME-Zarr"])
def test_scale_and_units_are_those_of_the_output(form, tmp_path):
    """Size of a pixel and unit of the image are those of its output; axes of one pixel are left out."""
    with open_image(GOLDEN / "d_3d_u8" / "test2.h5") as image:
        volume = image.read()
    metadata = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(2, 2), metadata=metadata)
    project = GOLDEN / "d_3d_u8" / "project.ilp"
    exports = (Export(format=form, region={"z": (3, 20)}),)
    (row,) = BatchJob(classifier=project, inputs=(str(tmp_path / "a.tif"),), exports=exports).run().rows
    for layer in read(row.outputs["Probabilities"]):
        assert layer.axis_labels == ("z", "y", "x")
        assert tuple(layer.scale) == (2, 0.5, 0.5)
        assert tuple(layer.translate) == (6, 0, 0)
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 3


def test_position_of_the_image_is_that_of_the_output(tmp_path):
    """An output of a region lies in the region, in an image that does not begin at zero."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    with open_image(CASE / "test2.png") as image:
        root.create_array("0", data=image.read())
    place = [{"type": "scale", "scale": [0.5, 0.25]}, {"type": "translation", "translation": [100.0, 200.0]}]
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    levels = [{"path": "0", "coordinateTransformations": place}]
    root.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    exports = (Export(format="multi-scale OME-Zarr", region={"y": (4, 40)}, folder=tmp_path),)
    (row,) = BatchJob(classifier=CASE / "project.ilp", inputs=(str(tmp_path / "a.zarr"),), exports=exports).run().rows
    for layer in read(row.outputs["Probabilities"]):
        assert tuple(layer.scale) == (0.5, 0.25)
        assert tuple(layer.translate) == (102, 200)


# What ilastik exported, and what it is opened as: types of the layers, shape, contrast.
ILASTIK = {
    "a_2d_u8/expected/test2_Probabilities.h5": (["image"] * 3, (61, 45), [0, 1]),
    "a_2d_u8/expected/test2_Probabilities_ip.h5": (["image"] * 3, (61, 45), [0, 1]),
    "a_2d_u8/expected/test2_Probabilities_cyx.h5": (["image"] * 3, (61, 45), [0, 1]),
    "a_2d_u8/expected/test2_Probabilities_tzcxy.h5": (["image"] * 3, (61, 45), [0, 1]),
    "a_2d_u8/expected/test2_Probabilities_sub.h5": (["image"] * 2, (26, 33), [0, 1]),
    "a_2d_u8/expected/dd_test2.h5": (["image"] * 3, (61, 45), [0, 1]),
    "a_2d_u8/expected/test2_Probabilities_renorm_u8.h5": (["image"] * 3, (61, 45), [0, 255]),
    "a_2d_u8/expected/test2_Simple Segmentation.h5": (["labels"], (61, 45), None),
    "a_2d_u8/expected/test2_Uncertainty.h5": (["image"], (61, 45), None),
    "a_2d_u8/expected/test2_Features.h5": (["image"], (49, 61, 45), None),
    "d_3d_u8/expected/test2-data_Probabilities.h5": (["image"] * 2, (36, 38, 41), [0, 1]),
    "f_2dt_u8/expected/test2-data_Probabilities.h5": (["image"] * 3, (4, 41, 53), [0, 1]),
    "d_3d_u8/test2.h5": (["image"], (36, 38, 41), None),
    "m_3d_2ch_u16/test2.h5": (["image"] * 2, (19, 37, 29), None),
}


@pytest.mark.parametrize("name", ILASTIK)
def test_output_of_ilastik_is_opened_by_its_axistags(name):
    """What ilastik wrote is opened by its axistags; classes have numbers, as the file does not name them."""
    kinds, shape, contrast = ILASTIK[name]
    layers = read(GOLDEN / name)
    assert [layer._type_string for layer in layers] == kinds
    assert {layer.data.shape for layer in layers} == {shape}
    with open_image(GOLDEN / name) as image:
        keys = "".join(key for key in "tzyx" if image.extents[key] > 1 or key in "yx")
    assert {"".join(layer.axis_labels) for layer in layers} == {"c" * (len(shape) > len(keys)) + keys}
    if contrast is not None:
        assert [layer.contrast_limits for layer in layers] == [contrast] * len(kinds)
        assert [layer.name.rpartition(" class ")[2] for layer in layers] == [str(i + 1) for i in range(len(kinds))]
        assert len({tuple(layer.colormap.colors[-1]) for layer in layers}) == len(kinds)


def hdf5(path: Path, datasets: int, *, tags: bool = True) -> Path:
    """Write datasets into a file."""
    with h5py.File(path, "w") as file:
        for i in range(datasets):
            file[f"group/data_{i:02}"] = np.full((5, 6), i, np.uint8)
            if tags:
                file[f"group/data_{i:02}"].attrs["axistags"] = axistags_to_json("yx")
    return path


def test_several_datasets_are_a_layer_each(tmp_path):
    """A file with several images has a layer for each, named by its dataset; one without axistags is left out."""
    path = hdf5(tmp_path / "a.h5", 3)
    with h5py.File(path, "a") as file:
        file["other"] = np.zeros((4, 4))
    layers = read(path)
    assert [layer.name for layer in layers] == [f"a group/data_0{i}" for i in range(3)]
    assert [layer.data.max() for layer in layers] == [0, 1, 2]


def test_too_many_datasets_are_an_error(tmp_path):
    """More images than anyone wants at once are an error that says what is there and what to do."""
    with pytest.raises(ImageReadError, match=r"holds 40 images.*group/data_00, .*open_image\('.*group/data_00'\)"):
        read(hdf5(tmp_path / "a.h5", 40))


@pytest.mark.parametrize(("datasets", "found"), [(2, r"2 datasets .*group/data_00, group/data_01"), (1, "1 dataset ")])
def test_hdf5_of_other_programs_is_explained(datasets, found, tmp_path):
    """Whoever chose this reader for another program's HDF5 file is told what it holds and what to do with it."""
    path = hdf5(tmp_path / "a.h5", datasets, tags=False)
    expected = rf"a\.h5' is not .* exported: it holds {found}.*another reader.*Image settings > Dataset"
    with pytest.raises(ImageReadError, match=expected):
        read(path)


def test_hdf5_without_images_is_an_error(tmp_path):
    """A file without any image says no more than that it is none."""
    with pytest.raises(ImageReadError, match=r"a\.h5' is not an image that ilastik or this program exported\. Open"):
        read(hdf5(tmp_path / "a.h5", 0))


def cut_off(path: Path, source: Path) -> Path:
    path.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    return path


@pytest.mark.parametrize("kind", ["cut off", "empty", "text"])
def test_damaged_hdf5_is_an_error_with_a_reason(kind, tmp_path):
    """A damaged file is an error with a reason, not a file for which there is no reader."""
    path = tmp_path / "a.h5"
    if kind == "cut off":
        cut_off(path, CASE / "expected" / "test2_Probabilities.h5")
    else:
        path.write_bytes(b"" if kind == "empty" else b"not HDF5 at all")
    with pytest.raises(ImageReadError, match=r"a\.h5' as HDF5: .*copy it again"):
        read(path)


@pytest.mark.parametrize("name", ["probabilities, TIFF", "probabilities, PNG"])
def test_damaged_output_is_an_error_by_name(name, predicted, tmp_path):
    """An output whose pixels are cut off is an error that names it."""
    (source,) = predicted[name]
    with pytest.raises(ImageReadError, match=source.name):
        read(cut_off(tmp_path / source.name, source))


def test_files_of_other_programs_are_left_to_other_readers(tmp_path):
    """What another program wrote is left to other readers, whatever its name."""
    noise = np.zeros((20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "a_Probabilities.tif", noise)
    Picture.fromarray(noise).save(tmp_path / "a_Probabilities.png")
    zarr.save_array(tmp_path / "a_Probabilities.zarr", noise)
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.n5").mkdir()
    (tmp_path / "a.n5" / "attributes.json").write_text("{")
    assert [path.name for path in tmp_path.iterdir() if is_own(path)] == []
    assert not is_own(tmp_path / "missing_Probabilities.tif")
    assert not is_own(tmp_path / "missing.ilp")
    assert get_reader([str(CASE / "expected" / "test2_Probabilities.h5")]) is None


CLAIMED = {
    "a.h5": True, "a.HDF5": True, "a.ilp": True,
    "a_Probabilities.tif": True, "a.b_Probabilities.tiff": True, "a_Probabilities_Nucleus.TIF": True,
    "a_Simple Segmentation.png": True, "a_Simple Segmentation Stage 2.tiff": True, "a_Density.tiff": True,
    "a.tif": False, "a.png": False, "a.npy": False, "probable.tif": False, "a.zarr.zip": False,
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMED)
def test_claimed_names_are_those_of_outputs(name):
    """napari asks which reader to use for the names that are claimed: no TIFF or PNG but those named as outputs."""
    readers = npe2.PluginManager.instance().iter_compatible_readers([f"/folder/{name}"])
    assert (PLUGIN in {reader.plugin_name for reader in readers}) == CLAIMED[name]


def test_project_without_a_window_is_no_image():
    """A project is no image: without a window that is said."""
    with pytest.raises(ImageReadError, match="is an ilastik project, not an image"):
        read(CASE / "project.ilp")


@pytest.mark.parametrize("name", ["probabilities, hdf5", "probabilities, OME-TIFF", "probabilities, OME-Zarr 0.4"])
def test_large_file_is_read_as_it_is_looked_at(name, predicted, tmp_path, monkeypatch):
    """A large file is read as it is looked at, as long as its layers live."""
    (source,) = predicted[name]
    expected = [layer.data for layer in read(source)]
    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    layers = read(source)
    for layer, values in zip(layers, expected, strict=True):
        assert not isinstance(layer.data, np.ndarray)
        assert layer.contrast_limits == [0, 1]
        np.testing.assert_array_equal(layer.data, values)
    shared, part = [layer.data for layer in layers], layers[0].data[3]
    layers.clear()
    del layer
    assert part.compute().shape == shared[0].shape[1:]
    shared.clear()
    gc.collect()
    with pytest.raises(SettingsError, match="is closed"):
        part.compute()


def test_labels_in_an_image_are_opened_and_skipped(tmp_path):
    """A segmentation that was written into an OME-Zarr image is opened from there, and is skipped the next time."""
    store = tmp_path / "a.zarr"
    plain = Export(source="Simple Segmentation", format="single-scale OME-Zarr", into_image=True)
    image = zarr.create_group(store, zarr_format=2)
    axes = [{"name": key, "type": "space"} for key in "yx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}]
    image.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    with Picture.open(CASE / "test2.png") as picture:
        image["0"] = np.asarray(picture)
    job = BatchJob(classifier=CASE / "project.ilp", inputs=(str(store),), exports=(plain,), existing="skip")
    (row,) = job.run().rows
    assert row.status == "done", row.reason
    (layer,) = read(row.outputs["Simple Segmentation"])
    assert layer._type_string == "labels"
    assert layer.features["class"].tolist() == ["none", *CLASSES]
    assert job.run().rows[0].status == "skipped"
    assert not is_own(store)


def test_objects_in_an_image_have_their_numbers(tmp_path):
    """Labels in an image know of each object what the table says, as features; without all of them there are none."""
    with Picture.open(CASE / "test2.png") as picture:
        pixels = np.asarray(picture)
    store, labels = tmp_path / "a.zarr", tmp_path / "a.zarr/labels/cells"
    image = zarr.create_group(store, zarr_format=2)
    axes = [{"name": key, "type": "space"} for key in "yx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}]
    image.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    image["0"] = pixels
    exports = (
        Export(source="Objects", format="single-scale OME-Zarr", into_image=True, name="cells"),
        Export(source="Object Table", format="csv", folder=tmp_path),
        Export(source="Object Table", format="OME-Zarr table"),
    )
    settings = ObjectSettings("1", smoothing=0, min_size=5)
    ledger = BatchJob(classifier=CASE / "project.ilp", inputs=(str(store),), exports=exports, objects=settings).run()
    assert ledger.rows[0].status == "done", ledger.rows[0].reason
    (layer,) = read(labels)
    assert layer._type_string == "labels"
    with ledger.tables["Object Table"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1
    assert layer.features["label"].tolist() == [*range(len(rows) + 1)]
    for name in ("pixels", "centroid_y", "intensity_mean"):
        assert layer.features[name][1:].tolist() == [float(row[name]) for row in rows]
    group = zarr.open_group(labels)
    facts = group.attrs["image-label"]
    group.attrs["image-label"] = {**facts, "properties": facts["properties"][1:]}
    assert not len(read(labels)[0].features.columns)


def test_project_is_recognised_in_any_case(tmp_path):
    """A project is recognised by its extension, in any case."""
    shutil.copy(CASE / "project.ilp", tmp_path / "a.ILP")
    assert is_own(tmp_path / "a.ILP")
