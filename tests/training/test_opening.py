"""Projects opened to go on training, and projects without a classifier, which are trained from their labels."""

import shutil
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
from ilp_writer import FORESTS, RAW, put, put_lane, remove
from ilp_writer import write_project as write_small_project
from labelled_writer import LABELS, picture, put_block, put_inside, put_strokes, without_forest
from saved import dense

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ProjectError, SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.report import describe
from napari_batch_prediction.training.opening import open_training

LANE1 = "Input Data/infos/lane0001/Raw Data"


def label(file):
    """Give a project labels of two classes, and an image beside it."""
    np.save(Path(file.filename).with_name("train.npy"), picture())
    put_lane(file, RAW, "yx", (40, 50))
    put(file, f"{RAW}/filePath", b"train.npy")
    put_strokes(file)


def second_image(file):
    """Store a second image, which is nowhere, with a label."""
    put_lane(file, LANE1, "yx", (30, 20))
    put(file, f"{LANE1}/filePath", b"lost/other.npy")
    put_block(file, "labels001/block0000", np.full((1, 2, 1), 2, np.uint8), (29, 18, 0))


@pytest.fixture
def labelled(tmp_path):
    return write_small_project(tmp_path / "project.ilp", label)


def test_project_is_opened_with_all_that_it_keeps(labelled):
    """Image, labels, classes, colours, features and number of trees."""
    training = open_training(labelled)
    assert training.missing == ()
    (found,) = training.images
    assert (found.image.shape, found.image.axes) == ((40, 50), "yx")
    with found.image as image:
        np.testing.assert_array_equal(image.read(), np.load(labelled.with_name("train.npy")))
    labels = dense(found.blocks, found.image.extents)[0, 0]
    assert (labels[3:8, 4:10] == 1).all()
    assert (labels[20:25, 40:46] == 2).all()
    assert np.count_nonzero(labels) == 60
    assert (training.class_names, training.class_colors) == (("Background", "Zellkern µ"), ((255, 0, 0), (0, 128, 255)))
    assert training.selection == load_classifier(labelled).features
    assert training.n_trees == 100


@pytest.mark.golden
@pytest.mark.parametrize("case", ["a_2d_u8", "d_3d_u8", "f_2dt_u8", "m_3d_2ch_u16"])
def test_number_of_trees_and_labels_of_ilastik_are_read(case):
    """From projects that ilastik wrote; the labels are as many as the forest was trained on."""
    training = open_training(golden.ROOT / case / "project.ilp")
    with h5py.File(golden.ROOT / case / "project.ilp") as file:
        n_rows = file[f"{FORESTS}/Forest0000/_ext_param/row_count_"][0]
    (image,) = training.images
    assert np.count_nonzero(dense(image.blocks, image.image.extents)) == n_rows
    assert training.n_trees == 100


def old_layout(file):
    """As ilastik 1.2: no shape, an order of axes, and labels without theirs."""
    label(file)
    put(file, "ilastikVersion", b"1.2.2rc4")
    remove(file, f"{RAW}/axistags", f"{RAW}/shape", "FeatureSelections/ComputeIn2d")
    put(file, f"{RAW}/axisorder", b"yx")
    for block in file[f"{LABELS}/labels000"].values():
        del block.attrs["axistags"]


def inside(file):
    """With the image in the project."""
    put_inside(file)
    put_strokes(file)


@pytest.mark.parametrize("change", [old_layout, inside])
def test_old_projects_and_images_in_projects_are_opened(change, tmp_path):
    """The same image, labels and features."""
    training = open_training(write_small_project(tmp_path / "project.ilp", change))
    (found,) = training.images
    assert found.image.shape == (40, 50)
    assert np.count_nonzero(dense(found.blocks, found.image.extents)) == 60
    assert training.selection.all_in_2d


def test_labels_beyond_the_names_have_a_class(tmp_path):
    """And colours; no label is lost."""

    def one_name(file):
        label(file)
        put(file, "PixelClassification/LabelNames", [b"Background"])

    training = open_training(write_small_project(tmp_path / "project.ilp", one_name))
    assert training.class_names == ("Background", "Label 2")
    assert len(training.class_colors) == 2


def test_missing_image_is_named_and_keeps_its_labels(tmp_path):
    """The other images are opened."""
    training = open_training(write_small_project(tmp_path / "project.ilp", label, second_image))
    assert len(training.images) == 1
    (missing,) = training.missing
    assert missing.number == 1
    assert missing.lane.path == str(tmp_path / "lost" / "other.npy")
    assert "lost/other.npy was not found" in missing.reason
    assert [block.start for block in missing.blocks] == [(0, 0, 29, 18)]


def test_missing_image_is_pointed_to_anew(tmp_path):
    """By its number; an image of another size is not taken, and says so."""
    path = write_small_project(tmp_path / "project.ilp", label, second_image)
    np.save(tmp_path / "found.npy", np.zeros((30, 20), np.uint8))
    training = open_training(path, {1: tmp_path / "found.npy"})
    assert [item.image.shape for item in training.images] == [(40, 50), (30, 20)]
    assert training.missing == ()
    np.save(tmp_path / "small.npy", np.zeros((20, 20), np.uint8))
    (missing,) = open_training(path, {1: tmp_path / "small.npy"}).missing
    assert "expected y=30, x=20, found y=20, x=20" in missing.reason
    with pytest.raises(SettingsError, match="none with the number 2"):
        open_training(path, {2: tmp_path / "found.npy"})


