"""Features of objects: this project against vigra, which ilastik uses, one thread each, the same values."""

from functools import partial

import numpy as np
from inputs import Setting, left_out
from numpy.typing import NDArray
from rows import Contest, Row, compete
from timing import timed

from napari_batch_prediction.objects.features.hull import hull_features
from napari_batch_prediction.objects.features.names import FEATURES, STANDARD, Feature, is_local, width
from napari_batch_prediction.objects.features.neighbourhood import neighbourhood_features
from napari_batch_prediction.objects.features.skeleton.features import skeleton_features
from napari_batch_prediction.objects.features.standard import standard_features
from napari_batch_prediction.objects.volume import ArrayVolume

OURS = "this project"
TARGET = 5.0

# About 10,000 objects of 360 pixels each, on a quarter of the image.
EXTENT, QUICK_EXTENT = 3780, 400
SIGMA, SHARE = 5.0, 0.25

# ilastik stores features in single precision.
TOLERANCE = 3e-7

FEW = ("Count", "Kurtosis", "Mean", "RegionRadii", "Variance")
DEFAULT = (
    *FEW,
    *("Skewness", "Minimum", "Maximum", "Sum", "RegionCenter", "RegionAxes", "Coord<Minimum>", "Coord<Maximum>"),
    *("Histogram", "Quantiles"),
)
EVERY = tuple(
    name
    for name in FEATURES[STANDARD]
    if not is_local(name) and width(Feature(STANDARD, name), 1, 2) and not name.startswith("Global")
)
SETS = {"five": FEW, "ilastik's choice": DEFAULT, "all": EVERY}


def measure(setting: Setting) -> list[Row]:
    """Measure features of objects in noise that was smoothed and cut off."""
    rows: list[Row] = []
    with left_out(setting, "SciPy"):
        labels, raw = _image(QUICK_EXTENT if setting.quick else EXTENT)
        n = int(labels.max())
        for name, names in SETS.items():
            rows += _standard(setting, f"Object features, {name}", names, labels, raw, n)
        rows += _others(setting, labels, raw, n)
    return rows


def _image(extent: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    from scipy import ndimage

    rng = np.random.default_rng(0)
    field = ndimage.gaussian_filter(rng.standard_normal((extent, extent), np.float32), SIGMA)
    labels = ndimage.label(field > np.quantile(field, 1 - SHARE))[0]
    return labels.astype(np.uint32), rng.integers(0, 255, (extent, extent)).astype(np.uint8)


def _standard(
    setting: Setting, section: str, names: tuple[str, ...], labels: NDArray, raw: NDArray, n: int
) -> list[Row]:
    volumes = ArrayVolume(labels[np.newaxis, np.newaxis]), ArrayVolume(raw[np.newaxis, np.newaxis])

    def ours() -> NDArray[np.float64]:
        values = standard_features(*volumes, n, names)
        return np.concatenate([values[name] for name in names], axis=1)

    contests = [Contest(OURS, timed(ours), None, f"{n} objects, {len(names)} features, {ours().shape[1]} columns")]
    if setting.vigra:
        paths = setting.scratch / "labels.npy", setting.scratch / "raw.npy"
        np.save(paths[0], labels)
        np.save(paths[1], raw.astype(np.float32))
        setting.vigra.load_objects(*paths, names)
        setting.vigra.run()
        _check(ours(), setting.vigra.result(setting.scratch), section)
        note = "extractRegionFeatures, without what ilastik does around it; the same values"
        contests.append(Contest("vigra", setting.vigra.run, OURS, note, TARGET))
    return compete(section, contests, setting.rounds, labels.size)


def _check(ours: NDArray[np.float64], theirs: NDArray, section: str) -> None:
    # Sums that cancel out to nothing are compared with the largest of their column.
    scale = np.nanmax(np.where(np.isfinite(theirs), np.abs(theirs), 0), axis=0) * np.finfo(float).eps
    far = np.abs(ours - theirs) - TOLERANCE * np.abs(theirs) - 4 * scale
    if np.any(far[np.isfinite(theirs)] > 0) or not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        raise RuntimeError(f"{section}: the values are not those of vigra.")


def _others(setting: Setting, labels: NDArray, raw: NDArray, n: int) -> list[Row]:
    """Measure what looks around objects; vigra's Python module has the skeletons of these."""
    volumes = ArrayVolume(labels[np.newaxis, np.newaxis]), ArrayVolume(raw[np.newaxis, np.newaxis])
    own = standard_features(*volumes, n, ("Count", "RegionCenter", "Coord<Minimum>", "Coord<Maximum>"))
    low, high = np.zeros((n, 3), np.int64), np.ones((n, 3), np.int64)
    low[:, 1:], high[:, 1:] = own["Coord<Minimum>"][:, ::-1], own["Coord<Maximum>"][:, ::-1]
    near = ("Mean", "Variance", "Skewness", "Kurtosis", "Minimum", "Maximum", "Sum", "Histogram")
    work = {
        "neighbourhood, margin 30": (
            partial(neighbourhood_features, *volumes, low, high, near, (30, 30), False),
            f"{len(near)} features of the pixels around each object",
        ),
        "hull": (partial(hull_features, volumes[0], low, high, own["Count"], own["RegionCenter"]), ""),
        "skeleton": (partial(skeleton_features, volumes[0], low, high), ""),
    }
    contests = [Contest(f"{OURS}, {name}", timed(run), None, note) for name, (run, note) in work.items()]
    if setting.vigra:
        setting.vigra.load_skeletons(setting.scratch / "labels.npy")
        note = "extractSkeletonFeatures, of the whole image at once"
        contests.append(Contest("vigra, skeleton", setting.vigra.run, f"{OURS}, skeleton", note))
    return compete("Object features, around objects", contests, min(setting.rounds, 3), labels.size)
