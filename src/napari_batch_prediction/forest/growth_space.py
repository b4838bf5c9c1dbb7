"""The arrays that the compiled growth of trees reads, works in and fills."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VOTE = 2**32
"""The vote of a tree, in the units in which votes are added up: whole numbers, so that their order does not matter."""

N_BINS = 256
"""The most bins of a feature: their numbers are bytes."""

FIELD_BITS = 21
"""Bits of the count of one class, three of which share a word."""

_FIELDS = 3
_FIELD = 2**FIELD_BITS - 1


class Rows(NamedTuple):
    """The training rows: their features in bins, and their classes or values packed.

    Counts of three classes share a 64-bit word, so that one addition counts a row, and one addition sums up all
    three. With so many rows that a count could overflow, each class has a word of its own. Of rows with values a word
    holds the sum of these, as whole numbers, and the number of rows.

    Attributes
    ----------
    bins
        uint8 (features * rows,): the bin of each row, feature by feature.
    lowest, highest
        float32 (features, 256): see :class:`~napari_batch_prediction.forest.binning.BinnedFeatures`.
    one
        uint64 (rows,): what each row adds to its word: a one in the place of its class, or its value and a one.
    plane
        uint16 (rows,): the word of the class of each row, times 256.
    masks
        uint64 (3,): the bits of the first, second and third number of a word, shifted to its end; 0 for one that words
        do not have.
    squared, counted
        float64 (3,): 1 for the numbers of a word whose squares make the quality of a split, and for those that are
        numbers of rows; else 0.
    """

    bins: NDArray[np.uint8]
    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]
    one: NDArray[np.uint64]
    plane: NDArray[np.uint16]
    masks: NDArray[np.uint64]
    squared: NDArray[np.float64]
    counted: NDArray[np.float64]


class Nodes(NamedTuple):
    """The nodes of one tree, level by level, with room for the most that it can have.

    Attributes
    ----------
    feature
        int32: the column a node looks at; -1 at a leaf.
    threshold
        float32: see :class:`~napari_batch_prediction.forest.trees.Tree`.
    left
        int32: the left child; 0 at a leaf. The right one comes after it.
    counts
        uint64 (nodes, words): the rows of each class that reach a node.
    spans
        uint32 (nodes, 4): where its rows begin and end in ``Space.rows``, and those that the tree has not drawn in
        ``Space.unseen``.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    counts: NDArray[np.uint64]
    spans: NDArray[np.uint32]


class Space(NamedTuple):
    """Work space of one thread.

    Attributes
    ----------
    drawn
        uint32 (rows,): how often the bootstrap has drawn each row.
    rows, weights
        uint32, uint64 (rows,): the drawn rows, node by node, and their packed counts.
    unseen
        uint32 (rows,): the other rows, node by node.
    moved_rows, moved_weights
        Room to part the rows of a node.
    order
        uint32 (features,): features in the order in which they are tried.
    histogram
        uint64 (words * 256,): packed counts by bin; 0 between uses.
    occupied
        uint64 (4,): a bit for each bin with rows; 0 between uses.
    below, here
        uint64 (words,): packed counts at the best border of a node, and below a border.
    sums
        float64 (3, 256): for each border the squares of the counts below and above, and the number of rows below.
    """

    drawn: NDArray[np.uint32]
    rows: NDArray[np.uint32]
    weights: NDArray[np.uint64]
    unseen: NDArray[np.uint32]
    moved_rows: NDArray[np.uint32]
    moved_weights: NDArray[np.uint64]
    order: NDArray[np.uint32]
    histogram: NDArray[np.uint64]
    occupied: NDArray[np.uint64]
    below: NDArray[np.uint64]
    here: NDArray[np.uint64]
    sums: NDArray[np.float64]


def pack_rows(
    bins: NDArray[np.uint8],
    lowest: NDArray[np.float32],
    highest: NDArray[np.float32],
    classes: NDArray[np.integer],
) -> Rows:
    """Return training rows as the growth wants them."""
    fields = _FIELDS if len(classes) <= _FIELD else 1
    word, place = np.divmod(classes, fields)
    masks = (_FIELD,) * _FIELDS if fields == _FIELDS else (2**64 - 1, 0, 0)
    one = np.uint64(1) << (FIELD_BITS * place).astype(np.uint64)
    return Rows(
        bins.ravel(),
        lowest,
        highest,
        one,
        (N_BINS * word).astype(np.uint16),
        np.array(masks, np.uint64),
        np.ones(_FIELDS),
        np.ones(_FIELDS),
    )


def pack_values(
    bins: NDArray[np.uint8],
    lowest: NDArray[np.float32],
    highest: NDArray[np.float32],
    values: NDArray[np.floating],
) -> tuple[Rows, float, float]:
    """Return training rows with values as the growth wants them, and the offset and the unit of these.

    Values become whole numbers of so many bits that the sum over all rows fits into 31, and there may be as many rows
    as 21 bits can count.
    """
    offset = float(values.min())
    most = 2 ** (31 - len(values).bit_length()) - 1
    unit = (float(values.max()) - offset) / most or 1.0
    whole = np.rint((values - offset) / unit).astype(np.uint64)
    rows = Rows(
        bins.ravel(),
        lowest,
        highest,
        whole + (np.uint64(1) << np.uint64(2 * FIELD_BITS)),
        np.zeros(len(values), np.uint16),
        np.array([2**31 - 1, 0, _FIELD], np.uint64),
        np.array([1.0, 0.0, 0.0]),
        np.array([0.0, 0.0, 1.0]),
    )
    return rows, offset, unit


def make_space(rows: Rows, n_words: int) -> tuple[Space, Nodes]:
    """Return work space for a thread, and room for a tree."""
    n, n_features = len(rows.one), len(rows.lowest)
    space = Space(
        np.empty(n, np.uint32),
        np.empty(n, np.uint32),
        np.empty(n, np.uint64),
        np.empty(n, np.uint32),
        np.empty(n, np.uint32),
        np.empty(n, np.uint64),
        np.empty(n_features, np.uint32),
        np.zeros(n_words * N_BINS, np.uint64),
        np.zeros(N_BINS // 64, np.uint64),
        np.empty(n_words, np.uint64),
        np.empty(n_words, np.uint64),
        np.empty((3, N_BINS)),
    )
    return space, Nodes(
        np.empty(2 * n, np.int32),
        np.empty(2 * n, np.float32),
        np.empty(2 * n, np.int32),
        np.empty((2 * n, n_words), np.uint64),
        np.empty((2 * n, 4), np.uint32),
    )


def n_words(rows: Rows, n_classes: int) -> int:
    """Return the number of words for the counts of all classes."""
    return -(-n_classes // _fields(rows))


def means(counts: NDArray[np.uint64], offset: float, unit: float) -> NDArray[np.float64]:
    """Return the mean value of rows whose values :func:`pack_values` packed, from sums (nodes, 1)."""
    sums, n = counts[:, 0] & np.uint64(2**31 - 1), counts[:, 0] >> np.uint64(2 * FIELD_BITS)
    result: NDArray[np.float64] = offset + unit * (sums / n)
    return result


def unpacked(rows: Rows, counts: NDArray[np.uint64], n_classes: int) -> NDArray[np.int64]:
    """Return packed counts (..., words) as one number for each class (..., classes)."""
    fields = [(counts >> np.uint64(FIELD_BITS * i)) & rows.masks[i] for i in range(_fields(rows))]
    return np.stack(fields, axis=-1).reshape(*counts.shape[:-1], -1)[..., :n_classes].astype(np.int64)


def _fields(rows: Rows) -> int:
    return int(np.count_nonzero(rows.masks))
