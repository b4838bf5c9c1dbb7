"""Facts about N5."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

N5 = FileFormat(
    name="N5",
    extensions=(".n5",),
    reader="n5.reader:N5Image",
    lister="n5.reader:list_datasets",
    stamp="n5.reader:read_metadata",
    store="n5.store:NAMES",
    is_folder=True,
    has_internal_path=True,
)

_ABOUT = "A folder of small pieces, as ilastik exports it. ilastik opens it, Fiji with its N5 plugins."

FILES = (N5,)
EXPORTS = (
    ExportFormat(
        name="compressed n5",
        extension=".n5",
        file=N5,
        writer_class="n5.writer:N5Writer",
        options={"compressed": True},
        extra="n5",
        library="tensorstore",
        compressions=("gzip",),
        about=f"{_ABOUT} Compressed.",
        rank=5,
    ),
    ExportFormat(
        name="n5",
        extension=".n5",
        file=N5,
        writer_class="n5.writer:N5Writer",
        options={"compressed": False},
        extra="n5",
        library="tensorstore",
        compressions=("none", "gzip"),
        about=f"{_ABOUT} Not compressed.",
        compresses_by_default=False,
        rank=5,
    ),
)
