"""What is written equals what ilastik writes: dataset by dataset, type by type, attribute by attribute."""

import re
import shutil
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
from ilp_reader import read_project
from saved import write_again

# 2D, colours, 3D, time, and a volume with channels.
CASES = ["a_2d_u8", "b_2d_rgb_u8", "c_2d_u16", "d_3d_u8", "f_2dt_u8", "m_3d_2ch_u16"]

MEANT = {
    "PixelClassification/Bookmarks": "a pickle of an empty list, which ilastik does without",
    "PixelClassification/Bookmarks/0000": "a pickle of an empty list, which ilastik does without",
    "PixelClassification/LabelColors": "the golden projects, trained without a window, have no colours",
    "PixelClassification/PmapColors": "the golden projects, trained without a window, have no colours",
}
"""Members that differ, with the reason."""

OTHER_VALUES = {
    "ilastikVersion": "tells what saved the project",
    "time": "the time of saving",
    "datasetId": "drawn for each image of each project",
    "ClassifierFactory": "ilastik stores the number of threads of the computer",
    "tree_count_": "there are 8 parts, whatever the number of threads",
    "topology": "nodes are in the order of their levels",
    "parameters": "nodes are in the order of their levels, and their weights are 1",
    "blockNNNN": "blocks are those of another grid",
}
"""Values that differ, with the reason; their types do not."""

_NUMBERED = [(r"Forest\d{4}", "ForestNNNN"), (r"Tree_\d+", "Tree_N"), (r"block\d{4}", "blockNNNN")]


def of_type(item, identifier):
    """Return the type of a dataset or an attribute, with what HDF5 knows of a text."""
    text = h5py.check_string_dtype(item.dtype)
    return str(item.dtype), text and (text.encoding, text.length), len(identifier.shape)


def structure(path: Path) -> dict[str, list]:
    """Return kind, types and attributes of all members by name; numbered ones, which must be alike, once."""
    found: dict[str, list] = {}

    def visit(name, item):
        for pattern, common in _NUMBERED:
            name = re.sub(pattern, common, name)
        attributes = {key: of_type(item.attrs.get_id(key), item.attrs.get_id(key)) for key in sorted(item.attrs)}
        kind = of_type(item, item) if isinstance(item, h5py.Dataset) else "group"
        assert found.setdefault(name, [kind, attributes]) == [kind, attributes]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def values(path: Path) -> dict[str, object]:
    """Return the values of all datasets by name; of numbered parts, those of the first."""
    found: dict[str, object] = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            for pattern, common in _NUMBERED:
                name = re.sub(pattern, common, name)
            found.setdefault(name, item[()].tolist() if isinstance(item[()], np.ndarray) else item[()])

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def saved_again(case, tmp_path):
    """Copy a case, and write its project again beside it."""
    shutil.copytree(golden.ROOT / case, tmp_path / case, ignore=shutil.ignore_patterns("expected", "test*"))
    return write_again(tmp_path / case / "project.ilp", tmp_path / case / "saved.ilp")


@pytest.mark.parametrize("case", CASES)
def test_structure_and_values_are_those_of_ilastik(case, tmp_path):
    """All members, their types, attributes and values; what is meant to differ is printed with its reason."""
    saved, original = saved_again(case, tmp_path), golden.ROOT / case / "project.ilp"
    ours, theirs = structure(saved), structure(original)
    different = {name for name in ours | theirs if ours.get(name) != theirs.get(name)}
    for name in sorted(different):
        print(f"{name}: {theirs.get(name)} in ilastik's, {ours.get(name)} here: {MEANT.get(name, 'NOT MEANT')}")
    assert different == set(MEANT)
    ours, theirs = values(saved), values(original)
    different = {name for name in theirs if name not in MEANT and ours[name] != theirs[name]}
    for name in sorted(different):
        print(f"{name}: another value, {OTHER_VALUES.get(name.rpartition('/')[2], 'NOT MEANT')}")
    assert {name.rpartition("/")[2] for name in different} <= set(OTHER_VALUES)


def test_layout_of_channels_beside_time_is_kept(tmp_path):
    """The paths of images are relative to the project, with the dataset in HDF5."""
    with h5py.File(saved_again("d_3d_u8", tmp_path)) as file:
        info = file["Input Data/infos/lane0000/Raw Data"]
        assert info["filePath"][()] == b"train.h5/data"
        assert info["__class__"][()] == b"RelativeFilesystemDatasetInfo"
        assert info["nickname"][()] == b"train-data"


@pytest.mark.parametrize("case", CASES)
def test_forest_and_facts_come_back(case, tmp_path):
    """Trees, classes, selection and axes are the same after writing and reading."""
    before, after = read_project(golden.ROOT / case / "project.ilp"), read_project(saved_again(case, tmp_path))
    for name in ("label_names", "column_labels", "channel_of_column", "selection", "axes", "n_channels"):
        assert getattr(before, name) == getattr(after, name), name
    assert len(before.trees) == len(after.trees)
    for one, other in zip(before.trees, after.trees, strict=True):
        for field in ("feature", "threshold", "left", "value"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
