"""The command line: run, check, resume, train, info, demo.

Importing this module is fast: the model of a job is imported when arguments are read, other modules when a command
runs. Help and version import none of it. Nothing here imports Qt or napari.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.arguments import Command, Parser, add_commands, add_version, help_parser
from napari_batch_prediction.console import Ends, as_process, consoles
from napari_batch_prediction.wording import one_line

TYPE_CHECKING = False  # as in the package itself
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from napari_batch_prediction.classifiers.base import Classifier
    from napari_batch_prediction.job.job import BatchJob
    from napari_batch_prediction.planning.plan import Plan

DONE, FAILED, UNUSABLE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status.

    Parameters
    ----------
    argv
        Arguments without the program's name; the process's if None.

    Returns
    -------
    0 if everything is done, 1 if inputs failed, 2 if the arguments or the classifier cannot be used, 128 and the
    number of the signal if one ended it (130 for Ctrl-C).
    """
    ends = Ends()
    with consoles() as (out, _), ends.caught():
        try:
            words = sys.argv[1:] if argv is None else [*argv]
            arguments = (help_parser(words) or make_parser()).parse_args(words)
            arguments.ends = ends
            status = _carried_out(arguments)
            status = ends.status if ends.came() else status  # its exception may be lost, as in a destructor
        except SystemExit as end:
            arguments, status = None, int(end.code or 0)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            return ends.status
        out.flush()
        if out.fault is None or (arguments is not None and arguments.command in _WRITES_FILES):
            return status
        if not isinstance(out.fault, BrokenPipeError):
            print(f"{PROGRAM}: the output cannot be written: {out.fault.strerror}.", file=sys.stderr)
        return FAILED


def _carried_out(arguments: argparse.Namespace) -> int:
    from napari_batch_prediction.errors import BatchPredictionError

    try:
        status: int = arguments.command(arguments)
    except BatchPredictionError as error:
        print(one_line(f"{PROGRAM}: {error}"), file=sys.stderr)
        return UNUSABLE
    return status


