"""Facts about tables."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

FILES: tuple[FileFormat, ...] = ()
EXPORTS = (
    ExportFormat(name="csv", extension=".csv", table="times"),
    ExportFormat(name="ilastik csv", extension=".csv", table="nicknames"),
)