def test_labels_outside_the_image_make_it_missing(tmp_path):
    """Where the project stores no shape, labels tell that it is another image."""

    def other_image(file):
        old_layout(file)
        np.save(Path(file.filename).with_name("train.npy"), np.zeros((10, 10), np.uint8))

    (missing,) = open_training(write_small_project(tmp_path / "project.ilp", other_image)).missing
    assert "labels reach beyond" in missing.reason


def test_project_without_features_is_opened_with_all_of_them(tmp_path):
    """Its labels are worth more than its features."""

    def nothing_selected(file):
        label(file)
        put(file, "FeatureSelections/SelectionMatrix", np.zeros((2, 2), bool))

    training = open_training(write_small_project(tmp_path / "project.ilp", nothing_selected))
    assert training.selection.n_features() > 20


def test_other_workflows_are_not_opened():
    """The error names the workflow."""
    with pytest.raises(ProjectError, match=r"Autocontext"):
        open_training(golden.ROOT / "i_autocontext_2d_u8" / "project.ilp")


def test_project_without_classifier_is_trained_from_its_labels(tmp_path):
    """It says so with the seed, as a warning; the same labels give the same forest."""
    path = write_small_project(tmp_path / "project.ilp", label, without_forest)
    first, second = load_classifier(path), load_classifier(path)
    assert "from its 60 labelled pixels, with 100 trees and the random seed 0" in first.describe().trained_again
    (warning,) = first.warnings(np.dtype(np.uint8))
    assert (warning.severity, str(warning)) == ("warning", first.describe().trained_again)
    assert dict(describe(first.describe()))["Trained"] == first.describe().trained_again
    image = np.load(tmp_path / "train.npy")
    predicted = first.predict(image, "yx")
    np.testing.assert_array_equal(predicted, second.predict(image, "yx"))
    assert predicted[:, :22, 0].min() > 0.5
    assert predicted[:, 28:, 1].min() > 0.5
    assert first.path == path
    assert first.training.images[0].image.shape == (40, 50)


@pytest.mark.golden
def test_training_is_as_good_as_that_of_ilastik(tmp_path):
    """Of the case with noisy classes: two trainings of ilastik differ in 3.0 to 4.4 % of the pixels' class."""
    shutil.copytree(golden.ROOT / "a_2d_u8", tmp_path / "a")
    with h5py.File(tmp_path / "a" / "project.ilp", "r+") as file:
        del file[FORESTS]
    classifier = load_classifier(tmp_path / "a" / "project.ilp")
    run = next(run for run in golden.runs("a_2d_u8") if run.source == "Probabilities")
    ours, theirs = classifier.predict(golden.read(run.image), "yx"), golden.read(run.output)
    assert (ours.argmax(-1) != theirs.argmax(-1)).mean() < 0.053


def test_plan_and_record_say_that_it_was_trained_here(tmp_path):
    """As a warning of each image."""
    path = write_small_project(tmp_path / "project.ilp", label, without_forest)
    job = nbp.BatchJob(classifier=path, inputs=[str(tmp_path / "train.npy")], exports=[Export(folder=tmp_path / "out")])
    assert ["trained here" in str(problem) for problem in job.plan().rows[0].warnings] == [True]
    ledger = job.run()
    assert "random seed 0" in ledger.path.read_text()


def test_labels_of_one_class_are_trained_with_a_warning(tmp_path):
    """As ilastik does it: every pixel is of that class."""

    def one_class(file):
        label(file)
        remove(file, f"{LABELS}/labels000/block0001")

    classifier = load_classifier(write_small_project(tmp_path / "project.ilp", one_class, without_forest))
    assert "Only 'Background' has labels" in classifier.describe().trained_again
    assert (classifier.predict(np.load(tmp_path / "train.npy"), "yx") == [1, 0]).all()


UNTRAINABLE = {
    "an image with labels is missing": (
        [label, second_image],
        "cannot be trained here: the training image lost/other.npy was not found.* Training here needs",
    ),
    "no labels": ([], "saved without its trained classifier: .* never labelled"),
    "no features": (
        [label, lambda file: put(file, "FeatureSelections/SelectionMatrix", np.zeros((2, 2), bool))],
        "cannot be trained here: .* has no features selected",
    ),
}


@pytest.mark.parametrize("case", UNTRAINABLE)
def test_project_that_cannot_be_trained_says_why(case, tmp_path):
    """And what to do."""
    changes, message = UNTRAINABLE[case]
    with pytest.raises(ProjectError, match=message):
        load_classifier(write_small_project(tmp_path / "project.ilp", *changes, without_forest))


def test_missing_image_without_labels_does_not_matter(tmp_path):
    """Nothing is trained on it."""

    def unlabelled(file):
        put_lane(file, LANE1, "yx", (30, 20))
        put(file, f"{LANE1}/filePath", b"lost/other.npy")

    path = write_small_project(tmp_path / "project.ilp", label, unlabelled, without_forest)
    assert load_classifier(path).describe().trained_again
