"""Classifying objects in memory: equal to ilastik, and what is refused."""

import golden
import golden_objects
import h5py
import numpy as np
import pytest
from golden_objects import AXES, OBJECTS
from ilp_writer import put, put_forest, remove
from object_writer import FORESTS, FROM_BINARY, FROM_LABELS, N_COLUMNS, write_objects

from napari_batch_prediction import BatchJob
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.errors import ImageMismatchError, ProjectError, SettingsError
from napari_batch_prediction.images.arrays import array_image

SECOND = {"prediction_maps": "pred", "segmentation_image": "seg", "label_image": "lab"}


def images(case, name, classifier):
    """An image of a case with its axes, and the second image by its role."""
    folder = golden.ROOT / case
    if not classifier.second:
        return golden.read(folder / f"{name}.png"), AXES[case[0]], {}
    raw = golden.read(folder / f"{name}_raw.h5")
    second = golden.read(folder / f"{name}_{SECOND[classifier.second]}.h5")
    return raw, AXES[case[0]] + "c" * (raw.ndim - len(AXES[case[0]])), {classifier.second: second}


def expected(case, name, source):
    """What ilastik exported, without an axis of one channel."""
    values = golden.read(golden.ROOT / case / "expected" / f"{name}_{source}.h5")
    return values if source == "Object Probabilities" else values[..., 0]


@pytest.mark.golden
@pytest.mark.parametrize("name", ["test1", "test2"])
@pytest.mark.parametrize("case", OBJECTS)
def test_equal_to_ilastik(case, name):
    """Objects pixel by pixel, their classes, and probabilities to 1e-6."""
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    assert isinstance(classifier, ObjectClassification)
    raw, axes, second = images(case, name, classifier)
    for source, most in (("Object Identities", 0), ("Object Predictions", 0), ("Object Probabilities", 1e-6)):
        got, wanted = classifier.predict(raw, axes, source, **second), expected(case, name, source)
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
        assert np.abs(got.astype(float) - wanted).max() <= most


@pytest.mark.golden
@pytest.mark.parametrize("case", OBJECTS)
def test_tables_have_the_columns_of_ilastik(case):
    """A row for each object: classes, probabilities, and every feature by ilastik's title."""
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    raw, axes, second = images(case, "test1", classifier)
    labels, table = classifier.objects(raw, axes, **second)
    np.testing.assert_array_equal(labels, expected(case, "test1", "Object Identities"))
    times = list(golden_objects.objects(case, "test1"))
    theirs = {title: [text for time in times for text in time.table[title]] for title in times[0].table}
    assert table.n_objects == len(theirs["object_id"])
    assert table["time"].tolist() == [int(text) for text in theirs["timestep"]]
    assert table["object"].tolist() == [int(text) for text in theirs["labelimage_oid"]]
    assert table["class"].tolist() == theirs["Predicted Class"]
    # ilastik counts objects over all time points, and has no labels for new images.
    numbers = set(theirs) - {"object_id", "timestep", "labelimage_oid", "Predicted Class", "User Label"}
    for title in numbers:
        got, wanted = table[title].astype(float), np.array([float(text) for text in theirs[title]])
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * np.nanmax(np.abs(wanted), initial=0))
    assert set(table) - {"time", "object", "class"} - numbers == set()


def test_pixels_of_the_combined_workflow():
    """Its pixel classification predicts as before, and facts tell both."""
    case = "j_objclass_2d_u8"
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    assert classifier.classes == ("small", "big")
    assert classifier.pixels is not None
    assert classifier.source("pixel probabilities").classes == classifier.pixels.classes
    facts = classifier.describe()
    assert facts.objects is not None
    assert (facts.objects.second, facts.objects.n_trees, len(facts.stages)) == ("", 100, 1)
    raw, axes, _ = images(case, "test2", classifier)
    got = classifier.predict(raw, axes, "Probabilities")
    np.testing.assert_allclose(
        got, golden.read(golden.ROOT / case / "expected/test2_Pixel Probabilities.h5"), atol=0.02
    )


def test_facts_as_text(classifier):
    """What objects are made of, and what is looked at."""
    text = str(classifier)
    assert "those of a second image, prediction maps; channel 2 from 0.4 around cores from 0.7 (hysteresis)" in text
    assert "3 to 900 pixels" in text
    assert "4 values of 3 features" in text


def test_cores_of_another_channel_as_text():
    """The threshold is then compared with the sum of both channels."""
    text = str(load_classifier(golden.ROOT / "n_objclass_2d_pred_hyst" / "project.ilp"))
    assert "channel 2 + 3 from 0.4 around cores of channel 3 from 0.55 (hysteresis)" in text


