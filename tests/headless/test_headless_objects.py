"""Object Classification through ``nbp-ilastik``: ilastik's own command lines, callers' and the rules of the options."""

import csv
import json
import os
import shutil
from pathlib import Path

import golden
import golden_objects
import h5py
import numpy as np
import pytest
from golden_objects import OBJECTS
from ilastik_callers import Call, put_h5, run
from numpy.typing import NDArray
from object_writer import put_table

from napari_batch_prediction.headless.command import main

pytestmark = pytest.mark.golden

LABELS, MAPS, BINARY, PIXELS = (
    "p_objclass_2dt_label", "n_objclass_2d_pred_hyst", "r_objclass_2d_nbh_hull_skel", "j_objclass_2d_u8",
)  # fmt: skip
OF_OBJECTS = ("Object Predictions", "Object Probabilities", "Object Identities")
TEXTS = ("User Label", "Predicted Class")
IDS = ("object_id", "timestep", "labelimage_oid")


def runs() -> list[tuple[str, dict]]:
    """Return each run of ilastik that exports something of objects, with its case."""
    return [
        (case, found)
        for case in OBJECTS
        for found in golden.manifest(case)["runs"]
        if found["export_source"] in OF_OBJECTS
    ]


def read(path: Path) -> tuple[NDArray, str]:
    """Return values and axes of an output."""
    with h5py.File(path) as file:
        assert [*file] == ["exported_data"]
        return file["exported_data"][()], file["exported_data"].attrs["axistags"]


def expected(case: str, source: str, name: str = "test2") -> NDArray:
    """Return what ilastik exported of an image."""
    return read(golden.ROOT / case / "expected" / f"{name}_{source}.h5")[0]


def columns(path: Path) -> dict[str, list[str]]:
    """Return the columns of a table as text."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {title: [row[title] for row in rows] for title in rows[0]}


def close_table(ours: dict[str, list[str]], theirs: dict[str, list[str]]) -> None:
    """Compare the columns of a table of ilastik with ours by their names, as far as numbers are those of float32."""
    assert set(theirs) <= set(ours)
    assert all(ours[title] == theirs[title] for title in TEXTS)
    for title in set(theirs) - set(TEXTS):
        got, wanted = (np.array(each[title], float) for each in (ours, theirs))
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * np.nanmax(np.abs(wanted), initial=0))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder; call it to copy the project and the images of a case there."""
    monkeypatch.chdir(tmp_path)

    def copy(case: str) -> Path:
        shutil.copy(golden.ROOT / case / "project.ilp", tmp_path / "P.ilp")
        for path in (golden.ROOT / case).glob("test*"):
            shutil.copy(path, tmp_path / path.name)
        return tmp_path

    return copy


def call(*words: str) -> int:
    return main(["--headless", "--project=P.ilp", *words])


@pytest.mark.parametrize(("case", "found"), runs())
def test_equal_to_ilastiks_files(case, found, place, capfd):
    """Identities and classes pixel by pixel, probabilities to 1e-6, axes, shapes, types and tables; nothing else."""
    folder = place(case)
    before = files(folder)
    roles = [f"--{role}={text}" for role, text in zip(found.get("roles", ()), found["inputs"], strict=False)]
    assert call(*found["options"], *(roles or found["inputs"])) == 0
    assert capfd.readouterr().err == ""
    assert files(folder) - before == {*found["outputs"]}
    image, *tables = found["outputs"]
    (values, axes), (wanted, wanted_axes) = (read(root / image) for root in (folder, golden.ROOT / case))
    assert (axes, values.shape, values.dtype) == (wanted_axes, wanted.shape, wanted.dtype)
    most = 1e-6 if found["export_source"] == "Object Probabilities" else 0
    assert np.abs(values.astype(float) - wanted).max() <= most
    for table in tables:
        close_table(columns(folder / table), columns(golden.ROOT / case / table))


def test_first_source_and_second_images_by_position(place):
    """Two images in one call; without a source the classes are exported, beside the images."""
    folder = place(LABELS)
    words = ("--raw_data", "test1_raw.h5", "test2_raw.h5/data", "--label_image", "test1_lab.h5/data", "test2_lab.h5")
    assert call(*words) == 0
    for name in ("test1", "test2"):
        values, _ = read(folder / f"{name}_raw-data_Object Predictions.h5")
        np.testing.assert_array_equal(values, expected(LABELS, "Object Predictions", name))


