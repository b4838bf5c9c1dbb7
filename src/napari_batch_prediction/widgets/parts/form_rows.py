"""Rows of a form: a label, a control, and the reason why it is off."""

from collections.abc import Mapping, Sequence

from magicgui.widgets import ComboBox, LineEdit
from qtpy.QtCore import Qt
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

_NARROW = 60

# The longest label of any form.
_WIDEST = "Core threshold "


class Row:
    """A label and a control, which may have other controls beside it.

    Parameters
    ----------
    form
        The form that the row is added to.
    text
        The label. A box to tick has its own, and takes the whole row.
    controls
        The controls. Buttons take no more room than they need.
    tip
        The tooltip: their effect.
    """

    def __init__(self, form: QFormLayout, text: str, controls: Sequence[QWidget], tip: str) -> None:
        label = QLabel(text)
        # The controls of forms below one another stand in line.
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance(_WIDEST))
        label.setBuddy(controls[0])
        self._widgets = (label, *controls)
        self._tips = [tip, *(control.toolTip() or tip for control in controls)]
        if isinstance(controls[0], QCheckBox):
            self._widgets, self._tips = (controls[0],), [tip]
            form.addRow(controls[0])
        elif len(controls) == 1:
            form.addRow(label, controls[0])
        else:
            line = QHBoxLayout()
            line.setSpacing(4)
            for control in controls:
                line.addWidget(control, 0 if isinstance(control, QPushButton) else 1)
            form.addRow(label, line)
        self.set_off("")

    def set_off(self, reason: str) -> None:
        """Switch the row off and say why; an empty reason switches it on."""
        for widget, tip in zip(self._widgets, self._tips, strict=True):
            widget.setEnabled(not reason)
            widget.setToolTip(reason or tip)


def make_form(parent: QWidget) -> QFormLayout:
    """Return an empty form that fills a widget and uses all of its width."""
    form = QFormLayout(parent)
    form.setContentsMargins(0, 0, 0, 0)
    form.setSpacing(4)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


def combo(choices: Sequence[tuple[str, str]]) -> ComboBox:
    """Return a list to choose from that may be narrower than its texts."""
    box = ComboBox(choices=list(choices))
    box.native.setSizeAdjustPolicy(box.native.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.native.setMinimumWidth(_NARROW)
    return box


def line(placeholder: str = "") -> LineEdit:
    """Return a line to type in."""
    box = LineEdit()
    box.native.setPlaceholderText(placeholder)
    box.native.setMinimumWidth(40)
    box.native.setAcceptDrops(False)
    return box


def choose(box: ComboBox, value: str) -> None:
    """Choose a value in a list, without a signal."""
    with box.changed.blocked():
        box.value = value


def set_choices(box: ComboBox, choices: Sequence[tuple[str, str]], value: str) -> None:
    """Offer other choices and choose one of them, without a signal."""
    with box.changed.blocked():
        if list(zip(_texts(box), box.choices, strict=True)) != list(choices):
            box.choices = list(choices)
        box.value = value


def _texts(box: ComboBox) -> list[str]:
    return [box.native.itemText(i) for i in range(box.native.count())]


def set_tooltips(box: ComboBox, about: Mapping[str, str], reasons: Mapping[str, str]) -> None:
    """Show what each choice is as its tooltip; switch off the choices that have a reason, and show that instead."""
    model = box.native.model()
    if not isinstance(model, QStandardItemModel):
        return
    for i, value in enumerate(box.choices):
        item = model.item(i)
        if item is not None:
            reason = reasons.get(str(value), "")
            item.setEnabled(not reason)
            item.setToolTip(reason or about.get(str(value), ""))


def type_in(box: LineEdit, text: str) -> None:
    """Set the text of a line, without a signal and, if it is there already, without moving the cursor."""
    if box.value != text:
        with box.changed.blocked():
            box.value = text
