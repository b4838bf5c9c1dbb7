"""Facts about Zarr and OME-Zarr."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat
from napari_batch_prediction.formats.zarr.pyramid import zarr_chunk

ZARR = FileFormat(
    name="Zarr",
    extensions=(".zarr",),
    reader="zarr.reader:ZarrImage",
    lister="zarr.reader:list_images",
    stamp="zarr.store:read_metadata",
    store="zarr.store:NAMES",
    is_folder=True,
    versions=("0.4", "0.5"),
    holds_labels=True,
)


def _ome_zarr(name: str, *, multiscale: bool, also: tuple[str, ...] = ()) -> ExportFormat:
    return ExportFormat(
        name=name,
        extension=".zarr",
        file=ZARR,
        writer_class="zarr.writer:OmeZarrWriter",
        options={"multiscale": multiscale},
        chunk=zarr_chunk,
        compressions=("blosc", "zstd", "gzip", "none"),
        fixed_axes=True,
        also=also,
        about=(
            f"A folder of small pieces, for large images{', in several resolutions' if multiscale else ''}. napari "
            "opens it with napari-ome-zarr, Fiji with its N5 plugins."
        ),
        rank=3,
    )


FILES = (ZARR,)
EXPORTS = (
    _ome_zarr("single-scale OME-Zarr", multiscale=False),
    ExportFormat(
        name="OME-Zarr table",
        extension="",
        file=FileFormat(name="OME-Zarr table", extensions=(), reader="", is_folder=True),
        row_writer="zarr.tables:AnnDataRows",
        table_reader="zarr.tables:AnnDataReader",
        also=("anndata",),
        about="A table of objects inside the OME-Zarr image, laid out as AnnData. ngio and Fractal open it.",
        rank=3,
    ),
    _ome_zarr("multi-scale OME-Zarr", multiscale=True, also=("zarr", "ome-zarr", "ngff", "ome-ngff")),
)
