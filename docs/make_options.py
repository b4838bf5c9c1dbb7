"""Write the table of options in docs/usage.md anew, from the command line's own help: python docs/make_options.py."""

import argparse
import re
from pathlib import Path

from napari_batch_prediction.cli import make_parser

PAGE = Path(__file__).parent / "usage.md"
BLOCK = re.compile(r"(?<=<!-- options -->\n).*?(?=<!-- end of options -->)", re.DOTALL)


def table() -> str:
    """Return the options of ``run`` as a table in Markdown."""
    rows = ["| Option | Meaning |", "|---|---|"]
    for action in run_parser()._actions:
        if not action.option_strings or action.dest == "help":
            continue
        name = " ".join((action.option_strings[0], *_values(action))).replace("|", "\\|")
        rows.append(f"| `{name}` | {(action.help or '').replace('%%', '%').replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def run_parser() -> argparse.ArgumentParser:
    """Return the parser of the command ``run``."""
    (commands,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    parser: argparse.ArgumentParser = commands.choices["run"]
    return parser


def _values(action: argparse.Action) -> tuple[str, ...]:
    if action.nargs == 0:
        return ()
    if action.choices:
        return ("|".join(action.choices),)
    return action.metavar if isinstance(action.metavar, tuple) else (action.metavar or "",)


if __name__ == "__main__":
    PAGE.write_text(BLOCK.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
