"""Projects whose regressors are cut off are trained again from their dots and strokes."""

import shutil
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
from counting_writer import (
    DOTS,
    GOOD,
    LABELS,
    SHAPE,
    WRAPPERS,
    labels,
    picture,
    put_blocks,
    put_wrapper,
    write_counting,
)
from densities import density
from ilp_writer import RAW, axistags, put, put_lane, remove
from PIL import Image

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.training import counting
from napari_batch_prediction.training.counting import blob_density


def cut_off(file):
    """As ilastik 1.3.0 stored them."""
    for i in range(4):
        put_wrapper(file, f"wrapper{i:04}", GOOD[:13])


def trained(tmp_path, *changes):
    return load_classifier(write_counting(tmp_path / "count.ilp", cut_off, *changes)).project


def same(first, second):
    """Whether two projects have the same trees."""
    pairs = zip(first.regressors, second.regressors, strict=True)
    return all(
        np.array_equal(a.threshold, b.threshold) and np.array_equal(a.value, b.value)
        for one, other in pairs
        for a, b in zip(one.trees, other.trees, strict=True)
    )


def test_dots_are_spread_as_cut_off_gaussians():
    """Each dot is spread by a Gaussian that ends after two sigmas, mirrored at the border."""
    dots = np.zeros((31, 40), bool)
    dots[15, 20] = True
    found = blob_density(dots, 2.5)
    assert found.dtype == np.float32
    assert found.sum() == pytest.approx(1, abs=1e-6)
    assert np.flatnonzero(found[15]).tolist() == list(range(15, 26))
    y, x = np.mgrid[-5:6, -5:6]
    gauss = np.exp(-(y**2 + x**2) / (2 * 2.5**2))
    np.testing.assert_allclose(found[10:21, 15:26], gauss / gauss.sum(), rtol=1e-5)
    at_border = np.zeros((31, 40), bool)
    at_border[2, 20] = True
    # Row -k is row k, and row 0 is there once.
    np.testing.assert_allclose(blob_density(at_border, 2.5)[1], found[16] + found[18], rtol=1e-5)


@pytest.mark.golden
@pytest.mark.parametrize("case", ["h1_count_2d_u8", "h2_count_2d_rgb"])
def test_counts_are_close_to_those_of_ilastik(case, tmp_path):
    """Counts are within five percent of those of the regressor that ilastik trained."""
    folder = golden.ROOT / case
    for name in ("project.ilp", "train.png"):
        shutil.copy(folder / name, tmp_path)
    with h5py.File(tmp_path / "project.ilp", "a") as file:
        del file[f"{WRAPPERS}/wrapper0003"]
        cut_off(file)
    project = load_classifier(tmp_path / "project.ilp").project
    assert "13 bytes" in project.trained_again
    for name in ("train", "test1", "test2"):
        expected = golden.read(folder / "expected" / f"{name}_Probabilities.h5").sum(dtype=float)
        counted = density(project, golden.read(folder / f"{name}.png")).sum(dtype=float)
        assert counted == pytest.approx(expected, rel=0.05)


def test_training_again_is_said_with_reason_and_seed(tmp_path):
    """Four regressors of ten trees each, and a sentence with the reason and the seed."""
    project = trained(tmp_path)
    assert [len(regressor.trees) for regressor in project.regressors] == [10] * 4
    assert "wrapper0000: The pickle is cut off: it has 13 bytes" in project.trained_again
    assert "random seed 0" in project.trained_again
    # The forests learnt where the objects are.
    found = density(project, picture())
    assert found.sum() == pytest.approx(len(DOTS), rel=0.25)
    assert found[labels() == 2].max() < 1e-3 < min(found[y, x] for y, x in DOTS)


def test_training_twice_gives_the_same_regressors(tmp_path):
    """The same project gives the same regressors."""
    assert same(trained(tmp_path), trained(tmp_path))


def to_xy(file):
    put_blocks(file, labels(), axes="yxc")


def to_old_axes(file):
    put_blocks(file, labels(), axes="txyzc")


def without_axistags(file):
    for block in file[LABELS].values():
        del block.attrs["axistags"]


def internal(file):
    stored = put(file, "Input Data/local_data/abc", picture()[:, :, None])
    stored.attrs["axistags"] = axistags("yxc").decode()
    put(file, f"{RAW}/location", b"ProjectInternal")
    put(file, f"{RAW}/inner_path", b"Input Data/local_data/abc")
    put(file, f"{RAW}/filePath", b"nowhere.png")


