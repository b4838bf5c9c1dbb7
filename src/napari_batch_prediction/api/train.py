"""Training a classifier from images and labels."""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import index
from pathlib import Path
from typing import Any

from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.compilation import compilation_told
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.features.choice import default_selection, fitted, parse_selection
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.ilp.limits import MAX_TREES
from napari_batch_prediction.ilp.project import MAX_LABEL, Existing, LabelBlock
from napari_batch_prediction.images.arrays import array_image, is_array, is_layer, is_xarray
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.locations.base import Location
from napari_batch_prediction.locations.inputs import expand_inputs, open_image
from napari_batch_prediction.locations.location import FileAt, parse
from napari_batch_prediction.locations.paths import absolute_path
from napari_batch_prediction.training.forest import train_project, training_warnings
from napari_batch_prediction.training.labelled_image import SPATIAL, LabelledImage, label_blocks
from napari_batch_prediction.training.pairing import pair_labels
from napari_batch_prediction.training.reopening import ReopeningImage
from napari_batch_prediction.training.training_set import (
    N_TREES,
    TrainingSet,
    class_colors,
    class_names,
    highest_label,
)
from napari_batch_prediction.wording import count

FROM = "from:"
"""Before the path of a project whose features are taken."""


def train(
    images: Any,
    labels: Any,
    *,
    axes: str | None = None,
    features: "FeatureSelection | str | None" = None,
    trees: int = N_TREES,
    seed: int = 0,
) -> PixelClassification:
    """Train a pixel classification.

    Parameters
    ----------
    images
        An image or several: arrays (numpy, dask, zarr, xarray), paths, layers of napari, opened images.
    labels
        The label image of each: whole numbers, 0 where nothing is labelled, classes from 1. Features are computed
        only where labels are, so images and labels may be larger than memory.
    axes
        Axis keys of the images, for example ``"tyx"``; their own or ilastik's guess if None. Labels have the same
        without ``c``.
    features
        The features: a selection, also ``classifier.features`` of another classifier; or a text such as
        ``"all:0.3-10"``, ``"gaussian:0.3,1,3.5; hessian:1-5"`` or ``"from:other.ilp"``. Every feature at every scale
        that ilastik offers and that fits the images if None.
    trees
        Number of trees.
    seed
        Seed of the random numbers: equal images, labels and seeds give equal classifiers.

    Returns
    -------
    A classifier in no file yet.

    Raises
    ------
    SettingsError
        If there are no images or labels, not one label image for each image, or a setting cannot be used.
    ImageMismatchError
        If labels do not fit their image, images have different channels, or one is too small for a feature.
    AxesError, ImageReadError
        If an image cannot be opened.

    Warns
    -----
    UserWarning
        If there are labels of one class only, or in pixels without features.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_batch_prediction as nbp
    >>> with nbp.open_image("nuclei_01.png") as image:
    ...     pixels = image.read()
    >>> labels = np.zeros(pixels.shape, np.uint8)
    >>> labels[::20, ::20] = np.where(pixels[::20, ::20] < 60, 1, 2)
    >>> classifier = nbp.train(pixels, labels, features="gaussian:1,3.5", trees=10)
    >>> classifier
    <PixelClassification not saved: 2D, 1 channel, classes Class 1, Class 2>
    >>> classifier.predict("nuclei_02.png", source="Simple Segmentation").shape
    (480, 600)
    """
    trees = _whole(trees, "trees", 1, MAX_TREES)
    seed = _whole(seed, "seed", 0)
    given, given_labels = _listed(images, "images"), _listed(labels, "labels")
    if not given:
        raise SettingsError("There are no images to train on.", setting="images")
    if len(given) != len(given_labels):
        raise SettingsError(
            f"There are {count(len(given), 'image')} and {count(len(given_labels), 'label image')}. Give one label "
            "image for each image, in the same order.",
            setting="labels",
        )
    opened: list[Image] = []
    try:
        for i, image in enumerate(given):
            opened += [_opened(image, axes, f"images[{i}]")]
        labelled = [
            LabelledImage(image, read_labels(given_label, image, f"labels[{i}]", axes))
            for i, (image, given_label) in enumerate(zip(opened, given_labels, strict=True))
        ]
        check_alike(opened)
        names, colors = _classes(given_labels, highest_label(labelled))
        training = TrainingSet(
            images=tuple(labelled),
            class_names=names,
            class_colors=colors,
            selection=chosen_features(features, opened),
            n_trees=trees,
            seed=seed,
        )
        project, examples, _ = train_project(training)
    finally:
        for image, source in zip(opened, given, strict=False):
            if image is not source:
                image.close()
    for warning in training_warnings(training, examples):
        warnings.warn(str(warning), stacklevel=2)
    return PixelClassification(project, training)


