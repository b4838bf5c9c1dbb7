"""ilastik's Autocontext: stages of pixel classification, each on the probabilities of the one before."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import as_float32
from napari_batch_prediction.classifiers.base import PROBABILITIES, Classifier, Source
from napari_batch_prediction.classifiers.derived import derived_sources
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.classifiers.stage import Stage
from napari_batch_prediction.classifiers.tensor import chosen, formula_text, project_warnings, variant
from napari_batch_prediction.classifiers.warnings import brightest, type_warnings, unlike
from napari_batch_prediction.engine.base import Channels
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.tiles import Box, Context, Memory
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.features.selection import StructureTensor
from napari_batch_prediction.ilp.project import AUTOCONTEXT, PixelClassificationProject
from napari_batch_prediction.problems import Problem

ALL_STAGES = f"{PROBABILITIES} All Stages"

# The value for a probability of 1 in an image of integers, the largest of its type, by the type's size in bytes.
# Larger types are refused: float32 rounds their largest value up, beyond their range.
_FULL = {1: 255.0, 2: 65535.0}


class Autocontext(Classifier):
    """A trained Autocontext project. Safe to use from several threads at once.

    Parameters
    ----------
    projects
        Two or more stages, in order.
    """

    def __init__(self, projects: Sequence[PixelClassificationProject]) -> None:
        self._stages = [Stage(project, f" Stage {n}", variant(projects)) for n, project in enumerate(projects, start=1)]
        self.projects = tuple(projects)
        first, last = projects[0], projects[-1]
        stages = [*reversed(self._stages)]
        # ilastik offers a mask, and takes no notice of it.
        sources = [replace(source, outside=None) for stage in stages for source in stage.sources]
        sources.append(_all_stages(projects))
        sources += derived_sources(sources[0])
        description = Description(
            path=first.path,
            workflow=next(name for name, n in AUTOCONTEXT.items() if n == len(projects)),
            version=first.version,
            classes=last.label_names,
            class_colors=last.label_colors,
            n_channels=first.n_channels,
            axes=first.axes,
            stages=tuple(stage.describe() for stage in self._stages),
            sources=tuple(source.name for source in sources),
            structure_tensor=formula_text(projects),
            export=first.export,
        )
        names = [source.name for source in self._stages[-1].sources]
        synonyms = {name.removesuffix(f" Stage {len(projects)}"): name for name in names}
        super().__init__(description, sources, synonyms, [none for stage in self._stages for none in stage.unlisted])

    def check(self, axes: str, shape: Sequence[int], dtype: np.dtype | None = None) -> None:
        """Check that an image fits the classifier, also by its type.

        Raises
        ------
        ImageMismatchError
            If the image does not fit the training images, is too small for the features, or has a type that cannot
            hold probabilities.
        """
        super().check(axes, shape, dtype)
        if dtype is not None:
            _full(dtype)

    @cached_property
    def _brightest(self) -> tuple[float, float]:
        """The largest thresholds on the smoothed image, and on smoothed probabilities of the stage before."""
        n = self.n_channels
        image = max(brightest(p.trees, p.selection, p.n_channels, range(n)) for p in self.projects)
        later = self.projects[1:]
        return image, max(brightest(p.trees, p.selection, p.n_channels, range(n, p.n_channels)) for p in later)

    def warnings(self, dtype: np.dtype) -> list[Problem]:
        """Return warnings that an image of this type may be unlike the training images."""
        image, probabilities = self._brightest
        of_project = project_warnings(self.projects)
        problems = type_warnings(dtype, self.projects[0].dtype, image)
        if problems or not probabilities or not _is_possible(dtype):
            return of_project + problems
        # Thresholds are below the values of the training images. If these had another type, the largest threshold is
        # far from the largest value.
        full = _full(dtype)
        if full / 200 < probabilities <= full:
            return of_project
        text = (
            f"The image is {dtype}, in which one stage gives its probabilities to the next as 0 to {full:g}, but the "
            f"forest compares them with values up to {probabilities:.3g}: the training images were of another type. "
            "Use images of that type."
        )
        return [*of_project, unlike(text)]

    def _with_structure_tensor(self, value: StructureTensor) -> Classifier:
        return Autocontext(chosen(self.projects, value))

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory for predicting these sources."""
        features = [ENGINE.memory(p.selection, p.n_channels, 0) for p in self.projects]
        smoothed = [memory.tile for memory in features]
        # Bytes of a stage in the context of later stages: smoothed images, its probabilities, and those before.
        classes = [4 * len(p.label_names) for p in self.projects]
        both = [before + own for before, own in zip([0, *classes], classes, strict=False)]
        around = max(own + images for own, images in zip(both[:-1], smoothed[:-1], strict=True))
        # What a thread has beside that depends on the number of values a little.
        thread = max(ENGINE.memory(p.selection, p.n_channels, len(p.label_names)).thread for p in self.projects)
        return Memory(smoothed[-1] + classes[-1] + self.bytes_of(sources), features[0].block + around, thread)

    @property
    def model_bytes(self) -> int:
        """The memory that preparing the forests takes; 0 once they are."""
        return sum(stage.model_bytes for stage in self._stages)

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict a tile."""
        wanted = {self.source(name).name for name in sources}
        every = ALL_STAGES in wanted
        names = wanted | {stage.probabilities for stage in self._stages if every}
        needed = [stage for stage in self._stages if stage.wants(names)]
        stages = self._stages[: self._stages.index(needed[-1]) + 1]
        image, full = as_float32(block), _full(block.dtype)
        regions = _regions(inner, block.shape[1:], [stage.context for stage in stages[1:]])
        results: dict[str, NDArray] = {}
        more: Channels | None = None
        for stage, region, following in zip(stages[:-1], regions[:-1], regions[1:], strict=True):
            (probabilities,) = stage.predict(image, region, [stage.probabilities], more).values()
            tile = _within(inner, region)
            if stage.wants(names):
                results |= stage.derived(probabilities[(slice(None), *tile)].copy(), names)
            if stage.features in names:
                in_tile = more and Channels(more.values, _moved(tile, [extent.start for extent in more.tile]))
                results |= stage.predict(image, inner, [stage.features], in_tile)
            if full != 1:
                np.trunc(np.multiply(probabilities, np.float32(full), out=probabilities), out=probabilities)
            more = Channels(probabilities, _within(following, region))
        results |= stages[-1].predict(image, inner, names, more)
        if every:
            results[ALL_STAGES] = np.concatenate([results[stage.probabilities] for stage in self._stages])
        return {name: results[name] for name in wanted}


def _all_stages(projects: Sequence[PixelClassificationProject]) -> Source:
    """Return the source with the probabilities of all stages, in order."""
    classes = tuple(name for project in projects for name in project.label_names)
    colors = tuple(color for project in projects for color in project.label_colors)
    names = tuple(f"{name}, stage {n}" for n, project in enumerate(projects, 1) for name in project.label_names)
    return Source(
        name=ALL_STAGES,
        dtype=np.dtype(np.float32),
        channels=len(names),
        channel_names=names,
        value_range=(0.0, 1.0),
        classes=classes,
        class_colors=colors,
        variant=variant(projects),
        outside=None,
        about="The probabilities of all stages, one after the other: one channel a class of a stage.",
    )


def _is_possible(dtype: np.dtype) -> bool:
    """Return True if this type can hold probabilities."""
    return dtype.kind == "f" or (dtype.kind == "u" and dtype.itemsize in _FULL)


def _full(dtype: np.dtype) -> float:
    """Return the value for a probability of 1 in an image of this type.

    Raises
    ------
    ImageMismatchError
        If ilastik's conversion overflows.
    """
    if not _is_possible(dtype):
        raise ImageMismatchError(
            f"The image is {dtype}. Autocontext turns probabilities into values of the image's type, and in this one "
            "ilastik's own result overflows and is not reproducible. Train it on, and use, images of "
            "uint8, uint16 or float32."
        )
    return 1.0 if dtype.kind == "f" else _FULL[dtype.itemsize]


def _regions(inner: Box, extents: Sequence[int], contexts: Sequence[Context]) -> list[Box]:
    """Return the box that each stage predicts: the tile for the last, with the contexts of later stages for others."""
    regions = [inner]
    for context in reversed(contexts):
        z, y, x = (
            slice(max(s.start - pixels, 0), min(s.stop + pixels, n))
            for s, pixels, n in zip(regions[0], context, extents, strict=True)
        )
        regions.insert(0, (z, y, x))
    return regions


def _moved(box: Box, by: Sequence[int]) -> Box:
    z, y, x = (slice(s.start + n, s.stop + n) for s, n in zip(box, by, strict=True))
    return z, y, x


def _within(box: Box, around: Box) -> Box:
    """Return a box relative to a box around it."""
    return _moved(box, [-s.start for s in around])