@pytest.mark.parametrize("source", ["object IDENTITIES", "Object Probabilities", "simple segmentation"])
def test_sources_in_any_case(place, source):
    """Of the pixels, too, if the workflow begins with them."""
    folder = place(PIXELS)
    assert call(f"--export_source={source}", "--output_filename_format=O.h5", "test2.png") == 0
    wanted = expected(PIXELS, source.title())
    np.testing.assert_allclose(read(folder / "O.h5")[0], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "words", "text"),
    [
        (MAPS, ("--prediction_maps=test1_pred.h5", "--export_source=Blockwise Object Predictions"), "not made here"),
        (MAPS, ("--prediction_maps=test1_pred.h5", "--export_source=Simple Segmentation"), "cannot export"),
        (MAPS, ("--prediction_maps=test1_pred.h5", "--export_source=Object Table"), "Choose one of: Object"),
        (MAPS, (), "--prediction_maps names 0 files for 1 image"),
        (MAPS, ("--prediction_maps", "test1_pred.h5", "test2_pred.h5"), "--prediction_maps names 2 files for 1 image"),
        (MAPS, ("--prediction_maps=missing.h5",), "missing.h5"),
        (MAPS, ("--prediction_maps=test2_pred.h5",), "test2_pred.h5"),
        (BINARY, ("--label_image=test1_seg.h5",), "--segmentation_image names 0 files for 1 image"),
        (
            LABELS,
            ("--label_image=test1_lab.h5", "--prediction_mask=test1_lab.h5"),
            "takes the label image of each image. Leave it out. See --prediction_mask.",
        ),
        (LABELS, ("--label_image=test2_lab.h5",), "See --label_image."),
        (LABELS, (), "--label_image names 0 files for 1 image"),
    ],
)
def test_what_is_refused_is_named(place, capsys, case, words, text):
    """Status 1, the reason at the end of stderr, and nothing written."""
    folder = place(case)
    before = files(folder)
    assert call(*words, "--raw_data=test1_raw.h5") == 1
    assert text in capsys.readouterr().err
    assert files(folder) == before


def test_graph_cut_is_refused(place, capsys):
    """By its name, before an image is looked at."""
    folder = place(MAPS)
    with h5py.File(folder / "P.ilp", "r+") as file:
        group = file["ThresholdTwoLevels"]
        del group["CurOperator"]
        group["CurOperator"] = 2
    assert call("--raw_data=test1_raw.h5", "--prediction_maps=test1_pred.h5") == 1
    assert "graph cut" in capsys.readouterr().err


def test_table_alone(place):
    """Without a name the table is where the project says, with ilastik's ending; images are left out."""
    folder = place(PIXELS)
    before = files(folder)
    assert call("--table_only", "test1.png", "test2.png") == 0
    assert files(folder) - before == {"test1_table_table.csv", "test2_table_table.csv"}
    for name in ("test1", "test2"):
        table = f"{name}_table_table.csv"
        close_table(columns(folder / table), columns(golden.ROOT / PIXELS / "expected" / table))


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("out/{nickname}.csv", "out/test2_table.csv"),
        ("out/{nickname}.of.all.txt", "out/test2.of.all_table.csv"),
        ("{dataset_dir}/T", "T_table.csv"),
    ],
)
def test_name_of_a_table(place, given, written):
    """`_table` before the last dot; placeholders are those of images."""
    folder = place(PIXELS)
    before = files(folder)
    assert call("--table_only", f"--table_filename={given}", "test2.png") == 0
    assert files(folder) - before == {written}


def test_table_that_the_project_knows_nothing_of(place, capsys):
    """Where ilastik ends with an error, a table that is named is written; one that nobody names is not."""
    folder = place(PIXELS)
    with h5py.File(folder / "P.ilp", "r+") as file:
        del file["ObjectClassification/ExportSettings"]
    assert call("--table_only", "test2.png") == 1
    assert "--table_filename" in capsys.readouterr().err
    assert call("--table_only", "--table_filename=T.csv", "test2.png") == 0
    theirs = columns(golden.ROOT / PIXELS / "expected/test2_table_table.csv")
    close_table(columns(folder / "T_table.csv"), theirs)


