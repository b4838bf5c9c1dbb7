"""Sets of files that are one image: it is predicted once, not for each of its files."""

from collections.abc import Iterable
from pathlib import Path

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import FileAt, Location
from napari_batch_prediction.locations.paths import real_path
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.inputs.opening import input_settings


def second_files(inspected: Iterable[Inspected]) -> list[Path]:
    """Return the files of all second images, each once."""
    return [*dict.fromkeys(path for item in inspected for second in item.beside for path in second.paths)]


class Sets:
    """The files of all images that are spread over several files.

    Parameters
    ----------
    job
        The job, with the settings of single inputs.

    Attributes
    ----------
    files
        These files.
    """

    def __init__(self, job: BatchJob) -> None:
        self._job = job
        self.files: list[Path] = []
        self._paths: set[str] = set()

    def note(self, item: Inspected) -> None:
        """Note the files of an image."""
        if item.image is None or not item.image.parts:
            return
        self.files += item.image.parts
        if not item.image.dataset:
            self._paths |= {*map(real_path, item.image.parts)}

    def have(self, location: Location) -> bool:
        """Return True if a location is a file of an image that was noted, and no dataset in it is chosen."""
        return (
            bool(self._paths)
            and isinstance(location, FileAt)
            and location.dataset is None
            and input_settings(self._job, location).dataset is None
            and real_path(location.path) in self._paths
        )
