"""Finding the mask of each image: one for all, by a template, by names; and what is no input because it is a mask."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from threshold import plan_for, save_images

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.inputs import InputSettings


def masks_of(plan):
    """Return the mask of each image by the image's name, relative to the folder that all share; None if none fits."""
    root = plan.folder
    names = {}
    for row in plan:
        (mask,) = [second.location for second in row.beside] or [None]
        name = Path(row.input).relative_to(root).as_posix()
        names[name] = None if mask is None else Path(str(mask)).relative_to(root).as_posix()
    return names


def problem(plan, index=0):
    """Return the text of the only problem of a row, which a mask has."""
    (found,) = plan[index].problems
    assert found.setting == "mask"
    return str(found)


def test_without_a_mask_no_image_has_one(tmp_path):
    """Rows have no second image if the job names none."""
    assert masks_of(plan_for(save_images(tmp_path, "a", "b"))) == {"a.npy": None, "b.npy": None}


def test_file_is_the_mask_of_all(tmp_path):
    """A single file is the mask of every image."""
    save_images(tmp_path, "a", "b", "m/every")
    plan = plan_for([tmp_path], mask=str(tmp_path / "m" / "every.npy"))
    assert masks_of(plan) == {"a.npy": "m/every.npy", "b.npy": "m/every.npy"}


@pytest.mark.parametrize("by", ["template", "folder in template", "pattern", "folder", "list"])
def test_each_image_has_its_own(by, tmp_path):
    """By a template, a folder, a pattern or a list each image has the mask with its name."""
    save_images(tmp_path, "img_1", "img_10", "img_2", "m/img_10_mask", "m/img_1_mask", "m/img_2_mask")
    listed = tmp_path / "m" / "all.txt"
    listed.write_text("\n".join(str(path) for path in sorted((tmp_path / "m").glob("*.npy"))))
    mask = {
        "template": "m/{stem}_mask.npy",
        "folder in template": "{folder}/m/{nickname}_mask.npy",
        "pattern": str(tmp_path / "m" / "*.npy"),
        "folder": str(tmp_path / "m"),
        "list": str(listed),
    }[by]
    plan = plan_for([tmp_path / "*.npy"], mask=mask)
    assert plan.n_problems == 0
    assert masks_of(plan) == {f"img_{n}.npy": f"m/img_{n}_mask.npy" for n in (1, 2, 10)}


@pytest.mark.parametrize("mask", ["{stem}_mask.npy", "*_mask.npy", "."])
def test_masks_among_the_images_are_no_inputs(mask, tmp_path):
    """In a folder with images and masks each image is predicted, and no mask, however the masks are named."""
    save_images(tmp_path, "a", "a_mask", "b", "b_mask")
    plan = plan_for([tmp_path], mask=mask if "{" in mask else str(tmp_path / mask))
    assert plan.n_problems == 0
    assert masks_of(plan) == {"a.npy": "a_mask.npy", "b.npy": "b_mask.npy"}
    assert plan.left_out == ()


def test_mask_for_all_among_the_images_is_no_input(tmp_path):
    """A single mask is left out of the folder that it is in."""
    save_images(tmp_path, "a", "b", "roi")
    assert masks_of(plan_for([tmp_path], mask=str(tmp_path / "roi.npy"))) == {"a.npy": "roi.npy", "b.npy": "roi.npy"}


def test_mask_without_an_image_is_no_input_either(tmp_path):
    """What a pattern of masks matches is left out of the inputs, also if its image is not there."""
    save_images(tmp_path, "a", "a_mask", "gone_mask")
    assert masks_of(plan_for([tmp_path], mask=str(tmp_path / "*_mask.npy"))) == {"a.npy": "a_mask.npy"}


def test_image_that_is_named_stays_an_input(tmp_path):
    """A file that is named as an input is predicted, though it is the mask of another one."""
    first, mask = save_images(tmp_path, "a", "a_mask")
    plan = plan_for([first, mask], mask=str(mask))
    assert [row.input for row in plan] == [str(first), str(mask)]
    assert plan[0].problems == ()
    assert "would be the image itself" in problem(plan, 1)


def test_missing_mask_is_a_problem_of_its_image(tmp_path):
    """An image without a mask has a problem that says where it was looked for; others are predicted."""
    save_images(tmp_path, "a", "b", "m/a")
    plan = plan_for([tmp_path / "*.npy"], mask="m/{stem}.npy")
    assert plan[0].problems == ()
    assert f"there is no '{tmp_path / 'm' / 'b.npy'}'" in problem(plan, 1)
    plan = plan_for([tmp_path / "*.npy"], mask=str(tmp_path / "m" / "*"))
    assert "is or has in it 'b'" in problem(plan, 1)


