"""What holds for every format: nothing under its name before it is whole, nothing left behind, nothing replaced."""

import json
import re
import struct
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image
from tilings import random_tiles, some_values

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.errors import ExportError, OutputExistsError, SettingsError
from napari_batch_prediction.formats.common.files import publish_folder, restore_folder, temporary_path
from napari_batch_prediction.formats.common.memory import MemoryWriter
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.common.writer import AtomicWriter, Writer
from napari_batch_prediction.formats.format import ExportFormat, load
from napari_batch_prediction.formats.registry import IMAGE_FORMATS, find_format, format_problem
from napari_batch_prediction.locations.inputs import open_image

SHAPE = (3, 40, 50)
NOTES = {"napari-batch-prediction": json.dumps({"classifier": "3f2a", "größe": "µm"})}


def prepared(form: ExportFormat, path: Path, *, replace: bool = False) -> tuple[Writer, NDArray]:
    """A writer and the values for it, of a type and shape that the format can hold."""
    dtype = "uint8" if "uint8" in (form.slices or form).dtypes else "float32"
    axes, shape = "zyx", SHAPE if form.slices or form.max_axes > 2 else (1, *SHAPE[1:])
    if 1 not in ((form.slices or form).channels or (1,)):
        axes, shape = "zyxc", (*shape, 3)
    values = some_values(shape, dtype)
    assert format_problem(form, axes, shape, values.dtype) is None
    return form.writer(Target(path.with_suffix(form.extension), axes, shape, values.dtype, replace=replace)), values


def whole(values: NDArray) -> tuple[slice, ...]:
    return tuple(slice(0, n) for n in values.shape)


@pytest.mark.parametrize("form", IMAGE_FORMATS, ids=lambda form: form.name)
def test_nothing_is_left_before_the_end_nor_after_an_abort(tmp_path, form):
    """No file before the first write, none visible before the end, none after an abort; not whole is refused."""
    writer, values = prepared(form, tmp_path / "new" / "a")
    writer.abort()
    with pytest.raises(ExportError, match=r"is not whole: 0 of \d+"):
        writer.finish()
    assert list(tmp_path.iterdir()) == []
    # All but one row: some chunks, some slices are whole.
    part = tuple(slice(0, n - (i == len(values.shape) - 2 or n == 50)) for i, n in enumerate(values.shape))
    writer.write(part, values[part])
    if (tmp_path / "new").exists():
        assert all(path.name.startswith(".") for path in (tmp_path / "new").iterdir())
    with pytest.raises(ExportError, match=r"a.* is not whole: \d+ of \d+ (chunks|values) came"):
        writer.finish()
    writer.abort()
    writer.abort()
    assert not (tmp_path / "new").exists() or list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("form", IMAGE_FORMATS, ids=lambda form: form.name)
def test_output_that_appears_meanwhile_is_kept_unless_it_may_be_replaced(tmp_path, form):
    """What appears under the name during the run is kept, and is replaced if that is allowed."""
    for replace in (False, True):
        writer, values = prepared(form, tmp_path / "a", replace=replace)
        writer.write(whole(values), values)
        last = writer.paths[-1]
        if form.is_folder:
            last.mkdir(exist_ok=True)
            marker = last / load(form.file.store).markers[0]
            marker.write_text("theirs")
        else:
            last.write_text("theirs")
        if replace:
            writer.finish()
        else:
            with pytest.raises(OutputExistsError, match="appeared while it was being computed"):
                writer.finish()
        writer.abort()
        if replace:
            assert sorted(tmp_path.iterdir()) == sorted(writer.paths)
            assert form.is_folder or last.read_bytes() != b"theirs"
            assert not form.is_folder or not marker.exists() or marker.read_bytes() != b"theirs"
        else:
            assert list(tmp_path.iterdir()) == [last]
            assert (marker if form.is_folder else last).read_text() == "theirs"


@pytest.mark.parametrize("form", IMAGE_FORMATS, ids=lambda form: form.name)
def test_folder_that_cannot_be_made_is_named_by_every_format(tmp_path, form):
    """A file in the place of a folder is an ExportError that names it."""
    (tmp_path / "taken").write_text("a file")
    writer, values = prepared(form, tmp_path / "taken" / "a")

    def attempt() -> None:
        writer.write(whole(values), values)
        writer.finish()

    with pytest.raises(ExportError, match=r"taken"):
        attempt()
    writer.abort()
    assert (tmp_path / "taken").read_text() == "a file"


if sys.platform != "win32":

    def test_full_disk_is_said_by_every_format_and_leaves_nothing(tmp_path):
        """When no more can be written, each format says so in one error and leaves nothing."""
        command = [sys.executable, "-W", "error", find_spec("full_disk").origin, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200)
        assert (done.returncode, done.stderr) == (0, "")
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [name for name, _, _ in found] == [form.name for form in IMAGE_FORMATS]
        for name, message, left in found:
            assert message.endswith("cannot be written: File too large"), name
            assert left == [], name


