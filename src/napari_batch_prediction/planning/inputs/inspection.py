"""Inspecting one input: its header, and its problems with the classifier."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.second import Role
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.base import AHEAD
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import Arrays, Location
from napari_batch_prediction.planning.inputs.fitting import judge
from napari_batch_prediction.planning.inputs.header import ImageInfo as ImageInfo
from napari_batch_prediction.planning.inputs.matching import Matched
from napari_batch_prediction.planning.inputs.opening import full_location, input_settings, open_input
from napari_batch_prediction.planning.inputs.results import Results
from napari_batch_prediction.planning.inputs.second import Beside, SecondImage, fitted
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.ledger import explain


@dataclass(frozen=True, slots=True)
class Inspected:
    """An input after inspection.

    Attributes
    ----------
    location
        The input.
    image
        Its header; None if it cannot be read.
    problems
        Problems that prevent predicting it.
    warnings
        Problems that its prediction may have.
    beside
        Its second images.
    """

    location: Location
    image: ImageInfo | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    beside: Beside = ()

    @property
    def input(self) -> str:
        """The text of the location."""
        return str(self.location)


class Inspections:
    """Inspects inputs, and keeps the headers of files until they change.

    So a job of many files can be checked again after each change of a setting. Changes inside a folder or a stack are
    not noticed here, but when it is predicted.

    Attributes
    ----------
    results
        The results found among the files of folders and patterns.
    """

    def __init__(self) -> None:
        # The header of each input, or the problem of reading it. Objects are few, since Python's garbage collection
        # goes through those of thousands of images and stops the window.
        self._headers: dict[Hashable, ImageInfo | Problem] = {}
        # Equal headers are one object, and a classifier judges each once.
        self._equal: dict[ImageInfo, ImageInfo] = {}
        self._classifier: Classifier | None = None
        self._verdicts: dict[ImageInfo, tuple[tuple[Problem, ...], tuple[Problem, ...]]] = {}
        self.results = Results()

    def ahead(self, job: BatchJob, locations: Iterable[Location]) -> Iterator[tuple[Location, Hashable]]:
        """Yield every location and its key for :meth:`look_at`, once those after it are said to come."""
        waiting: deque[tuple[Location, Hashable]] = deque()
        for location in locations:
            key = self._key(job, location)
            waiting.append((location, key))
            if key not in self._headers:
                with suppress(BatchPredictionError):  # opening it says so
                    full_location(job, location).foresee()
            if len(waiting) > AHEAD:
                yield waiting.popleft()
        yield from waiting

    def look_at(
        self, job: BatchJob, location: Location, classifier: Classifier, arrays: Arrays, key: Hashable = None
    ) -> Inspected:
        """Return an input with its header and problems, catching every error."""
        key = key or self._key(job, location)
        header = self._headers.get(key) if key is not None else None
        if header is None:
            header = _header(lambda: open_input(job, location, arrays), location)
            if isinstance(header, ImageInfo):
                header = self._equal.setdefault(header, header)
            # What was missing from a set of files may be there the next time.
            if key is not None and not (isinstance(header, ImageInfo) and (header.warnings or header.parts)):
                self._headers[key] = header
        if isinstance(header, Problem):
            return Inspected(location=location, image=None, problems=(header,))
        if classifier is not self._classifier:
            self._classifier, self._verdicts = classifier, {}
        if header not in self._verdicts:
            self._verdicts[header] = _judge(classifier, header)
        problems, warnings = self._verdicts[header]
        return Inspected(location=location, image=header, problems=problems, warnings=warnings)

    def look_beside(
        self,
        job: BatchJob,
        item: Inspected,
        found: Mapping[Role, Matched],
        arrays: Arrays,
        check: Callable[[Role, ImageInfo], None],
    ) -> Inspected:
        """Return an input with its second images, and with the problems that these have.

        Parameters
        ----------
        job
            The job.
        item
            The input.
        found
            Where each of its second images is, or the error that there is none.
        arrays
            Images in memory.
        check
            Raises an error if the classifier cannot use a second image.
        """
        beside: list[SecondImage] = []
        problems: list[Problem] = []
        for role, location in found.items():
            try:
                if not isinstance(location, Location):
                    raise location
                header = self._second(location, arrays)
                if isinstance(header, Problem):
                    problems.append(header if header.setting is not None else replace(header, setting=role.field))
                elif item.image is not None:
                    header = header.with_axes(fitted(job, role, location, header, item.image))
                    check(role, header)
                    beside.append(SecondImage(role, location, header))
            except BatchPredictionError as error:
                problems.append(replace(Problem.of(error), setting=error.setting or role.field))
        return replace(item, problems=(*item.problems, *problems), beside=tuple(beside))

    def _second(self, location: Location, arrays: Arrays) -> ImageInfo | Problem:
        """Return the header of a second image, or the problem of reading it."""
        state = location.state()
        key = None if state is None else ("second", type(location), str(location), state)
        header = self._headers.get(key) if key is not None else None
        if header is None:
            header = _header(lambda: open_image(location, arrays=arrays), location)
            if key is not None and not (isinstance(header, ImageInfo) and header.parts):
                self._headers[key] = header
        return header

    def _key(self, job: BatchJob, location: Location) -> Hashable | None:
        """Return a value that differs once the header may differ; None if unknown, as for images in memory."""
        state = location.state()
        if state is None:
            return None
        settings = input_settings(job, location)
        return str(location), settings.dataset, settings.axes, settings.channels, job.stack, state


def _judge(classifier: Classifier, header: ImageInfo) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Return the problems that prevent predicting an image, and the warnings about its prediction."""
    problem = judge(
        classifier,
        header.axes,
        header.shape,
        header.dtype,
        axes_known=header.axes_known,
        channel_names=header.channel_names,
    )
    if problem is not None and problem.severity == "error":
        return (problem,), ()
    by_slice = [] if problem is None else [problem]
    own = [Problem("image", text, severity="warning") for text in header.warnings]
    return (), (*by_slice, *own, *classifier.warnings(header.dtype))


def _header(open_: Callable[[], Image], location: Location) -> ImageInfo | Problem:
    """Return the header of an image that is opened for it, or the problem of reading it."""
    try:
        with open_() as image:
            return ImageInfo.of(image)
    except Exception as error:  # any failure concerns only this file
        problem = explain(error)[0]
        return problem if problem.path is not None else replace(problem, path=location.file)