def test_names_are_compared_by_words(tmp_path):
    """A name is in another one only between letters or digits that do not go on."""
    save_images(tmp_path, "img_1", "cell", "m/img_10", "m/cellar", "m/x")
    plan = plan_for([tmp_path / "*.npy"], mask=str(tmp_path / "m"))
    assert plan.n_problems == 2


@pytest.mark.parametrize("mask", ["{stem}_mask.npy", "{stem}*mask.*", "*_mask.npy", "m"])
def test_name_of_ome_tiff_may_be_without_ome(mask, tmp_path):
    """The mask of ``a.ome.tif`` may be named after ``a``; the one that is named after ``a.ome`` comes first."""
    images = [tmp_path / f"{name}.ome.tif" for name in "ab"]
    for image in images:
        tifffile.imwrite(image, np.zeros((20, 30), np.uint8))
    save_images(tmp_path, "a_mask", "b.ome_mask", "m/a", "m/b", "m/b.ome")
    plan = plan_for(images, mask=mask if "{" in mask else str(tmp_path / mask))
    expected = ("m/a.npy", "m/b.ome.npy") if mask == "m" else ("a_mask.npy", "b.ome_mask.npy")
    assert masks_of(plan) == dict(zip(("a.ome.tif", "b.ome.tif"), expected, strict=True))


def test_several_masks_of_one_image_are_a_problem(tmp_path):
    """Where two masks have the name of an image neither is taken; the message names both."""
    save_images(tmp_path, "a", "b", "m/a_1", "m/a_2", "m/b")
    plan = plan_for([tmp_path / "*.npy"], mask=str(tmp_path / "m"))
    text = problem(plan)
    assert "not clear" in text
    assert str(tmp_path / "m" / "a_1.npy") in text
    assert str(tmp_path / "m" / "a_2.npy") in text
    assert plan[1].problems == ()


def test_very_name_wins(tmp_path):
    """Of several masks the one with the very name of the image is meant."""
    save_images(tmp_path, "a", "b", "m/a", "m/a_old", "m/b")
    plan = plan_for([tmp_path / "*.npy"], mask=str(tmp_path / "m"))
    assert masks_of(plan) == {"a.npy": "m/a.npy", "b.npy": "m/b.npy"}


@pytest.mark.parametrize("mask", ["*/*_mask.npy", "{folder}/{stem}_mask.npy", "masks/*/*.npy"])
def test_equal_names_are_told_apart_by_their_folders(mask, tmp_path):
    """Images of one name in several folders have the masks in these, or in folders of the same names."""
    save_images(tmp_path, "p/i", "q/i", "p/i_mask", "q/i_mask", "masks/p/i", "masks/q/i")
    plan = plan_for(
        [tmp_path / "p" / "i.npy", tmp_path / "q" / "i.npy"], mask=mask if "{" in mask else f"{tmp_path}/{mask}"
    )
    expected = "masks/{}/i.npy" if "masks" in mask else "{}/i_mask.npy"
    found = {Path(row.input).parent.name: Path(str(row.beside[0].location)) for row in plan}
    assert found == {name: tmp_path / expected.format(name) for name in "pq"}


def test_one_mask_for_equal_names_is_not_clear(tmp_path):
    """A mask in another folder with the name of two images is that of neither."""
    save_images(tmp_path, "p/i", "q/i", "m/i", "m/other")
    plan = plan_for([tmp_path / "p" / "i.npy", tmp_path / "q" / "i.npy"], mask=str(tmp_path / "m"))
    assert plan.n_problems == 2


def test_template_knows_the_folders_of_the_image(tmp_path):
    """A template can name the image's folder, and this as seen from the folder that all images share."""
    save_images(tmp_path, "in/p/i", "in/q/i", "masks/p/i", "masks/q/i")
    for template in ("{relative}", "{parent}"):
        plan = plan_for([tmp_path / "in" / "**"], mask=f"{tmp_path}/masks/{template}/{{stem}}.npy")
        assert [Path(str(row.beside[0].location)).parent.name for row in plan] == ["p", "q"]