def in_hdf5(folder: Path, **settings) -> None:
    """Let the project have its table in HDF5."""
    with h5py.File(folder / "P.ilp", "r+") as file:
        names = [*file["ObjectClassification/SelectedFeatures/Standard Object Features"]]
        put_table(file, ({"file type": "h5", "file path": "{dataset_dir}/{nickname}.h5", **settings}, names))


def test_table_in_hdf5_if_the_project_says_so(place):
    """One dataset with a field for each column, in the file that is named, without another ending."""
    folder = place(PIXELS)
    in_hdf5(folder)
    assert call("--table_only", "--table_filename=out/{nickname}.h5", "test2.png") == 0
    with h5py.File(folder / "out/test2.h5") as file:
        table = file["table"][:]
    ours = {title: table[title].astype(str).tolist() for title in table.dtype.names}
    close_table(ours, columns(golden.ROOT / PIXELS / "expected/test2_table_table.csv"))


@pytest.mark.parametrize("include_raw", [False, True])
@pytest.mark.parametrize("case", ["p_objclass_2dt_label", "q_objclass_3d_pred_ipht", "j_objclass_2d_u8"])
def test_pictures_in_hdf5(place, case, include_raw):
    """The mask of each object in its box and a margin, and its part of the image, or the whole image once."""
    folder, margin = place(case), 2
    in_hdf5(folder, margin=margin, **{"include raw": include_raw})
    image = "test1.png" if case == PIXELS else "test1_raw.h5"
    role = {"p": "--label_image=test1_lab.h5", "q": "--prediction_maps=test1_pred.h5", "j": "--readonly"}[case[0]]
    assert call("--table_only", "--table_filename=T.h5", f"--raw_data={image}", role) == 0
    row = 0
    with h5py.File(folder / "T.h5") as file:
        times = list(golden_objects.objects(case, "test1"))
        for time in times:
            for number in time.column("labelimage_oid"):
                # All axes are in ilastik's order: x, y, z, c.
                mask, raw = (time.labels[0] == number).T, time.raw.T
                box = tuple(slice(max(0, where.min() - margin), where.max() + 1 + margin) for where in np.nonzero(mask))
                labeling = file[f"images/{row}/labeling"]
                np.testing.assert_array_equal(labeling[()], mask[box].squeeze())
                assert (labeling.dtype, labeling.attrs["type"]) == (np.uint8, "labeling")
                axes = "".join(tag["key"] for tag in json.loads(labeling.attrs["axistags"])["axes"])
                assert axes == ("xyz" if case[0] == "q" else "xy")
                if not include_raw:
                    part = file[f"images/{row}/raw"]
                    np.testing.assert_array_equal(part[()], raw[box].squeeze())
                    assert (part.dtype, part.attrs["type"]) == (time.raw.dtype, "image")
                row += 1
        assert row == len(file["table"]) > 2
        assert {*file["images"]} == {*map(str, range(row)), *(["raw"] if include_raw else [])}
        if include_raw:
            np.testing.assert_array_equal(file["images/raw"][()], np.stack([time.raw.T for time in times]).squeeze())


def test_columns_of_a_table_are_those_that_the_project_says(place):
    """Besides ilastik's default features only those that its window was told, by their name or title."""
    folder = place(BINARY)
    with h5py.File(folder / "P.ilp", "r+") as file:
        chosen = ["Mean in neighborhood", "Convex Hull Area"]
        put_table(file, ({"file type": "csv", "file path": "{dataset_dir}/{nickname}.csv"}, chosen))
    assert call("--table_only", "--raw_data=test2_raw.h5", "--segmentation_image=test2_seg.h5") == 0
    theirs = columns(golden.ROOT / BINARY / "expected/test2_table.csv")
    ours = columns(folder / "test2_raw-data_table.csv")
    titles = ("Size in pixels", "Bounding Box M", "Center of the object", "Probability of ", "Convex Hull Area",
              "Mean Intensity in neighborhood")  # fmt: skip
    assert set(ours) == {*TEXTS, *IDS, *(title for title in theirs if title.startswith(titles))}
    assert len(ours) < len(theirs)
    close_table(ours, {title: theirs[title] for title in ours})


