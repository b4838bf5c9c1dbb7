"""The export settings that ilastik stored in a project."""

from pathlib import Path

import numpy as np
import pytest
from ilp_reader import read_project
from ilp_writer import RAW, put, put_empty_list, put_lane, write_project

from napari_batch_prediction.ilp.writing.images import written_image
from napari_batch_prediction.ilp.writing.project import write_project as write_again
from napari_batch_prediction.images.memory import MemoryImage

GROUP = "Prediction Export"


def store(group=GROUP, **values):
    """Return a change that stores settings, a text or a number each."""

    def change(file):
        for name, value in values.items():
            put(file, f"{group}/{name}", value.encode() if isinstance(value, str) else value)

    return change


def settings(tmp_path, *changes):
    return dict(read_project(write_project(tmp_path / "p.ilp", *changes)).export)


RANGES = {"InputMin": 0.0, "InputMax": 1.0, "ExportMin": 0, "ExportMax": 65535}
HOME = Path("/somewhere")

STORED = {
    "nothing": ({}, {}),
    "the defaults": (
        {
            "OutputFilenameFormat": "{dataset_dir}/{nickname}_{result_type}",
            "OutputFormat": "compressed hdf5",
            "OutputInternalPath": "exported_data",
        },
        {},
    ),
    "the default with an extension": ({"OutputFilenameFormat": "{dataset_dir}/{nickname}_{result_type}.h5"}, {}),
    "a type and ranges": (
        {"ExportDtype": "uint16", **RANGES},
        {"dtype": "uint16", "input_range": (0.0, 1.0), "output_range": (0.0, 65535.0)},
    ),
    "half a range": ({"ExportMin": 0, "ExportMax": 255}, {}),
    "a type that is none": ({"ExportDtype": "complex64"}, {}),
    "format and dataset": (
        {"OutputFormat": "multipage tiff", "OutputInternalPath": "/volume/data"},
        {"format": "multipage tiff", "internal_path": "/volume/data"},
    ),
    "an order of axes": ({"OutputAxisOrder": "tzyxc"}, {"output_axes": "tzyxc"}),
    "a name": ({"OutputFilenameFormat": "{dataset_dir}/out/{nickname}.tiff"}, {"name": "out/{nickname}"}),
    "a name with dots": ({"OutputFilenameFormat": "{dataset_dir}/a.b_{nickname}"}, {"name": "a.b_{nickname}"}),
    "a folder beside the project": (
        {"OutputFilenameFormat": "ilastik_probabilities/{nickname}.tiff"},
        {"folder": "HERE/ilastik_probabilities", "name": "{nickname}"},
    ),
    "only a name": ({"OutputFilenameFormat": "{nickname}_p"}, {"folder": "HERE", "name": "{nickname}_p"}),
    "a folder of Windows": ({"OutputFilenameFormat": "C:\\data\\{nickname}_p.h5"}, {"name": "{nickname}_p"}),
    "a whole path": (
        {"OutputFilenameFormat": "/data/out/{result_type}/{nickname}.h5"},
        {"folder": "/data/out", "name": "{result_type}/{nickname}"},
    ),
    "a region": (
        {"RegionStart": np.array([-1, 3, 0]), "RegionStop": np.array([-1, 20, 1])},
        {"region": {"x": (3, 20), "c": (None, 1)}},
    ),
    "a region of everything": ({"RegionStart": np.array([0, -1, 0]), "RegionStop": np.array([0, -1, -1])}, {}),
    "a region of other images": ({"RegionStart": np.array([1, 2]), "RegionStop": np.array([3, 4])}, {}),
    "numbers where texts should be": ({"ExportDtype": 3.0, "OutputFormat": "png"}, {"format": "png"}),
}


@pytest.mark.parametrize("case", STORED)
def test_settings_are_the_same_in_a_project_that_is_written_again(case, tmp_path):
    """Also if it is written to another folder: paths stay where they were."""
    before = read_project(write_project(tmp_path / "p.ilp", store(**STORED[case][0])))
    image = MemoryImage("layer:a", np.zeros((40, 50), np.uint8), "yx", axes_known="user")
    write_again(tmp_path / "other" / "q.ilp", before, [written_image(image, [])])
    assert read_project(tmp_path / "other" / "q.ilp").export == before.export


@pytest.mark.parametrize("case", STORED)
def test_stored_settings_are_fields_of_an_export(case, tmp_path):
    """What differs from ilastik's defaults, by the names of an export; what is damaged is left out."""
    stored, expected = STORED[case]
    found = settings(tmp_path, store(**stored))
    if "folder" in expected:
        assert Path(found.pop("folder")) == Path(expected["folder"].replace("HERE", str(tmp_path)))
        expected = {name: value for name, value in expected.items() if name != "folder"}
    assert found == expected


def test_region_has_the_axes_of_the_images(tmp_path):
    """The ends are in the order t, z, y, x, c of the axes that images have."""
    region = store(RegionStart=np.array([1, 2, 3, 0]), RegionStop=np.array([2, 30, 40, 1]))
    time = settings(tmp_path, lambda f: put_lane(f, RAW, "tyx", (5, 40, 50)), region)
    assert time["region"] == {"t": (1, 2), "y": (2, 30), "x": (3, 40), "c": (None, 1)}


def test_empty_lists_are_no_settings(tmp_path):
    """ilastik marks what is not set as empty."""
    names = ["InputMin", "InputMax", "ExportMin", "ExportMax", "RegionStart", "RegionStop"]
    assert settings(tmp_path, *((lambda f, n=n: put_empty_list(f, f"{GROUP}/{n}")) for n in names)) == {}
