"""The demo in a real napari."""

import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_batch_prediction.demo import DAMAGED, make_demo
from napari_batch_prediction.widgets.demo import add_widget

pytestmark = pytest.mark.slow

# Reading, checking and predicting six small images, with kernels perhaps compiled first.
WAIT_MS = 120_000


def test_demo_opens_the_window_with_its_job_and_predicts_it(make_napari_viewer, qtbot, tmp_path):
    """The dock shows the job of the demo; Export all predicts all but the damaged image and shows the first."""
    job = make_demo(tmp_path)
    viewer = make_napari_viewer()
    widget = add_widget(viewer, job)
    assert widget.value() == job

    (button,) = (b for b in widget.findChildren(QPushButton) if b.text().startswith("Export all"))
    qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    with qtbot.waitSignal(widget.finished, timeout=WAIT_MS) as finished:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (ledger,) = finished.args
    assert [row.status for row in ledger.rows] == ["done"] * 6 + ["failed"]
    assert ledger.rows[-1].input.endswith(DAMAGED)

    def shown():
        kinds = {type(layer) for layer in viewer.layers}
        assert kinds == {Image, Labels}
        # Whichever image was done first.
        assert len({layer.data.shape[-2:] for layer in viewer.layers}) == 1

    qtbot.waitUntil(shown, timeout=WAIT_MS)
