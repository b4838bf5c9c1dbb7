"""One file for each class, memory, space on the disk, and libraries that are not installed."""

import golden
import h5py
import numpy as np
import pytest
import tifffile
from threshold import plan_for, save_images

import napari_batch_prediction as nbp
from napari_batch_prediction.cli import main
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job import objects as job_objects
from napari_batch_prediction.planning import exports as planning_exports
from napari_batch_prediction.planning import space
from napari_batch_prediction.running.run import run_plan

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"
IMAGE = PROJECT.with_name("test2.png")


def run(**settings):
    job = {key: settings.pop(key) for key in ("memory", "workers") if key in settings}
    exports = [nbp.Export(**settings)]
    return nbp.BatchJob(classifier=PROJECT, inputs=[str(IMAGE)], exports=exports, **job).run().rows[0]


def values(path):
    with h5py.File(path) as file:
        return file["exported_data"][()]


def test_one_file_for_each_class(tmp_path):
    """Each holds the channel of its class, and bears its name."""
    whole = values(run(folder=tmp_path).outputs["Probabilities"])
    row = run(folder=tmp_path, per_class=True)
    assert row.status == "done", row.reason
    assert {name: path.name for name, path in row.outputs.items()} == {
        f"Probabilities Class {i}": f"test2_Probabilities_Class {i}.h5" for i in (1, 2, 3)
    }
    for i, path in enumerate(row.outputs.values()):
        np.testing.assert_array_equal(values(path), whole[..., i : i + 1])


def test_template_says_where_the_class_stands(tmp_path):
    """The template says where the class stands."""
    row = run(folder=tmp_path, per_class=True, name="{class}/{stem}", format="tiff")
    assert [path.relative_to(tmp_path).as_posix() for path in row.outputs.values()] == [
        f"Class {i}/test2.tiff" for i in (1, 2, 3)
    ]


def test_class_in_the_name_of_a_file_of_all_classes_is_refused():
    """A class in the name of a file that holds all classes is refused."""
    with pytest.raises(SettingsError, match="is not exported class by class"):
        run(name="{stem}_{class}")


@pytest.mark.slow
@pytest.mark.usefixtures("small_process")
def test_less_memory_gives_smaller_tiles_and_the_same_bits(tmp_path):
    """The budget changes how an image is cut, not what comes out."""
    image = np.tile(golden.read(PROJECT.with_name("test1.png")), (12, 12))
    np.save(tmp_path / "large.npy", image)
    results = []
    for name, memory in (("a", None), ("b", 2**29)):
        job = nbp.BatchJob(
            classifier=PROJECT,
            inputs=[str(tmp_path / "large.npy")],
            exports=[nbp.Export(folder=tmp_path / name, format="hdf5")],
            memory=memory,
            workers=8,
        )
        tiles = []
        row = job.run(on_event=lambda event, tiles=tiles: tiles.append(getattr(event, "n_tiles", 0))).rows[0]
        results.append((max(tiles), row.outputs["Probabilities"].read_bytes()[4096:]))
    assert results[1][0] > results[0][0]
    np.testing.assert_array_equal(
        values(tmp_path / "a" / "large_Probabilities.h5"), values(tmp_path / "b" / "large_Probabilities.h5")
    )


@pytest.mark.usefixtures("small_process")
@pytest.mark.parametrize(("text", "size"), [("1GiB", 2**30), ("600 MB", 6 * 10**8), ("2g", 2 * 10**9)])
def test_sizes_are_read_as_people_write_them(text, size, tmp_path, capsys):
    """Sizes are read as people write them."""
    arguments = ["run", str(PROJECT), str(IMAGE), "--folder", str(tmp_path), "--memory", text]
    assert main(arguments) == 0
    (record,) = tmp_path.glob("*.ledger.jsonl")
    assert f'"memory": {size}' in record.read_text()


def test_memory_below_that_of_the_process_is_refused(capsys):
    """Less than the process itself takes is refused."""
    assert main(["run", str(PROJECT), str(IMAGE), "--memory", "10MB"]) == 2
    assert "memory" in capsys.readouterr().err


@pytest.mark.parametrize(("form", "n_problems"), [("hdf5", 1), ("compressed hdf5", 0)])
def test_outputs_that_do_not_fit_on_the_disk_are_found(form, n_problems, tmp_path, monkeypatch):
    """Outputs that do not fit together are found before the run; if they are compressed, it is a warning."""
    paths = save_images(tmp_path, "a", "b")
    first = plan_for(paths, format=form).rows[0].n_bytes
    assert first == 20 * 30 * 2 * 4
    usage = space.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: usage._replace(free=int(1.5 * first)))
    rows = plan_for(paths, format=form).rows
    assert [len(row.problems) for row in rows] == [0, n_problems]
    assert [len(row.warnings) for row in rows] == [0, 1 - n_problems]
    said = (*rows[1].problems, *rows[1].warnings)[0].text
    assert "may be too small for this and the outputs before it" in said


compressions = {
    "hdf5, gzip": ("hdf5", "gzip", "gzip"),
    "hdf5, none": ("hdf5", "none", None),
    "tiff, lzw": ("tiff", "lzw", tifffile.COMPRESSION.LZW),
    "tiff, none": ("tiff", "none", tifffile.COMPRESSION.NONE),
}


@pytest.mark.parametrize(("form", "chosen", "found"), compressions.values(), ids=compressions)
def test_compression_is_that_of_the_export(form, chosen, found, tmp_path):
    """Values are compressed as the export says, whatever the way of the format."""
    (row,) = run_plan(plan_for(save_images(tmp_path, "a"), format=form, compression=chosen)).rows
    path = row.outputs["Probabilities"]
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            assert file["exported_data"].compression == found
    else:
        with tifffile.TiffFile(path) as file:
            assert file.pages[0].compression == found


@pytest.mark.parametrize("per_image", [False, True])
def test_a_table_that_needs_a_library_is_refused_before_the_run(per_image, tmp_path, monkeypatch):
    """The plan names the library and how to install it; a table of the batch and tables of images alike."""
    monkeypatch.setattr(planning_exports, "find_spec", lambda name: None)
    objects = nbp.ObjectSettings("bright")
    paths = save_images(tmp_path, "a")
    with pytest.raises(SettingsError, match=r'needs pyarrow\. Install it: .*\[parquet\]"') as error:
        plan_for(paths, "Object Table", format="parquet", per_image=per_image, objects=objects)
    assert error.value.setting == "format"
    assert not plan_for(paths, "Object Table", per_image=per_image, objects=objects).n_problems


def test_splitting_without_its_library_is_refused_before_the_run(tmp_path, monkeypatch):
    """The plan names the library; without splitting it is not needed."""
    monkeypatch.setattr(job_objects, "find_spec", lambda name: None)
    paths = save_images(tmp_path, "a")
    with pytest.raises(SettingsError, match=r"Splitting objects needs scipy\. Install it: .*\[objects\]") as error:
        plan_for(paths, "Objects", objects=nbp.ObjectSettings("bright", split=2))
    assert error.value.setting == "split"
    assert not plan_for(paths, "Objects", objects=nbp.ObjectSettings("bright")).n_problems
