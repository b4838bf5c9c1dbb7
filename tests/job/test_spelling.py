"""Equal jobs are equal data, in whatever way they are written, and their outputs say that they were made alike."""

from pathlib import Path

import numpy as np
import pytest
from threshold import plan_for, save_images

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.running.run import run_plan

SPELLINGS = {
    "type by NumPy's code": ({"dtype": "<u1"}, {"dtype": "uint8"}),
    "type in capitals": ({"dtype": " UInt8 "}, {"dtype": "uint8"}),
    "type as a class": ({"dtype": np.uint16}, {"dtype": "uint16"}),
    "type as a dtype": ({"dtype": np.dtype(">f4")}, {"dtype": "float32"}),
    "letters with a case": ({"dtype": "B"}, {"dtype": "uint8"}),
    "format in another case": ({"format": "Compressed HDF5"}, {"format": "compressed hdf5"}),
    "format as typed": ({"format": "ome-zarr"}, {"format": "multi-scale OME-Zarr"}),
    "axes": ({"output_axes": "CYX"}, {"output_axes": "cyx"}),
    "compression": ({"compression": "GZIP"}, {"compression": "gzip"}),
    "region as text": ({"region": "Y=10:20, x=:5"}, {"region": {"y": (10, 20), "x": (None, 5)}}),
    "region with capitals": ({"region": {"Y": [10, 20]}}, {"region": {"y": (10, 20)}}),
    "version as a number": ({"ome_zarr_version": 0.5}, {"ome_zarr_version": "0.5"}),
}


@pytest.mark.parametrize(("written", "plain"), SPELLINGS.values(), ids=SPELLINGS)
def test_export_is_the_same_however_it_is_written(written, plain):
    """One spelling is kept, whatever was written."""
    assert Export(**written) == Export(**plain)


def test_job_is_the_same_however_it_is_written():
    """The same for the settings of a job and of single images."""
    settings = {"classifier": "c.ilp", "inputs": ["a"]}
    written = BatchJob(
        **settings, input_axes="TYX", stack="Z", existing="Skip", memory="1GiB", input_settings={"a": {"axes": "YX"}}
    )
    assert written == BatchJob(
        **settings,
        input_axes="tyx",
        stack="z",
        existing="skip",
        memory=2**30,
        input_settings={"a": InputSettings(axes="yx")},
    )


@pytest.mark.parametrize("field", ["dtype", "compression", "ome_zarr_version", "region", "output_axes"])
def test_what_means_nothing_is_still_refused(field):
    """No spelling makes a value of nonsense."""
    with pytest.raises(SettingsError, match=field) as refused:
        Export(**{field: ["nonsense"]})
    assert refused.value.setting == field


EQUAL = {
    "source in another case": ({"source": "probabilities"}, {"source": "Probabilities"}),
    "source in capitals": ({"source": " PROBABILITIES"}, {}),
    "the source's own type": ({"dtype": "float32"}, {}),
    "type by its code": ({"dtype": "<f8"}, {"dtype": "float64"}),
    "region from 0": ({"region": {"y": (0, 9)}}, {"region": "y=:9"}),
    "axis that is not cut": ({"region": "y=0:,x=:"}, {}),
    "order of a region": ({"region": "y=1:9,x=2:8"}, {"region": "x=2:8,y=1:9"}),
    "whole numbers": ({"output_range": (0, 255)}, {"output_range": (0.0, 255.0)}),
    "the source's own range": ({"output_range": (0, 9), "input_range": (0, 1)}, {"output_range": (0, 9)}),
    "order of axes": ({"output_axes": "CYX"}, {"output_axes": "cyx"}),
    "axes of the inputs": ({"input_axes": "YX"}, {"input_axes": "yx"}),
}


@pytest.mark.parametrize(("first", "second"), EQUAL.values(), ids=EQUAL)
def test_outputs_of_equal_jobs_are_skipped(first, second, tmp_path):
    """An output that exists is the one that the job would write, whichever way round they were written."""
    for i, (one, other) in enumerate([(first, second), (second, first)]):
        paths = save_images(tmp_path / str(i), "a")
        exports = [
            {"exports": (Export(**{k: v for k, v in settings.items() if k != "input_axes"}),)}
            | {k: v for k, v in settings.items() if k == "input_axes"}
            for settings in (one, other)
        ]
        assert [row.status for row in run_plan(plan_for(paths, **exports[0])).rows] == ["done"]
        plan = plan_for(paths, **exports[1], existing="skip")
        assert [(row.skip, row.problems) for row in plan.rows] == [(True, ())]


def test_outputs_of_other_jobs_are_not_skipped(tmp_path):
    """Other values are still told apart."""
    (path,) = save_images(Path(tmp_path), "a")
    run_plan(plan_for([path], region="y=0:9"))
    for settings in ({}, {"region": "y=1:9"}, {"region": "y=0:9", "dtype": "float64"}):
        plan = plan_for([path], **settings, existing="skip")
        assert [problem.kind for problem in plan.rows[0].problems] == ["exists"]
