"""Settings as they are typed in Python, by name, for type checkers: they find a misspelt one.

Values are those that are accepted, which are more than what a field holds.
"""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from napari_batch_prediction.job.inputs import InputSettings
    from napari_batch_prediction.job.objects import ObjectSettings


class ExportKeywords(TypedDict, total=False):
    """Settings of an export besides its source."""

    format: str
    folder: str | os.PathLike[str] | None
    name: str
    internal_path: str
    ome_zarr_version: str | float
    compression: str | None
    # A numpy type, too.
    dtype: Any
    input_range: Iterable[float] | None
    output_range: Iterable[float] | None
    output_axes: str | None
    into_image: bool
    per_image: bool
    per_class: bool
    # A text, or slices, too.
    region: Any
    rules: Literal["own", "ilastik"]


class ObjectKeywords(TypedDict, total=False):
    """How objects are made, besides their class."""

    threshold: float
    core_threshold: float | None
    core_class: str | None
    smoothing: float
    min_size: float
    max_size: float | None
    size_unit: str
    fill_holes: bool
    split: float
    border_objects: str


class JobKeywords(TypedDict, total=False):
    """Settings of a job besides classifier, inputs and exports."""

    input_axes: str | None
    stack: str | None
    channels: int | str | Iterable[int | str] | None
    input_settings: "Mapping[str, InputSettings | Mapping[str, Any]]"
    # A path, an array, a layer or an opened image.
    mask: Any
    outside_mask: str
    prediction_maps: Any
    segmentation_image: Any
    label_image: Any
    objects: "ObjectSettings | Mapping[str, Any]"
    structure_tensor: str | None
    export_settings: Literal["project"] | None
    existing: str
    ledger: str | os.PathLike[str] | Literal[False] | None
    memory: int | str | None
    workers: int | None
    folder: str | os.PathLike[str] | None
    format: str | None
