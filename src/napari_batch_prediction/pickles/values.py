"""The values read from pickles, and the names that pickles may use."""

from dataclasses import dataclass
from typing import Any

from napari_batch_prediction.errors import ProjectError

_NUMPY_CORES = ("numpy.core", "numpy._core")
ALLOWED = {
    ("ilastik.applets.counting.countingsvr", "SVR"): "SVR",
    ("ilastik.applets.counting.countingsvr", "RegressorGurobi"): "RegressorGurobi",
    ("ilastik.applets.counting.countingsvr", "RegressorC"): "RegressorC",
    ("sklearn.ensemble.forest", "RandomForestRegressor"): "RandomForestRegressor",
    ("sklearn.ensemble._forest", "RandomForestRegressor"): "RandomForestRegressor",
    ("sklearn.tree.tree", "DecisionTreeRegressor"): "DecisionTreeRegressor",
    ("sklearn.tree._classes", "DecisionTreeRegressor"): "DecisionTreeRegressor",
    ("sklearn.tree._tree", "Tree"): "Tree",
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    **{(f"{core}.multiarray", "_reconstruct"): "_reconstruct" for core in _NUMPY_CORES},
    **{(f"{core}.multiarray", "scalar"): "scalar" for core in _NUMPY_CORES},
    **{(f"{core}.numeric", "_frombuffer"): "_frombuffer" for core in _NUMPY_CORES},
    # Random number generators, which trained forests can hold and predictions do not need.
    ("numpy.random", "__RandomState_ctor"): "random",
    **{("numpy.random._pickle", f"__{name}_ctor"): "random" for name in ("randomstate", "bit_generator", "generator")},
    ("numpy.random._mt19937", "MT19937"): "random",
    ("numpy.random._pcg64", "PCG64"): "random",
    ("numpy.random.bit_generator", "SeedSequence"): "random",
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): "random",
    # The constructors of objects and bytes in protocols 0 to 2.
    **{(module, "_reconstructor"): "_reconstructor" for module in ("copy_reg", "copyreg")},
    **{(module, "__newobj__"): "__newobj__" for module in ("copy_reg", "copyreg")},
    **{(module, "object"): "object" for module in ("__builtin__", "builtins")},
    **{(module, "bytes"): "bytes" for module in ("__builtin__", "builtins")},
    **{(module, "bytearray"): "bytes" for module in ("__builtin__", "builtins")},
    ("_codecs", "encode"): "encode",
}
"""A short name for each class and function in pickles of regressors, by module and name."""


class DamagedPickleError(ProjectError):
    """A pickle that ends early, or with bytes that make no sense."""


class ForeignPickleError(ProjectError):
    """A pickle that names something that no regressor needs."""


@dataclass(slots=True, eq=False)
class Name:
    """A class or function named in a pickle, by its short name in :data:`ALLOWED`."""

    text: str


@dataclass(slots=True, eq=False)
class Record:
    """A call in a pickle that would make an object: name, arguments, and the state of the object.

    Values are None, bool, int, float, str, bytes, lists, tuples, sets of texts, dicts by text, :class:`Name` and
    records. They may contain themselves and each other any number of times: never compare, print or traverse them.
    """

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


def mismatch(expected: str, actual: str) -> DamagedPickleError:
    """Return the error for a value of another kind than the expected one."""
    return DamagedPickleError(f"The pickle is damaged: expected {expected}, found {actual}.")
