"""OME-XML of TIFF files: the planes of each image, the files they are in, and the part that one file holds."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

# More planes than any file has; a number in a damaged text must not fill the memory.
_MOST_PLANES = 10**7

OWN = ""
"""The name that stands for the file itself."""


class Plane(NamedTuple):
    """A plane: the file that it is in, as the text names it or ``OWN``, and its page there."""

    file: str
    page: int


@dataclass(frozen=True)
class OmeImage:
    """An image that OME-XML describes.

    Attributes
    ----------
    element
        Its element.
    order
        Axes of the planes, the slowest first: an order of ``CZT``.
    extents
        Number of planes along each of them.
    samples
        Samples of each pixel.
    planes
        The planes that there are, by their number in that order.
    """

    element: Element
    order: str
    extents: tuple[int, ...]
    samples: int
    planes: Mapping[int, Plane] = field(default_factory=dict)

    @property
    def pixels(self) -> Element:
        """The element ``Pixels``."""
        return self.element.findall("{*}Pixels")[0]

    @property
    def name(self) -> str:
        """Its name; possibly empty."""
        return self.element.get("Name", "")

    @property
    def n_planes(self) -> int:
        """The number of planes that it says to have."""
        return math.prod(self.extents)

    @property
    def files(self) -> list[str]:
        """The names of its files, in the order of its planes."""
        return [*dict.fromkeys(self.planes[number].file for number in sorted(self.planes))]

    @property
    def channel_names(self) -> tuple[str, ...]:
        """A name for each channel, possibly empty."""
        return tuple(channel.get("Name", "") for channel in self.pixels.findall("{*}Channel"))

    def within(self, files: Sequence[str], n_pages: int) -> "OmeImage":
        """Return the same with only those planes that are in some files and, if in this one, in its pages."""
        planes = {
            number: plane
            for number, plane in self.planes.items()
            if plane.file in files and (plane.file != OWN or plane.page < n_pages)
        }
        return replace(self, planes=planes)

    def whole(self) -> "OmeImage":
        """Return the largest part, along the slowest axis that has one, in which no plane is missing.

        Indices without any plane are left out along all axes.
        """
        if not self.planes:
            return self
        indices = np.array([np.unravel_index(number, self.extents) for number in self.planes])
        used = [np.unique(column) for column in indices.T]
        n_used = math.prod(map(len, used))
        if n_used != len(self.planes):
            for axis, values in enumerate(used):
                each = n_used // len(values)
                full = [value for value in values if np.count_nonzero(indices[:, axis] == value) == each]
                if full:
                    used[axis] = np.array(full)
                    break
        kept: dict[int, Plane] = {}
        extents = tuple(map(len, used))
        for i, index in enumerate(np.ndindex(extents)):
            number = int(np.ravel_multi_index([values[k] for values, k in zip(used, index, strict=True)], self.extents))
            if number in self.planes:
                kept[i] = self.planes[number]
        if len(kept) != math.prod(extents):
            return replace(self, planes={})
        return replace(
            self,
            element=self._with_channels([int(i) for i in used[self.order.index("C")]]),
            extents=extents,
            planes=kept,
        )

    def _with_channels(self, indices: Sequence[int]) -> Element:
        """Return the element with some of its channels."""
        element = copy.deepcopy(self.element)
        pixels = element.findall("{*}Pixels")[0]
        for i, channel in enumerate(pixels.findall("{*}Channel")):
            if i not in indices:
                pixels.remove(channel)
        return element

    def stretched(self, n_pages: int) -> "OmeImage":
        """Return the same with all pages of the file along its slowest axis; without planes if they do not fit."""
        rest, axis = 1, 0
        long = [i for i, n in enumerate(self.extents) if n > 1]
        if long:
            axis = long[0]
            rest = self.n_planes // self.extents[axis]
        if not long or n_pages % rest:
            return replace(self, planes={})
        extents = tuple(n_pages // rest if i == axis else n for i, n in enumerate(self.extents))
        return replace(self, extents=extents, planes={i: Plane(OWN, i) for i in range(n_pages)})

    def rewritten(self, size: tuple[int, int], samples: int) -> Element:
        """Return its element with a list of its planes, in files by their paths, and the size and samples of a page."""
        element = copy.deepcopy(self.element)
        pixels = element.findall("{*}Pixels")[0]
        for data in pixels.findall("{*}TiffData"):
            pixels.remove(data)
        for channel in pixels.findall("{*}Channel"):
            channel.set("SamplesPerPixel", str(samples))
        for key, n in zip(self.order, self.extents, strict=True):
            pixels.set(f"Size{key}", str(n * samples if key == "C" else n))
        pixels.set("SizeY", str(size[0]))
        pixels.set("SizeX", str(size[1]))
        for number, plane in self.planes.items():
            index = np.unravel_index(number, self.extents)
            first = {f"First{key}": str(i) for key, i in zip(self.order, index, strict=True)}
            data = ElementTree.SubElement(pixels, "TiffData", {**first, "IFD": str(plane.page), "PlaneCount": "1"})
            ElementTree.SubElement(data, "UUID", {"FileName": plane.file}).text = plane.file or "own"
        return element


@dataclass(frozen=True)
class OmeText:
    """OME-XML as it concerns one file.

    Attributes
    ----------
    root
        Its root.
    images
        The images in it.
    is_plain
        True if the text is in the file and means it by its identity, as every reader understands.
    """

    root: Element
    images: tuple[OmeImage, ...]
    is_plain: bool

    @property
    def identities(self) -> dict[str, str]:
        """The identity of each file that it names, by the file's name in lower case, without folders."""
        uuids = (uuid for uuid in self.root.iter() if uuid.tag.endswith("UUID"))
        return {base_name(uuid.get("FileName", "")).lower(): _identity(uuid) for uuid in uuids}

    @property
    def depth(self) -> int:
        """The most folders in the path of a file that it names: so far below the common folder a file may be."""
        return max(
            (_n_folders(uuid.get("FileName", "")) for uuid in self.root.iter() if uuid.tag.endswith("UUID")), default=0
        )

    def of_position(self, position: int) -> OmeImage | None:
        """Return the only image with planes in the file, else the one of a position; None if there is none."""
        own = [image for image in self.images if OWN in image.files]
        if len(own) == 1:
            return own[0]
        return self.images[position] if position < len(self.images) else None

    def rewritten(self, elements: Sequence[Element]) -> str:
        """Return the text with other images, for a reader that looks planes up by their files."""
        root = Element(self.root.tag, {**self.root.attrib, "UUID": "own"})
        root.extend([*elements, *(child for child in self.root if not child.tag.endswith("}Image"))])
        return ElementTree.tostring(root, "unicode")


