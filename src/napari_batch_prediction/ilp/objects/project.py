"""The contents of an Object Classification project as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from napari_batch_prediction.colors import Color
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.objects.features.names import Feature, title
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.objects.settings import Thresholds


@dataclass(frozen=True, kw_only=True)
class TableExport:
    """What ilastik's window was told of the table of objects.

    Attributes
    ----------
    file_type
        ``"csv"`` or ``"h5"``.
    path
        The file, with placeholders as in the names of images; ilastik puts ``_table`` before the dot of a csv file.
    features
        Names or titles of the features in the table, without their plugins.
    margin
        Pixels around an object in its pictures in an HDF5 file.
    include_raw
        True if the whole image goes into an HDF5 file.
    """

    file_type: Literal["csv", "h5"]
    path: str
    features: tuple[str, ...]
    margin: int = 0
    include_raw: bool = False


@dataclass(frozen=True, kw_only=True)
class ObjectProject:
    """A trained Object Classification project, without the pixel classification that may be its first half.

    Attributes
    ----------
    path
        The file.
    version
        Version of ilastik that saved it.
    workflow
        ilastik's name of the workflow.
    lanes
        The training images; the last one is the model for new images.
    axes
        Axes of the last training image in stored order: ``y`` and ``x``, ``t`` and ``z`` unless of extent 1, and
        ``c`` if there is more than one channel.
    n_channels
        Number of channels of the training images.
    dtype
        Name of the last training image's type; None if unknown.
    thresholds
        What makes objects of probabilities; None if objects are those of a binary image or a label image.
    computed
        The features that ilastik computes.
    selected
        The features that the forest looks at.
    label_names, label_colors
        Names of the classes, and red, green and blue (0 to 255) of each.
    trees
        The trees of all forests, of equal weight.
    n_columns
        Number of classes that the trees know; classes beyond have probability 0.
    table
        What ilastik's window was told of the table; None if nothing.
    export
        The export settings in the project that differ from ilastik's defaults, as fields of an export.
    """

    path: Path
    version: str
    workflow: str
    lanes: tuple[Lane, ...]
    axes: str
    n_channels: int
    dtype: str | None
    thresholds: Thresholds | None
    computed: ObjectFeatures
    selected: ObjectFeatures
    label_names: tuple[str, ...]
    label_colors: tuple[Color, ...]
    trees: tuple[Tree, ...]
    n_columns: int
    table: TableExport | None = None
    export: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_dims(self) -> Literal[2, 3]:
        """The number of spatial dimensions of an image."""
        return 3 if "z" in self.axes else 2

    @property
    def in_table(self) -> tuple[Feature, ...]:
        """The features of ilastik's table: those that its window was told, by name or title, or all."""
        if self.table is None:
            return self.computed.features
        chosen = {*self.table.features}
        return tuple(feature for feature in self.computed.features if chosen & {feature.name, title(feature)})
