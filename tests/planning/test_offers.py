"""Templates of second images that lie beside the images, told by their names."""

import pytest

from napari_batch_prediction.images.second import ROLES
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.planning.inputs.offers import offers

CASES = {
    "as they are exported": (
        "prediction_maps",
        ("a.png", "b.png"),
        ("a_Probabilities.h5", "b_Probabilities.h5", "a_Simple Segmentation.h5", "b_Simple Segmentation.h5"),
        [("{stem}_Probabilities.h5", "a_Probabilities.h5")],
    ),
    "of objects": (
        "prediction_maps",
        ("a.png",),
        ("a_Object Probabilities.h5", "a_Object Predictions.h5", "a_Probabilities.csv"),
        [],
    ),
    "two ways": (
        "label_image",
        ("a.png", "b.png"),
        ("a_labels.tif", "b_labels.tif", "a_cp_masks.png", "b_cp_masks.png"),
        [("{stem}_cp_masks.png", "a_cp_masks.png"), ("{stem}_labels.tif", "a_labels.tif")],
    ),
    "not all": ("segmentation_image", ("a.png", "b.png"), ("a_binary.tif",), []),
    "a longer number": ("mask", ("a1.png",), ("a10_mask.png",), []),
    "a dataset in the name": (
        "prediction_maps",
        ("a.h5/data",),
        ("a-data_Probabilities.h5",),
        [("{stem}_Probabilities.h5", "a-data_Probabilities.h5")],
    ),
    "among the images": (
        "segmentation_image",
        ("a.png", "a_mask.png", "b.png", "b_mask.png"),
        (),
        [("{stem}_mask.png", "a_mask.png")],
    ),
    "a layer and a file": ("mask", ("layer:a", "a.png"), ("a_roi.tif",), [("{stem}_roi.tif", "a_roi.tif")]),
    "layers alone": ("mask", ("layer:a",), ("a_mask.png",), []),
    "braces": ("mask", ("a.png",), ("a_{mask}.png",), []),
}


@pytest.mark.parametrize(("role", "images", "others", "expected"), CASES.values(), ids=CASES)
def test_templates_are_offered_that_fit_every_image(tmp_path, role, images, others, expected):
    """Only names count, and only those that no image lacks."""
    for name in [*(image.removesuffix("/data") for image in images if ":" not in image), *others]:
        (tmp_path / name).touch()
    locations = [parse(name if ":" in name else str(tmp_path / name)) for name in images]
    assert [*offers(ROLES[role], locations)] == expected


def test_folders_that_are_gone_offer_nothing(tmp_path):
    """That an image is not there is for the check to say."""
    assert offers(ROLES["mask"], [parse(str(tmp_path / "gone" / "a.png"))]) == ()
