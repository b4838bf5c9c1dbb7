"""The section that chooses the classifier and shows its facts."""

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from magicgui.widgets import LineEdit
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QStackedWidget, QWidget

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.disk import FileState, file_state
from napari_batch_prediction.engine.compilation import compile_ahead
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.classifier.card import CardPlace, ClassifierCard
from napari_batch_prediction.widgets.parts.colors import Kind
from napari_batch_prediction.widgets.parts.form_rows import Row, choose, combo, make_form
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.message import Message, WrappedText
from napari_batch_prediction.widgets.parts.section import Section
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.parts.words import tip
from napari_batch_prediction.widgets.work import Task, in_background

NOTHING = "Choose a project trained in ilastik, or a sample from the list beside the line."

FORMULAS = [
    ("from project", ""),
    ("gradient", "gradient"),
    ("integration", "integration"),
]
ABOUT_FORMULA = (
    "Which Gaussian of Structure Tensor Eigenvalues has the feature's scale: that of the gradient, as in ilastik up to "
    "1.2, or that of the integration, as since 1.3. The other has half of it."
)

# Lines for the reason why there is no classifier, in the place for its facts.
LINES = 4

BROWSE, SAVE = "Browse", "Save..."
ABOUT_BROWSE = "Choose an ilastik project. It can also be dropped here."
ABOUT_SAVE = (
    "Save the classifier as an ilastik project: what is written to files needs it. Layers are predicted without."
)

HELD = "trained here, not saved yet"
"""The text in place of the file of a classifier that is in none."""

# A path is read when typing pauses.
PAUSE_MS = 300


