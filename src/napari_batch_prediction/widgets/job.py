"""The part of the window in which a job is put together: classifier, inputs and exports."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.images.second import PREDICTION_MAPS, ROLES
from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import LayerNamed
from napari_batch_prediction.planning.inputs.roles import role_of
from napari_batch_prediction.planning.inputs.second import is_project, second_texts
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.classifier.section import ClassifierSection
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.inputs.reasons import EXISTING, FORMULA
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.viewer_layers import arrays_for

if TYPE_CHECKING:
    from napari.viewer import Viewer

# Fields of a job that the window shows.
SHOWN = {
    "classifier",
    "structure_tensor",
    "inputs",
    "exports",
    "input_axes",
    "stack",
    "channels",
    *ROLES,
    "objects",
    "input_settings",
    "existing",
}


class JobSections(QObject):
    """The sections of a job, as one.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    parent
        The owner.

    Attributes
    ----------
    changed
        The job has changed, or its classifier has been read.
    edited
        The job has changed.
    classifier, inputs, exports
        The sections, from the top.
    """

    changed = Signal()
    edited = Signal()

    def __init__(self, viewer: "Viewer", parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        # Job fields without a control keep their values.
        self._hidden: dict[str, Any] = {}
        # The sources that are offered; None to offer those of a classifier anew.
        self._offered: tuple[str, ...] | None = None
        self.classifier = ClassifierSection()
        self.inputs = InputsSection(viewer)
        self.exports = ExportsSection(viewer)
        for section in (self.classifier, self.inputs, self.exports):
            section.changed.connect(self._on_edited)
        self.classifier.loaded.connect(self._on_loaded)
        self.inputs.project_dropped.connect(self.classifier.choose)

    def value(self) -> BatchJob:
        """Return the job as it stands.

        Raises
        ------
        SettingsError
            If the job is incomplete; the message names the missing step.
        """
        fields = {**self.classifier.value(), **self.inputs.value(), **self.exports.value()}
        if fields["classifier"] is None:
            raise SettingsError("Choose a classifier first.")
        if not fields["inputs"]:
            raise SettingsError("Add images first.")
        if not fields["exports"]:
            raise SettingsError("Tick what to export first.")
        return BatchJob(**fields, **self._hidden)

    def setValue(self, job: BatchJob) -> None:
        """Show a job."""
        self._hidden = {name: value for name, value in job if name not in SHOWN}
        for section in (self.classifier, self.inputs, self.exports):
            section.setValue(job)

    def so_far(self) -> tuple[BatchJob | None, str]:
        """Return the job, or None while it is incomplete, and the step that is missing before it can be checked."""
        try:
            return self.value(), self.classifier.problem
        except SettingsError as error:
            return None, str(error)

    def in_memory(self, job: BatchJob) -> InMemory:
        """Return the classifier and the images of a job that are in memory already."""
        return InMemory(self.classifier.current(), arrays_for(self._viewer, job.inputs, second_texts(job)))

    def show_plan(self, plan: Plan | None) -> None:
        """Show the plan of the job as it stands; None if there is none."""
        self.inputs.set_plan(plan)
        # A project that predicts probabilities brings its own sources.
        if plan is not None:
            self._offer(plan.classifier)
        elif not is_project(self.inputs.value()[PREDICTION_MAPS.field] or ""):
            self._offer(self.classifier.classifier)
        self.exports.set_plan(plan)
        first = next((row.image for row in plan.rows if row.image is not None), None) if plan is not None else None
        if first is not None:
            self.exports.set_image(first.axes, first.extents)

    def control(self, name: str) -> QWidget:
        """Return the control of a setting of classifier or exports."""
        return {EXISTING: self.exports.existing_control, FORMULA: self.classifier.formula_control}[name]()

    def remember(self) -> None:
        """Keep the choices for the next time that napari is open."""
        if self.classifier.held is None:
            preferences.add_recent(self.value().classifier)
        self.exports.remember()

    def set_docked(self, docked: bool) -> None:
        """Start or stop to take it as a change of the job if layers among the inputs come, go or change their names."""
        events = self._viewer.layers.events
        for event, act in (
            (events.inserted, self._on_layer),
            (events.removed, self._on_layer),
            (events.renamed, self._on_renamed),
        ):
            if docked:
                event.connect(act)
            else:
                event.disconnect(act)

    def _layer_names(self) -> set[str]:
        """Return the names of the layers among the inputs and their second images."""
        fields = self.inputs.value()
        own = (getattr(settings, role) for settings in fields["input_settings"].values() for role in ROLES)
        second = filter(None, [*(fields[role] for role in ROLES), *own])
        layers = filter(None, map(LayerNamed.of, [*fields["inputs"], *second]))
        return {name for layer in layers for name in layer.names}

    def _on_layer(self, event: Any) -> None:
        if event.value.name in self._layer_names():
            self._on_edited()

    def _on_renamed(self, event: Any) -> None:
        # The name of before is not told: it is one that no layer has any more.
        names, present = self._layer_names(), {layer.name for layer in self._viewer.layers}
        if self._viewer.layers[event.index].name in names or not names <= present:
            self._on_edited()

    def _on_edited(self) -> None:
        self.changed.emit()
        self.edited.emit()

    def _offer(self, classifier: Classifier | None) -> None:
        sources = classifier.sources if classifier is not None else ()
        if sources != self._offered:
            self._offered = sources
            self.exports.set_offered(classifier)

    def _on_loaded(self) -> None:
        self.inputs.set_needed(role_of(self.classifier.classifier))
        self._offered = None
        self._offer(self.classifier.classifier)
        self.changed.emit()
