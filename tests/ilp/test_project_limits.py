"""A project's declared sizes are compared with limits, and with what is stored, before anything is read."""

import tracemalloc
import zlib

import h5py
import numpy as np
import pytest
from ilp_reader import read_project
from ilp_writer import FORESTS, LEAF, RAW, put, put_forest, put_lane, remove, write_project

from napari_batch_prediction.axes import axistags_from_json
from napari_batch_prediction.errors import AxesError, ProjectError
from napari_batch_prediction.ilp.reading.heap import attributes_are_readable

TREE = f"{FORESTS}/Forest0000/Tree_0"


def sparse(name, shape, dtype="i4", **options):
    """Return a change that claims values without storing them."""

    def change(file):
        remove(file, name)
        file.create_dataset(name, shape, dtype, **options)

    return change


def values(name, stored):
    return lambda file: put(file, name, stored)


def many_trees(file):
    forest = file[f"{FORESTS}/Forest0001"]
    remove(file, f"{FORESTS}/Forest0001/_options")
    for i in range(5100):
        forest[f"Tree_x{i}"] = forest["Tree_0"]


def chain(file, n=1500):
    """Put a tree in which every node has one leaf."""
    topology = [3, 2]
    for i in range(n):
        topology += [0, 0, 7 + 7 * i, 9 + 7 * i, 0, LEAF, 2]
    put(file, f"{TREE}/topology", np.array([*topology, LEAF, 2], np.int32))
    put(file, f"{TREE}/parameters", np.full(20_000, 0.5))


def bomb(file):
    """Store a chunk of ten numbers that inflates to 100 MB."""
    remove(file, f"{TREE}/topology")
    stored = file.create_dataset(f"{TREE}/topology", (10,), "i4", chunks=(10,), compression="gzip")
    stored.id.write_direct_chunk((0,), zlib.compress(bytes(10**8)))


def shared_leaves(file):
    topology = [3, 200, *[0, 0, 7, 9, 0], LEAF, 2, LEAF, 2]
    put(file, f"{TREE}/topology", np.array(topology, np.int32))
    put(file, f"{TREE}/parameters", np.full(210, 1 / 200))


def many_levels(file):
    chain(file, 900)
    forest = file[f"{FORESTS}/Forest0001"]
    remove(file, f"{FORESTS}/Forest0001/_options")
    for i in range(115):
        forest[f"Tree_x{i}"] = file[TREE]


def many_forests(file):
    for i in range(1001):
        file[f"{FORESTS}/Forest{i + 2:04}"] = file[f"{FORESTS}/Forest0000"]


def many_blocks(file):
    remove(file, "PixelClassification/LabelNames")
    blocks = file.create_group("PixelClassification/LabelSets/labels000")
    blocks["block0000"] = np.ones((1, 1, 1), np.uint8)
    for i in range(10_000):
        blocks[f"block{i + 1:04}"] = blocks["block0000"]


def many_members(file):
    for i in range(20_001):
        file[FORESTS][f"more{i}"] = h5py.SoftLink("none")


def many_features(file):
    remove(file, f"{FORESTS}/Forest0001", f"{FORESTS}/feature_names")
    put_forest(file, f"{FORESTS}/Forest0000", n_trees=1, n_features=10**6)


def many_lanes(file):
    for i in range(3000):
        file["Input Data/infos"].create_group(f"lane{i + 1:05}")


