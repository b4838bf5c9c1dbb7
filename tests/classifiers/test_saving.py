"""Classifiers saved and loaded: the same prediction bit for bit, with the labels, wherever they are saved."""

import shutil
from dataclasses import replace

import golden
import h5py
import numpy as np
import pytest
from ilp_writer import FORESTS, put
from ilp_writer import write_project as write_small_project
from saved import blocks_of, dense
from tensor_writer import write_tensor_project

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.classifiers.saving import save_labels
from napari_batch_prediction.errors import ImageMismatchError, OutputExistsError, ProjectError, SettingsError
from napari_batch_prediction.ilp.project import LabelBlock, Lane
from napari_batch_prediction.training.labelled_image import LabelledImage
from napari_batch_prediction.training.opening import open_training
from napari_batch_prediction.training.training_set import MissingImage

INFO = "Input Data/infos/lane0000/Raw Data"
EXTENTS = {"t": 1, "z": 1, "y": 200, "x": 220}


def same(one, other, image, axes="yx"):
    """Whether two classifiers predict the same, bit for bit."""
    found = [np.asarray(classifier.predict(image, axes)) for classifier in (one, other)]
    return found[0].tobytes() == found[1].tobytes()


def picture(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def strokes(image, *labels):
    """Return labels: a stroke of each, and none elsewhere."""
    found = np.zeros(image.shape[:2], np.uint8)
    for i, label in enumerate(labels):
        found[5 + 6 * i, 4:30] = label
    return found


@pytest.mark.golden
@pytest.mark.parametrize("case", ["a_2d_u8", "b_2d_rgb_u8", "d_3d_u8", "m_3d_2ch_u16"])
def test_loaded_classifier_is_the_same_after_saving(case, tmp_path):
    """In another folder: prediction, facts, labels; the path of the image still leads to it."""
    before = load_classifier(golden.ROOT / case / "project.ilp")
    saved = before.save(tmp_path / "deep" / "saved.ilp")
    after = load_classifier(saved)
    image = next((golden.ROOT / case).glob("test1.*"))
    assert same(before, after, golden.read(image), before.axes)
    for name in ("classes", "axes", "n_channels", "sources", "features"):
        assert getattr(before, name) == getattr(after, name)
    extents = open_training(saved).images[0].image.extents
    first, second = (dense(blocks_of(path)[0], extents) for path in (golden.ROOT / case / "project.ilp", saved))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("axes", "shape"), [("yx", (60, 50)), ("yxc", (60, 50, 3))])
def test_trained_classifier_is_the_same_after_saving(axes, shape, tmp_path):
    """Trained on an array, which is copied into the project: it stands alone."""
    image = picture(*shape)
    before = nbp.train(image, strokes(image, 1, 2, 3), axes=axes, trees=11, features="gaussian:1,3.5; hessian:1.6")
    after = load_classifier(before.save(tmp_path / "saved.ilp"))
    assert same(before, after, picture(70, *shape[1:], seed=1), axes)
    assert (before.classes, before.class_colors, before.axes) == (after.classes, after.class_colors, after.axes)
    training = open_training(tmp_path / "saved.ilp")
    assert (training.n_trees, training.selection) == (11, before.features)
    np.testing.assert_array_equal(training.images[0].image.read().reshape(shape), image)
    np.testing.assert_array_equal(
        dense(training.images[0].blocks, training.images[0].image.extents)[0, 0], strokes(image, 1, 2, 3)
    )


@pytest.mark.filterwarnings("ignore:Without labels")
def test_class_without_a_stroke_keeps_its_channel(tmp_path):
    """The middle one of three classes has no labels: its probability is 0, before and after."""
    image = picture(60, 50)
    before = nbp.train(image, strokes(image, 1, 3), trees=5, features="gaussian:1")
    after = load_classifier(before.save(tmp_path / "saved.ilp"))
    assert before.classes == after.classes == ("Class 1", "Class 2", "Class 3")
    assert same(before, after, image)
    assert after.predict(image, "yx")[..., 1].max() == 0
    with h5py.File(tmp_path / "saved.ilp") as file:
        assert file[f"{FORESTS}/known_labels"][()].tolist() == [1, 3]
        assert file[f"{FORESTS}/Forest0000/_ext_param/labels"][()].tolist() == [1, 3]


