"""The page of the exports: sources, settings, and names of the files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import format_named
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob, Existing
from napari_batch_prediction.job.region import Region
from napari_batch_prediction.planning.choices import for_source, why_off, with_changes
from napari_batch_prediction.planning.classifier import stored_text
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.exports.first_file import FirstFile
from napari_batch_prediction.widgets.exports.form import ExportForm, ShownExport
from napari_batch_prediction.widgets.exports.more import MoreForm
from napari_batch_prediction.widgets.exports.names import in_memory, why_not
from napari_batch_prediction.widgets.exports.objects import ObjectsForm, classes_of_objects
from napari_batch_prediction.widgets.exports.region import RegionLayer
from napari_batch_prediction.widgets.exports.source_boxes import SourceBoxes, default_sources
from napari_batch_prediction.widgets.exports.text import differing, labels, more_than_default, only
from napari_batch_prediction.widgets.parts.colors import Kind
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.form_rows import Row, choose, combo, make_form, set_choices
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.page import Page, ScrollArea

if TYPE_CHECKING:
    from napari.components import ViewerModel

EXISTING: dict[Existing, str] = {
    "error": "report a problem",
    "skip": "skip the image",
    "overwrite": "overwrite it",
}
ALL = "all outputs"
ONE_OUTPUT = "Tick several outputs to have settings for each."
NO_FILES = "All images are layers: the results become layers, and no file is written."
# The place for what is to be said of the exports is kept, so that nothing moves.
LINES = 3
ABOUT_MORE = "Type, range, order of axes, region, compression, files for single classes, tables for single images."


class ExportsSection(Page):
    """Sources to tick, the settings of their exports, and the treatment of files that exist.

    Sources and formats are those of the last batch until a job is set.

    Parameters
    ----------
    viewer
        The viewer to draw the region in.

    Attributes
    ----------
    changed
        The exports have changed.
    """

    changed = Signal()

    def __init__(self, viewer: "ViewerModel") -> None:
        super().__init__("Export")
        self._classifier: Classifier | None = None
        self._exports: tuple[Export, ...] = (Export(),)
        # Settings for the next source that is ticked.
        self._template = Export()
        # Index of the export whose settings are shown; None for all.
        self._index: int | None = None
        # Exports of a job stay as they are while its classifier, once known, is the one in use.
        self._from_job = False
        self._job_classifier: Path | None = None
        self._image: ImageAxes | None = None
        self._region = RegionLayer(viewer, self._on_drawn)

        self._sources = SourceBoxes()
        self._stored = QPushButton("Use the project's export settings")
        self._stored.clicked.connect(self._on_stored)
        self._target = combo([(ALL, "")])
        self._form, self._more_form = ExportForm(), MoreForm()
        self._objects = ObjectsForm()
        self._first_file = FirstFile()
        self._existing = combo([(text, value) for value, text in EXISTING.items()])
        # What is to be said of the exports, by its reason; and the place for it.
        self._said: dict[str, tuple[str, Kind | None]] = {}
        self._message = Message(LINES)
        self._more = Fold("More export settings", folded=True, about=ABOUT_MORE)
        self._more.body.addWidget(self._more_form)

        target, exists = QWidget(), QWidget()
        self._target_row = Row(
            make_form(target), "Settings of", [self._target.native], "Which outputs the settings are of."
        )
        tip = "What to do about an output that exists already."
        self._existing_row = Row(make_form(exists), "If it exists", [self._existing.native], tip)
        self._layers_alone = False
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (
            self._sources,
            self._objects,
            target,
            self._stored,
            self._form,
            self._first_file,
            exists,
            self._more,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        self._area = ScrollArea(content)
        self.body.addWidget(self._area, 1)
        self.body.addWidget(self._message)
        self._sources.ticked.connect(self._on_ticked)
        self._target.changed.connect(self._on_target)
        self._form.edited.connect(self._on_edited)
        self._more_form.edited.connect(self._on_edited)
        self._more_form.draw_clicked.connect(self._on_draw)
        for form in (self._more_form, self._objects):
            form.refused.connect(lambda text: self._say("typed", text, "problem"))
        self._objects.edited.connect(self._on_objects)
        self._existing.changed.connect(lambda _: self.changed.emit())
        self.destroyed.connect(self._region.stop)
        if kept := preferences.exports():
            self._exports, self._template = kept, kept[0]
        self._show()

    def value(self) -> dict[str, Any]:
        """Return the fields of a job that are shown here, with no exports if no source is ticked."""
        objects = self._objects.value_for(self._classifier)
        return {"exports": self._exports, "existing": self._existing.value, "objects": objects}

    def setValue(self, job: BatchJob) -> None:
        """Show the exports of a job and its treatment of outputs that exist."""
        choose(self._existing, job.existing)
        self._objects.setValue(job.objects)
        self._exports, self._template = job.exports, job.exports[0]
        self._index, self._from_job = None, True
        loaded = self._classifier is not None and self._classifier.path == job.classifier
        self._job_classifier = job.classifier if loaded else None
        self._show()
        self.changed.emit()

    def set_offered(self, classifier: Classifier | None) -> None:
        """Offer the sources of a classifier and drop the exports of others; if none remains, tick its default sources.

        The exports of a job stay as they are until the user turns to another classifier.
        """
        self._classifier = classifier
        self._more_form.set_offered([] if classifier is None else [*map(classifier.source, classifier.sources)])
        if classifier is not None and self._from_job:
            self._job_classifier = self._job_classifier or classifier.path
            self._from_job = classifier.path == self._job_classifier
        if classifier is not None and not self._from_job:
            offered = {name.lower() for name in classifier.sources}
            remaining = tuple(export for export in self._exports if export.source.lower() in offered)
            if not remaining or len(remaining) < len(self._exports):
                self._exports = remaining or tuple(self._new(source) for source in default_sources(classifier))
                self._index = None
                self._show()
                self.changed.emit()
                return
        self._show()

    def set_image(self, axes: str | None, extents: Mapping[str, int] | None) -> None:
        """Set the first image.

        Parameters
        ----------
        axes, extents
            Its axes, and its extent along each of ``t c z y x``; None if not known.
        """
        image = ImageAxes(axes, dict(extents)) if axes is not None and extents is not None else None
        if image != self._image:
            self._image = image
            self._show()

    def set_plan(self, plan: Plan | None) -> None:
        """Show the first file that will be written; nothing without a plan."""
        self._first_file.set_plan(plan)
        self._say("memory", in_memory(plan) if plan is not None else "")
        self._layers_alone = plan is not None and all(row.location.in_memory for row in plan.rows)
        self._show_forms()
        self._show_names()

    def remember(self) -> None:
        """Keep what is ticked and the formats for the next session."""
        preferences.keep_exports(self._exports)

    def existing_control(self) -> QWidget:
        """Return the control for outputs that exist."""
        control: QWidget = self._existing.native
        return control

    def _source(self, export: Export) -> Source | None:
        """Return the source of an export; None if the classifier does not offer it or is not known."""
        try:
            return self._classifier.source(export.source) if self._classifier is not None else None
        except SettingsError:
            return None

    def _source_name(self, export: Export) -> str:
        source = self._source(export)
        return source.name if source is not None else export.source

    def _new(self, source: Source) -> Export:
        return for_source(self._template, source, self._image)

    def _shown(self) -> list[ShownExport]:
        """Return the exports whose settings are shown."""
        exports = self._exports if self._index is None else (self._exports[self._index],)
        return [ShownExport(export, self._source(export)) for export in exports or (self._template,)]

    def _show(self) -> None:
        self._say("typed", "")
        self._show_sources()
        stored = stored_text(self._classifier.describe()) if self._classifier is not None else ""
        self._stored.setVisible(bool(stored))
        self._stored.setToolTip(f"Stored by ilastik in the project: {stored}")
        texts = labels(self._exports)
        several = len(texts) > 1
        self._index = self._index if several else None
        choices = [(ALL, ""), *((text, str(i)) for i, text in enumerate(texts))]
        set_choices(self._target, choices, "" if self._index is None else str(self._index))
        self._target_row.set_off("" if several else ONE_OUTPUT)
        self._say("differing", differing(self._exports) if self._index is None else "")
        self._show_forms()
        shown = self._shown()
        self._more.set_summary(more_than_default(shown[0].export))
        objects = self._objects.value()
        reason = why_not(self._exports, self._classifier, self._image, objects) if self._classifier else ""
        self._say("problem", reason, "problem")
        region = only(self._exports)
        text = f"Of each image {region} is written. Empty Region below to write everything." if region else ""
        self._say("region", text, "warning")
        self._region.show(shown[0].export.region)
        # The region first: the end of a long summary is cut off.
        self.set_summary(
            "; ".join(filter(None, [region, ", ".join(texts) or "nothing"])), "!" if reason else str(len(texts))
        )
        self._show_names()

    def _show_forms(self) -> None:
        self._objects.set_classes(classes_of_objects(self._exports, self._classifier))
        # Tables of layers are written, too.
        has_table = any((source := self._source(export)) and source.kind == "table" for export in self._exports)
        off = NO_FILES if self._layers_alone and not has_table else ""
        self._form.show_exports(self._shown(), self._image, off)
        self._more_form.show_exports(self._shown(), self._image, off)
        self._existing_row.set_off(off)

    def _show_sources(self) -> None:
        """Make a box for every source that is offered or ticked."""
        offered = self._classifier.sources if self._classifier is not None else ()
        ticked = [self._source_name(export) for export in self._exports]
        unknown = [name for name in dict.fromkeys(ticked) if self._classifier is not None and name not in offered]
        self._sources.lay(list(dict.fromkeys([*offered, *ticked])))
        before: QWidget = self._area
        for box in self._sources.boxes.values():
            # Without this new boxes come last, behind everything in napari's window.
            QWidget.setTabOrder(before, box.native)
            before = box.native
        self._sources.tick(ticked)
        for name, box in self._sources.boxes.items():
            box.tooltip = f"The classifier does not offer {name}." if name in unknown else self._meaning(name)
        if unknown:
            it = "it" if len(unknown) == 1 else "them"
            self._say("sources", f"The classifier does not offer {', '.join(unknown)}. Untick {it}.", "problem")
        else:
            self._say("sources", "" if self._exports else "Tick what to write.")

    def _say(self, reason: str, text: str, kind: Kind | None = None) -> None:
        """Say something in the one place for it, problems first; an empty text takes back what was said."""
        self._said[reason] = (text, kind)
        order: tuple[Kind | None, ...] = ("problem", "warning", None)
        said = sorted((one for one in self._said.values() if one[0]), key=lambda one: order.index(one[1]))
        self._message.say("\n".join(text for text, _ in said), kind=said[0][1] if said else None)

    def _meaning(self, name: str) -> str:
        return self._classifier.source(name).about if self._classifier is not None else ""

    def _show_names(self) -> None:
        self._first_file.show_names(self._exports, self._image, self._index or 0)

    def _on_ticked(self) -> None:
        self._from_job = False
        kept: dict[str, list[Export]] = {}
        for export in self._exports:
            kept.setdefault(self._source_name(export), []).append(export)
        exports: list[Export] = []
        for name in self._sources.ticks():
            source = self._source(Export(source=name))
            new = self._new(source) if source is not None else self._template.model_copy(update={"source": name})
            exports += kept.get(name, [new])
        self._exports, self._index = tuple(exports), None
        self._show()
        self.changed.emit()

    def _on_target(self, value: str) -> None:
        self._index = int(value) if value else None
        self._show()

    def _on_edited(self, fields: dict[str, Any]) -> None:
        """Change fields of the exports whose settings are shown, where the fields affect them."""
        if self._index is None:
            self._template = self._changed(self._template, fields)
            self._exports = tuple(self._changed(export, fields) for export in self._exports)
        else:
            exports = list(self._exports)
            exports[self._index] = self._changed(exports[self._index], fields)
            self._exports = tuple(exports)
        self._show()
        self.changed.emit()

    def _changed(self, export: Export, fields: dict[str, Any]) -> Export:
        source = self._source(export)
        export_format = format_named(fields.get("format", export.format))
        if export_format is not None and source is not None and export_format.is_table != (source.kind == "table"):
            # Tables and images have formats of their own.
            fields = {name: value for name, value in fields.items() if name != "format"}
        effective = {name: value for name, value in fields.items() if not why_off(name, export, source)}
        return with_changes(export, source, **effective)

    def _on_objects(self) -> None:
        self._show()
        self.changed.emit()

    def _on_stored(self) -> None:
        if self._classifier is not None:
            self._on_edited(dict(self._classifier.describe().export))

    def _on_draw(self) -> None:
        extents = self._image.extents if self._image is not None else None
        try:
            self._region.draw(self._shown()[0].export.region, extents)
        except SettingsError as error:
            self._say("typed", str(error), "problem")

    def _on_drawn(self, region: Region) -> None:
        self._on_edited({"region": {**self._shown()[0].export.region, **region}})
