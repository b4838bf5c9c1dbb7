"""The form that sets axes, channels, dataset and second images of some images or of all."""

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, LineEdit
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QMenu, QWidget

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.images.second import MASK, ROLES, Role
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.planning.inputs.offers import Offer
from napari_batch_prediction.widgets.inputs.second import SecondLine
from napari_batch_prediction.widgets.inputs.shown import Channels, ShownSettings
from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.parts.message import Message

if TYPE_CHECKING:
    from napari.components import ViewerModel

AXES_HELP = (
    "The axes in their order: t time, c channel, z, y, x. For example tyx for a time series.\n"
    "Left empty they come from the file; where it does not say, they are guessed, marked *."
)
CHANNELS_HELP = (
    "The channels to use, by index from 0 or by name, in this order, with commas between them.\n"
    "For example 0, or DAPI, GFP. Left empty, all are used."
)
DATASET_HELP = (
    "Which dataset is meant of files that can hold several: HDF5, Zarr, N5, NPZ; series and positions of TIFF;\n"
    "scenes of CZI, LIF and others.\n"
    "auto: the only one in the file, and of an OME-Zarr image its full resolution."
)
NO_DATASETS = "There is nothing to choose: no file here can hold several datasets."
STACK_HELP = "Whether all files of a pattern or of a folder together are one image, stacked along an axis."
STACKS: dict[str, StackAxis | None] = {"no": None, "along z": "z", "along t": "t", "along c": "c"}
AUTO = "auto"


