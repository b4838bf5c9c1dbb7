"""Layers on a real canvas, while a batch runs and while rows are gone through."""

import numpy as np
import pytest
from batch_window import WAIT_MS, Window
from in_napari import open_window

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.widgets.canvas.canvas import Canvas

pytestmark = pytest.mark.slow


class Watch:
    """Notes the names of layers that the viewer ever has, and whether it is ever without a visible one."""

    def __init__(self, viewer) -> None:
        self.viewer, self.names, self.was_empty = viewer, set(), False
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self.note)
        viewer.layers.events.inserted.connect(self.follow)
        # Only what is drawn counts.
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self.look, position="last")

    def follow(self, event) -> None:
        event.value.events.name.connect(self.note)
        self.note()

    def note(self, event=None) -> None:
        self.names |= {layer.name for layer in self.viewer.layers}

    def look(self, event=None) -> None:
        self.was_empty |= not any(layer.visible for layer in self.viewer.layers)


def test_canvas_is_never_empty_and_its_layers_have_their_names(make_napari_viewer, qtbot, case):
    """Over a run and 30 quick changes of the row: one image after the other, at one zoom; the selected input stays."""
    folder = case("a_2d_u8")
    for i in range(4):
        np.save(folder / f"cells_{i}.npy", np.random.default_rng(i).integers(0, 200, (80, 90), np.uint8))
    viewer = make_napari_viewer(show=True)
    window: Window = open_window(qtbot, viewer)
    window.check(
        BatchJob(
            classifier=folder / "project.ilp",
            inputs=[str(folder / f"cells_{i}.npy") for i in range(4)],
            exports=[Export(source=name, folder=folder / "out") for name in ("Probabilities", "Simple Segmentation")],
            input_axes="yx",
        )
    )
    window.inputs.selectRow(2)
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == ["cells_2"], timeout=WAIT_MS)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 7, (0, 30, 40)
    watch = Watch(viewer)
    ledger = window.run()
    assert [row.status for row in ledger.rows] == ["done"] * 4
    qtbot.waitUntil(lambda: "cells_2 Simple Segmentation" in [layer.name for layer in viewer.layers], timeout=WAIT_MS)
    assert [index.row() for index in window.inputs.selectionModel().selectedRows()] == [2]

    canvas = window.widget.findChild(Canvas)
    for i in range(30):
        window.results.selectRow((3 * i) % 4)
        qtbot.wait(20 * (i % 5))
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers if layer.visible]
                    == ["cells_3", "cells_3 Simple Segmentation"], timeout=WAIT_MS)  # fmt: skip
    assert canvas.has_layers
    assert not watch.was_empty
    titles = ("", *load_classifier(folder / "project.ilp").classes, "Simple Segmentation")
    assert watch.names <= {f"cells_{i} {title}".strip() for i in range(4) for title in titles}
    assert viewer.scene.camera.zoom == 7
    assert viewer.scene.camera.center == (0, 30, 40)
