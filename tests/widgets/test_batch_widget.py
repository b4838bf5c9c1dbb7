"""The widget with a viewer that draws nothing: what it shows, what it starts, what it leaves."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from batch_window import WAIT_MS, Window, cells, written
from ilp_writer import RAW, put
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QThreadPool, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from qtpy.QtWidgets import QApplication, QCheckBox, QPushButton
from tensor_writer import write_tensor_project

from napari_batch_prediction import BatchJob
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.parts.images_dialog import ImagesDialog
from napari_batch_prediction.widgets.parts.message import Message

JOBS = {
    "least": BatchJob(classifier="p.ilp", inputs=("a.png",)),
    "everything": BatchJob(
        classifier="/data/my projects/p.ilp",
        inputs=("/data/**/*.tif", "/data/a, b.png", "scan.h5/volume/data"),
        exports=(
            Export(source="Uncertainty", format="hdf5", folder="/out", name="{index}", internal_path="u"),
            Export(source="Features", folder="/other"),
        ),
        input_axes="tyx",
        existing="overwrite",
        workers=3,
    ),
}


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_job_put_into_the_window_comes_out(window, qtbot, job):
    """What is put in comes out, also what the window does not show."""
    with qtbot.waitSignal(window.widget.changed):
        window.widget.setValue(job)
    assert window.widget.value() == job


def test_button_says_what_is_missing(window, case, qtbot):
    """Until something can run, the button says what is missing, and value() says the same."""
    folder = case("a_2d_u8")
    start = window.button("Export all")

    def needs(words: str) -> bool:
        with pytest.raises(SettingsError, match=words):
            window.widget.value()
        return not start.isEnabled() and start.toolTip() == words

    assert needs("Choose a classifier first.")
    window.line("ilastik project (.ilp)").setText(str(folder / "project.ilp"))
    assert needs("Add images first.")
    window.line("pattern, as folder/*.tif").setText(f"{folder}/*.png")
    window.button("Add pattern").click()
    assert start.toolTip() == "The classifier is being read."
    qtbot.waitUntil(lambda: start.text() == "Export all (3)", timeout=WAIT_MS)
    assert start.isEnabled()
    window.box("Probabilities").click()
    assert needs("Tick what to export first.")
    window.box("Uncertainty").click()
    assert start.isEnabled()
    assert [export.source for export in window.widget.value().exports] == ["Uncertainty"]


def test_card_of_the_classifier_and_its_sources(window, case):
    """The card names workflow, channels, axes and classes; all sources are offered."""
    folder = case("b_2d_rgb_u8")
    classifier = window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test1.png",))).classifier
    said = window.said()
    assert "Pixel Classification \u00b7 3 channels \u00b7 2D (yxc)" in said
    assert all(name in said for name in classifier.classes)
    boxes = [box.text() for box in window.widget.findChild(ExportsSection).findChildren(QCheckBox)]
    assert boxes[: len(classifier.sources)] == list(classifier.sources)
    assert [box for box in boxes if window.box(box).isChecked()] == ["Probabilities"]


def test_a_refused_classifier(window, case, qtbot):
    """Why a file is no classifier is said in its place and on the button; another file makes it good."""
    folder = case("a_2d_u8")
    (folder / "broken.ilp").write_bytes(b"not a project")
    window.widget.setValue(BatchJob(classifier=folder / "broken.ilp", inputs=(f"{folder}/test1.png",)))
    start = window.button("Export all")
    qtbot.waitUntil(lambda: "broken.ilp" in start.toolTip(), timeout=WAIT_MS)
    assert not start.isEnabled()
    assert start.toolTip() in window.said()
    window.line(str(folder / "broken.ilp")).setText(str(folder / "project.ilp"))
    qtbot.waitUntil(start.isEnabled, timeout=WAIT_MS)


def drop(widget, *paths: Path) -> bool:
    """Drop files as a file manager does; return whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, *how)
    QApplication.sendEvent(widget, enter)
    if enter.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, *how))
    return enter.isAccepted()


# PySide6 has another signature from Qt 6.12 on.
@pytest.mark.filterwarnings("ignore:.*QDragEnterEvent:DeprecationWarning")
def test_files_are_dropped_on_their_sections(window, case):
    """A project dropped on the classifier is chosen, images dropped on their table are added, once each."""
    folder = case("a_2d_u8")
    assert drop(window.line("ilastik project (.ilp)"), folder / "project.ilp")
    viewport = window.inputs.viewport()
    assert drop(viewport, folder / "test1.png", folder / "test2.png")
    assert drop(viewport, folder / "test2.png", folder / "a, b.png")
    job = window.widget.value()
    assert job.classifier == folder / "project.ilp"
    assert [Path(name).name for name in job.inputs] == ["test1.png", "test2.png", "a, b.png"]
    assert not drop(window.results.viewport(), folder / "test1.png")


