"""The random forests in a project file, as written by vigra."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.forest.trees import Tree, trees_from_vigra
from napari_batch_prediction.ilp.labels import highest_label
from napari_batch_prediction.ilp.limits import MAX_FEATURES, MAX_FORESTS, MAX_LEVELS, MAX_TREES
from napari_batch_prediction.ilp.project import MAX_LABEL, TRAIN_AGAIN, Forests
from napari_batch_prediction.ilp.reading.group import ProjectGroup

_CHOOSE_FOREST = f"Choose the classifier 'Parallel Random Forest' in ilastik. {TRAIN_AGAIN}"
_FOREST_TYPES = {
    "ParallelVigraRfLazyflowClassifier",
    "VigraRfLazyflowClassifier",
    "VigraRfPixelwiseClassifier",
}
_SKLEARN_TYPE = "SklearnLazyflowClassifier"
# A class in a pickle of protocol 0: module and name, on a line each.
_PICKLED_CLASS = re.compile(r"lazyflow\.classifiers\.\w+\s+(\w+)")
_FOREST_VERSION = 0.1
_SUM_TOLERANCE = 1e-6
# Entries of the topologies that are held at once, beside the trees made of them.
_PART = 2**18

_Arrays = tuple[NDArray[Any], NDArray[Any]]


def read_forests(applet: ProjectGroup) -> Forests:
    """Read the classifier of a pixel classification from the group ``ClassifierForests``.

    Raises
    ------
    ProjectError
        If there is no classifier, it is not a random forest of vigra, or it is damaged.
    """
    classifier = applet.group("ClassifierForests")
    if classifier is None:
        raise untrained(applet.path, applet.name, is_labelled=highest_label(applet) > 0)
    _check_type(classifier)
    forests = _forests(classifier)
    if len(forests) > MAX_FORESTS:
        raise classifier.damaged("", f"expected at most {MAX_FORESTS} forests, found {len(forests)}")
    trees: list[Tree] = []
    n_levels = 0
    sizes: set[tuple[int, int]] = set()
    for forest in forests:
        for tree, n_features, n_classes in _read_trees(forest):
            trees.append(tree)
            n_levels += tree.n_levels()
            if n_levels > MAX_LEVELS:
                raise forest.damaged("", f"expected trees of at most {MAX_LEVELS} levels in all, found more")
            sizes.add((n_features, n_classes))
        if len(trees) > MAX_TREES:
            raise classifier.damaged("", f"expected at most {MAX_TREES} trees, found {len(trees)}")
        if len(sizes) > 1:
            listed = " and ".join(f"{n} features with {c} classes" for n, c in sorted(sizes))
            raise forest.damaged("", f"expected trees of one kind, found {listed}")
    if not sizes:
        raise untrained(applet.path, applet.name, is_labelled=highest_label(applet) > 0)
    n_features, n_classes = sizes.pop()
    if n_features > MAX_FEATURES:
        raise classifier.damaged("", f"expected at most {MAX_FEATURES} features, found {n_features}")
    names = classifier.texts("feature_names")
    _check_counts(classifier, forests, n_features, n_classes, names)
    return Forests(tuple(trees), n_features, _read_labels(classifier, forests[0], n_classes), names)


def is_untrained(applet: ProjectGroup) -> bool:
    """Return True if a pixel classification has no classifier, so that it can only be trained."""
    classifier = applet.group("ClassifierForests")
    if classifier is None:
        return True
    return not classifier.has("pickled_classifier") and not any(
        not name.startswith("_") for forest in _forests(classifier) for name in forest.names()
    )


def _forests(classifier: ProjectGroup) -> list[ProjectGroup]:
    # Classifiers with a single forest store it as "forest".
    members = classifier.subgroups()
    return [member for key, member in members.items() if key.startswith("Forest") or key == "forest"]


def untrained(path: Path, name: str, *, is_labelled: bool) -> ProjectError:
    """Return the error for a project without a classifier in the group of a pixel classification."""
    unlabelled = "" if is_labelled else "The project was never labelled, so first label some pixels of each class. "
    return ProjectError(
        f"{path} was saved without its trained classifier: there is no random forest at {name}/ClassifierForests. "
        f"{unlabelled}{TRAIN_AGAIN}"
    )


def _check_type(classifier: ProjectGroup) -> None:
    pickled = classifier.text("pickled_type")
    match = _PICKLED_CLASS.search(pickled) if pickled else None
    kind = match[1] if match else None
    path = classifier.path
    if kind == _SKLEARN_TYPE or classifier.has("pickled_classifier"):
        raise ProjectError(
            f"{path} holds a scikit-learn classifier as a pickle, which is not loaded: a pickle can run any "
            f"program. {_CHOOSE_FOREST}"
        )
    if pickled and kind not in _FOREST_TYPES:
        raise ProjectError(
            f"{path} holds a classifier of an unknown type: expected one of "
            f"{', '.join(sorted(_FOREST_TYPES))}, found {(kind or pickled)[:60]!r}. {_CHOOSE_FOREST}"
        )


def _read_trees(forest: ProjectGroup) -> Iterable[tuple[Tree, int, int]]:
    """Return each tree of a forest with its number of features and of classes."""
    path = forest.path
    version = forest.attribute("", "vigra_random_forest_version")
    if version is not None and not (isinstance(version, float) and version <= _FOREST_VERSION):
        raise ProjectError(
            f"{path}: the random forest at {forest.name} has version {str(version)[:60]}, but only versions up to "
            f"{_FOREST_VERSION} are known. {TRAIN_AGAIN}"
        )
    options = forest.group("_options")
    if options is not None and options.integer("predict_weighted_"):
        raise ProjectError(
            f"{path}: the random forest at {forest.name} weighs its leaves (predict_weighted_), which "
            f"ilastik does not do and is not supported. {TRAIN_AGAIN}"
        )
    stored = [member for name, member in forest.subgroups().items() if not name.startswith("_")]
    count = options.integer("tree_count_") if options is not None else None
    if count is not None and not 0 <= count <= len(stored):
        raise forest.damaged("_options/tree_count_", f"expected {count} trees, found {len(stored)}")
    if len(stored[:count]) > MAX_TREES:
        raise forest.damaged("", f"expected at most {MAX_TREES} trees, found {len(stored[:count])}")
    return _in_parts(stored[:count])


def _in_parts(stored: Sequence[ProjectGroup]) -> Iterator[tuple[Tree, int, int]]:
    """Read as many trees at once as are worth it."""
    part: list[ProjectGroup] = []
    arrays: list[_Arrays] = []
    size = 0
    for member in stored:
        part.append(member)
        arrays.append(_read_arrays(member))
        size += arrays[-1][0].size
        if size > _PART or member is stored[-1]:
            trees = _read_part(part, arrays)
            for tree, (topology, _), group in zip(trees, arrays, part, strict=True):
                _check_sums(group, tree)
                yield tree, int(topology[0]), int(topology[1])
            part, arrays, size = [], [], 0


def _read_arrays(stored: ProjectGroup) -> _Arrays:
    topology, parameters = stored.array("topology", copies=2), stored.array("parameters", copies=2)
    if topology is None or parameters is None or topology.dtype.kind != "i" or parameters.dtype.kind != "f":
        raise stored.damaged("", "expected a tree: 'topology' of whole numbers and 'parameters' of floats")
    return topology, parameters


def _read_part(part: Sequence[ProjectGroup], arrays: Sequence[_Arrays]) -> list[Tree]:
    """Return the trees of several groups; the error names the group of the first that is damaged."""
    try:
        return trees_from_vigra(arrays)
    except ProjectError as error:
        if len(part) == 1:
            raise ProjectError(f"{part[0].path} at {part[0].name}: {error}") from error
        return [tree for one in zip(part, arrays, strict=True) for tree in _read_part([one[0]], [one[1]])]


def _check_sums(stored: ProjectGroup, tree: Tree) -> None:
    sums = tree.value[tree.feature < 0].sum(axis=1)
    if np.abs(sums - 1).max() > _SUM_TOLERANCE:
        raise stored.damaged(
            "parameters", f"expected probabilities that add up to 1, found {sums.min():g} to {sums.max():g}"
        )


def _check_counts(
    classifier: ProjectGroup,
    forests: list[ProjectGroup],
    n_features: int,
    n_classes: int,
    names: tuple[str, ...] | None,
) -> None:
    """Check the counts stored beside the trees against the trees."""
    for forest in forests:
        for name, expected in (("column_count_", n_features), ("class_count_", n_classes)):
            count = forest.integer(f"_ext_param/{name}")
            if count not in (None, expected):
                raise forest.damaged(f"_ext_param/{name}", f"expected {expected} as in the trees, found {count}")
    if names is not None and len(names) != n_features:
        raise classifier.damaged("feature_names", f"expected {n_features} names as in the trees, found {len(names)}")


def _read_labels(classifier: ProjectGroup, forest: ProjectGroup, n_classes: int) -> tuple[int, ...]:
    """Return the label of each column; 1, 2, 3... in projects from before ``known_labels``."""
    labels = classifier.integers("known_labels") or forest.integers("_ext_param/labels")
    if n_classes > MAX_LABEL:
        raise ProjectError(
            f"{classifier.path} has {n_classes} classes, but numbers of classes have 8 bits: there are {MAX_LABEL} at "
            f"most. {TRAIN_AGAIN}"
        )
    labels = labels or tuple(range(1, n_classes + 1))
    if len(labels) != n_classes or len(set(labels)) != n_classes or not set(labels) <= set(range(1, MAX_LABEL + 1)):
        raise classifier.damaged(
            "known_labels",
            f"expected a label for each of {n_classes} classes, found {labels[:10]}",
        )
    return labels