REFUSED = {
    "sparse tree": (sparse(f"{TREE}/topology", (5 * 10**8,), chunks=(10**6,)), "claims 2000000000 bytes, but only 0"),
    "sparse tree in one piece": (
        sparse(f"{TREE}/parameters", (5 * 10**7,), "f8"),
        "claims 400000000 bytes, but only 0",
    ),
    "chunk larger than the dataset": (
        sparse(f"{TREE}/topology", (10,), chunks=(10**8,), maxshape=(None,)),
        "claims 400000000 bytes",
    ),
    "sparse names": (
        sparse(f"{FORESTS}/feature_names", (10**9,), h5py.string_dtype(), chunks=(1000,)),
        "1000000000 val",
    ),
    "sparse texts of fixed width": (sparse("FeatureSelections/FeatureIds", (100,), "S10000000"), "claims 1000000000"),
    "sparse colours": (sparse("PixelClassification/LabelColors", (10**8, 3), chunks=(1000, 3)), "300000000 values"),
    "scales": (values("FeatureSelections/Scales", np.ones(1000)), "1000 values, expected at most 256"),
    "a scale as large as an image": (
        values("FeatureSelections/Scales", np.array([0.7, 1e9])),
        "numbers of pixels up to",
    ),
    "classes": (values("PixelClassification/LabelNames", [b"a"] * 256), "256 values, expected at most 255"),
    "the length of a name": (
        values("PixelClassification/LabelNames", [b"a" * 1001, b"b"]),
        "a text of 1001 characters",
    ),
    "the length of the workflow": (values("workflowName", b"x" * 10**5), "a text of 100000 characters"),
    "digits of the version": (values("ilastikVersion", b"9" * 900 + b".1"), "expected a version such as"),
    "trees": (many_trees, "expected at most 5000 trees"),
    "levels of a tree": (chain, "more than 1000 levels"),
    "a chunk that inflates": (bomb, "holds more than it should"),
    "leaves on the same numbers": (shared_leaves, "leaves that share their probabilities"),
    "features": (
        lambda file: put_forest(file, f"{FORESTS}/Forest0000", 1, 10**6),
        r"trees of one kind|200000 features",
    ),
    "levels of all trees": (many_levels, "at most 100000 levels in all"),
    "forests": (many_forests, "at most 1000 forests, found 1003"),
    "blocks of labels": (many_blocks, "at most 10000 blocks, found 10001"),
    "members": (many_members, "members, expected at most 20000"),
    "lanes": (many_lanes, "at most 3000 images, found 3001"),
    "dimensions": (lambda file: put_lane(file, RAW, "yxc", (1,) * 17), "at most 16 dimensions"),
    "nested axistags": (
        values(f"{RAW}/axistags", b'{"axes":' + b"[" * 10**5 + b"]" * 10**5 + b"}"),
        "Not vigra axistags",
    ),
}


SLOW = ("levels of all trees",)


@pytest.mark.parametrize(
    ("change", "message"),
    [pytest.param(*case, id=name, marks=[pytest.mark.slow] * (name in SLOW)) for name, case in REFUSED.items()],
)
def test_project_beyond_limits_is_refused(change, message, tmp_path):
    """Each limit has its message, and little memory is taken."""
    path = write_project(tmp_path / "cells.ilp", change)
    tracemalloc.start()
    try:
        with pytest.raises(ProjectError, match=message):
            read_project(path)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_sum_of_what_is_read_is_limited(tmp_path):
    """Trees that compress well, each within its limit, are refused once together they are far larger than the file."""

    def change(file):
        remove(file, f"{TREE}/parameters")
        zeros = np.zeros(4 * 2**20)
        file.create_dataset(f"{TREE}/parameters", data=zeros, compression="gzip", chunks=(2**18,))
        forest = file[f"{FORESTS}/Forest0000"]
        remove(file, f"{FORESTS}/Forest0000/_options")
        for i in range(20):
            forest[f"Tree_x{i:02}/topology"] = forest["Tree_1/topology"]
            forest[f"Tree_x{i:02}/parameters"] = forest["Tree_0/parameters"]
        forest["Tree_0/parameters"][:8] = forest["Tree_1/parameters"][:8]

    with pytest.raises(ProjectError, match="with it, far more would be read"):
        read_project(write_project(tmp_path / "cells.ilp", change))


@pytest.mark.parametrize(
    "text",
    [
        '{"axes":' + "[" * 40_000 + "]" * 40_000 + "}",
        '{"axes": [{"key": "y", "resolution": ' + "9" * 400 + '}, {"key": "x"}]}',
        '{"axes": ' + " " * 200_000 + "[]}",
        '{"axes": [["key"]]}',
    ],
    ids=["nested", "huge number", "long", "lists"],
)
def test_axistags_of_any_text_are_read_or_refused(text):
    """Nothing but an AxesError comes of text that is no axistags."""
    with pytest.raises(AxesError, match="Not vigra axistags"):
        axistags_from_json(text)


def test_heap_of_an_attribute_is_looked_at_before_its_text(tmp_path):
    """A text whose heap has free space of no length is not asked of HDF5, which would not return."""
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        file.attrs["tags"] = "some text"
        file.attrs["number"] = 1
    data = path.read_bytes()
    heap = data.index(b"GCOL")
    for content, readable in ((data, True), (data[: heap + 16] + bytes(64) + data[heap + 80 :], False)):
        path.write_bytes(content)
        with h5py.File(path) as file:
            assert attributes_are_readable(file, file.attrs.get_id("number"))
            assert attributes_are_readable(file, file.attrs.get_id("tags")) is readable