class ClassifierSection(Section):
    """The file of a classifier (typed, browsed, dropped or used before), and its facts or the problem with it.

    Attributes
    ----------
    changed
        The user has chosen another file.
    loaded
        The file has been read.
    classifier
        The classifier in the file; None until it is read, and if it cannot be.
    problem
        The reason why there is no classifier, in words; empty if there is one.
    """

    changed = Signal()
    loaded = Signal()

    def __init__(self) -> None:
        super().__init__(takes_files=True)
        self.classifier: Classifier | None = None
        self.problem = ""
        self._task: Task | None = None
        # State of the file when it was read.
        self._state: FileState | None = None
        # A classifier that is in no file.
        self._held: Classifier | None = None

        self._file = LineEdit()
        line = self._file.native
        line.setPlaceholderText("ilastik project (.ilp)")
        line.setAcceptDrops(False)
        recent = MenuButton("", self._fill_recent)
        recent.setToolTip("Classifiers used before, and samples (Down in the line beside it).")
        down = QShortcut(QKeySequence(Qt.Key.Key_Down), line)
        down.setContext(Qt.ShortcutContext.WidgetShortcut)
        down.activated.connect(recent.click)
        # While a classifier is in no file, the button saves it.
        self._button = QPushButton(BROWSE)
        self._button.setMinimumWidth(self._button.sizeHint().width())
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(line, 1)
        row.addWidget(recent)
        row.addWidget(self._button)
        self._message = Message(LINES)
        formula = QWidget()
        self._formula = combo(FORMULAS)
        self._formula.changed.connect(lambda _: self._on_formula())
        Row(make_form(formula), "Structure tensor", [self._formula.native], ABOUT_FORMULA)
        self.body.addLayout(row)
        self._card = ClassifierCard(formula)
        # One place for facts or reason, which is kept, so that nothing below moves.
        self._facts = QStackedWidget()
        for widget in (self._card, self._message, CardPlace()):
            self._facts.addWidget(widget)
        self._facts.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.body.addWidget(self._facts)

        self._pause = single_shot(self, PAUSE_MS, self._load)
        self._file.changed.connect(self._on_path)
        self._button.clicked.connect(self._on_button)
        self.files_dropped.connect(lambda paths: self.choose(paths[0]))
        self._on_path("")

    def showEvent(self, event: QShowEvent | None) -> None:
        """Keep the place of what is hidden now, too: facts, or the reason why there are none."""
        super().showEvent(event)
        for widget in self._facts.findChildren(QWidget):
            widget.ensurePolished()
            if isinstance(widget, WrappedText):
                widget.fit()

    def value(self) -> dict[str, Any]:
        """Return the fields of a job that are shown here.

        They are ``classifier``, a path, a classifier that is in no file, or None if nothing is chosen; and
        ``structure_tensor`` if it is chosen.
        """
        chosen = {"structure_tensor": self._formula.value} if self._formula.value else {}
        return {"classifier": self._held or self._path(), **chosen}

    def setValue(self, job: BatchJob) -> None:
        """Choose the classifier of a job, and the formula of its structure tensor."""
        own = job.in_memory.classifier
        if own is not None and own.path is None:
            self.hold(own)
        else:
            self.choose(job.classifier)
        before = self._formula.value
        choose(self._formula, job.structure_tensor or "")
        self._show_formula()
        if self._formula.value != before:
            self.changed.emit()

    def choose(self, path: Path | None) -> None:
        """Choose a file, or none."""
        self._file.value = "" if path is None else str(path)
        # The end of a path tells more than its start.
        self._file.native.end(False)

    def hold(self, classifier: Classifier) -> None:
        """Take a classifier that is in no file, until another is chosen."""
        self.choose(None)
        self._held = classifier
        with self._file.changed.blocked():
            self._file.value = HELD
        self._show_button()
        self._become(classifier, "")
        self.changed.emit()
        self.loaded.emit()

    @property
    def held(self) -> Classifier | None:
        """The classifier that is in no file; None if one in a file, or none, is chosen."""
        return self._held

    def formula_control(self) -> QWidget:
        """Return the choice of the formula."""
        control: QWidget = self._formula.native
        return control

    def current(self) -> Classifier | None:
        """Return the classifier if its file has not changed since it was read; otherwise begin to read it again."""
        path = self._path()
        state = file_state(path) if path is not None else None
        if self.classifier is None or self._held is not None or state == self._state:
            return self.classifier
        if state:
            self._pause.start()
        return None

    def _path(self) -> Path | None:
        text = self._file.value.strip()
        return Path(text) if text and self._held is None else None

    def _show_button(self) -> None:
        is_held = self._held is not None
        self._button.setText(SAVE if is_held else BROWSE)
        self._button.setToolTip(ABOUT_SAVE if is_held else ABOUT_BROWSE)

    def _on_button(self) -> None:
        if self._held is None:
            self._browse()
        else:
            self._save(self._held)

    def _save(self, classifier: Classifier) -> None:
        """Ask for a name, save a classifier that is in no file, and choose the file."""
        file, _ = QFileDialog.getSaveFileName(self, "Save the classifier", "", "ilastik projects (*.ilp)")
        if file:
            path = Path(file)
            # The dialog has asked whether a file of that name is to be replaced, and not of a longer one.
            is_whole = path.suffix.lower() == ".ilp"
            if is_whole:
                work = partial(classifier.save, path, existing="overwrite")
            else:
                work = partial(classifier.save, path.with_name(f"{path.name}.ilp"))
            self._task = in_background(work, self, self._on_saved)

    def _on_saved(self, result: Path | Failure) -> None:
        self._task = None
        if isinstance(result, Failure):
            self._message.say(result.reason, result.trace, kind="problem")
            self._facts.setCurrentWidget(self._message)
        else:
            self.choose(result)

    def _browse(self) -> None:
        path = self._path()
        folder = str(path.parent) if path is not None else ""
        file, _ = QFileDialog.getOpenFileName(
            self, "Choose a classifier", folder, "ilastik projects (*.ilp);;All files (*)"
        )
        if file:
            self.choose(Path(file))

    def _fill_recent(self, menu: QMenu) -> None:
        """Offer the classifiers used before, then the samples."""
        recent = preferences.recent()
        names = [path.name for path in recent]
        for path in recent:
            # Projects in different folders often have the same name.
            ambiguous = names.count(path.name) > 1
            self._offer(menu, f"{path.parent.name}/{path.name}" if ambiguous else path.name, path)
        if not recent:
            nothing = menu.addAction("No classifier used yet")
            if nothing is not None:
                nothing.setEnabled(False)
                nothing.setToolTip("Choose a classifier: it is listed here the next time.")
        menu.addSeparator()
        for path in sample_projects():
            self._offer(menu, f"Sample: {path.name}", path)
        forget = menu.addAction("Forget the classifiers used before") if recent else None
        if forget is not None:
            menu.insertSeparator(forget)
            forget.setToolTip("Empty this list. Nothing happens to the files.")
            forget.triggered.connect(preferences.forget_recent)

    def _offer(self, menu: QMenu, text: str, path: Path) -> None:
        action = menu.addAction(text.replace("&", "&&"))
        if action is not None:
            action.setToolTip(tip(str(path)))
            action.triggered.connect(lambda: self.choose(path))

    def _show_formula(self) -> None:
        """Show the choice of the formula where a project leaves it open, or it is chosen."""
        is_open = self.classifier is not None and bool(self.classifier.describe().structure_tensor)
        self._card.show_formula(is_open or bool(self._formula.value))

    def _on_formula(self) -> None:
        self._show_formula()
        self.changed.emit()

    def _on_path(self, text: str) -> None:
        self._held = None
        self._show_button()
        self._file.tooltip = text
        # Another project has a formula of its own.
        choose(self._formula, "")
        if self._task is not None:
            self._task.drop()
            self._task = None
        self._pause.stop()
        if self._path() is None:
            self._become(None, NOTHING)
        else:
            self._become(None, "The classifier is being read.")
            self._pause.start()
        self.changed.emit()

    def _load(self) -> None:
        if (path := self._path()) is not None:
            self._task = in_background(partial(_load, path), self, self._on_loaded)

    def _on_loaded(self, result: tuple[Classifier, FileState | None] | Failure) -> None:
        self._task = None
        if isinstance(result, Failure):
            self._become(None, result.reason, result.trace, kind="problem")
        else:
            classifier, self._state = result
            self._become(classifier, "")
            preferences.add_recent(classifier.file)
            # While files are chosen.
            compile_ahead(classifier.loops)
        self.loaded.emit()

    def _become(self, classifier: Classifier | None, problem: str, trace: str = "", kind: Kind | None = None) -> None:
        self.classifier, self.problem = classifier, problem
        self._card.show_classifier(classifier)
        self._show_formula()
        self._message.say(problem, trace, kind)
        self._facts.setCurrentWidget(self._message if classifier is None else self._card)


def _load(path: Path) -> tuple[Classifier, FileState | None]:
    """Return the classifier in a file, and the state of the file."""
    # The state comes first: if the file changes while it is read, the state is out of date.
    state = file_state(path)
    return load_classifier(path), state


def sample_projects() -> list[Path]:
    """Return the projects that come with this package."""
    samples = files("napari_batch_prediction") / "samples"
    projects = (item for folder in samples.iterdir() if folder.is_dir() for item in folder.iterdir())
    return sorted(Path(str(item)) for item in projects if item.name.endswith(".ilp"))
