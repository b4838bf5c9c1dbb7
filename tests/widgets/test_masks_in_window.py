"""Masks in the window: typed, chosen or of a layer, for all images or some; their problems lead to the line."""

import numpy as np
from batch_window import WAIT_MS, cells
from PIL import Image
from qtpy.QtWidgets import QFileDialog

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.images.second import MASK
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.widgets.inputs.second import SecondLine, by_name
from napari_batch_prediction.widgets.inputs.settings import InputSettingsForm


def prepared(window, case, *, masks=True):
    """Show a checked job of two images; return their folder."""
    folder = case("a_2d_u8")
    images = folder / "images"
    images.mkdir()
    pixels = np.asarray(Image.open(folder / "test1.png"))[:40, :50]
    for i in range(2):
        Image.fromarray(pixels + i).save(images / f"{i}.png")
        if masks:
            mask = np.zeros((40, 50), np.uint8)
            mask[5:20, 10 * i : 30] = 255
            Image.fromarray(mask).save(images / f"{i}_mask.png")
    exports = (Export(folder=folder / "out", format="numpy"),)
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(str(images),), exports=exports))
    return folder


def mask_line(window):
    (line,) = (one for one in window.widget.findChildren(SecondLine) if one.title.text() == "Mask")
    return line


def choose(window, text):
    """Choose an entry of the menu beside the line."""
    menu = mask_line(window)._menu.fill()
    next(action for action in menu.actions() if action.text() == text).trigger()


def names(window):
    return [row[0] for row in cells(window.inputs)]


def test_masks_beside_the_images(window, case, qtbot):
    """By their names the masks are found and are no images any more; the run predicts inside them."""
    folder = prepared(window, case)
    assert names(window) == ["0.png", "0_mask.png", "1.png", "1_mask.png"]
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "By the name of the image")
    assert window.widget.value().mask == by_name(MASK)
    assert names(window) == ["0.png", "1.png"]
    window.inputs.selectRow(1)
    assert "mask 1_mask.png" in window.said()
    assert [row.status for row in window.run().rows] == ["done"] * 2
    classifier = load_classifier(folder / "project.ilp")
    for i in range(2):
        expected = classifier.predict(folder / "images" / f"{i}.png", mask=folder / "images" / f"{i}_mask.png")
        np.testing.assert_array_equal(np.load(folder / "out" / f"{i}_Probabilities.npy"), expected)
        assert not expected[0, 0].any()
        assert expected[6, 20].any()


def test_layer_of_labels_is_the_mask(window, viewer, case, qtbot):
    """A layer of labels of the viewer is offered, and masks all images; once it is gone that is a problem."""
    folder = prepared(window, case, masks=False)
    drawn = np.zeros((40, 50), int)
    drawn[8:12, 9:30] = 3
    viewer.add_labels(drawn, name="drawn")
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "drawn")
    assert window.widget.value().mask == "layer:drawn"
    assert [row.status for row in window.run().rows] == ["done"] * 2
    values = np.load(folder / "out" / "0_Probabilities.npy")
    np.testing.assert_array_equal(values.any(axis=-1), drawn > 0)
    window.inputs.selectRow(0)
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        viewer.layers.remove("drawn")
    assert "'layer:drawn' is a layer of a viewer" in window.said()


def test_mask_of_one_image_and_of_all(window, case, qtbot, monkeypatch):
    """What is chosen with a row selected holds for it alone; the line says what holds for the others."""
    folder = prepared(window, case)
    masks = [str(folder / "images" / f"{i}_mask.png") for i in range(2)]
    chosen = iter(masks)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (next(chosen), ""))
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "A file")
    assert names(window) == ["0.png", "1.png", "1_mask.png"]
    window.inputs.selectRow(1)
    line = mask_line(window).line
    assert line.native.placeholderText() == masks[0]
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "A file")
    assert names(window) == ["0.png", "1.png"]
    job = window.widget.value()
    assert job.mask == masks[0]
    assert job.input_settings == {str(folder / "images" / "1.png"): InputSettings(mask=masks[1])}
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "No mask")
    assert window.widget.value().input_settings == {}


def test_problem_of_a_mask_leads_to_its_line(window, case, qtbot):
    """A mask that is not there is told in the row, and a button leads to the line of masks."""
    prepared(window, case, masks=False)
    form = window.widget.findChild(InputSettingsForm)
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        mask_line(window).line.value = "{stem}_roi.png"
    assert [row[4] for row in cells(window.inputs)] == ["problem"] * 2
    assert "there is no" in window.said()
    window.widget.activateWindow()
    window.button("Choose mask").click()
    qtbot.waitUntil(form.control("mask").hasFocus, timeout=WAIT_MS)


def test_preview_is_masked(window, viewer, case, qtbot):
    """The preview of an image predicts inside its mask, as the run does."""
    folder = prepared(window, case)
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
        choose(window, "By the name of the image")
    window.button("Preview").click()
    classifier = load_classifier(folder / "project.ilp")
    qtbot.waitUntil(lambda: any(classifier.classes[0] in layer.name for layer in viewer.layers), timeout=WAIT_MS)
    layer = next(layer for layer in viewer.layers if classifier.classes[0] in layer.name)
    images = folder / "images"
    expected = classifier.predict(images / "0.png", mask=images / "0_mask.png")[..., 0]
    np.testing.assert_array_equal(layer.data, expected)
