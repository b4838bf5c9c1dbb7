"""The images in a file that can hold several."""

import os

from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.images.base import reading
from napari_batch_prediction.locations.location import FileAt


def list_datasets(location: str | os.PathLike[str]) -> list[str]:
    """Return the paths of the images in a file that can hold several; none for any other file.

    Parameters
    ----------
    location
        A file or a store, as for :func:`~napari_batch_prediction.locations.inputs.open_image`. What is named after
        the file does not count.

    Raises
    ------
    ImageReadError
        If the file cannot be read.
    """
    file = FileAt.of(location).path
    kind = known_format(file)
    if kind is None or not kind.has_datasets:
        return []
    with reading(f"'{file}' as {kind.name}"):
        return kind.datasets(file)
