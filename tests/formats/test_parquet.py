"""Tables as Parquet, read back by pyarrow itself."""

import numpy as np
import pyarrow.parquet as parquet
import pytest
from threshold import Threshold, plan_for, random_image

from napari_batch_prediction import ObjectSettings
from napari_batch_prediction.formats.table.parquet import ParquetReader, ParquetRows
from napari_batch_prediction.planning import classifier as classifiers_of_jobs
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import run_plan

ROWS = {
    "image": np.array(["=a", "=a", "b"], object),
    "n": np.array([1, 2, 3]),
    "size": np.array([0.1, np.nan, -1e-300]),
    "probability": np.array([0.25, 0.5, 1], np.float32),
}


def test_types_are_kept_and_nan_is_null(tmp_path):
    """Whole numbers, floats of both sizes and texts have their types; what is missing is null."""
    writer = ParquetRows(tmp_path / "t.parquet", [*ROWS])
    writer.append(ROWS)
    writer.append({name: column[:1] for name, column in ROWS.items()})
    writer.complete()
    writer.publish(replace=False)
    table = parquet.read_table(tmp_path / "t.parquet")
    assert [str(field.type) for field in table.schema] == ["string", "int64", "double", "float"]
    assert table.to_pydict() == {
        "image": ["=a", "=a", "b", "=a"],
        "n": [1, 2, 3, 1],
        "size": [0.1, None, -1e-300, 0.1],
        "probability": [0.25, 0.5, 1.0, 0.25],
    }
    reader = ParquetReader(tmp_path / "t.parquet")
    again = ParquetRows(tmp_path / "u.parquet", reader.columns)
    names = []
    for name, rows in reader.runs():
        names.append(name)
        again.append_again(rows)
    again.complete()
    again.publish(replace=False)
    assert names == ["=a", "b", "=a"]
    assert parquet.read_table(tmp_path / "u.parquet").equals(table)


def test_empty_table_has_its_columns(tmp_path):
    """A table without rows is a file with columns."""
    writer = ParquetRows(tmp_path / "t.parquet", [*ROWS])
    writer.append({name: column[:0] for name, column in ROWS.items()})
    writer.complete()
    writer.publish(replace=False)
    assert parquet.read_table(tmp_path / "t.parquet").to_pydict() == {name: [] for name in ROWS}


def spots(seed):
    """Return an image with bright squares."""
    return np.kron(random_image(8, 9, seed=seed), np.ones((7, 7), np.uint8))


@pytest.mark.parametrize("source", ["Areas", "Object Table"])
def test_table_of_a_batch_is_that_of_csv(tmp_path, source):
    """Every table of a batch can be Parquet, with the numbers of the text."""
    paths = [tmp_path / f"{seed}.npy" for seed in (1, 2)]
    for seed, path in enumerate(paths):
        np.save(path, spots(seed))
    settings = {"objects": ObjectSettings("bright"), "existing": "overwrite"}
    run_plan(plan_for(paths, source, **settings))
    run_plan(plan_for(paths, source, format="parquet", **settings))
    table = parquet.read_table(tmp_path / f"threshold_{source}.parquet").to_pydict()
    header, *lines = (tmp_path / f"threshold_{source}.csv").read_text().splitlines()
    assert list(table) == header.split(",")
    texts = [["" if value is None else str(value) for value in column] for column in table.values()]
    assert [",".join(cells) for cells in zip(*texts, strict=True)] == lines


def test_resumed_table_keeps_rows(tmp_path, monkeypatch):
    """Rows of images that are done come from the file that is there."""
    monkeypatch.setattr(classifiers_of_jobs, "load_classifier", Threshold)
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    np.save(paths[0], spots(1))
    paths[1].write_bytes(b"damaged")
    settings = {"objects": ObjectSettings("bright"), "format": "parquet"}
    ledger = run_plan(plan_for(paths, "Object Table", **settings))
    assert [row.status for row in ledger] == ["done", "problem"]
    np.save(paths[1], spots(2))
    plan = plan_resume(ledger.path)
    assert [row.is_to_run for row in plan] == [False, True]
    run_plan(plan)
    resumed = parquet.read_table(tmp_path / "threshold_Object Table.parquet")
    run_plan(plan_for(paths, "Object Table", existing="overwrite", **settings))
    assert parquet.read_table(tmp_path / "threshold_Object Table.parquet").equals(resumed)
