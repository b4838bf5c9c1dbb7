"""Objects by scipy and scikit-image, on whole images: what the labelling by boxes is compared with."""

import numpy as np
from scipy import ndimage
from skimage.measure import label

from napari_batch_prediction.objects import boxes, splitting
from napari_batch_prediction.objects.labelling import label_objects
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.objects.volume import ArrayVolume, ScratchVolume

SHAPES = [(1, 60, 51), (1, 47, 1), (14, 21, 17), (3, 70, 29)]


def probabilities(shape, n_channels=2, seed=0, levels=None):
    """Smooth random fields (c, z, y, x) from 0 to 1; with few levels, many pixels are equal."""
    noise = np.random.default_rng(seed).random((n_channels, *shape))
    field = ndimage.gaussian_filter(noise, (0, *(1.2 if extent > 1 else 0 for extent in shape)))
    field = (field - field.min()) / (field.max() - field.min())
    if levels:
        field = np.round(field * levels) / levels
    return field.astype(np.float32)


def smoothed(values, sigmas):
    """Smooth one channel (z, y, x) as ilastik does: a Gaussian cut at two sigmas, rounded after each axis."""
    axes = [axis for axis in (2, 1, 0) if values.shape[axis] > 1]
    if any(sigmas[axis] < 0.1 for axis in axes):
        return values
    for axis in axes:
        x = np.arange(-max(1, int(2 * sigmas[axis] + 0.5)), max(1, int(2 * sigmas[axis] + 0.5)) + 1.0)
        taps = np.exp(-0.5 / sigmas[axis] / sigmas[axis] * x * x) / np.sqrt(2 * np.pi) / sigmas[axis]
        values = ndimage.correlate1d(values.astype(float), taps / taps.sum(), axis, mode="mirror").astype(np.float32)
    return values


def of_size(labels, least, most=np.inf):
    """Labels without those that are too small or too large."""
    counts = np.bincount(labels.ravel())
    return np.where((counts >= least)[labels] & (counts <= most)[labels], labels, 0)


def renumbered(labels):
    """Components of equal values, from 1 by first pixel."""
    return label(labels, connectivity=1)


def found(values, shape, monkeypatch, most=10**9, workers=1, **settings):
    """The objects (z, y, x) that the package makes, in boxes of so many pixels."""
    monkeypatch.setattr(boxes, "MOST_PIXELS", most)
    monkeypatch.setattr(splitting, "MOST_PIXELS", most)
    pixel_size = settings.pop("pixel_size", (1, 1, 1))
    labels = ScratchVolume((1, *shape), np.uint32)
    with labels:
        n = label_objects(ArrayVolume(values), Thresholds(**settings), labels, workers=workers, pixel_size=pixel_size)
        result = labels.read(tuple(slice(0, extent) for extent in shape))[0]
    assert n == result.max(initial=0)
    return result
