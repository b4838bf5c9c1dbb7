"""The formula of the structure tensor with which a project was trained is found, or said to be a guess."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counting_writer import DOTS, picture, write_counting
from ilp_writer import RAW, put, put_forest, put_lane, remove
from tensor_writer import (
    NEW_NAMES,
    OLD_NAMES,
    expected,
    painted,
    put_labels,
    texture,
    write_tensor_project,
)

from napari_batch_prediction import cli
from napari_batch_prediction.classifiers.density_counting import GOOD_FIT, DensityCounting, density_fit
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.tensor import settled
from napari_batch_prediction.ilp.counting import read_counting_project
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.tensor import TensorFormula, tensor_formula, tensor_formula_of_pickle
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.report import describe
from napari_batch_prediction.training.counting import train_again

FORMULAS = ["gradient", "integration"]
OLD, NEW = [name.decode() for name in OLD_NAMES], [name.decode() for name in NEW_NAMES]
LABELS_01 = "PixelClassification01/LabelSets"
UINT8 = np.dtype(np.uint8)


def formula(classifier) -> TensorFormula:
    return classifier.project.formula


def assert_predicts(classifier, name, axes="yx"):
    """The probabilities are those of features computed plainly; trees may differ in a pixel or two."""
    image = texture(axes, seed=5)
    got = classifier.predict(image, axes).reshape(-1, 2)
    assert (np.abs(got - expected(name, image, axes)) > 1e-3).mean() < 0.001


@pytest.mark.parametrize("axes", ["yx", "tyx", "zyx", "yxc"])
@pytest.mark.parametrize("name", FORMULAS)
def test_training_images_tell_the_formula(name, axes, tmp_path):
    """The formula under which labelled pixels get their own class is the one of the training."""
    classifier = load_classifier(write_tensor_project(tmp_path / "old.ilp", name, axes=axes))
    assert formula(classifier).value == name
    assert "labelled pixels fit with" in formula(classifier).told
    assert classifier.warnings(UINT8) == []
    if axes != "tyx":
        assert_predicts(classifier, name, axes)


@pytest.mark.parametrize("version", [b"1.3.0", b"1.3.2", b"1.4.1b15"])
@pytest.mark.parametrize("name", FORMULAS)
def test_training_images_tell_the_formula_of_a_project_that_was_saved_again(name, version, tmp_path):
    """A later version keeps the old forest, and the old names of features beside it."""
    path = write_tensor_project(tmp_path / "old.ilp", name, version=version)
    assert formula(load_classifier(path)).value == name


VERSIONS = {
    ("0.6", None): TensorFormula("gradient"),
    ("1.1.9", tuple(OLD)): TensorFormula("gradient"),
    ("1.2.0", tuple(OLD)): TensorFormula("gradient", "no"),
    ("1.2.2rc4", None): TensorFormula("gradient", "no"),
    ("1.2", None): TensorFormula("gradient", "no"),
    ("1.3.0", tuple(OLD)): TensorFormula("integration", "likely"),
    ("1.3.1post1", None): TensorFormula("integration", "likely"),
    ("1.3.2", tuple(OLD)): TensorFormula("integration", "no"),
    ("1.4.0b7", tuple(OLD)): TensorFormula("integration", "no"),
    ("1.4.0b7", (*NEW[1:], OLD[0])): TensorFormula("integration"),
    ("1.4.1", None): TensorFormula("integration", "likely"),
    ("1.3.2", tuple(NEW)): TensorFormula("integration"),
    ("1.4.0+nbp", tuple(OLD)): TensorFormula("integration"),
    ("1.1.0+nbp", tuple(NEW)): TensorFormula("gradient"),
}  # fmt: skip


@pytest.mark.parametrize("case", VERSIONS, ids=str)
def test_version_and_names_of_features_tell_the_formula(case):
    """What the text of a project tells of the formula."""
    assert tensor_formula(*case) == VERSIONS[case]


def test_names_of_features_in_3d_tell_nothing():
    """They are those of old versions, so that no warning says that the forest is older than the project."""
    assert tensor_formula("1.4.3", tuple(OLD), in_2d=False) == TensorFormula("integration", "likely")


PICKLES = {
    ("1.1.0", 2): TensorFormula("gradient"),
    ("1.2.0", 2): TensorFormula("gradient", "no"),
    ("1.4.0", 0): TensorFormula("gradient", "no"),
    ("1.3.0", 3): TensorFormula("integration"),
    ("1.4.1", 4): TensorFormula("integration"),
}


@pytest.mark.parametrize("case", PICKLES, ids=str)
def test_protocol_of_a_regressor_tells_the_formula(case):
    """Python 2 has protocols up to 2, and ilastik left it with 1.3."""
    assert tensor_formula_of_pickle(*case) == PICKLES[case]


def without_image(file):
    put(file, f"{RAW}/filePath", b"lost.npy")


def other_size(file):
    put_lane(file, RAW, "yx", (41, 50))
    put(file, f"{RAW}/filePath", b"train.npy")


def other_picture(file):
    np.save(Path(file.filename).with_name("train.npy"), np.zeros((40, 50), np.uint8))


def smaller_picture(file):
    np.save(Path(file.filename).with_name("train.npy"), np.zeros((30, 50), np.uint8))


def broken_picture(file):
    Path(file.filename).with_name("train.npy").write_bytes(b"no picture")


def picture_in_colour(file):
    np.save(Path(file.filename).with_name("train.npy"), np.zeros((40, 50, 3), np.uint8))
    put_lane(file, RAW, "yxc", None)
    put(file, f"{RAW}/filePath", b"train.npy")


OPEN = {
    "image missing": (without_image, r"lost\.npy was not found"),
    "image on another computer": (lambda f: put(f, f"{RAW}/filePath", b"//server/share/lost.npy"), "was not found"),
    "image of another size": (other_size, "is not the image that the project was trained on"),
    "image smaller than its labels": (smaller_picture, "labels reach beyond the training image"),
    "another image": (other_picture, r"they do not fit the classifier \(with 0\.\d+; expected 0\.8 or more\)"),
    "image damaged": (broken_picture, r"the training image .*train\.npy cannot be read"),
    "image in colour": (picture_in_colour, "3 channels, expected 1"),
    "no labels": (lambda f: remove(f, "PixelClassification/LabelSets"), "the project has no labels"),
    "labels damaged": (lambda f: f["PixelClassification/LabelSets/labels000/block0000"].attrs.pop("blockSlice"),
                       "labels of shape"),
    "no images named": (lambda f: remove(f, "Input Data"), "the project has no labels"),
}  # fmt: skip


@pytest.mark.parametrize("case", OPEN)
def test_formula_that_nothing_tells_is_said_to_be_a_guess(case, tmp_path):
    """The older formula is taken, with a warning that names the reason, the choice, and the setting."""
    change, reason = OPEN[case]
    path = write_tensor_project(tmp_path / "old.ilp", "gradient", change)
    classifier = load_classifier(path)
    assert formula(classifier).value == "gradient"
    (warning,) = classifier.warnings(UINT8)
    assert (warning.severity, warning.setting, warning.path) == ("warning", "structure_tensor", path)
    assert warning.text.startswith("old.ilp was saved by ilastik 1.2.2rc4. ")
    assert "Assumed is 'gradient'" in warning.text
    assert "set the structure tensor to 'integration'" in warning.text
    assert re.search(reason, warning.text)
    assert_predicts(classifier, "gradient")
    assert dict(describe(classifier.describe()))["Structure tensor"].startswith("gradient? old.ilp was saved by")


@pytest.mark.parametrize(
    ("version", "names", "value", "warns"),
    [
        (b"1.3.0", OLD_NAMES, "integration", False),
        (b"1.3.2", OLD_NAMES, "integration", True),
        (b"1.4.1", NEW_NAMES, "integration", False),
        (b"1.1.8", OLD_NAMES, "gradient", False),
    ],
)
def test_version_decides_without_training_images(version, names, value, warns, tmp_path):
    """A warning only where the names show that the forest is older than the version that saved it."""
    path = write_tensor_project(tmp_path / "old.ilp", value, without_image, version=version, names=names)
    classifier = load_classifier(path)
    assert formula(classifier).value == value
    assert bool(classifier.warnings(UINT8)) == warns
    assert_predicts(classifier, value)


def test_certain_formula_opens_no_image(tmp_path, monkeypatch):
    """The training images are read only if the project's text leaves the formula open."""
    path = write_tensor_project(tmp_path / "new.ilp", "integration", version=b"1.4.1", names=NEW_NAMES)
    monkeypatch.setattr("napari_batch_prediction.training.labelled.read_parts", None)
    classifier = load_classifier(path)
    assert (formula(classifier).value, formula(classifier).told) == ("integration", "")
    assert "Structure tensor" not in dict(describe(classifier.describe()))