def test_template_may_be_a_pattern(tmp_path):
    """Stars in a template stand for what differs; brackets in names of images mean themselves."""
    save_images(tmp_path, "a[1]", "b", "m/a[1] roi", "m/b_7", "m/b_8")
    plan = plan_for([tmp_path / "*.npy"], mask="m/{stem}*.npy")
    assert Path(str(plan[0].beside[0].location)).name == "a[1] roi.npy"
    assert "not clear" in problem(plan, 1)


def test_datasets_of_one_file(tmp_path):
    """The mask may be a dataset beside the image in its file, by the name of the file alone."""
    for name in "ab":
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["raw"] = np.zeros((20, 30), np.uint8)
            file["mask"] = np.ones((20, 30), np.uint8)
    plan = plan_for([f"{tmp_path}/*.h5/raw"], mask="{folder}/{stem}.h5/mask")
    assert masks_of(plan) == {"a.h5/raw": "a.h5/mask", "b.h5/raw": "b.h5/mask"}
    plan = plan_for([f"{tmp_path}/*.h5/raw"], mask=f"{tmp_path}/*.h5/mask")
    assert masks_of(plan) == {"a.h5/raw": "a.h5/mask", "b.h5/raw": "b.h5/mask"}


def test_datasets_of_one_mask_file(tmp_path):
    """Datasets of one file are the masks of the images with their names."""
    save_images(tmp_path, "a", "b")
    with h5py.File(tmp_path / "masks.h5", "w") as file:
        file["a"] = file["b"] = np.ones((20, 30), np.uint8)
    plan = plan_for([tmp_path / "*.npy"], mask=f"{tmp_path}/masks.h5/*")
    assert masks_of(plan) == {"a.npy": "masks.h5/a", "b.npy": "masks.h5/b"}


def test_stacks_of_images_have_stacks_of_masks(tmp_path):
    """Where files become one image, the files of a pattern of masks become one mask."""
    save_images(tmp_path, *(f"t{i}" for i in range(3)), *(f"m/t{i}" for i in range(3)))
    plan = plan_for([tmp_path / "*.npy"], mask=str(tmp_path / "m" / "*.npy"), stack="t")
    assert plan.n_problems == 0
    assert plan[0].beside[0].image.shape == (3, 20, 30)


def test_single_image_can_have_its_own(tmp_path):
    """The settings of an image name its mask, whatever the job says for all."""
    first, second, *_ = save_images(tmp_path, "a", "b", "m/all", "m/special")
    own = {str(second): InputSettings(mask=str(tmp_path / "m" / "special.npy"))}
    plan = plan_for([first, second], mask=str(tmp_path / "m" / "all.npy"), input_settings=own)
    assert masks_of(plan) == {"a.npy": "m/all.npy", "b.npy": "m/special.npy"}
    plan = plan_for([first, second], input_settings=own)
    assert masks_of(plan) == {"a.npy": None, "b.npy": "m/special.npy"}


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("{stem}_{source}.npy", "holds {source}, which is unknown"),
        ("{stem", "not a template"),
        ("none/*.npy", "matches no file"),
        ("", "is empty"),
    ],
)
def test_mask_that_cannot_be_found_for_any_image_is_refused(mask, expected, tmp_path):
    """A template that cannot be used and a pattern without a match concern the whole job."""
    with pytest.raises(SettingsError, match=expected) as error:
        plan_for(save_images(tmp_path, "a", "b"), mask=mask)
    assert error.value.setting == "mask"


def test_unreadable_mask_is_a_problem_of_each_image(tmp_path):
    """A mask that is no image is a problem of its row, which names the file."""
    (tmp_path / "m.tif").write_bytes(b"no image")
    plan = plan_for(save_images(tmp_path, "a"), mask=str(tmp_path / "m.tif"))
    assert "m.tif" in problem(plan)
    assert "There is no file" in problem(plan_for(save_images(tmp_path, "a"), mask=str(tmp_path / "gone.tif")))


def test_thousands_of_names_are_matched_at_once(tmp_path):
    """Names are looked up, not compared each with each: of 3,000 images and masks every pair is found."""
    for i in range(3000):
        (tmp_path / f"well {i} site.npy").touch()
        (tmp_path / f"well {i} site roi.npy").touch()
    plan = plan_for([tmp_path], mask=str(tmp_path / "*roi.npy"))
    assert len(plan) == 3000
    # None can be read, since all are empty; that is one problem of the image, and one of its mask.
    assert {len(row.problems) for row in plan} == {2}
    assert all(f"{Path(row.input).stem} roi.npy" in str(row.problems[1]) for row in plan)
