"""The page that lists the images."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut

from napari_batch_prediction.images.second import ROLES, Role
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.inputs.offers import Offer, offers
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.widgets.inputs.buttons import InputButtons
from napari_batch_prediction.widgets.inputs.changes import containers, for_images, joined, same, with_setting, without
from napari_batch_prediction.widgets.inputs.contents import ContentsReader, Request
from napari_batch_prediction.widgets.inputs.model import InputsModel
from napari_batch_prediction.widgets.inputs.pattern import PatternLine
from napari_batch_prediction.widgets.inputs.reasons import Reasons, settings_that_mend
from napari_batch_prediction.widgets.inputs.settings import InputSettingsForm
from napari_batch_prediction.widgets.inputs.shown import shown_for, summary
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.page import Page, go_to
from napari_batch_prediction.widgets.parts.table import StartDelegate, StatusDelegate, Table

if TYPE_CHECKING:
    from napari.components import ViewerModel

HINT = "Add images above, or drop files and folders here."
ABOUT_SETTINGS = (
    "Axes, channels, dataset, mask and other second images: of the selected images, or of all if none is selected.\n"
    "Stack: whether files together are one image."
)

VISIBLE_ROWS = 2

SHAPE_COLUMN, CHANNELS_COLUMN, CHECK_COLUMN = 2, 3, 4

# Columns that are hidden in a window narrower than this, in pixels.
SPARE = {SHAPE_COLUMN: 320, CHANNELS_COLUMN: 450}


class InputsSection(Page):
    """The images of a batch in a table, with the results of their check and their settings.

    Parameters
    ----------
    viewer
        The viewer whose layers can be added.

    Attributes
    ----------
    changed
        The images or their settings have changed.
    selection_changed
        The selection has changed.
    row_shown
        The user selects one image; emitted with its location.
    project_dropped
        A project was dropped among the images; emitted with its path.
    setting_wanted
        The user wants to change a setting of another section; emitted with its name.
    """

    changed = Signal()
    selection_changed = Signal()
    row_shown = Signal(str)
    project_dropped = Signal(Path)
    setting_wanted = Signal(str)

    def __init__(self, viewer: "ViewerModel") -> None:
        super().__init__("Images", takes_files=True)
        # Settings of all images, and of single ones by their location.
        self._everywhere = InputSettings()
        self._settings: dict[str, InputSettings] = {}
        self._stack: StackAxis | None = None
        # The images to select again once the table is laid anew; and whether the user, not the program, selects.
        self._kept: tuple[str, ...] = ()
        self._by_user = True
        self._needs = ""
        # The second images that the classifier needs, the one way to name them all, and the problem of the whole job.
        self._needed: Role | None = None
        self._offer: Offer | None = None
        self._problem: Problem | None = None

        self._model = InputsModel(self)
        self._table = Table(self._model, sortable=True, hint=HINT, spare=SPARE, rows=VISIBLE_ROWS)
        self._table.setItemDelegateForColumn(SHAPE_COLUMN, StartDelegate(self._table))
        self._table.setItemDelegateForColumn(CHECK_COLUMN, StatusDelegate(self._table))
        self._buttons = InputButtons(viewer)
        self._pattern = PatternLine()
        self._reasons = Reasons()
        self._form = InputSettingsForm(viewer, self._offers)
        self._more = Fold("Image settings", folded=True, about=ABOUT_SETTINGS)
        self._more.body.addWidget(self._form)
        self._contents = ContentsReader(viewer, self)
        self.body.addWidget(self._buttons)
        self.body.addWidget(self._pattern)
        self.body.addWidget(self.summary_line())
        self.body.addWidget(self._table, 1)
        self.body.addWidget(self._reasons)
        self.body.addWidget(self._more)

        self._buttons.added.connect(self.add)
        self._buttons.dropped.connect(self._drop)
        self._buttons.joined.connect(self._join)
        self._buttons.remove_clicked.connect(self._remove_selected)
        self._buttons.clear_clicked.connect(lambda: self._drop(self._model.images))
        self._pattern.added.connect(lambda pattern: self.add([pattern]))
        self._table.rows_selected.connect(self._on_selected)
        self._model.modelAboutToBeReset.connect(self._keep)
        self._model.modelReset.connect(self._restore)
        self._reasons.remedy_chosen.connect(self._on_remedy)
        self._reasons.offer_chosen.connect(self._on_offer)
        self._form.edited.connect(self._on_edited)
        self._contents.read.connect(self._show_settings)
        self.files_dropped.connect(self._on_files_dropped)
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self._table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._remove_selected)
        self._refresh()

    def value(self) -> dict[str, Any]:
        """Return the fields of a job that are shown here."""
        return {
            "inputs": self._model.inputs,
            "input_axes": self._everywhere.axes,
            "channels": self._everywhere.channels,
            "stack": self._stack,
            **{field: getattr(self._everywhere, field) for field in ROLES},
            "input_settings": dict(self._settings),
        }

    def setValue(self, job: BatchJob) -> None:
        """Show the images of a job and their settings."""
        second = {field: getattr(job, field) for field in ROLES}
        self._everywhere = InputSettings(axes=job.input_axes, channels=job.channels, **second)
        self._settings = dict(job.input_settings)
        self._stack = job.stack
        self._form.show_stack(job.stack)
        self._model.set_plan(None)
        self._model.look_up_anew()
        self._set_inputs(job.inputs)

    def add(self, inputs: Iterable[str]) -> None:
        """Add files, folders, patterns or layers, without those listed already."""
        self._set_inputs([*self._model.inputs, *inputs])

    def begin_check(self, locations: Mapping[str, Sequence[str]]) -> None:
        """Show the images that each input stands for, now that a check begins."""
        self._model.begin_check(locations)
        settings = for_images(self._settings, self._model.locations)
        self._refresh()
        if settings != self._settings:
            self._settings = settings
            self.changed.emit()

    def take_many(self, results: Iterable[Inspected]) -> None:
        """Show the results of the check of some images."""
        self._model.take_many(results)
        self._refresh()

    def set_plan(self, plan: Plan | None) -> None:
        """Show the results of a finished check; None forgets all results, as with another classifier."""
        self._model.set_plan(plan)
        self._problem = self._problem if plan is None else None
        self._offer = self._only_offer()
        self._refresh()

    def set_needed(self, role: Role | None) -> None:
        """Set the second images that the classifier needs; None if it needs none."""
        if role != self._needed:
            self._needed = role
            if role is not None:
                self._more.unfold()
            self._refresh()

    def set_problem(self, problem: Problem) -> None:
        """Show why the whole job cannot be checked, until it can or a step is missing."""
        self._problem = problem
        self._refresh()

    def set_needs(self, needs: str) -> None:
        """Show the step that is missing before images can be checked; empty if none is."""
        if needs != self._needs:
            self._needs = needs
            self._problem = None if needs else self._problem
            self._refresh()

    def select(self, location: str) -> None:
        """Select one image, without a signal; without effect if it is not listed, or if several images are selected.

        A selection of several was made to set or to run something.
        """
        row = self._model.row(location)
        if row is not None and len(self._table.selected_rows()) < 2:
            self._select([row])

    def selected(self) -> tuple[str, ...]:
        """Return the locations of the selected rows, from the top."""
        return tuple(self._model.images[row] for row in self._table.selected_rows())

    def _on_files_dropped(self, paths: Sequence[Path]) -> None:
        projects = [path for path in paths if path.suffix.lower() == ".ilp"]
        images = [str(path) for path in paths if path not in projects]
        if projects:
            self.project_dropped.emit(projects[0])
        if images:
            self.add(images)

    def _remove_selected(self) -> None:
        rows, selected = self._table.selected_rows(), self.selected()
        if selected:
            self._drop(selected)
            # The arrow keys go on from here.
            self._table.go_to(min(rows[0], len(self._model.images) - 1))

    def _drop(self, images: Iterable[str]) -> None:
        removed = set(images)
        self._settings = {location: own for location, own in self._settings.items() if location not in removed}
        self._set_inputs(without(self._model.inputs, self._model.locations, removed))

    def _join(self, files: Sequence[str]) -> None:
        """Replace some files by one image that has them as its channels; what is set for all of them stays."""
        own = [self._settings.get(file, InputSettings()) for file in files]
        location, axes = joined(files, own), same([settings.axes for settings in own])
        self._drop(files)
        if axes is not None:
            self._settings = with_setting(self._settings, [location], "axes", axes)
        self.add([location])

    def _set_inputs(self, inputs: Iterable[str]) -> None:
        self._model.set_inputs(inputs)
        self._refresh()
        self.changed.emit()

    def _on_edited(self, field: str, value: Any) -> None:
        """Change a setting of the selected images, or of all."""
        selected = self.selected()
        if field == "stack":
            self._stack = value
            self._model.look_up_anew()
        elif field == "dataset":
            selected = tuple(containers(selected or self._model.images))
            self._settings = with_setting(self._settings, selected, field, value)
        elif selected:
            self._settings = with_setting(self._settings, selected, field, value)
        else:
            self._everywhere = self._everywhere.model_copy(update={field: value})
        self._model.forget(selected or None)
        self._refresh()
        self.changed.emit()

    def _on_remedy(self, field: str) -> None:
        """Lead to the setting that mends a problem of the selected images, or of all that have it."""
        if field not in InputSettings.model_fields:
            self.setting_wanted.emit(field)
            return
        if not self.selected():
            results = filter(None, map(self._model.inspected, self._model.images))
            found = (
                self._model.row(result.input) for result in results if field in settings_that_mend(result.problems)
            )
            rows = [row for row in found if row is not None]
            # Second images of all are best named for all.
            if field not in ROLES or len(rows) < len(self._model.images):
                self._select(rows)
        self._more.unfold()
        go_to(self._form.control(field))
        self._table.show_selected()

    def _on_offer(self, template: str) -> None:
        """Name the second images that are needed, of all images."""
        if self._needed is not None:
            self._table.clearSelection()
            self._on_edited(self._needed.field, template)

    def _offers(self, role: Role) -> Sequence[Offer]:
        """Return the templates by which second images lie beside the images that are checked."""
        results = filter(None, map(self._model.inspected, self._model.images))
        return offers(role, [result.location for result in results])

    def _only_offer(self) -> Offer | None:
        """Return the only template that names all second images that are needed and of which nothing is said yet."""
        field = self._needed.field if self._needed is not None else ""
        said = (self._everywhere, *self._settings.values())
        if self._needed is None or any(getattr(each, field) is not None for each in said):
            return None
        found = self._offers(self._needed)
        return found[0] if len(found) == 1 else None

    def _on_selected(self) -> None:
        self._refresh()
        self.selection_changed.emit()
        selected = self.selected()
        if len(selected) == 1 and self._by_user:
            self.row_shown.emit(selected[0])

    def _select(self, rows: Iterable[int]) -> None:
        self._by_user = False
        self._table.select_rows(rows)
        self._by_user = True

    def _keep(self) -> None:
        self._kept = self.selected()

    def _restore(self) -> None:
        """Restore the selection after the table was laid anew."""
        rows = [row for row in map(self._model.row, self._kept) if row is not None]
        if rows:
            self._select(rows)

    def _refresh(self) -> None:
        selected = self.selected()
        self._buttons.show_state(self._model.inputs, selected)
        offer = (self._needed.field, self._offer) if self._needed is not None and self._offer is not None else None
        self._reasons.show_for(self._model, selected, self._needs, self._problem, offer)
        self._show_settings()
        self.set_summary(self._model.summary(), self._model.short_summary())

    def _show_settings(self) -> None:
        selected = self.selected()
        image = next(iter(selected or self._model.with_first_problem() or self._model.images), None)
        request = None
        if image is not None:
            own = self._settings.get(image, InputSettings())
            request = Request(image, own.axes or self._everywhere.axes, own.dataset, self._stack)
        contents = self._contents.get(request)
        shown = shown_for(
            self._model, selected, self._everywhere, self._settings, contents, self._needed, self._problem
        )
        self._form.show_settings(shown)
        self._more.set_summary(summary(shown, self._stack))
