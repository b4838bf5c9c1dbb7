"""What every test needs: napari's settings are kept apart from the user's."""

import os
import tempfile

import pytest

# Before anything imports napari, which reads and writes this file.
_settings = tempfile.TemporaryDirectory()
os.environ["NAPARI_CONFIG"] = os.path.join(_settings.name, "settings.yaml")  # noqa: PTH118


def pytest_unconfigure(config: pytest.Config) -> None:
    _settings.cleanup()


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
