"""Turns of processes that need the same loop."""

import threading
import time

import pytest

from napari_batch_prediction import turns
from napari_batch_prediction.turns import Turn


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Turns that take fractions of a second."""
    monkeypatch.setattr(turns, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(turns, "POLL_SECONDS", 0.01)


def test_others_wait_until_the_turn_is_given_back(tmp_path):
    """The second goes on when the first is done, and the file is gone when both are."""
    path, order = tmp_path / "loop.compiling", []
    first, second = Turn(path), Turn(path)
    first.take()

    def wait():
        second.take()
        order.append("second")
        second.give_back()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.3)
    order.append("first")
    first.give_back()
    thread.join()
    assert order == ["first", "second"]
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"0123 4", b"\xff\xfe"])
def test_turn_of_a_process_that_was_killed_is_over(tmp_path, monkeypatch, content):
    """A file that nobody renews is removed, and the turn is taken."""
    monkeypatch.setattr(turns, "SILENT_SECONDS", 0.2)
    path = tmp_path / "loop.compiling"
    path.write_bytes(content)
    later = Turn(path)
    later.take()
    assert path.read_bytes() != content
    later.give_back()
    assert not path.exists()


def test_waiting_for_a_process_that_goes_on_has_an_end(tmp_path, monkeypatch):
    """The one that waited leaves the other's file alone."""
    path = tmp_path / "loop.compiling"
    first, second = Turn(path), Turn(path)
    first.take()
    monkeypatch.setattr(turns, "LIMIT_SECONDS", 0.3)
    second.take()
    second.give_back()
    assert path.exists()
    first.give_back()
    assert not path.exists()


def test_without_a_place_for_the_file_there_is_nothing_to_wait_for(tmp_path):
    """Each compiles by itself."""
    Turn(tmp_path / "gone" / "loop.compiling").take()


def test_endless_turn_is_left_to_the_one_that_has_it(tmp_path):
    """The second hears the first and goes, and takes its turn once the first has ended."""
    path = tmp_path / "record.lock"
    first, second = Turn(path, endless=True), Turn(path, endless=True)
    assert first.take()
    assert not second.take()
    assert first.is_taken()
    assert not second.is_taken()
    first.give_back()
    assert second.take()
    second.give_back()
