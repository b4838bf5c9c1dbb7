"""What every test needs: napari's settings are kept apart from the user's."""

import os
import tempfile

import pytest

# Before anything imports napari, which reads and writes this file.
_settings = tempfile.TemporaryDirectory()
os.environ["NAPARI_CONFIG"] = os.path.join(_settings.name, "settings.yaml")  # noqa: PTH118


def pytest_unconfigure(config: pytest.Config) -> None:
    _settings.cleanup()
