"""The base class of all kinds of locations."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from pathlib import Path

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.stack import StackAxis

Arrays = Mapping[str, MemoryImage | BatchPredictionError]
"""Images in memory, or the reasons why they are none, by the text of their location."""

AHEAD = 8
"""How many locations ahead it is said that one will be opened."""


class Location(ABC):
    """A value that says where one image is. People and JSON see its text, which is parsed only once."""

    __slots__ = ()

    @abstractmethod
    def __str__(self) -> str:
        """Return the location as text."""

    @property
    @abstractmethod
    def stem(self) -> str:
        """The name for outputs and layers."""

    @property
    def file(self) -> Path | None:
        """The file, or a path in the default folder of outputs; None if nothing is on disk."""
        return None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files and stores on disk that belong to it."""
        return ()

    @property
    def in_memory(self) -> bool:
        """True if its pixels and its outputs are in memory."""
        return False

    def at(self, dataset: str, stack: StackAxis | None = None) -> "Location":
        """Return the location of a dataset in it; itself if it has no datasets.

        Parameters
        ----------
        dataset
            The path of the dataset.
        stack
            The axis to stack datasets along if ``dataset`` is a pattern.
        """
        return self

    def state(self) -> Hashable | None:
        """Return a value that differs once the image has changed; None if changes cannot be noticed."""
        return None

    def foresee(self) -> None:  # noqa: B027 - most need nothing
        """Say that it will be opened soon, so that what another process looks at is ready then."""

    def datasets(self) -> list[str]:
        """Return the paths of the datasets in a file that can hold several; else an empty list.

        Raises
        ------
        ImageReadError
            If the file cannot be read.
        """
        return []

    @abstractmethod
    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Open the image; only its header is read.

        Parameters
        ----------
        axes
            Axis keys of the user; for a stack, those of each file.
        arrays
            Images in memory.

        Raises
        ------
        ImageReadError
            If there is no such image, or it cannot be read.
        AxesError
            If the axes are not valid or do not fit the image.
        ImageMismatchError
            If the files of a stack differ.
        """
