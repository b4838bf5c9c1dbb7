"""Opening a file by its format."""

import os
import stat
from pathlib import Path

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.formats.format import FileFormat
from napari_batch_prediction.formats.microscope.format import MICROSCOPE
from napari_batch_prediction.formats.registry import known_extensions, known_format
from napari_batch_prediction.images.base import Image, reading
from napari_batch_prediction.locations.paths import store_format, why_no_store


def open_file(location: str, file: Path, dataset: str | None, axes: str | None, *, alone: bool = False) -> Image:
    """Open a file, a store or a dataset in it; only its header is read.

    Parameters
    ----------
    location
        The text of its location, for messages.
    file, dataset
        The file, and the dataset named after it.
    axes
        Axis keys of the user.
    alone
        True to read only what is in the file, not in others of its set.

    Raises
    ------
    ImageReadError
        If there is no such image, or the file is damaged or of a format that cannot be read.
    AxesError
        If ``axes`` are not valid or do not fit the image.
    """
    state = _state(location, file)
    try:
        file_format = _format_of(location, file, dataset, state)
        return _open(file_format, location, file, dataset, axes, alone=alone)
    except ImageReadError as error:
        own = known_format(file)
        is_read = own is None or dataset is None or own.has_datasets
        if error.setting is not None and is_read:
            raise  # a setting is missing, and the format is right
        other = _by_content(file, state, error)
        if other is None or (dataset is not None and not other.has_datasets):
            raise
    return _open(other, location, file, dataset, axes, alone=alone)


def _open(
    file_format: FileFormat, location: str, file: Path, dataset: str | None, axes: str | None, *, alone: bool
) -> Image:
    """Open a file as a format."""
    with reading(f"'{location}' as {file_format.name}"):
        try:
            return file_format.open(location, file, dataset, axes, alone=alone)
        except AxesError as error:
            if axes is not None:
                raise AxesError(f"'{location}': {error}", setting="axes") from error
            raise ImageReadError(f"The axes of '{location}' are not clear. {error}", setting="axes") from error


def _by_content(file: Path, state: os.stat_result, error: ImageReadError) -> FileFormat | None:
    """Return the format of a file that cannot be read as its name says; None if it is no other.

    Raises
    ------
    ImageReadError
        If the content is of a format that cannot be read here, or only under its own name.
    """
    if not stat.S_ISREG(state.st_mode) or state.st_size == 0:
        return None
    from napari_batch_prediction.formats.content import PACKED, content_of

    content, own = content_of(file), known_format(file)
    if content in PACKED:
        raise ImageReadError(
            f"'{file}' is {content}, which is not read. Unpack it, and give what is in it.", path=file
        ) from error
    if isinstance(content, str):
        if file.suffix.lower().removeprefix(".") in content.lower().split():
            return None
        raise ImageReadError(
            f"'{file}' is {content}, whatever its name says. Give it the extension of its real format if that can be "
            "read, or save it as TIFF.",
            path=file,
        ) from error
    is_same = content is not None and own is not None and content.reader == own.reader
    return None if is_same else content


def _state(location: str, file: Path) -> os.stat_result:
    """Return the state of a file that exists and is no device.

    Raises
    ------
    ImageReadError
        If the file does not exist, or is a pipe or a device.
    """
    with reading(f"'{location}'"):
        try:
            state = file.stat()
        except (OSError, ValueError):
            if file.exists():
                raise
            raise ImageReadError(f"There is no file '{file}'. Check its name and folder.") from None
    refuse_special(file, ImageReadError, state.st_mode)
    return state


def _format_of(location: str, file: Path, dataset: str | None, state: os.stat_result) -> FileFormat:
    """Return the format of a file by its name.

    Raises
    ------
    ImageReadError
        If the file is empty, or is no image.
    """
    is_folder = stat.S_ISDIR(state.st_mode)
    store = store_format(file) if is_folder else None
    if is_folder and store is None:
        raise ImageReadError(
            f"'{file}' is a folder, expected a file. To use the images in it, name the folder as an input, or "
            f"give a pattern such as '{file / '*.tif'}'.{why_no_store(file)}"
        )
    file_format = store or known_format(file)
    if state.st_size == 0 and store is None:
        raise ImageReadError(f"'{file}' is empty: it has 0 bytes. Copy or save it again.")
    if file_format is None:
        from napari_batch_prediction.formats.microscope.reader import reads

        with reading(f"'{location}' with bioio"):
            readable = reads(file)
        if not readable:
            from napari_batch_prediction.formats.tiff.sets.companion import why_no_image

            if (companion := why_no_image(file)) is not None:
                raise ImageReadError(companion, path=file)
            raise ImageReadError(
                f"'{file}' has the extension '{file.suffix}', which is not known here. Formats that can be read: "
                f"{known_extensions()}, and what the installed readers of bioio open."
            )
        file_format = MICROSCOPE
    if dataset is not None and not file_format.has_datasets:
        raise ImageReadError(
            f"'{file}' is a {file_format.name} file, which has no datasets in it. Leave out '/{dataset}'.",
            setting="dataset",
        )
    return file_format
