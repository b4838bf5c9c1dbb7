"""Reading pictures (PNG, JPEG, BMP, GIF, PNM and HDR), which have fixed axes; most are decoded as a whole."""

import threading
from collections.abc import Mapping
from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.raster.picture import Picture, Pixels
from napari_batch_prediction.images.base import COLOURS, Decoding, Image, choose_axes

# Imported when such a file comes: Pillow, which PNG does without, takes 15 ms.
_FORMATS = {
    b"\x89PNG\r\n\x1a\n": "png:open_png",
    b"\xff\xd8\xff": "pillow:open_jpeg",
    b"BM": "pillow:open_bmp",
    b"GIF8": "gif:open_gif",
    b"#?": "netpbm:open_hdr",
    **{b"P%d" % kind: "netpbm:open_pnm" for kind in range(1, 7)},
}


class RasterImage(Image):
    """A picture; all but binary PNM and GIF are decoded at the first read and kept until closed.

    Axes are ``yx`` for one channel and ``yxc`` for more; a GIF of several frames is ``tyx`` or ``tyxc``. 1-bit pixels
    become uint8 0 and 255, grey values of 2 and 4 bits in PNG uint8 scaled to 0..255, and palettes RGB, or RGBA with
    transparency in PNG; in BMP and GIF a palette of greys is grey. 16-bit PNGs stay uint16. A transparent colour is
    otherwise a hint for showing, and no channel. The orientation in JPEG files of cameras is not applied.

    The first bytes of the file decide the format, not its extension.
    """

    def __init__(self, location: str, file: Path, axes: str | None = None) -> None:
        with file.open("rb") as stream:
            start = stream.read(8)
        name = next((name for signature, name in _FORMATS.items() if start.startswith(signature)), None)
        if name is None:
            raise ImageReadError(
                f"'{location}' is not a PNG, JPEG, BMP, GIF, PNM or HDR file, although its name says so: it starts "
                f"with {start!r}. Give it the extension of its real format, or save it again."
            )
        picture: Picture = load(f"raster.{name}")(file)
        self._picture = picture
        self._pixels: Pixels | None = None
        self._lock = threading.Lock()
        axes, axes_known = choose_axes(picture.shape, axes, picture.axes)
        colours = COLOURS[picture.shape[-1]] if picture.axes.endswith("c") and axes.endswith("c") else ()
        super().__init__(location, axes, picture.shape, picture.dtype, axes_known=axes_known, channel_names=colours)

    @property
    def decoding(self) -> Decoding:
        """The memory of the decoded picture."""
        return self._picture.decoding

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        with self._lock:
            if self._pixels is None:
                self._pixels = self._picture.decode()
        return self._pixels.read(region)

    def _release(self) -> None:
        if self._pixels is not None:
            self._pixels.close()
        self._pixels = None


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    import PIL.Image

    with PIL.Image.open(path) as picture:
        return {str(name): value for name, value in picture.info.items()}