def read_ome(text: str, file: Path, n_pages: int, own_uuid: str | None = None) -> OmeText:
    """Return what OME-XML says.

    Parameters
    ----------
    text
        The text.
    file
        The file that it is read for.
    n_pages
        The number of its pages.
    own_uuid
        The identity of the file, if the text is that of another one.

    Raises
    ------
    ValueError
        If it is no OME-XML.
    """
    try:
        root = ElementTree.fromstring(text.encode())  # noqa: S314 - expat limits what entities grow to
    except ElementTree.ParseError as error:
        raise ValueError(f"its OME-XML is damaged ({error})") from None
    own = _own_names(root, file, root.get("UUID") if own_uuid is None else own_uuid)
    images = [_read_image(element, own, n_pages) for element in root.findall("{*}Image")]
    is_plain = own_uuid is None and own <= {root.get("UUID") or _first_own(root, file)}
    return OmeText(root, tuple(image for image in images if image is not None), is_plain)


def _own_names(root: Element, file: Path, own_uuid: str | None) -> set[str]:
    """Return the identities by which the text means the file itself.

    The name of the file is believed first: some programs write the same text, with the same identity, into all files
    of a set. A file that was renamed has its identity, or is the only one that the text knows.
    """
    names = {_identity(uuid): uuid.get("FileName", "") for uuid in root.iter() if uuid.tag.endswith("UUID")}
    own = {identity for identity, name in names.items() if base_name(name).lower() == file.name.lower()}
    if len(own) > 1:  # in several folders
        place = "/" + file.absolute().as_posix().lower()
        own = {name for name in own if place.endswith("/" + names[name].replace("\\", "/").lower())} or own
    if not own and own_uuid in names:
        return {own_uuid or ""}
    if not own and len(names) == 1 and located(file, next(iter(names.values()))) is None:
        return {*names}
    return own