def location(text):
    return lambda file: put(file, f"{RAW}/filePath", text.encode())


def second_image(file):
    """Store an image without labels, before the one with labels, which then is number 1."""
    put_lane(file, RAW, "yxc", (*SHAPE, 1))
    put_lane(file, "Input Data/infos/lane0001/Raw Data", "yxc", (*SHAPE, 1))
    put(file, f"{RAW}/filePath", b"nowhere.png")
    put_blocks(file, labels(), "Counting/LabelSets/labels1")
    put_blocks(file, np.zeros_like(labels()))


ALIKE = {
    "labels y before x": to_xy,
    "labels with five axes": to_old_axes,
    "labels without axes": without_axistags,
    "the image in the project": internal,
    "the image where Windows had it": location("C:\\Users\\me\\images\\train.png"),
    "the image where it was once": location("/home/somebody/images/train.png"),
    "an image without labels is missing": second_image,
    "no regressors at all": lambda f: remove(f, WRAPPERS),
    "regressors of other features": lambda f: [
        remove(f, WRAPPERS),
        put_wrapper(f, "wrapper0003", golden_regressor()),
    ],
    "no shape of the image": lambda f: put_lane(f, RAW, "yxc", None),
}


def golden_regressor():
    """Return a good regressor of twelve features."""
    with h5py.File(golden.ROOT / "h1_count_2d_u8" / "project.ilp") as file:
        return file[f"{WRAPPERS}/wrapper0003"][0].tobytes()


@pytest.mark.parametrize("case", ALIKE)
def test_storage_of_labels_does_not_matter(case, tmp_path):
    """However labels and images are stored, the regressors are the same."""
    changed = trained(tmp_path, ALIKE[case])
    assert changed.trained_again
    (tmp_path / "other").mkdir()
    assert same(changed, trained(tmp_path / "other"))


def test_reason_for_training_again_says_what_is_damaged(tmp_path):
    """The sentence says what is wrong with what is stored."""
    assert "none at /Counting/CountingWrappers" in trained(tmp_path, ALIKE["no regressors at all"]).trained_again
    other = trained(tmp_path, ALIKE["regressors of other features"]).trained_again
    assert "trained on 12 features, but the feature selection gives 3" in other


def test_sigma_of_the_project_is_used(tmp_path):
    """The project's width of a blob is used, ilastik's default where it has none."""
    narrow = trained(tmp_path, lambda f: put(f, "Counting/Sigma", 1.0))
    default = trained(tmp_path, lambda f: remove(f, "Counting/Sigma"))
    also_default = trained(tmp_path, lambda f: put(f, "Counting/Sigma", 2.5))
    assert density(narrow, picture()).max() > 2 * density(default, picture()).max()
    assert same(default, also_default)


