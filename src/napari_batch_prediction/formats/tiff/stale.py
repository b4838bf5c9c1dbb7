"""Text in a TIFF file that no longer fits its pages, because another program has changed them."""

import json
import re
from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

from tifffile import TiffFile, TiffPageSeries

from napari_batch_prediction.formats.common.plain import check_end
from napari_batch_prediction.wording import count

# A stack in one piece with a single page in the list is too large for a list: larger than 4 GB.
_LARGE = 2**32 - 2**26

_SAID = {"T": "frames", "Z": "slices", "C": "channels"}


class Stale(NamedTuple):
    """The axes that a text says the pages have, the slowest first, in tifffile's letters, and their extents.

    ``warning`` is empty if the text only says the same in another way; ``imagej`` is all that ImageJ's says.
    """

    letters: str
    extents: tuple[int, ...]
    warning: str
    imagej: Mapping[str, Any] = {}


def stale(tif: TiffFile) -> Stale | None:
    """Return what ImageJ's or tifffile's text says if it does not fit the pages; None if it fits, or there is none.

    Raises
    ------
    ValueError
        If pages are missing because the file is cut off.
    """
    if tif.is_shaped:
        return _stale_shaped(tif)
    if tif.is_imagej:
        return _stale_imagej(tif)
    return None


def refitted(text: Stale, letters: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Return axes and shape of pages, their slowest axis named and divided as the text says, as far as it goes.

    Parameters
    ----------
    text
        The text.
    letters, shape
        Axes and shape of pages of unknown meaning.
    """
    if not letters.startswith("I"):
        return letters, shape
    said = [(letter, n) for letter, n in zip(text.letters, text.extents, strict=True) if n > 1]
    rest = prod(n for _, n in said[1:])
    if not said or shape[0] % rest:
        return letters, shape
    extents = (shape[0] // rest, *(n for _, n in said[1:]))
    return "".join(letter for letter, _ in said) + letters[1:], (*extents, *shape[1:])


def _warning(whose: str, n_said: int, n_pages: int) -> str:
    if n_said == n_pages:
        return f"{whose} is of pages of another size: what is there is read."
    return f"{whose} says that it has {count(n_said, 'page')}, but it has {n_pages}: what is there is read."


def _stale_imagej(tif: TiffFile) -> Stale | None:
    said = tif.imagej_metadata or {}
    sizes = {key: max(1, int(said.get(name, 1))) for key, name in _SAID.items()}
    page, n_pages = tif.pages.first, len(tif.pages)
    series = tif.series[0]
    n_said = max(prod(sizes.values()), int(said.get("images", 1)))
    if series.kind == "imagej":
        if n_pages == len(series) and prod(series.shape) == n_pages * prod(series.keyframe.shape):
            return None
        if n_pages == 1 and series.dataoffset is not None:
            return None  # one piece; its end is checked
    samples = page.samplesperpixel
    if n_pages == 1 and samples == 1 and page.is_final:
        _check_cut(tif, n_said)
    order = str(said.get("order", "czt"))[::-1].upper()
    order = order if sorted(order) == ["C", "T", "Z"] else "TZC"
    if samples > 1 and sizes["C"] in (1, samples):
        sizes["C"] = 1
        n_said = n_pages if n_said == samples * n_pages else n_said
    warning = _warning("ImageJ's description in it", n_said, n_pages) if n_said != n_pages else ""
    return Stale(order, tuple(sizes[key] for key in order), warning, said)


def _check_cut(tif: TiffFile, n_said: int) -> None:
    """Raise ValueError if the file begins as a stack in one piece and ends too early.

    A page that follows its entry in the list is the first of a stack in one piece if there are bytes after it, or the
    stack is so large that it is always stored so.
    """
    page = tif.pages.first
    start = page.dataoffsets[0]
    expected = start + n_said * page.nbytes
    ends = [tag.valueoffset + tag.valuebytecount for tag in page.tags]
    end = max(start + page.nbytes, page.offset + tif.tiff.tagnosize + len(page.tags) * tif.tiff.tagsize + 8, *ends)
    if n_said * page.nbytes > _LARGE or tif.filehandle.size > end:
        check_end(tif.filehandle.size, expected)


def _stale_shaped(tif: TiffFile) -> Stale | None:
    page, n_pages = tif.pages.first, len(tif.pages)
    said = _shaped(page.shaped_description or "")
    shape, letters = tuple(map(int, said["shape"])), str(said.get("axes", ""))
    in_list = [level for series in tif.series for level in series.levels if not level.keyframe.is_subifd]
    if all(_fits(series, said, n_pages, tif.filehandle.size) for series in tif.series) and (
        n_pages == 1 or sum(map(len, in_list)) == n_pages
    ):
        return None
    n_lead = len(shape) - len(page.shape)
    n_said = prod(shape[:n_lead])
    named = len(letters) == len(shape) and n_lead > 0
    warning = _warning("tifffile's description in it", n_said, n_pages)
    return Stale(letters[:n_lead] if named else "", shape[:n_lead] if named else (), warning)


def _shaped(description: str) -> dict[str, Any]:
    """Return tifffile's description of the shape, in its form of today or an older one."""
    if description.startswith("shape="):
        return {"shape": [int(n) for n in re.findall(r"\d+", description)]}
    said: dict[str, Any] = json.loads(description)
    return said


def _fits(series: TiffPageSeries, said: dict[str, object], n_pages: int, n_bytes: int) -> bool:
    if series.kind != "shaped":
        return False
    if series.is_truncated:
        offset = series.dataoffset
        is_there = offset is not None and offset + series.nbytes <= n_bytes
        return bool(said.get("truncated")) or (n_pages == 1 and is_there)
    return len(series) <= n_pages or series.keyframe.is_subifd
