"""Writing the events of a run to its ledger."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from itertools import count
from pathlib import Path

from napari_batch_prediction.errors import OutputExistsError, SettingsError
from napari_batch_prediction.formats.common.files import write_whole
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.locations.paths import outside_stores
from napari_batch_prediction.planning.folders import nearest
from napari_batch_prediction.planning.inputs.inspection import ImageInfo
from napari_batch_prediction.planning.naming import shared_folder
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.provenance import file_hash, versions
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.records.events import BatchFinished, BatchStarted, Event, FileFinished, FileStarted
from napari_batch_prediction.records.record import FORMAT, SUFFIX, Record, RecordExistsError, note_tables, summary

_NUMBERED = 20

# Bytes of the classifier's name in that of a ledger.
_LONGEST_STEM = 180


class Recorder:
    """Writes the events of one run to its ledger.

    Parameters
    ----------
    plan
        The checked job.
    token
        The mark of the run in the names of temporary files.

    Raises
    ------
    SettingsError
        If the job's ledger exists and is not resumed, another run is writing to it or has written to it since the
        plan was made, or its summary has the name of a table.
    ExportError
        If the ledger cannot be written.
    """

    def __init__(self, plan: Plan, token: str) -> None:
        path = plan.job.ledger or _new_path(plan)
        if (table := next(_summary_paths(path))) in plan.tables.values():
            raise SettingsError(f"The table {table} is also the summary of the ledger {path}. Name another file.")
        self._plan, self._token = plan, token
        recorded = plan.recorded
        self._hashes = set(recorded.hashes if recorded is not None else ())
        self._record = Record(path, continued=plan.resumed) if plan.job.ledger else _new_record(path)
        self.path = self._record.path
        if recorded is not None and self._record.size != recorded.size:
            self._record.close()
            raise SettingsError(
                f"Another run has written to the ledger {path} since it was read. Resume it again.",
                setting="ledger",
                path=path,
            )

    def note(self, event: Event) -> Event:
        """Note an event before others see it; return it, the last event with the ledger's path.

        Raises
        ------
        ExportError
            If the ledger cannot be written.
        """
        match event:
            case BatchStarted():
                self._note_plan()
            case FileStarted(index=index):
                self._record.write("begin", index=index)
            case FileFinished(index=index, row=row):
                outputs = {
                    source: {
                        "path": str(row.outputs[source]),
                        "files": [str(path) for path in written.paths],
                        "size": written.size,
                        "sha256": written.sha256,
                    }
                    for source, written in row.written.items()
                }
                self._record.write(
                    "end",
                    index=index,
                    status=row.status,
                    reason=row.reason,
                    seconds=round(row.seconds, 3),
                    outputs=outputs,
                    trace=row.trace,
                    **({"beside": dict(row.beside)} if row.beside else {}),
                    **note_tables(row.tables),
                )
            case BatchFinished(ledger=ledger):
                content = summary(ledger.rows)
                tables = {name: str(path) for name, path in ledger.tables.items()}
                # The hash is there before the file, so that a file of the run is always known as such.
                self._record.write("finish", tables=tables, sha256=[self._hash(content)])
                self._write_summary(content)
                return BatchFinished(replace(ledger, path=self.path))
        return event

    def _note_plan(self) -> None:
        job, trained_here = self._plan.job, self._plan.classifier.describe().trained_again
        self._record.write(
            "run",
            format=FORMAT,
            job=job.absolute().model_dump(mode="json"),
            classifier_sha256=self._plan.classifier_sha256,
            **({"trained_here": trained_here} if trained_here else {}),
            versions=versions(),
            resumed=self._plan.resumed,
            n_inputs=len(self._plan.rows),
            token=self._token,
        )
        if self._plan.resumed:
            return
        for index, row in enumerate(self._plan.rows):
            image = row.image
            self._record.write(
                "input",
                index=index,
                input=absolute(row.input),
                image=None if image is None else _header(image),
                **({"beside": beside} if (beside := _locations(row)) else {}),
                outputs={
                    source: {"path": str(path), "new": [str(f) for f in row.files(source) if not os.path.lexists(f)]}
                    for source, path in row.outputs.items()
                },
                problems=[str(problem) for problem in row.problems],
                kinds=[problem.kind for problem in row.problems],
            )

    def note_table(self, content: bytes) -> None:
        """Write down the hash of a table that is about to be written, so that it is known to be of this run.

        Raises
        ------
        ExportError
            If the ledger cannot be written.
        """
        self._record.write("files", sha256=[self._hash(content)])

    def note_hash(self, sha256: str) -> None:
        """Write down the hash of a table that is about to have its name; see :meth:`note_table`."""
        self._hashes.add(sha256)
        self._record.write("files", sha256=[sha256])

    def may_replace(self, path: Path) -> bool:
        """Return whether a file is one that this run has written, now or earlier, and nobody has changed."""
        return path.is_file() and not path.is_symlink() and file_hash(path) in self._hashes

    def _hash(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self._hashes.add(digest)
        return digest

    def _write_summary(self, content: bytes) -> None:
        """Write the summary beside the ledger, under the first name that is not that of another's file."""
        for path in _summary_paths(self.path):
            try:
                write_whole(path, content, replace=self.may_replace(path), token=self._token)
            except OutputExistsError:
                continue
            return

    def close(self) -> None:
        """Close the ledger, and unlock it for other runs."""
        self._record.close()


def _locations(row: PlanRow) -> dict[str, str]:
    """Return where the second images of a row are, by the job's field."""
    return {second.role.field: absolute(str(second.location)) for second in row.beside}


def _header(image: ImageInfo) -> dict[str, object]:
    return {**asdict(image), "dtype": str(image.dtype), "parts": [*map(str, image.parts)]}


def _summary_paths(record: Path) -> Iterator[Path]:
    """Yield the names for the table that stands beside a ledger, the best first."""
    stem = record.name.removesuffix(SUFFIX)
    for i in count(1):
        yield record.with_name(f"{stem}{f'_{i}' if i > 1 else ''}.csv")


def _new_path(plan: Plan) -> Path:
    """Return the first choice for a new ledger, in a folder that can be written to.

    That is the folder which all outputs and tables share, or else the first that one of them is in, outside of stores.
    """
    rows = [row for row in plan.rows if not row.problems] or plan.rows
    files = [*(path for row in rows for path in row.outputs.values()), *plan.tables.values()]
    shared = shared_folder(files)
    # Files of two trees share no folder but the root.
    folders = [*([shared] if shared != Path(shared.anchor) else []), *dict.fromkeys(path.parent for path in files)]
    # Labels are written into stores, which hold nothing else.
    folders = [*dict.fromkeys(map(outside_stores, folders))]
    folder = next((folder for folder in folders if os.access(nearest(folder), os.W_OK | os.X_OK)), folders[0])
    stem = os.fsencode(plan.job.classifier.stem)[:_LONGEST_STEM].decode(errors="ignore")
    return folder / f"{stem}_{datetime.now().astimezone():%Y-%m-%d_%H-%M-%S}{SUFFIX}"


def _new_record(path: Path) -> Record:
    """Return a new ledger of this name, or with a number if another run has taken it."""
    stem = path.name.removesuffix(SUFFIX)
    for i in count(1):
        # After some tries the numbers are left to others: of hundreds of runs each would try those of all before it.
        end = f"-{i}" if i <= _NUMBERED else f"-{secrets.token_hex(4)}"
        try:
            return Record(path if i == 1 else path.with_name(f"{stem}{end}{SUFFIX}"))
        except RecordExistsError:
            continue
    raise AssertionError("numbers have no end")
