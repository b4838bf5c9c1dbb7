"""Fitting a classifier to the labelled pixels of several images."""

from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.ilp.project import LabelBlock
from napari_batch_prediction.session.training.examples import ImageExamples, counts
from napari_batch_prediction.session.training.image import Images, Settings, TrainingImage
from napari_batch_prediction.session.work import ShouldCancel
from napari_batch_prediction.training.examples import Examples
from napari_batch_prediction.training.forest import TrainedForest, make_project, train_forest
from napari_batch_prediction.training.labelled_image import LabelledImage
from napari_batch_prediction.training.training_set import TrainingSet


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """A classifier, and what it was trained on.

    Attributes
    ----------
    classifier
        The classifier.
    training
        Images, labels and settings.
    numbers
        The number of each image.
    examples
        The labelled pixels with their features.
    accuracy
        Share of these to which the trees that were not trained on them give their class; None if there are none.
    """

    classifier: PixelClassification
    training: TrainingSet
    numbers: tuple[int, ...]
    examples: Examples
    accuracy: float | None

    @property
    def n_examples(self) -> int:
        """Number of labelled pixels."""
        return len(self.examples)


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing can be trained so far.

    Attributes
    ----------
    reason
        The reason, in words.
    """

    reason: str


def missing(examples: Mapping[int, ImageExamples], settings: Settings) -> str:
    """Return the labels that are missing before a classifier can be trained, in words; empty if none are."""
    n = counts(examples)
    painted = [one for one in settings.classes if n[one.label]]
    if not painted:
        return "Paint a stroke on the image, then one of another class."
    if len(painted) == 1:
        others = [one.name for one in settings.classes if one not in painted]
        what = f"Paint a stroke of {others[0]} too" if others else "Add another class and paint it"
        return f"Only {painted[0].name} has labels. {what}."
    return ""


def fit(
    images: Images, examples: Mapping[int, ImageExamples], settings: Settings, should_cancel: ShouldCancel
) -> Trained | NotYet:
    """Return a classifier trained on the labelled pixels of the classes that there are."""
    number_of = np.zeros(256, np.uint8)
    number_of[[one.label for one in settings.classes]] = np.arange(1, len(settings.classes) + 1)
    training = TrainingSet(
        images=tuple(_labelled(images[key], one, number_of) for key, one in examples.items()),
        class_names=tuple(one.name for one in settings.classes),
        class_colors=tuple(one.color for one in settings.classes),
        selection=settings.selection,
        n_trees=settings.n_trees,
        seed=settings.seed,
        missing=tuple(one.relabelled(number_of) for one in settings.missing),
        export=settings.export,
    )
    labelled = _joined(examples, number_of)
    try:
        forest = train_forest(labelled, n_trees=settings.n_trees, seed=settings.seed, is_cancelled=should_cancel)
    except CancelledError:
        return NotYet("")
    classifier = PixelClassification(make_project(training, forest), training)
    return Trained(classifier, training, tuple(examples), labelled, _accuracy(labelled, forest))


def _labelled(image: TrainingImage, examples: ImageExamples, number_of: NDArray[np.uint8]) -> LabelledImage:
    """Return an image with the numbers of classes as labels; those of classes that were removed are left out."""
    blocks = (LabelBlock(block.start, number_of[block.labels]) for block in examples.blocks())
    return LabelledImage(image.stored or image.image, tuple(block for block in blocks if block.labels.any()))


def _joined(examples: Mapping[int, ImageExamples], number_of: NDArray[np.uint8]) -> Examples:
    """Return the labelled pixels of all images; those of classes that were removed are left out."""
    classes = [number_of[one.labels] for one in examples.values()]
    features = [
        one.features[own > 0] for one, own in zip(examples.values(), classes, strict=True) if one.features is not None
    ]
    return Examples(
        features=np.concatenate(features),
        classes=np.concatenate([own[own > 0] for own in classes]),
        image=np.repeat(np.arange(len(classes)), [np.count_nonzero(own) for own in classes]),
        positions=np.concatenate(
            [one.coordinates(own > 0) for one, own in zip(examples.values(), classes, strict=True)]
        ),
    )


def _accuracy(examples: Examples, forest: TrainedForest) -> float | None:
    voted = forest.out_of_bag.any(axis=1)
    if not voted.any():
        return None
    chosen = np.array(forest.labels)[forest.out_of_bag[voted].argmax(axis=1)]
    return float((chosen == examples.classes[voted]).mean())
