"""Parsers of the command line: options anywhere among the arguments, and errors that name the nearest word."""

import argparse
import re
from typing import Any, NoReturn

from napari_batch_prediction.wording import did_you_mean, one_line


class Parser(argparse.ArgumentParser):
    """A parser whose errors name what is nearest to a word that it does not know.

    Attributes
    ----------
    known
        The options of its commands.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.known: list[str] = []

    def error(self, message: str) -> NoReturn:
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

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
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
