"""Histograms of properties of objects: bins and words, reading them from tables, and the panel that shows them."""

import numpy as np
import pytest
from batch_window import WAIT_MS
from PIL import Image
from plot_panels import begin, choices, pick
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QPushButton, QTextEdit
from superqt.utils import WorkerBase
from threshold import plan_for, random_image

from napari_batch_prediction import BatchJob, Export, ObjectSettings
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.formats.table.choice import row_writer
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.records.events import Event, FileFinished
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.widgets.objects.written import WrittenTable
from napari_batch_prediction.widgets.results.histogram import MOST_BINS, ObjectValues, edges_of
from napari_batch_prediction.widgets.results.model import ResultsModel
from napari_batch_prediction.widgets.results.object_values import read_values, tables_of
from napari_batch_prediction.widgets.results.plot import Plot
from napari_batch_prediction.widgets.results.plot_panel import PlotPanel
from napari_batch_prediction.widgets.results.shown_run import ShownRun

RNG = np.random.default_rng(7)

VALUES = {
    "normal": RNG.normal(5, 2, 1000),
    "heavy tail": RNG.exponential(1, 5000) ** 4,
    "whole numbers": RNG.integers(3, 17, 400).astype(float),
    "many whole numbers": RNG.integers(0, 10**6, 400).astype(float),
    "two": np.array([1.0, 2.0]),
    "one": np.array([0.37]),
    "constant": np.full(50, -2.5),
    "constant whole numbers": np.full(50, 7.0),
    "zeros": np.zeros(3),
    "below zero": RNG.normal(-1000, 0.01, 500),
    "neighbours": np.array([1.0, np.nextafter(1.0, 2.0)]),
    "far apart": np.array([-1e300, 1e300]),
    "rounded edges": np.array([0.1 * k for k in range(11)]),
    "float32": np.array([0.1, 0.7], np.float32).astype(float),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_every_value_is_in_a_bin(values):
    """Bins are of equal width, not too many, and hold all values."""
    edges = edges_of(values)
    assert (np.diff(edges) > 0).all()
    assert edges[0] <= values.min() <= values.max() <= edges[-1]
    assert len(edges) <= MOST_BINS + 3
    assert np.histogram(values, edges)[0].sum() == len(values)
    np.testing.assert_allclose(np.diff(edges), np.diff(edges)[0], rtol=0.3)


def test_whole_numbers_leave_no_gaps():
    """Each bin holds equally many whole numbers, so that evenly spread ones are of one height."""
    for highest in (5, 17, 120, 1000):
        values = np.repeat(np.arange(highest + 1.0), 40)
        edges = edges_of(values)
        widths = np.diff(edges)
        assert (widths == widths[0]).all()
        assert widths[0] == int(widths[0])
        heights = np.histogram(values, edges)[0]
        assert (heights[:-1] == 40 * widths[0]).all()
        assert edges[0] == -0.5


def test_a_tail_does_not_hide_the_others():
    """Where few values are far off, most are still in several bins."""
    values = np.r_[RNG.normal(20, 5, 1000), RNG.uniform(20, 500, 20)]
    heights = np.histogram(values, edges_of(values))[0]
    assert heights.max() < 600


@pytest.mark.parametrize("value", [7.0, 0.0, 0.37, -1e-9, 1e12, 5e-324])
def test_one_value_has_room_on_both_sides(value):
    """A single bar is in the middle of three bins."""
    assert np.histogram([value] * 5, edges_of(np.full(5, value)))[0].tolist() == [0, 5, 0]


def values(**by_image) -> ObjectValues:
    return ObjectValues(
        "area", {name: np.array(each, float) for name, each in by_image.items()}, frozenset(["pixel^2"])
    )


def test_words_about_a_histogram():
    """Number of objects, median, and how many have no value; the part of the selected image in front."""
    found = values(a=[1, 2, 3, np.nan], b=[10, np.inf])
    assert found.summary == "4 objects, median 2.5; 2 objects without a value"
    chart = found.chart("b", "b.tif")
    assert chart.title == "area in pixel^2"
    assert chart.lines == (found.summary, "b.tif: 1 object, median 10")
    assert chart.heights.sum() == 4
    assert chart.front.sum() == 1
    assert (chart.front <= chart.heights).all()
    last = len(chart.heights) - 1
    assert found.text(chart, last) == "10 to 14: 1 object, 1 of the selected image"
    assert np.isnan(found.chart("", "").front).all()
    assert found.chart("gone", "gone.tif").lines[1] == "gone.tif: 0 objects"


def test_bins_in_words():
    """A bin of one whole number is that number; limits of others are written as such."""
    found = values(a=[7, 7])
    assert found.text(found.chart("", ""), 1) == "7: 2 objects"
    found = values(a=np.arange(1000))
    assert found.text(found.chart("", ""), 1) == "50 to 99: 50 objects"
    found = values(a=[0.25, 0.75])
    assert found.text(found.chart("", ""), 0).startswith("0")
    assert ": 1 object" in found.text(found.chart("", ""), 0)


@pytest.mark.parametrize("by_image", [{}, {"a": []}, {"a": [np.nan]}], ids=["no image", "no objects", "no values"])
def test_no_objects_at_all(by_image):
    """An axis, no bars, and words."""
    found = values(**by_image)
    chart = found.chart("a", "a.tif")
    assert chart.heights.tolist() == [0]
    assert found.summary.startswith("0 objects")
    assert "median" not in found.summary


@pytest.mark.parametrize("least", [[-1.7e308, 1.7e308], [1.7e308] * 2, [5e-324], [0, 5e-324], [1e-310, 2e-310]])
def test_values_at_the_limits_of_numbers_are_drawn(qtbot, least):
    """Their distance or a part of them is no number; beside others, too."""
    plot = Plot()
    qtbot.addWidget(plot)
    for found in (values(a=least), values(a=[1, *least])):
        chart = found.chart("a", "a.tif")
        assert np.isfinite([*chart.limits, *chart.heights]).all()
        assert chart.heights.sum() + found.n_unknown == len(found.by_image["a"])
        plot.show_chart(chart, str, "")
        plot.grab()


def test_units_that_differ_are_said():
    """Values in different units are not in one."""
    found = ObjectValues("area", {}, frozenset(["micrometer^2", "pixel^2"]))
    assert found.title == "area in different units"
    assert ObjectValues("extent", {}, frozenset([""])).title == "extent"


BRIGHT = ObjectSettings("bright", smoothing=0, min_size=5)
LAYOUTS = {
    "one table": Export("Object Table"),
    "a table of each image": Export("Object Table", per_image=True),
    "parquet": Export("Object Table", format="parquet"),
}


def save(folder, **images):
    paths = []
    for name, pixels in images.items():
        paths.append(folder / f"{name}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


@pytest.mark.parametrize("export", LAYOUTS.values(), ids=LAYOUTS)
def test_values_are_those_of_the_run(tmp_path, export):
    """A property of every object, by image, from what a run has written; also from its ledger."""
    images = {name: np.kron(random_image(8, 9, seed=i), np.ones((7, 7), np.uint8)) for i, name in enumerate("ab")}
    plan = plan_for(save(tmp_path, **images), exports=(export, Export("Objects")), objects=BRIGHT)
    ledger = run_plan(plan)
    for each in (ledger, read_record(ledger.path).ledger):
        tables = tables_of(ShownRun.of(plan), each)
        assert len(tables) == (2 if export.per_image else 1)
        found = finish(read_values(tables, "pixels", lambda: False))
        assert [len(found.by_image[absolute(row.input)]) for row in each] == [row.count for row in each]
        for row, pixels in zip(each, images.values(), strict=True):
            assert found.by_image[absolute(row.input)].sum() <= pixels.size
        assert found.title == "pixels"
        assert finish(read_values(tables, "area", lambda: False)).title == "area in pixel^2"
        assert finish(read_values(tables, "area", lambda: True)) is None


def test_objects_in_memory_count_once_beside_a_table_of_the_batch(tmp_path):
    """The table of a batch has those of layers, too; a table of each image has not."""
    pixels = np.kron(random_image(8, 9), np.ones((7, 7), np.uint8))
    inputs, layer = ["layer:a", *save(tmp_path, b=pixels)], MemoryImage("layer:a", pixels, "yx", axes_known="user")
    for per_image in (False, True):
        export = Export("Object Table", format="csv", folder=tmp_path, per_image=per_image)
        plan = plan_for(inputs, exports=(export,), objects=BRIGHT, arrays={"layer:a": layer})
        events: list[Event] = []
        run, ledger = ShownRun.of(plan), run_plan(plan, events.append)
        run.predicted = {one.index: one.arrays for one in events if isinstance(one, FileFinished) and one.arrays}
        assert [*run.predicted] == [0]
        found = finish(read_values(tables_of(run, ledger), "pixels", lambda: False))
        assert [len(found.by_image[absolute(row.input)]) for row in ledger] == [row.count for row in ledger]
        assert ledger.rows[0].count > 0


def test_no_table_no_histogram(tmp_path):
    """A run without a table of objects has none to read."""
    plan = plan_for(save(tmp_path, a=random_image(20, 30)), "Objects", "Areas", objects=BRIGHT)
    assert tables_of(ShownRun.of(plan), run_plan(plan)) == ()


def finish(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture
def panel(qtbot):
    widget = PlotPanel(ResultsModel())
    qtbot.addWidget(widget)
    widget.resize(300, 300)
    widget.show()
    yield widget
    WorkerBase.await_workers(WAIT_MS)


COLUMNS = {
    "image": np.repeat(np.array(["/data/a.tif", "/data/b.tif"], object), [30, 10]),
    "label": np.r_[1:31, 1:11],
    "class": np.full(40, "cell", object),
    "area": np.r_[np.linspace(1, 10, 30), np.linspace(8, 9, 10)],
    "unit": np.full(40, "micrometer", object),
    "extent": np.r_[np.full(39, 0.5), np.nan],
}

MEDIAN = np.median(COLUMNS["area"])


def written(tmp_path, name="csv") -> WrittenTable:
    path = tmp_path / f"t{find_format(name).extension}"
    writer = row_writer(find_format(name), path, [*COLUMNS], "")
    writer.append(COLUMNS)
    writer.complete()
    writer.publish(replace=True)
    return WrittenTable(path=path, format=find_format(name))


def begin_two(panel: PlotPanel) -> Plot:
    return begin(panel, ["/data/a.tif", "/data/b.tif"])[0]


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_properties_are_offered_once_their_table_is_written(panel, qtbot, tmp_path, name):
    """The list has the properties; the histogram has the part of the selected image in front."""
    plot = begin_two(panel)
    assert panel.isHidden()
    panel.set_tables([written(tmp_path, name)])
    qtbot.waitUntil(lambda: choices(panel) == ["Objects: area", "Objects: extent"], timeout=WAIT_MS)
    assert not panel.isHidden()
    pick(panel, "Objects: area")
    qtbot.waitUntil(lambda: len(plot.chart.heights) > 0, timeout=WAIT_MS)
    assert plot.accessibleDescription() == f"area in micrometer^2. 40 objects, median {MEDIAN:.6g}"
    panel.set_selected(1)
    assert plot.accessibleDescription().endswith("b.tif: 10 objects, median 8.5")
    assert plot.chart.front.sum() == 10
    # A click on a bar chooses no image.
    x = next(x for x in range(plot.width()) if plot.bar_at(x) is not None)
    with qtbot.assertNotEmitted(panel.clicked):
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, 90))
    pick(panel, "Objects: extent")
    qtbot.waitUntil(lambda: "extent. 39 objects" in plot.accessibleDescription(), timeout=WAIT_MS)
    assert "1 object without a value" in plot.accessibleDescription()
    panel.set_tables([])
    assert panel.isHidden()
    # What was chosen comes back with the next table.
    panel.set_tables([written(tmp_path, name)])
    qtbot.waitUntil(lambda: "extent. 39 objects" in plot.accessibleDescription(), timeout=WAIT_MS)


def test_reading_is_said(panel, qtbot, tmp_path):
    """Until a property is read, there is a heading that says so, and nothing to save."""
    plot = begin_two(panel)
    panel.set_tables([written(tmp_path)])
    qtbot.waitUntil(lambda: choices(panel) != [], timeout=WAIT_MS)
    pick(panel, "Objects: extent")
    assert plot.chart.title == "Reading extent ..."
    assert not panel.findChild(QPushButton).isEnabled()
    qtbot.waitUntil(panel.findChild(QPushButton).isEnabled, timeout=WAIT_MS)
    assert plot.chart.title == "extent"


def test_table_that_is_gone_or_damaged(panel, qtbot, tmp_path):
    """The reason is below the plot."""
    begin_two(panel)
    table = written(tmp_path)
    panel.set_tables([table])
    qtbot.waitUntil(lambda: choices(panel) != [], timeout=WAIT_MS)
    said = panel.findChild(QTextEdit)
    text = table.path.read_text()
    table.path.write_text(text.replace("10.0", "many"))
    pick(panel, "Objects: area")
    pick(panel, "Objects: extent")
    pick(panel, "Objects: area")
    qtbot.waitUntil(lambda: f"The table {table.path} cannot be read" in said.toPlainText(), timeout=WAIT_MS)
    table.path.unlink()
    panel.set_tables([table])
    qtbot.waitUntil(lambda: "No such file" in said.toPlainText(), timeout=WAIT_MS)
    assert panel.isVisible()


def test_histogram_in_the_window(window, case, qtbot):
    """After a run its table can be plotted, also in a window that opens its ledger; not while the next one runs."""
    folder = case("a_2d_u8")
    exports = [Export("Object Table", format="csv"), Export("Areas", format="csv")]
    job = BatchJob(folder / "project.ilp", [str(folder / f"test{i}.png") for i in (1, 2)], exports,
                   objects=ObjectSettings("1", min_size=0), folder=folder / "out")  # fmt: skip
    window.check(job)
    panel = window.widget.findChild(PlotPanel)
    ledger = window.run()
    n = sum(row.count for row in ledger)
    assert n > 2
    plot = panel.findChildren(Plot)[0]
    for _ in range(2):
        qtbot.waitUntil(lambda: "area" in panel.choices, timeout=WAIT_MS)
        pick(panel, "Objects: area")
        qtbot.waitUntil(lambda: plot.chart.heights.sum() == n, timeout=WAIT_MS)
        window.results.selectRow(1)
        assert plot.chart.front.sum() == ledger[1].count
        window.widget.show_run(ledger.path)
    window.widget.setValue(job.model_copy(update={"existing": "overwrite"}))
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS):
        with qtbot.waitSignal(panel.model.modelReset, timeout=WAIT_MS):
            window.start_button().click()
        assert [each for each in panel.choices if isinstance(each, str)] == []
    qtbot.waitUntil(lambda: panel.chosen() == "area" and plot.chart.heights.sum() == n, timeout=WAIT_MS)


def test_objects_of_layers_are_in_memory(panel, qtbot):
    """Tables that are written nowhere have histograms too."""
    plot = begin_two(panel)
    columns = {name: column[:30] for name, column in COLUMNS.items() if name != "image"}
    panel.set_tables([WrittenTable(image=absolute("/data/a.tif"), columns=columns)])
    qtbot.waitUntil(lambda: "Objects: area" in choices(panel), timeout=WAIT_MS)
    pick(panel, "Objects: area")
    qtbot.waitUntil(lambda: len(plot.chart.heights) > 0, timeout=WAIT_MS)
    panel.set_selected(0)
    assert plot.chart.front.sum() == plot.chart.heights.sum() == 30
