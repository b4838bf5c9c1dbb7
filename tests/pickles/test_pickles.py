"""Pickles are read without being run: plain values, arrays, and regressors of every scikit-learn since 0.18."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from pickled import CLASSES, Made, MadeTree, dumps, forest, linear, svr
from sklearn.ensemble import RandomForestRegressor

from napari_batch_prediction.forest.packed import pack
from napari_batch_prediction.forest.rows import predict_rows
from napari_batch_prediction.pickles.numpy import as_array, as_bytes, as_number, as_text
from napari_batch_prediction.pickles.read import read_pickle
from napari_batch_prediction.pickles.regressors import read_regressors
from napari_batch_prediction.pickles.values import Record

FOLDER = Path(__file__).parent / "stored"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def predict(regressor, rows):
    """Return the density of rows of features, by the compiled walks."""
    return predict_rows(rows, pack(regressor.trees, 1))[:, 0]


VALUES = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "byte": 200,
    "short": 60000,
    "int": -70000,
    "long": 2**40,
    "negative long": -(2**70),
    "float": -0.1,
    "infinity": float("inf"),
    "text": "Zellkern µ 细胞 \n '\"\\",
    "long text": "µ" * 300,
    "list": [1, [2, []], "three"],
    "dict": {"a": {"b": [None]}, "c": ()},
    "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    "the same value several times": [shared := ["x"], shared, (shared, shared)],
    "many items": list(range(2500)),
    "many keys": {str(i): i for i in range(2500)},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", VALUES)
def test_plain_values_are_read_as_python_does(case, protocol):
    """As Python reads them."""
    value = read_pickle(pickle.dumps(VALUES[case], protocol))
    assert value == VALUES[case]
    assert type(value) is type(VALUES[case])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [b"", b"\x00\xff'\n\\", bytes(range(256)) * 2])
def test_bytes_are_read_in_every_spelling(value, protocol):
    """In every spelling."""
    assert as_bytes(read_pickle(pickle.dumps(value, protocol))) == value


def test_sets_of_texts_are_read():
    """Sets of texts, from protocol 4 on."""
    assert read_pickle(pickle.dumps({"a", "b"}, 4)) == {"a", "b"}
    assert read_pickle(pickle.dumps(frozenset({"a"}), 4)) == frozenset({"a"})


PYTHON_2 = {
    "text of protocol 0": (b"S'it\\'s \\x00\\xff\\n'\np0\n.", b"it's \x00\xff\n"),
    "text with double quotes": (b'S"it\'s"\n.', b"it's"),
    "text of protocol 1": (b"U\x03a\xffb.", b"a\xffb"),
    "long text of protocol 1": (b"T\x03\x00\x00\x00abc.", b"abc"),
    "unicode": (b"V\\u7ec6\xb5\n.", "细µ"),
    "bool": (b"(I01\nI00\nt.", (True, False)),
    "long": (b"L-12L\n.", -12),
    "list": (b"(I1\nI2\nl.", [1, 2]),
    "dict with keys that are bytes": (b"(S'a'\nI1\nd.", {"a": 1}),
    "the empty rest of steps": (b"(I1\n00(I2\nI3\n1I4\n20.", 4),
}


@pytest.mark.parametrize("case", PYTHON_2)
def test_values_of_python_2_are_read(case):
    """What only Python 2 writes; its texts are bytes."""
    data, expected = PYTHON_2[case]
    value = read_pickle(data)
    assert value == expected
    assert type(value) is type(expected)


ARRAYS = {
    "float64": np.arange(6.0).reshape(2, 3),
    "float32, big-endian": np.arange(3, dtype=">f4"),
    "int64 in columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "bool": np.array([True, False]),
    "uint8": np.arange(5, dtype=np.uint8),
    "no dimension": np.array(1.5),
    "empty": np.zeros((0, 3)),
    "every second": np.arange(10)[::2],
    "records": np.array([(1, 0.5), (2, 1.5)], [("a", "<i8"), ("b", "<f8")]),
    "records with gaps": np.array([(1, 0.5)], np.dtype([("a", "i1"), ("b", "f8")], align=True)),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_are_read_as_numpy_stores_them(case, protocol):
    """Arrays of numbers and of records, as numpy stores them."""
    expected = ARRAYS[case]
    found = as_array(read_pickle(pickle.dumps(expected, protocol)))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
    assert not found.flags.writeable


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("number", [np.float64(2.5), np.float32(-3), np.int64(7), np.uint8(9), 4, 1.25])
def test_numbers_of_python_and_numpy_are_read(number, protocol):
    """Numbers of Python and numpy."""
    assert as_number(read_pickle(pickle.dumps(number, protocol))) == number


def test_texts_of_python_2_and_3_are_read():
    """Texts of Python 2 and 3."""
    assert as_text(b"RandomForest") == as_text("RandomForest") == "RandomForest"


def test_objects_are_notes():
    """An object of an allowed class is a note of its name and attributes."""
    value = read_pickle(dumps(Made(CLASSES["SVR"], _C=1)))
    assert isinstance(value, Record)
    assert (value.name, value.arguments, value.state) == ("SVR", (), {"_C": 1})


@pytest.mark.parametrize("file", sorted(EXPECTED["files"]))
def test_forest_of_every_version_of_sklearn_is_read(file):
    """Forests that scikit-learn 0.18 to 1.6 pickled under Python 2.7 to 3.11 predict what they did there."""
    found = read_regressors((FOLDER / file).read_bytes())
    assert found.n_features == 5
    assert found.sigma == 2.5
    assert len(found.regressors) == 1
    assert len(found.regressors[0].trees) == 2
    got = predict(found.regressors[0], np.array(EXPECTED["rows"], np.float32))
    np.testing.assert_array_equal(got, np.array(EXPECTED["files"][file], np.float32))


def test_every_file_is_tested():
    """The table of expected values names every pickle, and the versions are those that differ in layout."""
    assert sorted(EXPECTED["files"]) == sorted(path.name for path in FOLDER.glob("*.pickle"))
    versions = {file.split("-")[1] for file in EXPECTED["files"]}
    assert versions >= {"0.18.2", "0.20.4", "0.22.2.post1", "0.24.2", "1.0.2", "1.2.2", "1.3.0", "1.6.1"}


@pytest.fixture(scope="module")
def trained():
    """A forest of the installed scikit-learn, and rows to predict, some of them right on thresholds."""
    rng = np.random.default_rng(5)
    features = rng.standard_normal((500, 6)).astype(np.float32)
    density = np.maximum(0, features[:, 1] + 0.3 * features[:, 4] ** 2)
    fitted = RandomForestRegressor(n_estimators=7, random_state=3).fit(features, density)
    limits = [tree.tree_.threshold[tree.tree_.feature >= 0] for tree in fitted.estimators_]
    near = np.concatenate(limits).astype(np.float32)[:3000]
    near = np.stack([np.roll(near, i) for i in range(6)], 1)
    return fitted, np.concatenate([features, near, np.nextafter(near, np.float32(9))])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_forest_of_the_installed_sklearn_is_read(protocol, trained):
    """A forest of today's scikit-learn predicts the same, also right on its thresholds."""
    fitted, rows = trained
    found = read_regressors(svr(fitted, protocol=protocol))
    assert found.n_features == 6
    np.testing.assert_allclose(predict(found.regressors[0], rows), fitted.predict(rows), rtol=1e-7)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_generator_in_a_forest_is_passed_over(protocol):
    """A generator of random numbers in a forest is passed over."""
    features = np.random.default_rng(0).standard_normal((30, 2))
    for state in (np.random.RandomState(1), 1):
        fitted = RandomForestRegressor(n_estimators=2, random_state=state).fit(features, features[:, 0])
        assert len(read_regressors(svr(fitted, protocol=protocol)).regressors[0].trees) == 2


