"""Micro-Manager's stack files, byte by byte."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

from numpy.typing import NDArray

_TAGS = 162


def write_stack(
    path: Path, planes: Sequence[NDArray], places: Sequence[tuple[int, int, int, int]], ome: str = "", **summary: object
) -> Path:
    """Write a stack file.

    Parameters
    ----------
    path
        The file.
    planes, places
        The planes, and channel, slice, frame and position of each.
    ome
        OME-XML for the first page.
    summary
        Entries of the summary.
    """
    counts = {"Channels": 1, "Slices": 1, "Frames": 1, "Positions": 1}
    info = {"MicroManagerVersion": "2.0.1", "Prefix": "s", **counts, "TimeFirst": False, "SlicesFirst": False}
    said = json.dumps(info | summary).encode()
    height, width = planes[0].shape
    out = bytearray(40) + said
    out += b"\0" * (len(out) % 2)
    first, size = len(out), (_TAGS + planes[0].nbytes + 4) // 2 * 2
    text = ome.encode() + b"\0"
    after = first + len(planes) * size
    offsets = [first + i * size for i in range(len(planes))]
    for i, (plane, at) in enumerate(zip(planes, offsets, strict=True)):
        long = i == 0 and len(text) > 4
        tags = [
            (254, 4, 1, 0), (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8 * plane.itemsize), (259, 3, 1, 1),
            (262, 3, 1, 1), (270, 2, len(text) if long else 1, after if long else 0), (273, 4, 1, at + _TAGS),
            (277, 3, 1, 1), (278, 3, 1, height), (279, 4, 1, plane.nbytes), (296, 3, 1, 1),
            (51123, 2, 3, at + _TAGS + plane.nbytes),
        ]  # fmt: skip
        block = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        block += struct.pack("<I", offsets[i + 1] if i + 1 < len(planes) else 0) + plane.tobytes() + b"{}"
        out += block.ljust(size, b"\0")
    out += text + b"\0" * (len(text) % 2)
    index = len(out)
    out += struct.pack("<II", 3453623, len(planes))
    for place, offset in zip(places, offsets, strict=True):
        out += struct.pack("<5I", *place, offset)
    display = len(out)
    out += struct.pack("<II", 347834724, 2) + b"[]"
    comments = len(out)
    out += struct.pack("<II", 84720485, 2) + b"{}"
    out[:8] = b"II*\0" + struct.pack("<I", first)
    out[8:40] = struct.pack("<8I", 54773648, index, 483765892, display, 99384722, comments, 2355492, len(said))
    path.write_bytes(out)
    return path
