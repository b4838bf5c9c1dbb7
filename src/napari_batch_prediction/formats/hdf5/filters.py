"""The filters that chunks of a dataset are stored with."""

from importlib import import_module
from importlib.util import find_spec
from math import prod
from pathlib import Path

import h5py

from napari_batch_prediction.errors import ImageReadError

# Names of filters, by their numbers in the registry of The HDF Group (RegisteredFilterPlugins.md in its repository
# hdf5_plugins); the first six belong to the library.
_NAMES = {
    1: "deflate (gzip)", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 257: "hzip",
    258: "fpzip", 305: "LZO", 307: "bzip2", 32000: "LZF", 32001: "Blosc", 32002: "MAFISC", 32003: "Snappy",
    32004: "LZ4", 32005: "APAX", 32006: "CBF", 32007: "JPEG-XR", 32008: "bitshuffle", 32009: "SPDP",
    32010: "LPC-Rice", 32011: "CCSDS-123", 32012: "JPEG-LS", 32013: "zfp", 32014: "fpzip", 32015: "Zstandard",
    32016: "B3D", 32017: "SZ", 32018: "FCIDECOMP", 32019: "JPEG", 32020: "VBZ", 32021: "FAPEC", 32022: "BitGroom",
    32023: "Granular BitRound", 32024: "SZ3", 32025: "Delta-Rice", 32026: "Blosc2", 32027: "FLAC", 32028: "SPERR",
    32029: "TERSE/PROLIX", 32030: "FFMPEG",
}  # fmt: skip
# The package that brings many of them (hdf5plugin 7.1.0), and the numbers of those.
_PACKAGE = "hdf5plugin"
_IN_PACKAGE = frozenset((307, 32001, 32004, 32008, 32013, 32015, 32017, 32018, 32024, 32026, 32028))
# Bytes of a chunk that is decoded to try its filters.
_MOST_TRIED = 2**24


def check_filters(file: Path, dataset: h5py.Dataset) -> bool:
    """Check that the values of a dataset can be decoded; load the package with further filters if it is needed.

    Returns
    -------
    Whether it is needed.

    Raises
    ------
    ImageReadError
        If a filter is not installed, or one of the package cannot decode the first chunk.
    """
    properties = dataset.id.get_create_plist()
    needs_package = False
    all_named = []
    for i in range(properties.get_nfilters()):
        number, _, _, name = properties.get_filter(i)
        needs_package |= number in _IN_PACKAGE
        stored = name.decode(errors="replace").split("\0")[0].strip()[:60]
        named = f"{number} ({_NAMES.get(number) or stored or 'unregistered'})"
        all_named.append(named)
        if _is_there(number):
            continue
        remedy = (
            'Install it: pip install "napari-batch-prediction[hdf5plugin]". Or store it with gzip instead.'
            if number in _IN_PACKAGE and find_spec(_PACKAGE) is None
            else "Install a plugin of the HDF5 library with it in a folder that HDF5_PLUGIN_PATH names, or store it "
            "with gzip instead."
        )
        raise ImageReadError(
            f"'{dataset.name.strip('/')}' in '{file}' is stored with the HDF5 filter {named}, which is not installed. "
            f"{remedy}",
            path=file,
        )
    if needs_package:
        _try_first_chunk(file, dataset, " and ".join(all_named))
    return needs_package


def _try_first_chunk(file: Path, dataset: h5py.Dataset, named: str) -> None:
    """Refuse a dataset whose first chunk its filters cannot decode; large chunks are not tried."""
    if prod(dataset.chunks) * dataset.dtype.itemsize > _MOST_TRIED or not dataset.id.get_num_chunks():
        return
    try:
        dataset[tuple(slice(at, at + 1) for at in dataset.id.get_chunk_info(0).chunk_offset)]
    except (OSError, RuntimeError) as error:
        raise ImageReadError(
            f"'{dataset.name.strip('/')}' in '{file}' cannot be decoded by the HDF5 filter {named}, as {_PACKAGE} has "
            "it: the file is damaged, or was written by another version of the filter. Store it with gzip instead.",
            path=file,
        ) from error


def load_filters() -> None:
    """Make the filters of the package known to the library of this process."""
    if find_spec(_PACKAGE) is not None:
        import_module(_PACKAGE)


def _is_there(number: int) -> bool:
    if h5py.h5z.filter_avail(number):
        # The library may be built to encode only or to decode only.
        return bool(h5py.h5z.get_filter_info(number) & h5py.h5z.FILTER_CONFIG_DECODE_ENABLED)
    if number <= 6:
        return False
    load_filters()
    return bool(h5py.h5z.filter_avail(number))
