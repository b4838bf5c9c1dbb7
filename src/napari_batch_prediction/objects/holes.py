"""Filling holes of objects."""

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.objects.components import Inside, Pieces, connect
from napari_batch_prediction.objects.volume import Volume


def fill_holes(pieces: Pieces, background: Volume, workers: int, inside: Inside | None = None) -> Pieces:
    """Fill the holes of objects: background that is not connected, over faces, with the border of the volume.

    Objects around one hole become one.

    Parameters
    ----------
    pieces
        The objects; their volume takes those that are returned.
    background
        Takes the numbers of parts of the background.
    workers
        Number of threads.
    inside
        Where objects may be; everywhere if None.
    """
    pieces.number()
    outside = connect(lambda box: pieces.numbered(box) == 0, background, workers)
    outside.keep(~outside.on_border)
    if not outside.number():
        return pieces

    def filled(box: Box) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = (pieces.numbered(box) != 0) | (outside.numbered(box) != 0)
        return mask if inside is None else mask & inside(box)

    return connect(filled, pieces.labels, workers)
