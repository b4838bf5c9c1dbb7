"""Reading the ledger of a run back."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from napari_batch_prediction.classifiers.base import COUNT_COLUMNS, COUNTS
from napari_batch_prediction.disk import refuse_special, require_path
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.ledger import LedgerRow, Table, Written
from napari_batch_prediction.records.lines import (
    BeginLine,
    EndLine,
    FilesLine,
    FinishLine,
    InputLine,
    RunLine,
    parse_line,
)
from napari_batch_prediction.records.record import SUFFIX, Recorded, RecordedInput

# As much of an error in a line as is worth reading.
_LONGEST = 300

# The lines that name files that were written; others are not parsed.
_TELLING = tuple(f'{{"kind": "{kind}"'.encode() for kind in ("run", "end", "finish"))


def read_record(path: Path) -> Recorded:
    """Read the ledger of a run, finished or not; an incomplete last line is ignored.

    Raises
    ------
    SettingsError
        If the file is missing, is not a ledger, or does not hold every input of its run.
    """
    run, job = None, None
    inputs: dict[int, RecordedInput] = {}
    tokens, hashes = set[str](), set[str]()
    tables: dict[str, Path] = {}
    content = _content(path)
    for number, text in enumerate(content.splitlines(), start=1):
        try:
            line = parse_line(text)
            if isinstance(line, RunLine):
                run, job = line, _job(line)
                tokens.add(line.token)
            elif isinstance(line, FilesLine | FinishLine):
                hashes.update(line.sha256)
                if isinstance(line, FinishLine):
                    tables = {name: Path(table) for name, table in line.tables.items()}
            elif isinstance(line, InputLine):
                own = frozenset(Path(new) for output in line.outputs.values() for new in output.new)
                inputs.setdefault(line.index, RecordedInput(line.input, own, beside=line.beside))
            elif isinstance(line, BeginLine | EndLine):
                recorded = inputs.get(line.index)
                if recorded is None:
                    raise ValueError(f"there is no input {line.index}")
                if isinstance(line, EndLine):
                    recorded.row = _row(recorded.input, line)
                else:
                    recorded.begun = True
        except (ValueError, RecursionError) as error:
            raise SettingsError(
                f"Line {number} of {path} is not a line of a ledger: {str(error)[:_LONGEST]}.",
                setting="ledger",
                path=path,
            ) from error
    if run is None or job is None:
        raise SettingsError(
            f"{path} is not the ledger of a run: it does not begin with a run. Choose a file *{SUFFIX}."
        )
    _check_complete(path, inputs, len(inputs) if run.n_inputs is None else run.n_inputs)
    return Recorded(
        path=path,
        job=job,
        classifier_sha256=run.classifier_sha256,
        inputs=tuple(inputs[i] for i in sorted(inputs)),
        size=len(content),
        tokens=frozenset(tokens - {""}),
        hashes=frozenset(hashes),
        tables=tables,
    )


def _check_complete(path: Path, inputs: Collection[int], n_inputs: int) -> None:
    """Raise SettingsError unless a ledger names every input, by its index."""
    if len(inputs) != n_inputs or any(index >= n_inputs for index in inputs):
        raise SettingsError(
            f"The ledger {path} is cut: it names {len(inputs)} of {n_inputs} inputs, since its run ended while they "
            "were written down, before anything was predicted. Remove it, and start the run again.",
            setting="ledger",
            path=path,
        )


def files_of_record(path: Path) -> dict[str, int | None]:
    """Return the files that a ledger says its run has written, by absolute path, each with its size if it is known.

    If the ledger was moved together with them, also where they are now: a new ledger is in the folder that all files of
    its run share, unless the user chose its name. What cannot be read is left out.
    """
    try:
        content = _content(path)
    except SettingsError:
        return {}
    files: dict[str, int | None] = {}
    is_chosen: bool | None = None
    for text in content.splitlines():
        if not text.startswith(_TELLING):
            continue
        try:
            line = parse_line(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, RunLine):
            is_chosen = line.job.get("ledger") is not None if is_chosen is None else is_chosen
        elif isinstance(line, EndLine):
            for output in line.outputs.values():
                files |= dict.fromkeys(output.files, output.size if len(output.files) == 1 else None)
        elif isinstance(line, FinishLine):
            files |= dict.fromkeys(line.tables.values())
    if files and is_chosen is False:
        with suppress(ValueError):  # different drives
            shared = os.path.commonpath([*map(os.path.dirname, files)])
            files |= {os.path.join(path.parent, os.path.relpath(file, shared)): n for file, n in files.items()}  # noqa: PTH118
    return files


def _job(line: RunLine) -> BatchJob:
    try:
        return BatchJob.read(line.job, "its job")
    except SettingsError as error:
        raise ValueError(str(error).removesuffix(".")) from None


def _row(name: str, line: EndLine) -> LedgerRow:
    written = {
        source: Written(paths=tuple(map(Path, output.files)), size=output.size, sha256=output.sha256)
        for source, output in line.outputs.items()
    }
    return LedgerRow(
        input=name,
        status=line.status,
        reason=line.reason,
        outputs={source: Path(output.path) for source, output in line.outputs.items()},
        seconds=line.seconds,
        trace=line.trace,
        written=written,
        tables=_read_tables(line),
        beside=line.beside,
    )


def _read_tables(line: EndLine) -> dict[str, Table]:
    tables = {COUNTS: Table(COUNT_COLUMNS, tuple(map(tuple, line.counts)))} if line.counts else {}
    others = {name: Table(tuple(table.columns), tuple(map(tuple, table.rows))) for name, table in line.tables.items()}
    return tables | others


def _content(path: Path) -> bytes:
    """Return the whole lines of a ledger."""
    require_path(path, SettingsError, "The ledger", "ledger")
    refuse_special(path, SettingsError)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"The ledger {path} cannot be read: {error.strerror}. Check its name.") from error
    return content[: content.rfind(b"\n") + 1]
