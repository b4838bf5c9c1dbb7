"""ilastik's counting regressors made of the values in their pickle."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.regressors import ForestRegressor, LinearRegressor, Regressor
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.forest.trees import Tree, tree_from_sklearn
from napari_batch_prediction.pickles.numpy import as_array, as_integer, as_number
from napari_batch_prediction.pickles.read import read_pickle
from napari_batch_prediction.pickles.values import DamagedPickleError, Record, mismatch

_MAX_FEATURES = 1_000_000
_MAX_TREES = 10_000
_NODE_FIELDS = ("left_child", "right_child", "feature", "threshold")
_PROTO = b"\x80"
_LINEAR = ("RegressorGurobi", "RegressorC")


@dataclass(frozen=True, eq=False)
class StoredRegressors:
    """The contents of one of ilastik's counting wrappers.

    Attributes
    ----------
    regressors
        The regressors; at least one.
    n_features
        Number of features of the training.
    sigma
        Standard deviation, in pixels, of the blob for one object; None if not stored.
    protocol
        Protocol of the pickle: at most 2 by Python 2.
    """

    regressors: tuple[Regressor, ...]
    n_features: int
    sigma: float | None
    protocol: int


def read_regressors(data: bytes) -> StoredRegressors:
    """Return the regressors in a pickle that ilastik wrote.

    Raises
    ------
    ForeignPickleError
        If it names something that no regressor needs.
    DamagedPickleError
        If the pickle is not whole, holds something else, or its parts do not fit together.
    """
    return _Regressors(data).read()


class _Regressors:
    """The regressors in one pickle."""

    def __init__(self, data: bytes) -> None:
        self._state = _state(read_pickle(data), "SVR")
        # Protocols 0 and 1 do not say so.
        self._protocol = data[1] if data[:1] == _PROTO else 0
        # A pickle may refer to the same numbers many times, but real regressors do not share theirs.
        self._bytes_left = len(data)
        self._trees_left = _MAX_TREES

    def read(self) -> StoredRegressors:
        stored = self._state.get("_regressor")
        if not isinstance(stored, list) or not stored:
            raise DamagedPickleError("The pickle holds no regressor.")
        regressors = [self._regressor(item) for item in stored]
        sizes = {n for _, n in regressors}
        if len(sizes) > 1:
            raise mismatch("regressors of one number of features", f"of {sorted(sizes)[0]} and {sorted(sizes)[-1]}")
        sigma = self._state.get("_Sigma")
        return StoredRegressors(
            tuple(regressor for regressor, _ in regressors),
            sizes.pop(),
            None if sigma is None else as_number(sigma),
            self._protocol,
        )

    def _regressor(self, item: Any) -> tuple[Regressor, int]:
        """Return a regressor and its number of features."""
        if item is None:
            raise DamagedPickleError("The pickle holds a regressor that was not trained.")
        if isinstance(item, Record) and item.name in _LINEAR:
            return self._linear(item)
        trees = _state(item, "RandomForestRegressor").get("estimators_")
        if not isinstance(trees, list) or not trees:
            raise DamagedPickleError("The pickle holds a random forest without trees.")
        self._trees_left -= len(trees)
        if self._trees_left < 0:
            raise DamagedPickleError(f"The pickle holds more than {_MAX_TREES} trees, which are not read.")
        numbered = [self._tree(tree) for tree in trees]
        n_features = numbered[0][1]
        if any(n != n_features for _, n in numbered):
            raise mismatch("trees of one number of features", "of several")
        return ForestRegressor(tuple(tree for tree, _ in numbered)), n_features

    def _tree(self, estimator: Any) -> tuple[Tree, int]:
        """Return a tree and its number of features."""
        tree = _record(_state(estimator, "DecisionTreeRegressor").get("tree_"), "Tree")
        state = _state(tree, "Tree")
        n_features = as_integer(tree.arguments[0]) if tree.arguments else 0
        if not 1 <= n_features <= _MAX_FEATURES:
            raise mismatch("a number of features", str(n_features))
        nodes, values = self._array(state.get("nodes")), self._array(state.get("values"))
        if nodes.ndim != 1 or not set(_NODE_FIELDS) <= set(nodes.dtype.names or ()):
            raise mismatch("the nodes of a tree", f"{nodes.dtype.name} in {nodes.ndim} dimensions")
        kinds = [nodes.dtype[name].kind for name in _NODE_FIELDS]
        if kinds != ["i", "i", "i", "f"] or values.shape != (len(nodes), 1, 1) or values.dtype.kind != "f":
            raise mismatch("nodes with one number each", f"{len(nodes)} nodes and numbers of shape {values.shape}")
        try:
            left, right, feature, threshold = (nodes[name] for name in _NODE_FIELDS)
            return tree_from_sklearn(left, right, feature, threshold, values[:, :, 0], n_features), n_features
        except ProjectError as error:
            raise DamagedPickleError(str(error)) from error

    def _linear(self, item: Record) -> tuple[LinearRegressor, int]:
        weights = self._array(_state(item, item.name).get("w"))
        n_features = weights.size - 1
        if n_features < 1:
            raise mismatch("a weight for each feature, and an offset", f"{weights.size} in all")
        factor = self._state.get("_scalingFactor")
        # ilastik stores no factors if it did not scale.
        scale = np.ones(n_features) if factor is None else self._array(factor)
        if scale.size != n_features:
            raise mismatch(f"{n_features} factors, as many as features", str(scale.size))
        numbers = np.concatenate([scale.ravel(), weights.ravel()])
        if numbers.dtype.kind != "f" or not np.isfinite(numbers).all():
            raise mismatch("weights that are finite numbers", "others")
        numbers = numbers.astype(np.float64)
        return LinearRegressor(numbers[:n_features], numbers[n_features:-1], float(numbers[-1])), n_features

    def _array(self, value: Any) -> NDArray:
        array = as_array(value)
        self._bytes_left -= array.nbytes
        if self._bytes_left < 0:
            raise mismatch("numbers of their own for each regressor", "some that are used again")
        return array


def _record(value: Any, name: str) -> Record:
    """Return a value that must be an object of a class."""
    if not isinstance(value, Record) or value.name != name:
        raise mismatch(f"an object {name}", value.name if isinstance(value, Record) else type(value).__name__)
    return value


def _state(value: Any, name: str) -> dict[str, Any]:
    """Return the attributes of a value that must be an object of a class."""
    state = _record(value, name).state
    if not isinstance(state, dict):
        raise mismatch(f"the attributes of an object {name}", type(state).__name__)
    return state