def test_threshold_between_two_float32_is_kept(tmp_path):
    """Thresholds are stored in double: the value on either side goes where it went."""
    path = write_small_project(tmp_path / "small.ilp")
    project = load_classifier(path).project
    tree = replace(
        project.trees[0], threshold=project.trees[0].threshold + np.where(project.trees[0].feature < 0, 0, 1e-12)
    )
    np.save(tmp_path / "train.npy", np.zeros((40, 50, 1), np.uint8))
    with h5py.File(path, "r+") as file:
        put(file, f"{INFO}/filePath", b"train.npy")
    PixelClassification(replace(project, trees=(tree,))).save(tmp_path / "saved.ilp")
    after = load_classifier(tmp_path / "saved.ilp").project.trees[0]
    np.testing.assert_array_equal(after.threshold, tree.threshold)


def test_labels_of_a_missing_image_are_saved_again(tmp_path):
    """With the path at which it was, now absolute."""
    shutil.copy(golden.ROOT / "a_2d_u8" / "project.ilp", tmp_path / "project.ilp")
    classifier = load_classifier(tmp_path / "project.ilp")
    saved = classifier.save(tmp_path / "other" / "saved.ilp")
    with h5py.File(saved) as file:
        info = file[INFO]
        assert info["filePath"][()].decode() == (tmp_path / "train.png").as_posix()
        assert info["shape"][()].tolist() == [200, 220, 1]
    np.testing.assert_array_equal(
        dense(blocks_of(saved)[0], EXTENTS), dense(blocks_of(tmp_path / "project.ilp")[0], EXTENTS)
    )
    # Beside the image the path is relative, and the image is found again.
    shutil.copy(golden.ROOT / "a_2d_u8" / "train.png", tmp_path)
    again = load_classifier(saved).save(tmp_path / "again.ilp")
    with h5py.File(again) as file:
        assert file[f"{INFO}/filePath"][()] == b"train.png"


def test_project_of_ilastik_is_not_replaced_unasked(tmp_path):
    """Neither by its own classifier; with existing="overwrite" it is."""
    path = tmp_path / "project.ilp"
    shutil.copy(golden.ROOT / "a_2d_u8" / "project.ilp", path)
    before = path.read_bytes()
    classifier = load_classifier(path)
    with pytest.raises(OutputExistsError, match="exists, and is left as it is"):
        classifier.save(path)
    assert path.read_bytes() == before
    classifier.save(path, existing="overwrite")
    assert load_classifier(path).describe().version == "1.4.0+nbp"


def test_saving_needs_the_labels_of_the_file_it_was_loaded_from(tmp_path):
    """They would be lost otherwise."""
    path = write_small_project(tmp_path / "small.ilp")
    classifier = load_classifier(path)
    path.unlink()
    with pytest.raises(ProjectError, match="labels cannot be read for saving"):
        classifier.save(tmp_path / "saved.ilp")
    assert not (tmp_path / "saved.ilp").exists()


def test_other_workflow_is_not_saved(tmp_path):
    """The message says what to do."""
    classifier = load_classifier(golden.ROOT / "i_autocontext_2d_u8" / "project.ilp")
    with pytest.raises(SettingsError, match="Copy the project file instead"):
        classifier.save(tmp_path / "saved.ilp")


@pytest.mark.parametrize("value", ["gradient", "integration"])
def test_formula_of_an_old_project_is_kept(value, tmp_path):
    """Chosen when it was loaded, it is certain in the saved file."""
    path = write_tensor_project(tmp_path / "old.ilp", value, version=b"1.2.0")
    (tmp_path / "train.npy").unlink()
    guessed = load_classifier(path)
    with pytest.raises(SettingsError, match="Set structure_tensor") as caught:
        guessed.save(tmp_path / "saved.ilp")
    assert caught.value.setting == "structure_tensor"
    before = load_classifier(path, value)
    after = load_classifier(before.save(tmp_path / "saved.ilp"))
    assert after.features.structure_tensor == value
    assert after.warnings(np.dtype(np.uint8)) == []
    assert same(before, after, picture(60, 50))


