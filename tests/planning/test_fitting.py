"""Images that do not fit a classifier: what would, where axes are guessed, and volumes slice by slice."""

import h5py
import numpy as np
import pytest
from golden import ROOT as GOLDEN

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.fitting import judge
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.running.run import run_plan

PLANE, VOLUME, COLOURS = "a_2d_u8", "d_3d_u8", "b_2d_rgb_u8"
COUNTING, AUTOCONTEXT = "h1_count_2d_u8", "i_autocontext_2d_u8"


def project(case):
    return GOLDEN / case / "project.ilp"


def guessed(case, axes, shape):
    return judge(load_classifier(project(case)), axes, shape, np.dtype(np.uint8), axes_known="guess")


OFFERS = {
    "pages for a volume": (VOLUME, "tyx", (37, 51, 45), ["'zyx' (the axes of the training images) would fit"]),
    "channel in the middle": (PLANE, "zyxc", (3, 1, 187, 205), ["'tcyx'", "'zcyx' (slice by slice)"]),
    "pages for planes": (PLANE, "zyx", (9, 60, 60), ["'tyx' or 'zyx' (slice by slice) would fit"]),
    "channels first": (COLOURS, "zyx", (3, 61, 62), ["'cyx'"]),
    "channels first, of a series": (COLOURS, "zyxc", (7, 3, 61, 62), ["'tcyx'", "'zcyx' (slice by slice)"]),
    "time and depth": (VOLUME, "zyxc", (5, 37, 51, 45), ["'tzyx' would fit"]),
}


@pytest.mark.parametrize(("case", "axes", "shape", "offers"), OFFERS.values(), ids=OFFERS)
def test_guessed_axes_that_do_not_fit_offer_what_does(case, axes, shape, offers):
    """The reason says that axes are guessed, which would fit, and the setting, to which the window's button leads."""
    problem = guessed(case, axes, shape)
    assert f"The axes '{axes}' are only guessed from the shape" in problem.text
    assert "would fit: set the axes." in problem.text
    for offer in offers:
        assert offer in problem.text
    assert (problem.setting, problem.severity) == ("axes", "error")


def test_every_offer_is_accepted(tmp_path):
    """Axes that a reason offers can be set, and the image is predicted then."""
    shape = (3, 1, 187, 205)
    np.save(tmp_path / "p.npy", np.zeros(shape, np.uint8))
    for axes in ("tcyx", "zcyx"):
        job = BatchJob(classifier=project(PLANE), inputs=(str(tmp_path / "p.npy"),), input_axes=axes)
        assert make_plan(job).n_problems == 0


def test_guess_that_nothing_fits():
    """Without axes that fit, the reason still says that they are guessed, and leads to no axes."""
    problem = guessed(VOLUME, "yx", (40, 40))
    assert "only guessed" in problem.text
    assert problem.setting is None
    assert "would fit" not in problem.text


def test_axes_of_the_file_are_no_guess():
    """What a file says of its axes is not called a guess."""
    classifier = load_classifier(project(VOLUME))
    problem = judge(classifier, "tyx", (37, 51, 45), np.dtype(np.uint8), axes_known="file")
    assert "guess" not in problem.text


def test_too_few_channels_offer_to_stack():
    """A picture with one channel for a classifier of three: several files or layers can be one image."""
    problem = judge(load_classifier(project(COLOURS)), "yx", (61, 62), np.dtype(np.uint8), axes_known="file")
    assert "stacked along c, or of several layers" in problem.text
    assert problem.setting == "stack"


@pytest.mark.parametrize("extra", [(), (2,)], ids=["volume", "volumes over time"])
@pytest.mark.parametrize("case", [PLANE, COLOURS, AUTOCONTEXT])
def test_volume_is_predicted_slice_by_slice_with_axes_of_the_user(tmp_path, case, extra):
    """The result keeps z, and each slice is what it is alone; a warning says so."""
    classifier = load_classifier(project(case))
    n = classifier.n_channels
    axes = "t" * len(extra) + "zyx" + "c" * (n > 1)
    volume = np.random.default_rng(0).integers(0, 255, (*extra, 3, 70, 66, *[n] * (n > 1)), np.uint8)
    np.save(tmp_path / "v.npy", volume)
    job = BatchJob(
        classifier=project(case),
        inputs=(str(tmp_path / "v.npy"),),
        input_settings={str(tmp_path / "v.npy"): InputSettings(axes=axes)},
        exports=(Export(source="Probabilities", folder=tmp_path / "o"),),
    )
    plan = make_plan(job)
    assert ["slice along z" in str(warning) for warning in plan.rows[0].warnings] == [True]
    assert [row.status for row in run_plan(plan).rows] == ["done"]
    planes = volume.reshape(-1, *volume.shape[len(extra) + 1 :])
    expected = np.stack([classifier.predict(plane, axes[len(extra) + 1 :]) for plane in planes])
    expected = expected.reshape(*volume.shape[: len(extra) + 1], *expected.shape[1:])
    (path,) = (tmp_path / "o").glob("v_Prob*.h5")
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["exported_data"][()], expected)


@pytest.mark.parametrize("axes_known", ["file", "guess"])
def test_volume_whose_axes_nobody_set_is_refused(axes_known):
    """A volume for a classifier of planes may be a mistake, so only axes of the user allow it."""
    classifier = load_classifier(project(PLANE))
    problem = judge(classifier, "zyx", (9, 60, 60), np.dtype(np.uint8), axes_known=axes_known)
    assert problem.severity == "error"
    way = {"file": "set the axes to 'zyx' yourself", "guess": "or 'zyx' (slice by slice) would fit"}
    assert way[axes_known] in problem.text
    assert sum(text in problem.text for text in way.values()) == 1


def test_objects_are_not_counted_slice_by_slice():
    """An object in several slices would be counted several times."""
    classifier = load_classifier(project(COUNTING))
    problem = judge(classifier, "zyx", (9, 90, 90), np.dtype(np.uint8), axes_known="user")
    assert problem.severity == "error"
    assert "yourself" not in problem.text