def test_without_objects_the_pixels_are_left(tmp_path):
    """If objects cannot be classified, the error says why."""
    path = tmp_path / "a.ilp"
    path.write_bytes((golden.ROOT / "j_objclass_2d_u8" / "project.ilp").read_bytes())
    with h5py.File(path, "r+") as file:
        put(file, "ThresholdTwoLevels/CurOperator", 2)
    classifier = load_classifier(path)
    assert "Simple Segmentation" in classifier.sources
    with pytest.raises(SettingsError, match="graph cut"):
        classifier.source("Object Predictions")


@pytest.fixture
def two_blobs():
    """An image, and probabilities of two classes with two objects."""
    raw = np.zeros((30, 40), np.float32)
    raw[5:10, 5:10], raw[15:25, 20:35] = 9, 1
    maps = np.stack([raw == 0, raw > 0], -1).astype(np.float32)
    return raw, maps


@pytest.fixture
def classifier(tmp_path):
    """A classifier of objects of prediction maps, without the Gaussian."""

    def change(file):
        put(file, "ThresholdTwoLevels/CoreChannel", 1)
        for key in "xyz":
            put(file, f"ThresholdTwoLevels/SmootherSigma/{key}", 0.0)
        remove(file, "ObjectClassification/SelectedFeatures/Standard Object Features/Mean in neighborhood")
        remove(file, "ObjectExtraction/Features/Standard Object Features/Mean in neighborhood")
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=3, n_features=N_COLUMNS - 1)

    return load_classifier(write_objects(tmp_path / "a.ilp", change))


def test_probabilities_as_bytes_are_those_of_floats(classifier, two_blobs):
    """uint8 is divided by 255, as ilastik does; uint16 is not."""
    raw, maps = two_blobs
    labels, table = classifier.objects(raw, "yx", prediction_maps=maps)
    assert (labels.max(), table.n_objects) == (2, 2)
    assert table["Size in pixels"].tolist() == [25, 150]
    as_bytes, _ = classifier.objects(raw, "yx", prediction_maps=(maps * 255).astype(np.uint8))
    np.testing.assert_array_equal(as_bytes, labels)


def test_the_range_stored_with_probabilities_is_brought_to_1(classifier, two_blobs, tmp_path):
    """ilastik's attribute drange of a dataset, whatever its type; one that ends where it begins is none."""
    raw, maps = two_blobs
    expected, _ = classifier.objects(raw, "yx", prediction_maps=maps)
    for dtype, highest, drange in (("uint16", 1000, (0, 1000)), ("float32", 100, (0, 100)), ("uint8", 255, (0, 0))):
        path = tmp_path / f"{dtype}.h5"
        with h5py.File(path, "w") as file:
            stored = file.create_dataset("data", data=(maps * highest).astype(dtype))
            stored.attrs["drange"] = np.array(drange, dtype)
        labels, _ = classifier.objects(raw, "yx", prediction_maps=path)
        np.testing.assert_array_equal(labels, expected)


def test_no_object(classifier, two_blobs):
    """Zeros, and a table without rows but with all columns."""
    raw, maps = two_blobs
    labels, table = classifier.objects(raw, "yx", prediction_maps=maps * 0)
    assert not labels.any()
    assert table.n_objects == 0
    assert {"class", "Probability of round", "Size in pixels"} <= set(table)
    for source in ("Object Predictions", "Object Probabilities"):
        assert not classifier.predict(raw, "yx", source, prediction_maps=maps * 0).any()


def test_each_time_point_by_itself(classifier, two_blobs):
    """Objects are numbered from 1 at each, also where others have none."""
    raw, maps = two_blobs
    raw, maps = np.stack([raw, raw, raw]), np.stack([maps * 0, maps, maps])
    labels, table = classifier.objects(raw, "tyx", prediction_maps=maps)
    assert [int(part.max()) for part in labels] == [0, 2, 2]
    assert table["time"].tolist() == [1, 1, 2, 2]
    assert table["object"].tolist() == [1, 2, 1, 2]


def test_threads_change_nothing(classifier, two_blobs):
    raw, maps = two_blobs
    one = classifier.predict(raw, "yx", "Object Probabilities", 1, prediction_maps=maps)
    np.testing.assert_array_equal(classifier.predict(raw, "yx", "Object Probabilities", 3, prediction_maps=maps), one)


def test_classes_of_one_name_have_columns_of_their_own(tmp_path, two_blobs):
    raw, maps = two_blobs

    def change(file):
        put(file, "ObjectClassification/LabelNames", [b"cell", b"cell"])
        remove(file, "ObjectClassification/SelectedFeatures/Standard Object Features/Mean in neighborhood")
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=1, n_features=N_COLUMNS - 1)

    classifier = load_classifier(write_objects(tmp_path / "a.ilp", change, workflow=FROM_BINARY))
    _, table = classifier.objects(raw, "yx", segmentation_image=maps[..., 1].astype(np.uint8))
    np.testing.assert_allclose(table["Probability of cell"] + table["Probability of cell (2)"], 1)


