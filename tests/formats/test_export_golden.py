"""Golden cases a and d: what ilastik exported in other formats than HDF5, written again and compared."""

from pathlib import Path

import golden
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import find_format, format_problem

pytestmark = pytest.mark.golden

A = golden.ROOT / "a_2d_u8" / "expected"
D = golden.ROOT / "d_3d_u8" / "expected"


def as_bytes(values: NDArray) -> NDArray:
    """ilastik's range 0..1 to 0..255."""
    return np.rint(values * np.float32(255)).astype(np.uint8)


# ilastik's file; whence its values; how they are changed; format; axes.
FILES = {
    "seg_png 1": (A / "test1_Simple Segmentation.png", A / "test1_Simple Segmentation.h5", None, "png", "yxc"),
    "seg_png 2": (A / "test2_Simple Segmentation.png", A / "test2_Simple Segmentation.h5", None, "png", "yxc"),
    "prob_png_u8": (A / "test2_Probabilities_u8.png", A / "test2_Probabilities.h5", as_bytes, "png", "yxc"),
    "seg_tiff": (A / "test2_Simple Segmentation.tiff", A / "test2_Simple Segmentation.h5", None, "tiff", "yxc"),
    "prob_tiff_f32": (A / "test2_Probabilities_f32.tiff", A / "test2_Probabilities.h5", None, "tiff", "yxc"),
    "prob_multipage_tiff": (
        A / "test2_Probabilities_mp.tiff", A / "test2_Probabilities.h5", None, "multipage tiff", "yxc",
    ),
    "prob_npy": (A / "test2_Probabilities.npy", A / "test2_Probabilities.h5", None, "numpy", "yxc"),
    "seg_multipage": (
        D / "test2-data_Simple Segmentation_mp.tiff",
        D / "test2-data_Probabilities.h5",
        lambda values: (1 + values.argmax(-1)[..., None]).astype(np.uint8),
        "multipage tiff",
        "zyxc",
    ),
    "prob_multipage": (
        D / "test2-data_Probabilities_c0_mp.tiff",
        D / "test2-data_Probabilities.h5",
        lambda values: values[3:9, :, :, :1],
        "multipage tiff",
        "zyxc",
    ),
}  # fmt: skip


def facts(path: Path) -> tuple[object, NDArray]:
    """What a file says of itself, and its values."""
    if path.suffix == ".npy":
        return None, np.load(path, allow_pickle=False)
    if path.suffix == ".png":
        with Image.open(path) as image:
            return (image.mode, image.info), np.asarray(image)
    with tifffile.TiffFile(path) as tif:
        page, series = tif.pages.first, tif.series[0]
        layout = series.axes, series.kind, len(tif.pages), page.photometric, page.planarconfig, page.extrasamples
        return (*layout, page.sampleformat, page.bitspersample, page.resolution), series.asarray()


def written(folder: Path, form: str, axes: str, values: NDArray, **more: object) -> tuple[Path, ...]:
    found = find_format(form)
    target = Target(folder / f"a{found.extension}", axes, values.shape, values.dtype, **more)
    assert format_problem(found, axes, values.shape, values.dtype) is None
    writer = found.writer(target)
    writer.write(tuple(slice(0, n) for n in values.shape), values)
    writer.finish()
    return writer.paths


@pytest.mark.parametrize(("file", "source", "change", "form", "axes"), FILES.values(), ids=FILES)
def test_output_equals_the_file_of_ilastik(tmp_path, file, source, change, form, axes):
    """Values, type, axes and layout are those of ilastik's file."""
    values = golden.read(source)
    (ours,) = written(tmp_path, form, axes, change(values) if change else values)
    expected_facts, expected = facts(file)
    found_facts, found = facts(ours)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert found_facts == expected_facts


@pytest.mark.parametrize("form", ["png sequence", "tiff sequence"])
def test_sequence_equals_the_files_of_ilastik(tmp_path, form):
    """The same files with the same indices in their names, one for each z."""
    expected = sorted(D.glob(f"test2-data_seg_z*.{form.split()[0]}"))
    assert len(expected) == 36
    values = golden.read(D / "test2-data_Probabilities.h5").argmax(-1)[..., None].astype(np.uint8) + np.uint8(1)
    found = find_format(form)
    pattern = tmp_path / f"test2-data_seg_z{{slice_index}}{found.extension}"
    writer = found.writer(Target(pattern, "zyxc", values.shape, values.dtype))
    writer.write(tuple(slice(0, n) for n in values.shape), values)
    writer.finish()
    assert [path.name for path in writer.paths] == [path.name for path in expected]
    for ours, theirs in zip(writer.paths, expected, strict=True):
        assert facts(ours)[0] == facts(theirs)[0]
        np.testing.assert_array_equal(facts(ours)[1], facts(theirs)[1])