def test_inputs_are_added_and_removed(window, qtbot, monkeypatch):
    """Files by dialog, a pattern by Enter; rows go by button and by key; Clear takes the rest."""
    remove, clear = window.button("Remove"), window.button("Clear")
    assert not remove.isEnabled()
    assert not clear.isEnabled()
    chosen = ["/data/a, b.png", "/data/c.png"]
    monkeypatch.setattr(ImagesDialog, "choose", lambda *args: chosen)
    window.button("Add files").click()
    window.line("pattern, as folder/*.tif").setText("/data/*.tif")
    qtbot.keyClick(window.line("/data/*.tif"), Qt.Key.Key_Return)
    assert [row[0] for row in cells(window.inputs)] == ["a, b.png", "c.png", "data/*.tif"]
    assert window.line("pattern, as folder/*.tif").text() == ""

    window.inputs.selectRow(0)
    assert remove.isEnabled()
    remove.click()
    assert [row[0] for row in cells(window.inputs)] == ["c.png", "data/*.tif"]
    window.inputs.selectRow(1)
    window.widget.activateWindow()
    window.inputs.setFocus()
    qtbot.waitUntil(window.inputs.hasFocus)
    qtbot.keyClick(window.inputs, Qt.Key.Key_Delete)
    assert [row[0] for row in cells(window.inputs)] == ["c.png"]
    clear.click()
    assert cells(window.inputs) == []


def test_check_shows_each_input_and_its_problem(window, case):
    """Before anything runs each input shows how it was understood, and what is wrong with it in words."""
    folder = case("a_2d_u8")
    (case("b_2d_rgb_u8") / "test1.png").rename(folder / "rgb.png")
    (folder / "text.tif").write_text("no image")
    names = ("test*.png", "rgb.png", "text.tif")
    plan = window.check(BatchJob(classifier=folder / "project.ilp", inputs=[f"{folder}/{name}" for name in names]))
    assert [row[1:] for row in cells(window.inputs)] == [
        ["yx", "255\u00d7187", "1", "ok"],
        ["yx", "61\u00d745", "1", "ok"],
        ["yxc", "131\u00d7257\u00d73", "3", "problem"],
        ["", "", "", "problem"],
    ]
    assert "rgb.png: The image has 3 channels, but the classifier was trained on 1." in window.said()
    window.inputs.selectRow(3)
    assert f"text.tif: {plan.rows[3].problems[0]}" in window.said()
    assert "4 images, 2 with a problem" in window.said()
    assert window.button("Export all").text() == "Export all (2)"


def test_first_file_is_named_while_typing(window, case, qtbot):
    """The first file that will be written is shown, and follows what is typed; a bad template is explained."""
    folder = case("a_2d_u8")
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test1.png",)))

    def name_shown(name: str) -> None:
        qtbot.waitUntil(lambda: str(folder / name) in window.tooltips(), timeout=WAIT_MS)

    name_shown("test1_Probabilities.h5")
    line = window.line("{stem}_{source}")
    line.setText("sub/{index}_{stem}")
    name_shown("sub/1_test1.h5")
    window.line("beside each image").setText(str(folder / "out"))
    name_shown("out/sub/1_test1.h5")
    line.setText("{unknown}")
    start = window.button("Export all")
    qtbot.waitUntil(lambda: "{unknown}" in start.toolTip(), timeout=WAIT_MS)
    assert not start.isEnabled()
    assert start.toolTip() in window.said()