def test_images_that_do_not_fit_are_refused(classifier, two_blobs, tmp_path):
    """Channels, dimensions, the second image: what is wrong, and with which."""
    raw, maps = two_blobs
    good = {"prediction_maps": maps}
    with pytest.raises(ImageMismatchError, match="2 channels, but the classifier was trained on 1"):
        classifier.objects(np.stack([raw, raw], -1), "yxc", **good)
    with pytest.raises(ImageMismatchError, match="The image is 3D"):
        classifier.objects(np.stack([raw, raw]), "zyx", prediction_maps=np.stack([maps, maps]))
    with pytest.raises(SettingsError, match="needs a second image beside the image: prediction_maps"):
        classifier.objects(raw, "yx")
    with pytest.raises(SettingsError, match="label_image is not used by this project, expected prediction_maps"):
        classifier.objects(raw, "yx", **good, label_image=raw)
    with pytest.raises(ImageMismatchError, match="1 channel, but objects are made of channel 2"):
        classifier.objects(raw, "yx", prediction_maps=maps[..., :1])
    with pytest.raises(ImageMismatchError, match="not of the size of the image: expected y 30, got y 20"):
        classifier.objects(raw, "yx", prediction_maps=maps[:20])
    for workflow, role in ((FROM_BINARY, "segmentation_image"), (FROM_LABELS, "label_image")):
        other = load_classifier(write_objects(tmp_path / "b.ilp", workflow=workflow))
        with pytest.raises(ImageMismatchError, match="2 channels, expected one"):
            other.objects(raw, "yx", **{role: maps})
    with pytest.raises(ImageMismatchError, match="float32, expected whole numbers"):
        other.objects(raw, "yx", label_image=raw)


def test_sources_that_are_not_made(classifier):
    """Results that depend on blocks, and tables as arrays."""
    with pytest.raises(SettingsError, match="Export 'Object Predictions'"):
        classifier.source("Blockwise Object Predictions")
    with pytest.raises(SettingsError, match=r"is a table.*objects\(\)"):
        classifier.predict(np.zeros((30, 40)), "yx", "Object Table", prediction_maps=np.zeros((30, 40, 2)))
    with pytest.raises(SettingsError, match="made of whole time points"):
        classifier.predict_tile(np.zeros((1, 1, 5, 5)), (slice(0, 1), slice(0, 5), slice(0, 5)), ["Object Identities"])


def test_a_project_without_classifier_is_refused(tmp_path):
    path = write_objects(tmp_path / "a.ilp", lambda f: remove(f, FORESTS))
    with pytest.raises(ProjectError, match="without a trained classifier of objects"):
        load_classifier(path)


def test_mask_and_progress_in_memory():
    """Objects end at a mask, as in a batch; a classifier of a second image takes none, and no unknown name passes."""
    case = golden.ROOT / "j_objclass_2d_u8"
    classifier = load_classifier(case / "project.ilp")
    image = golden.read(case / "test1.png")
    mask = np.zeros(image.shape, np.uint8)
    mask[20:70, 15:90] = 1
    told = []
    found = classifier.objects(image, "yx", mask=mask, progress=lambda *numbers: told.append(numbers))
    assert told == [(1, 1)]
    assert 0 < found.table.n_objects == found.labels.max() < classifier.objects(image, "yx").table.n_objects
    assert not found.labels[mask == 0].any()
    (row,) = BatchJob(classifier, array_image(image, "yx"), "Object Identities", mask=mask).run()
    np.testing.assert_array_equal(row.arrays["Object Identities"], found.labels)
    classes = classifier.predict(image, "yx", "Object Predictions", mask=mask)
    np.testing.assert_array_equal(classes > 0, found.labels > 0)
    with pytest.raises(SettingsError, match="label_image is not used by this project"):
        classifier.predict(image, "yx", "Probabilities", label_image=mask)
    with pytest.raises(TypeError, match="masc"):
        classifier.predict(image, "yx", masc=mask)
    of_labels = load_classifier(golden.ROOT / "p_objclass_2dt_label" / "project.ilp")
    with pytest.raises(SettingsError, match="mask is not used by this project, expected label_image"):
        of_labels.objects(image, "yx", label_image=mask, mask=mask)


def test_second_array_of_another_size_is_named_once():
    """An array has no name but its role."""
    classifier = load_classifier(golden.ROOT / "p_objclass_2dt_label" / "project.ilp")
    image = np.zeros((30, 40), np.uint8)
    with pytest.raises(ImageMismatchError, match="The label image is not of the size of the image: expected y 30"):
        classifier.objects(image, "yx", label_image=image[:29])
