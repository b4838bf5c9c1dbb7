"""Nothing of a project is taken from another file: ilastik saves one file."""

import os

import h5py
import numpy as np
import pytest
from ilp_reader import read_project
from ilp_writer import FORESTS, remove, write_project

from napari_batch_prediction.errors import ProjectError

TOPOLOGY = f"{FORESTS}/Forest0000/Tree_0/topology"


def external_link(file):
    remove(file, TOPOLOGY)
    file[TOPOLOGY] = h5py.ExternalLink("other.ilp", f"/{TOPOLOGY}")


def external_group(file):
    remove(file, "FeatureSelections")
    file["FeatureSelections"] = h5py.ExternalLink("other.ilp", "/FeatureSelections")


def link_that_leaves(file):
    file["way"] = h5py.ExternalLink("other.ilp", "/")
    remove(file, TOPOLOGY)
    file[TOPOLOGY] = h5py.SoftLink(f"/way/{TOPOLOGY}")


def circle(file):
    remove(file, TOPOLOGY)
    file[TOPOLOGY] = h5py.SoftLink(f"/{TOPOLOGY}")


def virtual(file):
    shape = file[TOPOLOGY].shape
    remove(file, TOPOLOGY)
    layout = h5py.VirtualLayout(shape, "i4")
    layout[...] = h5py.VirtualSource("other.ilp", TOPOLOGY, shape=shape)
    file.create_virtual_dataset(TOPOLOGY, layout)


def external_storage(file):
    stored = file[TOPOLOGY][()]
    remove(file, TOPOLOGY)
    file.create_dataset(TOPOLOGY, stored.shape, stored.dtype, external=[("numbers.raw", 0, h5py.h5f.UNLIMITED)])


REFUSED = {
    "a link to another file": (external_link, "a link to the file 'other.ilp'"),
    "a group of another file": (external_group, "a link to the file 'other.ilp'"),
    "a link by another file": (link_that_leaves, "a link to the file 'other.ilp'"),
    "links in a circle": (circle, "links in a circle"),
    "a virtual dataset": (virtual, "a virtual dataset"),
    "external storage": (external_storage, r"values in another file \(external storage\)"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_project_made_of_other_files_is_refused(change, message, tmp_path, monkeypatch):
    """The other file is not even opened: here it is a pipe, which would be waited for."""
    monkeypatch.chdir(tmp_path)
    path = write_project(tmp_path / "cells.ilp", change)
    if hasattr(os, "mkfifo"):
        for name in ("other.ilp", "numbers.raw"):
            (tmp_path / name).unlink(missing_ok=True)
            os.mkfifo(tmp_path / name)
    with pytest.raises(ProjectError, match=message):
        read_project(path)


def test_links_inside_a_project_are_followed(tmp_path):
    """A link to a member of the same file, from the root or relative, is that member."""

    def change(file):
        file.move(TOPOLOGY, "elsewhere")
        file[TOPOLOGY] = h5py.SoftLink("/elsewhere")
        file.move("FeatureSelections/Scales", "FeatureSelections/sigmas")
        file["FeatureSelections/Scales"] = h5py.SoftLink("sigmas")

    project = read_project(write_project(tmp_path / "cells.ilp", change))
    assert len(project.trees) == 4
    np.testing.assert_allclose(project.selection.scales, [0.7, 1.0])
