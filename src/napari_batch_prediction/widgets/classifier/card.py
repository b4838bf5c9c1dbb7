"""The card of a classifier: its main facts in a few lines, and all of them in its tooltip."""

from html import escape

from qtpy.QtCore import QUrl
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.widgets.classifier.feature_table import FeatureDialog
from napari_batch_prediction.widgets.classifier.text import (
    classes,
    counting,
    headline,
    limits,
    tooltip,
)
from napari_batch_prediction.widgets.parts.colors import swatch
from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.message import WrappedText

# Lines for classes and limits; more of them scroll.
LINES = 3


class ClassifierCard(QWidget):
    """Workflow, channels, axes, classes in their colours and limits, with a button for the table of features.

    Parameters
    ----------
    formula
        The choice of a formula, which takes the place of the limits where it is to be made.
    """

    def __init__(self, formula: QWidget) -> None:
        super().__init__()
        self._classifier: Classifier | None = None
        self._dialog: FeatureDialog | None = None
        self._headline = Line()
        self._text = WrappedText(LINES)
        self._formula, self._has_formula = formula, False
        self._button = QPushButton("Features")
        self._button.clicked.connect(self._show_features)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._headline, 1)
        row.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self._text)
        layout.addWidget(formula)
        layout.addStretch(1)

    def show_classifier(self, classifier: Classifier | None) -> None:
        """Show a classifier; None leaves the card as it is."""
        if self._dialog is not None and classifier is not self._classifier:
            self._dialog.close()
        self._classifier = classifier
        if classifier is None:
            return
        facts = classifier.describe()
        self._headline.setText(headline(facts))
        self._show_text(facts)
        self._text.setToolTip(tooltip(facts))
        self._headline.setToolTip(f"{escape(headline(facts))}{tooltip(facts)}")
        has_features = bool(facts.stages)
        self._button.setEnabled(has_features)
        self._button.setToolTip(
            "Show which features at which scales it was trained on."
            if has_features
            else "The features of this workflow are not known here: choose a classifier of another workflow."
        )

    def show_formula(self, shown: bool) -> None:
        """Show or hide the choice of the formula."""
        self._has_formula = shown
        self._formula.setVisible(shown)
        self._text.set_lines(1 if shown else LINES)
        if self._classifier is not None:
            self._show_text(self._classifier.describe())

    def _show_text(self, facts: Description) -> None:
        """Show classes and, if there is room, limits."""
        colored = classes(facts)
        document = self._text.document()
        for i, (_, color) in enumerate(colored):
            if document is not None:
                document.addResource(QTextDocument.ResourceType.ImageResource, _swatch_url(i), swatch(color))
        swatches = " &nbsp; ".join(
            f'<img src="{_swatch_url(i).toString()}">&nbsp;{escape(name)}' for i, (name, _) in enumerate(colored)
        )
        limit = "" if self._has_formula else limits(facts)
        lines = (swatches, escape(counting(facts)), escape(limit))
        self._text.setHtml("<br>".join(filter(None, lines)))

    def text(self) -> str:
        """Return the text of the card."""
        return f"{self._headline.text()}\n{self._text.toPlainText()}"

    def _show_features(self) -> None:
        if self._classifier is None:
            return
        if self._dialog is None:
            facts = self._classifier.describe()
            name = facts.workflow if facts.path is None else facts.path.name
            self._dialog = FeatureDialog(name, [stage.selection for stage in facts.stages], self)
            self._dialog.finished.connect(self._on_closed)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def _on_closed(self) -> None:
        self._dialog = None


class CardPlace(QWidget):
    """An empty place of the size of a card."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(QPushButton(" "))
        layout.addWidget(WrappedText(LINES))


def _swatch_url(i: int) -> QUrl:
    return QUrl(f"swatch:{i}")
