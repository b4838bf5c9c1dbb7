"""The part of the window that chooses the classifier and says what it is."""

from collections.abc import Generator
from html import escape
from pathlib import Path

from magicgui.types import FileDialogMode
from magicgui.widgets import FileEdit
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QLabel

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.widgets.message import Message
from napari_batch_prediction.widgets.section import Section
from napari_batch_prediction.widgets.work import Failure, ShouldCancel, Task

# A path that is being typed is read once the typing pauses.
PAUSE_MS = 300


class ClassifierSection(Section):
    """A file, by name, by dialog or dropped, and below it the classifier in it or why there is none.

    Attributes
    ----------
    changed
        Another file is chosen.
    loaded
        What the file holds became known.
    classifier
        The classifier in the file; None as long as there is none.
    problem
        Why there is none, in words; empty if there is one.
    """

    changed = Signal()
    loaded = Signal()

    def __init__(self) -> None:
        super().__init__("Classifier", takes_files=True)
        self.classifier: Classifier | None = None
        self.problem = ""
        self._task: Task | None = None

        self._file = FileEdit(mode=FileDialogMode.EXISTING_FILE, filter="ilastik projects (*.ilp)")
        self._file.choose_btn.text = "Browse"
        self._file.choose_btn.tooltip = "Choose an ilastik project."
        line = self._file.line_edit.native
        line.setPlaceholderText("ilastik project (.ilp)")
        line.setAcceptDrops(False)
        self._file.line_edit.changed.connect(self._on_path)
        self.files_dropped.connect(lambda paths: self.setValue(paths[0]))

        self._card = QLabel()
        self._card.setTextFormat(Qt.TextFormat.RichText)
        self._card.setWordWrap(True)
        self._message = Message()
        self.body.addWidget(self._file.native)
        self.body.addWidget(self._card)
        self.body.addWidget(self._message)

        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._load)
        self._become(None, "Choose a classifier.")

    def value(self) -> Path | None:
        """Return the file chosen; None if there is none."""
        text = self._file.line_edit.value.strip()
        return Path(text) if text else None

    def setValue(self, path: Path | None) -> None:
        """Choose a file, or none."""
        # The value of FileEdit would become absolute; a job keeps its path as it was given.
        self._file.line_edit.value = "" if path is None else str(path)

    def _on_path(self, text: str) -> None:
        self._file.line_edit.tooltip = text
        if self._task is not None:
            self._task.drop()
        self._pause.stop()
        if self.value() is None:
            self._become(None, "Choose a classifier.")
        else:
            self._become(None, "The classifier is being read.")
            self._pause.start()
        self.changed.emit()

    def _load(self) -> None:
        path = self.value()

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            if path is not None:
                yield load_classifier(path)

        self._task = Task(work, self)
        self._task.yielded.connect(self._on_loaded)
        self._task.start()

    def _on_loaded(self, result: Classifier | Failure) -> None:
        if isinstance(result, Failure):
            self._become(None, *result)
        else:
            self._become(result, "")
        self.loaded.emit()

    def _become(self, classifier: Classifier | None, problem: str, trace: str = "") -> None:
        self.classifier, self.problem = classifier, problem
        if classifier is not None:
            self._card.setText(_card(classifier))
            self._card.setToolTip(_tooltip(classifier))
        self._card.setVisible(classifier is not None)
        self._message.say(problem, trace)
        path = self.value()
        self.set_summary(path.name if path is not None else "")


def _card(classifier: Classifier) -> str:
    """Return the classifier in two lines: what it is made for, and its classes in their colours."""
    channels = "1 channel" if classifier.n_channels == 1 else f"{classifier.n_channels} channels"
    dimensions = ("3D" if "z" in classifier.axes else "2D") + (" + time" if "t" in classifier.axes else "")
    classes = " &nbsp; ".join(
        f'<span style="color: rgb{color}">\u25a0</span>&nbsp;{escape(name).replace(" ", "&nbsp;")}'
        for name, color in zip(classifier.classes, classifier.class_colors, strict=True)
    )
    return (
        f"{escape(classifier.workflow)} \u00b7 {channels} \u00b7 {dimensions} ({escape(classifier.axes)})<br>{classes}"
    )


def _tooltip(classifier: Classifier) -> str:
    rows = "".join(
        f"<tr><td>{escape(heading)}:&nbsp;</td><td>{escape(str(text))}</td></tr>"
        for heading, text in classifier.summary().items()
    )
    return f"<table>{rows}</table>"
