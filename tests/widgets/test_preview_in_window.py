"""The buttons Preview and Predict: what is predicted without a file being written."""

import numpy as np
from batch_window import WAIT_MS, is_busy
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.widgets.exports.section import NO_FILES
from napari_batch_prediction.widgets.previewing import NO_IMAGE
from napari_batch_prediction.widgets.run import PREVIEW, RUN

BOTH = (Export(source="Probabilities"), Export(source="Simple Segmentation"))


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def click(window, text: str) -> None:
    window.qtbot.mouseClick(window.button(text), Qt.MouseButton.LeftButton)


def off(window, text: str) -> str:
    """Why the control behind a label is off; empty if it is on."""
    (label,) = (one for one in window.widget.findChildren(QLabel) if one.text() == text)
    return "" if label.buddy().isEnabled() else label.toolTip()


def test_selected_image_is_previewed_without_a_file(window, viewer, case, qtbot):
    """The selected image is predicted by the ticked exports; the next preview, or its results, take its place."""
    folder = case("a_2d_u8")
    preview = window.button("Preview")
    assert not preview.isEnabled()
    assert "classifier" in preview.toolTip()
    images = [str(folder / f"test{i}.png") for i in (1, 2)]
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=images, exports=BOTH))
    files = sorted(path.name for path in folder.iterdir())
    assert preview.isEnabled()
    assert "test1.png" in preview.toolTip()
    window.inputs.selectRow(1)
    assert "test2.png" in preview.toolTip()
    click(window, "Preview")
    assert not preview.isEnabled()
    assert preview.toolTip() == PREVIEW
    qtbot.waitUntil(lambda: "test2 Simple Segmentation (preview)" in names(viewer), timeout=WAIT_MS)
    assert names(viewer)[0] == "test2"
    assert "test2.png predicted in" in window.said()
    assert sorted(path.name for path in folder.iterdir()) == files
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        window.box("Uncertainty").click()
    assert "predicted in" not in window.said()
    window.run()
    qtbot.waitUntil(lambda: "test2 Simple Segmentation" in names(viewer), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not is_busy(window.canvas), timeout=WAIT_MS)
    assert not any("preview" in name for name in names(viewer))


def test_image_on_the_canvas_that_becomes_an_input_stays(window, viewer, case, qtbot):
    """A layer shown of a file, and then added as a layer, is not taken away by its own preview or the next row."""
    folder = case("a_2d_u8")
    files = tuple(str(folder / name) for name in ("test1.png", "test2.png"))
    job = BatchJob(classifier=folder / "project.ilp", inputs=files, exports=BOTH)
    window.check(job)
    window.inputs.selectRow(0)
    qtbot.waitUntil(lambda: names(viewer) == ["test1"], timeout=WAIT_MS)
    window.check(job.model_copy(update={"inputs": ("layer:test1", files[1])}))
    window.inputs.selectRow(0)
    click(window, "Preview")
    qtbot.waitUntil(lambda: "test1 Simple Segmentation (preview)" in names(viewer), timeout=WAIT_MS)
    window.inputs.selectRow(1)
    qtbot.waitUntil(lambda: "test2" in names(viewer), timeout=WAIT_MS)
    assert "test1" in names(viewer)
    assert not any("only while it is there" in text for text in window.said().splitlines())


def test_preview_that_is_not_possible_says_why(window, viewer, case):
    """Without an image that can be predicted it is off; of one that cannot, the reason is shown."""
    folder = case("a_2d_u8")
    np.save(folder / "rgb.npy", np.zeros((20, 30, 3), np.uint8))
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(str(folder / "rgb.npy"),), exports=BOTH))
    assert not window.button("Preview").isEnabled()
    assert window.button("Preview").toolTip() in (NO_IMAGE, *window.said().splitlines())
    window.inputs.selectRow(0)
    click(window, "Preview")
    window.qtbot.waitUntil(window.button("Preview").isEnabled, timeout=WAIT_MS)
    assert "channels" in window.said()
    assert not any("preview" in name for name in names(viewer))


