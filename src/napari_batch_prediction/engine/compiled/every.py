"""The loops that predictions are made of, to be compiled together: 2D and 3D, classes and densities."""

import numpy as np

from napari_batch_prediction.engine.areas import class_sums
from napari_batch_prediction.engine.base import ClassForest, Model
from napari_batch_prediction.engine.compiled.predictor import CompiledPredictor
from napari_batch_prediction.engine.sources import segmentation, uncertainty
from napari_batch_prediction.features.selection import FEATURE_IDS, FeatureSelection
from napari_batch_prediction.simd.building import together
from napari_batch_prediction.simd.kernel import noted
from napari_batch_prediction.simd.shelf import Job


@together
def prediction_loops() -> list[Job]:
    """Return all loops that predictions need, but those for structure tensors that few projects have."""
    models: list[Model] = [ClassForest((), (), 1), []]
    with noted() as jobs:
        for in_2d in (False, True):
            selection = FeatureSelection(FEATURE_IDS, (1.0,), ((True,),) * len(FEATURE_IDS), (in_2d,))
            for model in models:
                features = CompiledPredictor(selection, 1, model)
                features.predict(np.zeros((1, 1, 1, 1), np.float32), (slice(0, 1),) * 3)
        probabilities = np.zeros((2, 1, 1, 1), np.float32)
        segmentation(probabilities)
        uncertainty(probabilities)
        class_sums(probabilities)
    return jobs
