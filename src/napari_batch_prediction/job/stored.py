"""A job as JSON: writing it, and reading it with every fault in words."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_batch_prediction.disk import refuse_special, require_path
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.wording import shortened


def write_job(job: BatchJob) -> str:
    """Return a job as JSON in one line, with the fields that differ from their defaults."""
    # Not by pydantic, which refuses the names of files that are no text in UTF-8.
    content = job.model_dump(mode="json", exclude_defaults=True)
    if job.export_settings is not None:
        # What an export says wins over the project, also where it says the default.
        content["exports"] = [export.model_dump(mode="json", exclude_unset=True) for export in job.exports]
    return json.dumps(content)


def read_given(given: str) -> BatchJob:
    """Return the job of JSON that is given as text, or as the path of a file.

    Raises
    ------
    SettingsError
        If it cannot be read, or is no job; see :func:`read_job`.
    """
    if given.lstrip().startswith("{"):
        return read_job(given)
    require_path(given, SettingsError, "The job")
    refuse_special(Path(given), SettingsError)
    remedy = "Give JSON, or a file with JSON."
    try:
        text = Path(given).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"The job '{given}' cannot be read: {error.strerror}. {remedy}") from error
    except ValueError as error:
        raise SettingsError(f"The job '{given}' cannot be read: it is no text in UTF-8. {remedy}") from error
    return read_job(text, f"The job '{given}'")


def read_job(text: str, name: str = "The job") -> BatchJob:
    """Return the job that JSON holds.

    Parameters
    ----------
    text
        The JSON.
    name
        The subject of messages: the file that holds it.

    Raises
    ------
    SettingsError
        If the text is no JSON, or no job, or names a field twice; the message names the place and the field.
    """
    try:
        content = json.loads(text, object_pairs_hook=_each_once)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SettingsError(f"{name} is not JSON: {_WRONG.get(error.msg, error.msg)} at {place}.") from None
    except _RepeatedError as error:
        raise SettingsError(f"{name} holds {str(error)!r} twice in one object. Leave one of them out.") from None
    except (ValueError, RecursionError):
        raise SettingsError(f"{name} cannot be read: it is nested too deeply, or a number is too long.") from None
    if not isinstance(content, dict):
        kind = _KINDS[type(content)]
        raise SettingsError(f"{name} holds {kind}, expected an object with the fields of a job in braces.")
    return BatchJob.read(content, f"{name} is no job")


class _RepeatedError(Exception):
    """A name stands twice in one object, which readers of JSON take differently."""


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedError(next(shortened(name, _LONGEST) for name in names if names.count(name) > 1))
    return content


_LONGEST = 60

_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "null"}

# Python's words for a comma after the last entry, and for nothing at all.
_WRONG = {
    "Expecting property name enclosed in double quotes": "a name in double quotes is expected",
    "Expecting value": "a value is expected",
    "Expecting ',' delimiter": "a comma is expected",
    "Expecting ':' delimiter": "a colon is expected",
    "Extra data": "there is more after its end",
    "Unterminated string starting at": "a text has no closing quote: it begins",
    "Invalid control character at": "a text holds a control character",
    "Invalid \\escape": "a text holds a backslash that stands for nothing (write two)",
    "Illegal trailing comma before end of object": "there is a comma before the closing brace",
    "Illegal trailing comma before end of array": "there is a comma before the closing bracket",
}
