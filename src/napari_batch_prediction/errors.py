"""The errors of this package: one family, each also the builtin it stands for.

Every message says what went wrong, where, what was expected, what came, and what to do about it.
"""

from pathlib import Path


class BatchPredictionError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    message
        The whole message, for people.
    setting
        The field of a job, of an export or of an input's settings that mends it; None if no setting does.
    path
        The file or folder that it is about.
    """

    def __init__(self, message: str = "", *, setting: str | None = None, path: Path | None = None) -> None:
        super().__init__(message)
        self.setting = setting
        self.path = path


class ProjectError(BatchPredictionError, ValueError):
    """A project file cannot serve as a classifier."""


class ImageReadError(BatchPredictionError, OSError):
    """An image cannot be opened or read: missing, damaged, or of a format that is not supported."""


class ImageMismatchError(BatchPredictionError, ValueError):
    """An image does not fit the classifier: channels, dimensions or size."""


class AxesError(BatchPredictionError, ValueError):
    """Axes do not describe the array or file they are given for."""


class SettingsError(BatchPredictionError, ValueError):
    """The caller asked for something that does not exist or cannot be combined."""


class ExportError(BatchPredictionError, OSError):
    """An output cannot be written."""


class OutputExistsError(ExportError, FileExistsError):
    """An output exists already and may not be replaced."""
