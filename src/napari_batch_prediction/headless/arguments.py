"""The options of ilastik's headless mode."""

import argparse
from collections.abc import Sequence

from napari_batch_prediction import __version__
from napari_batch_prediction.wording import one_line

TYPE_CHECKING = False  # as in the package itself
if TYPE_CHECKING:
    from typing import NoReturn

NAME = "nbp-ilastik"
"""The command."""

DTYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")

_TRUE, _FALSE = ("1", "yes", "true", "on"), ("0", "no", "false", "off")

# What callers of ilastik may set: most of it means nothing here, or is refused.
_OTHER_FLAGS = {
    "--clean_paths": "Nothing to do here.",
    "--debug": "Also show the stack traces of failures.",
    "--hbp": "Nothing to do here.",
    "--distributed": "Not supported: one process uses all cores.",
    "--print_labels_by_slice": "Not supported.",
    "--generate_random_labels": "Not supported.",
    "--fullscreen": "Not supported: there is no window.",
    "--exit_on_failure": "Not supported: there is no window.",
    "--export_object_prediction_img": "See --export_source.",
    "--export_object_probability_img": "See --export_source.",
}
_OTHER_VALUES = {
    "--process_name": "Nothing to do here.",
    "--tiktorch_executable": "Nothing to do here.",
    "--nn_device": "Nothing to do here.",
    "--workflow": "Not supported.",
    "--new_project": "Not supported: projects are not made here.",
    "--label_proportion": "Not supported.",
    "--variable_importance_path": "Not supported.",
    "--label_search_value": "Not supported.",
    "--random_label_value": "Not supported.",
    "--random_label_count": "Not supported.",
    "--distributed_block_roi": "Not supported: one process uses all cores.",
}

_SECOND = {
    "prediction_maps": "the probabilities",
    "segmentation_image": "the binary image",
    "label_image": "the label image",
}

REFUSED = (
    "new_project",
    "workflow",
    "fullscreen",
    "exit_on_failure",
    "distributed",
    "distributed_block_roi",
    "print_labels_by_slice",
    "generate_random_labels",
    "label_proportion",
    "variable_importance_path",
)
"""Options of ilastik that would do something else here than there."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "NoReturn":
        super().error(one_line(message))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser. Trailing files are not among its arguments: see :func:`parse`."""
    parser = _Parser(
        prog=NAME,
        usage=f"{NAME} --headless --project=PROJECT [options] FILE [FILE ...]",
        description="Predict images as `ilastik --headless` does, with its own options. A dash may stand for each "
        "underscore, and options may be cut short.",
        epilog="LAZYFLOW_THREADS and LAZYFLOW_TOTAL_RAM_MB are kept. Exit status: 0 if every output was written, 1 if "
        "not, 2 if the options cannot be used.",
    )
    general = parser.add_argument_group("general")
    general.add_argument("--version", action="version", version=__version__)
    general.add_argument("--headless", action="store_true", help="For ilastik; there is no window here.")
    general.add_argument("--project", metavar="PROJECT", help="The project, a file .ilp.")
    general.add_argument(
        "--readonly",
        metavar="BOOL",
        type=_truth,
        help="Leave the project as it is, which is the default. With --retrain and --readonly=0 the new classifier is "
        "saved in it.",
    )
    general.add_argument("--logfile", metavar="FILE", help="Also write all messages to this file.")
    general.add_argument("--redirect_output", metavar="FILE", help="Write what would be printed to this file.")
    general.add_argument("--configfile", metavar="FILE", help="ilastik's own settings; its two limits are read.")
    general.add_argument("--ledger", metavar="FILE", help="Record the run in this file; ilastik has no such option.")

    inputs = parser.add_argument_group("inputs")
    inputs.add_argument("--raw_data", metavar="FILE", nargs="+", help="The images, instead of trailing files.")
    inputs.add_argument("--prediction_mask", metavar="FILE", nargs="+", help="A mask for each image.")
    for role, what in _SECOND.items():
        inputs.add_argument(
            f"--{role}", metavar="FILE", nargs="+", help=f"For Object Classification: {what} of each image."
        )
    inputs.add_argument(
        "--input_axes", metavar="AXES", help="Axes of the images; with commas, those of each role, for example zyx,zyx."
    )
    inputs.add_argument(
        "--ignore_training_axistags",
        action="store_true",
        help="Take the axes of each file, not those of the training images.",
    )
    inputs.add_argument(
        "--stack_along",
        metavar="AXIS",
        default="z",
        help="Axis that the files of a pattern are stacked along: z, t or c.",
    )
    inputs.add_argument("--preconvert_stacks", action="store_true", help="Nothing to do here.")

    export = parser.add_argument_group("export; what the project has stored is the default")
    export.add_argument("--export_source", metavar="SOURCE", help="What to export, for example 'Simple Segmentation'.")
    export.add_argument("--output_format", metavar="FORMAT", help="For example hdf5, tiff or 'multipage tiff'.")
    export.add_argument("--output_filename_format", metavar="NAME", help="For example out/{nickname}_{result_type}.h5.")
    export.add_argument("--output_internal_path", metavar="NAME", help="The dataset in an HDF5 or N5 file.")
    export.add_argument("--output_axis_order", metavar="AXES", help="For example tzyxc.")
    export.add_argument("--export_dtype", choices=DTYPES, help="Type of the values.")
    export.add_argument("--pipeline_result_drange", metavar="RANGE", help="Range before rescaling, such as '(0,1)'.")
    export.add_argument("--export_drange", metavar="RANGE", help="Range after rescaling, such as '(0,255)'.")
    export.add_argument(
        "--cutout_subregion",
        metavar="REGION",
        help="Start and stop in y, x, c or z, y, x, c, for example '[(0,0,None),(64,64,None)]'.",
    )
    export.add_argument("--csv_export_file", metavar="FILE", help="Counts of each image, for Cell Density Counting.")
    export.add_argument("--table_filename", metavar="FILE", help="The table of the objects of each image.")
    export.add_argument("--table_only", action="store_true", help="Export that table, and no image.")

    training = parser.add_argument_group("training")
    training.add_argument(
        "--retrain", action="store_true", help="Train the classifier anew from the labels in the project."
    )
    training.add_argument("--tree_count", metavar="N", type=int, help="Train it anew with so many trees.")

    others = parser.add_argument_group("for callers that set them")
    for name, text in _OTHER_FLAGS.items():
        others.add_argument(name, action="store_true", help=text)
    for name, text in _OTHER_VALUES.items():
        others.add_argument(name, metavar="VALUE", help=text)
    return parser


