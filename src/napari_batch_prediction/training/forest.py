"""Training a pixel classification: examples -> forest -> what a classifier is made of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import n_cores
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.forest.growing import grow_forest
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.ilp.project import PIXEL_CLASSIFICATION, Lane, PixelClassificationProject
from napari_batch_prediction.ilp.tensor import TensorFormula
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.training.examples import Examples, read_examples
from napari_batch_prediction.training.training_set import TrainingSet
from napari_batch_prediction.wording import listed


@dataclass(frozen=True, eq=False)
class TrainedForest:
    """A forest of classes, and what its growth tells of it.

    Attributes
    ----------
    trees
        The trees.
    labels
        The label (from 1) of each column of their values: those of the examples, in order.
    out_of_bag
        float32 (examples, columns): the votes of the trees that have not seen an example.
    importance
        float64 (features,): shares of 1.
    """

    trees: tuple[Tree, ...]
    labels: tuple[int, ...]
    out_of_bag: NDArray[np.float32]
    importance: NDArray[np.float64]


def train_forest(
    examples: Examples,
    *,
    n_trees: int,
    seed: int = 0,
    threads: int | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> TrainedForest:
    """Train a forest on examples.

    Examples with a feature that is NaN are left out, as pixels with one are not predicted.

    Parameters
    ----------
    examples
        Labelled pixels with their features.
    n_trees, seed
        See :class:`~napari_batch_prediction.training.training_set.TrainingSet`.
    threads, is_cancelled
        See :func:`~napari_batch_prediction.training.examples.read_examples`.

    Raises
    ------
    SettingsError
        If there are no examples.
    CancelledError
        If the training was cancelled.
    """
    usable = ~np.isnan(examples.features).any(axis=1)
    if not usable.any():
        raise SettingsError(
            "There are no labels to train on. Label some pixels of at least two classes."
            if not len(examples)
            else "All labelled pixels have features that are not a number (NaN). Label pixels away from NaN.",
            setting="labels",
        )
    labels, columns = np.unique(examples.classes[usable], return_inverse=True)
    features = examples.features if usable.all() else examples.features[usable]
    grown = grow_forest(
        features,
        columns,
        len(labels),
        n_trees=n_trees,
        seed=seed,
        threads=threads or n_cores(),
        is_cancelled=is_cancelled,
    )
    votes = np.zeros((len(examples), len(labels)), np.float32)
    votes[usable] = grown.out_of_bag
    return TrainedForest(grown.trees, tuple(map(int, labels)), votes, grown.importance)


def train_project(
    training: TrainingSet, *, threads: int | None = None, is_cancelled: Callable[[], bool] | None = None
) -> tuple[PixelClassificationProject, Examples, TrainedForest]:
    """Train on images and labels; return the project, in no file yet, with the examples and the forest.

    Raises
    ------
    ImageMismatchError, ImageReadError, SettingsError, CancelledError
        See :func:`~napari_batch_prediction.training.examples.read_examples` and :func:`train_forest`.
    """
    examples = read_examples(
        training.images, training.selection, training.n_channels, threads=threads, is_cancelled=is_cancelled
    )
    forest = train_forest(
        examples, n_trees=training.n_trees, seed=training.seed, threads=threads, is_cancelled=is_cancelled
    )
    return make_project(training, forest), examples, forest


def make_project(training: TrainingSet, forest: TrainedForest) -> PixelClassificationProject:
    """Return the project, in no file yet, of a training and its forest."""
    last = training.images[-1].image
    return PixelClassificationProject(
        path=None,
        version="",
        lanes=tuple(_lane(labelled.image) for labelled in training.images),
        selection=training.selection,
        axes=training_axes(last),
        n_channels=training.n_channels,
        dtype=last.dtype.name,
        formula=TensorFormula(training.selection.structure_tensor),
        label_names=training.class_names,
        label_colors=training.class_colors,
        trees=forest.trees,
        column_labels=forest.labels,
        channel_of_column=tuple(label - 1 for label in forest.labels),
        workflow=PIXEL_CLASSIFICATION,
        export=training.export,
    )


def untrained_project(training: TrainingSet) -> PixelClassificationProject:
    """Return the project, in no file yet, of a training that has no forest so far."""
    nothing = np.empty(0, np.float32)
    return make_project(training, TrainedForest((), (), nothing, nothing.astype(np.float64)))


def training_axes(image: Image) -> str:
    """Return the axes of an image as a project has them: y and x, and others if they are longer than 1."""
    return "".join(key for key in image.axes if key in "yx" or image.extents[key] > 1)


def training_warnings(training: TrainingSet, examples: Examples) -> list[Problem]:
    """Return warnings about labels that a classifier can be trained on, but hardly to any use."""
    found = []
    labels = np.unique(examples.classes).tolist()
    if len(labels) == 1:
        name = training.class_names[labels[0] - 1]
        text = f"Only '{name}' has labels, so every pixel gets the probability 1. Label pixels of another class, too."
        found.append(Problem("mismatch", text, "labels", severity="warning"))
    elif unlabelled := [name for i, name in enumerate(training.class_names, 1) if i not in labels]:
        text = f"Without labels: {listed(unlabelled)}. No pixel gets a probability for it."
        found.append(Problem("mismatch", text, "labels", severity="warning"))
    if n := int(np.isnan(examples.features).any(axis=1).sum()):
        text = f"{n} of {len(examples)} labelled pixels have features that are not a number (NaN), and are left out."
        found.append(Problem("mismatch", text, "labels", severity="warning"))
    return found


def _lane(image: Image) -> Lane:
    return Lane(path=image.location, axes=image.axes, shape=image.shape, dtype=image.dtype.name)
