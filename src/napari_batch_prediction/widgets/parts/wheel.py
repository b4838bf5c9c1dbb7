"""The wheel over a window of controls: it scrolls, and changes no setting."""

from qtpy.QtCore import QChildEvent, QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QTabBar, QWidget


def let_wheel_scroll(root: QWidget) -> None:
    """Let the wheel scroll over all controls in a widget, also over those that are added and shown later.

    Lists to choose from, spin boxes, sliders and tabs pass the wheel on to what scrolls around them. That holds for the
    control that has the keyboard, too: who has chosen something in a list still points at it when scrolling on. The
    wheel gives the keyboard to no widget.
    """
    _Wheel(root).watch(root)


class _Wheel(QObject):
    """Watches the widgets of a window."""

    def watch(self, widget: QWidget) -> None:
        """Watch a widget and all widgets in it."""
        for each in (widget, *widget.findChildren(QWidget)):
            if each.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                each.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            # A second time has no effect.
            each.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take the wheel from controls, and notice new widgets."""
        if event is None:
            return False
        if event.type() == QEvent.Type.Wheel and _is_setting(watched):
            # Nobody has handled it: Qt goes on to the parent.
            event.ignore()
            return True
        # Earlier, as at ``ChildAdded``, the constructor of the child may not have ended.
        if event.type() == QEvent.Type.ChildPolished and isinstance(event, QChildEvent):
            child = event.child()
            if isinstance(child, QWidget) and not child.isWindow():
                self.watch(child)
        return False


def _is_setting(widget: QObject | None) -> bool:
    is_control = isinstance(widget, QComboBox | QAbstractSpinBox | QAbstractSlider | QTabBar)
    return is_control and not isinstance(widget, QScrollBar)
