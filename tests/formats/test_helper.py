"""The process that dies in place of this one: each way to die is said, and the next question is answered."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from repository import ENVIRONMENT
from threshold import plan_for, save_images

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.helper import asking
from napari_batch_prediction.formats.common.helper.asking import Helper, HelperEndedError, NoHelperError
from napari_batch_prediction.formats.hdf5 import looking
from napari_batch_prediction.locations.inputs import open_image

PIXELS = np.random.default_rng(0).integers(1, 250, (60, 70), np.uint8)
# Answers with the question, but for those that are told what to do.
WORKER = """
import json, os, pathlib, signal, sys, time
print("ready", flush=True)
for line in sys.stdin:
    question = json.loads(line)
    about = pathlib.Path(str(question.get("file", question.get("about")))).stem
    if about == "dies":
        os.abort()
    if about == "exits":
        sys.exit(3)
    if about == "hangs":
        time.sleep(100)
    if about == "idle" and not pathlib.Path(sys.argv[1]).exists():
        pathlib.Path(sys.argv[1]).touch()
        os._exit(75)
    print("rubbish" if about == "rubbish" else json.dumps({"kind": "value", "value": question}), flush=True)
"""


@pytest.fixture
def helper(tmp_path):
    """A helper that does what it is asked to."""
    helper = Helper("", seconds=5, command=(sys.executable, "-c", WORKER, str(tmp_path / "was idle")))
    yield helper
    helper.end()


WAYS = {
    "dies": "ended with the signal SIGABRT" if os.name != "nt" else "ended with the status 3",
    "exits": "ended with the status 3",
    "rubbish": "said what cannot be understood",
}


@pytest.mark.parametrize("way", WAYS)
def test_death_is_said_and_the_next_question_answered(way, helper):
    """Only the question that ended the process has no answer."""
    assert helper.ask({"about": 1}) == {"about": 1}
    with pytest.raises(HelperEndedError, match=WAYS[way]):
        helper.ask({"about": way})
    assert helper.ask({"about": 2}) == {"about": 2}


def test_process_that_hangs_is_ended(helper, monkeypatch):
    """After its time it is ended, which is said."""
    helper.ask({"about": 1})
    monkeypatch.setattr(helper, "_seconds", 0.1)
    with pytest.raises(HelperEndedError, match=r"had not answered after 0\.1 seconds"):
        helper.ask({"about": "hangs"})
    monkeypatch.setattr(helper, "_seconds", 5)
    assert helper.ask({"about": 2}) == {"about": 2}


def test_process_that_was_idle_is_started_again(helper, tmp_path):
    """It ends when it is not asked for a while; that is no death."""
    assert helper.ask({"about": "idle"}) == {"about": "idle"}
    assert (tmp_path / "was idle").exists()


@pytest.mark.parametrize("way", WAYS)
def test_foreseen_questions_around_a_death_are_answered(way, helper):
    """Of questions sent ahead, the one that ends the process is the one without an answer."""
    for about in (1, way, 2, 3):
        helper.foresee({"about": about})
    assert [helper.ask({"about": about}) for about in (1, 2)] == [{"about": 1}, {"about": 2}]
    with pytest.raises(HelperEndedError, match=WAYS[way]):
        helper.ask({"about": way})
    assert [helper.ask({"about": about}) for about in (3, 4)] == [{"about": 3}, {"about": 4}]


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "print('not that')")])
def test_helper_that_cannot_be_started_is_missing(command):
    """It is not tried again for each question."""
    helper = Helper("", command=command)
    for _ in range(2):
        with pytest.raises(NoHelperError):
            helper.ask({"about": 1})


@pytest.fixture
def dying(monkeypatch, helper):
    """Let the library die of files of certain names."""
    monkeypatch.setattr(looking, "HELPER", helper)


def test_death_by_a_file_is_the_reason_of_its_row(tmp_path, dying):
    """The others are planned."""
    good = save_images(tmp_path, "a")[0]
    bad = tmp_path / "dies.h5"
    with h5py.File(bad, "w") as file:
        file["data"] = PIXELS
    rows = plan_for([good, bad, good.with_name("*.npy")]).rows
    assert [row.input for row in rows] == [str(good), str(bad)]
    (problem,) = rows[1].problems
    assert not rows[0].problems
    assert problem.path == bad
    assert f"'{bad}' cannot be read: a process of the HDF5 library, which was to look at it, ended with" in str(problem)
    assert "opens in other programs" in str(problem)
    for look in (lambda: open_image(bad), lambda: looking.look("datasets", bad)):
        with pytest.raises(ImageReadError, match="a process of the HDF5 library"):
            look()


def test_file_is_read_here_where_no_process_can_be_started(tmp_path, monkeypatch):
    """In a program that is no Python, such as one that embeds it, the file is looked at as it was."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = PIXELS
    monkeypatch.setattr(looking, "HELPER", Helper("", command=("/no/such/program",)))
    with open_image(tmp_path / "a.h5") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)
    monkeypatch.setattr(sys, "executable", "/opt/host/program")
    with pytest.raises(NoHelperError):
        Helper("json").ask({})