def folder_with(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "which").write_text(text)
    return path


def test_old_folder_comes_back_after_a_stop_between_the_renames(tmp_path):
    """If the machine stops after the old folder was renamed and before the new one was, the old one comes back."""
    final = tmp_path / "a.zarr"
    aside = temporary_path(final).with_suffix(".old")
    folder_with(aside, "old")
    other = folder_with(tmp_path / ".b.zarr.01234567.old", "another image")
    restore_folder(final)
    assert (final / "which").read_text() == "old"
    assert not aside.exists()
    # And if it stops before the old one is removed, it is removed then.
    folder_with(aside, "older")
    restore_folder(final)
    assert (final / "which").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [other, final]


def test_old_folder_stays_if_the_new_one_cannot_be_renamed(tmp_path):
    """If the new folder cannot get the name, the old one keeps it."""
    final = folder_with(tmp_path / "a.zarr", "old")
    with pytest.raises(ExportError, match=r"a\.zarr cannot be given its name: No such file"):
        publish_folder(tmp_path / "missing.part", final, replace=True)
    assert (final / "which").read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


def test_n5_dataset_stays_in_its_folder(tmp_path):
    """The name of a dataset cannot lead to another place."""
    for name in ("../../a", "/", "a/./b"):
        target = Target(tmp_path / "a.n5", "yx", (2, 2), np.dtype("u1"), internal_path=name)
        with pytest.raises(SettingsError, match="is not the name of a dataset"):
            find_format("n5").writer(target)


@pytest.mark.parametrize("name", ["n5", "compressed n5"])
def test_n5_without_its_extra(tmp_path, monkeypatch, name):
    """Without tensorstore the plan refuses N5 with the command that installs it, and so does the writer."""
    # None keeps Python from importing a module that is installed.
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    install = r'needs tensorstore. Install it: pip install "napari-batch-prediction\[n5\]"\.'
    problem = format_problem(find_format(name), "yx", (4, 5), np.dtype("u1"))
    assert re.match(f"The format '{name}' {install} Formats that can: ", problem)
    other = format_problem(find_format("png"), "yx", (4, 5), np.dtype("f4"))
    assert "n5" not in other.partition("Formats that can")[2]
    writer = find_format(name).writer(Target(tmp_path / "new" / "a.n5", "yx", (4, 5), np.dtype("u1")))
    with pytest.raises(ExportError, match=install):
        writer.write((slice(0, 4), slice(0, 5)), np.ones((4, 5), np.uint8))
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_n5_in_folders_of_any_name(tmp_path, monkeypatch):
    """A relative path, and characters that mean something in addresses, are taken as they are."""
    monkeypatch.chdir(tmp_path)
    path = Path("größe 50%20 #1") / "a b.n5"
    values = some_values((4, 5), "uint8")
    writer = find_format("n5").writer(Target(path, "yx", values.shape, values.dtype))
    writer.write(whole(values), values)
    writer.finish()
    assert [file.name for file in tmp_path.iterdir()] == ["größe 50%20 #1"]
    with open_image(str(path.absolute())) as image:
        np.testing.assert_array_equal(image.read(), values)


def test_n5_attributes_and_blocks(tmp_path):
    """ilastik's attributes are in N5's order of dimensions; a block of zeros has a file like every other."""
    sizes, units = {"y": 0.5, "x": 0.25}, {"y": "micrometer", "x": "micrometer"}
    path = tmp_path / "a.n5"
    writer = find_format("compressed n5").writer(
        Target(
            path,
            "yxc",
            (4, 5, 2),
            np.dtype("f4"),
            value_range=(0, 1),
            pixel_size=sizes,
            units=units,
            internal_path="volume/data",
            metadata=NOTES,
        )
    )
    writer.write((slice(0, 4), slice(0, 5), slice(0, 2)), np.zeros((4, 5, 2), np.float32))
    writer.finish()
    assert json.loads((path / "attributes.json").read_text()) == {"n5": "2.0.0"}
    found = json.loads((path / "volume" / "data" / "attributes.json").read_text())
    assert [tag["key"] for tag in json.loads(found.pop("axistags"))["axes"]] == ["y", "x", "c"]
    assert json.loads(found.pop("axis_units")) == units
    assert found == {
        "dimensions": [2, 5, 4],
        "blockSize": [1, 5, 4],
        "dataType": "float32",
        "compression": {"type": "gzip", "level": 1, "useZlib": False},
        "axes": ["c", "x", "y"],
        "display_mode": "grayscale",
        "resolution": [1.0, 0.25, 0.5],
        "units": ["pixel", "micrometer", "micrometer"],
        "drange": [0.0, 1.0],
        **NOTES,
    }
    blocks = sorted(file.relative_to(path / "volume" / "data").as_posix() for file in path.rglob("0"))
    assert blocks == ["0", "0/0", "0/0/0", "1/0", "1/0/0"]


