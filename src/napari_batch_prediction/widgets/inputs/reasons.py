"""Problems and warnings of images in words, and buttons that lead to the settings that mend them."""

from collections.abc import Iterable, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_batch_prediction.images.second import ROLES
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.options import label
from napari_batch_prediction.planning.inputs.offers import Offer
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.widgets.inputs.model import InputsModel
from napari_batch_prediction.widgets.parts.colors import Kind
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.words import short_name, tip
from napari_batch_prediction.wording import count

EXISTING = "existing"
FORMULA = "structure_tensor"

# The settings that the window can lead to: the label of the button, and its tooltip.
REMEDIES = {
    "channels": ("Choose channels", "Go to the channels of the images that have this problem."),
    "axes": ("Set axes", "Go to the axes of the images that have this problem."),
    "dataset": ("Choose dataset", "Go to the dataset of the images that have this problem."),
    **{
        name: (
            f"Choose {label(BatchJob, name).lower()}",
            f"Go to the {role.noun} of the images that have this problem.",
        )
        for name, role in ROLES.items()
    },
    EXISTING: ("Skip or overwrite", "Go to what is done about outputs that exist."),
    FORMULA: ("Choose formula", "Go to the formula of the structure tensor, below the classifier."),
}

_MOST_NAMED = 5

# A fixed height, so that nothing moves when the selection changes.
_LINES = 4


NO_PROBLEM = "The check found no problem here. It reads the headers of files only."
NONE_SELECTED = "Select images to set their axes and channels, or to predict them alone."


def settings_that_mend(problems: Iterable[Problem]) -> list[str]:
    """Return the settings that mend problems and that the window can lead to, in the order of :data:`REMEDIES`."""
    settings = {problem.setting for problem in problems}
    return [setting for setting in REMEDIES if setting in settings]


def reasons_for(model: InputsModel, locations: Sequence[str]) -> str:
    """Return the problems and warnings of some images in words, one line for images with the same reason."""
    names: dict[str, list[str]] = {}
    for result in filter(None, map(model.inspected, locations)):
        for problem in (*result.problems, *result.warnings):
            names.setdefault(str(problem), []).append(result.input)
    lines = []
    for reason, images in list(names.items())[:_MOST_NAMED]:
        others = f" and {count(len(images) - 1, 'other')}" if len(images) > 1 else ""
        lines.append(f"{short_name(images[0])}{others}: {reason}")
    if len(names) > _MOST_NAMED:
        lines.append(f"And {count(len(names) - _MOST_NAMED, 'other reason')}: select a row to read its own.")
    return "\n".join(lines)


def about(model: InputsModel, selected: Sequence[str]) -> str:
    """Return what is known of the one image that is selected, in words."""
    result = model.inspected(selected[0]) if len(selected) == 1 else None
    image = result.image if result is not None else None
    if result is None or image is None:
        return ""
    extents = ", ".join(f"{key}: {n}" for key, n in zip(image.axes, image.shape, strict=True))
    beside = "".join(f"; {second.role.noun} {short_name(str(second.location))}" for second in result.beside)
    return f"{short_name(result.input)}: {extents}; {image.dtype}{beside}"


def worst(model: InputsModel, locations: Sequence[str]) -> Kind | None:
    """Return the worst that some images have: a problem or a warning; None if all are well."""
    results = list(filter(None, map(model.inspected, locations)))
    if any(result.problems for result in results):
        return "problem"
    return "warning" if any(result.warnings for result in results) else None


class Reasons(QWidget):
    """A message with buttons that mend it, in a place that is kept while there is nothing to say.

    Attributes
    ----------
    remedy_chosen
        The user wants to mend a problem; emitted with the setting.
    offer_chosen
        The user takes the template that is offered; emitted with it.
    """

    remedy_chosen = Signal(str)
    offer_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._message = Message(_LINES)
        self._row = QWidget()
        self._flow = QFlowLayout(self._row)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(4)
        self._buttons: dict[str, QPushButton] = {}
        for setting, (text, tooltip) in REMEDIES.items():
            button = QPushButton(text)
            button.setToolTip(tooltip)
            button.clicked.connect(lambda _, setting=setting: self.remedy_chosen.emit(setting))
            self._flow.addWidget(button)
            self._buttons[setting] = button
        self._offer: Offer | None = None
        self._take = QPushButton()
        self._take.clicked.connect(lambda: self.offer_chosen.emit(self._offer.template if self._offer else ""))
        self._flow.addWidget(self._take)
        # Keeps the height of the row.
        strut = QPushButton(" ")
        policy = strut.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        strut.setSizePolicy(policy)
        strut.setFixedWidth(0)
        strut.hide()
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(strut)
        row.addWidget(self._row, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._message)
        layout.addLayout(row)
        self.show_for(InputsModel(), (), "")

    def show_for(
        self,
        model: InputsModel,
        selected: Sequence[str],
        needs: str,
        of_all: Problem | None = None,
        offer: tuple[str, Offer] | None = None,
    ) -> None:
        """Show the problems and warnings of some images; without any, of all that share the first problem.

        Parameters
        ----------
        model
            All images.
        selected
            The selected ones.
        needs
            The step that is missing before images can be checked, in words; empty if none is.
        of_all
            The problem of the whole job, if there is one.
        offer
            A field that names second images, and the template that mends it for all images, if there is one.
        """
        locations = selected or model.with_first_problem()
        text, kind = reasons_for(model, locations), worst(model, locations)
        if of_all is not None:
            text, kind = str(of_all), "problem"
        waits = bool(needs and model.images)
        if not text and waits:
            text = f"The images are not checked yet. {needs}"
        elif not text and selected and all(map(model.inspected, selected)):
            text = "\n".join(filter(None, [about(model, selected), NO_PROBLEM]))
        elif not text and model.images:
            text = NONE_SELECTED
        self._message.say(text, kind=kind)
        results = filter(None, map(model.inspected, locations))
        problems = [problem for result in results for problem in (*result.problems, *result.warnings)]
        settings = settings_that_mend(problems if of_all is None else [of_all])
        self._offer = None
        if offer is not None and offer[0] in settings:
            settings.remove(offer[0])
            self._offer = offer[1]
            self._take.setText(f"Use {self._offer.template}")
            self._take.setToolTip(tip(f"Such files lie beside the images: {self._offer.example}"))
        buttons = {**self._buttons, "": self._take}
        settings += [""] if self._offer is not None else []
        for setting, button in buttons.items():
            # The layout leaves space beside widgets that are hidden.
            self._flow.removeWidget(button)
            if setting in settings:
                # First, since showing a widget is what lays it out.
                self._flow.addWidget(button)
            button.setVisible(setting in settings)
