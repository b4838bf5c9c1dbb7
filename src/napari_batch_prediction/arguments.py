"""Parsers of the command line: options anywhere among the arguments, and errors that name the nearest word.

The real parser is made of the fields of a job, which takes pydantic, numpy and 0.3 s. For help alone there is a copy
of it as data, ``help.json``, which ``docs/make_reference.py`` writes.
"""

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_batch_prediction import PROGRAM, __version__
from napari_batch_prediction.wording import did_you_mean, one_line

TYPE_CHECKING = False  # as in the package itself
if TYPE_CHECKING:
    from typing import Any, NoReturn

HELP = Path(__file__).with_name("help.json")
"""The parser of the command line as data."""

_HELP_FLAGS = ("-h", "--help")
_VERSION_FLAG = "--version"
# What the help shows of an argument.
_SHOWN = ("nargs", "metavar", "choices", "required", "help")


class Parser(argparse.ArgumentParser):
    """A parser whose errors name what is nearest to a word that it does not know.

    Attributes
    ----------
    known
        The options of its commands.
    """

    def __init__(self, **settings: "Any") -> None:
        super().__init__(**settings)
        self.known: list[str] = []

    def error(self, message: str) -> "NoReturn":
        """End the program with an error, and the nearest word."""
        unknown = re.search(r"unrecognized arguments: (-[^\s=]+)", message)
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if unknown is not None:
            is_elsewhere = unknown[1] in self.known
            message += " (other commands have it)" if is_elsewhere else did_you_mean(unknown[1], self.known)
        elif wrong is not None:
            message += did_you_mean(wrong[1], [choice.strip("' ") for choice in wrong[2].split(",")])
        message = re.sub(r"invalid int value: ('.*')", r"\1 is not a whole number", message, flags=re.DOTALL)
        message = re.sub(r"invalid float value: ('.*')", r"\1 is not a number", message, flags=re.DOTALL)
        super().error(one_line(message))


class Command(Parser):
    """The parser of a command, whose options may stand before, between and after its other arguments."""

    _is_mixed = False

    def parse_known_args(self, args: "Any" = None, namespace: "Any" = None) -> "tuple[Any, list[str]]":
        """Return the values of arguments, and the arguments that are not known."""
        found, unknown = super().parse_known_args(args, namespace)
        # This takes inputs, even none, from one place. The other way calls this, and loses a ``--`` at the beginning.
        if unknown and namespace is None and not self._is_mixed:
            self._is_mixed = True
            mixed, still_unknown = self.parse_known_intermixed_args(args)
            self._is_mixed = False
            if not still_unknown:
                return mixed, []
        return found, unknown


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add the option that prints the version."""
    parser.add_argument(
        _VERSION_FLAG, action="version", version=f"{PROGRAM} {__version__}", help="show the version and exit"
    )


def add_commands(parser: argparse.ArgumentParser) -> "argparse._SubParsersAction[Command]":
    """Add the place for commands."""
    return parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Command)


def help_parser(words: Sequence[str]) -> Parser | None:
    """Return a parser for arguments that only ask for help or for the version; None for all others."""
    if len(words) not in (1, 2) or words[-1] not in (*_HELP_FLAGS, *[_VERSION_FLAG] * (len(words) == 1)):
        return None
    data = json.loads(HELP.read_text(encoding="utf-8"))
    is_known = len(words) == 1 or any(command["name"] == words[0] for command in data["commands"])
    return _parser_of_data(data) if is_known else None


def parser_as_data(parser: argparse.ArgumentParser) -> "dict[str, Any]":
    """Return all that the help of a program and of its commands shows, as JSON can hold it."""
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {
        "description": parser.description,
        "epilog": parser.epilog,
        "commands": [
            {"name": name, "help": summary.help, "arguments": _arguments_as_data(command)}
            for summary, (name, command) in zip(commands._choices_actions, commands.choices.items(), strict=True)
        ],
    }


def _arguments_as_data(command: argparse.ArgumentParser) -> "list[dict[str, Any]]":
    return [
        {
            "names": action.option_strings or [action.dest],
            **{name: value for name in _SHOWN if (value := getattr(action, name)) is not None},
        }
        for action in command._actions
        if not isinstance(action, argparse._HelpAction)
    ]


def _parser_of_data(data: "dict[str, Any]") -> Parser:
    """Return a parser whose help is that of the parser that was made into data; it is good for nothing else."""
    parser = Parser(prog=PROGRAM, description=data["description"], epilog=data["epilog"])
    add_version(parser)
    commands = add_commands(parser)
    for command in data["commands"]:
        _add_arguments(commands.add_parser(command["name"], help=command["help"]), command["arguments"])
    return parser


def _add_arguments(parser: argparse.ArgumentParser, arguments: "Iterable[dict[str, Any]]") -> None:
    for shown in arguments:
        names, settings = shown["names"], {name: shown[name] for name in _SHOWN if name in shown}
        if isinstance(settings.get("metavar"), list):
            settings["metavar"] = tuple(settings["metavar"])
        if not names[0].startswith("-"):
            del settings["required"]  # follows from nargs
        elif settings.get("nargs") == 0:
            settings["action"] = "store_true"
            del settings["nargs"]
        parser.add_argument(*names, **settings)
