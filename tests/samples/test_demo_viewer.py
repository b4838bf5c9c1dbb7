"""The demo in a real napari."""

import pytest
from batch_window import cells
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_batch_prediction.demo import DAMAGED, make_demo
from napari_batch_prediction.widgets.demo import add_widget
from napari_batch_prediction.widgets.results.table import ResultsTable

pytestmark = pytest.mark.slow

# Reading, checking and predicting six small images, with kernels perhaps compiled first.
WAIT_MS = 120_000


def test_demo_opens_on_its_run_and_predicts_it_again(make_napari_viewer, qtbot, tmp_path):
    """The run is listed and its first image is shown, without a click; Export all predicts all but the damaged one."""
    job = make_demo(tmp_path)
    record = job.run().path
    viewer = make_napari_viewer()
    job = job.model_copy(update={"ledger": None})
    widget = add_widget(viewer, job, record)
    assert widget.value() == job
    (results,) = widget.findChildren(ResultsTable)
    assert [row[1] for row in cells(results)] == ["done"] * 6 + ["failed"]
    assert results.selected_rows() == [0]

    def shown():
        kinds = {type(layer) for layer in viewer.layers}
        assert kinds == {Image, Labels}
        assert len({layer.data.shape[-2:] for layer in viewer.layers}) == 1

    qtbot.waitUntil(shown, timeout=WAIT_MS)
    before = record.read_bytes()
    (button,) = (b for b in widget.findChildren(QPushButton) if b.text().startswith("Export all"))
    qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    with qtbot.waitSignal(widget.finished, timeout=WAIT_MS) as finished:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (ledger,) = finished.args
    assert [row.status for row in ledger.rows] == ["done"] * 6 + ["failed"]
    assert ledger.rows[-1].input.endswith(DAMAGED)
    assert record.read_bytes() == before
