"""Facts about HDF5."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

_ABOUT = (
    "A file with axes, as ilastik exports it. ilastik opens it, napari with this plugin, Fiji with ilastik's plugin."
)

HDF5 = FileFormat(
    name="HDF5",
    extensions=(".h5", ".hdf5"),
    reader="hdf5.reader:Hdf5Image",
    prepare="hdf5.looking:prepare",
    foresee="hdf5.looking:foresee",
    lister="hdf5.reader:list_datasets",
    stamp="hdf5.reader:read_metadata",
    ilastik_ranges="hdf5.reader:ilastik_ranges",
    has_internal_path=True,
)

FILES = (HDF5,)
EXPORTS = (
    ExportFormat(
        name="compressed hdf5",
        extension=".h5",
        file=HDF5,
        writer_class="hdf5.writer:Hdf5Writer",
        options={"compressed": True},
        also=("h5", "hdf"),
        about=f"{_ABOUT} Compressed.",
        compressions=("gzip",),
    ),
    ExportFormat(
        name="hdf5",
        extension=".h5",
        file=HDF5,
        writer_class="hdf5.writer:Hdf5Writer",
        options={"compressed": False},
        compressions=("none", "gzip"),
        about=f"{_ABOUT} Not compressed.",
        compresses_by_default=False,
    ),
)
