"""HDF5 files of BigDataViewer and Imaris, and sizes of pixels that other programs store."""

import h5py
import numpy as np
import pytest

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.inputs import expand_inputs, open_image
from napari_batch_prediction.locations.location import parse

VOLUME = np.random.default_rng(0).integers(0, 65535, (6, 8, 10), np.uint16)
XML = """<SpimData version="0.2"><SequenceDescription><ViewSetups><ViewSetup><id>0</id><voxelSize><unit>µm</unit>
<size>0.5 0.25 2.0</size></voxelSize></ViewSetup></ViewSetups></SequenceDescription></SpimData>"""


def big_data_viewer(path, times=1, setups=1, dtype="<i2"):
    """Write two levels of each time point and setup as BigDataViewer does, whose numbers have signs."""
    with h5py.File(path, "w") as file:
        for s in range(setups):
            file[f"s{s:02}/resolutions"] = np.array([[1.0, 1, 1], [2, 2, 1]])
            file[f"s{s:02}/subdivisions"] = np.array([[16, 16, 16], [16, 16, 16]], np.int32)
            for t in range(times):
                for level, pixels in enumerate((VOLUME, VOLUME[:, ::2, ::2])):
                    stored = pixels.view(dtype) if dtype[1] == "i" else pixels.astype(dtype)
                    file[f"t{t:05}/s{s:02}/{level}/cells"] = stored
    return path


@pytest.mark.parametrize("dtype", ["<i2", "<u2"])
def test_image_of_big_data_viewer_is_its_full_resolution(dtype, tmp_path):
    """Lower resolutions and tables are no images of their own; signed numbers mean unsigned ones; axes are known."""
    path = big_data_viewer(tmp_path / "a.h5", dtype=dtype)
    assert parse(path).datasets() == ["t00000/s00/0/cells"]
    with open_image(path) as image:
        assert (image.axes, image.axes_known, image.dtype, image.pixel_size) == ("zyx", "file", np.uint16, {})
        np.testing.assert_array_equal(image.read(), VOLUME)
        region = (slice(1, 3), slice(2, 8), slice(0, 5))
        np.testing.assert_array_equal(image.read(region), VOLUME[region])


def test_size_of_a_pixel_is_in_the_xml_of_big_data_viewer(tmp_path):
    """The XML beside the file has the size of a voxel; a lower resolution, named in full, has larger ones."""
    path = big_data_viewer(tmp_path / "a.h5")
    path.with_suffix(".xml").write_text(XML, encoding="utf-8")
    with open_image(path) as image:
        assert image.pixel_size == {"x": 0.5, "y": 0.25, "z": 2.0}
        assert set(image.units.values()) == {"micrometer"}
    with open_image(path / "t00000/s00/1/cells") as image:
        assert image.pixel_size == {"x": 1.0, "y": 0.5, "z": 2.0}
        np.testing.assert_array_equal(image.read(), VOLUME[:, ::2, ::2])
    path.with_suffix(".xml").write_text("<SpimData>")
    with open_image(path) as image:
        assert image.pixel_size == {}


def test_time_points_of_big_data_viewer_in_other_files_are_listed(tmp_path):
    """A file for each time point, and one with links to them; a pattern finds all."""
    big_data_viewer(tmp_path / "a-00.h5", times=2, setups=2)
    with h5py.File(tmp_path / "a.h5", "w") as file, h5py.File(tmp_path / "a-00.h5") as part:
        for name in ("s00", "s01"):
            part.copy(name, file)
        for name in ("t00000", "t00001"):
            file[name] = h5py.ExternalLink("a-00.h5", f"/{name}")
    names = [f"t{t:05}/s{s:02}/0/cells" for t in range(2) for s in range(2)]
    assert parse(tmp_path / "a.h5").datasets() == names
    with pytest.raises(ImageReadError, match="holds 4 datasets"):
        open_image(tmp_path / "a.h5")
    locations = expand_inputs([f"{tmp_path}/a.h5/t*/s01/0/cells"])
    assert len(locations) == 2
    for location in locations:
        with location.open() as image:
            np.testing.assert_array_equal(image.read(), VOLUME)


@pytest.mark.parametrize("name", ["t00000/s00/0/cells", "t00000/s00/cells", "s00/0/cells"])
def test_signed_numbers_elsewhere_keep_their_sign(name, tmp_path):
    """Without the tables of BigDataViewer, or at another place, int16 is int16, and nothing is left out."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[name] = VOLUME.view("<i2")
        file["s00/subdivisions" if "t0" not in name else "resolutions"] = np.zeros((2, 3))
    with open_image(f"{tmp_path / 'a.h5'}/{name}") as image:
        assert image.dtype == np.int16
        np.testing.assert_array_equal(image.read(), VOLUME.view("<i2"))


def test_lower_resolutions_of_imaris_are_left_out(tmp_path):
    """Of the same channel at several resolutions, the full one is the image."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for level in range(2):
            file[f"DataSet/ResolutionLevel {level}/TimePoint 0/Channel 0/Data"] = VOLUME[:, :: level + 1]
    assert parse(tmp_path / "a.h5").datasets() == ["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0/Data"]


SIZES = {
    "three": ((2.0, 0.5, 0.25), {"z": 2.0, "y": 0.5, "x": 0.25}),
    "zero": ((0, 0.5, 0.25), {}),
    "two": ((0.5, 0.25), {}),
    "text": ("0.5", {}),
    "no number": ((np.nan, 1, 1), {}),
}


@pytest.mark.parametrize(("value", "sizes"), SIZES.values(), ids=SIZES)
def test_element_size_is_the_size_of_a_pixel(value, sizes, tmp_path):
    """The attribute of ImageJ's HDF5 plugins has micrometers along z, y, x."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = VOLUME
        file["data"].attrs["element_size_um"] = value
    with open_image(tmp_path / "a.h5") as image:
        assert image.pixel_size == sizes
        assert image.units == dict.fromkeys(sizes, "micrometer")
