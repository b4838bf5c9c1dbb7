"""The process that looks at HDF5 files, which the library may not survive."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from napari_batch_prediction.formats.common.helper.serving import serve


def main() -> None:
    """Answer questions about files until there are no more."""
    from napari_batch_prediction.formats.hdf5 import structure  # with h5py, which takes the time

    def answer(question: Mapping[str, str | None]) -> object:
        with suppress(OSError):  # a folder that was removed
            os.chdir(question["folder"] or os.curdir)
        return structure.QUESTIONS[str(question["about"])](Path(str(question["file"])), question["dataset"])

    serve(answer)
