"""Facts about tables."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

FILES: tuple[FileFormat, ...] = ()
EXPORTS = (
    ExportFormat(
        name="csv",
        extension=".csv",
        layout="table.writer:csv_lines",
        row_writer="table.rows:CsvRows",
        table_reader="table.rows:CsvReader",
        about="A table as text. Spreadsheets, R and pandas open it.",
    ),
    ExportFormat(
        name="ilastik csv",
        extension=".csv",
        layout="table.writer:ilastik_lines",
        row_writer="table.ilastik:IlastikRows",
        table_reader="table.rows:CsvReader",
        about="A table as text, laid out as ilastik's own. Spreadsheets, R and pandas open it.",
    ),
    ExportFormat(
        name="ilastik hdf5",
        extension=".h5",
        row_writer="table.ilastik:IlastikHdf5Rows",
        holds_pictures=True,
        table_reader="table.ilastik:IlastikHdf5Reader",
        about="A table of classified objects in HDF5, laid out as ilastik's own. h5py and pandas open it in Python.",
    ),
    ExportFormat(
        name="parquet",
        extension=".parquet",
        row_writer="table.parquet:ParquetRows",
        table_reader="table.parquet:ParquetReader",
        extra="parquet",
        library="pyarrow",
        about="A table by columns, small and fast to read. pandas, Polars, R and DuckDB open it.",
    ),
)
