"""The registry: what every folder of a format declares."""

from collections import Counter
from pathlib import Path
from typing import get_type_hints

import pytest

from napari_batch_prediction import formats
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import EXPORT_FORMATS, FILE_FORMATS, FOLDERS, known_format
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.widgets.reading import reader

CODE = sorted(
    {getattr(known, field) for known in FILE_FORMATS for field in ("reader", "lister", "stamp", "ilastik_ranges")}
    | {name for known in EXPORT_FORMATS for name in (known.writer_class, known.layout)}
)


@pytest.mark.parametrize("name", [name for name in CODE if name])
def test_code_is_where_its_name_says(name):
    """What a format names as text can be imported."""
    assert callable(load(name))


@pytest.mark.parametrize("file_format", FILE_FORMATS, ids=lambda known: known.name)
def test_readers_are_images(file_format):
    """Every reader is an image, or a function that returns one."""
    reader = load(file_format.reader)
    assert issubclass(reader if isinstance(reader, type) else get_type_hints(reader)["return"], Image)


def test_every_folder_is_listed():
    """A folder with a declaration stands in the list."""
    package = Path(formats.__file__).parent
    assert sorted(FOLDERS) == sorted(path.parent.name for path in package.glob("*/format.py"))


def test_names_and_extensions_are_unique():
    """No two formats share a name or an extension of files that are read."""
    names = Counter(known.name.lower() for known in EXPORT_FORMATS)
    extensions = Counter(extension for known in FILE_FORMATS for extension in known.extensions)
    assert set(names.values()) == set(extensions.values()) == {1}


def test_exports_lie_in_files_of_their_extension():
    """What is exported is read again by the format that it says its files are of."""
    for export_format in EXPORT_FORMATS:
        if export_format.slices is None and not export_format.is_table:
            assert known_format(Path(f"a{export_format.extension}")) == export_format.file


def test_a_format_that_compresses_by_default_has_a_way_to():
    """The first way of compression is that of the format, and agrees with what it says of the size of files."""
    for export_format in EXPORT_FORMATS:
        if export_format.compressions:
            assert (export_format.compressions[0] != "none") == export_format.compresses_by_default


def test_napari_reader_knows_hdf5():
    """napari's reader, which imports no format, takes every file that may be ilastik's, as the registry says."""
    marked = [known.extensions for known in FILE_FORMATS if known.ilastik_ranges]
    assert marked == [reader.HDF5]
