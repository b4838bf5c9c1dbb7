"""Write what the code says of itself into the pages of the documentation: python docs/make_reference.py.

A page has ``<!-- NAME -->`` and ``<!-- end of NAME -->`` around the text that is made: options and commands of the
command line, fields of a job, formats, extras, example scripts. The help of the command line is a file of the package,
which is made here, too.
"""

import argparse
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.arguments import HELP, parser_as_data
from napari_batch_prediction.cli import make_parser
from napari_batch_prediction.formats.format import FLOATS, INTEGERS, ExportFormat
from napari_batch_prediction.formats.registry import FILE_FORMATS, IMAGE_FORMATS, TABLE_FORMATS
from napari_batch_prediction.headless.arguments import make_parser as make_headless_parser
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.job.settings import Settings
from napari_batch_prediction.objects.measuring import ABOUT

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"

MODELS = (BatchJob, Export, InputSettings, ObjectSettings)

_MOST_FLAGS = 2


def blocks() -> dict[str, Callable[[], str]]:
    """Return what makes each block, by the block's name."""
    return {
        "options of run": partial(options, "run"),
        "options of train": partial(options, "train"),
        "options of nbp-ilastik": headless_options,
        "commands": commands,
        "readers": readers,
        "formats": formats,
        "uses": uses,
        "tables": tables,
        "columns of Object Table": columns,
        "extras": extras,
        **{f"fields of {model.__name__}": partial(fields, model) for model in MODELS},
        **{f"example {script.stem}": partial(example, script) for script in sorted(EXAMPLES.glob("*.py"))},
    }


def renewed(text: str) -> str:
    """Return a page with its blocks made anew."""
    for name, make in blocks().items():
        block = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)", re.DOTALL)
        if block.search(text):
            made = make()
            text = block.sub(lambda _, made=made: made, text)
    return text


def help_data() -> str:
    """Return the file from which the command line shows its help."""
    return f"{json.dumps(parser_as_data(make_parser()), indent=1)}\n"


def options(command: str) -> str:
    """Return the options of a command as a table."""
    rows = []
    for action in _parsers()[command]._actions:
        if action.option_strings and action.dest != "help":
            name = " ".join((action.option_strings[0], *_values(action)))
            rows.append((f"`{name}`", (action.help or "").replace("%%", "%")))
    return _table(("Option", "Meaning"), rows)


def headless_options() -> str:
    """Return the options of ilastik's headless mode as a table."""
    rows = []
    for action in make_headless_parser()._actions:
        if action.dest not in ("help", "version"):
            many = "..." if action.nargs == "+" else ""
            name = " ".join((action.option_strings[0], *_values(action))) + many
            rows.append((f"`{name}`", (action.help or "").replace("%%", "%")))
    return _table(("Option", "Meaning"), rows)


def commands() -> str:
    """Return the commands as a table."""
    rows = []
    for name, parser in _parsers().items():
        words = [_positional(action) for action in parser._get_positional_actions()]
        flags = [f"[{a.option_strings[0]}]" for a in parser._get_optional_actions() if a.dest != "help"]
        # Many options have a table of their own.
        flags = flags if len(flags) <= _MOST_FLAGS else ["[OPTION...]"]
        rows.append((f"`{' '.join((PROGRAM, name, *words, *flags))}`", _summaries()[name]))
    return _table(("Command", "Does"), rows)


def fields(model: type[Settings]) -> str:
    """Return the fields of a model as a table."""
    rows = [(f"`{name}`", _default(field), _meaning(field)) for name, field in model.model_fields.items()]
    rows += [(f"`{name}`", "", meaning) for name, meaning in model.also.items()]
    return _table(("Field", "Default", "Meaning"), rows)


def readers() -> str:
    """Return the formats that are read as a table."""
    rows = [
        (file.name, " ".join(f"`{end}`" for end in file.extensions), "yes" if file.has_datasets else "")
        for file in FILE_FORMATS
        if file.extensions
    ]
    return _table(("Format", "Extensions", "Several images in a file"), rows)


def formats() -> str:
    """Return the formats of images to write as a table, and their sequences."""
    rows = [_format_row(image) for image in IMAGE_FORMATS if image.slices is None]
    sequences = ", ".join(f"`{image.name}`" for image in IMAGE_FORMATS if image.slices is not None)
    table = _table(("Format", "Extension", "Types", "Axes", "Channels", "Compression"), rows)
    return f"{table}\nSequences of files: {sequences}.\n"


