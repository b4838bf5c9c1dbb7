"""Settings of some images, or of all, as the form below the table shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from napari_batch_prediction.images.second import MASK, ROLES, Role
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.options import label
from napari_batch_prediction.planning.inputs.inspection import ImageInfo
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.widgets.inputs.changes import containers, same
from napari_batch_prediction.widgets.inputs.contents import Contents
from napari_batch_prediction.widgets.inputs.model import InputsModel
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.wording import count

Channels = tuple[int | str, ...]

DIFFER = "they differ"
NO_MASK = "none: predict everything"
NEEDED = "needed"


@dataclass(frozen=True)
class ShownSecond:
    """The second images of one role, as the form shows them.

    Attributes
    ----------
    text
        What names them; None if nothing does, or not the same for all.
    hint
        What holds while nothing does.
    is_shown
        True if the classifier takes them, or some are named.
    problem
        What is wrong with them; empty if nothing is known to be.
    """

    text: str | None = None
    hint: str = NO_MASK
    is_shown: bool = True
    problem: str = ""


_NOT_NAMED = {field: ShownSecond(is_shown=field == MASK.field) for field in ROLES}


@dataclass(frozen=True)
class ShownSettings:
    """Texts and choices of the form.

    Attributes
    ----------
    whom
        The images that the settings are of, in words.
    target
        Their locations; all images if empty.
    axes, channels, dataset
        The settings; None if unset, or not the same for all.
    axes_hint, channels_hint
        The defaults that hold while a setting is unset.
    second
        Their second images, by the field that names them.
    datasets
        The datasets to choose from; None if no file can hold several.
    channel_names
        The names of the channels to choose from; a name may be empty.
    """

    whom: str = "all images"
    target: tuple[str, ...] = ()
    axes: str | None = None
    channels: Channels | None = None
    dataset: str | None = None
    axes_hint: str = "from file"
    channels_hint: str = "all"
    second: Mapping[str, ShownSecond] = field(default_factory=lambda: _NOT_NAMED)
    datasets: tuple[str, ...] | None = None
    channel_names: tuple[str, ...] = ()


def shown_for(
    model: InputsModel,
    target: tuple[str, ...],
    everywhere: InputSettings,
    settings: dict[str, InputSettings],
    contents: Contents,
    needed: Role | None = None,
    problem: Problem | None = None,
) -> ShownSettings:
    """Return the settings of some images, ready to be shown.

    Parameters
    ----------
    model
        The images.
    target
        The selected ones; none for all.
    everywhere
        Settings of all images.
    settings
        Settings of single images.
    contents
        The contents of one of them.
    needed
        The second images that the classifier needs; None if it needs none.
    problem
        The problem of the whole job, if there is one.
    """
    images = target or tuple(model.images)
    files = containers(images)
    nothing = InputSettings()
    datasets = [settings.get(image, nothing).dataset for image in files]
    own = [settings.get(image, nothing) for image in target] or [everywhere]
    axes, channels = [each.axes for each in own], [each.channels for each in own]
    results = list(filter(None, map(model.inspected, images[:_MOST_LOOKED_AT])))
    infos = [result.image for result in results if result.image]
    problems = [*([problem] if problem is not None else []), *(each for result in results for each in result.problems)]
    return ShownSettings(
        whom=_whom(target),
        target=target,
        axes=same(axes),
        channels=same(channels),
        dataset=same(datasets),
        axes_hint=DIFFER if same(axes) is None and any(axes) else _axes_hint(infos),
        channels_hint=DIFFER if same(channels) is None and any(channels) else _channels_hint(everywhere, target),
        second={
            role.field: ShownSecond(
                text=same(texts := [getattr(each, role.field) for each in own]),
                hint=DIFFER if same(texts) is None and any(texts) else _second_hint(role, everywhere, target, needed),
                is_shown=role == (needed or MASK)
                or any(getattr(each, role.field) for each in (everywhere, *settings.values())),
                problem=next((str(each) for each in problems if each.setting == role.field), ""),
            )
            for role in ROLES.values()
        },
        datasets=contents.datasets if files else None,
        channel_names=contents.channel_names,
    )


def summary(shown: ShownSettings, stack: str | None) -> str:
    """Return settings as a text, as in ``all images: axes tyx, channels 0``; empty if none is set.

    Parameters
    ----------
    shown
        The settings.
    stack
        The axis along which files are stacked.
    """
    channels = ", ".join(map(str, shown.channels or ()))
    texts = [f"axes {shown.axes}" if shown.axes else "", f"channels {channels}" if channels else ""]
    texts += [f"dataset {shown.dataset}" if shown.dataset else "", f"stacked along {stack}" if stack else ""]
    for name, second in shown.second.items():
        texts += [f"{label(BatchJob, name).lower()} {short_name(second.text)}" if second.text else ""]
    text = ", ".join(filter(None, texts))
    return f"{shown.whom}: {text}" if text else ""


# The hint is not worth comparing thousands of images.
_MOST_LOOKED_AT = 100


def _whom(target: Sequence[str]) -> str:
    if not target:
        return "all images"
    return short_name(target[0]) if len(target) == 1 else count(len(target), "selected image")


def _axes_hint(infos: Sequence[ImageInfo]) -> str:
    hint = same([info.axes + ("*" if info.axes_known == "guess" else "") for info in infos])
    return hint or "from file"


def _second_hint(role: Role, everywhere: InputSettings, target: Sequence[str], needed: Role | None) -> str:
    of_all = getattr(everywhere, role.field) if target else None
    return of_all or (NEEDED if role == needed else NO_MASK if role == MASK else "none")


def _channels_hint(everywhere: InputSettings, target: Sequence[str]) -> str:
    return ", ".join(map(str, everywhere.channels)) if everywhere.channels and target else "all"
