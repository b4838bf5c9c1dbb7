"""The part of the window that says what is written, how, and where."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget
from superqt import QElidingLabel

from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import format_named
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob, Existing
from napari_batch_prediction.job.region import Region
from napari_batch_prediction.planning.choices import for_source, why_off, with_changes
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.exports.form import Chosen, ExportForm
from napari_batch_prediction.widgets.exports.more import MoreForm
from napari_batch_prediction.widgets.exports.names import FirstImage, first_image, in_memory, names, why_not
from napari_batch_prediction.widgets.exports.region import RegionLayer
from napari_batch_prediction.widgets.exports.source_boxes import SourceBoxes
from napari_batch_prediction.widgets.exports.text import differing, labels, more_than_default, only
from napari_batch_prediction.widgets.parts.form_rows import Row, choose, combo, make_form, set_choices
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.section import ELLIPSIS_WIDTH, Section, lay_out

if TYPE_CHECKING:
    from napari.components import ViewerModel

EXISTING: dict[Existing, str] = {
    "error": "report it as failed",
    "skip": "skip the image",
    "overwrite": "overwrite it",
}
ALL = "all outputs"
ABOUT_MORE = "Type, range, order of axes, region, compression, files for single classes."


class ExportsSection(Section):
    """Outputs to tick, their settings, and what to do about files that exist.

    Settings are those of the last batch until a job is set.

    Parameters
    ----------
    viewer
        Where the region can be drawn.

    Attributes
    ----------
    changed
        Something else is to be written.
    """

    changed = Signal()

    def __init__(self, viewer: "ViewerModel") -> None:
        super().__init__("Export settings")
        self._classifier: Classifier | None = None
        self._exports: tuple[Export, ...] = (Export(),)
        # What the next output that is ticked is exported with.
        self._template = Export()
        # Which of the exports the settings are of; all if None.
        self._one: int | None = None
        # Whether the exports are those of a job, which stay as they are; and for which classifier, once it is known.
        self._given = False
        self._given_for: Path | None = None
        self._image: ImageAxes | None = None
        self._first: FirstImage | None = None
        self._region = RegionLayer(viewer, self._on_drawn)

        self._sources = SourceBoxes()
        self._unknown = Message()
        self._target = combo([(ALL, "")])
        self._differing = Message()
        self._form, self._more_form = ExportForm(), MoreForm()
        self._path = QElidingLabel()
        self._path.setEllipsesWidth(ELLIPSIS_WIDTH)
        self._path.setElideMode(Qt.TextElideMode.ElideLeft)
        self._existing = combo([(text, value) for value, text in EXISTING.items()])
        self._message = Message()
        self._memory = Message()
        self._only = Message()
        self._more = Section("More export settings", folded=True, about=ABOUT_MORE)
        self._more.body.addWidget(self._more_form)

        of, exists, self._first_file = QWidget(), QWidget(), QWidget()
        self._target_row = Row(
            make_form(of), "Settings of", [self._target.native], "Which outputs the settings are of."
        )
        tip = "What to do about an output that exists already."
        Row(make_form(exists), "If it exists", [self._existing.native], tip)
        Row(make_form(self._first_file), "First file", [self._path], "The first file that will be written.")
        for part in (
            self._sources,
            self._unknown,
            of,
            self._differing,
            self._form,
            self._first_file,
            exists,
            self._memory,
            self._message,
            self._only,
            self._more,
        ):
            self.body.addWidget(part)
        self._sources.ticked.connect(self._on_ticked)
        self._target.changed.connect(self._on_target)
        self._form.edited.connect(self._on_edited)
        self._more_form.edited.connect(self._on_edited)
        self._more_form.draw_clicked.connect(self._on_draw)
        self._existing.changed.connect(lambda _: self.changed.emit())
        self.destroyed.connect(self._region.stop)
        if (kept := preferences.exports()) is not None:
            self._exports, existing = kept
            self._template = self._exports[0]
            choose(self._existing, existing)
        self._show()

    def value(self) -> dict[str, Any]:
        """Return the fields of a job that are shown here. There are no exports if nothing is ticked."""
        return {"exports": self._exports, "existing": self._existing.value}

    def setValue(self, job: BatchJob) -> None:
        """Show the exports of a job, and what it does about outputs that exist."""
        choose(self._existing, job.existing)
        self._exports, self._template = job.exports, job.exports[0]
        self._one, self._given = None, True
        known = self._classifier is not None and self._classifier.path == job.classifier
        self._given_for = job.classifier if known else None
        self._show()
        self.changed.emit()

    def set_offered(self, classifier: Classifier | None) -> None:
        """Offer the outputs of a classifier, and leave out what it has not; if nothing is left, tick what it is for.

        What a job says stays as it is, until the user turns to another classifier.
        """
        self._classifier = classifier
        if classifier is not None and self._given:
            self._given_for = self._given_for or classifier.path
            self._given = classifier.path == self._given_for
        if classifier is not None and not self._given:
            offered = {name.lower() for name in classifier.sources}
            left = tuple(export for export in self._exports if export.source.lower() in offered)
            if not left or len(left) < len(self._exports):
                self._exports = left or tuple(self._new(source) for source in default_sources(classifier))
                self._one = None
                self._show()
                self.changed.emit()
                return
        self._show()

    def set_image(self, axes: str | None, extents: Mapping[str, int] | None) -> None:
        """Take in the first image.

        Parameters
        ----------
        axes, extents
            Its axes, and its extent along each of ``t c z y x``; None if they are not known.
        """
        image = ImageAxes(axes, dict(extents)) if axes is not None and extents is not None else None
        if image != self._image:
            self._image = image
            self._show()

    def set_plan(self, plan: Plan | None) -> None:
        """Show the first name that will be written; none if it is not known."""
        self._first = first_image(plan) if plan is not None else None
        self._memory.say(in_memory(plan) if plan is not None else "")
        self._show_names()

    def remember(self) -> None:
        """Keep the settings for the next session."""
        preferences.keep_exports(self._exports, self._existing.value)

    def go_to_existing(self) -> QWidget:
        """Give the keyboard to what is done about outputs that exist, and return this control."""
        self.unfold()
        lay_out(self)
        control: QWidget = self._existing.native
        control.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return control

    def _source(self, export: Export) -> Source | None:
        """Return what an export is of; None if the classifier does not offer it, or is not known."""
        try:
            return self._classifier.source(export.source) if self._classifier is not None else None
        except SettingsError:
            return None

    def _new(self, source: Source) -> Export:
        return for_source(self._template, source, self._image)

    def _chosen(self) -> list[Chosen]:
        """Return the exports that the settings are of."""
        exports = self._exports if self._one is None else (self._exports[self._one],)
        return [Chosen(export, self._source(export)) for export in exports or (self._template,)]

    def _show(self) -> None:
        self._show_sources()
        texts = labels(self._exports)
        several = len(texts) > 1
        self._one = self._one if several else None
        choices = [(ALL, ""), *((text, str(i)) for i, text in enumerate(texts))]
        set_choices(self._target, choices, "" if self._one is None else str(self._one))
        self._target_row.set_visible(several)
        self._differing.say(differing(self._exports) if self._one is None else "")
        chosen = self._chosen()
        self._form.show_exports(chosen, self._image)
        self._more_form.show_exports(chosen, self._image)
        self._more.set_summary(more_than_default(chosen[0].export))
        reason = why_not(self._exports, self._classifier, self._image) if self._classifier else ""
        self._message.say(reason, kind="problem")
        part = only(self._exports)
        self._only.say(
            f"Of each image {part} is written. Empty Region below to write everything." if part else "", kind="warning"
        )
        self._region.show(chosen[0].export.region)
        # The region first: the end is cut where there is no room.
        self.set_summary("; ".join(filter(None, [part, ", ".join(texts) or "nothing"])))
        self._show_names()

    def _show_sources(self) -> None:
        """Have a box for every output that is offered or ticked."""
        offered = self._classifier.sources if self._classifier is not None else ()
        found = [(export, self._source(export)) for export in self._exports]
        ticked = [source.name if source is not None else export.source for export, source in found]
        unknown = [name for name in dict.fromkeys(ticked) if self._classifier is not None and name not in offered]
        self._sources.lay(list(dict.fromkeys([*offered, *ticked])))
        before: QWidget = self._heading
        for box in self._sources.boxes.values():
            # New boxes come last otherwise, behind all that is in napari's window.
            QWidget.setTabOrder(before, box.native)
            before = box.native
        for name, box in self._sources.boxes.items():
            with box.changed.blocked():
                box.value = name in ticked
            box.tooltip = f"The classifier does not offer {name}." if name in unknown else f"Write {name}."
        if unknown:
            it = "it" if len(unknown) == 1 else "them"
            self._unknown.say(f"The classifier does not offer {', '.join(unknown)}. Untick {it}.", kind="problem")
        else:
            self._unknown.say("" if self._exports else "Tick what to write.")

    def _show_names(self) -> None:
        paths: list[str] = []
        if self._first is not None and self._exports:
            try:
                paths = [str(path) for path in names(self._first, self._exports, self._image)]
            except SettingsError:
                # The message says it already.
                paths = []
        place = self._one if self._one is not None and self._one < len(paths) else 0
        self._path.setText(paths[place] if paths else "")
        self._path.setToolTip("\n".join(["Files written for the first image:", *paths]) if paths else "")
        self._first_file.setVisible(bool(paths))

    def _on_ticked(self) -> None:
        self._given = False
        kept: dict[str, list[Export]] = {}
        for export in self._exports:
            source = self._source(export)
            kept.setdefault(source.name if source is not None else export.source, []).append(export)
        exports: list[Export] = []
        for name in self._sources.ticks():
            source = self._source(Export(source=name))
            new = self._new(source) if source is not None else self._template.model_copy(update={"source": name})
            exports += kept.get(name, [new])
        self._exports, self._one = tuple(exports), None
        self._show()
        self.changed.emit()

    def _on_target(self, value: str) -> None:
        self._one = int(value) if value else None
        self._show()

    def _on_edited(self, fields: dict[str, Any]) -> None:
        """Set something of the exports whose settings are shown, as far as it means something for them."""
        if self._one is None:
            self._template = self._changed(self._template, fields)
            self._exports = tuple(self._changed(export, fields) for export in self._exports)
        else:
            exports = list(self._exports)
            exports[self._one] = self._changed(exports[self._one], fields)
            self._exports = tuple(exports)
        self._show()
        self.changed.emit()

    def _changed(self, export: Export, fields: dict[str, Any]) -> Export:
        source = self._source(export)
        form = format_named(fields.get("format", export.format))
        if form is not None and source is not None and form.is_table != (source.kind == "table"):
            # Tables and images have formats of their own.
            fields = {name: value for name, value in fields.items() if name != "format"}
        return with_changes(
            export, source, **{name: value for name, value in fields.items() if not why_off(name, export, source)}
        )

    def _on_draw(self) -> None:
        extents = self._image.extents if self._image is not None else None
        try:
            self._region.draw(self._chosen()[0].export.region, extents)
        except SettingsError as error:
            self._more_form.say(str(error))

    def _on_drawn(self, region: Region) -> None:
        self._on_edited({"region": {**self._chosen()[0].export.region, **region}})


def default_sources(classifier: Classifier) -> list[Source]:
    """Return what is exported if nothing else is asked for: the first output, and the counts if there are any."""
    sources = [classifier.source(name) for name in classifier.sources]
    return [source for i, source in enumerate(sources) if not i or source.kind == "table"]