def console() -> "NoReturn":
    """Run the command line as the whole process, and end it."""
    as_process(main)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; its options are the fields of a job and of an export."""
    from napari_batch_prediction.job.export import Export
    from napari_batch_prediction.job.job import BatchJob
    from napari_batch_prediction.job.objects import ObjectSettings
    from napari_batch_prediction.job.options import add_options, describe

    parser = Parser(
        prog=PROGRAM,
        description="Run a trained ilastik classifier over many images.",
        epilog="Exit status: 0 all done, 1 some failed, 2 arguments or classifier cannot be used, "
        "128 and its number if a signal ended it.",
        allow_abbrev=False,
    )
    add_version(parser)
    commands = add_commands(parser)

    job = Command(add_help=False, allow_abbrev=False)
    job.add_argument("classifier", metavar="CLASSIFIER", nargs="?", help=describe(BatchJob, "classifier"))
    job.add_argument("inputs", metavar="INPUT", nargs="*", help=describe(BatchJob, "inputs"))
    job.add_argument(
        "--export",
        metavar="SOURCE",
        action="append",
        dest="sources",
        help=f"{describe(Export, 'source')} May be given several times. Default: Probabilities.",
    )
    add_options(job, Export)
    job.add_argument("--table-format", metavar="F", help="Format of tables, for example parquet. Default: csv.")
    add_options(job, ObjectSettings)
    add_options(job, BatchJob)
    job.add_argument(
        "--job", metavar="JOB", help="A whole job as JSON, or a file that holds one, in place of everything else."
    )

    run = commands.add_parser("run", parents=[job], allow_abbrev=False, help="predict and write")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", parents=[job], allow_abbrev=False, help="show the plan, write nothing")
    check.set_defaults(command=_check)
    resume = commands.add_parser(
        "resume", allow_abbrev=False, help="go on with a run that was interrupted or had failures"
    )
    resume.add_argument("ledger", metavar="LEDGER", type=Path, help="the ledger of the run (*.ledger.jsonl)")
    resume.add_argument("--failed", action="store_true", help="do only what failed")
    resume.set_defaults(command=_resume)
    _add_train(commands)
    info = commands.add_parser("info", allow_abbrev=False, help="show what a classifier is")
    info.add_argument("classifier", metavar="CLASSIFIER", help=describe(BatchJob, "classifier"))
    info.set_defaults(command=_info)
    demo = commands.add_parser("demo", allow_abbrev=False, help="predict shipped sample images")
    demo.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, help="where to put the demo")
    demo.add_argument("--viewer", action="store_true", help="open napari on it")
    demo.set_defaults(command=_demo)
    for command in commands.choices.values():
        parser.known += [*command._option_string_actions]
    return parser


def _job(arguments: argparse.Namespace) -> "tuple[BatchJob, Classifier | None]":
    """Return the job, and its classifier if it was loaded."""
    from napari_batch_prediction.classifiers.load import load_classifier
    from napari_batch_prediction.errors import SettingsError
    from napari_batch_prediction.formats.registry import find_table_format, format_taken, is_table_format
    from napari_batch_prediction.job.export import Export
    from napari_batch_prediction.job.job import BatchJob
    from napari_batch_prediction.job.objects import ObjectSettings
    from napari_batch_prediction.job.options import given_names, given_options
    from napari_batch_prediction.job.stored import read_given
    from napari_batch_prediction.job.text import all_options

    if arguments.job is None and not arguments.inputs:
        raise SettingsError(
            f"Name {'a classifier and ' if arguments.classifier is None else ''}an input, or give --job."
        )
    if arguments.job is not None and arguments.classifier is not None:
        raise SettingsError("Give either --job or a classifier and inputs, not both.")
    models = (Export, ObjectSettings, BatchJob)
    own = {"--export": arguments.sources, "--table-format": arguments.table_format}
    beside = [name for name, value in own.items() if value is not None]
    beside += [name for model in models for name in given_names(arguments, model)]
    if arguments.job is not None and beside:
        text = f"--job is a whole job: {', '.join(beside)} cannot be given with it. Write it into the job."
        raise SettingsError(text)
    if arguments.table_format is not None:
        find_table_format(arguments.table_format)
    if arguments.format is not None and is_table_format(arguments.format):
        raise SettingsError(f"'{arguments.format}' is a format of tables. Give it as --table-format.")
    if arguments.job is not None:
        return read_given(arguments.job), None
    classifier = load_classifier(arguments.classifier, arguments.structure_tensor)
    if arguments.format is not None and (told := format_taken(arguments.format)):
        print(one_line(told), file=sys.stderr)
    names = all_options()
    wrong = "These settings cannot be used"
    exports = [_export(arguments, name, classifier) for name in arguments.sources or ["Probabilities"]]
    fields = {
        "classifier": arguments.classifier,
        "inputs": tuple(arguments.inputs),
        "exports": [Export.read(export, wrong, names) for export in exports],
        "objects": ObjectSettings.read(given_options(arguments, ObjectSettings), wrong, names),
        **given_options(arguments, BatchJob),
    }
    return BatchJob.read(fields, wrong, names), classifier


def _export(arguments: argparse.Namespace, name: str, classifier: "Classifier") -> "dict[str, Any]":
    """Return the fields of an export."""
    from napari_batch_prediction.classifiers.derived import OBJECT_TABLE
    from napari_batch_prediction.job.export import Export
    from napari_batch_prediction.job.options import given_options

    fields = given_options(arguments, Export)
    source = classifier.source(name)
    if source.name != OBJECT_TABLE:
        fields.pop("per_image", None)
    if source.kind == "table":
        # Tables have formats of their own.
        fields.pop("format", None)
        if arguments.table_format is not None:
            fields["format"] = arguments.table_format
    return {"source": name, **fields}


def _run(arguments: argparse.Namespace) -> int:
    return _execute(_plan(arguments, warns=True), arguments.ends)


def _plan(arguments: argparse.Namespace, *, warns: bool = False) -> "Plan":
    """Return the plan, and print what no table of it shows: options that mend problems, and warnings if it is run."""
    from napari_batch_prediction.job.text import all_options
    from napari_batch_prediction.planning.plan import iter_plan
    from napari_batch_prediction.report import made_plan, naming, see, warning_lines

    job, classifier = _job(arguments)
    # A whole job is given by no other option.
    options = {} if arguments.job is not None else all_options()
    with naming(options):
        plan = made_plan(iter_plan(job, classifier, should_cancel=arguments.ends.came), sys.stderr)
    for line in warning_lines(plan) if warns else ():
        print(line, file=sys.stderr)
    if told := see((fault.setting for row in plan for fault in (*row.problems, *row.warnings)), options):
        print(told, file=sys.stderr)
    return plan


def _resume(arguments: argparse.Namespace) -> int:
    from napari_batch_prediction.running.resume import plan_resume

    ends = arguments.ends
    return _execute(plan_resume(arguments.ledger, failed=arguments.failed, should_cancel=ends.came), ends)


def _execute(plan: "Plan", ends: Ends) -> int:
    from napari_batch_prediction.errors import ExportError
    from napari_batch_prediction.records.events import BatchFinished, Event
    from napari_batch_prediction.report import Progress, left_out, print_ledger
    from napari_batch_prediction.running.run import run_plan

    progress = Progress(plan, sys.stderr)
    if told := left_out(plan):
        print(one_line(told), file=sys.stderr)
    ended: list[BatchFinished] = []

    def show(event: Event) -> None:
        progress.show(event)
        if isinstance(event, BatchFinished):
            ended.append(event)

    table_error = None
    with ends.noted():
        try:
            run_plan(plan, show, ends.came)
        except ExportError as error:
            if not ended:
                raise
            table_error = error
    ledger = ended[0].ledger
    print_ledger(ledger)
    if table_error is not None:
        print(one_line(f"{PROGRAM}: {table_error}"), file=sys.stderr)
    if ends.came():
        return ends.status
    return FAILED if ledger.count("failed", "problem") or table_error is not None else DONE


def _check(arguments: argparse.Namespace) -> int:
    from napari_batch_prediction.report import plan_text

    plan = _plan(arguments)
    print(f"{plan_text(plan)} Nothing was written.")
    return FAILED if plan.n_problems else DONE


def _info(arguments: argparse.Namespace) -> int:
    from napari_batch_prediction.classifiers.load import load_classifier
    from napari_batch_prediction.report import classifier_text

    print(classifier_text(load_classifier(arguments.classifier).describe()))
    return DONE


def _add_train(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command that trains."""
    train = commands.add_parser(
        "train", allow_abbrev=False, help="train a classifier on images and label images, and save it for ilastik"
    )
    train.add_argument("images", metavar="IMAGE", nargs="+", help="Training images: files, folders, patterns, lists.")
    train.add_argument(
        "--labels",
        required=True,
        metavar="PATTERN",
        help="Label image of each image, 0 where nothing is labelled and classes from 1: a pattern with {stem} for the "
        "name of the image, beside it or in the current folder, or all label images as a file, folder or pattern.",
    )
    train.add_argument("-o", "--output", required=True, metavar="FILE", type=Path, help="The project, FILE.ilp.")
    train.add_argument(
        "--features",
        metavar="TEXT",
        help="Features and scales, for example 'all:0.3-10', 'gaussian:0.3,1,3.5; hessian:1-5' or 'from:other.ilp'. "
        "Default: all that fit.",
    )
    train.add_argument("--trees", metavar="N", type=int, default=100, help="Number of trees. Default: 100.")
    train.add_argument("--seed", metavar="N", type=int, default=0, help="Seed of the random numbers. Default: 0.")
    train.add_argument("--input-axes", metavar="AXES", help="Axes of every image, for example tyx.")
    train.add_argument("--overwrite", action="store_true", help="Replace the project if there is one of that name.")
    train.add_argument("--report", action="store_true", help="Say how far the classifier can be trusted.")
    train.set_defaults(command=_train)


def _train(arguments: argparse.Namespace) -> int:
    from napari_batch_prediction.api.train import train_files
    from napari_batch_prediction.report import table_lines

    def show(rows: "Sequence[tuple[str, str]]") -> None:
        print("\n".join(table_lines([("image", "labels"), *rows])))

    def warn(text: str) -> None:
        print(one_line(text), file=sys.stderr)

    classifier, path = train_files(
        arguments.images,
        arguments.labels,
        arguments.output,
        axes=arguments.input_axes,
        features=arguments.features,
        trees=arguments.trees,
        seed=arguments.seed,
        overwrite=arguments.overwrite,
        show=show,
        warn=warn,
    )
    print(f"\nTrained {arguments.trees} trees of {len(classifier.classes)} classes: {one_line(str(path))}")
    if arguments.report:
        print(f"\n{classifier.report()}")
    return DONE


def _demo(arguments: argparse.Namespace) -> int:
    from napari_batch_prediction.demo import run_demo

    return run_demo(arguments.folder, arguments.viewer, arguments.ends)


_WRITES_FILES = (_run, _resume, _demo, _train)
"""Commands whose outputs are files, whatever becomes of what they print."""


if __name__ == "__main__":
    console()