@pytest.mark.parametrize("tags", [False, True])
def test_label_blocks_may_store_their_axes(tags, tmp_path):
    """Labels with axes of their own are put in place by them; others have those of the image."""
    path = write_tensor_project(
        tmp_path / "old.ilp",
        "gradient",
        lambda f: put_labels(f, "PixelClassification", painted(), "xyc" if tags else "yxc", tags),
    )
    assert "fit with 0.9" in formula(load_classifier(path)).told


@pytest.mark.parametrize("value", FORMULAS)
def test_setting_overrides_what_is_told_or_assumed(value, tmp_path):
    """The formula is the one that is set, without a warning, whatever the images tell."""
    path = write_tensor_project(tmp_path / "old.ilp", "gradient")
    classifier = load_classifier(path, structure_tensor=value)
    assert formula(classifier) == TensorFormula(value, told="Set by structure_tensor.")
    open_ = load_classifier(write_tensor_project(tmp_path / "open.ilp", "gradient", without_image))
    assert open_.warnings(UINT8)
    set_ = open_.with_structure_tensor(value)
    assert set_.warnings(UINT8) == []
    assert set_ is open_.with_structure_tensor(value)
    assert open_.with_structure_tensor(None) is open_
    assert np.array_equal(set_.predict(texture(), "yx"), classifier.predict(texture(), "yx"))


