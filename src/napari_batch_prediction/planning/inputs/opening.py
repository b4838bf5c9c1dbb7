"""Opening an input of a job with its settings."""

from functools import lru_cache

from napari_batch_prediction.disk import path_fault
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import Arrays, Location, Unmatched, parse
from napari_batch_prediction.locations.paths import split_path


def input_settings(job: BatchJob, location: Location | str) -> InputSettings:
    """Return the settings of an input: its own, or else those of all inputs."""
    own = job.input_settings.get(str(location)) if job.input_settings else None
    if own is None:
        return _of_all(job.input_axes, job.channels)
    axes, channels = own.axes or job.input_axes, own.channels or job.channels
    return InputSettings(axes=axes, channels=channels, dataset=own.dataset)


# Asked several times for each of thousands of images.
@lru_cache(1)
def _of_all(axes: str | None, channels: tuple[int | str, ...] | None) -> InputSettings:
    return InputSettings(axes=axes, channels=channels)


def full_location(job: BatchJob, location: Location) -> Location:
    """Return the location with the dataset of its settings, if there is one."""
    dataset = input_settings(job, location).dataset
    return location if dataset is None else location.at(dataset, job.stack)


def open_input(job: BatchJob, location: Location, arrays: Arrays | None = None) -> Image:
    """Open an input of a job; only its header is read.

    Parameters
    ----------
    job
        The job.
    location
        The input.
    arrays
        Images in memory.

    Raises
    ------
    ImageReadError
        If there is no such image, or the file is damaged or of a format that cannot be read.
    AxesError
        If the axes of its settings are not valid or do not fit the image.
    ImageMismatchError
        If the image has no such channels, or the files of a stack differ.
    """
    settings = input_settings(job, location)
    return open_image(full_location(job, location), settings.axes, channels=settings.channels, arrays=arrays)


def location_again(job: BatchJob, text: str) -> Location:
    """Return the location of an input of an earlier part of the run."""
    try:
        return parse(text, job.stack)
    except SettingsError as error:
        return Unmatched(text, error, None if path_fault(text) else split_path(text).path)
