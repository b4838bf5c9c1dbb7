"""The buttons below the table of results."""

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction, QResizeEvent
from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget
from superqt.utils import QFlowLayout

from napari_batch_prediction.records.ledger import BAD, Ledger
from napari_batch_prediction.records.record import SUFFIX
from napari_batch_prediction.widgets.parts.menu_button import MenuButton

NEXT_KEY, PREVIOUS_KEY = ".", ","
"""Keys that select the next or previous row, in the results and over the canvas. napari uses neither."""

RUNNING = "A run is under way. Wait for its end, or cancel it."
NO_RECORD = "This run has no ledger on disk, as it wrote no files."
NOT_LISTED = f"{NO_RECORD} To run its images again, add them on the page Images."

# The longest text of the button that resumes, so that its neighbours stay where they are.
RESUME_ANY, RESUME_THIS = "Resume a run...", "Resume this run"

COPIES = {"Python": "python", "Command line": "command line"}


class ResultsButtons(QWidget):
    """Buttons in as many lines as they need. The tooltip of a button that is off gives the reason.

    Attributes
    ----------
    previous_clicked, next_clicked, keep_clicked, retry_clicked, folder_clicked
        A button was clicked.
    retry_as_before_clicked
        The images that failed are to be run again with the settings of their run.
    resume_chosen
        The user wants to resume a run; emitted with the path of its ledger.
    copy_clicked
        The user wants the job as text; emitted with ``"python"`` or ``"command line"``.
    """

    previous_clicked = Signal()
    next_clicked = Signal()
    keep_clicked = Signal()
    retry_clicked = Signal()
    retry_as_before_clicked = Signal()
    folder_clicked = Signal()
    resume_chosen = Signal(Path)
    copy_clicked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._layout = QFlowLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(4)
        self._layout.setVerticalSpacing(4)
        self._previous = self._add("Previous", self.previous_clicked)
        self._next = self._add("Next", self.next_clicked)
        self._keep = self._add("Keep", self.keep_clicked)
        self._retry = self._add("Retry failed", self.retry_clicked)
        self._resume = self._add(RESUME_ANY)
        self._resume.setMinimumWidth(max(self._width_with(text) for text in (RESUME_ANY, RESUME_THIS)))
        self._others = MenuButton("", self._fill)
        self._others.setAccessibleName("More about runs")
        self._layout.addWidget(self._others)
        self._folder = self._add("Open folder", self.folder_clicked)
        self._copy = self._add("Copy as")
        self._record: Path | None = None
        self._is_resumable = self._is_listed = self._is_running = False
        self._ledger: Ledger | None = None
        self._resume.clicked.connect(self._on_resume)
        menu = QMenu(self._copy)
        for text, kind in COPIES.items():
            action = QAction(text, menu)
            action.triggered.connect(lambda _=False, kind=kind: self.copy_clicked.emit(kind))
            menu.addAction(action)
        self._copy.setMenu(menu)
        self.set_rows(0, None)
        self.set_shown(False)
        self.set_ledger(None)
        self.set_folder("There is no run yet.")
        self.set_copy("")

    def set_rows(self, n: int, selected: int | None) -> None:
        """Set the number of rows, and the index of the selected one."""
        none = "There are no images yet. Run a batch, or resume a run."
        first = none if not n else "This is the first image." if selected == 0 else ""
        last = none if not n else "This is the last image." if selected == n - 1 else ""
        _set(self._previous, first, f"Show the image above. Key: {PREVIOUS_KEY}")
        _set(self._next, last, f"Show the image below. Key: {NEXT_KEY}")

    def set_shown(self, shown: bool) -> None:
        """Switch Keep on if there are layers to keep."""
        effect = "Leave the layers in the viewer. The next image gets layers of its own."
        _set(self._keep, "" if shown else "Select an image first: its layers can be kept.", effect)

    def set_ledger(self, ledger: Ledger | None, *, is_running: bool = False) -> None:
        """Set the ledger of the run that is shown, whose failed images can be run again.

        Parameters
        ----------
        ledger
            The ledger, if there is one.
        is_running
            True while a run is under way.
        """
        self._ledger, self._is_running = ledger, is_running
        self._record = ledger.path if ledger is not None else None
        self._is_resumable = self._record is not None and ledger is not None and bool(ledger.count("cancelled"))
        self._show_runs()

    def set_listed(self, listed: bool) -> None:
        """Set whether images that failed are still among the inputs, so that they have present settings."""
        self._is_listed = listed
        self._show_runs()

    def _show_runs(self) -> None:
        obstacle = self._no_retry() or ("" if self._record is not None or self._is_listed else NOT_LISTED)
        effect = "Run the images again that failed or had a problem, with the settings of that run."
        if self._is_listed:
            effect = "Run the images again that failed or had a problem, with the current settings."
        _set(self._retry, obstacle, effect)
        self._resume.setText(RESUME_THIS if self._is_resumable else RESUME_ANY)
        effect = f"Choose the ledger (*{SUFFIX}) of an earlier run, to see it and to go on with it."
        if self._is_resumable and self._record is not None:
            effect = f"Predict what was cancelled, and what failed, with the settings of this run: {self._record.name}"
        _set(self._resume, RUNNING if self._is_running else "", effect)
        self._others.setToolTip("Retry with the settings of the run, or resume another run.")

    def _no_retry(self) -> str:
        """Return the reason why nothing can be run again, whatever the settings; empty if it can."""
        if self._is_running:
            return RUNNING
        if self._ledger is None:
            return "There is no run yet."
        return "" if self._ledger.count(*BAD) else "No image failed."

    def _fill(self, menu: QMenu) -> None:
        retry = QAction("Retry with the settings of the run", menu)
        retry.triggered.connect(lambda: self.retry_as_before_clicked.emit())
        obstacle = self._no_retry() or ("" if self._record is not None else NO_RECORD)
        _set(retry, obstacle, "Run the images again that failed or had a problem, as they were to be predicted then.")
        resume = QAction("Resume another run...", menu)
        resume.triggered.connect(self._choose)
        effect = f"Choose the ledger (*{SUFFIX}) of an earlier run, to see it and to go on with it."
        _set(resume, RUNNING if self._is_running else "", effect)
        menu.addActions([retry, resume])

    def set_folder(self, obstacle: str) -> None:
        """Set the reason why there is no folder to open; empty if there is one."""
        _set(self._folder, obstacle, "Open the folder with the outputs of the selected image.")

    def set_copy(self, obstacle: str) -> None:
        """Set the reason why the job cannot be copied; empty if it can."""
        _set(self._copy, obstacle, "Copy this batch as text, to run it without the window.")

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Take as many lines as the width needs; the layouts around ask only for a width."""
        super().resizeEvent(event)
        self.setFixedHeight(self._layout.heightForWidth(self.width()))

    def _add(self, text: str, signal: object = None) -> QPushButton:
        button = QPushButton(text)
        if signal is not None:
            # The argument of ``clicked``, the check state, is left out.
            button.clicked.connect(lambda: signal.emit())  # type: ignore[attr-defined]
        self._layout.addWidget(button)
        return button

    def _width_with(self, text: str) -> int:
        before = self._resume.text()
        self._resume.setText(text)
        width = self._resume.sizeHint().width()
        self._resume.setText(before)
        return width

    def _on_resume(self) -> None:
        if self._is_resumable and self._record is not None:
            self.resume_chosen.emit(self._record)
        else:
            self._choose()

    def _choose(self) -> None:
        # Starting with a file selects it.
        start = str(self._record) if self._record is not None else ""
        path, _ = QFileDialog.getOpenFileName(
            self, "Resume a run", start, f"Ledgers of runs (*{SUFFIX});;All files (*)"
        )
        if path:
            self.resume_chosen.emit(Path(path))


def _set(button: QPushButton | QAction, obstacle: str, effect: str) -> None:
    button.setEnabled(not obstacle)
    button.setToolTip(obstacle or effect)
