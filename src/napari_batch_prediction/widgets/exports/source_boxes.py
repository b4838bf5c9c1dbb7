"""Boxes to tick for what a classifier can export."""

import re

from magicgui.widgets import CheckBox
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget
from superqt import QFlowLayout

# A source of one stage of several, or of all.
_STAGED = re.compile(r"(?P<source>.+) (?P<stage>Stage \d+|All Stages)")


class SourceBoxes(QWidget):
    """A box for each source. Those of one stage stand together behind its name.

    Attributes
    ----------
    ticked
        The user ticked a box, or took its tick away.
    boxes
        The boxes by the names of their sources.
    """

    ticked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.boxes: dict[str, CheckBox] = {}
        self._groups: dict[str, _Group] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)

    def lay(self, names: list[str]) -> None:
        """Have a box for each of these sources, in their order."""
        if list(self.boxes) == names:
            return
        old, self.boxes = self.boxes, {}
        for group in self._groups.values():
            group.hide()
            self._layout.removeWidget(group)
            for box in old.values():
                group.flow.removeWidget(box.native)
        for name in names:
            staged = _STAGED.fullmatch(name)
            text, stage = (staged["source"], staged["stage"]) if staged else (name, "")
            if stage not in self._groups:
                self._groups[stage] = _Group(stage)
            group = self._groups[stage]
            if group.isHidden():
                self._layout.addWidget(group)
                group.show()
            box = old.pop(name) if name in old else CheckBox(text=text)
            if box.native.parent() is None:
                box.changed.connect(lambda _: self.ticked.emit())
                box.native.setAccessibleName(name)
            group.flow.addWidget(box.native)
            box.native.show()
            self.boxes[name] = box
        for box in old.values():
            # Later, because it may be its own click that removes it.
            box.native.hide()
            box.native.deleteLater()

    def ticks(self) -> list[str]:
        """Return the sources that are ticked, in their order."""
        return [name for name, box in self.boxes.items() if box.value]


class _Group(QWidget):
    """The boxes of one stage."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.hide()
        boxes = QWidget()
        self.flow = QFlowLayout(boxes)
        self.flow.setContentsMargins(0, 0, 0, 0)
        self.flow.setHorizontalSpacing(12)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        if stage:
            label = QLabel(stage)
            # The stages stand in line.
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance("All Stages  "))
            layout.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(boxes, 1)
