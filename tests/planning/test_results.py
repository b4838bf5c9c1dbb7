"""A folder that is predicted twice: results of this program are no inputs of folders and patterns."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from threshold import Threshold

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import IMAGE_FORMATS
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspections
from napari_batch_prediction.planning.plan import Plan, iter_plan, make_plan
from napari_batch_prediction.running.run import run_plan

CLASSIFIER = Threshold(Path(__file__))
PICTURE = np.random.default_rng(0).integers(0, 255, (12, 10), np.uint8)


GREY = [
    single.name
    for single in IMAGE_FORMATS
    if not (single.slices or single).channels or 1 in (single.slices or single).channels
]


def plan(*inputs, **settings) -> Plan:
    settings.setdefault("exports", (Export(source="Simple Segmentation"),))
    return make_plan(BatchJob(classifier=Path(__file__), inputs=tuple(map(str, inputs)), **settings), CLASSIFIER)


def predict(*inputs, **settings) -> list[str]:
    """Run a batch, and return the names of its images; nothing fails."""
    ledger = run_plan(plan(*inputs, **settings))
    assert {row.status for row in ledger.rows} <= {"done", "skipped"}, [row.reason for row in ledger.rows]
    return [Path(row.input).name for row in ledger.rows]


def images(*inputs, **settings) -> list[str]:
    return [Path(row.input).name for row in plan(*inputs, **settings).rows]


def exported(name: str) -> tuple[Export, ...]:
    return (Export(source="Simple Segmentation", format=name, name="{stem}-of-mine"),)


def forget_record(folder: Path) -> None:
    for pattern in ("*.ledger.jsonl", "*.csv"):
        for record in folder.glob(pattern):
            record.unlink()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with one image."""
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", PICTURE)
    return tmp_path / "in"


def test_new_image_of_a_folder_that_was_predicted(folder):
    """With results beside the images a second run takes the new image, and skips the one that is done."""
    assert predict(folder) == ["a.tif"]
    tifffile.imwrite(folder / "b.tif", PICTURE)
    assert predict(folder, existing="skip") == ["a.tif", "b.tif"]
    again = plan(folder, existing="skip")
    assert [row.skip for row in again.rows] == [True, True]
    assert sorted(Path(name).name for name in again.left_out) == [
        "a_Simple Segmentation.h5",
        "b_Simple Segmentation.h5",
    ]


@pytest.mark.parametrize("name", GREY)
@pytest.mark.parametrize("keeps_record", [True, False], ids=["with its ledger", "without"])
def test_results_of_any_format_are_no_inputs(folder, name, keeps_record):
    """Also under names of the user; without the ledger, formats with a stamp tell it, others their exact names."""
    if "sequence" in name:
        tifffile.imwrite(folder / "a.tif", np.stack([PICTURE] * 5), photometric="minisblack", metadata={"axes": "TYX"})
    export = exported(name.removesuffix(" sequence"))[0].model_copy(update={"format": name})
    predict(folder, exports=(export,))
    if not keeps_record:
        forget_record(folder)
    for inputs in (folder, folder / "*.*"):
        assert images(inputs, exports=(export,), existing="overwrite") == ["a.tif"]


STAMPED = [single.name for single in IMAGE_FORMATS if single.slices is None and single.file and single.file.stamp]


@pytest.mark.parametrize("name", STAMPED)
def test_stamped_results_that_were_copied_to_other_images(folder, tmp_path, name):
    """Results in another folder, under other names and exported in another way now, still say that they are results."""
    predict(folder, exports=exported(name))
    (tmp_path / "new").mkdir()
    result = next(path for path in folder.iterdir() if "of-mine" in path.name)
    copied = tmp_path / "new" / f"renamed{result.name[result.name.index('.') :]}"
    (shutil.copytree if result.is_dir() else shutil.copy)(result, copied)
    shutil.copy(folder / "a.tif", tmp_path / "new" / "c.tif")
    for inputs in (tmp_path / "new", tmp_path / "new" / "*.*", tmp_path / "new" / "**"):
        assert images(inputs) == ["c.tif"]


def test_file_that_is_named_is_an_input(folder):
    """Also if a folder beside it leaves it out."""
    predict(folder, exports=exported("tiff"))
    result = folder / "a-of-mine.tiff"
    assert images(result) == [result.name]
    assert images(folder, result) == ["a.tif", result.name]
    assert images(result, folder) == [result.name, "a.tif"]
    assert plan(folder, result).left_out == ()
    (folder / "list.txt").write_text(f"{result.name}\n")
    assert images(folder / "list.txt") == [result.name]


