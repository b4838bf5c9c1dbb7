"""A job as Python code and as a command line, to copy."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import is_table_format
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import UNSAVED
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.job.options import option_names, write_options
from napari_batch_prediction.job.stored import write_job

_RUN = """ledger = job.run()
for row in ledger.rows:
    print(row.input, row.status, row.reason)
"""

# Longer lines are broken at their commas.
_WIDTH = 100


def as_python(job: BatchJob) -> str:
    """Return Python code that makes the same job and runs it, with absolute paths.

    Raises
    ------
    SettingsError
        If the job has something in memory that is in no file.
    """
    _require_files(job)
    return f"import napari_batch_prediction as nbp\n\njob = {_call(job.absolute(), 0)}\n{_RUN}"


def as_command(job: BatchJob) -> str:
    """Return a command line that runs the same job, quoted for this system's shell, with absolute paths.

    If options cannot express the job (exports that differ in more than their source, settings of single images), it
    is given as JSON to ``--job``.

    Raises
    ------
    SettingsError
        If the job has something in memory that is in no file.
    """
    _require_files(job)
    words = [PROGRAM, "run", *_arguments(job.absolute())]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def all_options() -> dict[str, str]:
    """Return the option of the command line of each setting that has one, as errors and problems name settings."""
    names = option_names(Export, ObjectSettings, BatchJob)
    return {**names, "source": "--export", "axes": names["input_axes"]}


def _require_files(job: BatchJob) -> None:
    if job.classifier == UNSAVED:
        raise SettingsError("The classifier is in no file yet. Save the classifier first.", setting="classifier")
    if job.in_memory.arrays:
        name = next(iter(job.in_memory.arrays))
        raise SettingsError(f"'{name}' is in memory. Save it to a file first, and use the file.", setting="inputs")


def _call(model: BatchJob | Export, depth: int) -> str:
    """Return the Python call that makes a model, with the fields to show."""
    fields = {name: _value(value, depth + 1) for name, value in _fields(model)}
    return _bracketed(f"nbp.{type(model).__name__}(", [f"{name}={text}" for name, text in fields.items()], ")", depth)


def _fields(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields to show: those that differ from their defaults, and the source or the exports."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if name in ("source", "exports") or value != field.get_default(call_default_factory=True, validated_data={}):
            yield name, value


def _value(value: Any, depth: int) -> str:
    if hasattr(type(value), "model_fields"):
        return _call(value, depth)
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if isinstance(value, tuple):
        return _bracketed("[", [_value(item, depth + 1) for item in value], "]", depth)
    if isinstance(value, Mapping):
        items = [f"{key!r}: {_value(item, depth + 1)}" for key, item in value.items()]
        return _bracketed("{", items, "}", depth)
    return repr(value)


def _bracketed(start: str, items: list[str], end: str, depth: int) -> str:
    line = f"{start}{', '.join(items)}{end}"
    if not items or (len(line) + 4 * depth <= _WIDTH and "\n" not in line and not start.endswith("BatchJob(")):
        return line
    indent = "    " * (depth + 1)
    lines = "".join(f"{indent}{item},\n" for item in items)
    return f"{start}\n{lines}{'    ' * depth}{end}"


def _arguments(job: BatchJob) -> list[str]:
    names = [*job.inputs, *(export.source for export in job.exports)]
    expressible = (
        _same_but_source(job)
        and not job.input_settings
        and not (job.export_settings and any(map(_says_defaults, job.exports)))
        and not any(isinstance(channel, int) or channel != channel.strip() for channel in job.channels or ())
        and not any(name.startswith("-") for name in names)
    )
    if not expressible:
        return ["--job", write_job(job)]
    words = [os.fspath(job.classifier), *job.inputs]
    for export in job.exports:
        words += ["--export", export.source]
    options = write_options(job) | write_options(job.objects)
    for export in job.exports:
        written = write_options(export)
        if is_table_format(export.format):
            written["--table-format"] = written.pop("--format")
        options |= written
    for name, value in options.items():
        words += [name, *value]
    return words


def _says_defaults(export: Export) -> bool:
    """Return True if an export says a setting that has its default."""
    return any(name not in dict(_fields(export)) for name in export.model_fields_set)


def _same_but_source(job: BatchJob) -> bool:
    """Return True if the exports differ only in their source; tables may have another format than images."""
    others = [export.model_copy(update={"source": "", "format": ""}) for export in job.exports]
    formats = {(is_table_format(export.format), export.format) for export in job.exports}
    return all(other == others[0] for other in others) and len(formats) == len({is_table for is_table, _ in formats})