def _truth(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join((*_TRUE, *_FALSE))}")
    return text.lower() in _TRUE


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line.

    Options that are refused, or are missing, end the program with status 2, as in ilastik.

    Returns
    -------
    The options; ``files`` are the images, and ``unknown`` the options that are not known.
    """
    parser = make_parser()
    # Argparse takes trailing files from one place only, ilastik from everywhere.
    found, others = parser.parse_known_args([*_spelled(words, [*parser._option_string_actions])])
    found.unknown, files = _sorted(others)
    if files and (found.raw_data or found.prediction_mask):
        parser.error(f"name all images with --raw_data, or none: '{files[0]}' stands alone")
    found.files = found.raw_data or files
    if found.output_format is not None and (fault := _format_fault(found.output_format)):
        parser.error(f"argument --output_format: {fault}")
    refused = next((name for name in REFUSED if getattr(found, name)), None)
    if refused is not None:
        parser.error(f"--{refused} of ilastik is not supported here")
    if found.project is None:
        parser.error("--project=PROJECT is missing")
    return found


def _format_fault(name: str) -> str:
    """Return the reason why nothing is exported in a format; empty if it is."""
    from napari_batch_prediction.errors import SettingsError
    from napari_batch_prediction.formats.registry import IMAGE_FORMATS, find_format

    try:
        found = find_format(name)
    except SettingsError as error:
        return str(error)
    return "" if found in IMAGE_FORMATS else f"'{name}' is a format of tables"


def _spelled(words: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return a command line with underscores in its options, and with a value for each ``--readonly``."""
    spelled: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*spelled, word, *rest]
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            underscored = f"--{name[2:].replace('-', '_')}"
            name = underscored if any(option.startswith(underscored) for option in known) else name
        if name.startswith("--rea") and "--readonly".startswith(name) and not equals:
            # It takes a value only if the next word is one, not the next file.
            is_given = bool(rest) and rest[0].lower() in (*_TRUE, *_FALSE)
            equals, value = "=", rest.pop(0) if is_given else "true"
        spelled.append(f"{name}{equals}{value}")
    return spelled


def _sorted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return unknown options and files."""
    unknown: list[str] = []
    files: list[str] = []
    for i, word in enumerate(words):
        if word == "--":
            return unknown, [*files, *words[i + 1 :]]
        (unknown if word.startswith("-") else files).append(word)
    return unknown, files
