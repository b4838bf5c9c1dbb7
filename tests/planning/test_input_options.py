"""Stacks, channels, folders and stores in a batch: from the plan to what is written."""

import json
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from threshold import Threshold, random_image, read, save_images, whole

from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.cli import main
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.planning.provenance import made_with
from napari_batch_prediction.running.run import run_plan

RGB = golden.ROOT / "b_2d_rgb_u8"
VOLUME = golden.ROOT / "d_3d_u8"


def plan_of(*inputs: Path | str, **settings: object):
    job = BatchJob(classifier=__file__, inputs=tuple(map(str, inputs)), **settings)
    return make_plan(job, Threshold(Path(__file__)))


def test_files_become_one_time_series(tmp_path):
    """Files become one time series; its result is named by what the files share and lies beside them."""
    paths = save_images(tmp_path, *(f"im_{i:02}" for i in range(1, 4)))
    plan = plan_of(tmp_path / "*.npy", stack="t")
    assert [(row.input, row.problems) for row in plan.rows] == [(f"{tmp_path}/*.npy", ())]
    assert (plan.rows[0].image.axes, plan.rows[0].image.shape) == ("tyx", (3, 20, 30))
    assert plan.rows[0].outputs == {"Probabilities": tmp_path / "im_0_Probabilities.h5"}
    assert run_plan(plan).count("done") == 1
    np.testing.assert_array_equal(read(tmp_path / "im_0_Probabilities.h5"), [whole(np.load(path)) for path in paths])


def test_stack_with_an_odd_file_is_a_problem_of_one_row(tmp_path):
    """A stack with an odd file is one problem of one row; others run."""
    save_images(tmp_path / "a", "1", "2")
    save_images(tmp_path / "b", "1", "2")
    np.save(tmp_path / "b" / "2.npy", random_image(20, 31))
    plan = plan_of(tmp_path / "a", tmp_path / "b", stack="t")
    assert [len(row.problems) for row in plan.rows] == [0, 1]
    assert str(tmp_path / "b" / "2.npy") in plan.rows[1].problems[0].text
    assert [row.outputs["Probabilities"].name for row in plan.rows] == ["a_Probabilities.h5", "b_Probabilities.h5"]


def test_members_of_a_stack_are_never_replaced(tmp_path):
    """An output that is a file of a stack is refused."""
    save_images(tmp_path, "im1", "im2")
    exports = (Export(name="im1.npy", format="numpy"),)
    problem = plan_of(tmp_path / "im*.npy", stack="t", exports=exports, existing="overwrite").rows[0].problems[0].text
    assert f"{tmp_path / 'im1.npy'} is the input" in problem


def test_folder_stands_for_its_images_and_a_store_is_one(tmp_path):
    """A folder stands for its images, a store is one of them; size of a pixel and channels are in the plan."""
    save_images(tmp_path, "b2", "b10")
    root = zarr.open_group(tmp_path / "c.ome.zarr", mode="w")
    root.create_array("0", data=random_image(20, 30))
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scale = [{"type": "scale", "scale": [0.5, 0.25]}]
    root.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}],
        "omero": {"channels": [{"label": "DAPI"}]},
    }
    (tmp_path / "notes.md").touch()
    plan = plan_of(tmp_path)
    assert [Path(row.input).name for row in plan.rows] == ["b2.npy", "b10.npy", "c.ome.zarr"]
    info = plan.rows[-1].image
    assert (info.pixel_size, info.units) == ({"y": 0.5, "x": 0.25}, {"y": "micrometer", "x": "micrometer"})
    assert (info.channel_names, info.dataset) == (("DAPI",), "0")
    assert plan.rows[-1].outputs == {"Probabilities": tmp_path / "c.ome_Probabilities.h5"}
    assert run_plan(plan).count("done") == 3
    np.testing.assert_array_equal(read(tmp_path / "c.ome_Probabilities.h5"), whole(random_image(20, 30)))
    with h5py.File(tmp_path / "c.ome_Probabilities.h5") as file:
        tags = json.loads(file["exported_data"].attrs["axistags"])["axes"]
        assert [(tag["key"], tag["resolution"]) for tag in tags[:2]] == [("y", 0.5), ("x", 0.25)]


