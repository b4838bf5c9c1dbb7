"""What a report on a training says."""

import numpy as np
import pytest
from repository import GOLDEN

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.training.examples import Examples
from napari_batch_prediction.training.strokes import number_strokes
from napari_batch_prediction.training.validation import Agreement, make_folds


def _examples(labels: np.ndarray, image: int = 0) -> Examples:
    """The labelled pixels of an array of labels along t, z, y and x."""
    positions = np.argwhere(labels)
    n = len(positions)
    return Examples(np.zeros((n, 1), np.float32), labels[labels > 0], np.full(n, image), positions)


@pytest.fixture(scope="module")
def classifier() -> PixelClassification:
    """Trained on four strokes in a noisy image of two halves; a few pixels of one stroke have the wrong label."""
    image = np.random.default_rng(0).integers(0, 60, (80, 90)).astype(np.uint8)
    image[:, 45:] += 100
    labels = np.zeros((80, 90), np.uint8)
    for y in (10, 50):
        labels[y : y + 4, 5:30] = 1
        labels[y : y + 4, 60:85] = 2
    labels[11, 10:12] = 2
    return nbp.train(image, labels, features="gaussian:0.3,1,3.5; hessian:1,3.5")


def test_strokes_are_pixels_of_one_class_that_touch() -> None:
    """Corners touch, other classes and other time points do not."""
    labels = np.array([[[[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 2, 0], [1, 0, 0, 0]]]] * 2, np.uint8)
    strokes = number_strokes(_examples(labels))
    assert strokes.tolist() == [0, 1, 0, 1, 1, 2, 3, 4, 3, 4, 4, 5]


def test_a_class_with_one_stroke_is_never_left_out() -> None:
    """Folds leave out whole strokes, and those of each class are spread over them."""
    labels = np.zeros((1, 1, 9, 30), np.uint8)
    labels[..., 0, 0:29:3], labels[..., 8, 3:9] = 1, 2
    examples = _examples(labels)
    folds = make_folds(examples)
    assert folds is not None
    assert (folds.by, folds.n) == ("stroke", 10)
    assert (folds.fold[examples.classes == 2] == -1).all()
    assert sorted(folds.fold[examples.classes == 1]) == [*range(10)]


def _in_images(*classes: list[int]) -> Examples:
    """Two strokes of each of these classes in an image, for several images."""
    image = np.repeat(np.arange(len(classes)), [2 * len(own) for own in classes])
    labels = np.array([label for own in classes for label in own for _ in range(2)], np.uint8)
    positions = np.zeros((len(labels), 4), np.int64)
    positions[:, 3] = 5 * np.arange(len(labels))
    return Examples(np.zeros((len(labels), 1), np.float32), labels, image, positions)


def test_a_class_of_one_image_is_never_left_out_with_it() -> None:
    """It would not be known to the forest that judges it."""
    folds = make_folds(_in_images([1, 2], [1], [1, 3]))
    assert folds is not None
    assert folds.by == "image"
    assert folds.fold.tolist() == [0, 0, -1, -1, 1, 1, 2, 2, -1, -1]


def test_strokes_are_left_out_where_each_image_has_a_class_of_its_own() -> None:
    """Images left out would leave nothing to judge."""
    folds = make_folds(_in_images([1], [2]))
    assert folds is not None
    assert (folds.by, folds.n) == ("stroke", 4)


def test_agreement_counts_by_class() -> None:
    """Rows are labels, columns predictions; a class without pixels has no share."""
    agreement = Agreement.of(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), 3)
    assert agreement.confusion.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert agreement.accuracy == 3 / 5
    assert np.isnan(agreement.by_class[2])


def test_report_finds_wrong_labels_and_a_smaller_selection(classifier: PixelClassification) -> None:
    """Pixels with a wrong label are listed with their places, and one feature is found to be enough."""
    report = classifier.report()
    places = report.wrong.positions.tolist()
    assert [0, 0, 11, 10] in places
    assert [0, 0, 11, 11] in places
    assert report.n_labels == (198, 202)
    assert report.out_of_bag.n == 400
    assert report.out_of_bag.confusion.trace() == 400 - len(report.wrong)
    assert report.left_out == "stroke"
    assert report.importance.sum() == pytest.approx(1)
    assert report.importance_by_scale.sum() == pytest.approx(1)
    assert report.smaller is not None
    assert report.smaller.selection.n_features() < classifier.features.n_features()
    assert report.smaller.accuracy >= report.smaller.accuracy_of_all - report.smaller.tolerance
    text = str(report)
    assert "Class 1 198, Class 2 202" in text
    assert "As good with fewer features" in text


def test_report_with_several_images_leaves_out_images() -> None:
    """A cross-validation leaves out one image after the other."""
    images = [np.random.default_rng(i).integers(0, 60, (40, 40)).astype(np.uint8) for i in range(3)]
    labels = np.zeros((40, 40), np.uint8)
    labels[5:8, 5:9], labels[20:24, 5:9] = 1, 2
    report = nbp.train(images, [labels] * 3, features="gaussian:1", trees=10).report(smaller=False)
    assert (report.left_out, report.n_folds, report.smaller) == ("image", 3, None)
    assert report.cross_validation is not None
    assert report.cross_validation.n == 3 * 28


def test_classifier_without_its_labels_has_no_report(classifier: PixelClassification) -> None:
    """The reason is told."""
    with pytest.raises(SettingsError, match="images and labels"):
        PixelClassification(classifier.project).report()


def test_project_of_ilastik_has_a_report_on_its_own_labels() -> None:
    """A project whose images are found is judged as a classifier trained here, with its own features."""
    classifier = nbp.load_classifier(GOLDEN / "m_3d_2ch_u16" / "project.ilp")
    assert isinstance(classifier, PixelClassification)
    report = classifier.report(smaller=False)
    assert report.n_labels == (135, 108)
    assert report.out_of_bag.accuracy > 0.95
    assert len(report.feature_names) == classifier.features.n_features(2)
