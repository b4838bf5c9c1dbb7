"""The images of OME-TIFF files: alone, or in sets of files that list each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from tifffile import TiffFile, TiffFrame, TiffPage, TiffPageSeries

from napari_batch_prediction.formats.tiff.pages import key_page
from napari_batch_prediction.formats.tiff.reopening import Reopening
from napari_batch_prediction.formats.tiff.sets.ome import OWN, OmeImage, OmeText, Plane, located, read_ome
from napari_batch_prediction.formats.tiff.sets.words import named, one_image, part_of
from napari_batch_prediction.wording import count

# A companion of OME-XML larger than this is no text.
_MOST_TEXT = 2**28

# The identity of a file is in the first tag of its text.
_UUID = re.compile(r"<(?:\w+:)?OME\b[^>]*\bUUID\s*=\s*[\"']([^\"']+)")
_MOST_START = 10_000


@dataclass(frozen=True)
class Found:
    """An image: its pages, its part of the text, and its files if there are several."""

    series: TiffPageSeries
    text: OmeImage
    parts: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Settled:
    """An image as it will be read, and as the text has it; its files if there are several; what is to be said."""

    image: OmeImage
    said: OmeImage
    parts: tuple[Path, ...] = ()
    warning: str = ""


def read_text(again: Reopening, file: Path) -> OmeText | None:
    """Return the OME-XML of a file, or of the file that it names for it; None if there is none, or it is damaged."""
    xml = again.tif.ome_metadata if again.tif.is_ome else None
    if xml is None:
        return None
    n_pages = len(again.tif.pages)
    try:
        text = read_ome(xml, file, n_pages)
        only = text.root.find("{*}BinaryOnly")
        if only is None:
            return text
        name = only.get("MetadataFile", "")
        companion = located(file, name)
        if companion is None:
            raise ValueError(f"its metadata are in '{name}', which is missing")
        return read_ome(_companion_text(companion), file, n_pages, only.get("UUID") or text.root.get("UUID") or "")
    except (ValueError, OSError) as error:
        again.warnings.append(f"The meaning of its pages is not known: {error}.")
        again.open(is_ome=False)
        return None


def _companion_text(companion: Path) -> str:
    if companion.suffix.lower() in (".tif", ".tiff"):
        with TiffFile(companion) as tif:
            return tif.ome_metadata or ""
    if companion.stat().st_size > _MOST_TEXT:
        raise ValueError(f"its metadata file '{companion.name}' is too large for a text")
    return companion.read_text("utf-8", errors="replace")


def find(again: Reopening, file: Path, text: OmeText, *, alone: bool) -> list[Found]:
    """Return the images of which this file holds planes; none if its OME-XML is no use.

    An image in several files is read from all of them if they are there, else from this one.

    Parameters
    ----------
    again
        The open file, which may be opened anew.
    file, text
        Its path, and its OME-XML.
    alone
        True to read only what is in this file.
    """
    images = [image for image in text.images if OWN in image.files]
    settled = [_settle(again.tif, image, file, text, alone=alone) for image in images]
    if not settled or not all(each.image.planes for each in settled):
        others = sorted({name for image in text.images for name in image.files} - {OWN})
        about = f" It is about other files: {named(others)}." if others else ""
        again.warnings.append(f"Its OME-XML does not fit its pages, whose meaning is not known.{about}")
        again.open(is_ome=False)
        return []
    if not text.is_plain or len(images) < len(text.images) or any(each.image is not each.said for each in settled):
        elements = [_rewritten(again.tif, each) for each in settled]
        again.open(omexml=text.rewritten(elements), is_mmstack=False, is_imagej=False)
    series = again.tif.series
    if any(page is None for each in series for page in each) or len(series) != len(settled):
        if not alone and any(each.parts for each in settled):
            again.warnings.append("Other files of its set do not hold what its OME-XML says: only this file is read.")
            return find(again, file, text, alone=True)
        if series[0].kind != "ome":
            return []
    if not alone and _are_swapped(series, text):
        again.warnings.append("Files of its set have each other's names: only what is in this file is read.")
        return find(again, file, text, alone=True)
    again.warnings += dict.fromkeys(each.warning for each in settled if each.warning)
    if len(series) != len(settled):
        return [Found(each, settled[0].image) for each in series]
    return [Found(each, part.image, part.parts) for each, part in zip(series, settled, strict=True)]


def _are_swapped(series: Sequence[TiffPageSeries], text: OmeText) -> bool:
    """Return True if a file says to be another one of the set, and not all say the same, as copies of a text do."""
    files = {page.parent.filename.lower(): page.parent for each in series for page in each if page is not None}
    if len(files) == 1:
        return False
    starts = {name: _UUID.search(tif.pages.first.description[:_MOST_START]) for name, tif in files.items()}
    own = {name: start[1] for name, start in starts.items() if start is not None}
    known = text.identities
    return len({*own.values()}) > 1 and any(
        name in known and uuid != known[name] and uuid in known.values() for name, uuid in own.items()
    )


def _settle(tif: TiffFile, image: OmeImage, file: Path, text: OmeText, *, alone: bool) -> _Settled:
    """Return an image as it can be read."""
    said = image
    is_only = len(text.images) == 1
    others = [name for name in image.files if name != OWN]
    depth = text.depth if others and not alone else 0
    places = {} if alone else {name: located(file, name, depth) for name in others}
    missing = [name for name, place in places.items() if place is None]
    image = _with_samples(tif, image) if not others else image
    n_pages = len(tif.pages)
    if others and not alone and not missing:
        paths = {OWN: OWN, **{name: str(place.absolute()) for name, place in places.items() if place is not None}}
        planes = {number: Plane(paths[plane.file], plane.page) for number, plane in image.planes.items()}
        whole = replace(image, planes=planes)
        whole = whole if len(planes) == whole.n_planes else whole.whole()
        # Files that hold planes of other images as well are no mere parts of this one.
        shared = {name for other in text.images if other is not said for name in other.files}
        parts = [file, *(place for name, place in places.items() if place is not None and name not in shared)]
        names = [*(file.name if name == OWN else name for name in said.files)]
        return _Settled(whole, said, tuple(parts), one_image(names))
    kept = image.within([OWN], n_pages) if others or len(image.planes) != image.n_planes else image
    warning = ""
    if len(kept.planes) != kept.n_planes:
        kept = kept.whole()
    if missing:
        warning = part_of(missing, len(kept.planes), said.n_planes)
    elif not others and len(kept.planes) != image.n_planes:
        warning = _unlike(said.n_planes, n_pages)
    elif is_only and not others and n_pages > len(kept.planes) and _has_more(tif, kept):
        kept = kept.stretched(n_pages)
        warning = _unlike(said.n_planes, n_pages)
    fitting = _same_size(tif, kept)
    if fitting is not kept and not warning and not others:
        warning = "Its OME-XML is of pages of another size: what is there is read."
    return _Settled(fitting, said, (), warning)


def _unlike(n_said: int, n_pages: int) -> str:
    return f"Its OME-XML says {count(n_said, 'plane')}, but it has {count(n_pages, 'page')}: what is there is read."


def _has_more(tif: TiffFile, image: OmeImage) -> bool:
    """Return True if the pages after those of the image are like them."""
    n = len(image.planes)
    if {plane.page for plane in image.planes.values()} != {*range(n)}:
        return False
    first, after = tif.pages.first, tif.pages[n].aspage()
    return after.hash == first.hash and not (after.is_reduced or after.is_mask)


def _with_samples(tif: TiffFile, image: OmeImage) -> OmeImage:
    """Return the image with colours in its pages if the text has each colour as a plane."""
    samples = tif.pages.first.samplesperpixel
    channels = image.extents[image.order.index("C")]
    n_pages = len(tif.pages)
    if image.samples != 1 or samples == 1 or channels % samples or image.n_planes < samples * n_pages:
        return image
    extents = tuple(n // samples if key == "C" else n for key, n in zip(image.order, image.extents, strict=True))
    planes = {i: Plane(OWN, i) for i in range(min(n_pages, image.n_planes // samples))}
    return replace(image, extents=extents, samples=samples, planes=planes)


def _size(page: TiffPage | TiffFrame) -> tuple[int, int]:
    return key_page(page).imagelength, key_page(page).imagewidth


def _first_page(tif: TiffFile, image: OmeImage) -> int:
    return next((plane.page for plane in image.planes.values() if plane.file == OWN), 0)


def _same_size(tif: TiffFile, image: OmeImage) -> OmeImage:
    """Return an equal image, which is another object if the text has other sizes than the pages."""
    if not image.planes:
        return image
    size = int(image.pixels.get("SizeY", 0)), int(image.pixels.get("SizeX", 0))
    page = tif.pages[_first_page(tif, image)]
    return image if size == _size(page) and image.samples == key_page(page).samplesperpixel else replace(image)


def _rewritten(tif: TiffFile, settled: _Settled) -> Element:
    page = tif.pages[_first_page(tif, settled.image)]
    return settled.image.rewritten(_size(page), key_page(page).samplesperpixel)
