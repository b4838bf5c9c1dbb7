"""Pickles that should do harm, or are damaged: each with the words in which it is refused."""

import pickle
import struct

import numpy as np
from pickled import CLASSES, MODULE, NODE, NODES, Made, MadeTree, dumps, forest, linear, name, short, svr

FOREIGN = "no regressor needs"
OUTSIDE = "kept outside"
DAMAGED = "damaged"
CUT_OFF = "cut off"

GOOD = svr(forest(MadeTree()))
PROTO = b"\x80\x04"
SVR = name(MODULE, "SVR")
SYSTEM = name("os", "system")
COMMAND = short("echo harm")
DTYPE = name("numpy", "dtype")
SCALAR = name("numpy.core.multiarray", "scalar")
EMPTY = name("numpy.core.multiarray", "_reconstruct") + name("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"


def number(n):
    return b"J" + struct.pack("<i", n)


def plain_dtype(code, order="<"):
    return DTYPE + short(code) + b"\x89\x88\x87R(K\x03" + short(order) + b"NNN" + number(-1) + number(-1) + b"K\x00tb"


def array(shape, dtype, data):
    return EMPTY + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"


def linear_with(weights):
    """Return a wrapper whose regressor has these bytes for weights."""
    regressor = name(MODULE, "RegressorGurobi") + b")\x81}" + short("w") + weights + b"sb"
    return PROTO + SVR + b")\x81}" + short("_regressor") + b"(" + regressor + b"lsb."


def tree(**change):
    return svr(forest(MadeTree(**change)))


def nodes(i, **change):
    """Return the nodes of a good tree, one of them changed."""
    changed = np.array(NODES, NODE)
    for field, value in change.items():
        changed[field][i] = value
    return tree(nodes=changed)


ONE = b"K\x01\x85"
EIGHT = b"C\x08" + bytes(8)
LARGE_FIELDS = (
    DTYPE + short("V8") + b"\x89\x88\x87R(K\x03" + short("|") + b"N(" + short("a") + b"t}" + short("a")
    + b"(" + plain_dtype("f8") + b"K\x00ts" + number(2**31 - 1) + number(1) + b"K\x10tb"
)  # fmt: skip
SUBARRAY = (
    DTYPE + short("V8") + b"\x89\x88\x87R(K\x03" + short("|") + plain_dtype("f8") + number(2**30) + b"\x85\x86"
    b"NN" + number(8) + number(1) + b"K\x00tb"
)  # fmt: skip

SHARED = np.arange(5000.0)

CALLS = {
    "os.system": (b"cos\nsystem\n(S'echo harm'\ntR.", FOREIGN),
    "posix.system, by its own name": (b"cposix\nsystem\n(S'echo harm'\ntR.", FOREIGN),
    "eval": (b"cbuiltins\neval\n(V__import__('os')\ntR.", FOREIGN),
    "exec of Python 2": (b"c__builtin__\nexecfile\n(S'harm.py'\ntR.", FOREIGN),
    "getattr": (PROTO + name("builtins", "getattr") + SVR + short("mro") + b"\x86R.", FOREIGN),
    "import": (PROTO + name("importlib", "import_module") + short("antigravity") + b"\x85R.", FOREIGN),
    "open": (PROTO + name("io", "open") + short("harm.txt") + short("w") + b"\x86R.", FOREIGN),
    "subprocess on the stack": (PROTO + name("subprocess", "Popen") + COMMAND + b"\x85R.", FOREIGN),
    "a name with dots": (PROTO + name("numpy", "testing.os.system") + COMMAND + b"\x85R.", FOREIGN),
    "a name in an allowed module": (PROTO + name("numpy", "load") + COMMAND + b"\x85R.", FOREIGN),
    "runpy in numpy": (b"cnumpy.testing._private.utils\nrunstring\n(S'x'\n}tR.", FOREIGN),
    "INST": (b"(S'echo harm'\nios\nsystem\n.", FOREIGN),
    "OBJ": (b"(cos\nsystem\nS'echo harm'\no.", FOREIGN),
    "NEWOBJ": (PROTO + SYSTEM + COMMAND + b"\x85\x81.", FOREIGN),
    "NEWOBJ_EX": (PROTO + SYSTEM + COMMAND + b"\x85}\x92.", FOREIGN),
    "NEWOBJ_EX with keywords": (PROTO + SVR + b")}" + short("shell") + b"\x88s\x92.", "by keyword"),
    "a name made of parts": (b"(S'os'\nS'system'\n\x93S'echo harm'\n\x85R.", "os.system"),
    "state for __setstate__": (PROTO + SYSTEM + b"}" + short("__setstate__") + SYSTEM + b"sb.", FOREIGN),
    "__reduce__ in the state": (PROTO + SVR + b")\x81}" + short("__reduce__") + SYSTEM + b"sb.", FOREIGN),
    "a class of its own": (PROTO + name("__main__", "Harm") + b")\x81.", FOREIGN),
    "EXT1": (PROTO + b"\x82\x01.", OUTSIDE),
    "EXT2": (PROTO + b"\x83\x01\x00.", OUTSIDE),
    "EXT4": (PROTO + b"\x84\x01\x00\x00\x00.", OUTSIDE),
    "PERSID": (b"Pos.system\n.", OUTSIDE),
    "BINPERSID": (PROTO + COMMAND + b"Q.", OUTSIDE),
    "NEXT_BUFFER": (b"\x80\x05\x97.", OUTSIDE),
    "READONLY_BUFFER": (b"\x80\x05C\x01a\x98.", OUTSIDE),
    "pickle.loads of a pickle inside": (
        PROTO + name("pickle", "loads") + b"C\x16cos\nsystem\n(S'harm'\ntR.\x85R.", FOREIGN),
    "a pickle inside as an array": (linear_with(array(ONE, DTYPE + short("O") + b"\x89\x88\x87R", b"]")), DAMAGED),
    "joblib": (PROTO + name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81.", FOREIGN),
    "encode with a codec that runs": (
        linear_with(array(ONE, plain_dtype("f8"), name("_codecs", "encode") + short("a") + short("zip") + b"\x86R")),
        DAMAGED),
    "calling what is not a name": (PROTO + short("os.system") + COMMAND + b"\x85R.", "not a name"),
    "calling a result": (PROTO + SVR + b")R)R.", "not a name"),
    "reconstructing what is not a class": (
        PROTO + name("copyreg", "_reconstructor") + COMMAND + b"NN\x87R.", "not a name"),
    "harm behind a good pickle": (GOOD + b"cos\nsystem\n(S'harm'\ntR.", "behind its end"),
    "harm before a good pickle": (b"cos\nsystem\n(S'harm'\ntR0" + GOOD, FOREIGN),
}  # fmt: skip

BOMBS = {
    "lists in lists": (b"]" * 50_000 + b"a" * 49_999 + b".", DAMAGED),
    "tuples in tuples": (b")" + b"\x85" * 100_000 + b".", DAMAGED),
    "marks": (b"(" * 100_000 + b".", DAMAGED),
    "dicts in dicts": (b"}Va\n" * 50_000 + b"N" + b"s" * 50_000 + b".", DAMAGED),
    "a list of itself": (b"]q\x00h\x00a.", DAMAGED),
    "a billion laughs": (
        PROTO + short("ha") + b"\x94" + b"".join(b"0(" + (b"h" + bytes([i])) * 10 + b"t\x94" for i in range(60)) + b".",
        "an object SVR"),
    "a tuple of tuples as a key": (b"})" + b"2\x86" * 60 + b"Ns.", "a key"),
    "a large number as a key": (b"}\x8a\x10" + b"\xff" * 16 + b"Ns.", "a key"),
    "a number of a million digits": (b"I" + b"9" * 1_000_000 + b"\n.", "line that does not end"),
    "a LONG of a million digits": (b"L" + b"9" * 1_000_000 + b"L\n.", "line that does not end"),
    "a float of a million digits": (b"F" + b"9" * 1_000_000 + b"\n.", "line that does not end"),
    "LONG4 of 2 GB": (PROTO + b"\x8b\xff\xff\xff\x7f.", "whole number of"),
    "LONG4 of a negative length": (PROTO + b"\x8b\xff\xff\xff\xff.", "whole number of"),
    "LONG4 of a megabyte": (PROTO + b"\x8b\x00\x00\x10\x00" + b"\x7f" * 2**20 + b".", "whole number of"),
    "bytes of 16 EB": (PROTO + b"\x8e" + b"\xff" * 8 + b".", CUT_OFF),
    "text of 4 GB": (PROTO + b"X" + b"\xff" * 4 + b".", CUT_OFF),
    "a frame of 16 EB": (PROTO + b"\x95" + b"\xff" * 8 + b"N.", DAMAGED),
    "a memory of 4 G entries": (PROTO + b"Nr\xff\xff\xff\xff.", "to be kept as number"),
    "a memory of many digits": (b"Np" + b"9" * 60 + b"\n.", "to be kept as number"),
    "a negative memory": (b"Np-1\n.", "to be kept as number"),
    "too many steps": (PROTO + b"N0" * 500_001 + b"N.", "steps"),
    "escapes without end": (b"S'" + b"\\" * 999_999 + b"'\n.", DAMAGED),
    "nothing but quotes": (b"S'\n.", "without quotes"),
    "a huge number of pixels": (
        linear_with(array(number(2**31 - 1) * 3 + b"\x87", plain_dtype("f8"), EIGHT)), DAMAGED),
    "a shape of huge numbers": (
        linear_with(array(b"\x8a\x20" + b"\x7f" * 32 + b"\x85", plain_dtype("f8"), b"C\x00")), DAMAGED),
    "negative shapes": (linear_with(array(number(-1) + number(-1) + b"\x86", plain_dtype("f8"), EIGHT)), DAMAGED),
    "a shape of many dimensions": (
        linear_with(array(b"(" + b"K\x01" * 40 + b"t", plain_dtype("f8"), EIGHT)), "up to 4 dimensions"),
    "a shape of fractions": (linear_with(array(b"G" + struct.pack(">d", 1.5) + b"\x85", plain_dtype("f8"), EIGHT)),
                             DAMAGED),
    "a shape of NaN": (linear_with(array(b"Fnan\n\x85", plain_dtype("f8"), EIGHT)), DAMAGED),
    "an array of objects": (linear_with(array(ONE, plain_dtype("O8", "|"), b"(Nl")), DAMAGED),
    "an array of text": (linear_with(array(ONE, plain_dtype("U2"), EIGHT)), DAMAGED),
    "an array of large items": (linear_with(array(ONE, plain_dtype("V2147483647", "|"), EIGHT)), DAMAGED),
    "a type given as a program": (linear_with(array(ONE, plain_dtype("f8,(999999999,)f8"), EIGHT)), DAMAGED),
    "a type without a name": (linear_with(array(ONE, DTYPE + b")R", EIGHT)), DAMAGED),
    "records of huge size": (linear_with(array(ONE, LARGE_FIELDS, EIGHT)), "records of"),
    "an array in a record": (linear_with(array(ONE, SUBARRAY, EIGHT)), DAMAGED),
    "the same numbers for many regressors": (
        svr(*[Made(CLASSES["RegressorC"], w=SHARED) for _ in range(1000)]), "used again"),
}  # fmt: skip

TREES = {
    "a child that is its parent": (nodes(2, left_child=2), "points outside the tree or back"),
    "a child that is the root": (nodes(2, right_child=0), "points outside the tree or back"),
    "a ring of children": (nodes(2, left_child=1), "points outside the tree or back"),
    "a child with two parents": (nodes(2, left_child=4), "two parents"),
    "a child beyond the end": (nodes(0, right_child=5), "points outside the tree"),
    "a child far beyond the end": (nodes(0, right_child=2**62), "points outside the tree"),
    "a negative child": (nodes(0, left_child=-2), "points outside the tree"),
    "one child only": (nodes(0, right_child=-1), "points outside the tree"),
    "a node that nothing points to": (nodes(2, left_child=-1), "two parents or with none"),
    "a column too many": (nodes(0, feature=2), "column outside 0 to 1"),
    "a negative column": (nodes(0, feature=-1), "column outside 0 to 1"),
    "a threshold that is NaN": (nodes(0, threshold=np.nan), "not finite"),
    "an infinite threshold": (nodes(0, threshold=np.inf), "not finite"),
    "a value that is NaN": (tree(values=[0.0, np.nan, 0, 0, 0]), "not finite"),
    "an infinite value": (tree(values=[0.0, 0, 0, 0, np.inf]), "not finite"),
    "values for fewer nodes": (tree(values=[0.0]), DAMAGED),
    "several values": (tree(values=np.zeros((5, 1, 2))), DAMAGED),
    "values that are text": (tree(values=np.zeros((5, 1, 1), "S8")), DAMAGED),
    "no nodes": (tree(nodes=[], values=[]), DAMAGED),
    "nodes without fields": (tree(nodes=np.zeros(5)), "nodes of a tree"),
    "nodes in two dimensions": (tree(nodes=np.zeros((5, 1), NODE)), "nodes of a tree"),
    "children that are fractions": (
        tree(nodes=np.array(NODES, [(name, "f8") for name in NODE.names])), "nodes with one number each"),
    "no features": (tree(n_features=0), "number of features"),
    "2 ** 70 features": (tree(n_features=2**70), "number of features"),
    "trees of several kinds": (
        svr(forest(MadeTree(), MadeTree(n_features=3))), "trees of one number of features"),
    "regressors of several kinds": (
        svr(forest(MadeTree()), forest(MadeTree(n_features=3))), "regressors of one number of features"),
    "more trees than anyone grows": (svr(forest(*[MadeTree()] * 10_001)), "more than 10000 trees"),
    "a tree again and again": (svr(forest(*[MadeTree()] * 100)), "used again"),
    "no trees": (svr(forest()), "without trees"),
    "no regressors": (svr(), "no regressor"),
    "a regressor that was not trained": (svr(None), "not trained"),
    "a regressor that is a number": (svr(1), "RandomForestRegressor"),
    "no wrapper": (dumps(forest(MadeTree())), "an object SVR"),
    "None": (pickle.dumps(None), "an object SVR"),
    "a wrapper without attributes": (PROTO + SVR + b")\x81.", "attributes of an object SVR"),
    "a wrapper of numbers": (PROTO + SVR + b")\x81K\x01b.", "attributes of an object SVR"),
    "two states": (PROTO + SVR + b")\x81}b}b.", "second state"),
    "no weights": (svr(linear([])), "a weight for each feature"),
    "weights that are NaN": (svr(linear([np.nan, 1.0])), "finite numbers"),
    "weights that do not fit": (
        svr(linear([1.0, 2.0, 3.0]), _scalingFactor=np.ones(5)), "2 factors, as many as features"),
    "a sigma that is text": (svr(forest(MadeTree()), _Sigma="wide"), "a number"),
}  # fmt: skip

BROKEN = {
    "nothing": (b"", CUT_OFF),
    "13 bytes, as ilastik 1.3.0 wrote": (GOOD[:13], CUT_OFF),
    "half": (GOOD[: len(GOOD) // 2], CUT_OFF),
    "all but the last byte": (GOOD[:-1], CUT_OFF),
    "bytes behind the end": (GOOD + b"x", "behind its end"),
    "no pickle": (b"\x89HDF\r\n\x1a\n" + bytes(100), DAMAGED),
    "zeros": (bytes(100), "unknown step"),
    "a protocol of the future": (b"\x80\x06N.", "protocol 6"),
    "a protocol in the middle": (b"N0\x80\x04N.", "protocol 4"),
    "two pickles": (GOOD[:-1] + GOOD, "protocol 4"),
    "an empty stack": (b".", "a value missing"),
    "a mark only": (b"(.", "a value missing"),
    "values left over": (b"NN.", "left over"),
    "a mark left over": (b"(N.", "left over"),
    "no mark": (b"Nt.", "a mark missing"),
    "a reference to nothing": (b"h\x00.", "not there"),
    "keeping nothing": (b"q\x00.", "something other than a value"),
    "filling a number": (b"K\x01N" + b"a.", "something other than a list"),
    "a key without its value": (b"}(Vx\nu.", "without its value"),
    "text that is not UTF-8": (PROTO + b"\x8c\x02\xff\xfe.", "cannot be decoded"),
    "a number that is none": (b"Itwelve\n.", "a number that is none"),
    "a float that is none": (b"Ftwelve\n.", "a number that is none"),
    "state of a number": (b"K\x01}b.", "something other than an object"),
    "arguments that are a list": (PROTO + SVR + b"]R.", "not a tuple"),
}

ATTACKS = {**CALLS, **BOMBS, **TREES, **BROKEN}
