"""What every test needs: napari's settings apart from the user's, and a display for each process of tests."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

# Before anything imports napari, which reads and writes this file.
_settings = tempfile.TemporaryDirectory()
atexit.register(_settings.cleanup)
os.environ["NAPARI_CONFIG"] = os.path.join(_settings.name, "settings.yaml")  # noqa: PTH118


def pytest_configure(config: pytest.Config) -> None:
    """Give a process of tests that runs beside others a display of its own: windows take the focus from each other."""
    if hasattr(config, "workerinput") and sys.platform == "linux" and shutil.which("Xvfb"):
        # It ends when this process does, however that ends: then nothing is left to read for the shell.
        script = "Xvfb -displayfd 1 -screen 0 1400x1000x24 -nolisten tcp 2>/dev/null & read _; kill $!"
        display = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        os.environ["DISPLAY"] = f":{display.stdout.readline().strip()}"
        config.stash[_display] = display


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what has to do with Qt, and so needs a display."""
    for item in items:
        if isinstance(item, pytest.Function) and "qapp" in item.fixturenames:
            item.add_marker(pytest.mark.gui)


@pytest.fixture
def small_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let limits on memory be as in a process of its own: that of the tests has grown with the tests before."""
    monkeypatch.setattr("napari_batch_prediction.planning.memory.process_bytes", lambda: 150 * 2**20)


@pytest.fixture(scope="session")
def comparison_table(request: pytest.FixtureRequest) -> list[tuple[object, ...]]:
    """Rows of the table of differences from ilastik that is printed after the tests."""
    return request.config.stash.setdefault(_comparison, [])


_comparison = pytest.StashKey[list[tuple[object, ...]]]()
_display = pytest.StashKey[subprocess.Popen]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the rows of this process to the one that prints them."""
    if hasattr(session.config, "workeroutput"):
        rows = session.config.stash.get(_comparison, [])
        session.config.workeroutput["comparison"] = [[getattr(v, "item", lambda v=v: v)() for v in row] for row in rows]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take the rows of a process of tests that has ended."""
    output = getattr(node, "workeroutput", {})
    node.config.stash.setdefault(_comparison, []).extend(map(tuple, output.get("comparison", ())))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how far every golden image is from what ilastik predicted."""
    rows = config.stash.get(_comparison, [])
    if not rows:
        return
    terminalreporter.section("difference from ilastik's own probabilities")
    terminalreporter.line(
        f"{'case':<16}{'image':<8}{'':<4}{'values':>9}{'> 0.001':>9}{'share':>10}{'largest':>9}{'class':>7}"
    )
    for case, image, kind, n, n_other, largest, n_class, _ in rows:
        terminalreporter.line(
            f"{case:<16}{image:<8}{kind:<4}{n:>9}{n_other:>9}{n_other / n:>10.4%}{largest:>9.3f}{n_class:>7}"
        )
    for kind in ("2D", "3D"):
        chosen = [row for row in rows if row[2] == kind]
        n_class, n_pixels = sum(row[6] for row in chosen), sum(row[7] for row in chosen)
        if n_pixels:
            terminalreporter.line(f"{kind}: other class in {n_class} of {n_pixels} pixels, {n_class / n_pixels:.5%}")
