"""Plans, ledgers, events and classifiers as text for the command line and the demo."""

import os
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from napari_batch_prediction.classifiers.description import Description, ObjectDescription, StageDescription
from napari_batch_prediction.console import Console
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.planning.classifier import stored_text
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.plan import Found, Plan
from napari_batch_prediction.records import events
from napari_batch_prediction.records.ledger import Ledger, totals
from napari_batch_prediction.wording import count, duration, fitted, one_line

Table = list[tuple[str, ...]]

# The check says how far it is so often, in seconds.
_TELL_EVERY = 0.2

# As many names of results as are worth a line.
_MOST_NAMED = 3


# The time left is told from so many seconds on, because the first tile says little about it.
FORETELL_AFTER = 1.0


class Forecast:
    """Foretells the end of a run that begins now."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def passed(self) -> float:
        """The seconds since the beginning."""
        return time.perf_counter() - self._began

    def left(self, share: float) -> str:
        """Return the time left, as in ``0:45 left``, from the share of work that is done; empty if it is too early."""
        passed = self.passed
        return f"{duration(passed / share * (1 - share))} left" if share and passed >= FORETELL_AFTER else ""


class Progress:
    """Prints the progress of a run: a changing line on a terminal, else a line for every file."""

    def __init__(self, plan: Plan, stream: TextIO) -> None:
        self.inputs = [row.input for row in plan.rows]
        self.stream = Console.of(stream)
        self.changing = self.stream.isatty()
        self.to_run = {index for index, row in enumerate(plan.rows) if row.is_to_run}
        self.ended = 0
        self.forecast = Forecast()

    def show(self, event: events.Event) -> None:
        """Print an event."""
        match event:
            case events.Notice(text):
                self._print(one_line(text))
            case events.BatchStarted():
                self.forecast = Forecast()
            case events.TileDone(index=index, share=share) if self.changing:
                left = self.forecast.left(share)
                start = f"{int(100 * share):3} %  {self.ended} of {count(len(self.to_run), 'file')}  "
                start += f"{left}  " if left else ""
                name = one_line(Path(self.inputs[index]).name)
                # The last column stays empty: some terminals go to the next line after it.
                self._change(start + fitted(name, self.stream.columns() - len(start) - 1))
            case events.FileFinished(index=index, row=row):
                self.ended += index in self.to_run
                if not self.changing or row.status in ("failed", "problem"):
                    number = f"{self.ended}/{len(self.to_run)}" if index in self.to_run else "-"
                    self._print(f"{number}  {row.status:9}  {one_line(row.input)}")
                if row.trace:
                    self._print(row.trace)
            case events.BatchFinished() if self.changing:
                self._change("")

    def _change(self, text: str) -> None:
        self.stream.control("\r\x1b[K")
        self.stream.write(one_line(text))
        self.stream.flush()

    def _print(self, text: str) -> None:
        if self.changing:
            self._change("")
        print(text, file=self.stream, flush=True)


def made_plan(steps: Generator[Found | Inspected, None, Plan], stream: TextIO) -> Plan:
    """Return the plan that steps of planning lead to; on a terminal a line says how far the check is.

    Parameters
    ----------
    steps
        The steps, see :func:`~napari_batch_prediction.planning.plan.iter_plan`.
    stream
        The stream to write to.
    """
    console = Console.of(stream)
    n_found = n_checked = 0
    told = time.monotonic()
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            if console.isatty():
                console.control("\r\x1b[K")
            plan: Plan = end.value
            return plan
        if isinstance(step, Found):
            n_found = n_found or sum(map(len, step.given.values()))
            continue
        n_checked += 1
        if console.isatty() and time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            console.control("\r\x1b[K")
            console.write(f"Checking {n_checked:,} of {n_found:,}")
            console.flush()


def see(settings: Iterable[str | None], options: Mapping[str, str]) -> str:
    """Return a sentence with the options by which settings are given; empty if none of them has one.

    Messages are the same everywhere, and so do not name options. Errors and problems carry the setting that mends them.

    Parameters
    ----------
    settings
        Settings, as errors and problems carry them.
    options
        The option of each setting that has one.
    """
    names = dict.fromkeys(options[name] for name in settings if name is not None and name in options)
    return f"See {', '.join(names)}." if names else ""


@contextmanager
def naming(options: Mapping[str, str]) -> Iterator[None]:
    """Add the option of its setting to an error that is raised in the block; see :func:`see`.

    Raises
    ------
    BatchPredictionError
        The error with the option.
    """
    try:
        yield
    except BatchPredictionError as error:
        if not (told := see([error.setting], options)):
            raise
        raise type(error)(f"{error} {told}", setting=error.setting, path=error.path) from error


def print_ledger(ledger: Ledger) -> None:
    """Print a ledger; see :func:`ledger_text`."""
    print(ledger_text(ledger))


def ledger_text(ledger: Ledger) -> str:
    """Return a line for every input, with its outputs or the reason why it has none, and the number of each status.

    A batch that counts has a column with the count of each image over all time points.
    """
    counting = any(row.count is not None for row in ledger.rows)
    table: Table = [("input", "status", "seconds", *(("count",) if counting else ()), "output or reason")]
    for row in ledger.rows:
        facts = [row.input, row.status, f"{row.seconds:.2f}"]
        if counting:
            number = f"{row.count:.2f}" if isinstance(row.count, float) else str(row.count)
            facts.append("" if row.count is None else number)
        arrays = [f"{name}: {array.shape} {array.dtype} in memory" for name, array in row.arrays.items()]
        table += rows(facts, [*([row.reason] if row.reason else []), *map(str, row.outputs.values()), *arrays])
    numbers = totals(Counter(row.status for row in ledger.rows)) or "none"
    lines = [*table_lines(table), "", f"{count(len(ledger.rows), 'input')}: {numbers}."]
    lines += [one_line(f"{name}: {path}") for name, path in ledger.tables.items()]
    if ledger.path is not None:
        lines.append(one_line(f"Ledger of the run: {ledger.path}"))
    return "\n".join(lines)


def plan_text(plan: Plan) -> str:
    """Return a line for every image of a plan, with its outputs, problems and warnings, and the number of problems."""
    table: Table = [("input", "axes", "shape", "type", "output")]
    for row in plan.rows:
        image = row.image
        facts = (
            (f"{image.axes} ({image.axes_known})", " x ".join(map(str, image.shape)), str(image.dtype))
            if image
            else ("", "", "")
        )
        ends = [*map(str, row.outputs.values()), *(f"problem: {problem}" for problem in row.problems)]
        ends += [f"{second.role.noun}: {second.location}" for second in row.beside]
        if image and image.dataset and not row.input.endswith(image.dataset):
            ends.append(f"dataset: {image.dataset}")
        if image and image.channel_names:
            ends.append(f"channels: {', '.join(image.channel_names)}")
        ends += [f"warning: {warning}" for warning in row.warnings]
        if row.skip:
            ends.append("skipped: all outputs exist")
        table += rows((row.input, *facts), ends)
    lines = table_lines(table)
    lines += [one_line(f"{name} of all images: {path}") for name, path in plan.tables.items()]
    if told := left_out(plan):
        lines += ["", one_line(told)]
    return "\n".join([*lines, "", f"{count(len(plan.rows), 'input')}, {plan.n_problems} with problems."])


def warning_lines(plan: Plan) -> list[str]:
    """Return a line for each warning of images that are run, with the first image it is about and how many others."""
    inputs: dict[str, list[str]] = {}
    for row in plan.rows:
        if row.is_to_run:
            for warning in row.warnings:
                inputs.setdefault(str(warning), []).append(row.input)
    return [one_line(f"Warning: {_first_of(names)}: {text}") for text, names in inputs.items()]


def _first_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {count(len(names) - 1, 'other')}"


def left_out(plan: Plan) -> str:
    """Return a sentence about results that are no inputs; empty if there are none."""
    n = len(plan.left_out)
    if not n:
        return ""
    names = ", ".join(Path(name).name for name in plan.left_out[:_MOST_NAMED]) + (", ..." if n > _MOST_NAMED else "")
    verb = "is no input" if n == 1 else "are no inputs"
    return f"{count(n, 'result')} of earlier runs in folders and patterns {verb}: {names}. Name a file to predict it."


def describe(classifier: Description) -> list[tuple[str, str]]:
    """Return the facts of a classifier as pairs of heading and text, in the order of display."""
    facts: dict[str, str | None] = {
        "File": None if classifier.path is None else os.fspath(classifier.path),
        "Workflow": classifier.workflow,
        "ilastik": classifier.version or None,
    }
    if classifier.counted:
        facts["Counts"] = f"what was marked as {classifier.counted}"
    else:
        facts["Classes"] = ", ".join(classifier.classes)
    facts |= {"Channels": str(classifier.n_channels), "Axes": classifier.axes}
    match classifier.stages:
        case (stage,):
            facts |= {"Features": features(stage), **_training(stage)}
        case stages:
            facts |= {f"Stage {n}": _stage(stage) for n, stage in enumerate(stages, start=1)}
    if classifier.objects is not None:
        facts |= _objects(classifier.objects)
    facts["Sigma"] = None if classifier.sigma is None else f"{classifier.sigma:g} pixels"
    facts |= {"Structure tensor": classifier.structure_tensor or None}
    facts |= {"Export settings": stored_text(classifier) or None}
    facts |= {"Trained": classifier.trained_again or None, "Sources": ", ".join(classifier.sources)}
    return [(heading, text) for heading, text in facts.items() if text is not None]


def classifier_text(classifier: Description) -> str:
    """Return the facts of a classifier, one on each line."""
    return "\n".join(table_lines([(f"{heading}:", text) for heading, text in describe(classifier)]))


def features(stage: StageDescription) -> str:
    """Return the number of features, their dimensions and their scales as text."""
    selection = stage.selection
    scales = ", ".join(
        f"{selection.scales[j]:g}{'' if selection.in_2d[j] == selection.all_in_2d else ' (2D)'}"
        for j in selection.used_scales
    )
    return f"{selection.n_features(stage.n_channels)} in {'2D' if selection.all_in_2d else '3D'}, scales {scales}"


def _training(stage: StageDescription) -> dict[str, str]:
    if not stage.n_regressors:
        return {"Trees": str(stage.n_trees)}
    plural = "s" if stage.n_forests > 1 else ""
    kind = f"random forest{plural}, {stage.n_trees} trees" if stage.n_forests else "linear"
    return {"Regressors": f"{stage.n_regressors} ({kind})"}


def _objects(objects: ObjectDescription) -> dict[str, str]:
    """Return what objects are made of, and what is looked at to classify them."""
    second = objects.second.replace("_", " ")
    made_of = f"those of a second image, {second}" if second else "made of the probabilities"
    if (by := objects.thresholds) is not None:
        channels = [str(channel + 1) for channel in by.channels]
        of = f" of channel {channels[1]}" if len(channels) > 1 else ""
        cores = "" if by.method == "simple" else f" around cores{of} from {by.core_threshold:g}"
        sizes = f"{by.min_size:g} to {by.max_size:g} pixels" if by.max_size else f"from {by.min_size:g} pixels"
        made_of += f"; channel {' + '.join(channels)} from {by.threshold:g}{cores} ({by.method}), {sizes}"
    features = f"{objects.n_columns} values of {count(len(objects.features.features), 'feature')}"
    return {"Objects": made_of, "Features of objects": features, "Trees for objects": str(objects.n_trees)}


def _stage(stage: StageDescription) -> str:
    return f"classes: {', '.join(stage.classes)}; features: {features(stage)}; trees: {stage.n_trees}"


def rows(facts: Sequence[str], ends: Sequence[str]) -> Table:
    """Return a row of a table, continued in further rows if its last column has several entries."""
    blank = [""] * len(facts)
    return [(*(blank if i else facts), end) for i, end in enumerate(ends or [""])]


def table_lines(table: Table) -> list[str]:
    """Return rows as lines, with all columns aligned but the last."""
    table = [tuple(map(one_line, row)) for row in table]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]) - 1)]
    return [
        "  ".join([*(f"{cell:{w}}" for cell, w in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip()
        for row in table
    ]
