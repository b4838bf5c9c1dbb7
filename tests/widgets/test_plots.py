"""Quantities of images as bars, and bars as pictures."""

import numpy as np
import pytest
from counted import areas, counted, found
from plot_panels import begin, choices, pick
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor, QImage, QPalette
from qtpy.QtWidgets import QFileDialog, QMessageBox, QPushButton, QTextEdit

from napari_batch_prediction.records.events import FileFinished
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.results.drawing import Chart, nice_ticks, telling_parts, ticks_between
from napari_batch_prediction.widgets.results.model import ResultsModel
from napari_batch_prediction.widgets.results.picture import save_picture
from napari_batch_prediction.widgets.results.plot import Plot
from napari_batch_prediction.widgets.results.plot_panel import PlotPanel
from napari_batch_prediction.widgets.results.quantities import COUNT, Quantity

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
    widget = Plot()
    qtbot.addWidget(widget)
    widget.resize(300, widget.height())
    widget.show()
    return widget


def fill(plot: Plot, values) -> None:
    plot.show_chart(chart(values), lambda i: f"well_{i}.tif: {values[i]}", "")


def chart(values, selected: int | None = None) -> Chart:
    heights = np.array(values, float)
    front = np.array([height if i == selected else np.nan for i, height in enumerate(heights)])
    names = [f"well_{i}.tif" for i in range(len(values))]
    return Chart(title="Count in each image", heights=heights, front=front, names=names)


