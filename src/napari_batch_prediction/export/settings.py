"""What to export: one frozen, serialisable model."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_NAME = "{stem}_{source}"


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
