"""The facts of a classifier in the words of the window."""

from html import escape

from napari_batch_prediction import report
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.colors import Color
from napari_batch_prediction.wording import count


def headline(classifier: Description) -> str:
    """Return workflow, channels, dimensions and axes, as in ``Pixel Classification · 1 channel · 2D (yx)``."""
    time = " + time" if "t" in classifier.axes else ""
    channels = count(classifier.n_channels, "channel")
    return f"{classifier.workflow} \u00b7 {channels} \u00b7 {classifier.dimension}D{time} ({classifier.axes})"


def classes(classifier: Description) -> list[tuple[str, Color]]:
    """Return the predicted classes and their colours; none for a classifier that counts."""
    return [] if classifier.counted else list(zip(classifier.classes, classifier.class_colors, strict=True))


def counting(classifier: Description) -> str:
    """Return the thing that a classifier counts, as a sentence; empty if it does not count."""
    return f"Counts what was marked as {classifier.counted}." if classifier.counted else ""


def limits(classifier: Description) -> str:
    """Return a sentence about the images that a classifier cannot predict, besides those with other channels."""
    size = smallest(classifier)
    small = f"; at least {size} pixels" if size else ""
    if classifier.dimension == 2 and not classifier.counted and classifier.objects is None:
        return f"Volumes slice by slice, if you set the axes{small}."
    return f"Not for {'2D' if classifier.dimension == 3 else '3D'}{small}."


def smallest(classifier: Description) -> str:
    """Return the least size of an image, as in ``36 × 36``; empty if any size will do."""
    extents = classifier.min_extents.values()
    return " \u00d7 ".join(map(str, extents)) if max(extents) > 1 else ""


def tooltip(classifier: Description) -> str:
    """Return all facts of a classifier, as a table."""
    rows = "".join(
        f"<tr><td>{escape(heading)}:&nbsp;</td><td>{escape(text)}</td></tr>"
        for heading, text in (*report.describe(classifier), ("Limits", limits(classifier)))
    )
    return f"<table>{rows}</table>"
