"""Finding the images in a TIFF file, also if it is part of a set of files or its text no longer fits its pages."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from tifffile import TiffFile, TiffPageSeries

from napari_batch_prediction.formats.tiff.reopening import Reopening
from napari_batch_prediction.formats.tiff.sets import ome_series
from napari_batch_prediction.formats.tiff.sets.micromanager import read_stack
from napari_batch_prediction.formats.tiff.sets.ome import OmeImage
from napari_batch_prediction.formats.tiff.sets.words import one_image
from napari_batch_prediction.formats.tiff.stale import refitted, stale

_DESCRIPTION = 270

# Files of slide scanners: their first image is the slide, the others are its label and overviews.
_SLIDES = ("svs", "qpi", "ndpi", "bif", "avs", "philips")


@dataclass(frozen=True)
class Series:
    """A series of pages, and what the text of the file says of it.

    Attributes
    ----------
    pages
        The series.
    letters, shape
        Its axes in tifffile's letters, and its shape.
    text
        Its part of OME-XML; None if there is none.
    summary
        Micro-Manager's summary; empty if there is none.
    imagej
        ImageJ's description; empty if there is none.
    names
        A name for each index along its axis of positions; empty if there are none.
    is_extra
        True for a reduced copy, a mask, or the label of a slide.
    parts
        The files that it is spread over, if there are several.
    """

    pages: TiffPageSeries
    letters: str
    shape: tuple[int, ...]
    text: OmeImage | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    imagej: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    is_extra: bool = False
    parts: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The name of the series; possibly empty."""
        return self.pages.name


class OpenedTiff(NamedTuple):
    """An open TIFF file, the images in it, and what does not fit or is missing, as sentences."""

    tif: TiffFile
    series: list[Series]
    warnings: list[str]


def open_series(file: Path, *, alone: bool = False) -> OpenedTiff:
    """Open a TIFF file.

    Parameters
    ----------
    file
        The file.
    alone
        True to see only what is in this file, not in the set of files that it may be part of.

    Raises
    ------
    ValueError
        If it has no pages, or is cut off.
    """
    with Reopening(file) as again:
        if not again.tif.pages and file.suffix.lower() == ".ndpi":
            again.open(is_ndpi=False)  # only its name is that of a slide
        if not again.tif.pages:
            raise ValueError("it has no pages")
        _check_whole(again.tif)
        series = _find(again, file, alone=alone)
        return OpenedTiff(again.release(), series, again.warnings)


def _find(again: Reopening, file: Path, *, alone: bool) -> list[Series]:
    text = ome_series.read_text(again, file)
    if again.tif.is_mmstack and (stack := read_stack(again.tif, file, alone=alone)) is not None:
        again.warnings += stack.warnings
        image = text.of_position(stack.position) if text is not None else None
        return [replace(_plain(stack.series), text=image, summary=stack.summary, names=stack.names, parts=stack.parts)]
    if again.tif.is_mmstack:
        again.open(is_mmstack=False)
    if text is not None:
        found = ome_series.find(again, file, text, alone=alone)
        if found:
            return [replace(_plain(each.series), text=each.text, parts=each.parts) for each in found]
    if again.tif.is_ndtiff:
        return _find_ndtiff(again, alone=alone)
    return _find_others(again)


def _plain(series: TiffPageSeries) -> Series:
    # tifffile writes and reads axes in lower case too.
    return Series(series, series.axes.upper(), series.shape)


def _find_ndtiff(again: Reopening, *, alone: bool) -> list[Series]:
    """Find the image of a set of files with an index."""
    found: list[TiffPageSeries] = []
    try:
        found = [] if alone else again.tif.series
    except (OSError, ValueError) as error:
        again.warnings.append(f"Its set cannot be read ({error}); only what is in this file is read.")
    if not found or found[0].kind != "ndtiff":
        again.open(is_ndtiff=False)
        return _find_others(again)
    files = dict.fromkeys(Path(page.parent.filehandle.path) for page in found[0] if page is not None)
    parts = (*files,) if len(files) > 1 else ()
    if parts:
        again.warnings.append(one_image(path.name for path in parts))
    return [replace(_plain(series), parts=parts) for series in found]


def _find_others(again: Reopening) -> list[Series]:
    """Find the images of a file without useful OME-XML."""
    text = stale(again.tif)
    if text is not None:
        again.open(is_ome=False, is_imagej=False, is_shaped=False)
        again.warnings += [text.warning] if text.warning else []
    found = again.tif.series
    is_slide = bool(found) and found[0].kind in _SLIDES
    imagej = text.imagej if text is not None else again.tif.imagej_metadata if again.tif.is_imagej else None
    series = [
        replace(
            _plain(each),
            imagej=imagej or {},
            is_extra=i > 0 if is_slide else bool(each.keyframe.is_reduced or each.keyframe.is_mask),
        )
        for i, each in enumerate(found)
    ]
    if series and all(each.is_extra for each in series):
        series[0] = replace(series[0], is_extra=False)
    if text is not None and len(series) == 1:
        letters, shape = refitted(text, series[0].letters, series[0].shape)
        series[0] = replace(series[0], letters=letters, shape=shape)
    return series


def _check_whole(tif: TiffFile) -> None:
    """Raise ValueError if the description or the list of pages reaches beyond the end of the file.

    tifffile only logs that, and has fewer pages, or pages of unknown meaning.
    """
    page, handle, layout = tif.pages.first, tif.filehandle, tif.tiff
    handle.seek(page.offset)
    (n_tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
    codes = {handle.read(layout.tagsize)[:2] for _ in range(n_tags)}
    if struct.pack(f"{tif.byteorder}H", _DESCRIPTION) in codes and _DESCRIPTION not in page.tags:
        raise ValueError("its description leads out of the file; probably it is cut off")
    if tif.is_scanimage:
        return  # tifffile computes the pages without the list
    len(tif.pages)
    handle.seek(tif.pages.next_page_offset or 0)
    if handle.read(layout.offsetsize) != bytes(layout.offsetsize):
        raise ValueError("its list of pages leads out of the file; probably it is cut off")
