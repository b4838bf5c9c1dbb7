"""Where a project is written to, and what is left of it and of other files."""

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from ilp_reader import read_project
from ilp_writer import write_project as write_small_project
from PIL import Image

from napari_batch_prediction.errors import ExportError, OutputExistsError, SettingsError
from napari_batch_prediction.ilp.project import LabelBlock
from napari_batch_prediction.ilp.writing import images as images_module
from napari_batch_prediction.ilp.writing.images import written_image
from napari_batch_prediction.ilp.writing.project import write_project
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.training.opening import open_training

INFO = "Input Data/infos/lane0000/Raw Data"
STROKE = [LabelBlock((0, 0, 3, 4), np.full((1, 1, 2, 2), 2, np.uint8))]


@pytest.fixture
def project(tmp_path):
    return read_project(write_small_project(tmp_path / "small.ilp"))


@pytest.fixture
def picture(tmp_path):
    """An image in a file."""
    path = tmp_path / "images" / "cells.png"
    path.parent.mkdir()
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(path)
    with open_image(path) as image:
        yield written_image(image, STROKE)


def info_of(path: Path) -> dict:
    with h5py.File(path) as file:
        info = file[INFO]
        return {key: value[()].decode() if value.dtype.kind == "O" else value[()] for key, value in info.items()}


def test_path_of_an_image_is_relative_where_the_image_is_under_the_folder(project, picture, tmp_path):
    """Beside or under the project; elsewhere it is absolute, as ilastik has it."""
    write_project(tmp_path / "p.ilp", project, [picture])
    write_project(tmp_path / "other" / "p.ilp", project, [picture])
    near, far = info_of(tmp_path / "p.ilp"), info_of(tmp_path / "other" / "p.ilp")
    assert (near["filePath"], near["__class__"]) == ("images/cells.png", "RelativeFilesystemDatasetInfo")
    assert (far["filePath"], far["__class__"]) == (
        (tmp_path / "images" / "cells.png").as_posix(),
        "FilesystemDatasetInfo",
    )


def test_path_through_a_link_to_the_folder_is_relative(project, picture, tmp_path):
    """The folder is the same, whatever it is called."""
    (tmp_path / "link").symlink_to(tmp_path)
    write_project(tmp_path / "link" / "p.ilp", project, [picture])
    assert info_of(tmp_path / "p.ilp")["filePath"] == "images/cells.png"


def test_image_in_memory_is_copied_into_the_project(project, tmp_path):
    """Its pixels and axes; the project stands alone."""
    pixels = np.random.default_rng(0).integers(0, 60000, (9, 40, 50)).astype(np.uint16)
    image = MemoryImage("layer:my cells", pixels, "zyx", axes_known="user")
    write_project(tmp_path / "p.ilp", project, [written_image(image, STROKE)])
    info = info_of(tmp_path / "p.ilp")
    assert (info["__class__"], info["location"]) == ("ProjectInternalDatasetInfo", "ProjectInternal")
    assert info["nickname"] == "my cells"
    assert info["filePath"] == info["inner_path"] == f"Input Data/local_data/{info['datasetId']}"
    with h5py.File(tmp_path / "p.ilp") as file:
        np.testing.assert_array_equal(file[info["inner_path"]][()], pixels)
    lane = read_project(tmp_path / "p.ilp").lanes[0]
    assert (lane.is_inside, lane.axes, lane.shape, lane.dtype) == (True, "zyx", (9, 40, 50), "uint16")


def test_image_too_large_to_copy_is_named(project, tmp_path, monkeypatch):
    """More than is read of a project again."""
    monkeypatch.setattr(images_module, "MAX_DATASET", 1999)
    image = MemoryImage("layer:my cells", np.zeros((40, 50), np.uint8), "yx", axes_known="user")
    with pytest.raises(SettingsError, match=r"'layer:my cells' .* has 2000 bytes, and up to 1999 .* OME-Zarr"):
        write_project(tmp_path / "p.ilp", project, [written_image(image, STROKE)])