def test_run_shows_status_and_first_image(window, viewer, case, qtbot):
    """Each image has its status and reason; the first that is done is shown; a click shows another."""
    folder = case("a_2d_u8")
    whole = (folder / "test1.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    names = ("test1.png", "cut.png", "test2.png")
    exports = (Export(folder=folder / "out"), Export(source="Simple Segmentation", folder=folder / "out"))
    window.check(
        BatchJob(classifier=folder / "project.ilp", inputs=[f"{folder}/{n}" for n in names], exports=exports, workers=1)
    )
    ledger = window.run()
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert [row[:2] for row in cells(window.results)] == [
        ["test1.png", "done"],
        ["cut.png", "failed"],
        ["test2.png", "done"],
    ]
    assert len(written(folder / "out")) == 4

    classes = load_classifier(folder / "project.ilp").classes

    def shown(stem: str, *sources: str) -> None:
        names = [stem, *(f"{stem} {name}" for name in sources)]
        qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == names, timeout=WAIT_MS)

    shown("test1", *classes, "Simple Segmentation")
    with h5py.File(folder / "out/test1_Probabilities.h5") as file:
        expected = np.moveaxis(file["exported_data"][()], -1, 0)

    def filled() -> bool:
        layers = [layer for layer in viewer.layers if layer.name in [f"test1 {name}" for name in classes]]
        return len(layers) == len(classes) and all(
            np.array_equal(layer.data, values) for layer, values in zip(layers, expected, strict=True)
        )

    qtbot.waitUntil(filled, timeout=WAIT_MS)
    window.results.selectRow(2)
    shown("test2", *classes, "Simple Segmentation")
    window.results.selectRow(1)
    shown_reason = ledger.rows[1].reason
    assert shown_reason
    assert shown_reason in window.said()
    assert shown_reason in window.results.model().index(1, 1).data(Qt.ItemDataRole.ToolTipRole)
    qtbot.waitUntil(lambda: not any(layer.visible for layer in viewer.layers), timeout=WAIT_MS)
    window.results.selectRow(0)
    shown("test1", *classes, "Simple Segmentation")
    assert shown_reason not in window.said()


def test_results_are_not_loaded_unless_wished(window, viewer, case, qtbot):
    """Without the tick the viewer is left alone; with it the selected row is shown."""
    folder = case("a_2d_u8")
    window.box("Load results").click()
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test2.png",)))
    window.run()
    window.results.selectRow(0)
    window.box("Load results").click()
    qtbot.waitUntil(lambda: "test2" in viewer.layers, timeout=WAIT_MS)


def test_second_run_reports_skips_or_overwrites(window, viewer, case, qtbot):
    """Outputs that exist are reported, skipped or overwritten as chosen; the table and the layers are the new run's."""
    folder = case("a_2d_u8")
    job = BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test2.png",))
    window.check(job)
    window.run()
    qtbot.waitUntil(lambda: "test2" in viewer.layers, timeout=WAIT_MS)

    window.button("Export all").click()
    qtbot.waitUntil(lambda: [row[1] for row in cells(window.results)] == ["problem"], timeout=WAIT_MS)
    window.results.selectRow(0)
    assert "test2_Probabilities.h5 exists" in window.said()

    choice = window.choice("skip the image")
    for text, status in (("skip the image", "skipped"), ("overwrite it", "done")):
        with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS):
            choice.setCurrentText(text)
        assert [row.status for row in window.run().rows] == [status]


def test_earlier_run_is_shown_without_its_classifier(window, case, qtbot):
    """An earlier run is shown as it was, also if it cannot go on; why it cannot is said."""
    folder = case("a_2d_u8")
    job = BatchJob(classifier=folder / "project.ilp", inputs=(f"{folder}/test2.png", f"{folder}/missing.png"))
    ledger = job.run()
    (folder / "project.ilp").unlink()
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS):
        window.widget.resume(ledger.path)
    assert [row[:2] for row in cells(window.results)] == [["test2.png", "done"], ["missing.png", "problem"]]
    assert "project.ilp" in window.said()
    assert not window.is_running()


@pytest.mark.slow
def test_progress_never_goes_back(window, large, qtbot):
    """The bar goes over the tiles of all images and never back; the text counts the files that ended."""
    window.check(BatchJob(classifier=large / "project.ilp", inputs=(f"{large}/large_*.png",)))
    seen, texts = [], []
    window.bar.valueChanged.connect(lambda value: seen.append((value, window.bar.maximum())))
    window.bar.valueChanged.connect(lambda value: texts.append(window.bar.text()))
    window.run()
    values = [value for value, _ in seen if value > 0]
    assert values == sorted(values)
    # It is painted ten times a second, however many tiles are done.
    assert len(values) > 1
    (maximum,) = {maximum for value, maximum in seen if value > 0}
    assert values[-1] == maximum
    assert {text.split(",")[0] for text in texts} - {""} <= {"0 of 2 files", "1 of 2 files", "2 of 2 files"}
    assert not window.is_running()


def start_and_wait_for_tiles(window, qtbot) -> None:
    """Start a run, and return once some of it is done."""
    with qtbot.waitSignal(window.bar.valueChanged, timeout=WAIT_MS, check_params_cb=lambda value: value > 0):
        window.button("Export all").click()