def test_notes_on_how_it_was_made_are_in_every_output(tmp_path):
    """What made an output is in it, in every format that can hold a text."""
    found = {}
    values = np.ones((20, 30, 1), np.uint8)
    for form in IMAGE_FORMATS:
        if format_problem(form, "yxc", values.shape, values.dtype) is not None or form.name == "tif":
            continue
        path = tmp_path / form.name / f"a{form.extension}"
        writer = form.writer(Target(path, "yxc", values.shape, values.dtype, metadata=NOTES))
        writer.write(whole(values), values)
        writer.finish()
        found[form.name] = path
    key, text = next(iter(NOTES.items()))
    for name in ("hdf5", "compressed hdf5"):
        with h5py.File(found[name]) as file:
            assert file["exported_data"].attrs[key] == text
    with tifffile.TiffFile(found["tiff"]) as tif:
        assert json.loads(tif.pages.first.description) == NOTES
        assert tif.pages.first.software == key
    with tifffile.TiffFile(found["multipage tiff"]) as tif:
        xml = tifffile.xml2dict(tif.ome_metadata)["OME"]
        assert xml["StructuredAnnotations"]["MapAnnotation"]["Value"]["M"] == {"K": key, "value": text}
    with Image.open(found["png"]) as image:
        assert image.text == NOTES
    for name in ("single-scale OME-Zarr", "multi-scale OME-Zarr"):
        assert zarr.open_group(str(found[name]), mode="r").attrs[key] == NOTES
    for name in ("n5", "compressed n5"):
        assert json.loads((found[name] / "exported_data" / "attributes.json").read_text())[key] == text


def test_png_says_how_many_pixels_are_in_a_metre(tmp_path):
    """PNG says how many pixels there are to the metre."""
    sizes = {"y": 0.5, "x": 0.25}
    target = Target(
        tmp_path / "a.png", "yx", (4, 5), np.dtype("u1"), pixel_size=sizes, units={"y": "micrometer", "x": "micrometer"}
    )
    writer = find_format("png").writer(target)
    writer.write((slice(0, 4), slice(0, 5)), np.ones((4, 5), np.uint8))
    writer.finish()
    data = target.path.read_bytes()
    assert struct.unpack(">IIB", data[data.index(b"pHYs") + 4 :][:9]) == (4_000_000, 2_000_000, 1)


def test_every_output_is_read_again(tmp_path):
    """This package opens what it wrote, with the axes and sizes that the format holds."""
    sizes = {"t": 2.5, "z": 2.0, "y": 0.5, "x": 0.25}
    units = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
    values = some_values((2, 3, 40, 50, 2), "float32")
    picture = values[0, 0]
    plane = {key: sizes[key] for key in "yx"}
    expected = {
        "hdf5": ("tzyxc", values, sizes),
        "compressed n5": ("tzyxc", values, sizes),
        "n5": ("tzyxc", values, sizes),
        "multipage tiff": ("tzcyx", values, sizes),
        "single-scale OME-Zarr": ("tczyx", values, sizes),
        "multi-scale OME-Zarr": ("tczyx", values, sizes),
        "tiff": ("yxc", picture, plane),
    }
    for name, (axes, array, known) in expected.items():
        form = find_format(name)
        stored = "tzyxc"[-array.ndim :]
        path = tmp_path / name / f"a{form.extension}"
        writer = form.writer(Target(path, stored, array.shape, array.dtype, pixel_size=sizes, units=units))
        writer.write(whole(array), array)
        writer.finish()
        with open_image(str(path)) as image:
            assert (image.axes, image.axes_known) == (axes, "file"), name
            np.testing.assert_array_equal(image.read(), reorder(array, stored, axes))
            assert image.pixel_size == pytest.approx(known), name
            assert image.units == {key: units[key] for key in known}, name


STREAMED = ("tiff", "multipage tiff", "numpy", "single-scale OME-Zarr", "multi-scale OME-Zarr", "compressed hdf5", "n5")


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMED)
def test_memory_of_a_writer_is_a_small_part_of_the_image(tmp_path, name):
    """An image of 6000 x 6000 x 3 (432 MB) takes a small part of its size in memory."""
    form = find_format(name)
    shape = (6000, 6000, 3)
    writer = form.writer(Target(tmp_path / f"a{form.extension}", "yxc", shape, np.dtype("f4")))
    tile = np.zeros((500, 600, 3), np.float32)
    tile[::7, ::3] = 0.25
    tracemalloc.start()
    for y in range(0, 6000, 500):
        for x in range(0, 6000, 600):
            writer.write((slice(y, y + 500), slice(x, x + 600), slice(0, 3)), tile)
    writer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A row of chunks that waits for its lower half is 6000 x 512 x 3 values, with all that is coarser.
    assert peak < 60_000_000
    assert tile.nbytes * 120 == 432_000_000


