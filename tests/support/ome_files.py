"""OME-TIFF files, and sets of them, with a text that says whatever a test wants."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import tifffile
from numpy.typing import NDArray

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"

Place = tuple[int, int, int, int, str]
"""Channel, z and time of a plane, its page, and its file; empty for the file itself."""


def identity(name: str) -> str:
    """Return the identity of a file."""
    return f"urn:uuid:{name}"


def image_xml(
    places: Iterable[Place],
    shape: tuple[int, int],
    name: str = "",
    channels: Sequence[str] = ("",),
    n_z: int = 1,
    n_t: int = 1,
    **attributes: object,
) -> str:
    """Return the element of an image."""
    data = "".join(
        f'<TiffData FirstC="{c}" FirstZ="{z}" FirstT="{t}" IFD="{page}" PlaneCount="1">'
        + (f'<UUID FileName="{file}">{identity(file)}</UUID>' if file else "")
        + "</TiffData>"
        for c, z, t, page, file in places
    )
    named = "".join(f'<Channel ID="Channel:0:{i}" Name="{c}" SamplesPerPixel="1"/>' for i, c in enumerate(channels))
    more = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return (
        f'<Image ID="Image:{name}" Name="{name}"><Pixels ID="Pixels:{name}" DimensionOrder="XYCZT" Type="uint8" '
        f'SizeX="{shape[1]}" SizeY="{shape[0]}" SizeC="{len(channels)}" SizeZ="{n_z}" SizeT="{n_t}"{more}>'
        f"{named}{data}</Pixels></Image>"
    )


def text(body: str, own: str = "") -> str:
    """Return the whole text, with the identity of a file."""
    uuid = f' UUID="{identity(own)}"' if own else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{SCHEMA}"{uuid}>{body}</OME>'


def write_pages(path: Path, planes: Iterable[NDArray], description: str | None, **options: object) -> None:
    """Write planes as pages with a text in the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as writer:
        for i, plane in enumerate(planes):
            writer.write(plane, metadata=None, description=None if i else description, contiguous=False, **options)


def write_set(
    folder: Path, planes: Sequence[NDArray], axis: str, names: Sequence[str], **options: object
) -> list[Path]:
    """Write a set of files, one for each plane along an axis ``c``, ``z`` or ``t``, that all list each other."""
    at = "czt".index(axis)
    places = [(*(i if k == at else 0 for k in range(3)), 0, name) for i, name in enumerate(names)]
    sizes = {"n_z": len(planes)} if axis == "z" else {"n_t": len(planes)} if axis == "t" else {}
    channels = [f"channel {i}" for i in range(len(planes))] if axis == "c" else [""]
    body = image_xml(places, planes[0].shape, channels=channels, **sizes, **options)
    for name, plane in zip(names, planes, strict=True):
        write_pages(folder / name, [plane], text(body, name))
    return [folder / name for name in names]
