"""Sizes in bytes as text, as in ``4GiB``."""

import re

from napari_batch_prediction.errors import SettingsError


def parse_size(text: str) -> int:
    """Return the number of bytes of a size such as ``4GiB`` or ``500 MB``.

    Raises
    ------
    SettingsError
        If the text is not a size.
    """
    size = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?)(i?)B?\s*", text, re.ASCII | re.IGNORECASE)
    if size is None:
        raise SettingsError(f"'{text}' is not a size; expected for example 4GiB")
    power = " KMGT".index(size[2].upper() or " ")
    return int(float(size[1]) * (1024 if size[3] else 1000) ** power)