def test_options_of_other_workflows_are_named(place, capsys):
    """And left out, as in ilastik."""
    place(PIXELS)
    words = ("--label_image=x.h5", "--csv_export_file=C.csv", "--retrain", "--output_filename_format=O.h5")
    assert call(*words, "--raw_data=test2.png") == 0
    assert capsys.readouterr().err == "Unused command-line args: --label_image --retrain --csv_export_file\n"


# Callers, each in a process of its own.


def put_5d(path: Path, values: NDArray, axes: str) -> None:
    """Write an image as Fiji does: in the axes t, z, c, y, x."""
    shape = {**dict.fromkeys("tzcyx", 1), **dict(zip(axes, values.shape, strict=True))}
    order = [axes.index(key) for key in "tzcyx" if key in axes]
    put_h5(path, values.transpose(order).reshape([shape[key] for key in "tzcyx"]), axes="tzcyx")


@pytest.mark.parametrize(
    ("case", "role", "second"), [(MAPS, "prediction_maps", "pred"), (BINARY, "segmentation_image", "seg")]
)
def test_fiji(tmp_path, case, role, second):
    """Both inputs in five axes, the second one before or after the other options."""

    def setup(folder: Path) -> None:
        shutil.copy(golden.ROOT / case / "project.ilp", folder / "P.ilp")
        for name, end in (("raw_data", "raw"), (role, second)):
            values = golden.read(golden.ROOT / case / f"test2_{end}.h5")
            put_5d(folder / f"inputs/{name}.h5", values, "yxc"[: values.ndim])

    words = (
        "--headless", "--project={P}", "--output_format=hdf5", "--output_axis_order=tzcyx", "--input_axes=tzcyx",
        "--readonly=1", "--output_internal_path=exported_data", "--export_source=Object Predictions",
        f"--{role}={{D}}/inputs/{role}.h5", "--raw_data={D}/inputs/raw_data.h5",
        "--output_filename_format={D}/outputs/predictions.h5",
    )  # fmt: skip
    process = run(Call(words, setup), tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    values, _ = read(tmp_path / "outputs/predictions.h5")
    np.testing.assert_array_equal(values, np.moveaxis(expected(case, "Object Predictions"), -1, 0)[None, None])
    assert files(tmp_path / "outputs") == {"predictions.h5"}


def test_harpy(tmp_path):
    """Both inputs are URIs of levels of OME-Zarr; the settings of the process are harpy's."""
    import zarr

    def setup(folder: Path) -> None:
        shutil.copy(golden.ROOT / BINARY / "project.ilp", folder / "P.ilp")
        root = zarr.open_group(folder / "a b.zarr", mode="w", zarr_format=2)
        for name, end in (("images/raw", "raw"), ("labels/seg", "seg")):
            values = golden.read(golden.ROOT / BINARY / f"test2_{end}.h5")
            values = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
            axes = [{"name": key, "type": "space"} for key in "yx"]
            scale = [{"type": "scale", "scale": [1] * 2}]
            datasets = [{"path": "0", "coordinateTransformations": scale}]
            group = root.create_group(name)
            group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
            group.create_array("0", data=values)

    words = (
        "--headless", "--readonly", "--project={P}", "--export_source=Object Predictions",
        "--raw_data=file://{D}/a%20b.zarr/images/raw/0", "--segmentation_image=file://{D}/a%20b.zarr/labels/seg/0",
        "--output_filename_format={D}/exported_data.h5", "--logfile={D}/log.txt",
    )  # fmt: skip
    limits = {"LAZYFLOW_THREADS": "2", "LAZYFLOW_TOTAL_RAM_MB": "4096", "MPLBACKEND": "Agg"}
    process = run(Call(words, setup, {**os.environ, **limits}), tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    values, _ = read(tmp_path / "exported_data.h5")
    np.testing.assert_array_equal(values.squeeze(), expected(BINARY, "Object Predictions").squeeze())
    assert "exported to" in (tmp_path / "log.txt").read_text()
