"""Boxes to tick for the sources of a classifier."""

import re
from collections.abc import Collection

from magicgui.widgets import CheckBox
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget
from superqt import QFlowLayout

from napari_batch_prediction.classifiers.base import COUNTS, Classifier, Source

# A source of one stage of several, or of all.
_STAGED = re.compile(r"(?P<source>.+) (?P<stage>Stage \d+|All Stages)")


class SourceBoxes(QWidget):
    """A box for each source; the boxes of a stage stand together behind its name.

    Attributes
    ----------
    ticked
        The user has ticked or unticked a box.
    boxes
        The boxes by the names of their sources.
    """

    ticked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.boxes: dict[str, CheckBox] = {}
        self._groups: dict[str, _Group] = {}
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setVerticalSpacing(4)
        self._layout.setHorizontalSpacing(8)
        self._layout.setColumnStretch(1, 1)

    def lay(self, names: list[str]) -> None:
        """Make a box for each of these sources, in their order."""
        if list(self.boxes) == names:
            return
        old, self.boxes = self.boxes, {}
        for group in self._groups.values():
            group.leave(self._layout)
            for box in old.values():
                group.flow.removeWidget(box.native)
        row = 0
        for name in names:
            staged = _STAGED.fullmatch(name)
            text, stage = (staged["source"], staged["stage"]) if staged else (name, "")
            if stage not in self._groups:
                self._groups[stage] = _Group(stage)
            group = self._groups[stage]
            if not group.laid:
                group.lay(self._layout, row)
                row += 1
            box = old.pop(name) if name in old else CheckBox(text=text)
            if box.native.parent() is None:
                box.changed.connect(lambda _: self.ticked.emit())
                box.native.setAccessibleName(name)
            group.flow.addWidget(box.native)
            box.native.show()
            self.boxes[name] = box
        for group in self._groups.values():
            group.flow.update()  # which does not notice what is added
        for box in old.values():
            # Deleted later, because its own click may remove it.
            box.native.hide()
            box.native.deleteLater()

    def tick(self, names: Collection[str]) -> None:
        """Tick the boxes of these sources and no others, without a signal."""
        for name, box in self.boxes.items():
            with box.changed.blocked():
                box.value = name in names

    def ticks(self) -> list[str]:
        """Return the sources that are ticked, in their order."""
        return [name for name, box in self.boxes.items() if box.value]


class _Group:
    """The boxes of one stage, behind its name."""

    def __init__(self, stage: str) -> None:
        self.laid = False
        self._label = QLabel(stage) if stage else None
        self._boxes = QWidget()
        self.flow = QFlowLayout(self._boxes)
        self.flow.setContentsMargins(0, 0, 0, 0)
        self.flow.setHorizontalSpacing(12)

    def lay(self, grid: QGridLayout, row: int) -> None:
        """Enter a row of a grid: names of stages in one column, boxes in another."""
        self.laid = True
        if self._label is None:
            grid.addWidget(self._boxes, row, 0, 1, 2)
        else:
            grid.addWidget(self._label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self._boxes, row, 1)
            self._label.show()
        self._boxes.show()

    def leave(self, grid: QGridLayout) -> None:
        """Leave the grid."""
        self.laid = False
        for widget in filter(None, (self._label, self._boxes)):
            widget.hide()
            grid.removeWidget(widget)


def default_sources(classifier: Classifier) -> list[Source]:
    """Return the sources that are ticked by default: the first one, and counts."""
    sources = [classifier.source(name) for name in classifier.sources]
    return [source for i, source in enumerate(sources) if not i or source.name == COUNTS]
