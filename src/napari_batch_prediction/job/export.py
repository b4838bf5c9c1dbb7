"""What to export: one frozen, serialisable model."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from napari_batch_prediction.axes import AxisKey
from napari_batch_prediction.formats.common.target import Compression

DEFAULT_NAME = "{stem}_{source}"

Dtype = Literal[
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64"
]  # fmt: skip


def _rising(value: tuple[float, float] | None) -> tuple[float, float] | None:
    if value is not None and not value[0] <= value[1]:
        raise ValueError(f"a range goes from the smaller to the larger value, not from {value[0]:g} to {value[1]:g}")
    return value


Range = Annotated[tuple[float, float] | None, AfterValidator(_rising)]


class Export(BaseModel):
    """One output for every input of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field("Probabilities", description="What to export: one of the classifier's sources.")
    format: str = Field("compressed hdf5", description="Format of the file, by ilastik's name.")
    folder: Path | None = Field(None, description="Folder to write to; beside each image if not given.")
    name: str = Field(
        DEFAULT_NAME, description="Template of the file name, without the extension, relative to the folder."
    )
    internal_path: str = Field("exported_data", description="Name of the dataset inside an HDF5 file.")
    ome_zarr_version: Literal["0.4", "0.5"] = Field("0.4", description="Version of OME-Zarr, in formats of that kind.")
    compression: Compression | None = Field(
        None, description="How values are compressed; the way of the format if not given."
    )
    dtype: Dtype | None = Field(None, description="Type of the values; the source's own if not given.")
    input_range: Range = Field(
        None, description="Values that become the ends of the output range; the source's own range if not given."
    )
    output_range: Range = Field(None, description="Range that values are rescaled to; as they are if not given.")
    output_axes: str | None = Field(
        None, description="Order of axes, such as 'tczyx'; the image's own, then c, if not given."
    )
    into_image: bool = Field(
        False, description="Write a segmentation as OME-Zarr labels into the OME-Zarr image it belongs to."
    )
    per_class: bool = Field(False, description="One file for each class, with {class} in its name.")
    region: dict[AxisKey, tuple[int | None, int | None]] = Field(
        default_factory=dict,
        description="Start and stop, in pixels, along axes that are cut; along c, channels of the source.",
    )
