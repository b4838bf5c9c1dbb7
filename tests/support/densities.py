"""Densities of whole images, as reading and training of counting projects compare them."""

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.engine.base import ClassForest
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.ilp.project import CountingProject


def density(project: CountingProject, image: NDArray) -> NDArray:
    """Return the density (y, x) of an image, by the compiled walks of the whole image."""
    block = reorder(image, "yxc" if image.ndim == 3 else "yx", "tczyx")[0]
    inner = tuple(slice(0, n) for n in block.shape[1:])
    found = []
    for regressor in project.regressors:
        predictor = ENGINE.prepare(project.selection, project.n_channels, ClassForest(regressor.trees, [0], 1))
        found.append(predictor.predict(block, inner)[0, 0])
    return np.maximum(found, 0).mean(0)
