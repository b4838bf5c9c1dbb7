"""What a file is by its first bytes, whatever its name says; looked at only if it cannot be read as its name says."""

import zipfile
from pathlib import Path, PurePosixPath

from napari_batch_prediction.formats.format import FileFormat
from napari_batch_prediction.formats.registry import FILE_FORMATS

_FORMATS = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"#?RADIANCE": "HDR",
    b"#?RGBE": "HDR",
    **{b"P%d%c" % (kind, blank): "PNM" for kind in range(1, 7) for blank in b"\n\r\t #"},
    b"\x93NUMPY": "NumPy",
    b"PK\x03\x04": "NPZ",
}
_BY_NAME = {file_format.name: file_format for file_format in FILE_FORMATS}

_GZIP, _7Z, _ZIP = "a file compressed with gzip", "a 7z archive", "a zip archive"
_ZIPPED_ZARR = "a zipped Zarr store"

PACKED = frozenset((_GZIP, _7Z, _ZIP, _ZIPPED_ZARR))
"""Contents that have to be unpacked."""

_OTHERS = {
    b"ZISRAWFILE": "a CZI file",
    b"\xda\xce\xbe\x0a": "an ND2 file",
    b"p\0\0\0": "a LIF file",
    b"\0\0\0\x0cjP  \r\n": "a JPEG 2000 file",
    b"\xff\x4f\xff\x51": "a JPEG 2000 file",
    b"\0\0\0\x0cJXL ": "a JPEG XL file",
    b"v/1\x01": "an OpenEXR file",
    b"SIMPLE  =": "a FITS file",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": _GZIP,
    b"7z\xbc\xaf\x27\x1c": _7Z,
    b"version https://git-lfs": "not the image, but a pointer of Git LFS to it",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<svg": "an SVG drawing",
}
_RIFF_WEBP = (b"RIFF", b"WEBP")
_HEAD = 24


def content_of(file: Path) -> FileFormat | str | None:
    """Return the format of a file's content, or what it is in words if it cannot be read here; None if unknown.

    Parameters
    ----------
    file
        The file; a folder is unknown.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return None
    for start, name in _FORMATS.items():
        if head.startswith(start):
            return (_zipped(file) if name == "NPZ" else None) or _BY_NAME[name]
    if (head[:4], head[8:12]) == _RIFF_WEBP:
        return "a WebP file"
    return next((words for start, words in _OTHERS.items() if head.lower().startswith(start.lower())), None)


def _zipped(file: Path) -> str | None:
    """Return what a zip file is if it holds no array of NumPy; None if it does, or is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = {PurePosixPath(name).name for name in archive.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    if any(name.endswith(".npy") for name in names):
        return None
    return _ZIPPED_ZARR if names & {"zarr.json", ".zarray", ".zgroup"} else _ZIP
