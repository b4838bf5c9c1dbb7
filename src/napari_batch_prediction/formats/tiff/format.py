"""Facts about TIFF."""

from functools import partial

from napari_batch_prediction.formats.common.target import Compression
from napari_batch_prediction.formats.format import FLOATS, INTEGERS, ExportFormat, FileFormat
from napari_batch_prediction.formats.tiff.layout import tiff_chunk

TIFF = FileFormat(
    name="TIFF",
    extensions=(".tif", ".tiff", ".btf", ".tf2", ".tf8", ".lsm", ".stk", ".svs", ".ndpi", ".scn", ".qptiff"),
    reader="tiff.reader:TiffImage",
    lister="tiff.reader:list_images",
    is_flat=True,
    stamp="tiff.metadata:read_metadata",
    in_sets=True,
)
_COMPRESSIONS: tuple[Compression, ...] = ("gzip", "lzw", "zstd", "none")


def _picture(name: str, *, rank: int) -> ExportFormat:
    return ExportFormat(
        name=name,
        extension=f".{name}",
        file=TIFF,
        writer_class="tiff.writer:TiffWriter",
        options={"ome": False},
        chunk=tiff_chunk,
        max_axes=2,
        compressions=_COMPRESSIONS,
        fixed_axes=True,
        in_sequences=True,
        about="A picture of one plane. Fiji, QuPath, napari, ilastik and most other programs open it.",
        rank=rank,
    )


FILES = (TIFF,)
EXPORTS = (
    ExportFormat(
        name="multipage tiff",
        extension=".tiff",
        file=TIFF,
        writer_class="tiff.writer:TiffWriter",
        options={"ome": True},
        also=("ome-tiff", "ome-tif", "multipage tif"),
        chunk=partial(tiff_chunk, ome=True),
        dtypes=tuple(name for name in (*INTEGERS, *FLOATS) if name not in ("uint64", "int64")),
        compressions=_COMPRESSIONS,
        fixed_axes=True,
        in_sequences=True,
        about="OME-TIFF, with axes, sizes and names of channels. Fiji, QuPath, napari and ilastik open it.",
        rank=1,
    ),
    _picture("tiff", rank=1),
    _picture("tif", rank=4),
)
