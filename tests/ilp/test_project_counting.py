"""Reading counting projects: ilastik's own, every spelling, and what cannot be used."""

from importlib.resources import files
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
from counting_writer import GOOD, WRAPPERS, put_wrapper, write_counting
from densities import density
from ilp_reader import read_counting_project
from ilp_writer import RAW, put, put_empty_list, put_lane, remove
from pickled import MadeTree, forest, linear, svr

from napari_batch_prediction.engine.regressors import ForestRegressor, LinearRegressor
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.project import COUNTING

SAMPLE = Path(str(files("napari_batch_prediction") / "samples" / "colonies"))
CASES = {
    "h1_count_2d_u8": (golden.ROOT / "h1_count_2d_u8" / "project.ilp", "yx", 1, 2.5, 12),
    "h2_count_2d_rgb": (golden.ROOT / "h2_count_2d_rgb" / "project.ilp", "yxc", 3, 2.5, 24),
    "colonies": (SAMPLE / "colonies.ilp", "yx", 1, 3.5, 21),
}
RUNS = [
    pytest.param(case, output.name.removesuffix("_Probabilities.h5"), id=f"{case}-{output.stem}")
    for case in ("h1_count_2d_u8", "h2_count_2d_rgb")
    for output in sorted((golden.ROOT / case / "expected").glob("*.h5"))
]


@pytest.mark.parametrize("case", CASES)
def test_counting_projects_of_ilastik_are_read(case):
    """What ilastik saved is there."""
    path, axes, n_channels, sigma, n_features = CASES[case]
    project = read_counting_project(path)
    assert project.path == path
    assert (project.axes, project.n_channels, project.sigma) == (axes, n_channels, sigma)
    assert project.version.startswith("1.4.3")
    assert project.classes == ("Foreground", "Background")
    assert project.class_colors == ((255, 0, 0), (0, 255, 0))
    assert (project.unusable, project.trained_again) == ("", "")
    assert project.selection.n_features(n_channels) == n_features
    (regressor,) = project.regressors
    assert isinstance(regressor, ForestRegressor)
    assert len(regressor.trees) == 10


@pytest.mark.golden
@pytest.mark.parametrize(("case", "name"), RUNS)
def test_density_and_count_are_those_of_ilastik(case, name):
    """As ilastik exported them."""
    folder = golden.ROOT / case
    got = density(read_counting_project(folder / "project.ilp"), golden.read(folder / f"{name}.png"))
    expected = golden.read(folder / "expected" / f"{name}_Probabilities.h5")[..., 0]
    assert got.shape == expected.shape
    assert (np.abs(got - expected) <= 1e-5).mean() >= 0.999
    counted = float((folder / "expected" / f"counts_{name}.csv").read_text().split(",")[1])
    assert got.sum(dtype=float) == pytest.approx(counted, rel=5e-4)


@pytest.mark.golden
def test_density_of_the_sample_is_that_of_ilastik():
    """The shipped sample, as ilastik predicts it."""
    path = golden.ROOT.parent / "sample" / "colonies" / "expected" / "colonies_03_Probabilities.h5"
    expected = golden.read(path)[..., 0]
    got = density(read_counting_project(SAMPLE / "colonies.ilp"), golden.read(SAMPLE / "colonies_03.png"))
    assert (np.abs(got - expected) <= 1e-5).mean() >= 0.999
    assert got.sum(dtype=float) == pytest.approx(51.630, rel=5e-4)


def read(tmp_path, *changes):
    return read_counting_project(write_counting(tmp_path / "count.ilp", *changes))


def test_everything_in_a_counting_project_is_read(tmp_path):
    """All that a project says is there."""
    project = read(tmp_path)
    assert project.path == tmp_path / "count.ilp"
    assert project.version == "1.4.1"
    assert (project.axes, project.n_channels, project.dtype, project.sigma) == ("yx", 1, None, 2.0)
    assert project.selection.names() == (
        "Gaussian Smoothing (σ=1.0) in 2D",
        "Hessian of Gaussian Eigenvalues (σ=1.0) in 2D [0]",
        "Hessian of Gaussian Eigenvalues (σ=1.0) in 2D [1]",
    )
    assert len(project.regressors) == 1
    assert (project.unusable, project.trained_again) == ("", "")


def cut_off(file):
    put_wrapper(file, "wrapper0000", GOOD[:13])


def four(file):
    for i in range(4):
        put_wrapper(file, f"wrapper{i:04}", svr(forest(*[MadeTree(n_features=3)] * (i + 1))))


def text_wrapper(dtype):
    def change(file):
        remove(file, f"{WRAPPERS}/wrapper0003")
        data = svr(forest(MadeTree(n_features=3)), protocol=0)
        file.create_dataset(f"{WRAPPERS}/wrapper0003", data=np.array([data], dtype), dtype=dtype)

    return change


