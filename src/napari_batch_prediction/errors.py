"""The errors of this package: one family, each also the nearest builtin error.

A message names the fault, the file, the expectation, the value that came instead, and the remedy.
"""

from pathlib import Path

from napari_batch_prediction.wording import shortened


class BatchPredictionError(Exception):
    """Base of every error that this package raises on purpose.

    Each is also the nearest error of Python: ``ValueError``, ``OSError``, ``FileExistsError`` or ``ImportError``.

    Parameters
    ----------
    message
        The whole message, for people; what files and libraries say may make it so long that its middle is left out.
    setting
        The field of a job, an export or an input's settings that mends it; None if none does.
    path
        The file or folder concerned.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> try:
    ...     nbp.BatchJob("nuclei.ilp", "nuclei_01.png", existing="overwrit")
    ... except nbp.BatchPredictionError as error:
    ...     print(type(error).__name__, error.setting, error, sep="; ")
    SettingsError; existing; BatchJob cannot be made: existing: error, skip or overwrite is expected, got 'overwrit' \
(did you mean 'overwrite'?).
    """

    def __init__(self, message: str = "", *, setting: str | None = None, path: Path | None = None) -> None:
        super().__init__(shortened(message))
        self.setting = setting
        self.path = path


class ProjectError(BatchPredictionError, ValueError):
    """A project file cannot serve as a classifier."""


class ImageReadError(BatchPredictionError, OSError):
    """An image cannot be opened or read: missing, damaged, or of a format that is not supported."""


class ImageMismatchError(BatchPredictionError, ValueError):
    """An image does not fit the classifier: channels, dimensions or size."""


class AxesError(BatchPredictionError, ValueError):
    """Axes do not fit the array or file they are given for."""


class SettingsError(BatchPredictionError, ValueError):
    """A setting is not valid, or does not go with another."""


class ExportError(BatchPredictionError, OSError):
    """An output cannot be written."""


class OutputExistsError(ExportError, FileExistsError):
    """An output exists already and may not be replaced."""


class MissingLibraryError(BatchPredictionError, ImportError):  # type: ignore[misc] # both have a path
    """A library is not installed that only this needs."""
