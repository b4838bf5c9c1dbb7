"""Writing the events of a run to its record."""

import os
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.planning.naming import shared_folder
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.provenance import versions
from napari_batch_prediction.records.events import BatchFinished, BatchStarted, Event, FileFinished, FileStarted
from napari_batch_prediction.records.record import FORMAT, SUFFIX, Record, note_tables, write_summary


class Recorder:
    """Writes the events of one run to its record.

    Parameters
    ----------
    plan
        The checked job.

    Raises
    ------
    SettingsError
        If the job's record exists and is not resumed, another run is writing to it, or its summary has the name of a
        table.
    ExportError
        If the record cannot be written.
    """

    def __init__(self, plan: Plan) -> None:
        self.path = plan.job.ledger or _new_path(plan)
        if (summary := summary_path(self.path)) in plan.tables.values():
            raise SettingsError(
                f"The table {summary} is also the summary of the record {self.path}. Name another file."
            )
        self._plan = plan
        self._record = Record(self.path, continued=plan.resumed)

    def note(self, event: Event) -> Event:
        """Record an event before others see it; return it, the last event with the record's path.

        Raises
        ------
        ExportError
            If the record cannot be written.
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
                    **note_tables(row.tables),
                )
            case BatchFinished(ledger=ledger):
                self._record.write("finish", tables={name: str(path) for name, path in ledger.tables.items()})
                write_summary(summary_path(self.path), ledger.rows)
                return BatchFinished(replace(ledger, path=self.path))
        return event

    def _note_plan(self) -> None:
        job = self._plan.job
        self._record.write(
            "run",
            format=FORMAT,
            job=job.absolute().model_dump(mode="json"),
            classifier_sha256=self._plan.classifier_sha256,
            versions=versions(),
            resumed=self._plan.resumed,
        )
        if self._plan.resumed:
            return
        for index, row in enumerate(self._plan.rows):
            image = row.image
            self._record.write(
                "input",
                index=index,
                input=absolute(row.input),
                image=None if image is None else {**asdict(image), "dtype": str(image.dtype)},
                outputs={
                    source: {"path": str(path), "new": [str(f) for f in row.files(source) if not os.path.lexists(f)]}
                    for source, path in row.outputs.items()
                },
                problems=[str(problem) for problem in row.problems],
                kinds=[problem.kind for problem in row.problems],
            )

    def close(self) -> None:
        """Close the record, and unlock it for other runs."""
        self._record.close()


def summary_path(record: Path) -> Path:
    """Return the path of the summary beside a record."""
    return record.with_name(f"{record.name.removesuffix(SUFFIX)}.csv")


def _new_path(plan: Plan) -> Path:
    """Return an unused path in the folder that all outputs and tables share."""
    folder = shared_folder([*(path for row in plan.rows for path in row.outputs.values()), *plan.tables.values()])
    stem = f"{plan.job.classifier.stem}_{datetime.now().astimezone():%Y-%m-%d_%H-%M-%S}"
    names = (f"{stem}{f'-{i}' if i > 1 else ''}{SUFFIX}" for i in range(1, 1000))
    return next(folder / name for name in names if not (folder / name).exists())
