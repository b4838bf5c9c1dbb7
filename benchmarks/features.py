"""Features: this project's compiled loops against other libraries, one thread each."""

from collections.abc import Callable
from functools import partial

import numpy as np
from inputs import SCALES, Setting, all_features, left_out, noise, read_image
from numpy.typing import NDArray
from others import fastfilters2_filters, in_tiles, opencv_convolve, scipy_convolve, two_stages
from rows import Contest, Row, compete
from skimage.feature import multiscale_basic_features
from timing import timed

from napari_batch_prediction.engine.compiled.predictor import CompiledPredictor
from napari_batch_prediction.features.selection import FeatureSelection

Image = NDArray[np.float32]

CACHE = "this project, left in cache"
ARRAY = "this project, to an array"
TARGET = 2.0

# More than rounding. In 3D, vigra's own rounding of the smallest eigenvalue comes to a few thousandths.
TOLERANCE = 1e-2


def our_features(predictor: CompiledPredictor, image: Image, to_array: bool) -> Image:
    """Compute features of an image as a prediction does, but walk no forest.

    Returns
    -------
    The features (n, ...) if ``to_array``. Otherwise they are left in the cache, block after block, which is where a
    prediction uses them, and nothing is returned (n = 0).
    """
    block = image.reshape((1, 1, *image.shape)[-4:])
    whole = (slice(0, block.shape[1]), slice(0, block.shape[2]), slice(0, block.shape[3]))
    values = predictor.compute(block, whole, values=False, features=to_array)[1]
    return values.reshape(len(values), *image.shape)


def measure(setting: Setting) -> list[Row]:
    """Measure features in 2D and in 3D."""
    return _measure_2d(setting) + _measure_3d(setting)


def _measure_2d(setting: Setting) -> list[Row]:
    size = 256 if setting.quick else 1024
    image = noise((size, size))
    if setting.perf:
        image = read_image(setting.perf / "big2048.png")[0, 0, :size, :size].astype(np.float32)
    selection = all_features(in_2d=True)
    contests = _everywhere(setting, image, selection)
    with left_out(setting, "opencv-python-headless"):
        work = partial(two_stages, image, selection, opencv_convolve())
        contests.append(Contest("OpenCV", timed(work), ARRAY, _same(work, image, selection)))
    with left_out(setting, "fastfilters2"):
        contests += _fastfilters2(setting, image)
    own = partial(multiscale_basic_features, image, workers=1)
    n = own().shape[-1]
    note = f"multiscale_basic_features: {n} features of its own; time and ratio as if they were 49"
    contests.append(Contest("scikit-image", timed(own), ARRAY, note, share=n / selection.n_features()))
    return compete("Features, 2D", contests, setting.rounds, image.size)


def _fastfilters2(setting: Setting, image: Image) -> list[Contest]:
    filters = fastfilters2_filters()
    theirs = "49 features: 7 at each of the 7 scales, no difference of Gaussians; wider windows, no smoothing before"

    def whole() -> list[Image]:
        return [filters(image, scale) for scale in SCALES]

    contests = [
        Contest("fastfilters2", timed(whole), ARRAY, theirs, TARGET),
        Contest(
            "fastfilters2, in tiles",
            timed(partial(in_tiles, filters, image, SCALES)),
            CACHE,
            "the same in tiles that fit into the cache, each scale with its context",
            TARGET,
        ),
    ]
    with left_out(setting, "opencv-python-headless"):
        work = partial(in_tiles, filters, image, SCALES, opencv_convolve())
        note = "ilastik's two stages: OpenCV smooths first, then fastfilters2 in tiles at sigmas of at most 1"
        contests.append(Contest("OpenCV, then fastfilters2", timed(work), CACHE, note))
    return contests


def _measure_3d(setting: Setting) -> list[Row]:
    shape = (40, 40, 40) if setting.quick else (64, 96, 96)
    image = noise(shape)
    if setting.perf:
        image = read_image(setting.perf / "vol128.h5")[0][tuple(map(slice, shape))].astype(np.float32)
    contests = _everywhere(setting, image, all_features(in_2d=False))
    return compete("Features, 3D", contests, setting.rounds, image.size)


def _everywhere(setting: Setting, image: Image, selection: FeatureSelection) -> list[Contest]:
    """Return those who compute features in 2D and in 3D: this project, SciPy and vigra."""
    predictor, n = CompiledPredictor(selection, 1, None), selection.n_features()
    contests = [
        Contest(CACHE, timed(partial(our_features, predictor, image, False)), None, f"{n} features, as predictions do"),
        Contest(ARRAY, timed(partial(our_features, predictor, image, True)), None, f"{n} features"),
    ]
    work = partial(two_stages, image, selection, scipy_convolve)
    contests.append(Contest("SciPy", timed(work), ARRAY, _same(work, image, selection)))
    if setting.vigra:
        path = setting.scratch / "image.npy"
        np.save(path, image)
        setting.vigra.load_features(path, [(name, selection.scales[j]) for name, j in selection])
        setting.vigra.run()
        note = _same(partial(setting.vigra.result, setting.scratch), image, selection)
        contests.append(Contest("vigra", setting.vigra.run, ARRAY, note))
    return contests


def _same(work: Callable[[], object], image: Image, selection: FeatureSelection) -> str:
    """Return a note: how far these features are from this project's, relative to the largest value of each."""
    ours = our_features(CompiledPredictor(selection, 1, None), image, True)
    theirs = np.asarray(work())
    far = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(theirs, ours, strict=True))
    if not far < TOLERANCE:
        raise RuntimeError(f"The features compared are not the same: they differ by {far:g} of the largest.")
    return f"the same features with the same kernels; differ by {far:.0e} of the largest"
