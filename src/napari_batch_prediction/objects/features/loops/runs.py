"""Gathering the runs of objects, compiled."""

import numpy as np

from napari_batch_prediction.simd.caching import cached


@cached
def gather(labels, raw, start, first_row, where, values):
    """Fill runs from a row on with all rows that fit; return the next row and the number of runs."""
    n_channels, width = raw.shape[0], labels.shape[2]
    begins = np.empty(width + 1, np.int64)
    row = first_row
    n_runs = 0
    n_pixels = 0
    while row < labels.shape[0] * labels.shape[1]:
        if n_runs + width > where.shape[0] or (n_channels > 0 and n_pixels + width > values.shape[1]):
            break
        z, y = row // labels.shape[1], row % labels.shape[1]
        own = labels[z, y]
        # Where another label begins; without a branch, which most processors would often foresee wrongly.
        n_begins = 0
        before = np.uint32(0)
        for x in range(width):
            begins[n_begins] = x
            n_begins += own[x] != before
            before = own[x]
        begins[n_begins] = width
        for k in range(n_begins):
            begin, end = begins[k], begins[k + 1]
            if own[begin] == 0:
                continue
            where[n_runs, 0] = own[begin]
            where[n_runs, 1] = z + start[0]
            where[n_runs, 2] = y + start[1]
            where[n_runs, 3] = begin
            where[n_runs, 4] = end
            n_runs += 1
            for c in range(n_channels):
                for p in range(begin, end):
                    values[c, n_pixels + p - begin] = raw[c, z, y, p]
            n_pixels += end - begin
        row += 1
    return row, n_runs
