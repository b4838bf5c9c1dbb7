"""Features of objects: this project against vigra, which ilastik uses, one thread each, the same values."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import whole
from inputs import ROOT, Setting, left_out
from numpy.typing import NDArray
from rows import Contest, Row, compete
from timing import Contestant, Time, timed
from vigra_client import VigraWorker

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.objects.features.hull import hull_features
from napari_batch_prediction.objects.features.names import FEATURES, STANDARD, Feature, is_local, width
from napari_batch_prediction.objects.features.names import NEAR as AROUND
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

NEAR = ("Mean", "Variance", "Skewness", "Kurtosis", "Minimum", "Maximum", "Sum", "Histogram")
MARGIN = 30

# All standard features, neighbourhoods, hulls and skeletons: what ilastik's window proposes.
CASE, PROJECT_MARGIN = "r_objclass_2d_nbh_hull_skel", 7
SOURCES = ("Object Identities", "Object Predictions", "Object Probabilities", "Object Table")
COMMAND = f"{OURS}, the command"

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
        rows += _command(setting, labels, raw, n)
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
    """Measure what looks around objects; vigra's Python module has no hulls."""
    volumes = ArrayVolume(labels[np.newaxis, np.newaxis]), ArrayVolume(raw[np.newaxis, np.newaxis])
    own = standard_features(*volumes, n, ("Count", "RegionCenter", "Coord<Minimum>", "Coord<Maximum>"))
    low, high = np.zeros((n, 3), np.int64), np.ones((n, 3), np.int64)
    low[:, 1:], high[:, 1:] = own["Coord<Minimum>"][:, ::-1], own["Coord<Maximum>"][:, ::-1]

    def near() -> NDArray[np.float64]:
        values = neighbourhood_features(*volumes, low, high, NEAR, (MARGIN, MARGIN), False)
        return np.concatenate([values[name] for name in NEAR], axis=1)

    neighbourhood, hull, skeleton = (f"{OURS}, {name}" for name in ("neighbourhood", "hull", "skeleton"))
    note = f"{len(NEAR)} features of the pixels around each object, margin {MARGIN}"
    contests = [
        Contest(neighbourhood, timed(near), None, note),
        Contest(
            hull, timed(partial(hull_features, volumes[0], low, high, own["Count"], own["RegionCenter"])), None, ""
        ),
        Contest(skeleton, timed(partial(skeleton_features, volumes[0], low, high)), None, ""),
    ]
    if setting.vigra:
        vigra, paths = setting.vigra, (setting.scratch / "labels.npy", setting.scratch / "raw.npy")
        vigra.load_neighbourhoods(*paths, NEAR, MARGIN)
        vigra.run()
        _check(near(), vigra.result(setting.scratch), "neighbourhood")
        around = _loaded(vigra, partial(vigra.load_neighbourhoods, *paths, NEAR, MARGIN))
        note = "extractRegionFeatures of a box for each object, as ilastik does it; the same values"
        contests.append(Contest("vigra, neighbourhood", around, neighbourhood, note, TARGET))
        note = "extractSkeletonFeatures, of the whole image at once"
        skeletons = _loaded(vigra, partial(vigra.load_skeletons, paths[0]))
        contests.append(Contest("vigra, skeleton", skeletons, skeleton, note))
    return compete("Object features, around objects", contests, min(setting.rounds, 3), labels.size)


def _loaded(vigra: VigraWorker, load: Callable[[], None]) -> Contestant:
    """Return a contestant that is vigra at work that is loaded anew, which is not counted."""

    def run() -> Time:
        load()
        return vigra.run()

    return run


def _command(setting: Setting, labels: NDArray, raw: NDArray, n: int) -> list[Row]:
    """Measure a whole command that classifies objects, from the start of the process to the finished files."""
    project = ROOT / "tests" / "golden" / CASE / "project.ilp"
    image, mask = setting.scratch / "image.npy", setting.scratch / "mask.npy"
    np.save(image, raw)
    np.save(mask, (labels > 0).astype(np.uint8))
    exports = (word for source in SOURCES for word in ("--export", source))
    options = (*exports, "--segmentation-image", str(mask))

    def ours() -> Time:
        taken = whole.run(setting.scratch, project, [str(image)], whole.ILASTIK_FORMAT, *options)
        return Time(taken.cpu, taken.wall)

    contests = [Contest(COMMAND, ours, None, f"{n} objects, {', '.join(SOURCES)}; from the start of the process")]
    if setting.vigra:
        own, near = _of_project(project)
        arguments = mask, setting.scratch / "raw.npy", own, near, PROJECT_MARGIN, project
        run = _loaded(setting.vigra, partial(setting.vigra.load_classification, *arguments))
        note = "the calls of vigra that ilastik makes, but for hulls; nothing of what it does around them"
        contests.append(Contest("vigra alone", run, COMMAND, note))
    return compete("Object Classification, whole command", contests, min(setting.rounds, 3), labels.size)


def _of_project(project: Path) -> tuple[list[str], list[str]]:
    """Return the standard features of a project, of objects and of what is around them."""
    classifier = load_classifier(project)
    if not isinstance(classifier, ObjectClassification):
        raise TypeError(f"{project} classifies no objects")
    names = [name for plugin, name in classifier.project.selected.features if plugin == STANDARD]
    return [name for name in names if not is_local(name)], [
        name.removesuffix(AROUND) for name in names if name.endswith(AROUND)
    ]
