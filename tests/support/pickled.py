"""Pickles for tests: of ilastik's counting regressors, real and made up, and by hand."""

import copyreg
import pickle
import sys
from contextlib import contextmanager
from types import ModuleType

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.tree._tree import Tree

MODULE = "ilastik.applets.counting.countingsvr"
CLASSES = {name: type(name, (), {"__module__": MODULE}) for name in ("SVR", "RegressorGurobi", "RegressorC")}

# The root looks at column 1, its right child at column 0.
NODES = [(1, 2, 1, 0.5), (-1, -1, -2, -2.0), (3, 4, 0, -1.5), (-1, -1, -2, -2.0), (-1, -1, -2, -2.0)]
VALUES = [9.0, 0.25, 9.0, 0.0, 1.0]
NODE = np.dtype([("left_child", "i8"), ("right_child", "i8"), ("feature", "i8"), ("threshold", "f8")])


class Made:
    """Is pickled as an object of a class with these attributes."""

    def __init__(self, kind, **state):
        self.kind, self.state = kind, state

    def __reduce__(self):
        return copyreg._reconstructor, (self.kind, object, None), self.state


class MadeTree:
    """Is pickled as a tree of scikit-learn."""

    def __init__(self, nodes=NODES, values=VALUES, n_features=2, n_outputs=1):
        self.nodes = np.array(nodes, NODE) if isinstance(nodes, list) else nodes
        self.values = np.array(values).reshape(-1, 1, 1) if isinstance(values, list) else values
        self.arguments = n_features, np.ones(n_outputs, np.int64), n_outputs

    def __reduce__(self):
        return Tree, self.arguments, {"max_depth": 2, "node_count": 5, "nodes": self.nodes, "values": self.values}


def forest(*trees):
    """Is pickled as a forest of these trees."""
    return Made(RandomForestRegressor, estimators_=[Made(DecisionTreeRegressor, tree_=tree) for tree in trees])


def linear(weights, kind="RegressorGurobi"):
    """Is pickled as one of ilastik's linear regressors, whose last weight is the offset."""
    return Made(CLASSES[kind], _C=1, _epsilon=0.0, Nf=len(weights) - 1, w=np.array(weights, float).reshape(-1, 1))


def svr(*regressors, protocol=4, **state):
    """Return the pickle of ilastik's wrapper of regressors."""
    state = {"_Sigma": 2.5, "_method": "RandomForest", "_regressor": list(regressors), **state}
    return dumps(Made(CLASSES["SVR"], **state), protocol)


def dumps(value, protocol=4):
    """Pickle a value that can hold objects of ilastik's classes."""
    with _ilastik():
        return pickle.dumps(value, protocol)


@contextmanager
def _ilastik():
    """Let pickle find ilastik's classes, which need not be installed."""
    names = [MODULE.rsplit(".", i)[0] for i in range(MODULE.count(".") + 1)]
    modules = {name: ModuleType(name) for name in names}
    vars(modules[MODULE]).update(CLASSES)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def short(text):
    """Return the bytes that push a short text."""
    return b"\x8c" + bytes([len(text)]) + text.encode()


def name(module, attribute):
    """Return the bytes that push a class or function."""
    return short(module) + short(attribute) + b"\x93"
