"""The random forest in a project, as vigra stores it."""

import io
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.forest.trees import Tree, tree_to_vigra
from napari_batch_prediction.formats.common.files import write_whole, writing
from napari_batch_prediction.ilp.limits import MAX_LEVELS
from napari_batch_prediction.ilp.project import PixelClassificationProject
from napari_batch_prediction.ilp.writing.texts import put_text, put_texts

N_PARTS = 8
"""Parts of a forest, which ilastik predicts side by side. ilastik stores as many as the computer has threads."""

# Both texts are constants that ilastik looks for; see :func:`factory`.
_TYPE = "clazyflow.classifiers.parallelVigraRfLazyflowClassifier\nParallelVigraRfLazyflowClassifier\np0\n."
_FACTORY = (
    "ccopy_reg\n_reconstructor\np0\n(clazyflow.classifiers.parallelVigraRfLazyflowClassifier\n"
    "ParallelVigraRfLazyflowClassifierFactory\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nVVERSION\np6\nI2\n"
    "sV_num_trees\np7\nI{n_trees}\nsV_label_proportion\np8\nNsV_variable_importance_path\np9\n"
    "NsV_variable_importance_enabled\np10\nI00\nsV_kwargs\np11\n(dp12\nsV_num_forests\np13\nI{n_parts}\nsb."
)

# vigra's settings as ilastik sets them: grown until pure, the square root of the number of features at a node, and
# rows drawn with replacement.
_OPTIONS = {
    "min_split_node_size_": 1,
    "mtry_": 0,
    "mtry_func_": 0,
    "mtry_switch_": 6,
    "predict_weighted_": 0,
    "prepare_online_learning_": 0,
    "sample_with_replacement_": 1,
    "stratification_method_": 3,
    "training_set_calc_switch_": 1,
    "training_set_func_": 0,
    "training_set_proportion_": 1,
    "training_set_size_": 0,
}
_PROBLEM = {"is_weighted_": 1, "precision_": 0, "problem_type_": 1, "response_size_": 1, "used_": 1}
_VERSION = 0.1


def factory(n_trees: int) -> str:
    """Return the text by which ilastik knows how to train again: a pickle as text, of which only numbers differ."""
    return _FACTORY.format(n_trees=n_trees, n_parts=N_PARTS)


def write_forests(applet: h5py.Group, project: PixelClassificationProject, n_samples: int) -> None:
    """Write the group ``ClassifierForests``.

    Parameters
    ----------
    applet
        The group of the pixel classification.
    project
        The project, with trees.
    n_samples
        Number of labelled pixels of the training.

    Raises
    ------
    SettingsError
        If there are more levels of trees than are read.
    """
    if sum(tree.n_levels() for tree in project.trees) > MAX_LEVELS:
        raise SettingsError(
            f"The {len(project.trees)} trees have more than {MAX_LEVELS} levels in all. Train fewer trees.",
            setting="trees",
        )
    stored = applet.create_group("ClassifierForests")
    labels = np.array(project.column_labels, np.uint32)
    names = project.selection.names(project.n_channels)
    put_texts(stored, "feature_names", names)
    stored["known_labels"] = labels
    put_text(stored, "pickled_type", _TYPE)
    n_parts = min(N_PARTS, len(project.trees))
    # The trees stay in order, since a sum of float32 depends on it.
    starts = [part[0] for part in np.array_split(np.arange(len(project.trees)), n_parts)]
    for i, (start, stop) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
        part = stored.create_group(f"Forest{i:04}")
        _write_part(part, project.trees[start:stop], len(names), labels, n_samples)


def replace_forest(path: Path, project: PixelClassificationProject, n_samples: int) -> None:
    """Put a new forest into a project file; all else stays, and the file is replaced as a whole, or not at all.

    Parameters
    ----------
    path
        The file of a Pixel Classification project.
    project
        The project with its new trees.
    n_samples
        Number of labelled pixels of the training.

    Raises
    ------
    ExportError
        If the file cannot be replaced.
    SettingsError
        See :func:`write_forests`.
    """
    with writing(path):
        # Made in memory, as a whole project is.
        content = io.BytesIO(path.read_bytes())
        with h5py.File(content, "r+") as file:
            applet = file["PixelClassification"]
            if "ClassifierForests" in applet:
                del applet["ClassifierForests"]
            write_forests(applet, project, n_samples)
    write_whole(path, content.getvalue(), replace=True)


def _write_part(forest: h5py.Group, trees: Sequence[Tree], n_features: int, labels: np.ndarray, n_samples: int) -> None:
    forest.attrs["vigra_random_forest_version"] = np.array([_VERSION])
    problem = _PROBLEM | {
        "actual_msample_": n_samples,
        "actual_mtry_": int(np.sqrt(n_features) + 0.5),
        "class_count_": len(labels),
        "column_count_": n_features,
        "row_count_": n_samples,
    }
    for group, numbers in (("_options", _OPTIONS | {"tree_count_": len(trees)}), ("_ext_param", problem)):
        for name, number in numbers.items():
            forest[f"{group}/{name}"] = np.array([number], np.float64)
    forest["_ext_param/class_weights_"] = np.ones(len(labels))
    forest["_ext_param/labels"] = labels
    width = len(str(len(trees) - 1))
    for i, tree in enumerate(trees):
        topology, parameters = tree_to_vigra(tree, n_features)
        forest[f"Tree_{i:0{width}}/topology"] = topology
        forest[f"Tree_{i:0{width}}/parameters"] = parameters
