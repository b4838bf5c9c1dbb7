"""Settings of single images of a job, and how channels and second images are spelled."""

import csv
import os
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field

from napari_batch_prediction.images.second import ROLES
from napari_batch_prediction.job import spelling
from napari_batch_prediction.job.settings import Settings, documented
from napari_batch_prediction.locations.layers import named_in_memory
from napari_batch_prediction.locations.location import absolute

Channels = tuple[spelling.Whole | str, ...]
"""Channels of an image, by index from 0 or by name."""


def split_names(text: str) -> tuple[str, ...]:
    """Return names with commas between them; a name with commas may stand in double quotes."""
    rows = csv.reader([text], skipinitialspace=True)
    return tuple(name.strip() for row in rows for name in row) or ("",)


def join_names(names: Iterable[int | str]) -> str:
    """Return names with commas between them, for :func:`split_names`."""
    return ",".join('"{}"'.format(name.replace('"', '""')) if {*name} & {*',"'} else name for name in map(str, names))


def channel_list(value: Any) -> Any:
    """Return channels as a list, also a single one, or names with commas between them."""
    if isinstance(value, str):
        return split_names(value)
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


def whole(name: str) -> str:
    """Return the absolute path of an input, also of a list with ``@`` before it; a layer unchanged."""
    if name.startswith("@"):
        return f"@{whole(name[1:])}"
    return absolute(name if named_in_memory(name) else os.path.expanduser(name))  # noqa: PTH111 - never fails


def whole_second(name: str) -> str:
    """Return the absolute path of second images; a template, which begins at the folder of an image, unchanged."""
    return name if "{" in name and not os.path.exists(name) else whole(name)  # noqa: PTH110 - False for names too long


def absolute_seconds(settings: Settings) -> dict[str, str]:
    """Return the fields of second images that are given, with absolute paths."""
    return {name: whole_second(text) for name in ROLES if (text := getattr(settings, name)) is not None}


@documented(0)
class InputSettings(Settings):
    """Settings of one image; they override the job's.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> own = nbp.InputSettings(axes="tyx", channels=["DAPI"], dataset="scan/raw")
    >>> job = nbp.BatchJob("nuclei.ilp", "data", input_settings={"data/b.h5": own})
    """

    axes: spelling.Axes | None = Field(default=None, description="Axes, instead of the file's own or a guess.")
    channels: Annotated[Channels | None, BeforeValidator(channel_list)] = Field(
        default=None, min_length=1, description="Channels to use, by name or index from 0."
    )
    dataset: str | None = Field(default=None, description="The dataset to use of a file that holds several.")
    mask: Annotated[str | None, BeforeValidator(spelling.path)] = Field(
        default=None, description="The mask of the image: a file, a template such as {stem}_mask.tif, or a layer."
    )
    prediction_maps: Annotated[str | None, BeforeValidator(spelling.path)] = Field(
        default=None, description="Its probabilities, for a classifier of objects that makes objects of them."
    )
    segmentation_image: Annotated[str | None, BeforeValidator(spelling.path)] = Field(
        default=None, description="Its binary image, for a classifier of objects that takes one."
    )
    label_image: Annotated[str | None, BeforeValidator(spelling.path)] = Field(
        default=None, description="Its label image, for a classifier of objects that takes one."
    )

    def absolute(self) -> Self:
        """Return the same settings with absolute paths."""
        update = absolute_seconds(self)
        return self.model_copy(update=update) if update else self
