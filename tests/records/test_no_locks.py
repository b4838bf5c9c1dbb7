"""Ledgers on disks that have no locks."""

import errno
import os

import pytest

from napari_batch_prediction import turns
from napari_batch_prediction.errors import ExportError, SettingsError
from napari_batch_prediction.records.record import Record

fcntl = pytest.importorskip("fcntl")


@pytest.fixture(autouse=True)
def no_locks(monkeypatch):
    """A disk that has no locks, and turns that take fractions of a second."""

    def refuse(file, how) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(turns, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(turns, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(turns, "SILENT_SECONDS", 1.0)


def test_record_is_written_by_one_run_at_a_time(tmp_path):
    """A second writer is refused while the first is there; afterwards nothing is left beside the ledger."""
    path = tmp_path / "r.ledger.jsonl"
    first = Record(path)
    with pytest.raises(SettingsError, match="Another run is writing"):
        Record(path, continued=True)
    first.write("run")
    first.close()
    Record(path, continued=True).close()
    assert [*tmp_path.iterdir()] == [path]


def test_record_of_a_run_that_was_killed_is_taken_over(tmp_path):
    """The file of a run that says nothing any more stops nobody for long."""
    path = tmp_path / "r.ledger.jsonl"
    path.write_bytes(b"")
    (tmp_path / ".r.ledger.jsonl.lock").write_text("somebody 7")
    Record(path, continued=True).close()
    assert [*tmp_path.iterdir()] == [path]


def test_run_that_stood_still_stops_when_another_has_taken_over(tmp_path):
    """Two never write into one ledger."""
    path = tmp_path / "r.ledger.jsonl"
    first = Record(path)
    (tmp_path / ".r.ledger.jsonl.lock").write_text("somebody else")
    with pytest.raises(ExportError, match="written by another run now"):
        first.write("run")
    first.close()
    assert path.read_bytes() == b""
    assert (tmp_path / ".r.ledger.jsonl.lock").exists()


def test_record_that_cannot_be_locked_at_all_is_refused(tmp_path):
    """The message says which file cannot be made."""
    path = tmp_path / "r.ledger.jsonl"
    path.write_bytes(b"")
    (tmp_path / ".r.ledger.jsonl.lock").symlink_to(tmp_path / "nowhere" / "x")
    with pytest.raises(ExportError, match="cannot be locked: its disk has no locks"):
        Record(path, continued=True)
