"""The sections of features and trees, and of what is drawn of the prediction."""

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSlider, QSpinBox, QWidget

from napari_batch_prediction.classifiers.base import PROBABILITIES, SEGMENTATION, UNCERTAINTY
from napari_batch_prediction.features.choice import DEFAULT_SCALES, all_features, fitted
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.training.training_set import N_TREES
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.form_rows import Row, choose, combo, make_form
from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.training.canvas.overlay import OPACITY
from napari_batch_prediction.widgets.training.features import FeatureChoice, FeatureChoiceDialog, Preview

MOST_TREES = 1000

SOURCES = [("Probabilities", PROBABILITIES), ("Segmentation", SEGMENTATION), ("Uncertainty", UNCERTAINTY)]


class FeaturesSection(Fold):
    """A button for the table of features, their number in words, and the number of trees.

    Attributes
    ----------
    changed
        Features or trees have changed.
    preview
        Computes previews; see :data:`~.features.Preview`.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Features")
        self.preview: Preview = lambda _: "Add an image to see its features."
        selection = all_features(DEFAULT_SCALES)
        self._depth = 1
        self._model = FeatureChoice(fitted(selection, 1), self)
        self._dialog: FeatureChoiceDialog | None = None
        button = QPushButton("Choose...")
        button.setToolTip("Tick features and scales, and see what they show.")
        button.clicked.connect(self.open_dialog)
        self._text = Line()
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(button)
        row.addWidget(self._text, 1)
        self._trees = QSpinBox()
        self._trees.setRange(1, MOST_TREES)
        self._trees.setValue(N_TREES)
        self._trees.setKeyboardTracking(False)
        form = QWidget()
        Row(make_form(form), "Trees", [self._trees], "Number of trees of the random forest; ilastik has 100.")
        self.body.addLayout(row)
        self.body.addWidget(form)
        self._model.changed.connect(self._on_changed)
        self._trees.valueChanged.connect(self._on_changed)
        self._show()

    def value(self) -> tuple[FeatureSelection, int]:
        """Return the features, in 2D if the images have one slice, and the number of trees."""
        return fitted(self._model.selection, self._depth), self._trees.value()

    def setValue(self, selection: FeatureSelection, n_trees: int) -> None:
        """Set features and trees."""
        self._trees.blockSignals(True)
        self._trees.setValue(n_trees)
        self._trees.blockSignals(False)
        self._model.set_selection(selection, is_3d=self._depth > 1)
        self._on_changed()

    def set_depth(self, depth: int) -> None:
        """Take note of the number of slices of the images."""
        if (depth > 1) != (self._depth > 1):
            self._depth = depth
            self._model.set_selection(self._model.selection, is_3d=depth > 1)
            self._on_changed()

    def open_dialog(self) -> FeatureChoiceDialog:
        """Open the table of features."""
        if self._dialog is None:
            self._dialog = FeatureChoiceDialog(self._model, lambda one: self.preview(one), self)
            self._dialog.finished.connect(self._on_closed)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()
        return self._dialog

    def _on_closed(self) -> None:
        self._dialog = None

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        selection, n_trees = self.value()
        n = selection.n_features()
        scales = ", ".join(f"{selection.scales[j]:g}" for j in selection.used_scales)
        where = "2D" if selection.all_in_2d else "3D" if not any(selection.in_2d) else "2D and 3D"
        text = f"{n} in {where}, scales {scales}" if n else "none: tick at least one"
        self._text.say(text)
        self.set_summary(f"{n}, {n_trees} trees")


class OverlaySection(Fold):
    """What is drawn of the prediction, and how much of the image it covers.

    Attributes
    ----------
    changed
        The source or the opacity has changed.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Prediction")
        self._source: ComboBox = combo(SOURCES)
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._opacity.setRange(0, 100)
        self._opacity.setValue(round(100 * OPACITY))
        form = QWidget()
        rows = make_form(form)
        Row(rows, "Show", [self._source.native], "The part of the prediction that is drawn over the image.")
        Row(rows, "Opacity", [self._opacity], "How much of the image the prediction covers.")
        self.body.addWidget(form)
        self._source.changed.connect(lambda _: self.changed.emit())
        self._opacity.valueChanged.connect(lambda _: self.changed.emit())

    def value(self) -> tuple[str, float]:
        """Return the source and the opacity, from 0 to 1."""
        source: str = self._source.value
        return source, self._opacity.value() / 100

    def setValue(self, source: str, opacity: float) -> None:
        """Set the source and the opacity."""
        choose(self._source, source)
        self._opacity.setValue(round(100 * opacity))
        self.changed.emit()
