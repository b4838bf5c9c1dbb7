"""The form for rarer settings of exports: type, range, axes, region, compression, and the place in the file."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import get_args

from magicgui.widgets import CheckBox, LineEdit
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QPushButton, QWidget

from napari_batch_prediction.axes import check_axes, output_axes
from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.errors import AxesError, SettingsError
from napari_batch_prediction.formats.common.target import Compression
from napari_batch_prediction.formats.registry import format_named
from napari_batch_prediction.job.export import Dtype, Export
from napari_batch_prediction.job.options import describe, label
from napari_batch_prediction.job.region import Region, format_region, parse_region
from napari_batch_prediction.planning.choices import axis_orders, has_setting, why_no_dtype
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets.exports.form import ShownExport, off_for_all, shown_for
from napari_batch_prediction.widgets.parts.form_rows import (
    Row,
    choose,
    combo,
    line,
    make_form,
    set_choices,
    set_tooltips,
    type_in,
)
from napari_batch_prediction.widgets.parts.menu_button import MenuButton

RANGE = "Whether values are written as they are, or rescaled (in ilastik: Renormalise)."
COMPRESSIONS: Mapping[Compression, str] = {
    "none": "none",
    "gzip": "gzip (deflate)",
    "zstd": "zstd",
    "blosc": "blosc (zstd)",
    "lzw": "lzw",
}
DRAW = "Draw a rectangle on an image in the viewer: the pixels it touches are the region, also when it is moved."
NOT_RESCALED = "Choose to rescale the values first."
AS_THEY_ARE, RESCALE = "as they are", "rescale"

# Fields of the rows that have other names than their field.
_FIELDS = {"range": "output_range", "draw": "region"}

OF_FILES = ("compression", "per_class", "per_image", "into_image", "internal_path", "ome_zarr_version")
"""The settings that have no effect on results that stay in memory."""


class MoreForm(QWidget):
    """Controls for the settings of exports that are folded away at first.

    Attributes
    ----------
    edited
        The user has changed settings; emitted with the changed fields of :class:`Export`.
    draw_clicked
        The user wants to draw the region.
    refused
        What is typed is no setting; emitted with the reason.
    """

    edited = Signal(dict)
    draw_clicked = Signal()
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._orders: tuple[str, ...] = ()
        form = make_form(self)
        self._dtype = combo([("its own", ""), *((name, name) for name in get_args(Dtype))])
        self._range = combo([(AS_THEY_ARE, AS_THEY_ARE), (RESCALE, RESCALE)])
        self._input = line("min"), line("max")
        self._output = line("min"), line("max")
        self._axes, self._pick = line(), MenuButton("", self._fill_orders)
        self._pick.setToolTip("Orders that make sense for the first image.")
        self._region, self._draw = line("everything"), QPushButton("Draw in viewer")
        self._compression = combo([("", "")])
        self._dataset = line()
        self._version = combo([("0.4", "0.4"), ("0.5", "0.5")])
        self._boxes = {name: CheckBox(text=label(Export, name)) for name in ("per_class", "per_image", "into_image")}
        self._rows = {
            "dtype": Row(form, label(Export, "dtype"), [self._dtype.native], describe(Export, "dtype")),
            "range": Row(form, label(Export, "output_range"), [self._range.native], RANGE),
            "input_range": Row(form, "   from", [box.native for box in self._input], describe(Export, "input_range")),
            "output_range": Row(form, "   to", [box.native for box in self._output], describe(Export, "output_range")),
            **{
                name: Row(form, label(Export, name), controls, describe(Export, name))
                for name, controls in (
                    ("output_axes", [self._axes.native, self._pick]),
                    ("region", [self._region.native]),
                )
            },
            "draw": Row(form, "", [self._draw], DRAW),
            **{
                name: Row(form, label(Export, name), [control.native], describe(Export, name))
                for name, control in (
                    ("compression", self._compression),
                    ("internal_path", self._dataset),
                    ("ome_zarr_version", self._version),
                )
            },
            # The text of a box is its label.
            **{name: Row(form, "", [box.native], describe(Export, name)) for name, box in self._boxes.items()},
        }

        self._dtype.changed.connect(lambda name: self.edited.emit({"dtype": name or None}))
        self._range.changed.connect(self._on_range)
        for setting, boxes in (("input_range", self._input), ("output_range", self._output)):
            for box in boxes:
                box.changed.connect(lambda _, setting=setting, boxes=boxes: self._on_ends(setting, boxes))
        self._axes.changed.connect(self._on_axes)
        self._region.changed.connect(self._on_region)
        self._draw.clicked.connect(self.draw_clicked)
        self._compression.changed.connect(lambda name: self.edited.emit({"compression": name or None}))
        self._dataset.changed.connect(self._on_dataset)
        self._version.changed.connect(lambda version: self.edited.emit({"ome_zarr_version": version}))
        for name, tick in self._boxes.items():
            tick.changed.connect(lambda on, name=name: self.edited.emit({name: on}))

    def set_offered(self, sources: Sequence[Source]) -> None:
        """Show those boxes alone that have an effect on one of these sources; all if there are none."""
        for name, tick in self._boxes.items():
            tick.native.setVisible(not sources or any(has_setting(name, source) for source in sources))

    def show_exports(self, exports: Sequence[ShownExport], image: ImageAxes | None, off: str = "") -> None:
        """Show the settings of these exports; each setting as the first export has it that it affects.

        Parameters
        ----------
        exports
            At least one.
        image
            The first image, if it is known.
        off
            The reason why no files are written; empty if some are.
        """
        for setting, row in self._rows.items():
            reason = off if setting in OF_FILES else ""
            row.set_off(reason or off_for_all(_FIELDS.get(setting, setting), exports))
        self._show_values(shown_for("dtype", exports))
        export, source = shown_for("output_axes", exports)
        own = output_axes(image.axes) if image is not None else ""
        self._orders = axis_orders(export, source, image)
        self._axes.native.setPlaceholderText(f"{own}, the image's own" if own else "the image's own, then c")
        if (self._axes.value.strip().lower() or None) != export.output_axes:
            type_in(self._axes, export.output_axes or "")
        self._show_region(exports[0].export.region)
        self._show_compression(shown_for("compression", exports).export)
        for setting, box in self._boxes.items():
            with box.changed.blocked():
                box.value = getattr(shown_for(setting, exports).export, setting)
        type_in(self._dataset, shown_for("internal_path", exports).export.internal_path)
        choose(self._version, shown_for("ome_zarr_version", exports).export.ome_zarr_version)

    def _show_values(self, shown: ShownExport) -> None:
        """Show type and range."""
        export, source = shown
        own = f"{source.dtype}, its own" if source is not None else "its own"
        set_choices(self._dtype, [(own, ""), *((name, name) for name in get_args(Dtype))], export.dtype or "")
        set_tooltips(self._dtype, {}, {name: str(why_no_dtype(name, export) or "") for name in get_args(Dtype)})
        rescaled = export.output_range is not None
        choose(self._range, RESCALE if rescaled else AS_THEY_ARE)
        for setting in ("input_range", "output_range"):
            off = off_for_all(setting, [shown])
            self._rows[setting].set_off(off or ("" if rescaled else NOT_RESCALED))
        own_range = source.value_range if source is not None else None
        hints = [f"{end:g}" for end in own_range] if own_range else ["min", "max"]
        for box, hint in zip(self._input, hints, strict=True):
            box.native.setPlaceholderText(hint)
        _show_ends(self._input, export.input_range)
        _show_ends(self._output, export.output_range)

    def _show_region(self, region: Region) -> None:
        try:
            typed = parse_region(self._region.value)
        except SettingsError:
            typed = None
        if typed != region:
            type_in(self._region, format_region(region))

    def _show_compression(self, export: Export) -> None:
        export_format = format_named(export.format)
        compressions = export_format.compressions if export_format is not None else ()
        # The first is the default, which the export leaves unset.
        choices = [(COMPRESSIONS[name], name if i else "") for i, name in enumerate(compressions)]
        value = export.compression if export.compression in compressions[1:] else None
        set_choices(self._compression, choices or [("", "")], value or "")

    def _on_range(self, choice: str) -> None:
        dtype = self._dtype.value
        whole = "float" not in (dtype or "float")
        top = float(2 ** (int(dtype.lstrip("uint")) - dtype.startswith("i")) - 1) if whole else 1.0
        self.edited.emit({"output_range": (0.0, top) if choice == RESCALE else None})

    def _on_ends(self, setting: str, boxes: tuple[LineEdit, LineEdit]) -> None:
        try:
            ends = _ends(boxes)
        except SettingsError as error:
            self.refused.emit(str(error))
            return
        if ends is None and setting == "output_range":
            self.refused.emit("Give both ends of the range, or choose to leave values as they are.")
            return
        self.edited.emit({setting: ends})

    def _on_axes(self, text: str) -> None:
        try:
            axes = check_axes(text.strip()) if text.strip() else None
        except AxesError as error:
            self.refused.emit(str(error))
            return
        self.edited.emit({"output_axes": axes})

    def _on_region(self, text: str) -> None:
        try:
            region = parse_region(text)
        except SettingsError as error:
            self.refused.emit(str(error))
            return
        self.edited.emit({"region": region})

    def _on_dataset(self, name: str) -> None:
        if name.strip():
            self.edited.emit({"internal_path": name.strip()})
        else:
            self.refused.emit("The dataset needs a name, for example exported_data.")

    def _fill_orders(self, menu: QMenu) -> None:
        for order in self._orders:
            action = menu.addAction(order)
            if action is not None:
                action.triggered.connect(lambda _=False, order=order: setattr(self._axes, "value", order))
        menu.addSeparator()
        own = menu.addAction("The image's own")
        if own is not None:
            own.triggered.connect(lambda: setattr(self._axes, "value", ""))


def _ends(boxes: tuple[LineEdit, LineEdit]) -> tuple[float, float] | None:
    """Return the range that is typed; None if the boxes are empty.

    Raises
    ------
    SettingsError
        If the texts are not a range.
    """
    texts = [box.value.strip() for box in boxes]
    if not any(texts):
        return None
    try:
        low, high = map(float, texts)
    except ValueError:
        raise SettingsError("A range has two ends that are numbers, for example 0 and 255.") from None
    if not (isfinite(low) and isfinite(high) and low <= high):
        raise SettingsError(f"A range goes from the smaller to the larger value, not from {low:g} to {high:g}.")
    return low, high


def _show_ends(boxes: tuple[LineEdit, LineEdit], ends: tuple[float, float] | None) -> None:
    try:
        typed = _ends(boxes)
    except SettingsError:
        typed = None
    if typed != ends or ends is None:
        for box, text in zip(boxes, (f"{end:.10g}" for end in ends) if ends else ("", ""), strict=True):
            type_in(box, text)