def in_colour(file, shape=None):
    """The training image has three channels, of which the second is the picture."""
    colour = np.stack([picture() // 2, picture(), 255 - picture()], axis=-1)
    Image.fromarray(colour).save(Path(file.filename).with_name("train.png"))
    put_lane(file, RAW, "yxc", shape)


def test_channels_are_those_of_the_training_image(tmp_path):
    """A project that stores neither regressors nor the shape of its image has the channels of that image."""
    project = trained(tmp_path, in_colour)
    assert (project.n_channels, project.axes) == (3, "yxc")
    (tmp_path / "stored").mkdir()
    assert same(project, trained(tmp_path / "stored", lambda f: in_colour(f, (*SHAPE, 3))))
    colour = np.stack([picture() // 2, picture(), 255 - picture()], axis=-1)
    classifier = load_classifier(tmp_path / "count.ilp")
    assert classifier.n_channels == 3
    assert classifier.predict(colour, "yxc", "Counts") == pytest.approx(len(DOTS), rel=0.25)


def test_training_images_with_different_channels_are_refused(tmp_path):
    """All training images must have the same channels."""

    def other(file):
        in_colour(file)
        Image.fromarray(picture()).save(Path(file.filename).with_name("grey.png"))
        put_lane(file, "Input Data/infos/lane0001/Raw Data", "yxc", None)
        put(file, "Input Data/infos/lane0001/Raw Data/filePath", b"grey.png")
        put_blocks(file, labels(), "Counting/LabelSets/labels1")

    with pytest.raises(ProjectError, match="a training image has 3 channels, expected 1"):
        trained(tmp_path, other)


def test_old_name_of_the_workflow_is_known(tmp_path):
    """ilastik 0.6 called the workflow Counting."""
    project = trained(tmp_path, lambda f: put(f, "workflowName", b"Counting"))
    assert same(project, trained(tmp_path))


def test_only_as_many_pixels_are_drawn_as_training_can_take(tmp_path, monkeypatch):
    """Of many labelled pixels fewer are drawn for each regressor."""
    monkeypatch.setattr(counting, "MAX_VALUES", 4 * 3 * 50)
    project = trained(tmp_path)
    assert max(len(tree.value) for forest in project.regressors for tree in forest.trees) < 2 * 50
    assert density(project, picture()).sum() == pytest.approx(len(DOTS), rel=0.5)


LIMITS = {
    "pixels": ("MAX_PIXELS", r"2000 pixels or more, with blobs of sigma 2; training takes up to 1999 pixels"),
    "width of blobs": ("MAX_SUMS", r"2000 pixels or more, with blobs of sigma 2; .* and 1999 of pixels times sigma"),
}


@pytest.mark.parametrize("case", LIMITS)
def test_training_that_would_take_too_much_is_refused(case, tmp_path, monkeypatch):
    """Images are not read if they are too large to train on."""
    name, message = LIMITS[case]
    monkeypatch.setattr(counting, name, 1999)
    with pytest.raises(ProjectError, match=message):
        trained(tmp_path)


def damaged_block(name, value):
    def change(file):
        file[f"{LABELS}/block0000"].attrs[name] = value

    return change


def broken_picture(file):
    Path(file.filename).with_name("broken.png").write_bytes(b"no picture")
    put(file, f"{RAW}/filePath", b"broken.png")


def other_picture(shape):
    def change(file):
        Image.fromarray(np.zeros(shape, np.uint8)).save(Path(file.filename).with_name("other.png"))
        put(file, f"{RAW}/filePath", b"other.png")

    return change


REFUSED = {
    "image missing": (location("images/lost.png"), r"lost\.png was not found; looked for .*lost\.png and .*lost\.png"),
    "image in a file missing": (location("lost.h5/data"), r"looked for .*lost\.h5/data"),
    "image damaged": (broken_picture, r"the training image .*broken\.png cannot be read: "),
    "no path": (lambda f: remove(f, f"{RAW}/filePath"), "filePath: it is missing"),
    "another image": (other_picture((41, 50)), "not the image .* expected y=40, x=50, found y=41, x=50"),
    "a picture in colour": (other_picture((40, 50, 3)), "not the image .* found c=3, y=40, x=50"),
    "no dots": (lambda f: put_blocks(f, np.where(labels() == 1, 0, labels())), "the project has no dots"),
    "no labels": (lambda f: remove(f, "Counting/LabelSets"), "the project has no dots"),
    "labels of an image that is not named": (
        lambda f: put_blocks(f, labels(), "Counting/LabelSets/labels1"),
        "labels of 2 images, but names 1",
    ),
    "no images named": (lambda f: remove(f, "Input Data"), "names no training images"),
    "labels of another shape": (damaged_block("blockSlice", "[0:3,0:40,0:1]"), "labels of shape"),
    "labels without a place": (damaged_block("blockSlice", "here"), "labels of shape"),
    "labels beyond the image": (damaged_block("blockSlice", "[40:65,0:40,0:1]"), "labels reach beyond it"),
    "labels with damaged axes": (damaged_block("axistags", "{}"), "block0000"),
    "labels that are fractions": (lambda f: put(f, f"{LABELS}/block0000", np.zeros((2, 2, 1))), "whole numbers"),
    "too small for its features": (
        lambda f: put(f, "FeatureSelections/Scales", np.array([0.7, 30.0])),
        "too small for the features at scale 30",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_untrainable_project_is_refused(case, tmp_path):
    """Refused with the reason, what is wrong with the stored regressors, and what to do."""
    change, message = REFUSED[case]
    with pytest.raises(ProjectError, match=message) as caught:
        trained(tmp_path, change)
    assert "wrapper0000: The pickle is cut off" in str(caught.value)
    assert "Open it in ilastik 1.x, train" in str(caught.value)
