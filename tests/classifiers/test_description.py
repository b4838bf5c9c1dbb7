"""The facts of classifiers, and the texts made of them."""

import golden
import pytest

from napari_batch_prediction import cli
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ImageMismatchError

CASES = ["a_2d_u8", "b_2d_rgb_u8", "e_3d_in2d_u8", "h1_count_2d_u8", "i_autocontext_2d_u8", "l_3d_mixed_u8"]


@pytest.mark.parametrize("case", CASES)
def test_smallest_image_is_accepted_and_no_smaller_one(case):
    """An image of the smallest extents can be predicted; one pixel less along any axis is refused."""
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    smallest = {**classifier.describe().min_extents, "c": classifier.n_channels}
    classifier.check("".join(smallest), tuple(smallest.values()))
    for key in classifier.describe().min_extents:
        smaller = {**smallest, key: smallest[key] - 1}
        with pytest.raises(ImageMismatchError):
            classifier.check("".join(smaller), tuple(smaller.values()))


INFO = {
    "a_2d_u8": """\
Workflow:  Pixel Classification
ilastik:   VERSION
Classes:   Class 1, Class 2, Class 3
Channels:  1
Axes:      yx
Features:  49 in 2D, scales 0.3, 0.7, 1, 1.6, 3.5, 5, 10
Trees:     100
Sources:   Probabilities, Simple Segmentation, Uncertainty, Features, Areas, Objects, Object Table
""",
    "h1_count_2d_u8": """\
Workflow:    Cell Density Counting
ilastik:     VERSION
Counts:      what was marked as Foreground
Channels:    1
Axes:        yx
Features:    12 in 2D, scales 0.7, 1, 1.6, 3.5
Regressors:  1 (random forest, 10 trees)
Sigma:       2.5 pixels
Sources:     Density, Counts
""",
    "i_autocontext_2d_u8": """\
Workflow:  Autocontext (2-stage)
ilastik:   VERSION
Classes:   not, blob
Channels:  1
Axes:      yx
Stage 1:   classes: bg, blob, stripe; features: 8 in 2D, scales 0.7, 1.6, 3.5; trees: 100
Stage 2:   classes: not, blob; features: 24 in 2D, scales 0.7, 1, 1.6, 3.5, 5; trees: 100
Sources:   Probabilities Stage 2, Simple Segmentation Stage 2, Uncertainty Stage 2, Features Stage 2, \
Probabilities Stage 1, Simple Segmentation Stage 1, Uncertainty Stage 1, Features Stage 1, Probabilities All Stages, \
Areas, Objects, Object Table
""",
}


@pytest.mark.parametrize(("case", "expected"), INFO.items(), ids=INFO)
def test_info_shows_the_facts_of_each_workflow(case, expected, capsys):
    """The command ``info`` shows the file, then the facts of each workflow line by line."""
    path = golden.ROOT / case / "project.ilp"
    assert cli.main(["info", str(path)]) == 0
    first, _, others = capsys.readouterr().out.partition("\n")
    assert first.split(maxsplit=1) == ["File:", str(path)]
    assert others.replace(load_classifier(path).describe().version, "VERSION") == expected
