"""Looking into folders: what is there, and which names are the same."""

import os
from pathlib import Path

import pytest

from napari_batch_prediction.planning.folders import Folder, Folders, same

# Fewer names are asked for one by one.
FEW, MANY = 1, 1000


@pytest.fixture(params=[FEW, MANY], ids=["few names", "many names"])
def folder(request, tmp_path) -> Folder:
    (tmp_path / "there.h5").touch()
    (tmp_path / "link.h5").symlink_to(tmp_path / "there.h5")
    (tmp_path / "lost.h5").symlink_to(tmp_path / "nowhere.h5")
    return Folder(str(tmp_path), request.param)


@pytest.mark.parametrize(
    ("name", "is_there"), [("there.h5", True), ("link.h5", True), ("lost.h5", True), ("new.h5", False)]
)
def test_names_in_a_folder(folder, name, is_there):
    """A file and a link are there, also a link that leads nowhere."""
    assert folder.holds(name) == is_there


def test_links_lead_to_the_same_file(folder):
    """A link has the key of the file it leads to, and one of its own as a name."""
    assert folder.real_key("link.h5") == folder.real_key("there.h5") == folder.key("there.h5")
    assert folder.key("link.h5") != folder.key("there.h5")
    assert folder.real_key("lost.h5") == folder.key("nowhere.h5")


def test_names_that_some_file_system_takes_for_one():
    """Case and composition of letters do not count."""
    assert same("Cells.h5") == same("cells.H5")
    assert same("caf\u00e9") == same("cafe\u0301")
    assert same("a.h5") != same("b.h5")


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    """However many names are asked for, and whether or not they are there."""
    listed: list[str] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or real(path))
    names = [f"{i}.h5" for i in range(MANY)]
    folders = Folders((str(tmp_path), name) for name in names)
    assert not any(folders[str(tmp_path)].holds(name) for name in names)
    assert listed == [str(tmp_path)]


@pytest.mark.parametrize("n_names", [FEW, MANY])
def test_a_folder_that_is_not_there_yet(tmp_path, n_names):
    """Nothing is in it, and it can be made; below a file it cannot."""
    new = Folder(str(tmp_path / "new" / "deep"), n_names)
    assert not new.holds("a.h5")
    assert new.problem is None
    (tmp_path / "file").touch()
    below = Folder(str(tmp_path / "file" / "deep"), n_names)
    assert not below.holds("a.h5")
    assert below.problem is not None
    assert (below.problem.setting, below.problem.path) == ("folder", tmp_path / "file" / "deep")


def test_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    """Each name is asked for."""

    def refuse(path: str) -> None:
        raise PermissionError(13, "no", path)

    monkeypatch.setattr(os, "scandir", refuse)
    (tmp_path / "there.h5").touch()
    folder = Folder(str(tmp_path), MANY)
    assert folder.holds("there.h5")
    assert not folder.holds("new.h5")
    assert folder.path("new.h5") == Path(tmp_path, "new.h5")
