"""The compiled loop that grows one tree, and the votes of the tree for the rows that it has not drawn."""

from numba import njit, uint64

from napari_batch_prediction.forest.growth_space import N_BINS
from napari_batch_prediction.forest.splits import best_of_feature, border_between, quality
from napari_batch_prediction.simd.caching import INLINED, UNCOUNTED, cached


@njit(**INLINED)
def _random(state, n):
    """Return the next state of a generator, and a random number below n.

    The generator is splitmix64 (G. L. Steele et al., OOPSLA 2014).
    """
    state += uint64(0x9E3779B97F4A7C15)
    bits = state
    bits = (bits ^ (bits >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> uint64(27))) * uint64(0x94D049BB133111EB)
    bits ^= bits >> uint64(31)
    return state, ((bits >> uint64(32)) * uint64(n)) >> uint64(32)


@njit(**UNCOUNTED)
def _bootstrap(rows, space, nodes, state):
    """Draw as many rows as there are, with replacement; fill the root. Return the state of the generator."""
    n_rows = uint64(rows.one.size)
    space.drawn[:] = 0
    for _ in range(n_rows):
        state, row = _random(state, n_rows)
        space.drawn[row] += 1
    nodes.counts[0] = 0
    n_drawn = n_unseen = uint64(0)
    for row in range(n_rows):
        times = uint64(space.drawn[row])
        weight = times * rows.one[row]
        nodes.counts[0, uint64(rows.plane[row]) // uint64(N_BINS)] += weight
        # Both are written, and one of them counts.
        space.rows[n_drawn], space.weights[n_drawn], space.unseen[n_unseen] = row, weight, row
        n_drawn += uint64(times != 0)
        n_unseen += uint64(times == 0)
    nodes.spans[0, 0], nodes.spans[0, 1], nodes.spans[0, 2], nodes.spans[0, 3] = 0, n_drawn, 0, n_unseen
    return state


@njit(**UNCOUNTED)
def _part_drawn(rows, offset, space, start, stop, last):
    """Put the drawn rows of a node whose bin is at most ``last`` first; return the end of these."""
    middle, n_moved = start, uint64(0)
    for k in range(start, stop):
        row, weight = space.rows[k], space.weights[k]
        is_left = uint64(uint64(rows.bins[offset + uint64(row)]) <= last)
        space.rows[middle], space.weights[middle] = row, weight
        space.moved_rows[n_moved], space.moved_weights[n_moved] = row, weight
        middle += is_left
        n_moved += is_left ^ uint64(1)
    for k in range(n_moved):
        space.rows[middle + k], space.weights[middle + k] = space.moved_rows[k], space.moved_weights[k]
    return middle


@njit(**UNCOUNTED)
def _part_unseen(rows, offset, space, start, stop, last):
    """Do the same for the rows that were not drawn."""
    middle, n_moved = start, uint64(0)
    for k in range(start, stop):
        row = space.unseen[k]
        is_left = uint64(uint64(rows.bins[offset + uint64(row)]) <= last)
        space.unseen[middle] = row
        space.moved_rows[n_moved] = row
        middle += is_left
        n_moved += is_left ^ uint64(1)
    for k in range(n_moved):
        space.unseen[middle + k] = space.moved_rows[k]
    return middle


@njit(**UNCOUNTED)
def _best_split(rows, n_tried, space, counts, start, stop, state):
    """Return the best split of a node, by features drawn at random: see :func:`grow_tree`."""
    n_features = uint64(space.order.size)
    best, feature, before, after = -1.0, n_features, uint64(0), uint64(0)
    tried, j = 0, uint64(0)
    while j < n_features and tried < n_tried:
        state, other = _random(state, n_features - j)
        other += j
        candidate = space.order[other]
        space.order[other], space.order[j] = space.order[j], candidate
        j += uint64(1)
        best, last, following, is_split = best_of_feature(rows, candidate, space, counts, start, stop, best)
        tried += is_split
        if last < uint64(N_BINS):
            feature, before, after = uint64(candidate), last, following
    return state, best, feature, before, after


@njit(**UNCOUNTED)
def _divide(rows, space, nodes, node, n_nodes, split):
    """Make the two children of a node."""
    feature, before, after = split
    offset = feature * uint64(rows.one.size)
    last, threshold = border_between(rows.lowest[feature], rows.highest[feature], before, after)
    spans, left, right = nodes.spans, n_nodes, n_nodes + uint64(1)
    middle = _part_drawn(rows, offset, space, uint64(spans[node, 0]), uint64(spans[node, 1]), last)
    between = _part_unseen(rows, offset, space, uint64(spans[node, 2]), uint64(spans[node, 3]), last)
    nodes.feature[node], nodes.threshold[node], nodes.left[node] = feature, threshold, left
    spans[left, 0], spans[left, 1], spans[left, 2], spans[left, 3] = spans[node, 0], middle, spans[node, 2], between
    spans[right, 0], spans[right, 1], spans[right, 2], spans[right, 3] = middle, spans[node, 1], between, spans[node, 3]
    for w in range(uint64(space.below.size)):
        nodes.counts[left, w] = space.below[w]
        nodes.counts[right, w] = nodes.counts[node, w] - space.below[w]


@cached
def grow_tree(rows, n_tried, max_depth, seed, space, nodes, importance):
    """Grow a tree on a bootstrap of the rows until its leaves are pure, or of equal rows, or at the largest depth.

    Parameters
    ----------
    rows, space, nodes
        See :mod:`~napari_batch_prediction.forest.growth_space`.
    n_tried
        The number of features that are not constant in a node of which the best split is taken.
    max_depth
        The depth at which no node is split, the root being at 0.
    seed
        uint64.
    importance
        float64 (features,): what each split takes from the impurity of the rows is added.

    Returns
    -------
    The number of nodes.
    """
    n_features = uint64(space.order.size)
    state = _bootstrap(rows, space, nodes, uint64(seed))
    for j in range(n_features):
        space.order[j] = j
    # Of values only what is better than none is a split: equal ones look like others.
    is_values = rows.counted[0] == 0
    n_nodes, node, depth, end_of_level = uint64(1), uint64(0), 0, uint64(1)
    while node < n_nodes:
        if node == end_of_level:
            depth, end_of_level = depth + 1, n_nodes
        nodes.feature[node], nodes.threshold[node], nodes.left[node] = -1, 0, 0
        counts = nodes.counts[node]
        squares, n = quality(rows, counts)
        # Pure if all rows are of one class.
        if depth < max_depth and (is_values or squares < n * n):
            start, stop = uint64(nodes.spans[node, 0]), uint64(nodes.spans[node, 1])
            state, best, feature, before, after = _best_split(rows, n_tried, space, counts, start, stop, state)
            least = squares / n * (1 + 1e-12) if is_values else 0.0
            if feature < n_features and best > least:
                importance[feature] += (best - squares / n) / rows.one.size
                _divide(rows, space, nodes, node, n_nodes, (feature, before, after))
                n_nodes += uint64(2)
        node += uint64(1)
    return n_nodes


@cached
def add_votes(nodes, n_nodes, shares, unseen, votes):
    """Add the vote of a tree to the rows that it has not drawn.

    Parameters
    ----------
    nodes, n_nodes
        The tree.
    shares
        int64 (nodes, classes): the share of each class in a leaf, in units of VOTE.
    unseen
        See :class:`~napari_batch_prediction.forest.growth_space.Space`.
    votes
        int64 (rows, classes).
    """
    for node in range(uint64(n_nodes)):
        if nodes.feature[node] < 0:
            for k in range(uint64(nodes.spans[node, 2]), uint64(nodes.spans[node, 3])):
                row = uint64(unseen[k])
                for c in range(uint64(votes.shape[1])):
                    votes[row, c] += shares[node, c]
