"""Where a project says that its images are: in files and datasets in them, or copied into it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from ilp_reader import read_project
from ilp_writer import write_project as write_small_project
from PIL import Image

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.ilp.lanes import read_lanes
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.writing.images import written_image
from napari_batch_prediction.ilp.writing.project import write_project
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.training.opening import open_training
from napari_batch_prediction.training.reopening import ReopeningImage

PIXELS = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)


def hdf5(folder: Path) -> str:
    with h5py.File(folder / "scan.h5", "w") as file:
        file["volume/data"] = PIXELS
    return "scan.h5"


def ome_zarr(folder: Path) -> str:
    form = find_format("multi-scale OME-Zarr")
    writer = form.writer(Target(folder / "scan.zarr", "zyx", PIXELS.shape, PIXELS.dtype))
    writer.write(tuple(slice(0, n) for n in PIXELS.shape), PIXELS)
    writer.finish()
    return "scan.zarr"


def plain_zarr(folder: Path) -> str:
    zarr.save_array(str(folder / "scan.zarr"), PIXELS)
    return "scan.zarr"


def npz(folder: Path) -> str:
    np.savez(folder / "scan.npz", data=PIXELS)
    return "scan.npz"


def npy(folder: Path) -> str:
    np.save(folder / "scan.npy", PIXELS)
    return "scan.npy"


def grey_picture(folder: Path) -> str:
    Image.fromarray(PIXELS[0]).save(folder / "scan.png")
    return "scan.png"


FILES = {
    hdf5: ("scan.h5/volume/data", "zyx", (3, 40, 50)),
    ome_zarr: ("scan.zarr/s0", "tczyx", (1, 1, 3, 40, 50)),
    plain_zarr: ("scan.zarr", "zyx", (3, 40, 50)),
    npz: ("scan.npz/data", "zyx", (3, 40, 50)),
    npy: ("scan.npy", "zyx", (3, 40, 50)),
    grey_picture: ("scan.png", "yxc", (40, 50, 1)),
}


def saved(folder: Path, image) -> Path:
    project = read_project(write_small_project(folder / "small.ilp"))
    write_project(folder / "p.ilp", project, [written_image(image, [])])
    return folder / "p.ilp"


def lane_of(path: Path) -> Lane:
    with ProjectFile(path) as file:
        (lane,) = read_lanes(file)
    return lane


@pytest.mark.parametrize("write", FILES, ids=lambda write: write.__name__)
def test_file_is_named_with_its_dataset_and_found_again(write, tmp_path):
    """Only the file was named; axes and shape are as ilastik sees them."""
    path, axes, shape = FILES[write]
    with ReopeningImage(lambda: open_image(tmp_path / write(tmp_path))) as image:
        lane = lane_of(saved(tmp_path, image))
        assert (lane.path, lane.axes, lane.shape) == (path, axes, shape)
        (found,) = open_training(tmp_path / "p.ilp").images
        with found.image as again:
            np.testing.assert_array_equal(again.read(), image.read())


def test_axes_of_the_user_are_stored(tmp_path):
    """ilastik takes them instead of its guess."""
    with open_image(tmp_path / npy(tmp_path), "tyx") as image:
        lane = lane_of(saved(tmp_path, image))
    assert (lane.path, lane.axes) == ("scan.npy", "tyx")
    with open_training(tmp_path / "p.ilp").images[0].image as image:
        assert image.axes == "tyx"


def test_stack_and_chosen_channels_are_copied(tmp_path):
    """They are in no single file as they are."""
    for i, plane in enumerate(PIXELS):
        np.save(tmp_path / f"plane{i}.npy", plane)
    stack = ReopeningImage(lambda: open_image(str(tmp_path / "plane*.npy"), stack="z"))
    np.save(tmp_path / "colours.npy", np.moveaxis(PIXELS, 0, -1))
    chosen = open_image(tmp_path / "colours.npy", channels=[2, 0, 1])
    for image, axes in ((stack, "zyx"), (chosen, "yxc")):
        with image:
            lane = lane_of(saved(tmp_path, image))
            assert (lane.is_inside, lane.axes, lane.shape) == (True, axes, image.shape)
            np.testing.assert_array_equal(open_training(tmp_path / "p.ilp").images[0].image.read(), image.read())
        (tmp_path / "p.ilp").unlink()