def test_forest_goes_left_unless_greater():
    """Left is what is not greater than the threshold; only leaves have values."""
    found = read_regressors(svr(forest(MadeTree())))
    (tree,) = found.regressors[0].trees
    np.testing.assert_array_equal(tree.feature, [1, -1, 0, -1, -1])
    np.testing.assert_array_equal(tree.left, [1, 0, 3, 0, 0])
    np.testing.assert_array_equal(tree.value[:, 0], [0, 0.25, 0, 0, 1])
    rows = np.array([[0, 0.5], [-1.5, 1], [-1.4, 1]], np.float32)
    np.testing.assert_array_equal(predict(found.regressors[0], rows), np.array([0.25, 0, 1], np.float32))


def test_leaves_that_are_all_0_stay_0():
    """Leaves that are all 0 stay 0: they are no votes for the only column."""
    found = read_regressors(svr(forest(MadeTree(values=[0.0] * 5))))
    np.testing.assert_array_equal(predict(found.regressors[0], np.zeros((3, 2), np.float32)), 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["RegressorGurobi", "RegressorC"])
def test_weights_of_a_linear_regressor_are_read(kind, protocol):
    """The weights of ilastik's old regressors, the last of which is the offset, and the factors of the features."""
    data = svr(
        linear([1.0, 2.0, -0.5], kind),
        protocol=protocol,
        _method="svrBoxed-gurobi",
        _minmax=(np.zeros(2), np.array([2.0, 4.0])),
        _scalingFactor=np.array([0.5, 0.25]),
    )
    found = read_regressors(data)
    (regressor,) = found.regressors
    assert found.n_features == 2
    np.testing.assert_array_equal(regressor.scale, [0.5, 0.25])
    np.testing.assert_array_equal(regressor.weights, [1, 2])
    assert regressor.offset == -0.5


def test_linear_regressor_without_factors_is_not_scaled():
    """Without factors features are not scaled."""
    np.testing.assert_array_equal(read_regressors(svr(linear([1.0, 2.0, 3.0]))).regressors[0].scale, [1, 1])


def test_wrapper_of_several_regressors_is_read():
    """A wrapper can hold several regressors."""
    assert len(read_regressors(svr(forest(MadeTree()), forest(MadeTree(), MadeTree()))).regressors) == 2
