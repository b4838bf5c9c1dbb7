"""Facts about HDF5."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

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
        compressions=("gzip",),
    ),
    ExportFormat(
        name="hdf5",
        extension=".h5",
        file=HDF5,
        writer_class="hdf5.writer:Hdf5Writer",
        options={"compressed": False},
        compressions=("none", "gzip"),
        compresses_by_default=False,
    ),
)