def test_job_has_the_setting_and_its_outputs_say_so(tmp_path):
    """The plan's classifier has the job's formula, and outputs of another one are not taken for the same."""
    path = write_tensor_project(tmp_path / "old.ilp", "gradient", without_image)
    np.save(tmp_path / "a.npy", texture())
    job = BatchJob(classifier=path, inputs=(str(tmp_path / "a.npy"),), existing="skip")
    plan = make_plan(job)
    assert [warning.setting for warning in plan.rows[0].warnings] == ["structure_tensor"]
    other = job.model_copy(update={"structure_tensor": "integration"})
    for classifier in (None, plan.classifier):
        assert make_plan(other, classifier).classifier.project.formula.value == "integration"
        assert make_plan(other, classifier).rows[0].warnings == ()
    assert job.run().count("done") == 1
    assert make_plan(job).rows[0].skip
    (problem,) = make_plan(other).rows[0].problems
    assert problem.kind == "exists"
    again = BatchJob.model_validate_json(other.model_dump_json())
    assert again.structure_tensor == "integration"


def test_command_line_says_the_warning_and_has_the_option(tmp_path, capsys):
    """`info` and `check` say that the formula is a guess; the option settles it."""
    path = str(write_tensor_project(tmp_path / "old.ilp", "gradient", without_image))
    np.save(tmp_path / "a.npy", texture())
    assert cli.main(["info", path]) == 0
    assert "Structure tensor:  gradient? old.ilp was saved by ilastik 1.2.2rc4." in capsys.readouterr().out
    assert cli.main(["check", path, str(tmp_path / "a.npy")]) == 0
    assert "warning: old.ilp was saved by ilastik 1.2.2rc4." in capsys.readouterr().out
    assert cli.main(["check", path, str(tmp_path / "a.npy"), "--structure-tensor", "gradient"]) == 0
    assert "warning" not in capsys.readouterr().out


def autocontext(file):
    """Make two stages of a project: the second one is trained on the image and the probabilities of the first."""
    put(file, "workflowName", b"AutocontextTwoStage")
    file.copy("FeatureSelections", "FeatureSelections01")
    file.copy("PixelClassification", "PixelClassification01")
    remove(file, "PixelClassification01/ClassifierForests/Forest0000")
    remove(file, "PixelClassification01/ClassifierForests/feature_names")
    put_forest(file, "PixelClassification01/ClassifierForests/Forest0000", 2, 12)


@pytest.mark.parametrize("name", FORMULAS)
def test_training_images_tell_the_formula_of_all_stages(name, tmp_path):
    """All stages of Autocontext have the formula that their labels tell together."""
    classifier = load_classifier(write_tensor_project(tmp_path / "old.ilp", name, autocontext))
    # The second forest is a made-up one that knows nothing, so that the fit is poor.
    assert "they do not fit the classifier" in classifier.warnings(UINT8)[0].text
    path = write_tensor_project(tmp_path / "one.ilp", name, autocontext, lambda f: remove(f, LABELS_01))
    classifier = load_classifier(path)
    assert [project.formula.value for project in classifier.projects] == [name, name]
    assert "labelled pixels fit with" in classifier.projects[0].formula.told
    other = "integration" if name == "gradient" else "gradient"
    assert [p.formula.value for p in classifier.with_structure_tensor(other).projects] == [other, other]


@pytest.mark.parametrize("name", FORMULAS)
def test_dots_and_strokes_tell_the_formula_of_regressors(name, tmp_path):
    """The formula under which regressors give the densities that they were trained on is the one of the training."""
    path = write_counting(tmp_path / "count.ilp", counting_of_tensors)
    with ProjectFile(path) as file:
        project = read_counting_project(file)
        project = replace(project, selection=replace(project.selection, structure_tensor=name))
        (made,) = [train_again(file, project)]
        made = replace(made, trained_again="", formula=TensorFormula("gradient", "no"))
        fit = density_fit(file, made)
        (told,) = settled(file, [made], lambda stages: DensityCounting(*stages), fit, GOOD_FIT)
    assert told.formula.value == name
    assert "labelled pixels fit with" in told.formula.told
    assert DensityCounting(told).warnings(UINT8) == []


def counting_of_tensors(file):
    put(file, "FeatureSelections/FeatureIds", [b"GaussianSmoothing", b"StructureTensorEigenvalues"])
    put(file, "FeatureSelections/SelectionMatrix", np.array([[False, False], [True, True]]))
    remove(file, "Counting/CountingWrappers")


def test_regressors_trained_here_have_no_other_formula(tmp_path):
    """Regressors that are trained again get the features of today, in training and in prediction."""
    path = write_counting(tmp_path / "count.ilp", counting_of_tensors, lambda f: put(f, "ilastikVersion", b"1.1.0"))
    classifier = load_classifier(path, structure_tensor="gradient")
    assert classifier.project.selection.structure_tensor == "integration"
    assert classifier.with_structure_tensor("gradient") is classifier
    assert classifier.predict(picture(), "yx", "Counts") == pytest.approx(len(DOTS), rel=0.3)
