"""Opening an input of a job with what the job sets for it."""

from collections.abc import Mapping

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.channels import ChannelsImage
from napari_batch_prediction.images.memory import PREFIX, MemoryImage
from napari_batch_prediction.job.job import BatchJob, InputSettings
from napari_batch_prediction.locations.inputs import open_image

Arrays = Mapping[str, MemoryImage]
"""Images in memory by their location, for inputs ``layer:NAME``."""


def input_settings(job: BatchJob, location: str) -> InputSettings:
    """Return what holds for an input: what is set for it, else what is set for all."""
    own = job.input_settings.get(location, InputSettings())
    return InputSettings(
        axes=own.axes or job.input_axes, channels=own.channels or job.channels, dataset=own.dataset
    )  # fmt: skip


def full_location(job: BatchJob, location: str) -> str:
    """Return the location with the dataset that the job sets for it, if any."""
    dataset = input_settings(job, location).dataset
    return location if dataset is None else f"{location}/{dataset.strip('/')}"


def open_input(job: BatchJob, location: str, arrays: Arrays | None = None) -> Image:
    """Open an input of a job; only its header is read.

    Parameters
    ----------
    job
        The job.
    location
        The input as the plan names it.
    arrays
        Images in memory.

    Raises
    ------
    ImageReadError
        If there is no such image, or the file is damaged or of a format that cannot be read.
    AxesError
        If the axes that are set are not valid or do not fit the image.
    ImageMismatchError
        If the image has no such channels, or the files of a stack differ.
    """
    chosen = input_settings(job, location)
    if not location.startswith(PREFIX):
        return open_image(full_location(job, location), chosen.axes, stack=job.stack, channels=chosen.channels)
    found = (arrays or {}).get(location)
    if found is None:
        raise ImageReadError(
            f"'{location}' is a layer of a viewer, and can be predicted only while it is there, in that viewer. Add it "
            "to the viewer again, or save it to a file and use the file."
        )
    image = found if chosen.axes is None else found.with_axes(chosen.axes)
    return image if chosen.channels is None else ChannelsImage(image, chosen.channels)
