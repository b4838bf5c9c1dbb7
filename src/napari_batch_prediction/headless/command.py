"""The command ``nbp-ilastik``: ilastik's headless mode, for programs that call it."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from napari_batch_prediction import __version__

if TYPE_CHECKING:
    from napari_batch_prediction.console import Ends

DONE, FAILED = 0, 1


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
    words = sys.argv[1:] if words is None else words
    if "--version" in words:
        # Asked by pipelines before each task: without any other import.
        print(__version__)
        return DONE
    from napari_batch_prediction.console import Ends, consoles

    ends = Ends()
    with consoles(), ends.caught():
        try:
            status = _carried_out(words, ends)
        except SystemExit as end:
            return int(end.code or 0)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            return ends.status
        return ends.status if ends.came() else status


def _carried_out(words: Sequence[str], ends: "Ends") -> int:
    from napari_batch_prediction.headless.arguments import parse

    arguments = parse(words)
    # The rest is slow to import.
    from napari_batch_prediction.headless.running import run

    return run(arguments, ends)


def console() -> NoReturn:
    """Run the command as the whole process, and end it."""
    if "--version" in sys.argv[1:]:
        sys.exit(main())
    import gc

    from napari_batch_prediction.console import drop_unwritten, fill_descriptors

    fill_descriptors()
    # See the command line of this program: looking for garbage takes longer than what there is.
    gc.set_threshold(100_000)
    status = main()
    drop_unwritten()
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    console()