@pytest.mark.parametrize("name", ["p", "p.h5", "p.ilp.txt"])
def test_other_ending_is_refused(name, project, picture, tmp_path):
    """ilastik opens only files that end in .ilp."""
    with pytest.raises(SettingsError, match=r"ends in \.ilp"):
        write_project(tmp_path / name, project, [picture])
    assert not (tmp_path / name).exists()


def test_file_that_exists_is_left_unless_it_may_be_replaced(project, picture, tmp_path):
    """Whatever it is."""
    path = tmp_path / "p.ilp"
    path.write_text("mine")
    with pytest.raises(OutputExistsError, match="overwrite") as caught:
        write_project(path, project, [picture])
    assert caught.value.setting == "existing"
    assert path.read_text() == "mine"
    write_project(path, project, [picture], existing="overwrite")
    assert read_project(path).label_names == project.label_names
    assert sorted(item.name for item in tmp_path.iterdir()) == ["images", "p.ilp", "small.ilp"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows renames no open file")
def test_what_to_do_with_a_file_that_exists_is_one_of_two(project, picture, tmp_path):
    """Another word is refused at once, also while there is no such file."""
    with pytest.raises(SettingsError, match="existing is 'skip', expected 'error' or 'overwrite'"):
        write_project(tmp_path / "p.ilp", project, [picture], existing="skip")
    assert not (tmp_path / "p.ilp").exists()


def test_project_open_elsewhere_is_not_replaced(project, picture, tmp_path):
    """ilastik would go on with a file that is no longer there, and lose what it saves."""
    path = tmp_path / "p.ilp"
    write_project(path, project, [picture])
    before = path.read_bytes()
    program = f"import h5py; f = h5py.File({str(path)!r}, 'r+'); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as other:
        other.stdout.readline()
        with pytest.raises(ExportError, match="open in another program"):
            write_project(path, project, [picture], existing="overwrite")
        other.communicate("\n")
    assert path.read_bytes() == before
    write_project(path, project, [picture], existing="overwrite")


def test_project_without_classes_is_marked_so(project, picture, tmp_path):
    """Nothing is named so far: the lists are there, and empty."""
    unnamed = replace(project, label_names=(), label_colors=(), trees=())
    write_project(tmp_path / "p.ilp", unnamed, [replace(picture, blocks=())])
    with h5py.File(tmp_path / "p.ilp") as file:
        for name in ("LabelNames", "LabelColors", "PmapColors"):
            assert file[f"PixelClassification/{name}"].attrs["isEmpty"]
    assert open_training(tmp_path / "p.ilp").class_names == ()


def test_full_disk_leaves_the_old_file(project, picture, tmp_path):
    """And no other; the message gives the system's reason."""
    path = tmp_path / "p.ilp"
    write_project(path, project, [picture])
    before = path.read_bytes()
    program = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import numpy as np
from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.pixel_classification import read_project
from napari_batch_prediction.ilp.writing.images import written_image
from napari_batch_prediction.ilp.writing.project import write_project
from napari_batch_prediction.images.memory import MemoryImage
with ProjectFile({str(path)!r}) as file:
    project = read_project(file)
pixels = np.random.default_rng(0).integers(0, 255, (500, 500), np.uint8)
image = written_image(MemoryImage("layer:a", pixels, "yx", axes_known="user"), [])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_project({str(path)!r}, project, [image], existing="overwrite")
except ExportError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "p.ilp cannot be written: File too large" in ran.stdout
    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["images", "p.ilp", "small.ilp"]


def test_error_while_it_is_written_leaves_nothing(project, picture, tmp_path, monkeypatch):
    """The disk is full when the labels are written."""

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("napari_batch_prediction.ilp.writing.project.write_labels", fail)
    with pytest.raises(ExportError, match=r"p\.ilp cannot be written: No space left"):
        write_project(tmp_path / "p.ilp", project, [picture])
    assert sorted(item.name for item in tmp_path.iterdir()) == ["images", "small.ilp"]
