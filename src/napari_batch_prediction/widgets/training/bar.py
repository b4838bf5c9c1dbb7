"""The bar at the bottom: Live, the state of the training, and what is done with the classifier."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_batch_prediction.session.training.session import NO_IMAGES, TrainingSession
from napari_batch_prediction.session.training.state import Due, Failed, Idle, Showing, Shown, Training, Waiting
from napari_batch_prediction.widgets.help import HelpButton
from napari_batch_prediction.widgets.parts.message import Message

LIVE = "After each stroke train, and predict what is on the canvas."


class TrainingBar(QWidget):
    """The switch Live, two lines on the state, and buttons.

    Attributes
    ----------
    live_changed
        The switch was used; emitted with its state.
    save_clicked, open_clicked, report_clicked, predict_clicked
        A button was pressed.
    """

    live_changed = Signal(bool)
    save_clicked = Signal()
    open_clicked = Signal()
    report_clicked = Signal()
    predict_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._live = QCheckBox("Live")
        self._live.setToolTip(LIVE)
        self._state = Message(lines=2)
        self._save = QPushButton("Save as...")
        self._open = QPushButton("Open...")
        self._open.setToolTip("Go on with a Pixel Classification project: its images, labels, classes and features.")
        self._report = QPushButton("Report...")
        self._predict = QPushButton("Predict many images...")
        self._tips = {
            self._save: "Save classifier, labels and features as an ilastik project (.ilp).",
            self._report: "How good the classifier is: which classes it mixes up, which features matter.",
            self._predict: "Take this classifier to the window Batch Prediction, saved or not.",
        }
        for signal, button in (
            (self.save_clicked, self._save),
            (self.open_clicked, self._open),
            (self.report_clicked, self._report),
            (self.predict_clicked, self._predict),
        ):
            button.clicked.connect(signal)
        self._live.toggled.connect(self.live_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.setSpacing(4)
        top, middle, last = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row in (top, middle):
            row.setSpacing(4)
        top.addWidget(self._live, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self._state, 1)
        for button in (self._save, self._open, self._report):
            middle.addWidget(button, 1)
        layout.addLayout(top)
        layout.addLayout(middle)
        last.addWidget(self._predict, 1)
        last.addWidget(HelpButton(self, "training.md"))
        layout.addLayout(last)
        self.set_problem(NO_IMAGES)

    def value(self) -> bool:
        """Return True if it is live."""
        return self._live.isChecked()

    def setValue(self, live: bool) -> None:
        """Switch Live."""
        self._live.setChecked(live)

    def set_problem(self, reason: str) -> None:
        """Say why there can be no classifier; an empty reason means that there can be one."""
        for button, tip in self._tips.items():
            button.setEnabled(not reason)
            button.setToolTip(reason or tip)

    def say(self, text: str) -> None:
        """Show a sentence until the state changes."""
        self._state.say(text)

    def show_state(self, session: TrainingSession, unseen: str) -> None:
        """Show the state of a session, and why what is on the canvas cannot be predicted, if it cannot."""
        self._state.say(state_text(session, unseen), kind="problem" if isinstance(session.state, Failed) else None)
        self.set_problem(session.problem)


def state_text(session: TrainingSession, unseen: str) -> str:
    """Return the state of a session in words."""
    state = session.state
    match state:
        case Waiting(reason):
            return reason
        case Failed(failure):
            return failure.reason
        case Training(_, notice) | Showing(_, notice) if notice:
            return notice
        case Due() | Training():
            return "Training ..."
        case Showing():
            return "Predicting what is on the canvas ..."
        case Shown() if unseen:
            return unseen
        case Shown() if session.result is not None:
            return f"{session.result.n_examples:,} labelled pixels, {session.seconds:.2f} s{_accuracy(session)}"
        case Idle() if session.result is not None and session.current is None:
            return "Live is off; labels have changed since."
        case _:
            return "Live is off."


def _accuracy(session: TrainingSession) -> str:
    accuracy = session.result.accuracy if session.result is not None else None
    return f"\n{accuracy:.1%} of them right: see Report" if accuracy is not None else ""
