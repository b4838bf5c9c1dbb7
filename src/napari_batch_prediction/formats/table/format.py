"""Facts about tables."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

FILES: tuple[FileFormat, ...] = ()
EXPORTS = (
    ExportFormat(
        name="csv",
        extension=".csv",
        layout="table.writer:csv_lines",
        about="A table as text. Spreadsheets, R and pandas open it.",
    ),
    ExportFormat(
        name="ilastik csv",
        extension=".csv",
        layout="table.writer:ilastik_lines",
        about="A table as text, laid out as ilastik's own. Spreadsheets, R and pandas open it.",
    ),
)
