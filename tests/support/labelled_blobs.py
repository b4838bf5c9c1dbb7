"""Label images and images to measure, made at random."""

import numpy as np
from scipy import ndimage

from napari_batch_prediction.objects.features.names import FEATURES, STANDARD, Feature, is_local, width
from napari_batch_prediction.objects.features.standard import standard_features
from napari_batch_prediction.objects.volume import ArrayVolume


def blobs(shape, seed=0, share=0.4):
    """Components (z, y, x) of a smooth random field: of all sizes, some with holes, some at borders."""
    field = np.random.default_rng(seed).standard_normal(shape)
    field = ndimage.gaussian_filter(field, [1.2 if extent > 1 else 0 for extent in shape])
    return ndimage.label(field > np.quantile(field, 1 - share))[0].astype(np.uint32)


def names_of(n_channels, n_dims):
    """All standard features of an image that look at the objects alone."""
    return [
        name for name in FEATURES[STANDARD] if not is_local(name) and width(Feature(STANDARD, name), n_channels, n_dims)
    ]


def measure(labels, raw, names=None, **kwargs):
    """Standard features of labels (z, y, x) in an image (c, z, y, x)."""
    names = names or names_of(len(raw), 3 if len(labels) > 1 else 2)
    n = int(labels.max(initial=0))
    return standard_features(ArrayVolume(labels[None]), ArrayVolume(raw), n, names, **kwargs)