def test_unstamped_file_that_is_named_is_an_input(folder):
    """A file with the exact name of an output stays an input if it is named, and is refused in words."""
    predict(folder, exports=exported("numpy"))
    forget_record(folder)
    result = folder / "a-of-mine.npy"
    assert images(folder, exports=exported("numpy")) == ["a.tif"]
    both = plan(folder, result, exports=exported("numpy"))
    assert [Path(row.input).name for row in both.rows] == ["a.tif", result.name]
    assert "is the input" in str(both.rows[0].problems[0])


def test_pattern_of_results_alone_is_refused(folder):
    """The reason says that they are results, and how to predict them all the same."""
    predict(folder)
    with pytest.raises(SettingsError, match=r"only results of this program.*name the files themselves"):
        plan(folder / "*.h5")


def test_dataset_pattern_of_results(folder):
    """A dataset in files of results is a result as well; of a file with other images beside it, the others are not."""
    predict(folder)
    with h5py.File(folder / "raw.h5", "w") as file:
        file["exported_data"] = PICTURE
    assert images(folder / "*.h5/exported_data") == ["exported_data"]
    assert images(folder / "*.h5") == ["raw.h5"]
    with h5py.File(folder / "a_Simple Segmentation.h5", "a") as file:
        file["volume/data"] = PICTURE
    assert len(images(folder / "*.h5")) == 2
    forget_record(folder)
    assert len(images(folder / "*.h5")) == 2


def test_stack_of_a_folder_leaves_out_results(folder):
    """Slices are stacked without the results beside them."""
    tifffile.imwrite(folder / "b.tif", PICTURE)
    predict(folder, exports=exported("tiff"))
    stacked = plan(folder, stack="t", exports=exported("hdf5"))
    assert stacked.rows[0].image is not None
    assert stacked.rows[0].image.shape == (2, 12, 10)


def test_results_in_folders_below_with_one_record_above(folder, tmp_path):
    """The ledger lies in the folder that all results share; without stamps it tells those below."""
    (tmp_path / "other").mkdir()
    shutil.copy(folder / "a.tif", tmp_path / "other" / "b.tif")
    predict(tmp_path / "**", exports=exported("numpy"))
    assert list(tmp_path.glob("*.ledger.jsonl"))
    other_export = (Export(source="Simple Segmentation", name="{stem}_new"),)
    assert images(tmp_path / "**", exports=other_export) == ["a.tif", "b.tif"]
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    shutil.move(tmp_path, moved)
    assert images(moved / "**", exports=other_export) == ["a.tif", "b.tif"]


def test_record_in_the_folder_of_images_names_no_image_a_result(folder, tmp_path):
    """Results elsewhere that have the names of the images do not make these results."""
    tifffile.imwrite(folder / "a.tif", PICTURE)
    np.save(folder / "n.npy", PICTURE)
    exports = (Export(source="Simple Segmentation", format="numpy", name="{stem}", folder=tmp_path / "out"),)
    predict(folder, exports=exports, ledger=folder / "x.ledger.jsonl")
    shutil.rmtree(tmp_path / "out")
    assert images(folder, exports=exports) == ["a.tif", "n.npy"]


def test_records_and_tables_are_no_inputs_of_a_pattern(folder):
    """A pattern that matches every file takes neither the ledger nor its summary."""
    predict(folder)
    assert len(list(folder.iterdir())) == 4
    assert images(folder / "*") == ["a.tif"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"kind": "end", "index": -1}\n', b'{"kind": "finish", "tables": 3}\n', b"\xff\xfe\n"]
)
def test_damaged_record_beside_images_does_no_harm(folder, content):
    """What cannot be read of a ledger names no results."""
    (folder / "x.ledger.jsonl").write_bytes(content)
    assert images(folder) == ["a.tif"]


def test_results_are_found_again_only_where_files_changed(folder):
    """A second check of the same folder notices a file that became a result meanwhile."""
    tifffile.imwrite(folder / "b.tif", PICTURE)
    inspections = Inspections()
    job = BatchJob(classifier=Path(__file__), inputs=(str(folder),))

    def inputs() -> list[str]:
        steps = iter_plan(job, CLASSIFIER, inspections=inspections)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return [Path(row.input).name for row in end.value.rows]

    assert inputs() == ["a.tif", "b.tif"]
    predict(folder / "a.tif", exports=exported("tiff"))
    forget_record(folder)
    shutil.move(folder / "a-of-mine.tiff", folder / "b.tif")
    assert inputs() == ["a.tif"]