def uses() -> str:
    """Return what each format of images is, and which programs open it, as a list."""
    names: dict[str, list[str]] = {}
    for image in IMAGE_FORMATS:
        if image.slices is None:
            names.setdefault(image.about, []).append(f"`{image.name}`")
    return "".join(f"* {', '.join(formats)}: {about}\n" for about, formats in names.items())


def tables() -> str:
    """Return the formats of tables as a table."""
    rows = [(f"`{table.name}`", f"`{table.extension}`" * bool(table.extension), table.about) for table in TABLE_FORMATS]
    return _table(("Format", "Extension", "Is"), rows)


def columns() -> str:
    """Return the columns of a table of objects."""
    return _table(("Column", "Is"), [(f"`{name}`".replace(", ", "`, `"), about) for name, about in ABOUT.items()])


def extras() -> str:
    """Return the extras of the package as a table."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    meanings = {
        "napari": "napari and what the windows need; a Qt binding is yours to choose",
        "pyqt6": "the same, with the Qt binding PyQt6",
        "pyside6": "the same, with PySide6",
        "n5": "reading and writing N5",
        "bioio": "CZI, ND2, LIF and others, with a plugin of bioio for each",
        "hdf5plugin": "HDF5 with filters such as Zstandard, Blosc and LZ4",
        "parquet": "tables as Parquet",
        "objects": "splitting objects that touch",
        "all": "all of these, with PyQt6",
    }
    return _table(("Extra", "For"), [(f"`{name}`", meanings[name]) for name in project["optional-dependencies"]])


def example(script: Path) -> str:
    """Return an example script as a block of code."""
    mark = "<!-- not run: tests/packaging/test_examples.py runs it -->"
    return f"{mark}\n```python\n{script.read_text(encoding='utf-8')}```\n"


def _format_row(image: ExportFormat) -> tuple[str, ...]:
    also = f", also {', '.join(f'`{name}`' for name in image.also)}" if image.also else ""
    return (
        f"`{image.name}`{also}",
        f"`{image.extension}`",
        _types(image.dtypes),
        "all" if image.max_axes >= len("tzyx") else str(image.max_axes),
        " or ".join(map(str, image.channels)) or "any",
        ", ".join(image.compressions),
    )


def _types(dtypes: tuple[str, ...]) -> str:
    missing = [name for name in (*INTEGERS, *FLOATS) if name not in dtypes]
    if not missing:
        return "all"
    return f"all but {', '.join(missing)}" if len(missing) <= 2 else ", ".join(dtypes)


def _meaning(field: FieldInfo) -> str:
    choices = [f"`{value}`" for value in _literals(field.annotation)]
    choices = choices if len(choices) > 1 else []
    return f"{field.description}{' One of ' + ', '.join(choices) + '.' if choices else ''}"


def _literals(annotation: object) -> list[object]:
    """Return the values of the literal types in an annotation."""
    if get_origin(annotation) is Literal:
        return [value for part in get_args(annotation) for value in (_literals(part) or [part])]
    if get_origin(annotation) not in (Union, UnionType, Annotated):
        return []
    return [value for part in get_args(annotation) for value in _literals(part)]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return ""
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return ", ".join(f"`{type(item).__name__}()`" for item in value)
    return f"`{value}`"


def _parsers() -> dict[str, argparse.ArgumentParser]:
    return dict(_subparsers().choices)


def _subparsers() -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    (action,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return action


def _summaries() -> dict[str, str]:
    return {action.dest: action.help or "" for action in _subparsers()._choices_actions}


def _positional(action: argparse.Action) -> str:
    many = "..." if action.nargs in ("*", "+") else ""
    # A classifier is left out only where a whole job is given.
    return f"[{action.metavar}]" if action.dest == "folder" else f"{action.metavar}{many}"


def _values(action: argparse.Action) -> Iterator[str]:
    if action.nargs == 0:
        return
    if action.choices:
        yield "|".join(action.choices)
    else:
        yield from action.metavar if isinstance(action.metavar, tuple) else (action.metavar or "",)


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    made = [(page, renewed(page.read_text(encoding="utf-8"))) for page in sorted(DOCS.rglob("*.md"))]
    for path, after in [*made, (HELP, help_data())]:
        if not path.exists() or path.read_text(encoding="utf-8") != after:
            path.write_text(after, encoding="utf-8")
            print(f"renewed {path}")
