"""Reading GIF, frame by frame."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.GifImagePlugin import GifImageFile

from napari_batch_prediction.formats.raster.picture import Picture, Pixels, Region, yx_or_yxc
from napari_batch_prediction.formats.raster.pillow import is_grey
from napari_batch_prediction.images.base import Decoding

_IMAGE, _EXTENSION, _END = b",", b"!", b";"

# Neighbouring tiles of several threads read a few frames in turns.
_MOST_KEPT = 8

# Pillow holds one byte of a pixel of a single frame; of several, a frame, the one before it, and what is shown once it
# is disposed of, each in up to four bytes.
_SINGLE_BYTES, _PILLOW_BYTES = 1, 12


class _Facts(NamedTuple):
    """What the blocks of a GIF say: size, number of frames, and whether all palettes are grey."""

    width: int
    height: int
    n_frames: int
    is_grey: bool


class _Frames(Pixels):
    """The frames of a GIF, each decoded when it is needed; the last few are kept."""

    def __init__(self, file: Path, facts: _Facts) -> None:
        self._image = GifImageFile(file)
        self._mode = "L" if facts.is_grey else "RGB"
        self._has_times = facts.n_frames > 1
        self._kept: OrderedDict[int, NDArray] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, region: Region) -> NDArray:
        """Return a region."""
        if not self._has_times:
            return self._frame(0)[region]
        times = range(region[0].start, region[0].stop)
        return np.stack([self._frame(t)[region[1:]] for t in times])

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def _frame(self, index: int) -> NDArray:
        with self._lock:
            if index not in self._kept:
                self._image.seek(index)
                # A transparent colour of the palette is a hint for showing: it keeps its colour, without an alpha.
                self._kept[index] = np.asarray(self._image.convert(self._mode))
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(index)
            return self._kept[index]


def open_gif(file: Path) -> Picture:
    """Return the picture in a GIF file: grey if its palettes are; of several frames, with the axis ``t``."""
    with file.open("rb") as stream:
        facts = _look(stream)
    axes, shape = yx_or_yxc(facts.height, facts.width, 1 if facts.is_grey else 3)
    if facts.n_frames > 1:
        axes, shape = f"t{axes}", (facts.n_frames, *shape)
    plane = facts.height * facts.width
    held = _PILLOW_BYTES if facts.n_frames > 1 else _SINGLE_BYTES
    kept = (min(facts.n_frames, _MOST_KEPT) * (1 if facts.is_grey else 3) + held) * plane
    # The frame as grey or colours, in one or four bytes; its bytes twice while they become an array.
    once = (3 if facts.is_grey else 10) * plane
    return Picture(axes, shape, np.uint8, lambda: _Frames(file, facts), Decoding(kept=kept, once=once))


def _look(stream: BinaryIO) -> _Facts:
    """Go through the blocks of a GIF; nothing is decoded."""
    header = _read(stream, 13)
    width, height = (int.from_bytes(header[at : at + 2], "little") for at in (6, 8))
    grey = is_grey(_palette(stream, header[10]))
    n_frames = 0
    while (kind := stream.read(1)) not in (b"", _END):
        if kind == _EXTENSION:
            _read(stream, 1)
        elif kind == _IMAGE:
            place = _read(stream, 9)
            left, top, columns, rows = (int.from_bytes(place[at : at + 2], "little") for at in (0, 2, 4, 6))
            if n_frames == 0:
                # As Pillow has it: the first frame may be larger than the screen.
                width, height = max(width, left + columns), max(height, top + rows)
            grey &= is_grey(_palette(stream, place[8]))
            _read(stream, 1)
            n_frames += 1
        else:
            continue
        while size := _read(stream, 1)[0]:
            _read(stream, size)
    if n_frames == 0:
        raise ValueError("it has no frame")
    return _Facts(width, height, n_frames, grey)


def _palette(stream: BinaryIO, flags: int) -> bytes:
    return _read(stream, 3 << (flags & 7) + 1) if flags & 0x80 else b""


def _read(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise ValueError("the file is cut off")
    return content