def test_channel_is_chosen_by_name(tmp_path):
    """A channel is chosen before the image is checked; without a choice the problem names the channels."""
    pixels = random_image(3, 20, 30)
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata=metadata, photometric="minisblack")
    problem = plan_of(tmp_path / "a.ome.tif").rows[0].problems[0].text
    assert "Its channels: 0 (DAPI), 1 (GFP), 2 (Cy5)" in problem
    few = plan_of(tmp_path / "a.ome.tif", channels=["DAPI", "Cy5"]).rows[0].problems[0].text
    assert "Its channels: 0 (DAPI), 1 (Cy5)." in few
    assert "no channel 'YFP'" in plan_of(tmp_path / "a.ome.tif", channels=["YFP"]).rows[0].problems[0].text
    plan = plan_of(tmp_path / "a.ome.tif", channels=["GFP"])
    assert run_plan(plan).count("done") == 1
    result = read(tmp_path / "a.ome_Probabilities.h5")
    np.testing.assert_array_equal(result, whole(pixels[1]).transpose(2, 0, 1))


def test_choice_is_part_of_how_an_output_was_made(tmp_path):
    """Other channels, stacks or axes make another output."""
    job = BatchJob(classifier=__file__, inputs=("a.npy",))
    own = {"a.npy": InputSettings(dataset="volume")}
    others = [{"channels": (1,)}, {"stack": "t"}, {"input_axes": "tyx"}, {"input_settings": own}]
    source = Source(name="Probabilities", dtype=np.dtype(np.float32), channel_names=("A",), value_range=(0, 1))
    made = [made_with(job.model_copy(update=other), job.exports[0], source, "0", "a.npy") for other in [{}, *others]]
    assert len(set(made)) == 5
    # What is set for another image does not matter, and neither does how values are stored.
    elsewhere = job.model_copy(update={"input_settings": {"b.npy": own["a.npy"]}})
    stored = job.exports[0].model_copy(update={"format": "numpy", "folder": tmp_path})
    assert made_with(elsewhere, stored, source, "0", "a.npy") == made[0]


@pytest.mark.parametrize("channels", ["0,1,2", "red, green, blue"])
def test_alpha_channel_on_the_command_line(tmp_path, capsys, channels):
    """An image with an alpha channel is refused with their names, and predicted without it as ilastik does."""
    project = str(RGB / "project.ilp")
    with Image.open(RGB / "test2.png") as picture:
        picture.convert("RGBA").save(tmp_path / "test2.png")
    assert main(["check", project, str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "Its channels: 0 (red), 1 (green), 2 (blue), 3 (alpha)" in out
    assert main(["run", project, str(tmp_path), "--channels", channels]) == 0
    assert main(["run", project, str(RGB / "test2.png"), "--folder", str(tmp_path / "rgb")]) == 0
    np.testing.assert_array_equal(
        read(tmp_path / "test2_Probabilities.h5"), read(tmp_path / "rgb" / "test2_Probabilities.h5")
    )


def test_stack_is_predicted_from_the_command_line(tmp_path, capsys):
    """Slices in files are predicted as the volume that they are."""
    project = str(VOLUME / "project.ilp")
    volume = golden.read(VOLUME / "test2.h5")
    slices = tmp_path / "slices"
    slices.mkdir()
    for i, plane in enumerate(volume):
        Image.fromarray(plane).save(slices / f"s{i}.png")
    assert main(["check", project, f"{slices}/*.png", "--stack-along", "z"]) == 0
    assert f"{slices}/*.png" in capsys.readouterr().out
    assert main(["run", project, str(slices), "--stack-along", "z"]) == 0
    assert main(["run", project, str(VOLUME / "test2.h5"), "--folder", str(tmp_path)]) == 0
    np.testing.assert_array_equal(read(tmp_path / "slices_Probabilities.h5"), read(tmp_path / "test2_Probabilities.h5"))


def test_list_of_inputs_is_read_from_its_own_folder(tmp_path, capsys):
    """A list of inputs, seen from its folder."""
    (tmp_path / "images").mkdir()
    with Image.open(RGB / "test2.png") as picture:
        picture.save(tmp_path / "images" / "a.png")
    (tmp_path / "mine.csv").write_text("path,group\nimages/a.png,1\n")
    assert main(["check", str(RGB / "project.ilp"), str(tmp_path / "mine.csv")]) == 0
    assert str(tmp_path / "images" / "a.png") in capsys.readouterr().out