class InputSettingsForm(QWidget):
    """Controls for axes, channels, dataset and second images of some images, and for stacking files.

    Parameters
    ----------
    viewer
        The viewer whose layers can be second images.
    offers
        A function that returns the templates by which second images lie beside the images.

    Attributes
    ----------
    edited
        The user has changed a setting; emitted with the name of the field and its value, None if it is unset.
    """

    edited = Signal(str, object)

    def __init__(self, viewer: "ViewerModel", offers: Callable[[Role], Sequence[Offer]]) -> None:
        super().__init__()
        self._channel_names: tuple[str, ...] = ()
        self._target: tuple[str, ...] = ()
        self._whom = Line()
        self._axes = LineEdit(tooltip=AXES_HELP)
        self._channels = LineEdit(tooltip=CHANNELS_HELP)
        self._pick = MenuButton("", self._fill)
        self._dataset = ComboBox(choices=[(AUTO, "")], tooltip=DATASET_HELP)
        self._stack = ComboBox(choices=list(STACKS), tooltip=STACK_HELP)
        self._second = {role: SecondLine(role, viewer, offers) for role in ROLES.values()}
        self._message = Message(lines=2)

        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self._whom, 0, 0, 1, 2)
        # What a classifier needs comes first, a mask last.
        needed = [line for role, line in self._second.items() if role != MASK]
        for row, line in enumerate(needed, start=1):
            grid.addWidget(line.title, row, 0)
            grid.addWidget(line, row, 1)
        row = len(needed) + 1
        grid.addWidget(QLabel("Axes"), row, 0)
        grid.addLayout(
            _row((self._axes.native, 1), (QLabel("Channels"), 0), (self._channels.native, 1), (self._pick, 0)), row, 1
        )
        grid.addWidget(QLabel("Dataset"), row + 1, 0)
        grid.addLayout(_row((self._dataset.native, 1), (QLabel("Stack"), 0), (self._stack.native, 0)), row + 1, 1)
        grid.addWidget(self._second[MASK].title, row + 2, 0)
        grid.addWidget(self._second[MASK], row + 2, 1)
        grid.addWidget(self._message, row + 3, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        for box in (self._axes.native, self._channels.native):
            box.setAcceptDrops(False)
            box.setMinimumWidth(40)
        for box in (self._dataset.native, self._stack.native):
            box.setSizeAdjustPolicy(box.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumWidth(60)

        self._axes.changed.connect(self._on_axes)
        self._channels.changed.connect(self._on_channels)
        self._dataset.changed.connect(lambda value: self.edited.emit("dataset", value or None))
        self._stack.changed.connect(lambda value: self.edited.emit("stack", STACKS[value]))
        for role, line in self._second.items():
            line.edited.connect(lambda text, name=role.field: self.edited.emit(name, text))
        self.show_settings(ShownSettings())

    def show_settings(self, shown: ShownSettings) -> None:
        """Show settings. What is being typed for the same images stays as typed."""
        is_same = shown.target == self._target
        typing = self._axes.native.hasFocus() and is_same
        for role, line in self._second.items():
            typed = line.line.native.hasFocus() and is_same
            line.show_second(shown.second[role.field], of_all=not shown.target, typing=typed)
        self._target = shown.target
        self._whom.say(f"For {shown.whom}:", f"These settings hold for {shown.whom}.")
        self._channel_names = shown.channel_names
        self._axes.native.setPlaceholderText(shown.axes_hint)
        self._channels.native.setPlaceholderText(shown.channels_hint)
        with self._axes.changed.blocked(), self._channels.changed.blocked():
            if not typing and _axes_of(self._axes.value) != shown.axes:
                self._axes.value = shown.axes or ""
            if parse_channels(self._channels.value) != shown.channels:
                self._channels.value = format_channels(shown.channels or ())
        if not typing:
            self._message.say("")
        names = tuple(dict.fromkeys([*(shown.datasets or ()), *filter(None, [shown.dataset])]))
        with self._dataset.changed.blocked():
            # Names that are in the list would keep their place in it.
            self._dataset.choices = []
            self._dataset.choices = [(AUTO, ""), *((name, name) for name in names)]
            self._dataset.value = shown.dataset or ""
        self._dataset.enabled = shown.datasets is not None or shown.dataset is not None
        self._dataset.tooltip = DATASET_HELP if self._dataset.enabled else NO_DATASETS
        self._pick.setEnabled(bool(shown.channel_names))
        self._pick.setToolTip(
            "Choose among the channels." if shown.channel_names else "The channels are offered once they are known."
        )

    def show_stack(self, stack: StackAxis | None) -> None:
        """Show the axis along which files are stacked."""
        with self._stack.changed.blocked():
            self._stack.value = next(text for text, axis in STACKS.items() if axis == stack)

    def control(self, field: str) -> QWidget:
        """Return the control of a field: axes, channels, dataset, or one that names second images."""
        controls = {"axes": self._axes, "channels": self._channels, "dataset": self._dataset}
        controls |= {role.field: line.line for role, line in self._second.items()}
        control: QWidget = controls[field].native
        return control

    def _on_axes(self, text: str) -> None:
        try:
            axes = check_axes(text.strip()) if text.strip() else None
        except AxesError as error:
            self._message.say(str(error), kind="problem")
            return
        self._message.say("")
        self.edited.emit("axes", axes)

    def _on_channels(self, text: str) -> None:
        self.edited.emit("channels", parse_channels(text))

    def _fill(self, menu: QMenu) -> None:
        """Offer the channels, with a tick at those in use."""
        in_use = parse_channels(self._channels.value) or ()
        for i, name in enumerate(self._channel_names):
            action = menu.addAction(f"{i}  {name}")
            if action is not None:
                action.setCheckable(True)
                action.setChecked(i in in_use or (name in in_use and bool(name)))
                action.triggered.connect(lambda on, i=i, name=name: self._choose(i, name, on))
        menu.addSeparator()
        everything = menu.addAction("All channels")
        if everything is not None:
            everything.triggered.connect(lambda: setattr(self._channels, "value", ""))

    def _choose(self, index: int, name: str, on: bool) -> None:
        others = [channel for channel in parse_channels(self._channels.value) or () if channel not in (index, name)]
        self._channels.value = format_channels([*others, index] if on else others)


def _row(*widgets: tuple[QWidget, int]) -> QHBoxLayout:
    """Return widgets side by side, each with its share of the spare width."""
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget, stretch in widgets:
        row.addWidget(widget, stretch)
    return row


def _axes_of(text: str) -> str | None:
    return text.strip().lower() or None


def parse_channels(text: str) -> Channels | None:
    """Return the channels that a text names, by index or name; None if it names none.

    Names with commas stand in double quotes.
    """
    names = [name.strip() for row in csv.reader([text], skipinitialspace=True) for name in row]
    return tuple(int(name) if name.isdecimal() else name for name in names if name) or None


def format_channels(channels: Iterable[int | str]) -> str:
    """Return channels as a text for :func:`parse_channels`."""
    return ", ".join(f'"{name}"' if "," in str(name) else str(name) for name in channels)
