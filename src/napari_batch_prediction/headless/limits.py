"""The limits on threads and memory that callers of ilastik set."""

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.job import LEAST_MEMORY

THREADS, MEMORY = "LAZYFLOW_THREADS", "LAZYFLOW_TOTAL_RAM_MB"

_MEGABYTE = 2**20


class Limits(NamedTuple):
    """Limits on a process.

    Attributes
    ----------
    workers
        Number of threads; None for one for each core.
    memory
        Bytes, not fewer than a batch can run with; None for no limit.
    """

    workers: int | None
    memory: int | None


def read_limits(environment: Mapping[str, str], config: str | None) -> Limits:
    """Return the limits of the environment, or else of ilastik's settings.

    Parameters
    ----------
    environment
        The variables of the process.
    config
        The file of ilastik's settings; None if there is none.

    Raises
    ------
    SettingsError
        If a limit is no whole number, or the file cannot be read.
    """
    stored = _stored(config) if config is not None else {}
    # -1 threads and 0 MB are ilastik's defaults: no limit.
    threads = _number(environment.get(THREADS), THREADS, stored.get("threads", "-1"))
    megabytes = _number(environment.get(MEMORY), MEMORY, stored.get("total_ram_mb", "0"))
    workers = None if threads < 0 else max(threads, 1)
    memory = None if megabytes <= 0 else max(megabytes * _MEGABYTE, LEAST_MEMORY)
    return Limits(workers, memory)


def _number(text: str | None, name: str, default: str) -> int:
    text = text if text and text.strip() else default
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"{name} is '{text}', expected a whole number.") from None


def _stored(path: str) -> Mapping[str, str]:
    refuse_special(Path(path), SettingsError)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"), path)
    except (OSError, ValueError, configparser.Error) as error:
        raise SettingsError(f"--configfile '{path}' cannot be read: {error}.") from error
    return dict(parser["lazyflow"]) if parser.has_section("lazyflow") else {}
