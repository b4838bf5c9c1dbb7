"""What changes while the window works: a second run, files and layers that go, docks and viewers that are closed."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from batch_window import WAIT_MS, Window, cells, written
from golden import ROOT as GOLDEN
from napari.components import ViewerModel
from qtpy.QtCore import QThreadPool
from superqt.utils import WorkerBase

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.plan import Found, make_plan
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.session.state import Running
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.run import RunBar

pytestmark = pytest.mark.slow

PIXELS = np.arange(40 * 50, dtype=np.uint8).reshape(40, 50)


def large_job(folder: Path, **settings) -> BatchJob:
    inputs = (f"{folder}/large_1.png", f"{folder}/large_2.png")
    exports = (Export(folder=folder / "out"),)
    return BatchJob(classifier=folder / "project.ilp", inputs=inputs, exports=exports, **settings)


def begin(window: Window) -> None:
    """Start a run, and return once some of it is done."""
    with window.qtbot.waitSignal(window.bar.valueChanged, timeout=WAIT_MS, check_params_cb=lambda value: value > 0):
        window.start_button().click()


def is_idle(qtbot) -> None:
    """Every thread has come to its end."""
    pool = QThreadPool.globalInstance()
    qtbot.waitUntil(lambda: pool.activeThreadCount() == 0 and not WorkerBase._worker_set, timeout=WAIT_MS)


def test_second_run_at_once_is_not_started(window, large):
    """While a run is under way nothing starts another, whoever asks; it ends as if nobody had."""
    window.check(large_job(large))
    ended = []
    window.widget.finished.connect(ended.append)
    begin(window)
    widget = window.widget
    for ask in (widget.start, widget.start_selected, widget.retry_failed, lambda: widget.resume(large / "any.jsonl")):
        ask()
    for text in ("Export all", "Selected", "Retry failed", "Resume a run"):
        button = window.button(text)
        assert not button.isEnabled(), text
        assert "A run is under way." in button.toolTip(), text
    window.qtbot.waitUntil(lambda: bool(ended), timeout=WAIT_MS)
    is_idle(window.qtbot)
    assert [[row.status for row in ledger.rows] for ledger in ended] == [["done", "done"]]


def test_two_docks_on_the_same_outputs(window, large, qtbot):
    """Each output is whole and of one of them; the other says that it appeared meanwhile. Both ledgers are whole."""
    other = BatchPredictionWidget(ViewerModel())
    qtbot.addWidget(other)
    other.show()
    docks = [window, Window(qtbot, other)]
    ended = {}
    for dock in docks:
        dock.check(large_job(large))
        dock.widget.finished.connect(lambda ledger, dock=dock: ended.setdefault(dock, ledger))
    for dock in docks:
        dock.button("Export all").click()
    qtbot.waitUntil(lambda: len(ended) == 2, timeout=WAIT_MS)
    is_idle(qtbot)
    rows = list(zip(*(ended[dock].rows for dock in docks), strict=True))
    assert [sorted(row.status for row in both) for both in rows] == [["done", "failed"]] * 2
    for both in rows:
        (reason,) = (row.reason for row in both if row.status == "failed")
        assert "appeared while it was being computed" in reason
    assert written(large / "out") == ["large_1_Probabilities.h5", "large_2_Probabilities.h5"]
    assert len({ledger.path for ledger in ended.values()}) == 2
    for ledger in ended.values():
        assert [one.row.status for one in read_record(ledger.path).inputs] == [row.status for row in ledger.rows]


def test_a_layer_removed_while_it_is_predicted(window, viewer, case, qtbot):
    """Its pixels are predicted all the same, and the result is added; so is that of the layer that stayed."""
    folder = case("a_2d_u8")
    large = np.tile(PIXELS, (20, 20))
    viewer.add_image(large, name="goes", scale=(2, 3), units=("um", "um"))
    viewer.add_image(PIXELS, name="stays")
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=("layer:goes", "layer:stays")))
    begin(window)
    viewer.layers.remove("goes")
    qtbot.waitUntil(lambda: not window.is_running(), timeout=WAIT_MS)
    assert [row[1] for row in cells(window.results)] == ["done", "done"]
    classes = load_classifier(folder / "project.ilp").classes
    expected = {f"{name} {label}" for name in ("goes", "stays") for label in classes}
    qtbot.waitUntil(lambda: expected <= {layer.name for layer in viewer.layers}, timeout=WAIT_MS)
    assert "goes" not in viewer.layers
    assert tuple(viewer.layers[f"goes {classes[0]}"].scale) == (2, 3)


def test_a_layer_removed_between_check_and_run(window, viewer, case):
    """It is said of that image alone."""
    folder = case("a_2d_u8")
    for name in ("goes", "stays"):
        viewer.add_image(PIXELS, name=name)
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=("layer:goes", "layer:stays")))
    viewer.layers.remove("goes")
    gone, stayed = window.run().rows
    assert (gone.status, stayed.status) == ("problem", "done")
    assert "goes" in gone.reason


def test_a_layer_that_goes_and_comes_back(window, viewer, case, qtbot):
    """What becomes of the layers of the viewer is checked at once; layers that are no inputs do not matter."""
    folder = case("a_2d_u8")
    viewer.add_image(PIXELS, name="cells")
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=("layer:cells",)))
    layer = viewer.layers["cells"]
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS) as checked:
        viewer.layers.remove(layer)
    assert checked.args[0].n_problems == 1
    assert not window.start_button().isEnabled()
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS) as checked:
        viewer.layers.append(layer)
    assert checked.args[0].n_problems == 0
    with qtbot.assertNotEmitted(window.widget.changed):
        viewer.add_image(PIXELS, name="another")
        viewer.layers["another"].name = "one more"


def test_a_layer_that_gets_another_name(window, viewer, case, qtbot):
    """It is a problem at once, as if it were gone, until a layer has the name again."""
    folder = case("a_2d_u8")
    layer = viewer.add_image(PIXELS, name="cells")
    window.check(BatchJob(classifier=folder / "project.ilp", inputs=("layer:cells",)))
    for name, n_problems in (("nuclei", 1), ("cells", 0)):
        with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS) as checked:
            layer.name = name
        assert checked.args[0].n_problems == n_problems


def test_the_classifier_is_gone(window, case):
    """A run needs the file, not only what was read of it: its hash is written down. It can be put back."""
    folder = case("a_2d_u8")
    project, image = folder / "project.ilp", f"{folder}/test1.png"
    window.check(BatchJob(classifier=project, inputs=(image,)))
    project.rename(folder / "away.ilp")
    assert window.run() is None
    assert str(project) in window.said()
    assert not any(name.endswith(".part") for name in written(folder))
    (folder / "away.ilp").rename(project)
    assert [row.status for row in window.run().rows] == ["done"]


def test_the_classifier_is_another_one(window, case, tmp_path):
    """If the file was trained further meanwhile, it is the new one that predicts, and whose hash is written down."""
    folder = case("a_2d_u8")
    project, image = folder / "project.ilp", f"{folder}/test1.png"
    job = BatchJob(classifier=project, inputs=(image,), exports=(Export(source="Features"),))
    window.check(job)
    shutil.copy(GOLDEN / "k_2d_scales_u8/project.ilp", project)
    assert [row.status for row in window.run().rows] == ["done"]
    there = job.model_copy(update={"exports": (Export(source="Features", folder=tmp_path / "expected"),)})
    (expected,) = run_plan(make_plan(there)).rows
    with h5py.File(folder / "test1_Features.h5") as ours, h5py.File(expected.outputs["Features"]) as theirs:
        np.testing.assert_array_equal(ours["exported_data"], theirs["exported_data"])
    # The card is of the new one, too.
    window.qtbot.waitUntil(lambda: "65 in 2D" in window.tooltips() + window.said(), timeout=WAIT_MS)


def test_run_says_how_far_the_check_of_its_inputs_is(window):
    """While a run is planned: of how many images, and how many of them are checked."""
    window.widget.resize(400, 700)
    bar = window.widget.findChild(RunBar)
    bar.set_state(Running(None))
    bar.take_check(Found({"a": tuple(map(str, range(1200)))}))
    bar.take_check([Inspected(parse("0"), None)] * 120)
    assert "Checking 120 of 1,200" in window.said()
