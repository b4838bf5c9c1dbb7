"""The loops that a run with objects takes are named before any of them is called, so that all are compiled at once."""

import threading

import numpy as np
import pytest
from golden_objects import OBJECTS, ROLES, case_job
from threshold import plan_for

from napari_batch_prediction import ObjectSettings
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.simd import building
from napari_batch_prediction.simd import kernel as kernel_module
from napari_batch_prediction.simd.kernel import Kernel
from napari_batch_prediction.simd.shelf import Job
from napari_batch_prediction.simd.signature import flattened

# Loops that are compiled together wherever one of them is missing.
PREDICTIONS = ("napari_batch_prediction.engine", "napari_batch_prediction.features")

SETTINGS = {
    "simple": ObjectSettings("bright"),
    "hysteresis": ObjectSettings("bright", core_threshold=0.8, fill_holes=True),
    "split": ObjectSettings("bright", split=2, border_objects="remove"),
}


@pytest.fixture
def loops(monkeypatch):
    """The loops that are called, and those that are expected when the first of them is."""
    called, expected = set(), set()
    bind = Kernel.bind

    def noting(kernel, *args):
        if kernel_module._wanted.get() is None:
            called.add(Job(kernel.module, kernel.name, tuple(flattened(value, []) for value in args)))
            if not expected:
                expected.update(job for each in building._expected for job in each())
        return bind(kernel, *args)

    monkeypatch.setattr(Kernel, "bind", noting)
    return called, expected


def check(loops):
    """Check that all loops of objects that were called were expected, with others for other types and images."""
    called, expected = loops
    assert any(".objects." in job.module for job in called)
    missing = {job for job in called if not job.module.startswith(PREDICTIONS)} - expected
    assert not missing


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
@pytest.mark.parametrize("name", SETTINGS)
def test_loops_of_objects_of_a_class(tmp_path, loops, name, dtype):
    """Whatever makes the objects, and whatever the type of the image."""
    image = np.random.default_rng(0).integers(0, 250, (40, 50)).repeat(3, 0).repeat(3, 1).astype(dtype)
    np.save(tmp_path / "image.npy", image)
    plan = plan_for([tmp_path / "image.npy"], "Objects", "Object Table", objects=SETTINGS[name], folder=tmp_path)
    (row,) = run_plan(plan)
    assert (row.status, row.reason, row.count > 0) == ("done", "", True)
    check(loops)


@pytest.mark.parametrize("case", OBJECTS)
def test_loops_of_classified_objects(tmp_path, loops, case):
    """All features, 2D and 3D, and the forest of objects."""
    assert [row.status for row in case_job(case, tmp_path, "Object Predictions", "Object Table").run()] == ["done"] * 2
    check(loops)


@pytest.mark.parametrize("case", OBJECTS)
def test_loops_of_classified_objects_in_memory(tmp_path, loops, case):
    """As in a batch."""
    job = case_job(case, tmp_path)
    image = str(job.inputs[0])
    second = job.input_settings.get(image)
    settings = {} if second is None else {name: getattr(second, name) for name in ROLES if getattr(second, name)}
    assert load_classifier(job.classifier).objects(image, **settings).table.n_objects
    check(loops)


def test_loops_are_expected_as_long_as_the_run_lasts(tmp_path, loops):
    """Later runs in the same process may need none of them."""
    case_job(OBJECTS[0], tmp_path, "Object Predictions").run()
    assert building._expected == []


def test_missing_loop_is_compiled_with_those_that_are_expected(monkeypatch):
    """In one go; the function that names them is called only then."""
    wanted = []
    monkeypatch.setattr(building, "build_all", lambda jobs, unless: wanted.append((jobs(), unless)))
    monkeypatch.setattr(building, "_in_vain", threading.Event())
    job, other, asked = Job("m", "a", ()), Job("m", "b", ()), []
    with building.expecting(lambda: asked.append(1) or [other]):
        assert not asked
        assert building._built_elsewhere(job) is None
    assert wanted == [([job, other], job)]
    assert asked == [1]
