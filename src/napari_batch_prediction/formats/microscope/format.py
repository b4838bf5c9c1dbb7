"""Facts about the formats of microscopes."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

MICROSCOPE_READERS = {
    ".czi": "bioio-czi",
    ".nd2": "bioio-nd2",
    ".lif": "bioio-lif",
    ".dv": "bioio-dv",
    ".r3d": "bioio-dv",
    ".sldy": "bioio-sldy",
    ".ims": "bioio-bioformats",
    ".oib": "bioio-bioformats",
    ".oif": "bioio-bioformats",
    ".vsi": "bioio-bioformats",
}
"""The plugin of bioio for each extension."""

MICROSCOPE = FileFormat(
    name="microscope",
    extensions=tuple(MICROSCOPE_READERS),
    reader="microscope.reader:open_microscope",
    lister="microscope.reader:list_scenes",
    is_flat=True,
)

FILES = (MICROSCOPE,)
EXPORTS: tuple[ExportFormat, ...] = ()
