"""Facts about tables."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

FILES: tuple[FileFormat, ...] = ()
EXPORTS = (
    ExportFormat(name="csv", extension=".csv", layout="table.writer:csv_lines"),
    ExportFormat(name="ilastik csv", extension=".csv", layout="table.writer:ilastik_lines"),
)