def test_cancelled_run_leaves_nothing_half_written(window, large, qtbot):
    """Cancel ends the run, leaves nothing half-written, and says what became of each image; it can run again."""
    out = large / "out"
    window.check(
        BatchJob(classifier=large / "project.ilp", inputs=(f"{large}/large_*.png",), exports=(Export(folder=out),))
    )
    start, cancel = window.button("Export all"), window.button("Cancel")
    assert not cancel.isEnabled()
    start_and_wait_for_tiles(window, qtbot)
    assert not start.isEnabled()
    assert start.toolTip() == "A run is under way."
    start.click()
    window.widget.start()
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS) as finished:
        cancel.click()
    assert len(finished.args[0].rows) == 2
    assert "cancelled" in [row[1] for row in cells(window.results)]
    done = [row.outputs["Probabilities"].name for row in finished.args[0].rows if row.status == "done"]
    assert written(out) == done
    assert start.isEnabled()
    assert not cancel.isEnabled()


def test_deleted_widget_stops_its_work(viewer, large, qtbot):
    """A widget that is deleted while it works stops the work, and nothing half-written stays."""
    out = large / "out"
    widget = BatchPredictionWidget(viewer)
    window = Window(qtbot, widget)
    window.check(
        BatchJob(classifier=large / "project.ilp", inputs=(f"{large}/large_*.png",), exports=(Export(folder=out),))
    )
    start_and_wait_for_tiles(window, qtbot)
    assert [name.endswith(".part") for name in written(out)] == [True]
    with qtbot.waitSignal(widget.destroyed):
        widget.deleteLater()
    pool = QThreadPool.globalInstance()
    qtbot.waitUntil(lambda: pool.activeThreadCount() == 0, timeout=WAIT_MS)
    assert not any(name.endswith(".part") for name in written(out))
    assert len(written(out)) < 2


def test_trace_of_an_unforeseen_error_can_be_copied(qtbot):
    """An error nobody foresaw is a sentence; its trace is one click away. Other messages have no such button."""
    message = Message()
    qtbot.addWidget(message)
    message.say("It is damaged.")
    button = message.findChild(QPushButton)
    assert button.isHidden()
    message.say("Unexpected ZeroDivisionError: by zero", "Traceback: ...")
    assert not button.isHidden()
    button.click()
    assert QGuiApplication.clipboard().text() == "Unexpected ZeroDivisionError: by zero\n\nTraceback: ..."
    message.say("")
    assert message.isHidden()


@pytest.mark.parametrize("width", [300, 400, 600])
def test_nothing_is_cut_at_any_width(window, case, qtbot, width):
    """At every width the content is as wide as the view: no control sticks out or is squeezed below its minimum."""
    folder = case("a_2d_u8")
    long = folder / ("Donaudampfschifffahrtsgesellschaftskapitaensmuetze_" * 3 + ".png")
    (folder / "test1.png").rename(long)
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=(str(long), "/missing/" + "x" * 200 + ".png")))
    window.widget.resize(width, 900)
    qtbot.waitUntil(lambda: window.widget.width() == width)
    assert window.widget.minimumSizeHint().width() <= 300
    for title in ("Images", "Export", "Results"):
        window.show_page(title)
        for button in window.widget.findChildren(QPushButton):
            if button.isVisible():
                # An arrow alone needs no more than its letter.
                letter = button.fontMetrics().horizontalAdvance(button.text())
                needed = letter if len(button.text()) == 1 else button.minimumSizeHint().width()
                assert button.width() >= needed, button.text()
                assert button.mapTo(window.widget, QPoint(button.width(), 0)).x() <= width, button.text()


def test_button_leads_to_the_formula_of_the_structure_tensor(window, qtbot, tmp_path):
    """The warning that the formula is a guess has a button to the choice; once it is made, the warning is gone."""
    classifier = write_tensor_project(tmp_path / "old.ilp", "gradient", lambda f: put(f, f"{RAW}/filePath", b"no.npy"))
    np.save(tmp_path / "image.npy", np.zeros((40, 50), np.uint8))
    plan = window.check(BatchJob(classifier=classifier, inputs=(str(tmp_path / "image.npy"),)))
    assert [warning.setting for warning in plan.rows[0].warnings] == ["structure_tensor"]
    formula = window.choice("integration")
    window.widget.activateWindow()
    window.button("Choose formula").click()
    qtbot.waitUntil(formula.hasFocus)
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS) as checked:
        formula.setCurrentText("integration")
    assert checked.args[0].rows[0].warnings == ()
    assert not window.button("Choose formula").isVisible()
