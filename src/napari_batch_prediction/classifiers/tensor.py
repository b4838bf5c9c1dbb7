"""Settling the formula of the structure tensor: by a setting, by the project, or by its training images."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar, get_args

import numpy as np

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import BatchPredictionError, ProjectError
from napari_batch_prediction.features.selection import StructureTensor
from napari_batch_prediction.ilp.project import Lane, Project
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.tensor import TensorFormula
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.wording import count

P = TypeVar("P", bound=Project)

Fit = Callable[[Classifier], tuple[float, int]]
"""Returns how well a classifier predicts its own labels, from 0 to 1, and the number of pixels looked at."""

WORDS: dict[StructureTensor, str] = {
    "gradient": "gradient at the feature's scale, smoothed at half of it",
    "integration": "gradient at half the feature's scale, smoothed at the scale",
}
"""The formulas in words."""

# Two thirds of the trees have seen a pixel that the forest was trained on, and are nearly always right about it. The
# others are right more often than not. Pixels of another image get less.
_GOOD_FIT = 0.8
_BETTER_BY = 0.0005


def with_formula(stages: Sequence[P], formula: TensorFormula) -> tuple[P, ...]:
    """Return stages of a project whose structure tensor, if they have one, has this formula."""
    return tuple(
        replace(stage, selection=replace(stage.selection, structure_tensor=formula.value), formula=formula)
        if stage.selection.has_structure_tensor
        else stage
        for stage in stages
    )


def chosen(stages: Sequence[P], value: StructureTensor) -> tuple[P, ...]:
    """Return stages of a project with the formula that the user chose."""
    return with_formula(stages, TensorFormula(value, told="Set by structure_tensor."))


def settled(
    file: ProjectFile,
    stages: Sequence[P],
    make: Callable[[Sequence[P]], Classifier],
    fit: Fit,
    good_fit: float = _GOOD_FIT,
) -> tuple[P, ...]:
    """Return stages of a project with the formula that its training images tell, if its text leaves that open.

    Whatever fails leaves the formula that is more likely, with a warning where that is not likely enough.

    Parameters
    ----------
    file, stages
        The project, and the stages of its classifier.
    make
        Makes the classifier of stages.
    fit
        Tells how well a classifier predicts its own labels.
    good_fit
        The least fit of a classifier with its own training images.
    """
    unsettled = [s for s in stages if s.selection.has_structure_tensor and s.formula.known != "yes"]
    if not unsettled:
        return tuple(stages)
    default = unsettled[0].formula
    fits: dict[StructureTensor, float] = {}
    n_pixels = 0
    try:
        for value in get_args(StructureTensor):
            fits[value], n_pixels = fit(make(with_formula(stages, TensorFormula(value))))
        reason = _no_decision(fits, good_fit)
    except BatchPredictionError as error:
        reason = str(error).rstrip(".")
    except Exception as error:  # whatever an image does to its reader, the project can be used without it
        reason = f"{type(error).__name__}: {error}"
    if not reason:
        best = max(fits, key=fits.__getitem__)
        return with_formula(stages, TensorFormula(best, told=_told(fits, best, n_pixels)))
    warning = "" if default.known == "likely" else _warning(file, default.value, reason)
    return with_formula(stages, replace(default, warning=warning))


def class_fit(file: ProjectFile, lanes: Sequence[Lane], applets: Sequence[str], sources: Sequence[str]) -> Fit:
    """Return the mean probability that a classifier gives to the own class of labelled pixels, as a function of it.

    Parameters
    ----------
    file, lanes
        The project, and its training images.
    applets, sources
        The group with the labels of each stage, and the name of its probabilities.
    """

    def fit(classifier: Classifier) -> tuple[float, int]:
        from napari_batch_prediction.training.labelled import labelled_pixels, read_parts

        n_classes = {name: classifier.source(name).channels for name in sources}
        total, n_pixels = 0.0, 0
        for applet, name in zip(applets, sources, strict=True):
            images = labelled_pixels(file, lanes, applet)
            for part in read_parts(file, images, classifier.context, classifier.n_channels):
                predicted = classifier.predict_tile(part.block, part.tile, [name])[name]
                labels = part.values.astype(np.int64)
                known = labels <= n_classes[name]
                z, y, x = part.positions[known].T
                total += float(predicted[labels[known] - 1, z, y, x].sum(dtype=np.float64))
                n_pixels += int(known.sum())
        if not n_pixels:
            raise ProjectError("the project has no labels")
        return total / n_pixels, n_pixels

    return fit


def project_warnings(stages: Sequence[Project]) -> list[Problem]:
    """Return the warnings that a project was trained here, and that the formula is a guess."""
    path = stages[0].path
    again = [Problem("classifier", s.trained_again, path=path, severity="warning") for s in stages if s.trained_again]
    guessed = [stage.formula.warning for stage in stages if stage.formula.warning][:1]
    return again + [
        Problem("classifier", text, setting="structure_tensor", path=path, severity="warning") for text in guessed
    ]


def variant(stages: Sequence[Project]) -> str:
    """Return the variant of the sources of a classifier: the formula, unless it is the usual one."""
    values = {s.selection.structure_tensor for s in stages if s.selection.has_structure_tensor}
    return "structure tensor: gradient" if "gradient" in values else ""


def formula_text(stages: Sequence[Project]) -> str:
    """Return the formula in words, and how it was told; empty for the usual one, and without a structure tensor."""
    for stage in stages:
        formula = stage.formula
        if stage.selection.has_structure_tensor and (formula.value == "gradient" or formula.told or formula.warning):
            if formula.warning:
                return f"{formula.value}? {formula.warning}"
            told = formula.told or "As in all projects before ilastik 1.2."
            return f"{formula.value}: the {WORDS[formula.value]}. {told}"
    return ""


def _no_decision(fits: dict[StructureTensor, float], good_fit: float) -> str:
    """Return the reason why fits do not tell the formula; empty if they do."""
    worse, better = sorted(fits.values())
    if better < good_fit:
        return f"they do not fit the classifier (with {better:.3f}; expected {good_fit:g} or more)"
    if better - worse < _BETTER_BY:
        return "they fit both alike"
    return ""


def _told(fits: dict[StructureTensor, float], best: StructureTensor, n_pixels: int) -> str:
    other = next(value for value in fits if value != best)
    return (
        f"Told by the training images: {count(n_pixels, 'labelled pixel')} fit with {fits[best]:.4f}, against "
        f"{fits[other]:.4f} with {other}."
    )


def _warning(file: ProjectFile, value: StructureTensor, reason: str) -> str:
    other = next(v for v in get_args(StructureTensor) if v != value)
    return (
        f"{file.path.name} was saved by ilastik {file.version}. At the time it was trained, the formula of Structure "
        f"Tensor Eigenvalues depended on version and computer, and its training images do not tell which it was: "
        f"{reason}. Assumed is '{value}', the {WORDS[value]}. If results differ from those that ilastik gave at the "
        f"time, set the structure tensor to '{other}'."
    )
