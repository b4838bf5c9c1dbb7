"""Training a classifier from images and labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray
import zarr
from napari.layers import Labels

import napari_batch_prediction as nbp
from napari_batch_prediction.cli import main
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.features.choice import parse_selection, selection_text
from napari_batch_prediction.training import examples
from napari_batch_prediction.training.opening import open_training


def _image(seed: int = 0, shape: tuple[int, ...] = (70, 80)) -> np.ndarray:
    """A dark image with a bright right half, and noise."""
    image = np.random.default_rng(seed).integers(0, 40, shape).astype(np.uint8)
    image[..., shape[-1] // 2 :] += 100
    return image


def _labels(shape: tuple[int, ...] = (70, 80)) -> np.ndarray:
    """Strokes of two classes, one in each half."""
    labels = np.zeros(shape, np.uint8)
    labels[..., 10:14, 5:20] = 1
    labels[..., 40:44, 60:75] = 2
    return labels


def test_trained_classifier_predicts_the_classes_that_were_labelled() -> None:
    """Halves of an image are told apart from two strokes."""
    classifier = nbp.train(_image(), _labels(), features="gaussian:1,3.5")
    assert classifier.classes == ("Class 1", "Class 2")
    segmentation = classifier.predict(_image(1), source="Simple Segmentation")
    assert np.mean(segmentation == np.where(np.arange(80) < 40, 1, 2)) > 0.98


def test_training_again_gives_the_same_classifier() -> None:
    """Images, labels and seed decide: equal ones give equal probabilities bit by bit."""
    one, other = (nbp.train(_image(), _labels(), seed=4, trees=10, features="all:1") for _ in range(2))
    assert np.array_equal(one.predict(_image(2)), other.predict(_image(2)))


def test_paths_and_arrays_give_the_same_classifier(tmp_path: Path) -> None:
    """An image and labels in files are as good as arrays, and several images make one classifier."""
    np.save(tmp_path / "image.npy", _image())
    np.save(tmp_path / "labels.npy", _labels())
    images = [_image(), tmp_path / "image.npy"]
    one = nbp.train(images, [_labels(), tmp_path / "labels.npy"], trees=5, features="gaussian:1")
    other = nbp.train(images[::-1], [_labels(), _labels()], trees=5, features="gaussian:1")
    assert np.array_equal(one.predict(_image(2)), other.predict(_image(2)))


@pytest.mark.parametrize(
    ("images", "labels", "settings", "error", "text"),
    [
        ([], [], {}, SettingsError, "no images"),
        ([_image()], [], {}, SettingsError, "1 image and 0 label images"),
        (_image(), _labels((60, 80)), {}, ImageMismatchError, "Expected one label for each pixel"),
        (_image(), _labels().astype(np.float32), {}, ImageMismatchError, "expected whole numbers"),
        (_image(), _labels().astype(np.int32) - 1, {}, ImageMismatchError, "the value -1"),
        (_image(), _labels().astype(np.uint16) * 300, {}, ImageMismatchError, "the value 600"),
        (_image(), np.zeros((70, 80), np.uint8), {}, SettingsError, "no labels"),
        (_image(), _labels(), {"features": "gaussian:100"}, ImageMismatchError, "too small"),
        (_image(), _labels(), {"features": "gauss:1"}, SettingsError, "There is no feature .gauss."),
        (_image(), _labels(), {"trees": 0}, SettingsError, "from 1 to 5000"),
        (_image(), _labels(), {"trees": 5001}, SettingsError, "from 1 to 5000"),
        (_image(), _labels(), {"trees": 2.5}, SettingsError, "trees is 2.5, expected a whole number"),
        (_image(), _labels(), {"seed": None}, SettingsError, "seed is None, expected a whole number"),
        (_image(), _labels(), {"features": ["gaussian:1"]}, SettingsError, "The features are a list"),
        (None, _labels(), {}, SettingsError, "The images are a NoneType"),
        ([_image(), np.zeros((70, 80, 3))], [_labels(), _labels()], {}, ImageMismatchError, "has 3 channels"),
    ],
)
def test_bad_input_has_a_clear_answer(images, labels, settings, error, text) -> None:
    """What cannot be trained on is refused with the reason."""
    with pytest.raises(error, match=text):
        nbp.train(images, labels, **settings)


def test_images_are_found_whatever_the_current_folder_is_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is one from the folder in which the classifier was trained."""
    np.save(tmp_path / "image.npy", _image())
    monkeypatch.chdir(tmp_path)
    classifier = nbp.train("image.npy", _labels(), features="gaussian:1", trees=3)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert classifier.report(smaller=False).n_labels == (60, 60)
    training = open_training(classifier.save(tmp_path / "saved.ilp"))
    assert (len(training.images), len(training.missing)) == (1, 0)


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project is saved there, and loaded from there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert nbp.train(_image(), _labels(), features="gaussian:1", trees=3).save("~/saved.ilp") == tmp_path / "saved.ilp"
    assert nbp.load_classifier("~/saved.ilp").classes == ("Class 1", "Class 2")


def test_labels_of_a_square_image_lie_as_the_image() -> None:
    """The axes of a square image are those of its labels, which nothing else could tell."""
    image, labels = _image(shape=(80, 80)), _labels((80, 80))
    expected = nbp.train(image, labels, features="gaussian:1", trees=5).predict(image)
    turned = nbp.train(image.T, labels.T, axes="xy", features="gaussian:1", trees=5)
    named = nbp.train(xarray.DataArray(image.T, dims=("x", "y")), labels.T, features="gaussian:1", trees=5)
    np.testing.assert_array_equal(turned.predict(image), expected)
    np.testing.assert_array_equal(named.predict(image), expected)