@pytest.mark.parametrize("is_open", [False, True])
def test_file_that_changed_since_it_was_looked_at_is_not_read(is_open, tmp_path):
    """What is opened for its pixels is what was looked at."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = PIXELS
    with open_image(path) as image:
        path.unlink()
        if is_open:
            with h5py.File(path, "w") as file:
                file["data"] = PIXELS[:30]
        with pytest.raises(ImageReadError, match=r"a\.h5' has changed since it was looked at"):
            image.read()


def test_foreseen_file_that_changed_is_looked_at_again(tmp_path):
    """An answer from before a change is not believed."""
    path = tmp_path / "a.h5"
    for pixels in (PIXELS[:30], PIXELS):
        with h5py.File(path, "w") as file:
            file["data"] = pixels
        if len(pixels) == 30:
            looking.foresee(path, None)
            assert looking.look("header", path.with_name("a.h5"), "data")["shape"] == [30, 70]
    with open_image(path) as image:
        assert image.shape == PIXELS.shape


def test_library_that_goes_in_circles_is_ended(tmp_path):
    """A question that takes too much computing ends the process, whoever still waits for it."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("this system cannot measure it")
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from napari_batch_prediction.formats.common.helper import serving\n"
        "serving.SECONDS_OF_WORK = 0.1\n"
        "def answer(question):\n    while True: pass\n"
        "serving.serve(answer)\n"
    )
    with pytest.raises(HelperEndedError, match="ended with no answer after 8 seconds"):
        Helper("", command=(sys.executable, "-c", code)).ask({})


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="is about signals")
def test_process_ends_with_the_one_that_started_it(tmp_path):
    """Also when that one is killed, nothing is left behind."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = PIXELS
    code = (
        "import pathlib, sys, time\n"
        "from napari_batch_prediction.formats.hdf5 import looking\n"
        "looking.look('datasets', pathlib.Path(sys.argv[1]))\n"
        "print(looking.HELPER._process._process.pid, flush=True)\n"
        "time.sleep(100)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.h5")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists() or not Path("/proc").exists()
        process.kill()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the process is still there")


def test_text_that_a_library_prints_is_no_answer(tmp_path):
    """What goes to standard output in the process is dropped."""
    code = (
        f"import os, sys; sys.path[:] = {sys.path!r}\n"
        "from napari_batch_prediction.formats.common.helper import serving\n"
        "def answer(question):\n    print('noise', flush=True); os.write(1, b'more'); return question\n"
        "serving.serve(answer)\n"
    )
    helper = Helper("", command=(sys.executable, "-c", code))
    assert helper.ask({"a": "\udcff"}) == {"a": "\udcff"}
    helper.end()


def test_memory_that_a_structure_wants_is_bounded():
    """A damaged length does not take the memory of the machine."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from napari_batch_prediction.formats.common.helper import serving\n"
        "serving.serve(lambda question: len(bytes(2**33)))\n"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("memory of a process cannot be limited")
    helper = Helper("", command=(sys.executable, "-c", code))
    with pytest.raises(OSError, match="takes more memory"):
        helper.ask({})
    helper.end()
    assert asking._named(-9) == "the signal SIGKILL"
