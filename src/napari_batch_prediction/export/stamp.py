"""Reading back what an output says of how it was made."""

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree


def read_metadata(path: Path, internal_path: str) -> Mapping[str, str]:
    """Return the metadata of an output; nothing if it has none, or the format cannot hold any.

    Parameters
    ----------
    path
        A file or folder that one of the writers made.
    internal_path
        Name of the dataset, in formats that hold several.
    """
    readers = {".h5": _hdf5, ".zarr": _zarr, ".n5": _n5, ".tif": _tiff, ".tiff": _tiff, ".png": _png}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        return {}
    try:
        found = reader(path, internal_path)
    except (OSError, ValueError, KeyError, RuntimeError, SyntaxError):
        # Damaged, or another program's file: it does not say how it was made.
        return {}
    return {str(name): str(text) for name, text in found.items()}


def _hdf5(path: Path, internal_path: str) -> Mapping[str, object]:
    import h5py

    with h5py.File(path, "r") as file:
        return dict(file[internal_path].attrs)


def _zarr(path: Path, internal_path: str) -> Mapping[str, object]:
    from napari_batch_prediction.export.ome_zarr import PROGRAM

    for name in ("zarr.json", ".zattrs"):
        if (path / name).is_file():
            attributes = json.loads((path / name).read_text())
            return dict(attributes.get("attributes", attributes)[PROGRAM])
    return {}


def _n5(path: Path, internal_path: str) -> Mapping[str, object]:
    return dict(json.loads((path / internal_path / "attributes.json").read_text()))


def _tiff(path: Path, internal_path: str) -> Mapping[str, object]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        text = file.pages.first.description
    if not text.startswith("<?xml"):
        return dict(json.loads(text))
    parts = ElementTree.fromstring(text.encode()).findall(".//{*}M")  # noqa: S314 - tifffile has read it already
    return {part.get("K", ""): part.text or "" for part in parts}


def _png(path: Path, internal_path: str) -> Mapping[str, object]:
    from PIL import Image

    with Image.open(path) as image:
        return {str(name): value for name, value in image.info.items()}
