"""Tables of a whole batch as files."""

import csv
import io

import pytest

from napari_batch_prediction.errors import OutputExistsError
from napari_batch_prediction.formats.common.files import write_whole
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import TABLE_FORMATS, is_table_format
from napari_batch_prediction.formats.table.writer import ImageRows, csv_lines, ilastik_lines, table_bytes
from napari_batch_prediction.wording import plain

COLUMNS = ("object", "size")
IMAGES = (
    ImageRows(image="/data/a, b.tif", nickname="a, b", rows=((1, 20.5), (2, None)), total=20.5),
    ImageRows(image="/data/c.tif", nickname="c", rows=(), total=None),
)
LAYOUTS = {
    "csv": 'image,object,size\n"/data/a, b.tif",1,20.5\n"/data/a, b.tif",2,\n',
    "ilastik csv": '"a, b",20.5\nc,\n',
}


OF_A_BATCH = [table_format for table_format in TABLE_FORMATS if table_format.layout]


def test_formats_of_counts_and_areas():
    """The tables that stay in the ledger are written as text; those of objects have more formats."""
    assert [table_format.name for table_format in OF_A_BATCH] == [*LAYOUTS]


@pytest.mark.parametrize("table_format", OF_A_BATCH, ids=lambda table_format: table_format.name)
def test_layout_of_any_columns(tmp_path, table_format):
    """Each format of such tables writes any columns, and leaves a cell without a number empty."""
    lines = load(table_format.layout)(COLUMNS, IMAGES)
    write_whole(tmp_path / "new" / "t.csv", table_bytes(lines), replace=False)
    assert (tmp_path / "new" / "t.csv").read_bytes() == LAYOUTS[table_format.name].encode()


def test_existing_table_is_replaced_only_if_asked_for(tmp_path):
    """A table that is there stays as it is, and nothing is left beside it."""
    path = tmp_path / "t.csv"
    path.write_text("mine")
    with pytest.raises(OutputExistsError):
        write_whole(path, b"a\n", replace=False)
    assert path.read_text() == "mine"
    write_whole(path, b"a\n", replace=True)
    assert path.read_text() == "a\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("name", "expected"), [("CSV ", True), ("ilastik csv", True), ("tiff", False), ("?", False)])
def test_names_of_formats_of_tables(name, expected):
    """A format says itself whether it is one of tables; an unknown one is not."""
    assert is_table_format(name) == expected


FORMULAS = ["=1+1.tif", "+x", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=x", "''-x", "x=1", "'x", "", "ü"]
FORMULAS += ["\uff1d1", "\uff0bx", "\uff0dx", "'\uff20SUM(A1)"]


@pytest.mark.parametrize("layout", [csv_lines, ilastik_lines])
def test_texts_are_no_formulas_and_numbers_stay_numbers(layout):
    """No cell begins as a formula does, except numbers; what is before it can be taken away again."""
    images = [ImageRows(image=name, nickname=name, rows=((-1.5,),), total=-1.5) for name in FORMULAS]
    content = table_bytes(layout(["count"], images)).decode()
    rows = [*csv.reader(io.StringIO(content, newline=""))][-len(FORMULAS) :]
    assert {number for _, number in rows} == {"-1.5"}
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name, _ in rows)
    assert [plain(name) for name, _ in rows] == FORMULAS