def train_files(
    images: Sequence[str],
    labels: str,
    output: Path,
    *,
    axes: str | None = None,
    features: str | None = None,
    trees: int = N_TREES,
    seed: int = 0,
    overwrite: bool = False,
    show: Callable[[Sequence[tuple[str, str]]], None],
    warn: Callable[[str], None],
) -> tuple[PixelClassification, Path]:
    """Train on files, and save the project.

    Parameters
    ----------
    images
        Inputs: files, folders, patterns, lists.
    labels
        See :func:`~napari_batch_prediction.training.pairing.pair_labels`.
    output, overwrite
        The file, and True to replace one of that name.
    axes, features, trees, seed
        See :func:`train`.
    show
        Called with each image and its labels before anything is read.
    warn
        Called with each warning, and when something is compiled first.

    Returns
    -------
    The classifier and its file.

    Raises
    ------
    SettingsError
        If it is not clear which labels belong to which image.
    OutputExistsError, ExportError
        If the project cannot be written; this is found before training.
    """
    from napari_batch_prediction.ilp.writing.project import check_place

    existing: Existing = "overwrite" if overwrite else "error"
    check_place(absolute_path(output), existing)
    pairs = pair_labels(expand_inputs(images), labels)
    show([(str(pair.image), str(pair.labels)) for pair in pairs])
    with compilation_told(warn), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        classifier = train(
            [pair.image for pair in pairs],
            [pair.labels for pair in pairs],
            axes=axes,
            features=features,
            trees=trees,
            seed=seed,
        )
    for warning in caught:
        warn(str(warning.message))
    return classifier, classifier.save(output, existing=existing)


def chosen_features(features: FeatureSelection | str | None, images: Sequence[Image]) -> FeatureSelection:
    """Return the selection that is asked for, as it is used with these images.

    Raises
    ------
    SettingsError
        If a text spells no selection.
    ProjectError
        If a project whose features are wanted cannot be read.
    """
    sizes = {key: min(image.extents[key] for image in images) for key in "zyx"}
    if features is None:
        return default_selection(sizes)
    if isinstance(features, str) and features.startswith(FROM):
        from napari_batch_prediction.classifiers.load import load_classifier

        features = load_classifier(features.removeprefix(FROM).strip()).features
    if isinstance(features, str):
        features = parse_selection(features)
    if not isinstance(features, FeatureSelection):
        raise SettingsError(
            f"The features are a {type(features).__name__}, expected a text such as 'all:0.3-10', or the features of "
            "a classifier (classifier.features).",
            setting="features",
        )
    return fitted(features, sizes["z"])


def check_alike(images: Sequence[Image]) -> None:
    """Check that images have the same channels, and are all 2D or all 3D.

    Raises
    ------
    ImageMismatchError
        Naming the first that differs.
    """
    first = images[0]
    for image in images[1:]:
        if image.extents["c"] != first.extents["c"]:
            raise ImageMismatchError(
                f"'{image.location}' has {count(image.extents['c'], 'channel')}, but '{first.location}' has "
                f"{first.extents['c']}. All images of a classifier need the same channels.",
                setting="channels",
            )
        if (image.extents["z"] > 1) != (first.extents["z"] > 1):
            raise ImageMismatchError(
                f"'{image.location}' has the axes {image.axes} and the shape {image.shape}, but '{first.location}' "
                f"{first.axes} and {first.shape}: one is a volume, the other is not. If z is time, give the axes.",
                setting="axes",
            )


