"""Reading TIFF files: plain, compressed, ImageJ, OME, LSM, Micro-Manager, and those of slide scanners."""

import logging
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.plain import PlainArray
from napari_batch_prediction.formats.tiff.choice import Choice, choices
from napari_batch_prediction.formats.tiff.metadata import channel_names, pixel_sizes, stored_axes
from napari_batch_prediction.formats.tiff.pages import TiffPages
from napari_batch_prediction.formats.tiff.series import OpenedTiff, open_series
from napari_batch_prediction.images.base import NOTHING_DECODED, Decoding, Image, only_dataset

# Without a handler, Python prints tifffile's messages to stderr; here, important ones are raised as errors.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_LEVEL = "level"


class TiffImage(Image):
    """An image in a TIFF file, at full resolution unless a level is named.

    Axes are those of the file (ImageJ, OME, Micro-Manager, tifffile's own). Samples (colours) are channels, and pages
    of unknown meaning are time points, which counts as a guess. If tifffile knows no axes, they are guessed from the
    shape. Each position, angle and so on, along an axis besides ``t c z y x``, is an image of its own. Values are as
    stored: a palette is for display, and also if 0 is white. Bilevel pixels are 0 and 1.

    Files that list each other are one image. If some of them are missing, what this file holds is read, with a warning;
    so are files whose text does not fit their pages. Opening checks the length of the file against its tags.

    Parameters
    ----------
    location
        The text of its location, for messages.
    file
        The file.
    dataset
        The name or the index of an image in the file, with ``/level1`` after it for a level of a pyramid; None if there
        is one.
    axes
        Axes that win over the file's own, of all dimensions of the file or, if there are several images, of one.
    alone
        True to read only what is in this file, and not the other files of its set.
    """

    def __init__(
        self, location: str, file: Path, dataset: str | None = None, axes: str | None = None, *, alone: bool = False
    ) -> None:
        opened = open_series(file, alone=alone)
        self._tif = opened.tif
        try:
            choice, name = _choose(opened, file, dataset, axes)
            series = choice.series
            axes, axes_known, kept = stored_axes(choice.letters, choice.shape, axes)
            free = [i for i in range(len(series.shape)) if i not in choice.indices]
            self._kept, self._fixed = [free[i] for i in kept], choice.indices
            self._n_axes = len(series.shape)
            self._pages: TiffPages | None = None
            self._read_stored = self._reader(choice)
            sizes, units = pixel_sizes(self._tif, series)
            shape = tuple(series.shape[i] for i in self._kept)
            super().__init__(
                location,
                axes,
                shape,
                series.pages.dtype,
                axes_known=axes_known,
                pixel_size=sizes,
                units=units,
                channel_names=channel_names(self._tif, series, choice.letters) if axes_known != "user" else (),
                dataset=name,
                warnings=opened.warnings,
                parts=series.parts,
            )
        except Exception:
            self._tif.close()
            raise

    def _reader(self, choice: Choice) -> Callable[..., NDArray]:
        """Return a function that reads a region of the series."""
        series, shape = choice.series.pages, choice.series.shape
        offset = series.dataoffset
        if offset is None or series.is_multifile or series.keyframe.parent is not self._tif:
            if series.is_truncated:
                raise ValueError(f"it says to hold an image of shape {series.shape}, but has only one page")
            self._pages = TiffPages(series, shape)
            return self._pages.read
        # The pixels are stored uncompressed in one piece.
        dtype = np.dtype(self._tif.byteorder + series.dtype.char)
        return PlainArray(self._tif.filehandle, offset, shape, dtype).__getitem__

    @property
    def decoding(self) -> Decoding:
        """The memory of strips and tiles that are kept, and of the one that is decoded."""
        pages = self._pages
        if pages is None or not pages.segment_bytes:
            return NOTHING_DECODED
        whole = prod(self.shape) * self.dtype.itemsize
        # The stored bytes are no more than those they are decoded to.
        return Decoding(kept=min(pages.cache_bytes, max(whole, pages.segment_bytes)), once=2 * pages.segment_bytes)

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        stored = [slice(0, 1)] * self._n_axes
        for axis, index in self._fixed.items():
            stored[axis] = slice(index, index + 1)
        for axis, part in zip(self._kept, region, strict=True):
            stored[axis] = part
        return self._read_stored(tuple(stored)).reshape([part.stop - part.start for part in region])

    def _release(self) -> None:
        if self._pages is not None:
            self._pages.close()
        del self._read_stored, self._pages
        self._tif.close()


def list_images(file: Path) -> list[str]:
    """Return the names of the images in a file; none if it holds one."""
    opened = open_series(file)
    with opened.tif:
        found = choices(opened.series)
    return [choice.name for choice in found] if len(found) > 1 else []


def _choose(opened: OpenedTiff, file: Path, dataset: str | None, axes: str | None) -> tuple[Choice, str]:
    """Return the image to read, and its name if it is one of several or a level."""
    series = opened.series
    main = [each for each in series if not each.is_extra]
    if dataset is None and axes is not None and len(main) == 1 and _covers(axes, main[0].shape):
        return Choice("", main[0], {}), ""
    found = choices(series)
    if dataset is None:
        default = [choice for choice in found if not choice.series.is_extra]
        if len(default) == 1:
            return default[0], default[0].name if len(found) > 1 else ""
        dataset = only_dataset(file, {choice.name: choice.describe() for choice in default or found})
    name, level = _split_level(dataset)
    by_name = {choice.name: choice for choice in found}
    by_index = {str(i): choice for i, choice in enumerate(found)}
    chosen = by_name.get(name) or by_index.get(name)
    if chosen is None or not 0 <= level < len(chosen.series.pages.levels):
        only_dataset(file, {choice.name: choice.describe() for choice in found}, dataset)
        raise ImageReadError(f"'{file}' has no dataset '{dataset}'.", setting="dataset")
    if level:
        return chosen.at_level(level), dataset
    return chosen, chosen.name if len(found) > 1 else ""


def _covers(axes: str, shape: tuple[int, ...]) -> bool:
    """Return True if axes name all dimensions of a series, with or without those of extent 1."""
    return len(axes) in (len(shape), sum(n != 1 for n in shape))


def _split_level(dataset: str) -> tuple[str, int]:
    """Split the name of a level of a pyramid, such as ``0/level1`` or ``level1``, from the name of the image."""
    name, _, last = dataset.rpartition("/")
    number = last.removeprefix(_LEVEL)
    if last.startswith(_LEVEL) and number.isdecimal():
        return name or "0", int(number)
    return dataset, 0
