"""What libraries say of files that are damaged or of another format, in plain words."""

import re

# numcodecs' words for Zarr 2, and zarr-python's for Zarr 3.
_CODEC = r"(?:codec not available:|Unknown codec:|implementation for codec) '*([^']+)'*"

_PLAIN = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"truncated file: eof = (\d+), .*stored_eof = (\d+)",
            "the file is cut off: it should have {1} bytes, and has {0}",
        ),
        (r"file signature not found", "it is not an HDF5 file"),
        (r"not a TIFF file\b", "it is not a TIFF file"),
        (r"magic string is not correct", "it is not a NumPy file"),
        (r"File is not a zip file", "it is not an NPZ file, or its end is missing"),
        (r"image file is truncated|input stream too small|[Uu]nexpected end of (?:file|data)", "the file is cut off"),
        (_CODEC, "it is stored with the codec '{0}', which is not installed"),
        (
            r"cannot reshape array of size (\d+) into shape",
            "a piece of it has {0} values, which are too few or too many",
        ),
        (r": line (\d+) column (\d+) \(char \d+\)$", "its metadata are not JSON at line {0}, column {1}"),
    )
)


def plain_fault(error: Exception) -> str:
    """Return what an error says of a file, without a full stop; the library's own words where none are known for them.

    Parameters
    ----------
    error
        What a library raised.
    """
    text = str(error).rstrip(". ")
    for pattern, words in _PLAIN:
        found = pattern.search(text)
        if found is not None:
            return words.format(*(f"{int(part):,}" if part.isdecimal() else part for part in found.groups()))
    return text or type(error).__name__


def remedy(error: Exception) -> str:
    """Return what to do about an error that a library raised for a file, as a sentence."""
    if isinstance(error, MemoryError):
        return "It takes more memory than there is: close other programs, or write it again in smaller pieces."
    if re.search(_CODEC, str(error)):
        return (
            "Install the package that brings it to numcodecs (Zarr 2) or zarr-python (Zarr 3), or store the image with "
            "another one, such as zstd or gzip."
        )
    return "Check that the file is whole and opens in other programs; if it was copied, copy it again."
