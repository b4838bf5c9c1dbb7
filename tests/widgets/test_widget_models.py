"""The tables of the window, apart from their views."""

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_batch_prediction.batch.events import FileFinished, FileStarted, TileDone
from napari_batch_prediction.batch.job import BatchJob
from napari_batch_prediction.batch.ledger import LedgerRow
from napari_batch_prediction.batch.plan import ImageInfo, Plan, PlanRow
from napari_batch_prediction.widgets.inputs_model import InputsModel, short_name
from napari_batch_prediction.widgets.results_model import ResultsModel

SHORT_NAMES = {
    "file": ("/data/plate 1/cells.png", "cells.png"),
    "dots": ("/data/SOX9-QA1W.9_z108.tif", "SOX9-QA1W.9_z108.tif"),
    "no extension": ("/data/v1.2/iso", "iso"),
    "dataset": ("/data/scan.h5/volume/data", "scan.h5/volume/data"),
    "dataset below a folder with a dot": ("/my.data/scan.h5/t0.5/data", "scan.h5/t0.5/data"),
    "pattern": ("/data/plate/*.tif", "plate/*.tif"),
    "pattern of folders": ("/data/**/day?/a.tif", "data/**/day?/a.tif"),
    "only a pattern": ("*.tif", "*.tif"),
    "Windows": (r"C:\data\cells.png", "cells.png"),
    "relative": ("cells.png", "cells.png"),
}


@pytest.mark.parametrize(("location", "short"), SHORT_NAMES.values(), ids=SHORT_NAMES)
def test_short_name(location, short):
    """The end that tells an input from others."""
    assert short_name(location) == short


def row(name: str, *problems: str, axes: str = "yx", known: str = "file") -> PlanRow:
    info = ImageInfo(axes, known, (40, 50, 3)[: len(axes)], np.dtype(np.uint8))
    return PlanRow(name, info, {"Probabilities": Path(f"{name}_P.h5")}, problems=problems)


def texts(model) -> list[list[str]]:
    return [[model.index(i, j).data() for j in range(model.columnCount())] for i in range(model.rowCount())]


def test_inputs(qtbot, qtmodeltester):
    """An input shows how it was understood; a pattern how many images it stands for; equal inputs are one."""
    model = InputsModel()
    model.set_inputs(["a.png", "*.png", "b.tif", "a.png", "new.tif"])
    assert model.inputs == ("a.png", "*.png", "b.tif", "new.tif")
    assert model.summary() == "4 listed"

    model.set_checked(
        {
            "a.png": [row("a.png", known="guess")],
            "*.png": [row("a.png", known="guess"), row("c.png", "It is damaged.")],
            "b.tif": [row("b.tif", "It has 3 channels.", axes="yxc")],
            "new.tif": [],
        }
    )
    assert texts(model) == [
        ["a.png", "yx*  40×50", "ok"],
        ["*.png", "", "2 images, 1 !"],
        ["b.tif", "yxc  40×50×3", "problem"],
        ["new.tif", "", "listed above"],
    ]
    assert model.summary() == "3 images, 2 with a problem"
    assert model.problems(1) == "c.png: It is damaged."
    assert "It has 3 channels." in model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole)
    qtmodeltester.check(model)


def test_results(qtbot, qtmodeltester):
    """A row goes from waiting to its end; the tooltip has the whole reason."""
    names = ("a.png", "b.png", "c.png")
    job = BatchJob(classifier="p.ilp", inputs=names)
    model = ResultsModel()
    model.set_plan(Plan(job, None, (), tuple(map(row, names)), classifier_sha256=""))
    assert [status for _, status, _ in texts(model)] == ["waiting"] * 3

    model.take(FileStarted(0, 8))
    model.take(FileStarted(1, 8))
    model.take(TileDone(1, 3, 8, 3, 24))
    assert [status for _, status, _ in texts(model)] == ["running", "37 %", "waiting"]
    assert model.summary() == ""

    model.take(FileFinished(1, LedgerRow("b.png", "failed", "It is damaged.", seconds=0.26)))
    model.take(FileFinished(0, LedgerRow("a.png", "done", seconds=12)))
    model.take(FileFinished(2, LedgerRow("c.png", "cancelled", "The run was cancelled.")))
    assert texts(model) == [["a.png", "done", "12.0 s"], ["b.png", "failed", "0.3 s"], ["c.png", "cancelled", ""]]
    assert model.summary() == "1 done, 1 failed, 1 cancelled"
    assert model.index(1, 1).data(Qt.ItemDataRole.ToolTipRole) == "b.png\n\nIt is damaged."
    qtmodeltester.check(model)
