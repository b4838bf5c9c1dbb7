"""Counts as bars."""

import numpy as np
import pytest
from counted import counted
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor, QPalette

from napari_batch_prediction.records.events import FileFinished
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.results.counts import CountsPanel
from napari_batch_prediction.widgets.results.counts_plot import CountsPlot, nice_ticks
from napari_batch_prediction.widgets.results.model import ResultsModel

TICKS = {
    "nothing": (0.0, (0, 1)),
    "below one": (0.3, (0, 0.1, 0.2, 0.3)),
    "one": (1.0, (0, 0.5, 1)),
    "a colony plate": (188.0, (0, 100, 200)),
    "on a tick": (300.0, (0, 100, 200, 300)),
    "just above": (300.1, (0, 200, 400)),
    "many": (123_456.0, (0, 50_000, 100_000, 150_000)),
}


@pytest.mark.parametrize(("highest", "ticks"), TICKS.values(), ids=TICKS)
def test_ticks_are_round_numbers_up_to_the_highest_value(highest, ticks):
    """Round numbers from 0 to the highest value or above."""
    np.testing.assert_allclose(nice_ticks(highest), ticks)


@pytest.fixture
def plot(qtbot):
    widget = CountsPlot()
    qtbot.addWidget(widget)
    widget.resize(300, widget.height())
    widget.show()
    return widget


def fill(plot: CountsPlot, values) -> None:
    plot.set_values("Count in each image", [f"well_{i}.tif" for i in range(len(values))], values)


def middle(plot: CountsPlot, index: int) -> int:
    """Where the middle of a bar is, found as a user would: by looking."""
    at = [x for x in range(plot.width()) if plot.bar_at(x) == index]
    return at[len(at) // 2]


def picture(plot: CountsPlot) -> np.ndarray:
    """The pixels of the plot: rows, columns, red green blue."""
    image = plot.grab().toImage()
    rows = [[image.pixelColor(x, y).getRgb()[:3] for x in range(image.width())] for y in range(image.height())]
    return np.array(rows)


@pytest.mark.parametrize("n", [1, 4, 24, 200, 5000])
def test_bar_of_each_image_is_as_high_as_its_count(qtbot, plot, n):
    """Each image has its bar, as high as its count, which says its name and count and can be chosen."""
    values = [50.0] * n
    values[n // 2] = 100.0
    fill(plot, values)
    x = middle(plot, n // 2)
    assert plot.text(n // 2) == f"well_{n // 2}.tif: 100.0"
    pixels = picture(plot)
    background, bar = pixels[2, -2], pixels[75, x]
    assert not np.array_equal(background, bar)
    tall = (pixels[:, x] == bar).all(-1).sum()
    if n > 1:
        small = (pixels[:, middle(plot, 0)] == bar).all(-1).sum()
        assert small == pytest.approx(tall / 2, abs=3)
    with qtbot.waitSignal(plot.clicked) as clicked:
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, 90))
    assert clicked.args == [n // 2]


def test_image_without_a_count_has_a_name_and_no_bar(plot):
    """There is no bar, but a name; nothing is at the axis or without images."""
    fill(plot, [10, None, 30])
    assert plot.text(1) == "well_1.tif: not counted"
    pixels = picture(plot)
    assert len(np.unique(pixels[60:95, middle(plot, 1)], axis=0)) <= 2  # background and a grid line
    assert plot.bar_at(0) is None
    plot.set_value(1, 20)
    assert plot.text(1) == "well_1.tif: 20"
    assert (picture(plot) != pixels).any()
    fill(plot, [])
    assert plot.bar_at(100) is None
    plot.grab()


@pytest.mark.parametrize("n", [4, 5000])
def test_the_selected_bar_stands_out(plot, n):
    """It has a colour of its own, also among bars that are thinner than a pixel."""
    fill(plot, [50.0] * n)
    before = picture(plot)
    plot.set_selected(n // 2)
    assert (picture(plot) != before).any()
    plot.set_selected(None)
    assert (picture(plot) == before).all()


def test_colours_of_the_theme(plot):
    """Text and bars have the colours of the theme."""
    fill(plot, [50.0])
    for text, window in (("white", "black"), ("black", "white")):
        palette = plot.palette()
        palette.setColor(QPalette.ColorRole.WindowText, QColor(text))
        palette.setColor(QPalette.ColorRole.Window, QColor(window))
        plot.setPalette(palette)
        pixels = picture(plot)
        bright = pixels[75, middle(plot, 0)].mean() > pixels[2, -2].mean()
        assert bright == (text == "white")


def test_panel_is_hidden_until_something_is_counted(qtbot):
    """Hidden until something is counted; a time series has a second plot with its frames."""
    model, panel = ResultsModel(), CountsPanel()
    qtbot.addWidget(panel)
    panel.show()
    model.set_rows(["/data/a.tif", "/data/b.tif"], {})
    panel.set_rows(model)
    assert panel.isHidden()
    images, frames = panel.findChildren(CountsPlot)

    for i, tables in enumerate((counted(12), counted(10, 20, 30))):
        row = LedgerRow(model.locations[i], "done", tables=tables)
        model.take([FileFinished(i, row)])
        panel.set_count(i, row.counts)
    assert not panel.isHidden()
    assert [images.text(i) for i in range(2)] == ["a.tif: 12.0", "b.tif: 20.0"]
    assert "Mean count" in images.accessibleDescription()

    panel.set_selected(0)
    assert frames.accessibleDescription() == ": 0 of 0 frames counted"
    panel.set_selected(1)
    assert not frames.isHidden()
    assert [frames.text(i) for i in range(3)] == ["0: 10.0", "1: 20.0", "2: 30.0"]
    assert "b.tif: 3 of 3 frames" in frames.accessibleDescription()
    panel.set_selected(None)
    # Its place is kept.
    assert not frames.isHidden()
    assert frames.accessibleDescription() == ": 0 of 0 frames counted"


def test_whole_numbers_are_written_as_such(plot):
    """Objects are whole; a mean over frames among them is not."""
    fill(plot, [64, None, 75])
    assert [plot.text(i) for i in (0, 2)] == ["well_0.tif: 64", "well_2.tif: 75"]
    plot.set_value(1, 70.5)
    assert [plot.text(i) for i in (0, 1)] == ["well_0.tif: 64.0", "well_1.tif: 70.5"]