def test_preview_is_cancelled(window, viewer, large, qtbot):
    """Cancel ends it, and nothing of it is shown; a run that begins ends it, too."""
    job = BatchJob(classifier=large / "project.ilp", inputs=(str(large / "large_1.png"),), exports=BOTH, workers=1)
    window.check(job)
    cancel = window.button("Cancel")
    assert not cancel.isEnabled()
    click(window, "Preview")
    assert cancel.isEnabled()
    assert window.button("Export all").toolTip() == PREVIEW
    with qtbot.waitSignal(window.bar.valueChanged, timeout=WAIT_MS, check_params_cb=lambda value: value > 0):
        pass
    click(window, "Cancel")
    assert cancel.text() == "Cancelling"
    qtbot.waitUntil(window.button("Preview").isEnabled, timeout=WAIT_MS)
    click(window, "Preview")
    window.widget.start()
    assert window.button("Preview").toolTip() == RUN
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS):
        window.widget.cancel()
    assert not any("preview" in name for name in names(viewer))


def test_layers_alone_are_predicted_not_exported(window, viewer, case, qtbot):
    """What writes files is greyed with the reason, and the button says Predict; with a file beside it is as always."""
    folder = case("a_2d_u8")
    viewer.add_image(np.random.default_rng(0).integers(0, 200, (40, 50), np.uint8), name="cells")
    job = BatchJob(classifier=folder / "project.ilp", inputs=("layer:cells",), exports=BOTH)
    window.check(job)
    assert window.button("Predict all").text() == "Predict all (1)"
    for text in ("Format", "Folder", "Name", "If it exists", "Compression"):
        assert off(window, text) == NO_FILES
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS):
        click(window, "Predict all")
    qtbot.waitUntil(lambda: "cells Simple Segmentation" in names(viewer), timeout=WAIT_MS)
    click(window, "Preview")
    qtbot.waitUntil(lambda: "cells Simple Segmentation (preview)" in names(viewer), timeout=WAIT_MS)
    assert "cells Simple Segmentation" not in names(viewer)
    window.check(job.model_copy(update={"inputs": ("layer:cells", str(folder / "test1.png"))}))
    assert window.button("Export all").text() == "Export all (2)"
    assert not off(window, "If it exists")


def test_settings_of_objects_are_tried_out_by_previews(window, viewer, case, qtbot, monkeypatch):
    """Objects are shown above their probabilities, with their numbers; other settings predict no pixels again."""
    tiles = []
    predict = PixelClassification.predict_tile
    monkeypatch.setattr(
        PixelClassification, "predict_tile", lambda self, *given: (tiles.append(1), predict(self, *given))[1]
    )
    folder = case("a_2d_u8")
    files = sorted(path.name for path in folder.iterdir())
    counts = []
    for min_size in (5, 40):
        settings = ObjectSettings("1", smoothing=0, min_size=min_size)
        job = BatchJob(folder / "project.ilp", str(folder / "test1.png"), (Export(source="Objects"),), objects=settings)
        window.check(job)
        tiles.clear()
        click(window, "Preview")
        qtbot.waitUntil(lambda: "predicted in" in window.said(), timeout=WAIT_MS)
        qtbot.waitUntil(lambda: not is_busy(window.canvas), timeout=WAIT_MS)
        assert bool(tiles) == (min_size == 5)
        objects = viewer.layers[-1]
        counts.append(int(objects.data.max()))
        assert objects.visible
        assert objects.name == f"test1 Objects, {counts[-1]} (preview)"
        assert len(objects.features) == counts[-1] + 1
        assert min(objects.features["pixels"][1:]) >= min_size
        assert not any(layer.visible for layer in viewer.layers[1:-1])
    assert counts[0] > counts[1] > 0
    assert sorted(path.name for path in folder.iterdir()) == files