def _first_own(root: Element, file: Path) -> str:
    """Return the first identity that the text has for the name of a file; empty if it has none."""
    uuids = (uuid for uuid in root.iter() if uuid.tag.endswith("UUID"))
    return next((_identity(uuid) for uuid in uuids if uuid.get("FileName", "").lower() == file.name.lower()), "")


def _identity(uuid: Element) -> str:
    return (uuid.text or "").strip() or uuid.get("FileName", "")


def _read_image(element: Element, own: set[str], n_pages: int) -> OmeImage | None:
    pixels = element.find("{*}Pixels")
    if pixels is None:
        return None
    channels = pixels.findall("{*}Channel")
    samples = max(1, int(channels[0].get("SamplesPerPixel", 1))) if channels else 1
    order = pixels.get("DimensionOrder", "XYZCT")[:1:-1]
    sizes = {key: int(pixels.get(f"Size{key}", 1)) for key in order}
    sizes["C"] = max(1, sizes["C"] // samples)
    extents = tuple(sizes[key] for key in order)
    n = math.prod(extents)
    if not 0 < n <= _MOST_PLANES or sorted(order) != ["C", "T", "Z"]:
        raise ValueError(f"its OME-XML says to hold {n:,} planes in the order '{pixels.get('DimensionOrder')}'")
    planes: dict[int, Plane] = {}
    for data in pixels.findall("{*}TiffData") or [Element("TiffData")]:
        uuid = data.find("{*}UUID")
        file = OWN if uuid is None or _identity(uuid) in own else uuid.get("FileName", "") or _identity(uuid)
        page = int(data.get("IFD", 0))
        count = int(data.get("PlaneCount", data.get("NumPlanes", 1 if "IFD" in data.attrib else 0)))
        first = [int(data.get(f"First{key}", 0)) for key in order]
        if any(not 0 <= i < n_along for i, n_along in zip(first, extents, strict=True)):
            continue  # ImageJ writes such when it crops
        start = int(np.ravel_multi_index(first, extents))
        count = min(count or n, n - start, n_pages - page if file == OWN else n)
        planes |= {start + i: Plane(file, page + i) for i in range(count)}
    return OmeImage(element, order, extents, samples, planes)


def base_name(name: str) -> str:
    """Return the last part of a path as any system writes it."""
    return PurePosixPath(name.replace("\\", "/")).name


def _is_relative(name: str) -> bool:
    return bool(name) and not name.startswith(("/", "\\")) and ":" not in name


def _n_folders(name: str) -> int:
    return len(PurePosixPath(name.replace("\\", "/")).parts) - 1 if _is_relative(name) else 0


def located(file: Path, name: str, n_above: int = 0) -> Path | None:
    """Return the file that the text of another one names, or one of that name beside it; None if there is none.

    Only relative paths are followed: from the folder of the file, or from one of the ``n_above`` folders above it.
    """
    relative = name.replace("\\", "/")
    folders: list[Path] = []
    if _is_relative(name):
        folders = [file.parent, *(file.absolute().parent.parents[:n_above] if n_above else ())]
    for candidate in [*(folder / relative for folder in folders), file.parent / base_name(name)]:
        try:
            if name and candidate.is_file():
                return candidate
        except (OSError, ValueError):
            continue
    return None
