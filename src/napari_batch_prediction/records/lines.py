"""The lines of a ledger, checked as they are read: a ledger may come from anywhere."""

import json
import os
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from napari_batch_prediction.job.faults import faults
from napari_batch_prediction.records.ledger import Status
from napari_batch_prediction.records.record import FORMAT


def _name(text: str) -> str:
    """Return a text if it can be the path of a file."""
    os.fsencode(text)  # raises ValueError
    if not text or "\0" in text:
        raise ValueError("is not the path of a file")
    return text


FilePath = Annotated[str, AfterValidator(_name)]
Index = Annotated[int, Field(ge=0)]
Numbers = list[list[int | float | None]]


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class RunLine(_Line):
    """A run begins, or goes on; older ledgers have no number of inputs and no token."""

    kind: Literal["run"]
    format: int
    job: dict[str, Any]
    classifier_sha256: str
    n_inputs: Index | None = None
    token: Annotated[str, Field(pattern="^[0-9a-f]*$")] = ""


class PlannedOutput(_Line):
    """An output, and its files that did not exist before the run."""

    path: str
    new: list[str]


class InputLine(_Line):
    """An input, as planned."""

    kind: Literal["input"]
    index: Index
    input: str
    outputs: dict[str, PlannedOutput]
    beside: dict[str, str] = {}


class BeginLine(_Line):
    """The prediction of an input begins."""

    kind: Literal["begin"]
    index: Index


class WrittenOutput(_Line):
    """An output as it was written."""

    path: FilePath
    files: list[FilePath]
    size: Index
    sha256: str


class TableLine(_Line):
    """A table of an input."""

    columns: list[str]
    rows: list[list[int | float | str | None]]


class EndLine(_Line):
    """An input has ended; older ledgers have no counts."""

    kind: Literal["end"]
    index: Index
    status: Status
    reason: str
    seconds: FiniteFloat
    outputs: dict[str, WrittenOutput]
    trace: str
    counts: Numbers | None = None
    tables: dict[str, TableLine] = {}
    beside: dict[str, str] = {}


class FilesLine(_Line):
    """Hashes of tables that the run is about to write."""

    kind: Literal["files"]
    sha256: list[str]


class FinishLine(_Line):
    """A run has ended; the hash is that of the summary, which older ledgers do not have."""

    kind: Literal["finish"]
    tables: dict[str, str] = {}
    sha256: list[str] = []


Line = RunLine | InputLine | BeginLine | EndLine | FilesLine | FinishLine

_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


def parse_line(text: bytes) -> Line:
    """Return a line of a ledger.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        content = json.loads(text)
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON at column {error.colno}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if isinstance(content, dict) and content.get("kind") == "run" and content.get("format", FORMAT) != FORMAT:
        raise ValueError(f"format {str(content['format'])[:20]}, expected {FORMAT}")
    try:
        return _LINE.validate_python(content)
    except ValidationError as error:
        raise ValueError(faults(error, _Line)) from None
