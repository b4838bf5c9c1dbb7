"""The file of OME-XML beside a set of TIFF files, which is no image itself."""

from pathlib import Path
from xml.etree.ElementTree import ParseError, fromstring

from napari_batch_prediction.formats.tiff.sets.ome import located
from napari_batch_prediction.formats.tiff.sets.words import named

_EXTENSIONS = (".ome", ".ome.xml")

# A text larger than this is no text.
_MOST_TEXT = 2**28


def why_no_image(file: Path) -> str | None:
    """Return why a file of OME-XML cannot be opened, with the TIFF files to open instead; None for other files."""
    if not file.name.lower().endswith(_EXTENSIONS):
        return None
    try:
        if file.stat().st_size > _MOST_TEXT:
            return None
        root = fromstring(file.read_bytes())  # noqa: S314 - expat bounds what entities grow to
    except (OSError, ParseError, ValueError):
        return None
    names = [name for uuid in root.iter() if uuid.tag.endswith("}UUID") and (name := uuid.get("FileName", ""))]
    if not names:
        return None
    names = [*dict.fromkeys(names)]
    there = [name for name in names if located(file, name) is not None]
    start = f"'{file}' describes a set of TIFF files, and has no pixels itself."
    if there:
        return f"{start} Give these files, or one of them if they are one image: {named(there)}."
    return f"{start} None of them is beside it: {named(names)}. Copy them there, and give them."
