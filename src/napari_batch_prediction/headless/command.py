"""The command ``nbp-ilastik``: ilastik's headless mode, for programs that call it.

Importing this module is fast, and version and help import nothing else.
"""

import sys
from collections.abc import Sequence

from napari_batch_prediction.console import Ends, as_process, consoles
from napari_batch_prediction.headless.arguments import parse

TYPE_CHECKING = False  # as in the package itself
if TYPE_CHECKING:
    from typing import NoReturn


def main(words: Sequence[str] | None = None) -> int:
    """Run a call; return the exit status.

    Parameters
    ----------
    words
        Arguments without the command's name; the process's if None.

    Returns
    -------
    0 if every output was written, 1 if not, 2 if the options cannot be used, 128 and the number of the signal if one
    ended it.
    """
    ends = Ends()
    with consoles(), ends.caught():
        try:
            arguments = parse(sys.argv[1:] if words is None else words)
            # Slow to import.
            from napari_batch_prediction.headless.running import run

            status = run(arguments, ends)
        except SystemExit as end:
            return int(end.code or 0)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            return ends.status
        return ends.status if ends.came() else status


def console() -> "NoReturn":
    """Run the command as the whole process, and end it."""
    as_process(main)


if __name__ == "__main__":
    console()
