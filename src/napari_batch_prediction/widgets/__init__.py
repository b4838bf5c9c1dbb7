"""The only rooms with Qt and napari."""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.errors import MissingLibraryError

_NEEDED = ("napari", "qtpy", "superqt", "magicgui")
"""Libraries of the windows, by importance; their versions are in the metadata, which a copied folder has not."""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:3]))


def _require() -> None:
    """Raise MissingLibraryError if what the windows need is missing or too old.

    A plain install leaves it to the napari that it is installed into, which may be an old one, or to the user.
    """
    try:
        texts = requires(PROGRAM) or ()
    except PackageNotFoundError:
        texts = ()
    found = (re.fullmatch(r"(\w+)>=([\d.]+); extra == ['\"]napari['\"]", text) for text in texts)
    oldest = {match[1]: match[2] for match in found if match is not None}
    for name in _NEEDED:
        what = f"{name} {oldest[name]} or later" if name in oldest else name
        if find_spec(name) is None:
            raise MissingLibraryError(
                f"The windows of {PROGRAM} need {what}; it is not installed. "
                f"Install it with Qt: pip install '{PROGRAM}[pyqt6]'"
            )
        try:
            installed = version(name)
        except PackageNotFoundError:  # part of a program that has no metadata
            continue
        if _numbers(installed) < _numbers(oldest.get(name, "")):
            raise MissingLibraryError(
                f"The windows of {PROGRAM} need {what}; {name} {installed} is installed. "
                f"Update it: pip install --upgrade '{PROGRAM}[napari]'"
            )


_require()
