"""Every command line that ilastik itself ran for the golden cases, given to ``nbp-ilastik``."""

import shutil
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_batch_prediction.headless.command import main

pytestmark = pytest.mark.golden

CASES = (*golden.CASES, *golden.AUTOCONTEXT, *golden.COUNTING, "j_objclass_2d_u8")

# Of the last case, what is of its pixels; of its objects, and of other cases, in test_headless_objects.
OF_OBJECTS = ("Object Predictions", "Object Probabilities", "Object Identities")


def read(path: Path) -> tuple[str, NDArray, str]:
    """Return the name of the dataset, values and axes of an output, read independently."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            (name,) = names
            return name, file[name][()], file[name].attrs["axistags"]
    if path.suffix == ".npy":
        return "", np.load(path), ""
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return "", np.asarray(picture), picture.mode
    with tifffile.TiffFile(path) as file:
        return "", file.asarray(), file.series[0].axes


def runs() -> list[tuple[str, list[str], list[str], list[str]]]:
    """Return the case, inputs, options and outputs of each run; runs that differ only in the input are one."""
    found: dict[tuple[str, tuple[str, ...]], tuple[list[str], list[str]]] = {}
    for case in CASES:
        for run in golden.manifest(case)["runs"]:
            if run["export_source"] in OF_OBJECTS:
                continue
            inputs, outputs = found.setdefault((case, tuple(run["options"])), ([], []))
            inputs += run["inputs"]
            outputs += run["outputs"]
    return [(case, inputs, [*options], outputs) for (case, options), (inputs, outputs) in found.items()]


@pytest.mark.parametrize(("case", "inputs", "options", "outputs"), runs())
def test_equal_to_ilastiks_files(case, inputs, options, outputs, tmp_path, monkeypatch, capfd):
    """Names, datasets, axes, shapes, types and values; nothing else is written, and nothing warned of."""
    folder = golden.ROOT / case
    for name in {*inputs}:
        file = name.replace(".h5/data", ".h5")
        shutil.copy(folder / file, tmp_path / file)
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    # The last option of some runs takes the inputs.
    assert main(["--headless", "--project", str(folder / "project.ilp"), *options, *inputs]) == 0
    assert capfd.readouterr().err == ""
    tables = [option.partition("=")[2] for option in options if option.startswith("--csv-export-file")]
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} - before
    assert written == {Path(name).as_posix().replace("expected/../", "") for name in (*outputs, *tables)}
    n_values = n_other = 0
    for name in outputs:
        dataset, expected, axes = read(folder / name)
        our_dataset, values, our_axes = read(tmp_path / name)
        assert (our_dataset, our_axes, values.shape, values.dtype) == (dataset, axes, expected.shape, expected.dtype)
        unit = np.iinfo(values.dtype).max if values.dtype.kind in "iu" and expected.max() > 10 else 1
        n_values += values.size
        n_other += int((np.abs(values.astype(float) - expected) > 1e-3 * unit).sum())
    # One tree of a hundred in a few values.
    assert n_other <= max(0.001 * n_values, 6)
    for name in tables:
        (image, count), (our_image, our_count) = (
            (root / name).read_text().strip().split(",") for root in (folder, tmp_path)
        )
        assert our_image == image
        assert float(our_count) == pytest.approx(float(count), rel=1e-3)
