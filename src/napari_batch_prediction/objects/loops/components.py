"""Connected components of a box, the pieces that meet where boxes do, and what is known of each piece."""

from napari_batch_prediction.objects.loops.sets import unite
from napari_batch_prediction.simd.caching import cached


@cached
def label_box(values, labels, parents):
    """Label the components of equal values, other than 0, over the faces of pixels; return their number.

    They are numbered from 1 by their first pixel.

    Parameters
    ----------
    values
        Values (z, y, x).
    labels
        Takes the labels (z, y, x).
    parents
        Scratch, with room for a number for every pixel and one more.
    """
    depth, height, width = values.shape
    n = 0
    parents[0] = 0
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                value = values[z, y, x]
                if value == 0:
                    labels[z, y, x] = 0
                    continue
                label = 0
                before = x > 0 and values[z, y, x - 1] == value
                if before:
                    label = labels[z, y, x - 1]
                if y > 0 and values[z, y - 1, x] == value:
                    above = labels[z, y - 1, x]
                    if label == 0:
                        label = above
                    # Where the pixel before it is connected over the row above, too, nothing is new.
                    elif above != label and values[z, y - 1, x - 1] != value:
                        label = unite(parents, label, above)
                if z > 0 and values[z - 1, y, x] == value:
                    behind = labels[z - 1, y, x]
                    if label == 0:
                        label = behind
                    elif behind != label:
                        label = unite(parents, label, behind)
                if label == 0:
                    n += 1
                    parents[n] = n
                    label = n
                labels[z, y, x] = label
    n_sets = 0
    for i in range(1, n + 1):
        # A parent is smaller than its child, and so has its new number already.
        if parents[i] == i:
            n_sets += 1
            parents[i] = n_sets
        else:
            parents[i] = parents[parents[i]]
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                labels[z, y, x] = parents[labels[z, y, x]]
    return n_sets


@cached
def measure_box(labels, origin, shape, sizes, firsts, on_border):
    """Find the size of each label in a box, its first pixel, and whether it touches the border of the volume.

    Parameters
    ----------
    labels
        Labels (z, y, x) of a box.
    origin
        First pixel of the box in the volume, along z, y and x.
    shape
        Extents of the volume.
    sizes, firsts, on_border
        Take the number of pixels, the position of the first pixel in the order of the volume's pixels, and a flag.
        An axis of one pixel has no border. What is in them at first is taken into account.
    """
    depth, height, width = labels.shape
    for z in range(depth):
        outer_z = shape[0] > 1 and (origin[0] + z == 0 or origin[0] + z == shape[0] - 1)
        for y in range(height):
            outer = outer_z or (shape[1] > 1 and (origin[1] + y == 0 or origin[1] + y == shape[1] - 1))
            start = ((origin[0] + z) * shape[1] + origin[1] + y) * shape[2] + origin[2]
            for x in range(width):
                label = labels[z, y, x]
                if label == 0:
                    continue
                sizes[label] += 1
                if start + x < firsts[label]:
                    firsts[label] = start + x
                if outer:
                    on_border[label] = True
            if shape[2] > 1 and origin[2] == 0:
                on_border[labels[z, y, 0]] = True
            if shape[2] > 1 and origin[2] + width == shape[2]:
                on_border[labels[z, y, width - 1]] = True
    on_border[0] = False


@cached
def find_pairs(first, second, pairs):
    """List the pairs of labels, other than 0, that are at the same pixels of two arrays; return their number.

    A pair follows itself only once, so that runs give one pair.

    Parameters
    ----------
    first, second
        Labels in one dimension.
    pairs
        Takes the pairs (n, 2); as long as the arrays, at most.
    """
    n = 0
    a, b = 0, 0
    for i in range(first.size):
        if first[i] == 0 or second[i] == 0:
            continue
        if first[i] != a or second[i] != b:
            a, b = first[i], second[i]
            pairs[n, 0], pairs[n, 1] = a, b
            n += 1
    return n


@cached
def unite_pairs(parents, pairs):
    """Make one set of the sets of each pair, then write the smallest number of its set to each number."""
    for i in range(len(pairs)):
        unite(parents, pairs[i, 0], pairs[i, 1])
    for i in range(parents.size):
        parents[i] = parents[parents[i]]


@cached
def sum_up(parents, sizes, firsts, on_border):
    """Add what is known of each number to the number that stands for its set."""
    for i in range(1, parents.size):
        root = parents[i]
        if root != i:
            sizes[root] += sizes[i]
            sizes[i] = 0
            firsts[root] = min(firsts[root], firsts[i])
            on_border[root] |= on_border[i]


@cached
def find_last(labels, axis, start, lasts):
    """Find the last slice, with axis 0, or row, with axis 1, of each label; the box begins at ``start``."""
    depth, height, width = labels.shape
    for z in range(depth):
        for y in range(height):
            at = start + (z if axis == 0 else y)
            for x in range(width):
                label = labels[z, y, x]
                if lasts[label] < at:
                    lasts[label] = at
