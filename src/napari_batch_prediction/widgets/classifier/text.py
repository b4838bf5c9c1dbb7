"""What the window says of a classifier."""

from collections.abc import Callable
from html import escape

from napari_batch_prediction.classifiers.autocontext import Autocontext
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.density_counting import DensityCounting
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.widgets.parts.words import count

# The side of an image that is surely large enough.
LARGE = 4096


def selections(classifier: Classifier) -> tuple[FeatureSelection, ...]:
    """Return the features of each stage of a classifier."""
    match classifier:
        case PixelClassification() | DensityCounting():
            return (classifier.project.selection,)
        case Autocontext():
            return tuple(project.selection for project in classifier.projects)
    return ()


def headline(classifier: Classifier) -> str:
    """Return workflow, channels, dimensions and axes, as in ``Pixel Classification · 1 channel · 2D (yx)``."""
    dimensions = ("3D" if "z" in classifier.axes else "2D") + (" + time" if "t" in classifier.axes else "")
    channels = count(classifier.n_channels, "channel")
    return f"{classifier.workflow} \u00b7 {channels} \u00b7 {dimensions} ({classifier.axes})"


def classes(classifier: Classifier) -> list[tuple[str, Color]]:
    """Return the classes that are predicted, and their colours; none for a classifier that counts."""
    source = classifier.source(classifier.sources[0])
    return list(zip(source.classes, source.class_colors, strict=True))


def counting(classifier: Classifier) -> str:
    """Return what a classifier counts, as a sentence; empty if it does not count."""
    what = classifier.summary().get("Counts")
    return f"Counts {what}." if what else ""


def features(classifier: Classifier) -> list[str]:
    """Return a line on the features and scales of each stage."""
    about = {name: str(text) for name, text in classifier.summary().items()}
    stages = [
        f"{name}: {text.partition('features: ')[2].partition(';')[0]}"
        for name, text in about.items()
        if name.startswith("Stage ")
    ]
    return stages or [text for name, text in about.items() if name == "Features"]


def limits(classifier: Classifier) -> str:
    """Return what a classifier cannot be used for besides other channels, as a sentence."""
    size = smallest(classifier)
    small = f", nor below {size} pixels" if size else ""
    return f"Not for {'2D' if 'z' in classifier.axes else '3D'}{small}."


def smallest(classifier: Classifier) -> str:
    """Return the size an image must have, as in ``36 × 36``; empty if there is no such limit."""
    n = classifier.n_channels
    if "z" not in classifier.axes:
        side = _least(lambda side: _accepts(classifier, "yxc", (side, side, n)))
        return f"{side} \u00d7 {side}" if 1 < side < LARGE else ""
    depth = _least(lambda depth: _accepts(classifier, "zyxc", (depth, LARGE, LARGE, n)))
    side = _least(lambda side: _accepts(classifier, "zyxc", (LARGE, side, side, n)))
    return f"{depth} \u00d7 {side} \u00d7 {side}" if max(depth, side) < LARGE else ""


def tooltip(classifier: Classifier) -> str:
    """Return everything that is known of a classifier, as a table."""
    rows = "".join(
        f"<tr><td>{escape(heading)}:&nbsp;</td><td>{escape(str(text))}</td></tr>"
        for heading, text in classifier.summary().items()
    )
    return f"<table>{rows}</table>"


def _accepts(classifier: Classifier, axes: str, shape: tuple[int, ...]) -> bool:
    try:
        classifier.check(axes, shape)
    except ImageMismatchError:
        return False
    return True


def _least(accepts: Callable[[int], bool]) -> int:
    """Return the smallest extent that is accepted, found by halving."""
    low, high = 1, LARGE
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if accepts(middle) else (middle + 1, high)
    return low
