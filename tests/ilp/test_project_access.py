"""A project file is only ever read, whoever else has it open, and however little of it is left."""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import h5py
import pytest
from ilp_reader import read_project, workflow_name
from ilp_writer import write_project
from repository import ENVIRONMENT

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.project import PixelClassificationProject

READER = """
import sys
from napari_batch_prediction.ilp.reading.file import ProjectFile
with ProjectFile(sys.argv[1]) as file:
    print(file.workflow, flush=True)
    sys.stdin.read()
"""
WRITER = """
import sys
import h5py
with h5py.File(sys.argv[1], "r+", locking=True) as file:
    file.attrs["touched"] = 1
    print("open", flush=True)
    sys.stdin.read()
"""


class Child:
    """A process that has the file open until the end of the with block."""

    def __init__(self, program, path):
        command = [sys.executable, "-c", program, str(path)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )

    def __enter__(self):
        return self

    def said(self):
        return self.process.stdout.readline().strip()

    def __exit__(self, *_):
        self.process.communicate()
        assert self.process.returncode == 0


@pytest.mark.slow
def test_project_that_others_read_is_read(tmp_path):
    """Eight other processes have the file open, and it is read all the same."""
    path = write_project(tmp_path / "cells.ilp")
    with ExitStack() as stack:
        children = [stack.enter_context(Child(READER, path)) for _ in range(8)]
        assert [child.said() for child in children] == ["Pixel Classification"] * 8
        assert len(read_project(path).trees) == 4


def test_project_locked_by_a_writer_is_read(tmp_path):
    """A program that has the file open for writing, and locked, does not keep it from being read."""
    path = write_project(tmp_path / "cells.ilp")
    with Child(WRITER, path) as child:
        assert child.said() == "open"
        with pytest.raises(OSError, match="lock"):
            h5py.File(path, "r", locking=True)
        assert len(read_project(path).trees) == 4
        assert workflow_name(path) == "Pixel Classification"


def test_project_in_a_read_only_folder_is_read_and_left(tmp_path):
    """Reading needs no right to write, and leaves the folder and the file as they were."""
    path = write_project(tmp_path / "cells.ilp")
    before = path.read_bytes(), path.stat().st_mtime_ns
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert len(read_project(path).trees) == 4
    finally:
        tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == [path]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("read", [read_project, workflow_name])
def test_path_without_a_file_is_refused(tmp_path, read):
    """A path without a file, or with a folder, is said to be that."""
    with pytest.raises(ProjectError, match=r"no project file .*none\.ilp\. Check the path"):
        read(tmp_path / "none.ilp")
    with pytest.raises(ProjectError, match=r"is a folder\. Choose the project file"):
        read(tmp_path)


@pytest.fixture
def ordinary_user():
    """Be a user whom permissions stop: an administrator becomes one for the time of the test."""
    administrator = os.geteuid() == 0
    if administrator:
        os.seteuid(65534)
    yield
    if administrator:
        os.seteuid(0)


def test_file_that_may_not_be_read_is_refused(ordinary_user):
    """A file that may not be read is said to be that."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_project(Path(folder) / "cells.ilp")
        path.chmod(0)
        with pytest.raises(ProjectError, match=r"may not be read.*permission"):
            read_project(path)


@pytest.mark.parametrize("content", [b"", b"ilastik\n", b"\x89HDF", b"\x89PNG\r\n\x1a\n" + bytes(500)])
def test_file_that_is_not_hdf5_is_refused(tmp_path, content):
    """Any other file is said to be no project."""
    path = tmp_path / "notes.ilp"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=r"not an ilastik project: expected an HDF5 file.*\.ilp"):
        read_project(path)


def test_truncated_project_is_refused(tmp_path):
    """A file that was cut off is refused, wherever it was cut."""
    whole = write_project(tmp_path / "whole.ilp").read_bytes()
    path = tmp_path / "cells.ilp"
    for size in range(8, len(whole), len(whole) // 50):
        path.write_bytes(whole[:size])
        with pytest.raises(ProjectError, match=r"is damaged: .*intact copy"):
            read_project(path)


@pytest.mark.slow
def test_project_with_holes_is_read_or_refused(tmp_path):
    """A file of which a part was overwritten with zeros is read or refused, and neither crashes nor hangs."""
    whole = write_project(tmp_path / "whole.ilp").read_bytes()
    path = tmp_path / "cells.ilp"
    outcomes = []
    for start in range(0, len(whole), 256):
        path.write_bytes(whole[:start] + bytes(256) + whole[start + 256 :])
        try:
            outcomes.append(read_project(path))
        except ProjectError as error:
            outcomes.append(str(error))
    assert all(isinstance(outcome, PixelClassificationProject) or str(path) in outcome for outcome in outcomes)
    assert sum(isinstance(outcome, str) for outcome in outcomes) > len(outcomes) // 2
