"""Whatever happens to disks and files in the middle of a run, its ledger is true, and it can be resumed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

import napari_batch_prediction as nbp
from napari_batch_prediction.records.events import Event, FileStarted, TileDone
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import Recorded

pytestmark = pytest.mark.slow

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"
RECORDS = (".ledger.jsonl", ".csv")

# The small image, and one that is cut into several tiles.
SMALL, LARGE = (45, 61), (600, 600)

# One of which a format has written something before the last tile.
LARGER = (1500, 600)

Write = Callable[[Path, NDArray], object]


def write_hdf5(path: Path, pixels: NDArray) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=pixels, chunks=(128, 128), compression="gzip")


def write_deflate(path: Path, pixels: NDArray) -> None:
    tifffile.imwrite(path, pixels, compression="deflate", tile=(256, 256))


def write_zarr(path: Path, pixels: NDArray) -> None:
    zarr.create_array(path, data=pixels, chunks=(128, 128))


def write_png(path: Path, pixels: NDArray) -> None:
    Image.fromarray(pixels).save(path)


# Each way of reading: mapped into memory, in pieces, decoded as a whole.
WRITERS: dict[str, tuple[str, Write]] = {
    "npy": (".npy", np.save),
    "npz": (".npz", lambda path, pixels: np.savez(path, pixels=pixels)),
    "tiff": (".tif", tifffile.imwrite),
    "tiled tiff": (".tif", write_deflate),
    "hdf5": (".h5", write_hdf5),
    "zarr": (".zarr", write_zarr),
    "png": (".png", write_png),
}


def save_images(folder: Path, *shapes: tuple[int, int], kind: str = "png") -> list[Path]:
    """Write images of random pixels."""
    folder.mkdir(parents=True)
    extension, write = WRITERS[kind]
    rng = np.random.default_rng(0)
    paths = [folder / f"{i}{extension}" for i in range(len(shapes))]
    for path, shape in zip(paths, shapes, strict=True):
        write(path, rng.integers(0, 255, shape, np.uint8))
    return paths


def make_job(images: list[Path], out: Path, **settings: str) -> nbp.BatchJob:
    """Return the job of segmenting images, recorded beside its folder."""
    export = nbp.Export(source="Simple Segmentation", folder=out, **settings)
    return nbp.BatchJob(
        classifier=PROJECT,
        inputs=tuple(map(str, images)),
        exports=(export,),
        ledger=out.with_suffix(".ledger.jsonl"),
        workers=2,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Return the path and the content of every file below a folder, but for the ledgers."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(RECORDS)]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def statuses(record: Recorded) -> list[str]:
    return [noted.row.status for noted in record.inputs if noted.row is not None]


def check_record(job: nbp.BatchJob, expected: dict[str, bytes], failed: set[int], reason: str) -> None:
    """The ledger names the failures and why; everything else is whole, and nothing more is there."""
    record = read_record(job.ledger)
    assert {i for i, status in enumerate(statuses(record)) if status == "failed"} == failed
    assert statuses(record).count("done") == len(record.inputs) - len(failed)
    for i, noted in enumerate(record.inputs):
        if i in failed:
            assert reason in noted.row.reason
            assert noted.row.outputs == {}
    out = job.exports[0].folder
    there = contents(out)
    assert there.items() <= expected.items()
    whole = {name for name in expected if int(Path(name).parts[0].split("_")[0]) not in failed}
    assert there.keys() == whole
    assert len(job.ledger.with_name(job.ledger.name.replace(*RECORDS)).read_text().splitlines()) == 1 + len(
        record.inputs
    )


def check_resumed(job: nbp.BatchJob, expected: dict[str, bytes]) -> None:
    """Everything is done, with the bytes of a run that nothing disturbed."""
    ledger = nbp.resume(job.ledger)
    assert [row.reason for row in ledger.rows] == [""] * len(ledger.rows)
    assert set(statuses(read_record(job.ledger))) == {"done"}
    assert contents(job.exports[0].folder) == expected


def undisturbed(images: list[Path], folder: Path, **settings: str) -> dict[str, bytes]:
    """Return what a quiet run writes."""
    ledger = make_job(images, folder, **settings).run()
    assert {row.status for row in ledger.rows} == {"done"}
    return contents(folder)


def run_apart(job: nbp.BatchJob, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this file as a program: see the end of it."""
    return subprocess.run(
        [sys.executable, __file__, *arguments],
        input=job.model_dump_json(),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def cut(path: Path) -> None:
    """Take away the second half of a file, or of each chunk of a store."""
    for item in [path] if path.is_file() else [chunk for chunk in path.rglob("c/*/*") if chunk.is_file()]:
        os.truncate(item, item.stat().st_size // 2)


@pytest.mark.parametrize("kind", WRITERS)
def test_input_that_is_cut_midway_fails_alone(tmp_path, kind):
    """An input that loses its end when it is open already fails alone, also if it is mapped into memory."""
    images = save_images(tmp_path / "in", LARGE, LARGE, LARGE, kind=kind)
    expected = undisturbed(images, tmp_path / "quiet")
    kept = tmp_path / f"kept{images[1].suffix}"
    (shutil.copytree if images[1].is_dir() else shutil.copy)(images[1], kept)
    job = make_job(images, tmp_path / "out")
    result = run_apart(job, "cut", str(images[1]))
    assert result.returncode == 0, result.stderr
    # HDF5 is opened for its pixels when they are needed, and compared with what was looked at.
    check_record(job, expected, {1}, "has changed since" if kind == "hdf5" else "Cannot read pixels of")
    (shutil.rmtree if images[1].is_dir() else os.remove)(images[1])
    kept.rename(images[1])
    check_resumed(job, expected)


@pytest.mark.parametrize("kind", WRITERS)
def test_input_that_is_removed_before_its_turn_fails_alone(tmp_path, kind):
    """An input that is taken away while another is predicted fails alone."""
    images = save_images(tmp_path / "in", LARGE, LARGE, LARGE, kind=kind)
    expected = undisturbed(images, tmp_path / "quiet")
    kept = tmp_path / "kept"

    def remove(event: Event) -> None:
        if isinstance(event, FileStarted) and event.index == 0:
            images[1].rename(kept)

    job = make_job(images, tmp_path / "out")
    job.run(remove)
    check_record(job, expected, {1}, "There is no file")
    kept.rename(images[1])
    check_resumed(job, expected)


def test_store_that_is_removed_midway_fails(tmp_path):
    """Chunks that a store never had are zeros; those of a store that is gone are not."""
    images = save_images(tmp_path / "in", LARGE, LARGE, LARGE, kind="zarr")
    expected = undisturbed(images, tmp_path / "quiet")
    kept = tmp_path / "kept"

    def remove(event: Event) -> None:
        if isinstance(event, TileDone) and (event.index, event.done) == (1, 1):
            images[1].rename(kept)

    job = make_job(images, tmp_path / "out").model_copy(update={"workers": 1})
    job.run(remove)
    check_record(job, expected, {1}, str(images[1]))
    kept.rename(images[1])
    check_resumed(job, expected)


FOLDERS = {"one file": "compressed hdf5", "a TIFF": "tiff", "a store": "multi-scale OME-Zarr"}


@pytest.mark.parametrize("form", FOLDERS.values(), ids=FOLDERS)
@pytest.mark.parametrize("begun", [False, True], ids=["before its first tile", "after its first tile"])
def test_folder_that_is_lost_midway_fails_its_output(tmp_path, form, begun):
    """The folder of an output is no folder any more; a part of the output may be in what it was."""
    images = save_images(tmp_path / "in", SMALL, LARGER, SMALL)
    settings = {"name": "{stem}/{source}", "format": form}
    expected = undisturbed(images, tmp_path / "quiet", **settings)
    job = make_job(images, tmp_path / "out", **settings).model_copy(update={"workers": 1})
    folder, away = tmp_path / "out" / "1", tmp_path / "away"

    def lose(event: Event) -> None:
        if isinstance(event, FileStarted) and event.index == 1 and not begun:
            folder.parent.mkdir(exist_ok=True)
            folder.write_text("no folder")
        if begun and isinstance(event, TileDone) and event.index == 1 and folder.is_dir():
            assert event.done < event.n_tiles
            folder.rename(away)
            folder.write_text("no folder")

    job.run(lose)
    assert folder.read_text() == "no folder"
    folder.unlink()
    check_record(job, expected, {1}, str(folder))
    if begun:
        away.rename(folder)
        assert [path.suffix for path in folder.iterdir()] == [".part"]
    check_resumed(job, expected)


FULL = {"compressed hdf5": "compressed hdf5", "tiff": "tiff", "OME-Zarr": "single-scale OME-Zarr"}


@pytest.mark.skipif(os.name == "nt", reason="sizes of files cannot be limited there")
@pytest.mark.parametrize("form", FULL.values(), ids=FULL)
def test_full_disk_fails_one_output_alone(tmp_path, form):
    """There is no place for one large output: the others are written, and nothing of it is left."""
    images = save_images(tmp_path / "in", SMALL, LARGE, SMALL)
    expected = undisturbed(images, tmp_path / "quiet", format=form)
    job = make_job(images, tmp_path / "out", format=form)
    largest = {i: max(len(data) for name, data in expected.items() if name.startswith(f"{i}_")) for i in range(3)}
    limit = (max(largest[0], largest[2]) + largest[1]) // 2
    result = run_apart(job, "limit", str(limit))
    assert result.returncode == 0, result.stderr
    check_record(job, expected, {1}, "File too large")
    check_resumed(job, expected)


@pytest.mark.skipif(os.name == "nt", reason="sizes of files cannot be limited there")
def test_run_without_place_for_its_record_ends_and_says_so(tmp_path):
    """A run that cannot write its ledger ends and says so; the ledger is true as far as it goes."""
    images = save_images(tmp_path / "in", *[SMALL] * 20)
    expected = undisturbed(images, tmp_path / "quiet")
    job = make_job(images, tmp_path / "out")
    whole = make_job(images, tmp_path / "quiet").ledger.read_bytes().splitlines(keepends=True)
    plan = sum(len(line) for line in whole if json.loads(line)["kind"] in ("run", "input"))
    limit = (plan + sum(map(len, whole))) // 2
    assert limit > max(map(len, expected.values()))
    result = run_apart(job, "limit", str(limit))
    assert result.stderr == f"The ledger {job.ledger} cannot be written: File too large.\n"
    assert result.returncode == 2
    record = read_record(job.ledger)
    assert 0 < statuses(record).count("done") == len(statuses(record)) < 20
    there = contents(tmp_path / "out")
    assert there.items() <= expected.items()
    for noted in record.inputs:
        if noted.row is not None:
            assert noted.row.outputs["Simple Segmentation"].name in there
    check_resumed(job, expected)


def _main(what: str, value: str) -> int:
    """Run the job given as JSON: with files limited in size, or with an input that is cut when it is open."""
    job = nbp.BatchJob.model_validate_json(sys.stdin.read())
    if what == "limit":
        import resource

        # The limit ends in the same error of the system calls as a full disk, with another number.
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(value), resource.RLIM_INFINITY))

    def damage(event: Event) -> None:
        if what == "cut" and isinstance(event, FileStarted) and job.inputs[event.index] == value:
            cut(Path(value))

    try:
        job.run(damage)
    except nbp.BatchPredictionError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))


def test_summary_has_no_formulas_and_can_be_a_list_of_inputs(tmp_path, monkeypatch):
    """A name that begins as a formula is a text in the summary, and the summary as input names the same file."""
    monkeypatch.chdir(tmp_path)
    np.save("=1+1.npy", np.zeros((40, 40), np.uint8))
    record = tmp_path / "r.ledger.jsonl"
    exports = (nbp.Export(folder=tmp_path / "out"),)
    nbp.BatchJob(classifier=PROJECT, inputs=["=1+1.npy"], exports=exports, ledger=record).run()
    assert (tmp_path / "r.csv").read_text().splitlines()[1].startswith("'=1+1.npy,done,")
    again = nbp.BatchJob(classifier=PROJECT, inputs=["r.csv"]).plan()
    assert [row.input for row in again.rows] == ["=1+1.npy"]
