"""ilastik's own exports, repeated with this package's settings."""

import golden
import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_batch_prediction import BatchJob, Export

pytestmark = pytest.mark.golden

CASE = golden.ROOT / "a_2d_u8"
SEGMENTATION = "Simple Segmentation"

exports = {  # ilastik's file, settings
    "test2_Probabilities_renorm_u8.h5": {"dtype": "uint8", "output_range": (0, 255)},
    "test1_Probabilities_renorm_u8.h5": {"dtype": "uint8", "input_range": (0, 1), "output_range": (0, 255)},
    "test2_Probabilities_renorm_u16.h5": {"dtype": "uint16", "output_range": (0, 65535)},
    "test2_Probabilities_cyx.h5": {"output_axes": "cyx"},
    "test2_Probabilities_tzcxy.h5": {"output_axes": "tzcxy"},
    "test2_Probabilities_ip.h5": {"internal_path": "volume/prob"},
    "test2_Probabilities_sub.h5": {"region": {"y": (5, 31), "x": (7, 40), "c": (1, 3)}},
    "test2_Probabilities.h5": {"format": "hdf5"},
    "test1_Uncertainty.h5": {"source": "Uncertainty"},
    "test2_x0-45_y0-61_Probabilities.h5": {"name": "{nickname}_x{x_start}-{x_stop}_y{y_start}-{y_stop}_{result_type}"},
    "test2_Features.h5": {"source": "Features"},
}


def find_dataset(file):
    found = []
    file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found[0]


@pytest.mark.parametrize("name", exports)
def test_equal_to_ilastiks_file(name, tmp_path):
    """Name of the dataset, values, type, chunks and attributes.

    Named differences: a range of features (ilastik copies that of the image, which is not theirs) is not
    written, and compression is on unless the format says otherwise.
    """
    settings = {"name": name.removesuffix(".h5"), **exports[name]}
    image = CASE / f"{name.split('_')[0]}.png"
    job = BatchJob(classifier=CASE / "project.ilp", inputs=[str(image)], exports=[Export(folder=tmp_path, **settings)])
    (row,) = job.run().rows
    assert row.status == "done", row.reason
    with h5py.File(CASE / "expected" / name) as file, h5py.File(tmp_path / name) as ours:
        theirs, dataset = find_dataset(file), find_dataset(ours)
        assert dataset.name == theirs.name
        assert dataset.dtype == theirs.dtype
        assert dataset.chunks == theirs.chunks
        assert [d.label for d in dataset.dims] == [d.label for d in theirs.dims]
        assert dataset.attrs["axistags"] == theirs.attrs["axistags"]
        assert dataset.attrs["display_mode"] == theirs.attrs["display_mode"]
        if settings.get("source") != "Features":
            np.testing.assert_array_equal(dataset.attrs["drange"], theirs.attrs["drange"])
            assert dataset.attrs["drange"].dtype == theirs.attrs["drange"].dtype
        difference = np.abs(dataset[()].astype(float) - theirs[()])
        # One tree of a hundred in a few values, in the units of the output.
        unit = {"u": np.iinfo(dataset.dtype).max if dataset.dtype.kind == "u" else 1, "f": 1}[dataset.dtype.kind]
        assert (difference > 1e-3 * unit).sum() <= max(0.0005 * difference.size, 6)
        assert difference.max() <= 0.06 * unit


def test_casting_alone_is_refused():
    """ilastik's cast of fractions to bytes gives images that are nearly all 0; here it is a problem in the plan."""
    job = BatchJob(classifier=CASE / "project.ilp", inputs=[str(CASE / "test2.png")], exports=[Export(dtype="uint8")])
    (row,) = job.plan().rows
    assert "nearly all be 0" in row.problems[0].text


others = {  # case, image, ilastik's files, settings
    "seg_png": ("a_2d_u8", "test1.png", "test1_Simple Segmentation.png", {"source": SEGMENTATION, "format": "png"}),
    "seg_png of an odd image": (
        "a_2d_u8", "test2.png", "test2_Simple Segmentation.png", {"source": SEGMENTATION, "format": "png"}
    ),
    "prob_png_u8": (
        "a_2d_u8", "test2.png", "test2_Probabilities_u8.png",
        {"format": "png", "dtype": "uint8", "output_range": (0, 255)},
    ),
    "seg_tiff": ("a_2d_u8", "test2.png", "test2_Simple Segmentation.tiff", {"source": SEGMENTATION, "format": "tiff"}),
    "prob_tiff_f32": ("a_2d_u8", "test2.png", "test2_Probabilities_f32.tiff", {"format": "tiff"}),
    "prob_multipage_tiff": ("a_2d_u8", "test2.png", "test2_Probabilities_mp.tiff", {"format": "multipage tiff"}),
    "prob_npy": ("a_2d_u8", "test2.png", "test2_Probabilities.npy", {"format": "numpy"}),
    "tiff_sequence": (
        "d_3d_u8", "test2.h5/data", "test2-data_seg_z{slice_index}.tiff",
        {"source": SEGMENTATION, "format": "tiff sequence"},
    ),
    "png_sequence": (
        "d_3d_u8", "test2.h5/data", "test2-data_seg_z{slice_index}.png",
        {"source": SEGMENTATION, "format": "png sequence"},
    ),
    "seg_multipage": (
        "d_3d_u8", "test2.h5/data", "test2-data_Simple Segmentation_mp.tiff",
        {"source": SEGMENTATION, "format": "multipage tiff"},
    ),
    "prob_multipage": (
        "d_3d_u8", "test2.h5/data", "test2-data_Probabilities_c0_mp.tiff",
        {"format": "multipage tiff", "region": {"z": (3, 9), "y": (0, 38), "x": (0, 41), "c": (0, 1)}},
    ),
}  # fmt: skip


def load(path):
    """Return values and axes of a picture, TIFF or array, read independently."""
    if path.suffix == ".npy":
        return np.load(path), ""
    if path.suffix == ".png":
        return np.asarray(Image.open(path)), ""
    with tifffile.TiffFile(path) as file:
        return file.asarray(), file.series[0].axes


@pytest.mark.parametrize("kind", others)
def test_equal_to_ilastiks_other_files(kind, tmp_path):
    """Values, types and axes of pictures, TIFF, NPY and sequences.

    Named differences: files are compressed, and an OME-TIFF has its own identifier and says how it was made.
    """
    case, image, name, settings = others[kind]
    folder = golden.ROOT / case
    export = Export(folder=tmp_path, name=name.rpartition(".")[0], **settings)
    job = BatchJob(classifier=folder / "project.ilp", inputs=[str(folder / image)], exports=[export])
    (row,) = job.run().rows
    assert row.status == "done", row.reason
    theirs = sorted((folder / "expected").glob(name.replace("{slice_index}", "*")))
    ours = sorted(tmp_path.glob(name.replace("{slice_index}", "*")))
    assert [path.name for path in ours] == [path.name for path in theirs]
    n_other = n_values = 0
    for expected_path, path in zip(theirs, ours, strict=True):
        (expected, axes), (values, our_axes) = load(expected_path), load(path)
        assert (values.shape, values.dtype, our_axes) == (expected.shape, expected.dtype, axes)
        unit = 255 if settings.get("dtype") == "uint8" else 1
        n_other += int((np.abs(values.astype(float) - expected) > 1e-3 * unit).sum())
        n_values += values.size
    assert n_values > 2000
    assert n_other <= max(0.001 * n_values, 6)
