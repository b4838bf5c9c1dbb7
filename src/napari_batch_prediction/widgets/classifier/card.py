"""The card of a classifier: its main facts in a few lines, and all of them in its tooltip."""

from html import escape

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.widgets.classifier.feature_table import FeatureDialog
from napari_batch_prediction.widgets.classifier.text import (
    classes,
    counting,
    headline,
    tooltip,
)
from napari_batch_prediction.widgets.parts.colors import swatch
from napari_batch_prediction.widgets.parts.message import WrappedText


class ClassifierCard(QWidget):
    """Workflow, channels, axes, and classes in their colours, with a button for the table of features.

    Parameters
    ----------
    lines
        The height, in lines of text; longer texts scroll.
    """

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._classifier: Classifier | None = None
        self._dialog: FeatureDialog | None = None
        self._text = WrappedText(lines)
        self._button = QPushButton("Features")
        self._button.clicked.connect(self._show_features)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignTop)

    def show_classifier(self, classifier: Classifier | None) -> None:
        """Show a classifier; None hides the card."""
        if self._dialog is not None and classifier is not self._classifier:
            self._dialog.close()
        self._classifier = classifier
        if classifier is None:
            self.hide()
            return
        facts = classifier.describe()
        colored = classes(facts)
        document = self._text.document()
        for i, (_, color) in enumerate(colored):
            if document is not None:
                document.addResource(QTextDocument.ResourceType.ImageResource, _swatch_url(i), swatch(color))
        swatches = " &nbsp; ".join(
            f'<img src="{_swatch_url(i).toString()}">&nbsp;{escape(name)}' for i, (name, _) in enumerate(colored)
        )
        self._text.setHtml("<br>".join(filter(None, [escape(headline(facts)), swatches, escape(counting(facts))])))
        self._text.setToolTip(tooltip(facts))
        has_features = bool(facts.stages)
        self._button.setEnabled(has_features)
        self._button.setToolTip(
            "Show which features at which scales it was trained on."
            if has_features
            else "The features of this workflow are not known here: choose a classifier of another workflow."
        )
        self.show()

    def text(self) -> str:
        """Return the text of the card."""
        text: str = self._text.toPlainText()
        return text

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


def _swatch_url(i: int) -> QUrl:
    return QUrl(f"swatch:{i}")
