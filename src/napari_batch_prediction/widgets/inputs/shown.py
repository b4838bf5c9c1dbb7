"""What the form below the table says of some images, or of all."""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_batch_prediction.job.job import InputSettings
from napari_batch_prediction.planning.inspection import ImageInfo
from napari_batch_prediction.widgets.inputs.changes import containers, same
from napari_batch_prediction.widgets.inputs.contents import Contents
from napari_batch_prediction.widgets.inputs.model import InputsModel
from napari_batch_prediction.widgets.parts.words import count, short_name

Channels = tuple[int | str, ...]

DIFFER = "they differ"


@dataclass(frozen=True)
class Shown:
    """What the form shows.

    Attributes
    ----------
    whom
        What it applies to, in words.
    target
        Its locations; all images if empty.
    axes, channels, dataset
        What is set; None if nothing is, or not the same for all.
    axes_hint, channels_hint
        What holds where nothing is set.
    datasets
        The datasets to choose from; None if no file can hold several.
    channel_names
        For each channel to choose from its name, which may be empty.
    """

    whom: str = "all images"
    target: tuple[str, ...] = ()
    axes: str | None = None
    channels: Channels | None = None
    dataset: str | None = None
    axes_hint: str = "from file"
    channels_hint: str = "all"
    datasets: tuple[str, ...] | None = None
    channel_names: tuple[str, ...] = ()


def shown_for(
    model: InputsModel, target: tuple[str, ...], everywhere: InputSettings, settings: dict[str, InputSettings],
    contents: Contents,
) -> Shown:  # fmt: skip
    """Return what to show for some images.

    Parameters
    ----------
    model
        The images.
    target
        Those selected; none for all.
    everywhere
        What is set for all images.
    settings
        What is set for single ones.
    contents
        What is in one of them.
    """
    images = target or tuple(model.images)
    files = containers(images)
    nothing = InputSettings()
    datasets = [settings.get(image, nothing).dataset for image in files]
    own = [settings.get(image, nothing) for image in target] or [everywhere]
    axes, channels = [one.axes for one in own], [one.channels for one in own]
    found = [one.image for one in map(model.found, images[:_MOST_LOOKED_AT]) if one is not None and one.image]
    return Shown(
        _whom(target),
        target,
        same(axes),
        same(channels),
        same(datasets),
        DIFFER if same(axes) is None and any(axes) else _axes_hint(found),
        DIFFER if same(channels) is None and any(channels) else _channels_hint(everywhere, target),
        contents.datasets if files else None,
        contents.channel_names,
    )


def summary(shown: Shown, stack: str | None) -> str:
    """Return what is set, as in ``all images: axes tyx, channels 0``; empty if nothing is.

    Parameters
    ----------
    shown
        What the form shows.
    stack
        The axis along which files are stacked.
    """
    channels = ", ".join(map(str, shown.channels or ()))
    parts = [f"axes {shown.axes}" if shown.axes else "", f"channels {channels}" if channels else ""]
    parts += [f"dataset {shown.dataset}" if shown.dataset else "", f"stacked along {stack}" if stack else ""]
    texts = ", ".join(part for part in parts if part)
    return f"{shown.whom}: {texts}" if texts else ""


# A hint is not worth looking at thousands.
_MOST_LOOKED_AT = 100


def _whom(target: Sequence[str]) -> str:
    if not target:
        return "all images"
    return short_name(target[0]) if len(target) == 1 else count(len(target), "selected image")


def _axes_hint(found: Sequence[ImageInfo]) -> str:
    hint = same([info.axes + ("*" if info.axes_known == "guess" else "") for info in found])
    return hint or "from file"


def _channels_hint(everywhere: InputSettings, target: Sequence[str]) -> str:
    return ", ".join(map(str, everywhere.channels)) if everywhere.channels and target else "all"
