"""The form for how objects are made of the probabilities of a class."""

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_batch_prediction.classifiers.base import COUNTS, Classifier
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.job.options import describe, label
from napari_batch_prediction.widgets.parts.form_rows import Row, choose, combo, line, make_form, set_choices, type_in

CHOOSE, SAME = "choose a class", "the same class"
NO_CORE = "Give a core threshold first."

_CHOICES = {
    "size_unit": [("pixels", "pixels"), ("the file's unit", "physical")],
    "border_objects": [("keep objects", "keep"), ("remove objects", "remove")],
}
# What an empty line means, of those that may be empty.
_NONE = {"core_threshold": "none", "max_size": "any"}
_CLASSES = {"object_class": CHOOSE, "core_class": SAME}
_NUMBERS = ("threshold", "core_threshold", "smoothing", "min_size", "max_size", "split")
# As objects are made, step by step.
_ORDER = (
    "object_class",
    "smoothing",
    "threshold",
    "core_threshold",
    "core_class",
    "fill_holes",
    "split",
    "border_objects",
    "min_size",
    "max_size",
    "size_unit",
)


class ObjectsForm(QWidget):
    """Controls for the settings of objects, hidden while no objects are exported.

    Attributes
    ----------
    edited
        The user has changed the settings.
    refused
        What is typed is no setting; emitted with the reason.
    """

    edited = Signal()
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._settings = ObjectSettings()
        self._lists = {name: combo(_CHOICES.get(name, [("", "")])) for name in (*_CLASSES, *_CHOICES)}
        self._lines = {name: line(_NONE.get(name, "")) for name in _NUMBERS}
        self._holes = CheckBox(text=label(ObjectSettings, "fill_holes"))
        controls = {**self._lists, **self._lines, "fill_holes": self._holes}
        self._rows: dict[str, Row] = {}
        form = make_form(self)
        for name in _ORDER:
            # The text of a box is its label.
            text = "" if name == "fill_holes" else label(ObjectSettings, name)
            self._rows[name] = Row(form, text, [controls[name].native], describe(ObjectSettings, name))
            controls[name].changed.connect(lambda value, name=name: self._on_changed(name, value))
        self._classes: tuple[str, ...] = ()
        self.setVisible(False)
        self._show()

    def value(self) -> ObjectSettings:
        """Return the settings."""
        return self._settings

    def setValue(self, settings: ObjectSettings) -> None:
        """Show settings."""
        self._settings = settings
        self._show()

    def value_for(self, classifier: Classifier | None) -> ObjectSettings:
        """Return the settings for a classifier: those of before are not for a project that makes its own objects."""
        return ObjectSettings() if isinstance(classifier, ObjectClassification) else self.value()

    def set_classes(self, classes: Sequence[str]) -> None:
        """Offer the classes that objects can be made of; none if objects are not exported."""
        self._classes = tuple(classes)
        self.setVisible(bool(classes))
        self._show()

    def _show(self) -> None:
        for name, none in _CLASSES.items():
            given = getattr(self._settings, name)
            # A class by its number, or of another classifier, is shown as it is.
            names = dict.fromkeys([*self._classes, *([given] if given else [])])
            set_choices(self._lists[name], [(none, ""), *((each, each) for each in names)], given or "")
        self._rows["core_class"].set_off("" if self._settings.core_threshold is not None else NO_CORE)
        for name in _CHOICES:
            choose(self._lists[name], getattr(self._settings, name))
        with self._holes.changed.blocked():
            self._holes.value = self._settings.fill_holes
        for name, box in self._lines.items():
            number = getattr(self._settings, name)
            if _number(box.value) != number:
                type_in(box, "" if number is None else f"{number:.10g}")

    def _on_changed(self, name: str, value: Any) -> None:
        if isinstance(value, str) and not value.strip():
            if name in _NUMBERS and name not in _NONE:
                self.refused.emit(f"{label(ObjectSettings, name)} needs a number.")
                return
            value = None
        elif name in _NUMBERS:
            value = _number(value)
            if value is None:
                self.refused.emit(f"{label(ObjectSettings, name)} is a number, for example 0.5.")
                return
        fields = {name: value}
        if name == "core_threshold" and value is None:
            # A core class alone is refused.
            fields["core_class"] = None
        try:
            self._settings = self._settings.model_copy(update=fields)
        except SettingsError as error:
            self.refused.emit(str(error))
            return
        self._show()
        self.edited.emit()


def _number(text: str) -> float | None:
    """Return the number that is typed; None if it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def classes_of_objects(exports: Sequence[Export], classifier: Classifier | None) -> tuple[str, ...]:
    """Return the classes that exported objects can be made of; none if none are exported, or the project makes them."""
    if classifier is None or isinstance(classifier, ObjectClassification):
        return ()
    for export in exports:
        try:
            source = classifier.source(export.source)
        except SettingsError:
            continue
        if source.whole and source.name != COUNTS:
            return classifier.source(source.made_from).classes
    return ()
