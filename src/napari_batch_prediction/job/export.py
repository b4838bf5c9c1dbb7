"""The settings of an export: a frozen, serialisable model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Unpack

from pydantic import AfterValidator, BeforeValidator, Field

from napari_batch_prediction.axes import AxisKey
from napari_batch_prediction.formats.common.target import Compression
from napari_batch_prediction.job import spelling
from napari_batch_prediction.job.options import Option
from napari_batch_prediction.job.region import Region, format_region, parse_region
from napari_batch_prediction.job.settings import Settings, documented

if TYPE_CHECKING:
    from napari_batch_prediction.job.keywords import ExportKeywords

DEFAULT_NAME = "{stem}_{source}"

_Integer = Literal["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
_Float = Literal["float32", "float64"]
Dtype = Literal[_Integer, _Float]


def _rising(value: tuple[float, float] | None) -> tuple[float, float] | None:
    if value is not None and not value[0] <= value[1]:
        raise ValueError(f"a range goes from the smaller to the larger value, not from {value[0]:g} to {value[1]:g}")
    return value


def _region_text(region: Region) -> str:
    return format_region(region).replace(" ", "")


Range = Annotated[tuple[spelling.Real, spelling.Real] | None, AfterValidator(_rising)]


@documented(1)
class Export(Settings):
    """One thing to write for every input of a batch.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> segmentation = nbp.Export("Simple Segmentation", format="tiff", folder="masks")
    >>> bytes_ = nbp.Export("Probabilities", dtype="uint8", output_range=(0, 255), region="y=:100, x=:100")
    >>> bytes_.region
    {'y': (None, 100), 'x': (None, 100)}
    """

    source: str = Field("Probabilities", description="What to export: one of the classifier's sources.")
    format: Annotated[str, Option("F"), BeforeValidator(spelling.format_name)] = Field(
        "compressed hdf5",
        title="Format",
        description="Format of the files, by ilastik's name or as people type it: h5, ome-tiff, zarr.",
    )
    folder: Annotated[Path | None, Option("DIR")] = Field(
        None, title="Folder", description="Folder to write to; beside each image if not given."
    )
    name: Annotated[str, Option("TEMPLATE")] = Field(
        DEFAULT_NAME,
        title="Name",
        description="Template of the file name, without the extension, relative to the folder.",
    )
    internal_path: Annotated[str, Option("P")] = Field(
        "exported_data", title="Dataset", description="Name of the dataset inside an HDF5 or N5 file."
    )
    ome_zarr_version: Annotated[Literal["0.4", "0.5"], Option(), BeforeValidator(spelling.version)] = Field(
        "0.4",
        title="OME-Zarr",
        description="Version of OME-Zarr, in formats of that kind. 0.5 is newer, more programs read 0.4.",
    )
    compression: Annotated[Compression | None, Option("C"), BeforeValidator(spelling.lower)] = Field(
        None,
        title="Compression",
        description="How values are compressed, in formats that have a choice: gzip, zstd, lzw, blosc or none; "
        "the way of the format if not given. It changes the size of the files, not the values.",
    )
    dtype: Annotated[Dtype | None, Option("T"), BeforeValidator(spelling.dtype_name)] = Field(
        None,
        title="Type",
        description="Type of the values, for example uint8; the source's own if not given. Fractions become integers "
        "only with an output range.",
    )
    input_range: Annotated[Range, Option(("A", "B"), parse=float, write=repr)] = Field(
        None,
        title="Range",
        description="Values that become the ends of the output range; the source's own range if not given.",
    )
    output_range: Annotated[Range, Option(("A", "B"), parse=float, write=repr)] = Field(
        None, title="Range", description="Range that values are rescaled to; as they are if not given."
    )
    output_axes: Annotated[spelling.Axes | None, Option("AXES")] = Field(
        None,
        title="Axis order",
        description="Order of axes, for example tczyx; the image's own, then c, if not given. Axes of extent 1 may be "
        "added or left out.",
    )
    into_image: Annotated[bool, Option()] = Field(
        False,
        title="As labels into the OME-Zarr image",
        description="Write a segmentation as OME-Zarr labels into the OME-Zarr image it belongs to, IMAGE/labels/NAME.",
    )
    per_class: Annotated[bool, Option()] = Field(
        False,
        title="One file for each class",
        description="Write one file for each class, with {class} in its name, else with the class at its end.",
    )
    per_image: Annotated[bool, Option()] = Field(
        False,
        title="One table for each image",
        description="Write one table of objects for each image, instead of one for the whole batch.",
    )
    region: Annotated[
        dict[AxisKey, tuple[spelling.Whole | None, spelling.Whole | None]],
        Option("R", parse=parse_region, write=_region_text),
        BeforeValidator(spelling.region),
    ] = Field(
        default_factory=dict,
        title="Region",
        description="Start and stop, in pixels, along axes that are cut, for example y=10:200,x=:512; along c, "
        "channels of the source; everything if not given.",
    )

    rules: Literal["own", "ilastik"] = Field(
        "own",
        description="'ilastik' to do as its headless mode where that differs: what follows the last dot of a name is "
        "replaced by the extension, fractions become integers also without a range by cutting them off, a region may "
        "reach beyond the image, and an HDF5 file that is replaced keeps its other datasets.",
    )

    def __init__(self, source: str = "Probabilities", **settings: "Unpack[ExportKeywords]") -> None:
        super().__init__(source=source, **settings)

    # pydantic reads an export inside a job itself.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]
