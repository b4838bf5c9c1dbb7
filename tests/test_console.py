"""What terminals, pipes and signals do to a command: it ends as it should, and files are whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from repository import ENVIRONMENT, GOLDEN

import napari_batch_prediction as nbp
from napari_batch_prediction.cli import main
from napari_batch_prediction.records.reading import read_record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell and signals of POSIX")

PROJECT = GOLDEN / "a_2d_u8" / "project.ilp"
IMAGE = GOLDEN / "a_2d_u8" / "test2.png"
COMMAND = f"{sys.executable} -m napari_batch_prediction.cli"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    bash = ["bash", "-c", f"set -o pipefail; {line}"]
    return subprocess.run(bash, capture_output=True, text=True, env=ENVIRONMENT, cwd=folder, check=False)


STREAMS = [
    "2>&-",
    ">&-",
    "<&- >&- 2>&-",
    ">/dev/full",
    "2>/dev/full",
    ">/dev/full 2>/dev/full",
    "| true",
    "2>&1 | true",
]


@pytest.mark.slow
@pytest.mark.parametrize("streams", STREAMS)
def test_streams_that_are_closed_or_full_do_not_spoil_a_run(streams, tmp_path):
    """The output is whole and the status is 0, and that of a resume, too."""
    run = shell(f"{COMMAND} run {PROJECT} {IMAGE} --folder out --ledger r.ledger.jsonl {streams}", tmp_path)
    assert (run.returncode, run.stderr) == (0, run.stderr if "2>" not in streams else "")
    assert nbp.open_image(tmp_path / "out" / "test2_Probabilities.h5").shape == (61, 45, 3)
    resume = shell(f"{COMMAND} resume r.ledger.jsonl {streams}", tmp_path)
    assert resume.returncode == 0
    assert "Traceback" not in run.stderr + resume.stderr


@pytest.mark.parametrize("module", ["cli", "headless.command"])
def test_removed_current_folder_is_told(module, tmp_path):
    """Not by a traceback."""
    command = f"{sys.executable} -m napari_batch_prediction.{module} --version"
    result = shell(f"mkdir gone && cd gone && rmdir ../gone && {command}", tmp_path)
    said = "There is no current folder any more: No such file or directory. Go to another one.\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", said)


def test_full_stdout_of_a_command_that_only_prints_is_an_error(tmp_path):
    """What was asked for is not there."""
    for command in (f"info {PROJECT}", f"check {PROJECT} {IMAGE} --folder out", "--help"):
        result = shell(f"{COMMAND} {command} >/dev/full", tmp_path)
        assert result.returncode == 1
        assert result.stderr == "napari-batch-prediction: the output cannot be written: No space left on device.\n"


def test_reader_of_stdout_that_goes_ends_a_check_quietly(tmp_path):
    """As of head: no trace, no message."""
    result = shell(f"{COMMAND} check {PROJECT} {IMAGE} --folder out | true", tmp_path)
    assert (result.returncode, result.stderr) == (1, "")


def test_closed_stdout_leaves_the_status_of_a_check(tmp_path):
    """Who closes stdout asks for the status alone."""
    for streams in (">&-", "2>&-", "<&- >&- 2>&-"):
        assert shell(f"{COMMAND} check {PROJECT} {IMAGE} --folder out {streams}", tmp_path).returncode == 0


def start(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a run; return it and its ledger once its input has begun."""
    np.save(tmp_path / "big.npy", np.zeros((9000, 3000), np.uint8))
    record = tmp_path / "r.ledger.jsonl"
    arguments = ["run", PROJECT, "big.npy", "--folder", "out", "--ledger", record, "--workers", "1"]
    process = subprocess.Popen(
        [*COMMAND.split(), *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=tmp_path,
        # Tests that were begun with nohup would pass on that it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    while not (record.exists() and b'"begin"' in record.read_bytes()):
        assert process.poll() is None
        time.sleep(0.02)
    return process, record


@pytest.mark.parametrize("names", [["SIGTERM"], ["SIGHUP"], ["SIGINT"], ["SIGTERM", "SIGHUP"], ["SIGHUP", "SIGHUP"]])
def test_signal_ends_a_run_and_its_record(names, tmp_path):
    """The ledger has the end of each input, nothing temporary is left, and the status is that of the signal.

    A terminal that is closed may say so again.
    """
    process, record = start(tmp_path)
    told = ""
    for name in names:
        process.send_signal(getattr(signal, name))
        # Python takes signals that come together by their numbers, not in their order.
        while "Cancelling" not in told and (line := process.stderr.readline()):
            told += line
    process.communicate()
    assert "Cancelling" in told
    assert process.returncode == 128 + getattr(signal, names[0])
    assert [recorded.row.status for recorded in read_record(record).inputs] == ["cancelled"]
    assert not [*(tmp_path / "out").glob(".*")]


def test_second_signal_ends_the_process_itself(tmp_path):
    """Without waiting for anything: what is left is removed by a resume."""
    process, record = start(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert "Cancelling" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate()
    if process.returncode != 143:  # it had ended in the meantime
        assert process.returncode == -signal.SIGINT
    nbp.resume(record, should_cancel=lambda: True)
    assert not [*(tmp_path / "out").glob(".*")]


def test_signal_before_anything_is_written_ends_at_once(tmp_path, monkeypatch, capsys):
    """While the batch is checked there is nothing to be tidied up; handlers are as they were before."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("napari_batch_prediction.planning.plan.iter_plan", lambda *_, **__: os.kill(os.getpid(), 15))
    assert main(["check", str(PROJECT), str(IMAGE)]) == 143
    assert "Interrupted." in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("command", ["check", "run", "info"])
def test_signal_whose_exception_is_lost_ends_the_command_too(command, tmp_path, monkeypatch):
    """Python drops an exception in a destructor: the command ends with the signal's status and writes nothing."""

    original = nbp.load_classifier

    class Dying:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    def load(*given):
        Dying()
        return original(*given)

    monkeypatch.setattr("napari_batch_prediction.classifiers.load.load_classifier", load)
    rest = [] if command == "info" else [str(IMAGE), "--folder", str(tmp_path / "out")]
    assert main([command, str(PROJECT), *rest]) == 143
    assert not (tmp_path / "out").exists()


def test_signal_that_the_user_ignores_stays_ignored(monkeypatch):
    """As nohup has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        monkeypatch.setattr("napari_batch_prediction.planning.plan.iter_plan", lambda *_, **__: os.kill(os.getpid(), 1))
        with pytest.raises(TypeError, match="NoneType"):
            main(["check", str(PROJECT), str(IMAGE)])
    finally:
        signal.signal(signal.SIGHUP, before)


def test_names_cannot_command_the_terminal(tmp_path, monkeypatch, capsys):
    """Escape sequences and ends of lines in a name are shown as text, on both streams and in all tables."""
    monkeypatch.chdir(tmp_path)
    name = "a\x1b[31m\r\nb\u202e.png"
    Path(name).write_bytes(IMAGE.read_bytes())
    Path("c\x1b]0;x\x07.png").write_bytes(b"no image")
    assert main(["check", str(PROJECT), name, "c*.png", "--folder", "out\x9b"]) == 1
    assert main(["run", str(PROJECT), name, "c*.png", "--folder", "out\x9b"]) == 1
    assert main(["run", "x\x1b[2J.ilp", name]) == 2
    assert main(["run", str(PROJECT), name, "--\x1b[2J"]) == 2
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert r"\x1b" in text
        assert not set(text) & set("\x1b\r\x07\x9b\u202e")
    assert r"a\x1b[31m\r\nb\u202e.png" in printed.out


def test_messages_have_a_bounded_length(tmp_path):
    """A name of a megabyte comes shortened, in the plan and in the ledger."""
    plan = nbp.BatchJob(classifier=PROJECT, inputs=[str(IMAGE), f"{'x' * 1_000_000}.png"]).plan()
    assert len(plan.rows[1].problems[0].text) <= 2000
    assert "characters left out" in plan.rows[1].problems[0].text
