"""Which label image belongs to which image."""

from pathlib import Path

import pytest

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.inputs import expand_inputs
from napari_batch_prediction.training.pairing import pair_labels


def _pairs(folder: Path, labels: str, images: str = "*.tif") -> list[tuple[str, str]]:
    """The names of images and labels."""
    pairs = pair_labels(expand_inputs([str(folder / images)]), labels)
    return [(Path(str(image)).name, Path(str(labels)).name) for image, labels in pairs]


def _files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_pattern_with_the_name_of_the_image(tmp_path: Path) -> None:
    """Labels beside the images are found, and are no images themselves though the pattern of images matches them."""
    folder = _files(tmp_path, "a.tif", "b.tif", "a_labels.tif", "b_labels.tif")
    assert _pairs(folder, "{stem}_labels.tif") == [("a.tif", "a_labels.tif"), ("b.tif", "b_labels.tif")]


def test_names_decide_not_the_order(tmp_path: Path) -> None:
    """Each label image belongs to the image with the longest name in its own."""
    folder = _files(tmp_path, "x1.tif", "x10.tif", "labels/of x10.png", "labels/x1 strokes.png")
    assert _pairs(folder, str(folder / "labels")) == [("x1.tif", "x1 strokes.png"), ("x10.tif", "of x10.png")]


def test_names_that_say_nothing_are_paired_in_order(tmp_path: Path) -> None:
    """In natural order, if there are as many labels as images."""
    folder = _files(tmp_path, "a9.tif", "a10.tif", "labels/l2.png", "labels/l11.png")
    assert _pairs(folder, str(folder / "labels")) == [("a9.tif", "l2.png"), ("a10.tif", "l11.png")]


@pytest.mark.parametrize(
    ("names", "labels", "text"),
    [
        (["a.tif", "b.tif", "a_labels.tif"], "{stem}_labels.tif", r"no labels for '.*b.tif'"),
        (["b.tif", "c.tif", "labels/b.png", "labels/x.png"], "labels", "not clear which of the 2 label images"),
        (["b.tif", "labels/b1.png", "labels/b2.png"], "labels", "not clear which of the 2 label images"),
        (["a.tif", "b.tif", "l/labels.png"], "l", "not clear .* belongs to .*a.tif', .*b.tif'"),
        (["p.tif"], "p.tif", "would be the image itself"),
        (["p.tif", "q.tif", "labels/1.png"], "labels", "There are 2 images, but 1 label image"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, names: list[str], labels: str, text: str) -> None:
    """Labels are never guessed."""
    folder = _files(tmp_path, *names)
    with pytest.raises(SettingsError, match=text):
        _pairs(folder, labels if "{" in labels else str(folder / labels))
