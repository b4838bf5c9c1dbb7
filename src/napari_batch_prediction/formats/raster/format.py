"""Facts about pictures: PNG, JPEG, BMP, GIF, HDR and PNM."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

_READER = "raster.reader:RasterImage"

PNG = FileFormat(name="PNG", extensions=(".png",), reader=_READER, stamp="raster.reader:read_metadata")
JPEG = FileFormat(name="JPEG", extensions=(".jpg", ".jpeg"), reader=_READER)
BMP = FileFormat(name="BMP", extensions=(".bmp",), reader=_READER)
GIF = FileFormat(name="GIF", extensions=(".gif",), reader=_READER)
HDR = FileFormat(name="HDR", extensions=(".hdr",), reader=_READER)
PNM = FileFormat(name="PNM", extensions=(".pnm", ".ppm", ".pgm", ".pbm"), reader=_READER)

_BYTES, _WORDS = ("uint8",), ("uint8", "uint16")


def _picture(
    name: str,
    *,
    dtypes: tuple[str, ...],
    channels: tuple[int, ...],
    kind: str = "",
    file: FileFormat | None = None,
    max_side: int = 0,
    compresses_by_default: bool = True,
) -> ExportFormat:
    """Return a format of pictures, encoded as ``kind``, by default its name."""
    return ExportFormat(
        name=name,
        extension=f".{name}",
        file=file,
        writer_class="raster.writer:RasterWriter",
        options={"kind": kind or name},
        dtypes=dtypes,
        max_axes=2,
        channels=channels,
        max_side=max_side,
        compresses_by_default=compresses_by_default,
        fixed_axes=True,
        in_sequences=True,
        about="A picture of one plane. Many programs open it.",
        rank=4,
    )


FILES = (PNG, JPEG, BMP, GIF, HDR, PNM)
EXPORTS = (
    _picture("png", file=PNG, dtypes=_WORDS, channels=(1, 3)),
    _picture("jpg", file=JPEG, kind="jpeg", dtypes=_BYTES, channels=(1,), max_side=65_500),
    _picture("jpeg", file=JPEG, dtypes=_BYTES, channels=(1,), max_side=65_500),
    _picture("bmp", file=BMP, dtypes=_BYTES, channels=(1, 3), compresses_by_default=False),
    _picture("gif", file=GIF, dtypes=_BYTES, channels=(1,), max_side=65_535),
    _picture("hdr", file=HDR, dtypes=("float32",), channels=(3,)),
    _picture("pnm", file=PNM, dtypes=_WORDS, channels=(1, 3), compresses_by_default=False),
    _picture("ppm", file=PNM, kind="pnm", dtypes=_WORDS, channels=(1, 3), compresses_by_default=False),
    _picture("pgm", file=PNM, kind="pnm", dtypes=_WORDS, channels=(1,), compresses_by_default=False),
    _picture("pbm", file=PNM, kind="pnm", dtypes=_WORDS, channels=(1,), compresses_by_default=False),
)
