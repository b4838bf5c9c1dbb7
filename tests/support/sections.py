"""Handles on one part of the window by itself."""

from pathlib import Path

from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.plan import Found, iter_plan
from napari_batch_prediction.widgets.parts.page import Page


def button(widget: QWidget, text: str) -> QPushButton:
    """Return the button with a text."""
    (found,) = (b for b in widget.findChildren(QPushButton) if b.text().startswith(text))
    return found


def summary(page: Page) -> str:
    """Return the state of a page in words."""
    return page.state


def first_file(section: QWidget) -> QLabel:
    """Return the text beside the label 'First file'."""
    (label,) = (one for one in section.findChildren(QLabel) if one.text() == "First file")
    return label.buddy()


def unexplained(widget: QWidget) -> list[str]:
    """Return the buttons that are disabled without a word why."""
    return [b.text() for b in widget.findChildren(QPushButton) if not b.isEnabled() and not b.toolTip()]


def drop(widget: QWidget, *paths: Path) -> bool:
    """Drop files as a file manager does; return whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, *how)
    QApplication.sendEvent(widget, enter)
    if enter.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, *how))
    return enter.isAccepted()


def check(section, classifier: Path, **fields):
    """Check what a section of inputs shows, as the window does; return the plan."""
    job = BatchJob(classifier=classifier, **section.value(), **fields)
    steps = iter_plan(job)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            section.set_plan(end.value)
            return end.value
        match step:
            case Found(given):
                section.begin_check(given)
            case Inspected():
                section.take_many([step])
