"""What has the keyboard is seen, and nothing moves by it."""

import pytest
from napari._qt.qt_resources import get_stylesheet
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QPushButton, QTableView, QVBoxLayout, QWidget

from napari_batch_prediction.widgets.parts.colors import color_of
from napari_batch_prediction.widgets.parts.focus import focus_style
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.message import BAR_PX, Message

KINDS = {"button": QPushButton, "list": QComboBox, "line": QLineEdit, "table": QTableView}


@pytest.fixture(params=["dark", "light"])
def window(qtbot, request):
    """A window in one of napari's themes."""
    outer = QWidget()
    outer.setStyleSheet(get_stylesheet(request.param))
    inner = QWidget(outer)
    inner.setStyleSheet(focus_style(request.param))
    QVBoxLayout(outer).addWidget(inner)
    QVBoxLayout(inner)
    qtbot.addWidget(outer)
    yield inner
    del outer  # kept until here


def contrast(one: QColor, other: QColor) -> float:
    """The contrast of two colours as WCAG 2 defines it."""

    def luminance(color: QColor) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_control_with_the_focus_has_a_border_of_another_colour(window, qtbot, kind):
    """An edge of another colour appears, readable in both themes; size and content stay where they are."""
    control = kind()
    window.layout().addWidget(control)
    other = QPushButton("other")
    window.layout().addWidget(other)
    window.window().show()
    window.window().activateWindow()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus)
    before, size, place = control.grab().toImage(), control.sizeHint(), control.geometry()
    control.setFocus()
    qtbot.waitUntil(control.hasFocus)
    QApplication.processEvents()
    after = control.grab().toImage()
    assert (control.sizeHint(), control.geometry()) == (size, place)
    edge = before.width() // 2, before.height() - 1
    assert contrast(after.pixelColor(*edge), before.pixelColor(*edge)) >= 3
    if kind is not QLineEdit:
        # Where there is a cursor, it blinks.
        middle = before.copy(2, 2, before.width() - 4, before.height() - 4)
        assert after.copy(2, 2, before.width() - 4, before.height() - 4) == middle


def test_heading_with_the_focus_is_underlined(window, qtbot):
    """The heading of a fold is underlined, where a border would be cut."""
    section = Fold("Image settings")
    window.layout().addWidget(section)
    window.window().show()
    window.window().activateWindow()
    (heading,) = section.findChildren(QPushButton)
    before, size = heading.grab().toImage(), heading.sizeHint()
    heading.setFocus()
    qtbot.waitUntil(heading.hasFocus)
    assert heading.grab().toImage() != before
    assert heading.sizeHint() == size


@pytest.mark.parametrize("kind", ["problem", "warning", None])
def test_a_problem_is_told_from_a_hint(window, kind):
    """At the left of what is wrong stands a bar in its colour, of a contrast that is seen; not so of a hint."""
    message = Message()
    window.layout().addWidget(message)
    message.say("The file is torn.", kind=kind)
    window.window().show()
    picture = message.grab().toImage()
    bar, background = picture.pixelColor(BAR_PX // 2, 1), picture.pixelColor(picture.width() - 1, 1)
    if kind is None:
        assert bar == background
    else:
        assert bar in (color_of(kind, dark=True), color_of(kind, dark=False))
        assert contrast(bar, background) >= 3