def middle(plot: Plot, index: int) -> int:
    """Where the middle of a bar is, found as a user would: by looking."""
    at = [x for x in range(plot.width()) if plot.bar_at(x) == index]
    return at[len(at) // 2]


def picture(plot: Plot) -> np.ndarray:
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


NAMES = {
    "a number": (["nuclei_01.ome.tif", "nuclei_02.ome.tif"], ["01", "02"]),
    "whole numbers": (["well_10.png", "well_11.png"], ["10", "11"]),
    "whole words": (["treated.png", "treatment.png"], ["treated", "treatment"]),
    "the middle": (["1_A2_dapi.tif", "1_B2_dapi.tif"], ["A", "B"]),
    "one that begins like all others": (["a.tif", "a_b.tif"], ["a", "a_b"]),
    "the same name in other folders": (["a.tif", "a.tif"], ["a", "a"]),
    "types": (["a.tif", "a.png"], ["tif", "png"]),
    "frames": (["0", "1", "10"], ["0", "1", "10"]),
    "one": (["well_1.tif"], ["well_1.tif"]),
    "none": ([], []),
}


@pytest.mark.parametrize(("names", "parts"), NAMES.values(), ids=NAMES)
def test_names_are_cut_to_what_tells_them_apart(names, parts):
    """What all names share at the beginning and the end is left out."""
    assert telling_parts(names) == parts


def test_names_below_the_bars_tell_images_apart(plot):
    """Where whole names have no room, as with six bars in the least width of the dock."""
    names = [f"experiment_{i}.ome.tif" for i in range(6)]
    plot.show_chart(Chart(heights=np.ones(6), front=np.full(6, np.nan), names=names), names.__getitem__, "")
    pixels = picture(plot)
    below = [pixels[-14:, middle(plot, i) - 20 : middle(plot, i) + 20] for i in range(6)]
    assert len({each.tobytes() for each in below}) == 6
    assert plot.text(5) == "experiment_5.ome.tif"


def test_image_without_a_value_has_no_bar(plot):
    """There is no bar; nothing is at the axis or without images."""
    fill(plot, [10, np.nan, 30])
    assert plot.text(1) == "well_1.tif: nan"
    pixels = picture(plot)
    assert len(np.unique(pixels[60:95, middle(plot, 1)], axis=0)) <= 2  # background and a grid line
    assert plot.bar_at(0) is None
    fill(plot, [10, 20, 30])
    assert (picture(plot) != pixels).any()
    fill(plot, [])
    assert plot.bar_at(100) is None
    plot.grab()


@pytest.mark.parametrize("n", [4, 5000])
def test_the_selected_bar_stands_out(plot, n):
    """It has a colour of its own, also among bars that are thinner than a pixel."""
    fill(plot, [50.0] * n)
    before = picture(plot)
    plot.show_chart(chart([50.0] * n, n // 2), str, "")
    assert (picture(plot) != before).any()
    fill(plot, [50.0] * n)
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


@pytest.fixture
def panel(qtbot):
    widget = PlotPanel(ResultsModel())
    qtbot.addWidget(widget)
    widget.resize(300, 300)
    widget.show()
    return widget


def end(panel: PlotPanel, *tables) -> None:
    """Let images end with these tables."""
    model = panel.model
    for i, each in enumerate(tables):
        model.take([FileFinished(i, LedgerRow(model.locations[i], "done", tables=each))])
    panel.note_ends(range(len(tables)))


def test_panel_is_hidden_until_something_is_counted(panel):
    """Hidden until something is counted; a time series has a second plot with its frames."""
    images, frames = begin(panel, ["/data/a.tif", "/data/b.tif"])
    assert panel.isHidden()
    end(panel, counted(12), counted(10, 20, 30))
    assert not panel.isHidden()
    assert choices(panel) == ["Count"]
    assert [images.text(i) for i in range(2)] == ["a.tif: 12.0", "b.tif: 20.0"]
    assert images.accessibleDescription() == "Mean count in each image: 2 of 2 images counted"

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


def test_place_is_kept_if_the_classifier_counts(panel):
    """Before a run there is a place for counts, and nothing to save."""
    panel.set_counting(True)
    assert not panel.isHidden()
    assert choices(panel) == ["Count"]
    assert not panel.findChild(QPushButton).isEnabled()
    panel.set_counting(False)
    assert panel.isHidden()


def test_whole_numbers_are_written_as_such(panel):
    """Objects are whole; a mean over frames among them is not. What has not ended is not counted."""
    images, _ = begin(panel, ["a", "b", "c"])
    end(panel, found(64), found(75))
    assert [images.text(i) for i in range(3)] == ["a: 64", "b: 75", "c: not counted"]
    assert images.accessibleDescription() == "Count in each image: 2 of 3 images counted"
    end(panel, found(64), found(75, 76))
    assert [images.text(i) for i in range(2)] == ["a: 64.0", "b: 75.5"]


def test_shares_of_classes_as_bars(panel, qtbot):
    """A list says what the bars show: the count, or the share of a class, in each image and in each frame."""
    images, frames = begin(panel, ["a.tif", "b.tif"])
    shares = areas(("bg", "cell"), (0.75, 0.25)), areas(("bg", "cell"), (0.5, 0.5), (0.9, 0.1), (None, None))
    end(panel, shares[0] | found(3), shares[1] | found(1, 2, 0))
    assert choices(panel) == ["Count", "Share of bg", "Share of cell"]
    assert panel.chosen() == COUNT
    with qtbot.waitSignal(panel.quantity_chosen) as chosen:
        pick(panel, "Share of cell")
    assert chosen.args == [Quantity("cell", 1)]
    assert [images.text(i) for i in range(2)] == ["a.tif: 25.0 %", "b.tif: 30.0 %"]
    assert images.accessibleDescription() == "Mean share of cell in each image, in %: 2 of 2 images measured"
    panel.set_selected(1)
    assert [frames.text(i) for i in range(3)] == ["0: 50.0 %", "1: 10.0 %", "2: not measured"]
    # What is chosen stays for the next run.
    images, _ = begin(panel, ["c.tif"])
    end(panel, areas(("bg", "cell"), (0.1, 0.9)))
    assert images.text(0) == "c.tif: 90.0 %"


def test_row_that_is_selected_may_not_be_in_the_next_run(panel):
    """A run of fewer images that have the same quantities begins while the last row of the one before is selected."""
    images, _ = begin(panel, ["a", "b"])
    end(panel, found(1), found(2))
    panel.set_selected(1)
    panel.model.set_rows(["c"], {}, [COUNT])
    assert images.text(0) == "c: not counted"
    panel.set_rows()
    panel.set_selected(0)
    assert images.accessibleDescription() == "Count in each image: 0 of 1 images counted"


def test_share_of_the_first_class_that_is_not_background(panel):
    """It is shown at first, if nothing is counted."""
    begin(panel, ["a"])
    end(panel, areas(("Background", "cell", "cell"), (0.5, 0.3, 0.2)))
    assert panel.chosen() == Quantity("cell", 1)
    # Classes of the same name are not mixed up.
    assert [panel.model.values(0, Quantity("cell", i)) for i in (1, 2)] == [[30.0], [20.0]]


def image_of(path) -> np.ndarray:
    """The pixels of a picture, as a program that shows pictures draws it."""
    picture = QImage(str(path))
    assert not picture.isNull()
    picture = picture.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(picture.constBits().asarray(picture.sizeInBytes()), np.uint8)
    return rows.reshape(picture.height(), picture.bytesPerLine())[:, : 3 * picture.width()].copy()


@pytest.fixture
def saved(panel, monkeypatch, tmp_path):
    """A function that presses the button and answers the dialog with a name and a filter; it returns what was asked."""

    def save(name: str, wanted: str = "PNG (*.png)", answer=QMessageBox.StandardButton.No) -> list[str]:
        asked = []
        path = str(tmp_path / name) if name else ""
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: asked.append(a[2]) or (path, wanted))
        monkeypatch.setattr(QMessageBox, "question", lambda *a: asked.append(a[2]) or answer)
        panel.findChild(QPushButton).click()
        return asked

    begin(panel, ["a.tif", "b.tif"])
    end(panel, areas(("bg", "a/b"), (0.75, 0.25)), areas(("bg", "a/b"), (0.5, 0.5)))
    panel.set_file(tmp_path / "nuclei")
    return save


@pytest.mark.parametrize("suffix", ["", ".png"])
def test_name_that_is_too_long_is_said(panel, saved, suffix):
    """Also one that lacks its suffix, for which it is looked whether a file is there."""
    saved("n" * 300 + suffix)
    assert "too long" in panel.findChild(QTextEdit).toPlainText()


def test_picture_is_saved_beside_the_outputs(panel, saved, tmp_path):
    """Its name is that of the classifier and of what is shown; the picture is white, and of twice the pixels."""
    assert saved("") == [str(tmp_path / "nuclei_Share of a_b.png")]
    assert not list(tmp_path.iterdir())
    saved("p.png")
    palette = panel.palette()
    for role, color in ((QPalette.ColorRole.Window, "black"), (QPalette.ColorRole.WindowText, "white")):
        palette.setColor(role, QColor(color))
    panel.setPalette(palette)
    saved("q", "PNG (*.png)")
    pixels = image_of(tmp_path / "p.png")
    assert pixels.shape == (2 * (260 + 2 * 12), 3 * 2 * (640 + 2 * 12))
    assert pixels[:20].min() == 255
    # Some of it is text and bars.
    assert 0.5 < (pixels == 255).mean() < 0.98
    np.testing.assert_array_equal(pixels, image_of(tmp_path / "q.png"))


def test_picture_as_svg(panel, saved, tmp_path):
    """Texts stay texts, and it can be drawn."""
    saved("p", "SVG (*.svg)")
    text = (tmp_path / "p.svg").read_text()
    assert "Share of a/b in each image, in %" in text
    assert "b.tif" in text
    assert (image_of(tmp_path / "p.svg") == 255).mean() > 0.5


def test_nothing_is_replaced_unasked(panel, saved, tmp_path):
    """The dialog asks about the name that it knows; about one with an ending that was left out there is a question."""
    (tmp_path / "p.png").write_text("mine")
    assert saved("p")[1] == "p.png is there already. Replace it?"
    assert (tmp_path / "p.png").read_text() == "mine"
    saved("p", answer=QMessageBox.StandardButton.Yes)
    assert (tmp_path / "p.png").read_bytes()[1:4] == b"PNG"
    assert "Saved as" in panel.findChild(QTextEdit).toPlainText()


def test_picture_that_cannot_be_written(panel, saved, tmp_path):
    """The reason is said."""
    (tmp_path / "folder.png").mkdir()
    saved("folder.png")
    assert "folder.png cannot be" in panel.findChild(QTextEdit).toPlainText()


def test_frames_are_in_the_picture(panel, tmp_path):
    """Two charts are one below the other."""
    save_picture(tmp_path / "one.png", [chart([1.0])], panel.font())
    save_picture(tmp_path / "two.png", [chart([1.0]), chart([1.0, 2.0])], panel.font())
    one, two = image_of(tmp_path / "one.png"), image_of(tmp_path / "two.png")
    np.testing.assert_array_equal(two[: len(one) - 24], one[:-24])
    assert len(two) == 2 * len(one) - 24
    assert two[len(one) :].min() < 255


LABELS = {
    "whole numbers": ((0.0, 1500.0, 4), ["0", "500", "1,000", "1,500"]),
    "below zero": ((-1.5, 1.5, 3), ["-1", "0", "1"]),
    "close together": ((100.001, 100.004, 4), ["100.001", "100.002", "100.003", "100.004"]),
    "whole numbers, few": ((6.5, 7.5, 4, 1), ["7"]),
    "huge": ((0.0, 4e9, 4), ["0", "1e+09", "2e+09", "3e+09", "4e+09"]),
}


@pytest.mark.parametrize(("between", "labels"), LABELS.values(), ids=LABELS)
def test_labels_of_an_axis(between, labels):
    """Round values, with as many digits as tell them apart."""
    assert [label for _, label in ticks_between(*between)] == labels