def read_labels(given: Any, image: Image, name: str, axes: str | None = None) -> tuple[LabelBlock, ...]:
    """Return the labels in a label image; ``axes`` are those that the user gave for the image, if any.

    Raises
    ------
    ImageMismatchError
        If they do not fit the image.
    """
    extents = [image.extents[key] for key in SPATIAL]
    labels = _opened_labels(given, image, name, axes)
    try:
        return label_blocks(labels, extents)
    finally:
        if labels is not given:
            labels.close()


def _opened_labels(given: Any, image: Image, name: str, user_axes: str | None) -> Image:
    """Open a label image with axes that fit those of its image, whatever it says itself."""
    own = _opened(given, None, name)
    # An array lies as its image does: that it is a plane does not say that y is first.
    says_axes = own.axes_known == "file" and user_axes is None and not (is_array(given) and not is_xarray(given))
    if says_axes and all(own.extents[key] == image.extents[key] for key in SPATIAL):
        return own
    for axes in dict.fromkeys(_likely_axes(image)):
        wanted = tuple(image.extents[key] if key != "c" else 1 for key in axes)
        if wanted == own.shape:
            own.close()
            return _opened(given, axes, name)
    return own


def _likely_axes(image: Image) -> Iterable[str]:
    without = image.axes.replace("c", "")
    yield without
    yield "".join(key for key in without if key in "yx" or image.extents[key] > 1)
    yield image.axes
    yield "yxc"


def _opened(given: Any, axes: str | None, name: str) -> Image:
    if isinstance(given, Image):
        return given
    if isinstance(given, str | os.PathLike | Location):
        return ReopeningImage(partial(open_image, _absolute(given), axes))
    return array_image(given, axes, name)


def _absolute(given: str | os.PathLike[str] | Location) -> Location:
    """Return where an image is whatever the current folder is by the time it is opened again."""
    location = given if isinstance(given, Location) else parse(given)
    return FileAt(absolute_path(location.path), location.dataset) if isinstance(location, FileAt) else location


def _listed(given: Any, setting: str) -> list[Any]:
    """Return what is given as a list; a path, an array, a layer or an image is one."""
    if isinstance(given, str | Path | Image | Location) or is_array(given) or is_layer(given):
        return [given]
    if not isinstance(given, Iterable):
        raise SettingsError(
            f"The {setting} are a {type(given).__name__}, expected arrays, paths or layers.", setting=setting
        )
    return [*given]


def _whole(value: Any, setting: str, least: int, most: int | None = None) -> int:
    """Return a setting that is a whole number."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise SettingsError(f"{setting} is {value!r}, expected a whole number {limits}.", setting=setting)
    return number


def _classes(labels: Sequence[Any], n_labels: int) -> tuple[tuple[str, ...], tuple[Color, ...]]:
    """Return names and colours of the classes; names that a labels layer has in its table of features are used."""
    names = dict(enumerate(class_names(n_labels), 1))
    for layer in filter(is_layer, labels):
        table: Any = getattr(layer, "features", {})
        column = next((key for key in ("class", "name") if key in table), None)
        if column is not None:
            numbers = table["index"] if "index" in table else range(len(table))
            named = {number: text for number, text in zip(numbers, table[column], strict=True) if isinstance(text, str)}
            # A table of objects has a row for each of them, and more rows than there can be classes.
            names |= {label: named[label] for label in range(1, MAX_LABEL + 1) if named.get(label)}
    n = max(names, default=0)
    texts = tuple(names.get(i, class_names(i)[-1]) for i in range(1, n + 1))
    return texts, class_colors(n)
