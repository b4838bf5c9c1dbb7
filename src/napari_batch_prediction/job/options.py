"""Options of the command line made of the fields of a job and of an export."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from napari_batch_prediction.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Option:
    """Annotation of a field that is an option of the command line.

    The field's description is its help, the field's title its label in the window. A bool is a switch, a literal type
    gives the choices, and a tuple of names in ``metavar`` takes as many values.

    Attributes
    ----------
    metavar
        Name of the value in the help; a tuple for several values.
    name
        Name of the option without dashes; the field's if empty.
    parse
        Turns the text into the value; raises SettingsError or ValueError if it cannot.
    write
        Turns a value into text.
    """

    metavar: str | tuple[str, ...] = ""
    name: str = ""
    parse: Callable[[str], object] = str
    write: Callable[[Any], str] = str


def options(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, Option]]:
    """Yield name, field and option of each field of a model that is an option."""
    for name, field in model.model_fields.items():
        for option in field.metadata:
            if isinstance(option, Option):
                yield name, field, option


def option_name(field_name: str, option: Option) -> str:
    """Return the name of an option with its dashes."""
    return f"--{option.name or field_name.replace('_', '-')}"


def option_names(*models: type[BaseModel]) -> dict[str, str]:
    """Return the name of each option of some models, with its dashes, by the field's name."""
    return {name: option_name(name, option) for model in models for name, _, option in options(model)}


def describe(model: type[BaseModel], field_name: str) -> str:
    """Return the description of a field."""
    return model.model_fields[field_name].description or ""


def label(model: type[BaseModel], field_name: str) -> str:
    """Return the label of a field in the window."""
    return model.model_fields[field_name].title or ""


def add_options(parser: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    """Add the options of a model to a parser."""
    for name, field, option in options(model):
        settings: dict[str, Any] = {"dest": name, "help": _help(field).replace("%", "%%")}
        choices = _choices(field)
        if field.annotation is bool:
            # None, not False, means that the option was not given.
            settings |= {"action": "store_true", "default": None}
        elif choices and not option.metavar:
            settings |= {"choices": choices, "type": str.lower}
        else:
            settings |= {"metavar": option.metavar or None, "type": _reader(option)}
            if isinstance(option.metavar, tuple):
                settings["nargs"] = len(option.metavar)
        parser.add_argument(option_name(name, option), **settings)


def given_options(arguments: argparse.Namespace, model: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of a model whose options were given."""
    fields = {name: getattr(arguments, name, None) for name, _, _ in options(model)}
    return {name: value for name, value in fields.items() if value is not None}


def given_names(arguments: argparse.Namespace, model: type[BaseModel]) -> list[str]:
    """Return the names, with their dashes, of the options of a model that were given."""
    return [
        option_name(name, option) for name, _, option in options(model) if getattr(arguments, name, None) is not None
    ]


def write_options(value: BaseModel) -> dict[str, list[str]]:
    """Return the options, with their values as words, for the fields of a model that differ from their defaults."""
    written: dict[str, list[str]] = {}
    for name, field, option in options(type(value)):
        content = getattr(value, name)
        if content == field.get_default(call_default_factory=True, validated_data={}):
            continue
        if content is True:
            words: list[str] = []
        elif isinstance(option.metavar, tuple):
            words = [option.write(item) for item in content]
        else:
            words = [option.write(content)]
        written[option_name(name, option)] = words
    return written


def _help(field: FieldInfo) -> str:
    """Return the description of a field, with the default if it is a text or a number."""
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, float):
        default = f"{default:g}"
    return f"{field.description} Default: {default}." if isinstance(default, str) else f"{field.description}"


def _choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the values of a literal type, optional or not; empty for other types."""
    annotation = field.annotation
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _reader(option: Option) -> Callable[[str], object]:
    """Return a function that reads the text of an option for argparse."""

    def read(text: str) -> object:
        try:
            return option.parse(text)
        except SettingsError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    # argparse uses the name in messages of other errors: "invalid int value".
    read.__name__ = option.parse.__name__
    return read
