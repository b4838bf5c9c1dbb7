"""Labels of any layout come back as they were written, in the axes that ilastik keeps them in."""

import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ilp_reader import read_project
from ilp_writer import write_project as write_small_project
from saved import blocks_of, dense

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.ilp import label_blocks
from napari_batch_prediction.ilp.project import LabelBlock
from napari_batch_prediction.ilp.writing import forests as forests_module
from napari_batch_prediction.ilp.writing import project as project_module
from napari_batch_prediction.ilp.writing.images import written_image
from napari_batch_prediction.ilp.writing.labels import gridded
from napari_batch_prediction.ilp.writing.project import write_project
from napari_batch_prediction.images.memory import MemoryImage

# Axes and shape of an image, and the axes in which ilastik keeps its labels.
LAYOUTS = {
    "yx": ("yx", (40, 50), "yxc"),
    "one channel": ("yxc", (40, 50, 1), "yxc"),
    "channels first": ("cyx", (3, 40, 50), "yxc"),
    "volume": ("zyx", (7, 40, 50), "zyxc"),
    "volume with channels first": ("czyx", (2, 7, 40, 50), "zyxc"),
    "x first": ("xyz", (50, 40, 7), "zyxc"),
    "time": ("tyx", (4, 40, 50), "tyxc"),
    "all axes": ("tzyxc", (3, 4, 20, 30, 2), "tzyxc"),
    "one slice": ("zyx", (1, 40, 50), "yxc"),
    "one of everything": ("tczyx", (1, 1, 1, 40, 50), "yxc"),
    "one pixel wide": ("zyx", (5, 40, 1), "zyxc"),
    "many blocks": ("yx", (700, 900), "yxc"),
}


def image_of(axes, shape, name="layer:cells"):
    return MemoryImage(name, np.zeros(shape, np.uint8), axes, axes_known="user")


def save(path: Path, images, labels):
    """Write a small project with these images, and the labels (t, z, y, x) of each."""
    project = read_project(write_small_project(path.with_name("small.ilp")))
    blocks = [[LabelBlock((0, 0, 0, 0), array)] if array is not None else [] for array in labels]
    write_project(path, project, [written_image(*pair) for pair in zip(images, blocks, strict=True)])
    return path


def strokes(image, seed=0):
    rng = np.random.default_rng(seed)
    shape = [image.extents[key] for key in "tzyx"]
    return (rng.integers(1, 256, shape) * (rng.random(shape) < 0.01)).astype(np.uint8)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_labels_come_back_in_every_layout(layout, tmp_path):
    """Every label is at its pixel again; ilastik's own axes are beside it, the channel last."""
    axes, shape, kept = LAYOUTS[layout]
    image = image_of(axes, shape)
    labels = strokes(image)
    path = save(tmp_path / "saved.ilp", [image], [labels])
    np.testing.assert_array_equal(dense(blocks_of(path)[0], image.extents), labels)
    extents = image.extents
    with h5py.File(path) as file:
        for block in file["PixelClassification/LabelSets/labels000"].values():
            slices = [slice(*map(int, part.split(":"))) for part in block.attrs["blockSlice"].strip("[]").split(",")]
            assert [s.stop - s.start for s in slices] == list(block.shape)
            assert all(s.stop <= (1 if key == "c" else extents[key]) for key, s in zip(kept, slices, strict=True))
            assert '"key": "c"' in block.attrs["axistags"]


def test_each_image_has_its_labels_also_if_it_has_none(tmp_path):
    """Three images, the second without labels: as ilastik, it has an empty group."""
    images = [image_of("yx", (40, 50), f"layer:{i}") for i in range(3)]
    labels = [strokes(images[0], 1), None, strokes(images[2], 2)]
    found = blocks_of(save(tmp_path / "saved.ilp", images, labels))
    for image, expected, blocks in zip(images, labels, found, strict=True):
        np.testing.assert_array_equal(dense(blocks, image.extents), 0 if expected is None else expected)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_blocks_that_overlap_are_one_picture_of_labels(data):
    """Whatever blocks there are, and however large: later ones win, and zeros erase nothing."""
    extents = dict(zip("tzyx", (2, 70, 300, 40), strict=True))
    blocks = []
    for _ in range(data.draw(st.integers(0, 5))):
        start = tuple(data.draw(st.integers(0, n - 1)) for n in extents.values())
        shape = [data.draw(st.integers(1, min(n - a, 90))) for a, n in zip(start, extents.values(), strict=True)]
        rng = np.random.default_rng(data.draw(st.integers(0, 9)))
        blocks.append(LabelBlock(start, (rng.integers(0, 4, shape) * (rng.random(shape) < 0.02)).astype(np.uint8)))
    found = gridded(blocks, most=1000)
    np.testing.assert_array_equal(dense(found, extents), dense(blocks, extents))
    # No pixel is in two blocks, and no block has a border without labels.
    seen = np.zeros(list(extents.values()), np.uint8)
    for block in found:
        here = tuple(slice(a, a + n) for a, n in zip(block.start, block.labels.shape, strict=True))
        seen[here] += 1
        for axis in range(4):
            along = block.labels.any(axis=tuple(i for i in range(4) if i != axis))
            assert along[0]
            assert along[-1]
    assert seen.max(initial=0) <= 1


def test_labels_of_many_time_points_take_no_more_blocks_than_are_read():
    """A coarser grid is taken where a fine one has too many blocks."""
    blocks = [LabelBlock((t, 0, 0, 0), np.ones((1, 1, 3, 3), np.uint8)) for t in range(40)]
    found = gridded(blocks, most=10)
    assert len(found) <= 10
    assert sum(int((block.labels == 1).sum()) for block in found) == 40 * 9


def test_labels_of_several_images_take_no_more_blocks_than_are_read(tmp_path, monkeypatch):
    """The limit is one of all images together, as it is when they are read."""
    for module in (project_module, label_blocks):
        monkeypatch.setattr(module, "MAX_BLOCKS", 10)
    images = [image_of("tyx", (20, 40, 50), f"layer:{i}") for i in range(2)]
    labels = [strokes(image, i) for i, image in enumerate(images)]
    found = blocks_of(save(tmp_path / "saved.ilp", images, labels))
    for image, expected, blocks in zip(images, labels, found, strict=True):
        np.testing.assert_array_equal(dense(blocks, image.extents), expected)


def test_more_images_than_are_read_are_not_saved(tmp_path, monkeypatch):
    """A project that could not be opened again is refused while it can be mended."""
    monkeypatch.setattr(project_module, "MAX_LANES", 1)
    with pytest.raises(SettingsError, match="There are 2 training images, expected at most 1"):
        save(tmp_path / "saved.ilp", [image_of("yx", (40, 50), f"layer:{i}") for i in range(2)], [None, None])
    assert not (tmp_path / "saved.ilp").exists()


def test_more_levels_of_trees_than_are_read_are_not_saved(tmp_path, monkeypatch):
    """Such a forest is predicted with, but would be refused when it is loaded."""
    monkeypatch.setattr(forests_module, "MAX_LEVELS", 1)
    with pytest.raises(SettingsError, match="more than 1 levels in all"):
        save(tmp_path / "saved.ilp", [image_of("yx", (40, 50))], [None])


def test_labels_far_from_each_other_take_little_memory():
    """No cell of the grid is kept as a whole."""
    blocks = [LabelBlock((0, 0, 512 * i, 255), np.ones((1, 1, 256, 1), np.uint8)) for i in range(1000)]
    tracemalloc.start()
    found = gridded(blocks, most=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 1000
    assert peak < 20 * 2**20
