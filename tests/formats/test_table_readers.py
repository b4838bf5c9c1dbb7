"""Columns of tables read back, in every format that a table of objects may have."""

import tracemalloc

import numpy as np
import pytest

from napari_batch_prediction.formats.common.rows import MANY
from napari_batch_prediction.formats.registry import TABLE_FORMATS, find_format
from napari_batch_prediction.formats.table.choice import row_writer, table_reader

NAMES = ['=a, "b"\n.tif', '=a, "b"\n.tif', "'b", "\udcff c"]
ROWS = {
    "image": np.array(NAMES, object),
    "label": np.array([1, 2, 1, 1]),
    "class": np.array(["NA", "", "+1", "nan"], object),
    "area": np.array([0.1, np.nan, 1e-300, 1 / 3]),
    "probability_\u00e9, 1": np.array([0.25, 0.5, np.inf, np.nan], np.float32),
}
NUMBERS = ("probability_\u00e9, 1", "area", "label")


def written(tmp_path, name, rows=ROWS, times=1):
    """Write rows, several times over, and return the format and the file."""
    export_format = find_format(name)
    path = tmp_path / f"t{export_format.extension}"
    writer = row_writer(export_format, path, [*rows], "")
    for _ in range(times):
        writer.append(rows)
    writer.complete()
    writer.publish(replace=True)
    return export_format, path


def read(export_format, path, numbers, texts=()):
    parts = list(table_reader(export_format, path).parts(numbers, texts))
    return {name: np.concatenate([part[name] for part in parts]) for name in (*numbers, *texts)}


def test_every_format_of_objects_can_be_read_back():
    """Whatever is written in parts has a reader."""
    assert [each.name for each in TABLE_FORMATS if bool(each.row_writer) != bool(each.table_reader)] == []


@pytest.mark.parametrize("name", ["csv", "ilastik csv", "parquet", "ilastik hdf5"])
def test_columns_are_as_they_were_written(tmp_path, name):
    """Numbers to their last digit in any order, NaN where there is none, and texts that look like formulas or NaN."""
    rows = dict(ROWS)
    if name in ("parquet", "ilastik hdf5"):
        # Both are UTF-8 without exception.
        rows["image"] = np.array([*NAMES[:3], "c"], object)
    export_format, path = written(tmp_path, name, rows)
    assert table_reader(export_format, path).columns == (*rows,)
    columns = read(export_format, path, NUMBERS, ("image", "class"))
    for number in NUMBERS:
        assert columns[number].dtype == np.float64
        wanted = rows[number].astype(np.float64)
        if name.endswith("csv") and rows[number].dtype == np.float32:
            wanted = np.array([float(str(value)) for value in rows[number]])
        # Older versions of pandas are wrong in the last bit of a text.
        np.testing.assert_allclose(columns[number], wanted, rtol=1e-15 if name.endswith("csv") else 0)
    for text in ("image", "class"):
        assert columns[text].tolist() == rows[text].tolist()


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_large_tables_come_in_parts(tmp_path, name):
    """A part has some of the rows; together they are all."""
    rows = {"image": np.full(50_000, "a", object), "area": np.arange(50_000.0)}
    export_format, path = written(tmp_path, name, rows, times=3)
    parts = list(table_reader(export_format, path).parts(["area"], ["image"]))
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate([part["area"] for part in parts]), np.tile(rows["area"], 3))


@pytest.mark.parametrize("name", ["ilastik hdf5", "OME-Zarr table"])
def test_tables_of_an_image_are_written_by_parts(tmp_path, name):
    """More rows than are written at once, in memory for some of them only."""
    n = 5 * MANY + 3
    rows = {
        "image": np.full(n, "a", object),
        "label": np.arange(1, n + 1),
        "class": np.array(["b", "c", "d"] * n, object)[:n],
    }
    rows |= {f"number {i}": np.arange(n) / (i + 3) for i in range(12)}
    export_format = find_format(name)
    path = tmp_path / "a.zarr/tables/t"
    writer = row_writer(export_format, path, [*rows], "")
    tracemalloc.start()
    writer.append(rows)
    writer.complete()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A copy of the table would be more.
    assert most < 5 * n * len(rows)
    with pytest.raises(TypeError, match="has the rows of this image"):
        writer.append_again(rows)
    writer.publish(replace=False)
    numbers, texts = ["number 0", "number 11"], ["class"]
    columns = read(export_format, path, numbers, texts)
    for each in (*numbers, *texts):
        np.testing.assert_array_equal(columns[each], rows[each])


@pytest.mark.parametrize("name", ["csv", "ilastik csv", "parquet", "ilastik hdf5"])
def test_table_without_rows(tmp_path, name):
    """It has columns, and no values."""
    export_format, path = written(tmp_path, name, {key: column[:0] for key, column in ROWS.items()})
    reader = table_reader(export_format, path)
    assert reader.columns == (*ROWS,)
    parts = list(reader.parts(["area"], ["image"]))
    assert [len(column) for part in parts for column in part.values() if len(column)] == []


@pytest.mark.parametrize("name", ["csv", "ilastik csv", "parquet", "ilastik hdf5"])
def test_texts_among_numbers_and_missing_columns_are_refused(tmp_path, name):
    """Both are errors in values, with the name of the column that is not there."""
    rows = {**ROWS, "image": np.array([*"abcd"], object)}
    reader = table_reader(*written(tmp_path, name, rows))
    with pytest.raises(ValueError, match="it has no column volume, but image, label, class"):
        reader.parts(["area", "volume"])
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of the library
        list(reader.parts(["class"]))


@pytest.mark.parametrize("name", ["csv", "parquet", "ilastik hdf5"])
def test_damaged_files_are_refused(tmp_path, name):
    """What is missing or cut is an error of the system or of values, as it is for those who go on with a run."""
    export_format, path = written(tmp_path, name, {key: np.tile(column[:3], 99) for key, column in ROWS.items()})
    path.write_bytes(path.read_bytes()[:-200])
    if name != "csv":
        with pytest.raises((OSError, ValueError)):
            table_reader(export_format, path)
    path.unlink()
    with pytest.raises(OSError, match="t"):
        table_reader(export_format, path)