@pytest.mark.parametrize("export_format", IMAGE_FORMATS, ids=lambda export_format: export_format.name)
def test_writer_holds_as_many_bytes_as_it_says(tmp_path, export_format):
    """While regions come row by row, as many bytes of values wait as the writer said before the first."""
    picture = export_format.slices or export_format
    dtype = "uint8" if "uint8" in picture.dtypes else "float32"
    n_slices = 3 if export_format.slices or export_format.max_axes > 2 else 1
    shape = (n_slices, 1200, 1000, 3 if 1 not in (picture.channels or (1,)) else 1)
    writer = export_format.writer(Target(tmp_path / f"a{export_format.extension}", "zyxc", shape, np.dtype(dtype)))
    held = writer.held_bytes()
    assert list(tmp_path.iterdir()) == []
    values = np.ones((n_slices, 40, *shape[2:]), dtype)
    waiting = []
    tracemalloc.start()
    for y in range(0, 1200, 40):
        writer.write((slice(0, n_slices), slice(y, y + 40), slice(0, 1000), slice(0, shape[3])), values)
        waiting.append(bytes_that_stay(held + 10_000))
    writer.finish()
    # Only now: Python 3.11 can crash if memory is freed in a thread of tensorstore's while tracing is ended.
    tracemalloc.stop()
    assert max(waiting) <= held + 10_000
    if export_format.slices:  # they wait on disk, but the one that is written
        assert held >= values[0].nbytes * 30
    else:
        assert max(waiting) >= 0.99 * held


class CountingWriter(AtomicWriter):
    """Store nothing; count how often the file is created."""

    created = 0

    def _create(self) -> None:
        sleep(0.05)
        self.created += 1
        self._temporary.touch()

    def _take(self, region: tuple[slice, ...], values: NDArray) -> int:
        assert self._temporary.exists()
        return values.size

    def held_bytes(self, n_rows: int = 1) -> int:
        return 0


def test_writer_is_opened_once_by_many_threads(tmp_path):
    """Several threads that come first at once find one file, and a format needs but two steps for that."""
    writer = CountingWriter(Target(tmp_path / "new" / "a", "yx", (8, 5), np.dtype("u1")))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda y: writer.write((slice(y, y + 1), slice(0, 5)), np.ones((1, 5), np.uint8)), range(8)))
    writer.finish()
    assert writer.created == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]


def test_writer_in_memory_holds_the_whole_image():
    """An array that stays in memory is held whole."""
    assert MemoryWriter((3, 40, 50), np.dtype("f4")).held_bytes() == 24_000


def bytes_that_stay(limit: int) -> int:
    """Return the bytes of arrays; above the limit only if they stay.

    tensorstore says that a chunk is written a moment before its thread lets go of the values (0.1 ms, once in 1000).
    """
    end = monotonic() + 5
    while (held := bytes_of_arrays()) > limit and monotonic() < end:
        sleep(0.01)
    return held


def bytes_of_arrays() -> int:
    arrays = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
    snapshot = tracemalloc.take_snapshot().filter_traces([arrays])
    return sum(item.size for item in snapshot.statistics("filename"))


@pytest.mark.slow
def test_pages_do_not_wait_in_memory(tmp_path):
    """Pages of channels, of values that no compression makes smaller, do not wait in memory until it is their turn."""
    shape = (3000, 3000, 6)
    target = Target(tmp_path / "a.tiff", "yxc", shape, np.dtype("f4"))
    writer = find_format("multipage tiff").writer(target)
    tile = np.random.default_rng(0).random((500, 600, 6), np.float32)
    tracemalloc.start()
    for y in range(0, 3000, 500):
        for x in range(0, 3000, 600):
            writer.write((slice(y, y + 500), slice(x, x + 600), slice(0, 6)), tile)
    writer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The image has 216 MB, its compressed pages 190 MB.
    assert target.path.stat().st_size > 180_000_000
    assert peak < 60_000_000
    assert list(tmp_path.iterdir()) == [target.path]


def test_tiles_of_tests():
    """The tiles that these tests use cover every pixel once."""
    covered = np.zeros((30, 20, 3), int)
    for tile in random_tiles(covered.shape, np.random.default_rng(1)):
        covered[tile] += 1
    assert (covered == 1).all()