def test_table_of_a_labels_layer_names_classes_and_nothing_else() -> None:
    """Rows of objects beyond the classes there can be, numbers, and missing names are no names."""
    table = pd.DataFrame({"index": [*range(300), np.nan], "class": ["", "cell", None, *["other"] * 298]})
    layer = Labels(_labels(), features=table.iloc[[0, 1, 2, 290, 300]])
    classifier = nbp.train(_image(), layer, features="gaussian:1", trees=5)
    assert classifier.classes == ("cell", "Class 2")


def test_many_classes_without_labels_are_not_all_listed() -> None:
    """The warning stays short, whatever the highest label is."""
    with pytest.warns(UserWarning, match="Class 2, Class 3, Class 4, Class 5, Class 6 and 192 more"):
        nbp.train(_image(), np.where(_labels() == 2, 199, _labels()), features="gaussian:1", trees=2)


def test_one_class_alone_is_trained_on_and_told() -> None:
    """As in ilastik, a single class has the probability 1 everywhere; here a warning says so."""
    with pytest.warns(UserWarning, match="Only 'Class 1' has labels"):
        classifier = nbp.train(_image(), np.minimum(_labels(), 1), features="gaussian:1")
    assert (classifier.predict(_image()) == 1).all()


@pytest.mark.parametrize("text", ["gaussian:0.3,1", "all:0.3-1.6", "gaussian,hessian:1; structure:3.5 in 2D"])
def test_text_of_a_selection_spells_the_same_selection(text: str) -> None:
    """A selection as text, read again, is the same selection."""
    selection = parse_selection(text)
    assert parse_selection(selection_text(selection)) == selection


def test_command_trains_and_saves_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command shows the pairs, saves a project that predicts, and does not replace one unasked."""
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", _image())
        np.save(tmp_path / f"{name}_labels.npy", _labels())
    project = tmp_path / "cells.ilp"
    command = ["train", str(tmp_path / "*.npy"), "--labels", "{stem}_labels.npy", "--features", "gaussian:1"]
    assert main([*command, "-o", str(project), "--trees", "5", "--report"]) == 0
    told = capsys.readouterr().out
    assert "a_labels.npy" in told
    assert "Out of bag" in told
    segmentation = nbp.load_classifier(project).predict(_image(1), source="Simple Segmentation")
    assert np.mean(segmentation == np.where(np.arange(80) < 40, 1, 2)) > 0.9
    assert main([*command, "-o", str(project)]) == 2
    assert "exists" in capsys.readouterr().err


def test_labels_of_a_zarr_larger_than_its_strokes_are_read_in_pieces() -> None:
    """Images and labels kept in Zarr are read where labels are: most chunks of the image are never touched."""
    store = zarr.storage.MemoryStore()
    root = zarr.open_group(store, mode="w")
    image = root.create_array("image", shape=(4, 2000, 3000), chunks=(1, 200, 200), dtype="uint8")
    labels = root.create_array("labels", shape=(4, 2000, 3000), chunks=(1, 200, 200), dtype="uint8")
    image[2, 1000:1200, 1000:1400] = np.tile(_image(shape=(200, 200)), (1, 2))
    labels[2, 1100, 1010:1040], labels[2, 1100, 1150:1190] = 1, 2
    touched = _Counting(image)
    classifier = nbp.train(touched, labels, axes="tyx", features="gaussian:1,3.5", trees=5)
    assert touched.n_pixels < 10**5
    assert classifier.axes == "tyx"
    assert classifier.training is not None
    blocks = classifier.training.images[0].blocks
    assert [(block.start, block.labels.shape) for block in blocks] == [
        ((2, 0, 1100, 1010), (1, 1, 1, 14)),
        ((2, 0, 1100, 1024), (1, 1, 1, 166)),
    ]


class _Counting:
    """A lazy array that counts the pixels that are read."""

    def __init__(self, array: zarr.Array) -> None:
        self._array, self.shape, self.dtype, self.n_pixels = array, array.shape, array.dtype, 0

    def __getitem__(self, region: tuple[slice, ...]) -> np.ndarray:
        pixels = np.asarray(self._array[region])
        self.n_pixels += pixels.size
        return pixels


def test_features_of_another_classifier_are_taken(tmp_path: Path) -> None:
    """A selection, and the name of a project that has it, are the same; without one, all that fit are used."""
    volume = np.random.default_rng(0).integers(0, 255, (12, 40, 50)).astype(np.uint8)
    labels = np.zeros(volume.shape, np.uint8)
    labels[5, 5:9, 5:9], labels[7, 20:25, 20:22] = 1, 2
    first = nbp.train(volume, labels, trees=5)
    assert first.features.in_2d == (False, False, False, False, True, True, True)
    first.save(tmp_path / "first.ilp")
    for features in (first.features, f"from:{tmp_path / 'first.ilp'}"):
        again = nbp.train(volume, labels, trees=5, features=features)
        assert np.array_equal(again.predict(volume), first.predict(volume))


def test_more_labels_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of pixels, the memory that they take, and the remedy are told; nothing is computed."""
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 1e-9)
    with pytest.raises(SettingsError, match=r"120 labelled pixels .* Label fewer pixels"):
        nbp.train(_image(), _labels())
