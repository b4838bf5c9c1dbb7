"""Looking at one input: what its header says, and why it cannot be predicted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from napari_batch_prediction.axes import extents
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.images.base import AxesKnown, Image
from napari_batch_prediction.images.channels import describe_channels
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Arrays, Location
from napari_batch_prediction.planning.opening import input_settings, open_input
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.ledger import explain


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header of an input says."""

    axes: str
    axes_known: AxesKnown
    shape: tuple[int, ...]
    dtype: np.dtype
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    dataset: str = ""

    def __hash__(self) -> int:
        # The rest is in dicts; equal headers have equal hashes all the same.
        return hash((self.axes, self.shape, self.dtype, self.dataset, self.channel_names))

    @classmethod
    def of(cls, image: Image) -> Self:
        """Return what the header of an open image says."""
        return cls(
            image.axes,
            image.axes_known,
            image.shape,
            image.dtype,
            image.pixel_size,
            image.units,
            image.channel_names,
            image.dataset,
        )

    @property
    def extents(self) -> dict[str, int]:
        """The extent along each of ``t c z y x``; 1 where the image has no such axis."""
        return extents(self.axes, self.shape)


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found in one input.

    Attributes
    ----------
    location
        The input.
    image
        What its header says; None if it cannot be read.
    problems
        The problems that keep it from being predicted.
    warnings
        Problems that the result may have.
    """

    location: Location
    image: ImageInfo | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def input(self) -> str:
        """The text of the location."""
        return str(self.location)


class Inspections:
    """Looks at inputs, and remembers the headers of files that have not changed since.

    So a job can be checked again after each change of a setting, however many files it has. That a file with
    several files in it (a folder, a stack) has changed is not noticed here but when it is predicted.
    """

    def __init__(self) -> None:
        # Of each the header, or why it cannot be read. Of thousands of images every object counts: what Python's
        # garbage collection has to look through stops the window.
        self._headers: dict[tuple[object, ...], ImageInfo | Problem] = {}
        # Equal headers are one object, and a classifier judges each once.
        self._equal: dict[ImageInfo, ImageInfo] = {}
        self._classifier: Classifier | None = None
        self._verdicts: dict[ImageInfo, tuple[tuple[Problem, ...], tuple[Problem, ...]]] = {}

    def look_at(self, job: BatchJob, location: Location, classifier: Classifier, arrays: Arrays) -> Inspected:
        """Return what is in an input and why it cannot be predicted, whatever is wrong with it."""
        key = self._key(job, location)
        header = self._headers.get(key) if key is not None else None
        if header is None:
            header = _open(job, location, arrays)
            if isinstance(header, ImageInfo):
                header = self._equal.setdefault(header, header)
            if key is not None:
                self._headers[key] = header
        if isinstance(header, Problem):
            return Inspected(location, None, (header,))
        if classifier is not self._classifier:
            self._classifier, self._verdicts = classifier, {}
        if header not in self._verdicts:
            self._verdicts[header] = _judge(classifier, header)
        return Inspected(location, header, *self._verdicts[header])

    def _key(self, job: BatchJob, location: Location) -> tuple[object, ...] | None:
        """Return what the header depends on; None if that cannot be told, as for images in memory."""
        state = location.state()
        chosen = input_settings(job, location)
        return (
            None if state is None else (str(location), chosen.dataset, chosen.axes, chosen.channels, job.stack, state)
        )


def _judge(classifier: Classifier, header: ImageInfo) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Return why a classifier cannot predict an image, or else what may be wrong with the result."""
    try:
        classifier.check(header.axes, header.shape, header.dtype)
    except Exception as error:  # whatever is wrong with one image, the others are to be looked at
        problem = explain(error)[0]
        names = header.channel_names
        if names and header.extents["c"] > classifier.n_channels:
            problem = replace(problem, text=f"{problem} Its channels: {describe_channels(names)}.")
        return (problem,), ()
    return (), tuple(classifier.warnings(header.dtype))


def _open(job: BatchJob, location: Location, arrays: Arrays) -> ImageInfo | Problem:
    try:
        with open_input(job, location, arrays) as image:
            return ImageInfo.of(image)
    except Exception as error:  # whatever is wrong with one file, the others are to be looked at
        problem = explain(error)[0]
        return problem if problem.path is not None else replace(problem, path=location.file)