SPELLINGS = {
    "four regressors": (four, [1, 2, 3, 4]),
    "one of them cut off": (cut_off, [1]),
    "three of them missing": (lambda f: None, [1]),
    "something else beside them": (lambda f: put(f, f"{WRAPPERS}/note", b"hello"), [1]),
    "a text of fixed width": (text_wrapper("S20000"), [1]),
    "a text of variable length": (text_wrapper(h5py.string_dtype()), [1]),
    "no names of classes": (lambda f: put_empty_list(f, "Counting/LabelNames"), [1]),
    "no feature dimensions": (lambda f: remove(f, "FeatureSelections/ComputeIn2d"), [1]),
    "no training images": (lambda f: remove(f, "Input Data"), [1]),
    "named after the class of the workflow": (lambda f: put(f, "workflowName", b"CountingWorkflow"), [1]),
    "a slice as a volume": (lambda f: put_lane(f, RAW, "zyxc", (1, 40, 50, 1)), [1]),
    "axes x before y": (lambda f: put_lane(f, RAW, "xyc", (50, 40, 1)), [1]),
    "axes without a shape": (lambda f: put_lane(f, RAW, "tyxc", None), [1]),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_regressors_are_read_in_every_spelling(case, tmp_path):
    """Every way in which the regressors can be stored."""
    change, expected = SPELLINGS[case]
    project = read(tmp_path, change)
    assert [len(regressor.trees) for regressor in project.regressors] == expected
    assert project.axes == ("xy" if "x before y" in case else "yx")
    assert project.classes == ("Foreground", "Background")
    assert (project.unusable, project.trained_again) == ("", "")


WITHOUT_SIGMA = svr(forest(MadeTree(n_features=3)), _Sigma=None)
SIGMAS = {
    "of the project": (lambda f: put(f, "Counting/Sigma", np.array([4.0])), 4.0),
    "of the regressor": (lambda f: remove(f, "Counting/Sigma"), 3.0),
    "an empty list": (lambda f: put_empty_list(f, "Counting/Sigma"), 3.0),
    "nowhere": (
        lambda f: [remove(f, "Counting/Sigma"), put_wrapper(f, "wrapper0003", WITHOUT_SIGMA)],
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SIGMAS)
def test_sigma_is_that_of_the_project_else_of_the_regressor(case, tmp_path):
    """The project's, else the regressor's."""
    change, expected = SIGMAS[case]
    assert read(tmp_path, change).sigma == expected


def test_number_of_features_gives_the_number_of_channels(tmp_path):
    """Where no shape is stored, the number of features gives the number of channels."""

    def change(file):
        put_lane(file, RAW, "yxc", None)
        put_wrapper(file, "wrapper0003", svr(forest(MadeTree(n_features=9))))

    project = read(tmp_path, change)
    assert (project.n_channels, project.axes) == (3, "yxc")


def test_regressor_of_gurobi_is_its_weights(tmp_path):
    """The old regressor is its weights, the last of them the offset, and the factors of the features."""
    data = svr(
        linear([0.5, -1.0, 2.0, 0.125]),
        protocol=2,
        _method="svrBoxed-gurobi",
        _minmax=(np.zeros(3), np.array([2.0, 4.0, 8.0])),
        _scalingFactor=np.array([0.5, 0.25, 0.125]),
    )
    (regressor,) = read(tmp_path, lambda file: put_wrapper(file, "wrapper0003", data)).regressors
    assert isinstance(regressor, LinearRegressor)
    row = np.array([2.0, 4.0, 8.0])
    assert (row * regressor.scale) @ regressor.weights + regressor.offset == 0.5 - 1 + 2 + 0.125


REFUSED = {
    "another workflow": (
        lambda f: put(f, "workflowName", b"Pixel Classification"),
        f"'Pixel Classification', expected '{COUNTING}'",
    ),
    "a volume": (
        lambda f: put_lane(f, RAW, "zyxc", (9, 40, 50, 1)),
        "a volume .3D. with the axes zyxc and the shape 9x40x50x1.*single 2D images",
    ),
    "a time series": (
        lambda f: put_lane(f, RAW, "tyxc", (9, 40, 50, 1)),
        "a time series with the axes tyxc and the shape 9x40x50x1.*single 2D images",
    ),
    "features in 3D": (
        lambda f: put(f, "FeatureSelections/ComputeIn2d", np.array([True, False])),
        "computed in 3D, but counting is in 2D",
    ),
    "no features": (
        lambda f: put(f, "FeatureSelections/SelectionMatrix", np.zeros((2, 2), bool)),
        "no features selected",
    ),
    "nothing counted": (lambda f: remove(f, "Counting"), "no group /Counting"),
    "a pickle that calls": (
        lambda f: put_wrapper(f, "wrapper0000", b"cos\nsystem\n(S'echo harm'\ntR."),
        r"count\.ilp at /Counting/CountingWrappers/wrapper0000: The pickle names os\.system, .*nothing in it was run",
    ),
    "a regressor that is a group": (
        lambda f: f.create_group(f"{WRAPPERS}/wrapper0000"),
        "wrapper0000: expected a dataset, found a group",
    ),
    "a regressor of numbers": (
        lambda f: put(f, f"{WRAPPERS}/wrapper0000", np.zeros(3)),
        "wrapper0000: expected the bytes of one regressor",
    ),
    "two regressors in one": (
        lambda f: put(f, f"{WRAPPERS}/wrapper0000", np.zeros(2, "V8")),
        "wrapper0000: expected the bytes of one regressor",
    ),
    "many regressors": (
        lambda f: [put_wrapper(f, f"wrapper{i:04}", GOOD) for i in range(17)],
        "expected 4 regressors, found 17",
    ),
    "sigma is text": (lambda f: put(f, "Counting/Sigma", b"wide"), "Counting/Sigma: expected a number of pixels"),
    "sigma is negative": (lambda f: put(f, "Counting/Sigma", -1.0), "Counting/Sigma: expected a number of pixels"),
    "sigma is NaN": (lambda f: put(f, "Counting/Sigma", np.nan), "Counting/Sigma: expected a number of pixels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unusable_counting_project_is_refused(case, tmp_path):
    """With the reason and what to do."""
    change, message = REFUSED[case]
    with pytest.raises(ProjectError, match=message):
        read(tmp_path, change)


def test_missing_counting_project_is_refused(tmp_path):
    """As any project."""
    with pytest.raises(ProjectError, match="There is no project file"):
        read_counting_project(tmp_path / "none.ilp")