def test_labels_without_a_forest_are_saved(tmp_path):
    """ilastik trains them when the project is opened there; loaded here, they are trained, too."""
    image = picture(60, 50)
    trained = nbp.train(image, strokes(image, 1, 2), trees=3, features="gaussian:1")
    saved = save_labels(trained.training, tmp_path / "saved.ilp")
    with h5py.File(saved) as file:
        assert "ClassifierForests" not in file["PixelClassification"]
    after = load_classifier(saved)
    assert "trained here" in after.describe().trained_again
    assert same(trained, after, image)


def test_file_of_an_image_that_is_gone_meanwhile_is_kept(tmp_path):
    """Saving needs no pixels of images in files."""
    image = picture(60, 50)
    np.save(tmp_path / "train.npy", image)
    trained = nbp.train(tmp_path / "train.npy", strokes(image, 1, 2), trees=3, features="gaussian:1")
    (tmp_path / "train.npy").unlink()
    with h5py.File(trained.save(tmp_path / "saved.ilp")) as file:
        assert file[f"{INFO}/filePath"][()] == b"train.npy"
        assert file[f"{INFO}/shape"][()].tolist() == [60, 50]


def test_opened_training_is_saved_with_its_export_settings_and_missing_images(tmp_path):
    """Also after a class was removed, which shifts the labels of images that are missing, too."""
    path = tmp_path / "project.ilp"
    shutil.copy(golden.ROOT / "a_2d_u8" / "project.ilp", path)
    with h5py.File(path, "r+") as file:
        put(file, "Prediction Export/OutputFormat", b"numpy")
    opened = open_training(path)
    (lost,) = opened.missing
    number_of = np.zeros(256, np.uint8)
    number_of[[1, 3]] = 1, 2
    image = picture(60, 50)
    own = nbp.train(image, strokes(image, 1, 2), trees=3, features="gaussian:1").training
    both = replace(own, missing=(lost.relabelled(number_of),), export=opened.export)
    saved = save_labels(both, tmp_path / "saved.ilp")
    first, second = blocks_of(saved)
    expected = number_of[dense(lost.blocks, EXTENTS)]
    np.testing.assert_array_equal(dense(first, EXTENTS), expected)
    assert np.count_nonzero(second[0].labels) == 52
    assert open_training(saved).export == {"format": "numpy"}


def test_labels_of_a_missing_volume_without_a_size_are_saved(tmp_path):
    """Old projects store no shape; the labels tell that it has slices."""
    lane = Lane(name="lane", path=str(tmp_path / "lost.tif"), axes=None, shape=None)
    labels = np.zeros((1, 4, 5, 6), np.uint8)
    labels[0, 1:3, 2, 2:5] = 2
    lost = MissingImage(number=0, lane=lane, blocks=(LabelBlock((0, 7, 0, 0), labels),), reason="gone")
    image = picture(60, 50)
    own = nbp.train(image, strokes(image, 1, 2), trees=3, features="gaussian:1").training
    saved = save_labels(replace(own, missing=(lost,)), tmp_path / "saved.ilp")
    extents = {"t": 1, "z": 11, "y": 5, "x": 6}
    np.testing.assert_array_equal(dense(blocks_of(saved)[0], extents)[0, 7:], labels[0])


def test_labels_outside_an_image_are_not_saved(tmp_path):
    """ilastik would drop them without a word."""
    image = picture(60, 50)
    own = nbp.train(image, strokes(image, 1, 2), trees=3, features="gaussian:1").training
    outside = LabelledImage(own.images[0].image, (LabelBlock((0, 0, 58, 0), np.ones((1, 1, 5, 5), np.uint8)),))
    with pytest.raises(ImageMismatchError, match="labels outside"):
        save_labels(replace(own, images=(outside,)), tmp_path / "saved.ilp")
    assert not (tmp_path / "saved.ilp").exists()


def test_path_of_another_system_stays_as_it_is(tmp_path, monkeypatch):
    """It is not taken for one below the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(golden.ROOT / "a_2d_u8" / "project.ilp", tmp_path)
    with h5py.File(tmp_path / "project.ilp", "r+") as file:
        put(file, f"{INFO}/filePath", b"C:\\data\\train.png")
    saved = load_classifier(tmp_path / "project.ilp").save(tmp_path / "saved.ilp")
    with h5py.File(saved) as file:
        assert file[f"{INFO}/filePath"][()] == b"C:\\data\\train.png"
        assert file[f"{INFO}/__class__"][()] == b"FilesystemDatasetInfo"
