"""Named pipes, sockets and devices are refused at once at every door, not waited for."""

import os
import socket
from pathlib import Path

import h5py
import numpy as np
import pytest
from ilp_writer import write_project

from napari_batch_prediction import cli
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ImageReadError, ProjectError, SettingsError
from napari_batch_prediction.formats.exported import find_exported
from napari_batch_prediction.formats.registry import FILE_FORMATS
from napari_batch_prediction.formats.stamp import read_stamp
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import expand_inputs, open_image
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import Record

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")

EXTENSIONS = sorted({extension for known in FILE_FORMATS for extension in known.extensions})


@pytest.fixture
def pipe(tmp_path):
    """Return a function that makes a pipe of a name."""

    def make(name: str) -> Path:
        os.mkfifo(tmp_path / name)
        return tmp_path / name

    return make


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_pipe_as_an_image_is_refused_in_every_format(extension, pipe):
    """Whether it is opened, asked for its datasets, or taken for an output, it is not read."""
    path = pipe(f"image{extension}")
    with pytest.raises(ImageReadError, match=r"is a named pipe, expected a file\. Save its contents"):
        open_image(path)
    with pytest.raises(ImageReadError, match="is a named pipe"):
        find_exported(path)
    assert read_stamp(path) is None


def test_pipe_is_not_asked_for_datasets(pipe):
    """A pipe with the name of an HDF5 file has no datasets to choose from."""
    with pytest.raises(ImageReadError, match="is a named pipe"):
        parse(pipe("scan.h5")).datasets()


@pytest.mark.parametrize("name", ["/dev/zero", "link.tif"])
def test_device_as_an_image_is_refused(name, tmp_path, monkeypatch):
    """A device never ends; neither does a link to one."""
    monkeypatch.chdir(tmp_path)
    Path("link.tif").symlink_to("/dev/zero")
    with pytest.raises(ImageReadError, match="is a device, expected a file"):
        open_image(name)


def test_socket_as_an_image_is_refused(tmp_path, monkeypatch):
    """A socket is no file."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("image.tif")
        with pytest.raises(ImageReadError, match="is a socket, expected a file"):
            open_image("image.tif")


@pytest.mark.parametrize("name", ["p.ilp", "p.h5"])
def test_pipe_as_a_project_is_refused(name, pipe):
    """A project is a file."""
    with pytest.raises(ProjectError, match="is a named pipe"):
        load_classifier(pipe(name))


@pytest.mark.parametrize("entry", ["{}", "@{}"])
def test_pipe_as_a_list_is_refused(entry, pipe):
    """A list of inputs is a file."""
    with pytest.raises(SettingsError, match="is a named pipe"):
        expand_inputs([entry.format(pipe("list.txt"))])


def test_pipe_as_a_record_is_refused(pipe):
    """A ledger is a file, to be read and to be continued."""
    path = pipe("run.ledger.jsonl")
    with pytest.raises(SettingsError, match="is a named pipe"):
        read_record(path)
    with pytest.raises(SettingsError, match="is a named pipe"):
        Record(path, continued=True)


def test_pipe_as_a_job_file_is_refused(pipe, capsys):
    """A job is a file, or JSON on the command line."""
    assert cli.main(["check", "--job", str(pipe("job.json"))]) == 2
    assert "is a named pipe" in capsys.readouterr().err


def test_pipe_among_inputs_fails_alone(pipe, tmp_path):
    """The other inputs of a batch are predicted."""
    path = write_project(tmp_path / "cells.ilp")
    np.save(tmp_path / "good.npy", np.zeros((40, 50), np.uint8))
    job = BatchJob(classifier=path, inputs=(str(pipe("bad.npy")), str(tmp_path / "good.npy")))
    bad, good = job.plan().rows
    assert "is a named pipe" in str(bad.problems[0])
    assert not good.problems


def test_pipe_behind_a_link_in_an_hdf5_file_is_refused(pipe, tmp_path):
    """A dataset that a link leads to in another file needs that file."""
    pipe("other.h5")
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = h5py.ExternalLink("other.h5", "/data")
    with pytest.raises(ImageReadError, match=r"other\.h5' is a named pipe"):
        open_image(tmp_path / "scan.h5/data")
