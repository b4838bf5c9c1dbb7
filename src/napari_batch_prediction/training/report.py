"""A report on a training: how far its classifier can be trusted, and what it needs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.features.choice import selection_text
from napari_batch_prediction.training.examples import Examples, read_examples
from napari_batch_prediction.training.forest import train_forest
from napari_batch_prediction.training.smaller import SmallerSelection, cells_of_columns, find_smaller
from napari_batch_prediction.training.training_set import TrainingSet
from napari_batch_prediction.training.validation import Agreement, cross_validate, make_folds
from napari_batch_prediction.wording import count

MAX_EXAMPLES = 20_000
"""The most labelled pixels in a cross-validation and in the search for a smaller selection; of more, so many are drawn
at random."""


@dataclass(frozen=True, eq=False, slots=True)
class WrongLabels:
    """Labelled pixels to which the trees that have not seen them give another class, the surest ones first.

    Attributes
    ----------
    image
        intp (n,): the number of the image of each.
    positions
        int64 (n, 4): their positions along t, z, y and x.
    labels, predicted
        uint8 (n,): the label of each, and the class predicted, from 1.
    share
        float32 (n,): the share of the votes for the class predicted.
    """

    image: NDArray[np.intp]
    positions: NDArray[np.int64]
    labels: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    share: NDArray[np.float32]

    def __len__(self) -> int:
        """Return their number."""
        return len(self.labels)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class TrainingReport:
    """How far a classifier can be trusted, and what it needs. ``print(report)`` shows it as text.

    Attributes
    ----------
    classes
        Names of the classes with labels; rows and columns of ``confusion`` are in this order.
    images
        The locations of the images.
    n_labels
        Number of labelled pixels of each class.
    out_of_bag
        The agreement of each labelled pixel with the trees that have not seen it. Pixels of one stroke are much alike,
        so that this flatters.
    cross_validation
        The agreement of pixels with forests trained without their image, or without their stroke; None if there are
        too few.
    left_out
        ``"image"`` or ``"stroke"``: what was left out; empty without a cross-validation.
    n_folds
        Number of forests of the cross-validation.
    feature_names
        ilastik's name of every feature.
    importance
        float64 (features,): how much of the impurity of the labelled pixels each takes away, as shares of 1.
    scales, feature_ids, importance_by_scale
        The same summed up: float64 (feature ids, scales).
    smaller
        The smallest selection found that is as good; None if there is none. It is not used unless you train with it:
        ``train(..., features=report.smaller.selection)``.
    wrong
        Labelled pixels that the classifier itself gets wrong.
    n_judged
        Number of labelled pixels in the cross-validation.
    missing
        Reasons why images of the project were not found, whose labels are not in the report.
    """

    classes: tuple[str, ...]
    images: tuple[str, ...]
    n_labels: tuple[int, ...]
    out_of_bag: Agreement
    cross_validation: Agreement | None
    left_out: str
    n_folds: int
    feature_names: tuple[str, ...]
    importance: NDArray[np.float64]
    feature_ids: tuple[str, ...]
    scales: tuple[float, ...]
    importance_by_scale: NDArray[np.float64]
    smaller: SmallerSelection | None
    wrong: WrongLabels
    n_judged: int
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def make_report(
    training: TrainingSet,
    *,
    smaller: bool = True,
    seconds: float = 20.0,
    threads: int | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> TrainingReport:
    """Return a report on a training, by training again on its labels.

    Parameters
    ----------
    training
        Images, labels and settings.
    smaller
        True to look for a smaller selection, too.
    seconds
        The time for that, about.
    threads, is_cancelled
        See :func:`~napari_batch_prediction.training.examples.read_examples`.

    Raises
    ------
    ImageMismatchError, ImageReadError, SettingsError, CancelledError
        As for the training.
    """
    try:
        examples = read_examples(
            training.images, training.selection, training.n_channels, threads=threads, is_cancelled=is_cancelled
        )
    finally:
        for labelled in training.images:
            labelled.image.close()
    return report_of(training, examples, smaller=smaller, seconds=seconds, threads=threads, is_cancelled=is_cancelled)


def report_of(
    training: TrainingSet,
    examples: Examples,
    *,
    smaller: bool = True,
    seconds: float = 20.0,
    threads: int | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> TrainingReport:
    """Return a report on a training whose labelled pixels have their features; see :func:`make_report`."""
    examples = _without_nan(examples)
    forest = train_forest(
        examples, n_trees=training.n_trees, seed=training.seed, threads=threads, is_cancelled=is_cancelled
    )
    labels, columns = np.unique(examples.classes, return_inverse=True)
    judged = _drawn(examples, training.seed)
    folds = make_folds(judged) if len(labels) > 1 else None
    parts: list[Agreement] = []
    found = None
    if folds is not None:
        own = np.searchsorted(labels, judged.classes)
        parts = cross_validate(
            judged.features,
            own,
            folds,
            n_trees=training.n_trees,
            seed=training.seed,
            threads=threads,
            is_cancelled=is_cancelled,
        )
        if smaller:
            found = find_smaller(
                judged.features,
                own,
                folds,
                training.selection,
                training.n_channels,
                seed=training.seed,
                seconds=seconds,
                threads=threads,
                is_cancelled=is_cancelled,
            )
    has_votes = forest.out_of_bag.any(axis=1)
    predicted = forest.out_of_bag.argmax(axis=1)
    selection = training.selection
    return TrainingReport(
        classes=tuple(training.class_names[label - 1] for label in labels),
        images=tuple(labelled.image.location for labelled in training.images),
        n_labels=tuple(np.bincount(columns).tolist()),
        out_of_bag=Agreement.of(columns[has_votes], predicted[has_votes], len(labels)),
        cross_validation=Agreement(_summed(parts, len(labels))) if parts else None,
        left_out=folds.by if folds is not None else "",
        n_folds=len(parts),
        feature_names=selection.names(training.n_channels),
        importance=forest.importance,
        feature_ids=selection.ids,
        scales=selection.scales,
        importance_by_scale=_by_scale(training, forest.importance),
        smaller=found,
        wrong=_wrong(examples, labels, forest.out_of_bag, has_votes & (predicted != columns)),
        n_judged=len(judged),
        missing=tuple(image.reason for image in training.missing if image.blocks),
    )


def _summed(parts: list[Agreement], n_classes: int) -> NDArray[np.int64]:
    """Return the sum of confusions; the last classes may be missing from a part."""
    total = np.zeros((n_classes, n_classes), np.int64)
    for part in parts:
        n = len(part.confusion)
        total[:n, :n] += part.confusion
    return total


def _only(examples: Examples, rows: NDArray) -> Examples:
    return Examples(examples.features[rows], examples.classes[rows], examples.image[rows], examples.positions[rows])


def _without_nan(examples: Examples) -> Examples:
    usable = np.flatnonzero(~np.isnan(examples.features).any(axis=1))
    return examples if len(usable) == len(examples) else _only(examples, usable)


def _drawn(examples: Examples, seed: int) -> Examples:
    """Return at most :data:`MAX_EXAMPLES` of the examples, in their order."""
    if len(examples) <= MAX_EXAMPLES:
        return examples
    random = np.random.default_rng(seed)
    return _only(examples, np.sort(random.choice(len(examples), MAX_EXAMPLES, replace=False)))


def _by_scale(training: TrainingSet, importance: NDArray[np.float64]) -> NDArray[np.float64]:
    selection = training.selection
    by_cell = np.bincount(cells_of_columns(selection, training.n_channels), importance)
    table = np.zeros((len(selection.ids), len(selection.scales)))
    for (name, j), share in zip(selection, by_cell, strict=True):
        table[selection.ids.index(name), j] = share
    return table


def _wrong(
    examples: Examples, labels: NDArray[np.uint8], votes: NDArray[np.float32], is_wrong: NDArray[np.bool_]
) -> WrongLabels:
    rows = np.flatnonzero(is_wrong)
    share = votes[rows].max(axis=1, initial=0) / votes[rows].sum(axis=1)
    rows, share = rows[order := np.argsort(-share, kind="stable")], share[order]
    return WrongLabels(
        examples.image[rows],
        examples.positions[rows],
        examples.classes[rows],
        labels[votes[rows].argmax(axis=1)] if len(rows) else np.empty(0, np.uint8),
        share,
    )


def _lines(report: TrainingReport) -> list[str]:
    """Return the report as lines of text."""
    numbers = zip(report.classes, report.n_labels, strict=True)
    lines = [f"Labelled pixels: {', '.join(f'{name} {n}' for name, n in numbers)}"]
    lines += [f"Labels left out: {reason}" for reason in report.missing]
    lines += ["", f"Out of bag: {_percent(report.out_of_bag.accuracy)} right", *_table(report, report.out_of_bag)]
    validation = report.cross_validation
    if validation is None:
        lines += ["", "No cross-validation: it needs labels in two images, or two strokes of a class."]
    else:
        what = f"Without their own {report.left_out} ({report.n_folds} forests)"
        lines += ["", f"{what}: {_percent(validation.accuracy)} right", *_table(report, validation)]
    order = np.argsort(-report.importance, kind="stable")[:10]
    lines += ["", "Features that matter most:"]
    lines += [f"  {_percent(report.importance[i]):>6}  {report.feature_names[i]}" for i in order]
    if report.smaller is not None:
        smaller = report.smaller
        n_cells = sum(1 for _ in smaller.selection)
        lines += [
            "",
            f"As good with fewer features ({count(n_cells, 'feature')}, {_percent(smaller.accuracy)} right, with all "
            f"{_percent(smaller.accuracy_of_all)}): {selection_text(smaller.selection)}",
        ]
    lines += ["", f"{count(len(report.wrong), 'labelled pixel')} that the classifier itself gets wrong"]
    return lines


def _table(report: TrainingReport, agreement: Agreement) -> list[str]:
    """Return a table of labels (rows) and predictions (columns)."""
    width = max(len(name) for name in report.classes)
    cell = max(6, width, len(str(agreement.confusion.max(initial=0))))
    lines = [f"  {'':{width}}  {'  '.join(f'{name:>{cell}}' for name in report.classes)}   right"]
    for name, row, share in zip(report.classes, agreement.confusion, agreement.by_class, strict=True):
        cells = "  ".join(f"{n:>{cell}}" for n in row)
        lines.append(f"  {name:{width}}  {cells}  {_percent(share):>6}")
    return lines


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f} %"
