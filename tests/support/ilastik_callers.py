"""The command lines by which other programs call ilastik headless, and what they give it.

In the words of a call ``{P}`` stands for the project, ``{I}`` for the first input and ``{D}`` for the folder of the
call. Each call is a process of its own.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import golden
import h5py
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from repository import SOURCE

# Without anything from the environment: some callers give none.
COMMAND = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(SOURCE)!r}); "
    "from napari_batch_prediction.headless.command import console; console()",
]
_TYPE_FLAGS = {"c": 1, "t": 8}

Setup = Callable[[Path], None]


@dataclass(frozen=True)
class Call:
    """A call of ilastik.

    Attributes
    ----------
    words
        The words of the command line after the executable.
    setup
        Puts ``P.ilp`` and the inputs into the folder of the call.
    environment
        The variables of the process; the caller's own if None.
    """

    words: tuple[str, ...]
    setup: Setup
    environment: Mapping[str, str] | None = field(default=None)


def run(call: Call, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a call in a folder."""
    call.setup(folder)
    words = [word.replace("{P}", str(folder / "P.ilp")).replace("{D}", str(folder)) for word in call.words]
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, cwd=folder, env=call.environment, check=False
    )


def axistags(axes: str) -> str:
    """Return vigra's text for axes."""
    return json.dumps({"axes": [{"key": key, "typeFlags": _TYPE_FLAGS.get(key, 2)} for key in axes]})


def image(case: str, name: str = "test2") -> NDArray:
    """Return an image of a golden case, with its axes."""
    (file,) = (file for file in (golden.ROOT / case).glob(f"{name}.*"))
    return golden.read(file)


def put_h5(path: Path, values: NDArray, dataset: str = "data", axes: str | None = None) -> None:
    """Write an image as a dataset, with axes if they are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "a") as file:
        stored = file.create_dataset(dataset, data=values, compression="gzip", compression_opts=1)
        if axes is not None:
            stored.attrs["axistags"] = axistags(axes)


def put(path: Path, values: NDArray) -> None:
    """Write an image as TIFF, NPY or a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, values)
    elif path.suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)


def project(folder: Path, case: str, lane_axes: str = "", **stored: object) -> None:
    """Copy the project of a case, with other axes of its training image, and with export settings."""
    shutil.copy(golden.ROOT / case / "project.ilp", folder / "P.ilp")
    with h5py.File(folder / "P.ilp", "r+") as file:
        if lane_axes:
            raw = file["Input Data/infos/lane0000/Raw Data"]
            shape = dict(zip(golden.axes(case), raw["shape"][()], strict=False))
            for name, value in {
                "axistags": axistags(lane_axes),
                "shape": [int(shape.get(key, 1)) for key in lane_axes],
            }.items():
                del raw[name]
                raw[name] = value
        group = file.require_group("Prediction Export")
        for name, value in stored.items():
            if name in group:
                del group[name]
            group[name] = value


def of_workflow(folder: Path, name: str) -> None:
    """Write a project of another workflow."""
    project(folder, "a_2d_u8")
    with h5py.File(folder / "P.ilp", "r+") as file:
        del file["workflowName"]
        file["workflowName"] = name.encode()
