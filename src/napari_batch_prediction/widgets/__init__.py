"""The only rooms with Qt and napari."""

import re
from importlib.metadata import PackageNotFoundError, requires, version

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.errors import MissingLibraryError


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:3]))


def _require() -> None:
    """Raise MissingLibraryError if what the windows need is missing or too old.

    A plain install leaves it to the napari that it is installed into, which may be an old one.
    """
    try:
        needed = requires(PROGRAM) or ()
    except PackageNotFoundError:
        return  # part of a program that has no metadata
    for text in needed:
        if (found := re.fullmatch(r"(\w+)>=([\d.]+); extra == ['\"]napari['\"]", text)) is None:
            continue
        name, oldest = found.groups()
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = ""
        if _numbers(installed) < _numbers(oldest):
            raise MissingLibraryError(
                f"The windows of {PROGRAM} need {name} {oldest} or later; "
                f"{f'{name} {installed}' if installed else 'it'} is {'' if installed else 'not '}installed. "
                f"Update it: pip install --upgrade '{PROGRAM}[napari]'"
            )


_require()
