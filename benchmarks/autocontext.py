"""Autocontext: this project against ilastik's arithmetic, which is fastfilters and vigra's forests, one thread each."""

from contextlib import ExitStack
from functools import partial

import numpy as np
from features import Image
from inputs import ROOT, Setting, left_out, mirrored, read_image
from numpy.typing import NDArray
from others import fastfilters2_filters, in_tiles
from rows import Contest, Row, compete
from timing import Time, timed
from vigra_client import VigraWorker

from napari_batch_prediction.classifiers.autocontext import Autocontext
from napari_batch_prediction.ilp.pixel_classification import read_stages
from napari_batch_prediction.ilp.reading.file import ProjectFile

OURS = "this project"
TARGET = 8.0
TOLERANCE = 1e-5

CASE = ROOT / "tests" / "golden" / "i_autocontext_2d_u8"


def measure(setting: Setting) -> list[Row]:
    """Measure a whole prediction with the two stages of a project that ilastik trained."""
    if setting.vigra is None:
        setting.left_out.append("Autocontext: it is compared with vigra's forest")
        return []
    with ProjectFile(CASE / "project.ilp") as file:
        stages = read_stages(file)
    classifier = Autocontext(stages)
    image = mirrored(read_image(CASE / "test1.png")[0, 0], 256 if setting.quick else 1024)
    ours = timed(partial(classifier.predict, image, "yx", "Probabilities Stage 2", 1))
    sizes = " and ".join(f"{s.selection.n_features(s.n_channels)} features, {len(s.trees)} trees" for s in stages)
    contests = [Contest(OURS, ours, None, f"the whole prediction: {sizes}")]
    with ExitStack() as stack:
        with left_out(setting, "fastfilters2"):
            filters = fastfilters2_filters()
            vigras = (setting.vigra, stack.enter_context(VigraWorker()))
            channels = _channels(classifier, image)
            for number, vigra in enumerate(vigras, start=1):
                _load(setting, vigra, number, classifier, image)

            def features() -> None:
                for stage in stages:
                    scales = [stage.selection.scales[j] for j in stage.selection.used_scales]
                    for channel in channels[: stage.n_channels]:
                        in_tiles(filters, channel, scales)

            compute_features = timed(features)

            def both() -> Time:
                first, second = (vigra.run() for vigra in vigras)
                return compute_features().plus(first).plus(second)

            def forests() -> Time:
                first, second = (vigra.run() for vigra in vigras)
                return first.plus(second)

            note = "fastfilters2 in tiles at the scales of each stage, all its filters; vigra's predictProbabilities"
            contests.append(Contest("fastfilters2 and vigra", both, OURS, note, TARGET))
            contests.append(Contest("vigra alone", forests, OURS, "the forests of both stages, without any features"))
        return compete("Autocontext", contests, setting.rounds, image.size)


def _channels(classifier: Autocontext, image: NDArray) -> list[Image]:
    """Return the channels of the last stage: the image, and the first stage's probabilities as values of its type."""
    probabilities = classifier.predict(image, "yx", "Probabilities Stage 1")
    return [image.astype(np.float32), *np.trunc(np.moveaxis(probabilities, -1, 0) * np.float32(255)).copy()]


def _load(setting: Setting, vigra: VigraWorker, number: int, classifier: Autocontext, image: NDArray) -> None:
    """Give vigra the forest of a stage and its features; check that it gives the same probabilities."""
    path = setting.scratch / f"stage_{number}.npy"
    np.save(path, classifier.predict(image, "yx", f"Features Stage {number}").reshape(image.size, -1))
    vigra.load_forest(CASE / "project.ilp", path, "PixelClassification" + (f"{number - 1:02}" if number > 1 else ""))
    vigra.run()
    expected = classifier.predict(image, "yx", f"Probabilities Stage {number}").reshape(image.size, -1)
    far = float(np.abs(vigra.result(setting.scratch) - expected).max())
    if not far < TOLERANCE:
        raise RuntimeError(f"The forests compared are not the same: probabilities of stage {number} differ by {far:g}.")
