"""Images in memory as locations: layers of a viewer, and arrays given to a job."""

from dataclasses import dataclass, field
from typing import Self

from napari_batch_prediction.errors import BatchPredictionError, ImageReadError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.locations.base import Arrays, Location
from napari_batch_prediction.locations.names import read_names, write_names

_LAYER = "layer:"
_LAYERS = "layers:"
_ARRAY = "array:"

_NOT_IN_NAMES = '/\\:*?"<>|'


@dataclass(frozen=True, slots=True)
class LayerNamed(Location):
    """A layer of a viewer, or several that are the channels of one image.

    Attributes
    ----------
    name
        The name of the layer, or of the first.
    others
        The names of the others, in the order of channels.
    text
        The text of several as the user wrote it.
    """

    name: str
    others: tuple[str, ...] = ()
    text: str = field(default="", compare=False)

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the location of the layer or layers that a text names; None if it names a file."""
        if text.startswith(_LAYERS):
            first, *others = read_names(text.removeprefix(_LAYERS)) or ("",)
            return cls(first, tuple(others), text)
        return cls(text.removeprefix(_LAYER)) if text.startswith(_LAYER) else None

    def __str__(self) -> str:
        several = _LAYERS + write_names(self.names)
        return self.text or (several if self.others else _LAYER + self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all layers."""
        return (self.name, *self.others)

    @property
    def stem(self) -> str:
        """The names of the layers."""
        return " + ".join(self.names)

    @property
    def in_memory(self) -> bool:
        """Always True."""
        return True

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Return the layer, or the layers as one image."""
        image = (arrays or {}).get(str(self))
        if image is None:
            are, they, them = ("are layers", "they are", "them") if self.others else ("is a layer", "it is", "it")
            raise ImageReadError(
                f"'{self}' {are} of a viewer, and can be predicted only while {they} there, in that viewer. Add "
                f"{them} to the viewer again, or save {them} to a file and use the file."
            )
        if isinstance(image, BatchPredictionError):
            raise image
        return image if axes is None else image.with_axes(axes)


@dataclass(frozen=True, slots=True)
class ArrayNamed(Location):
    """An array that was given to a job.

    Attributes
    ----------
    name
        The name that the job has for it.
    """

    name: str

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the location of the array that a text names; None if it names something else."""
        return cls(text.removeprefix(_ARRAY)) if text.startswith(_ARRAY) else None

    def __str__(self) -> str:
        return _ARRAY + self.name

    @property
    def stem(self) -> str:
        """The name, as one of a file."""
        return "".join("_" if letter in _NOT_IN_NAMES or not letter.isprintable() else letter for letter in self.name)

    @property
    def in_memory(self) -> bool:
        """Always True."""
        return True

    def open(self, axes: str | None = None, arrays: Arrays | None = None) -> Image:
        """Return the array as an image."""
        image = (arrays or {}).get(str(self))
        if image is None:
            raise ImageReadError(
                f"'{self}' is an array in memory, which only the job that was made with it has. Make the job with the "
                "array again, or save the array to a file and use the file."
            )
        if isinstance(image, BatchPredictionError):
            raise image
        return image if axes is None else image.with_axes(axes)


def named_in_memory(text: str) -> LayerNamed | ArrayNamed | None:
    """Return the location of an image in memory that a text names; None if it names a file."""
    return LayerNamed.of(text) or ArrayNamed.of(text)
