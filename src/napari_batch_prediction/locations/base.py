"""The location of an input, of whatever kind it is."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from pathlib import Path

from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.stack import StackAxis

Arrays = Mapping[str, MemoryImage]
"""Images in memory by the text of their location."""


class Location(ABC):
    """The place of one input. Its text is what people and files of a job see; nobody needs to take it apart."""

    __slots__ = ()

    @abstractmethod
    def __str__(self) -> str:
        """Return the text that stands for it."""

    @property
    @abstractmethod
    def stem(self) -> str:
        """The name that outputs and layers are called by."""

    @property
    def file(self) -> Path | None:
        """The file, or a path in the folder that results lie in by default; None if there is none on disk."""
        return None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files and stores on disk that it is made of."""
        return ()

    @property
    def in_memory(self) -> bool:
        """Whether its pixels, and what is predicted for it, are in memory."""
        return False

    def at(self, dataset: str, stack: StackAxis | None = None) -> "Location":
        """Return the location of a dataset in it; itself if it holds none.

        Parameters
        ----------
        dataset
            The path of the dataset.
        stack
            The axis to stack datasets along if ``dataset`` is a pattern.
        """
        return self

    def state(self) -> Hashable | None:
        """Return what changes when the image changes; None if that cannot be told."""
        return None

    def datasets(self) -> list[str]:
        """Return the paths of the images in a file that can hold several; none for anything else.

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
            Axis keys of the user; of several files, of each.
        arrays
            Images in memory.

        Raises
        ------
        ImageReadError
            If there is no such image, or it cannot be read.
        AxesError
            If the axes are not valid or do not fit the image.
        ImageMismatchError
            If several files differ.
        """
