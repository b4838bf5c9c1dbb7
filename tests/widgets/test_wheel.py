"""The wheel scrolls the window, and changes nothing in it."""

import pytest
from magicgui.widgets import FloatSlider, SpinBox
from qtpy.QtCore import QCoreApplication, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QScrollArea,
    QScrollBar,
    QSlider,
    QSpinBox,
    QTabBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.page import ScrollArea
from napari_batch_prediction.widgets.parts.wheel import let_wheel_scroll

CONTROLS = (QComboBox, QAbstractSpinBox, QAbstractSlider, QTabBar)


def turn(widget: QWidget, notches: int = -1) -> None:
    """Turn the wheel over the middle of a widget.

    Qt passes an event of a real wheel on to the parents until one takes it, and gives the keyboard to a widget whose
    policy says so; of events that a program sends it does neither, so that it is done here.
    """
    window = widget.window()
    place = widget.mapTo(window, widget.rect().center())
    under = window.childAt(place) or window
    if under.focusPolicy() == Qt.FocusPolicy.WheelFocus and under.isEnabled():
        under.setFocus()
    while under is not None:
        event = QWheelEvent(
            QPointF(under.mapFrom(window, place)),
            QPointF(window.mapToGlobal(place)),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        is_taken = QCoreApplication.sendEvent(under, event) and event.isAccepted()
        under = None if is_taken or under.isWindow() else under.parentWidget()


def controls(root: QWidget) -> list[QWidget]:
    """The controls of a window whose value a wheel could change."""
    found = [widget for kind in CONTROLS for widget in root.findChildren(kind)]
    return [widget for widget in found if not isinstance(widget, QScrollBar) and widget.isVisible()]


def values(root: QWidget) -> list[object]:
    """What every control of a window is set to."""
    found = []
    for control in controls(root):
        index = isinstance(control, QComboBox | QTabBar)
        is_typed = isinstance(control, QAbstractSpinBox)
        found.append(control.currentIndex() if index else control.text() if is_typed else control.value())
    return found


def wheel_over(root: QWidget, area: QScrollArea) -> None:
    """Turn the wheel over every control: no value changes, none gets the keyboard, and the page scrolls."""
    for control in controls(root):
        area.ensureWidgetVisible(control)
        QApplication.processEvents()
        bar = area.verticalScrollBar()
        notches = 1 if bar.value() == bar.maximum() else -1
        before, place, had = values(root), bar.value(), QApplication.focusWidget()
        for _ in range(3):
            turn(control, notches)
        assert values(root) == before, control
        assert bar.value() != place, control
        assert QApplication.focusWidget() is had, control


@pytest.fixture
def page(qtbot):
    """A page that scrolls, with a layout to put controls in."""
    area, content = QScrollArea(), QWidget()
    QVBoxLayout(content)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.resize(240, 160)
    qtbot.addWidget(area)
    return area


def fill(layout) -> None:
    """Add a control of each kind, and more below, so that the page is higher than the window."""
    combo, tabs = QComboBox(), QTabWidget()
    combo.addItems(["a", "b", "c"])
    for name in "abc":
        tabs.addTab(QWidget(), name)
    slider = QSlider(Qt.Orientation.Horizontal)
    made = [combo, QSpinBox(), SpinBox(value=3, max=9).native, slider, FloatSlider(value=0.5, max=1).native, tabs]
    for widget in made:
        layout.addWidget(widget)
        widget.setMinimumHeight(40)
    layout.addSpacing(600)


@pytest.mark.parametrize("later", [False, True], ids=["made before", "made later"])
def test_wheel_passes_over_controls_of_every_kind(qtbot, page, later):
    """Qt's controls and magicgui's, those in the window from the start and those that are added while it is shown."""
    layout = page.widget().layout()
    if later:
        let_wheel_scroll(page)
        page.show()
        qtbot.waitExposed(page)
    inner = QWidget()
    fill(QVBoxLayout(inner))
    layout.addWidget(inner)
    if not later:
        let_wheel_scroll(page)
        page.show()
    qtbot.waitUntil(lambda: page.verticalScrollBar().maximum() > 0)
    assert len(controls(page)) >= 6
    wheel_over(page, page)


def test_control_with_the_keyboard_passes_the_wheel_on_too(qtbot, page):
    """After a choice the pointer is still over the list; its arrow keys work."""
    fill(page.widget().layout())
    let_wheel_scroll(page)
    page.show()
    (combo,) = page.findChildren(QComboBox)
    combo.setFocus()
    turn(combo)
    assert combo.currentIndex() == 0
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert combo.currentIndex() == 1


def test_wheel_over_each_control_of_the_window_scrolls_it(qtbot, window, case):
    """On every page, with everything unfolded, no notch changes a setting."""
    folder = case("a_2d_u8")
    inputs = (str(folder / "test1.png"),)
    (project,) = folder.glob("*.ilp")
    window.check(BatchJob(classifier=project, inputs=inputs, exports=(Export(), Export(source="Features"))))
    window.widget.resize(400, 320)
    for fold in window.widget.findChildren(Fold):
        fold.unfold()
    window.show_page("Export")
    QApplication.processEvents()
    assert len(controls(window.widget)) > 5
    before = values(window.widget)
    inside = window.widget.findChild(ExportsSection)
    (area,) = inside.findChildren(ScrollArea)
    wheel_over(area, area)
    window.show_page("Images")
    for control in controls(window.widget):
        turn(control)
    window.show_page("Export")
    assert values(window.widget) == before
