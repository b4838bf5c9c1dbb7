"""Write every format where no file may be larger than 20 kB; print what came of it. A program, not for Windows."""

import json
import resource
import sys
from pathlib import Path

import numpy as np

from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import IMAGE_FORMATS, format_problem

ARRAYS = [
    ("yxc", (300, 300, 3), "float32"),
    ("yxc", (300, 300, 1), "uint8"),
    ("zyx", (3, 300, 300), "uint8"),
    ("zyxc", (2, 300, 300, 3), "float32"),
]


def main(folder: Path) -> None:
    """Write each format in a folder of its own."""
    rng = np.random.default_rng(0)
    # The limit ends in the same error of the system calls as a full disk, with another number.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    for form in IMAGE_FORMATS:
        axes, shape, dtype = next(a for a in ARRAYS if format_problem(form, a[0], a[1], np.dtype(a[2])) is None)
        values = (rng.integers(0, 255, shape) / (7 if dtype == "float32" else 1)).astype(dtype)
        writer = form.writer(Target(folder / form.name / f"a{form.extension}", axes, shape, values.dtype))
        try:
            writer.write(tuple(slice(0, n) for n in shape), values)
            writer.finish()
            message = ""
        except ExportError as error:
            message = str(error)
        writer.abort()
        left = [path.name for path in (folder / form.name).iterdir()]
        print(json.dumps([form.name, message, left]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
