"""Masks: only what is inside is read and predicted, and has the values that it has without one."""

import json
import pickle
import shlex
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from threshold import Threshold, count, plan_for, random_image, read, save_images, whole
from tilings import random_tiles

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.masked import predict_inside
from napari_batch_prediction.cli import main
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.images.second import Mask
from napari_batch_prediction.job.stored import read_job, write_job
from napari_batch_prediction.job.text import as_command, as_python
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import run_plan

CASES = ("a_2d_u8", "b_2d_rgb_u8", "d_3d_u8", "f_2dt_u8", "i_autocontext_2d_u8", "h1_count_2d_u8")
SHAPE = (20, 30)
INSIDE = random_image(*SHAPE, seed=7) > 200
IMAGE = random_image(*SHAPE)


def inside(values, mask=INSIDE):
    """Return values (y, x, c) that are 0 outside a mask."""
    return np.where(mask[..., None], values, 0)


def _tiff(path, mask):
    tifffile.imwrite(path, mask)


def _ome(path, mask):
    tifffile.imwrite(path, mask[None, None, None], ome=True, metadata={"axes": "TCZYX"})


def _hdf5(path, mask):
    with h5py.File(path, "w") as file:
        file["mask"] = mask


def _zarr(path, mask):
    zarr.save_array(path, mask)


def _npz(path, mask):
    np.savez(path, mask=mask)


def _picture(path, mask):
    Image.fromarray(mask).save(path)


def _colours(path, mask):
    Image.fromarray(np.stack([mask, mask * 0, mask * 0], -1)).save(path)


WRITERS = {
    "m.tif": _tiff,
    "m.ome.tif": _ome,
    "m.h5": _hdf5,
    "m.zarr": _zarr,
    "m.npy": np.save,
    "m.npz": _npz,
    "m.png": _picture,
    "m.bmp": _picture,
    "colours.png": _colours,
}


@pytest.mark.parametrize("name", WRITERS)
def test_mask_of_every_format(name, tmp_path):
    """A mask is read whatever its format."""
    (image,) = save_images(tmp_path, "a")
    WRITERS[name](tmp_path / name, INSIDE.astype(np.uint8) * 255)
    assert run_plan(plan_for([image], mask=str(tmp_path / name))).count("done") == 1
    np.testing.assert_array_equal(read(tmp_path / "a_Probabilities.h5"), inside(whole(IMAGE)))


@pytest.mark.parametrize(
    "mask",
    [
        INSIDE,
        INSIDE.astype(np.int32) * -3,
        INSIDE.astype(np.uint16) * 256,
        INSIDE.astype(np.float32) * 1e-3,
        np.where(INSIDE, 1, np.nan),
        INSIDE[..., None],
        np.stack([INSIDE, INSIDE & False, INSIDE], -1),
    ],
    ids=["bool", "negative", "uint16", "float", "nan", "one channel", "three channels"],
)
def test_whatever_is_not_0_is_inside(mask, tmp_path):
    """Values of any type are inside unless they are 0, or no numbers; of several channels one is enough."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", mask)
    run_plan(plan_for([image], mask=str(tmp_path / "m.npy")))
    np.testing.assert_array_equal(read(tmp_path / "a_Probabilities.h5"), inside(whole(IMAGE)))


def test_every_source_is_0_outside(tmp_path):
    """Probabilities, labels, features and density are 0 outside; counts are those inside, in and out of the region."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", INSIDE)
    sources = ("Probabilities", "Simple Segmentation", "Features", "Density")
    run_plan(plan_for([image], *sources, mask=str(tmp_path / "m.npy")))
    for source in sources:
        np.testing.assert_array_equal(
            read(tmp_path / f"a_{source}.h5").reshape(*SHAPE, -1), inside(whole(IMAGE, source))
        )
    exports = (nbp.Export("Counts", region={"x": (5, 20)}, folder=tmp_path),)
    ledger = run_plan(plan_for([image], mask=str(tmp_path / "m.npy"), exports=exports))
    density = inside(whole(IMAGE, "Density"))
    ((_, total, part),) = ledger.rows[0].tables["Counts"].rows
    assert total == pytest.approx(density.sum(dtype=float), rel=1e-6)
    assert part == pytest.approx(density[:, 5:20].sum(dtype=float), rel=1e-6)
    assert total < count(IMAGE)


@pytest.mark.parametrize(
    ("axes", "mask_shape"),
    [
        ("tyx", (20, 30)),
        ("tyx", (3, 20, 30)),
        ("zyx", (3, 20, 30)),
        ("zyx", (20, 30)),
        ("tzyx", (3, 2, 20, 30)),
        ("tzyx", (2, 20, 30)),
        ("tzyx", (3, 20, 30)),
        ("tzyx", (20, 30)),
        ("tzyx", (3, 2, 20, 30, 1)),
    ],
)
def test_axes(axes, mask_shape, tmp_path):
    """A mask without t or z is that of all; axes that are guessed become those that fit the image."""
    sizes = {"t": 3, "z": 3 if axes == "zyx" else 2, "y": 20, "x": 30}
    shape = tuple(sizes[key] for key in axes)
    image, mask = random_image(*shape), random_image(*mask_shape, seed=3) > 200
    np.save(tmp_path / "a.npy", image)
    np.save(tmp_path / "m.npy", mask)
    run_plan(plan_for([tmp_path / "a.npy"], mask=str(tmp_path / "m.npy"), input_axes=axes))
    full = mask.reshape([n for n in mask_shape if n > 1])
    if full.ndim == 3 and len(shape) == 4 and len(full) == 3:
        full = full[:, None]  # one for each time point
    full = np.broadcast_to(full, shape).reshape(-1, 20, 30)
    planes = zip(image.reshape(-1, 20, 30), full, strict=True)
    expected = np.array([inside(whole(plane), part) for plane, part in planes]).reshape(*shape, 2)
    np.testing.assert_array_equal(read(tmp_path / "a_Probabilities.h5"), expected)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.ones((20, 31)), "expected x 30, got x 31"),
        (np.ones((30, 20)), "expected y 20, x 30, got y 30, x 20"),
        (np.ones((2, 20, 30)), "expected z 1, got z 2"),
        (np.ones((20, 30, 4)), "has 4 channels, of which the last may be opacity"),
        (np.ones((20, 30, 2)), "has 2 channels, of which the last may be opacity"),
        (np.ones((20, 30), complex), "m.npy"),
    ],
    ids=["width", "turned", "planes", "opacity", "grey and opacity", "complex"],
)
def test_mask_that_does_not_fit_is_a_problem(mask, expected, tmp_path):
    """A mask of another size, with opacity or without numbers is a problem of the row, with what was expected."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", mask)
    (row,) = plan_for([image], mask=str(tmp_path / "m.npy"))
    (problem,) = row.problems
    assert expected in str(problem)
    assert problem.setting == "mask"
    with pytest.raises(nbp.BatchPredictionError, match=r"mask|complex"):
        Threshold(Path()).predict(IMAGE, mask=mask)


class Counting(Threshold):
    """Counts the pixels that it predicts."""

    def __init__(self):
        super().__init__(Path(__file__))
        self.n_pixels = []

    def predict_tile(self, block, inner, sources):
        self.n_pixels.append(int(np.prod([side.stop - side.start for side in inner])))
        return super().predict_tile(block, inner, sources)


def test_what_is_outside_costs_nothing(tmp_path, monkeypatch):
    """Nothing is read or predicted of what is all outside, and of the rest only the box around what is inside."""
    image = random_image(4, *SHAPE)
    mask = np.zeros((4, *SHAPE), bool)
    mask[1, 5:9, 3:20] = mask[3, 10, 10] = True
    np.save(tmp_path / "a.npy", image)
    np.save(tmp_path / "m.npy", mask)
    classifier = Counting()
    job = nbp.BatchJob(
        Path(__file__), str(tmp_path / "a.npy"), mask=str(tmp_path / "m.npy"), input_axes="tyx", workers=1
    )
    regions = []
    read_czyx = nbp.Image.read_czyx
    monkeypatch.setattr(
        "napari_batch_prediction.images.base.Image.read_czyx",
        lambda self, *region: regions.append((self.location, region)) or read_czyx(self, *region),
    )
    run_plan(make_plan(job, classifier))
    assert sorted(classifier.n_pixels) == [1, 4 * 17]
    of_image = [region for location, region in regions if location.endswith("a.npy")]
    assert of_image == [
        (1, slice(0, 1), slice(4, 10), slice(2, 21)),
        (3, slice(0, 1), slice(9, 12), slice(9, 12)),
    ]


def test_empty_mask_predicts_nothing(tmp_path):
    """With a mask of zeros all results are 0, and the count is 0."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", INSIDE & False)
    classifier = Counting()
    exports = [nbp.Export("Probabilities"), nbp.Export("Counts", folder=tmp_path)]
    job = nbp.BatchJob(Path(__file__), str(image), exports, mask=str(tmp_path / "m.npy"))
    ledger = run_plan(make_plan(job, classifier))
    assert classifier.n_pixels == []
    assert not read(tmp_path / "a_Probabilities.h5").any()
    assert ledger.rows[0].count == 0


@pytest.mark.golden
@pytest.mark.parametrize(
    "case", ["a_2d_u8", "b_2d_rgb_u8", "d_3d_u8", "f_2dt_u8", "i_autocontext_2d_u8", "h1_count_2d_u8"]
)
@pytest.mark.parametrize("workers", [1, 3])
def test_values_inside_are_those_without_a_mask(case, workers):
    """Bit for bit, in every source of ilastik's own projects, for tiles and numbers of threads of any kind."""
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    image = _image_of(case)
    rng = np.random.default_rng(workers)
    sizes = image.extents
    mask = rng.random([sizes[key] for key in "tzyx"]) > 0.97
    mask[:, :, : sizes["y"] // 2, : sizes["x"] // 3] = False
    # What is made of whole images has tests of its own.
    for name in (name for name in classifier.sources if name not in {"Areas", "Objects", "Object Table"}):
        source = classifier.source(name)
        expected, own = classifier.predict(image, source=name), image.axes
        got = classifier.predict(image, source=name, workers=workers, mask=_in_axes(mask, own))
        if source.kind == "table":
            density = classifier.predict(image, source=source.made_from)
            assert got == pytest.approx(np.where(_in_axes(mask, own), density, 0).sum(dtype=float), rel=1e-5)
            continue
        own = own.replace("c", "")
        shown = _in_axes(mask, own)
        at = (image.axes if "c" in image.axes else f"{image.axes}c").index("c")
        if source.has_channels:
            shown = np.expand_dims(shown, at)
        np.testing.assert_array_equal(got, np.where(shown, expected, 0))


def _image_of(case):
    folder = golden.ROOT / case
    return nbp.open_image(next(path for path in sorted(folder.glob("test1.*")) if path.suffix != ".json"))


def _in_axes(mask, axes):
    """Return a mask (t, z, y, x) in the axes of an image, without c."""
    wanted = axes.replace("c", "")
    return mask[tuple(slice(None) if key in wanted else 0 for key in "tzyx")]


@pytest.mark.parametrize("seed", range(5))
def test_random_tiles(seed):
    """However an image is cut, its tiles have the values of the whole inside, and 0 or ilastik's value outside."""
    classifier, image = Threshold(Path()), random_image(1, *SHAPE)
    names = ["Probabilities", "Simple Segmentation"]

    def read_pixels(t, z, y, x):
        return image[None, z, y, x]

    results = {name: np.full((classifier.source(name).channels, 1, *SHAPE), 9, float) for name in names}
    for z, y, x in random_tiles((1, *SHAPE), np.random.default_rng(seed)):
        tile = Tile(0, z, y, x)
        sizes = {"z": 1, "y": 20, "x": 30}
        values = predict_inside(classifier, read_pixels, tile, sizes, names, INSIDE[None, y, x])
        for name in names:
            results[name][:, z, y, x] = values[name]
            assert values[name].dtype == classifier.source(name).dtype
    for name in names:
        np.testing.assert_array_equal(results[name][:, 0].transpose(1, 2, 0), inside(whole(image[0], name)))


@pytest.mark.golden
def test_ilastiks_values_outside():
    """As ilastik has it: probabilities 0, the first class, an uncertainty of 1; features everywhere."""
    folder = golden.ROOT / "a_2d_u8"
    image = nbp.open_image(folder / "test1.png")
    mask = np.zeros(image.shape, np.uint8)
    mask[10:30, 20:50] = 1
    sources = ["Probabilities", "Simple Segmentation", "Uncertainty", "Features"]
    settings = {"mask": mask, "outside_mask": "ilastik"}
    (row,) = nbp.BatchJob(folder / "project.ilp", {"a": image.read()}, sources, **settings).run()
    classifier = load_classifier(folder / "project.ilp")
    for name, outside in zip(sources, [0, 1, 1, None], strict=True):
        expected = classifier.predict(image, source=name)
        if outside is not None:
            expected = np.where((mask > 0).reshape(*mask.shape, *[1] * (expected.ndim - 2)), expected, outside)
        np.testing.assert_array_equal(row.arrays[name], expected)


def test_mask_in_memory(tmp_path):
    """An array or an opened image is a mask of images in memory and on disk; it is no part of the job as JSON."""
    (image,) = save_images(tmp_path, "a")
    job = nbp.BatchJob(Path(__file__), [str(image), IMAGE], mask=INSIDE, folder=None)
    assert job.mask == "array:mask"
    plan = make_plan(job, Threshold(Path(__file__)))
    assert plan.n_problems == 0
    run_plan(plan)
    np.testing.assert_array_equal(read(tmp_path / "a_Probabilities.h5"), inside(whole(IMAGE)))
    np.save(tmp_path / "m.npy", INSIDE)
    with nbp.open_image(tmp_path / "m.npy") as opened:
        assert nbp.BatchJob(Path(__file__), str(image), mask=opened).mask == str(tmp_path / "m.npy")
    assert nbp.BatchJob(Path(__file__), str(image), mask=tmp_path / "m.npy").mask == str(tmp_path / "m.npy")


def test_predict_takes_a_mask(tmp_path):
    """What predicts a single image takes an array, a file or an opened image as mask, and sums inside it."""
    classifier = Threshold(Path())
    np.save(tmp_path / "m.npy", INSIDE)
    with nbp.open_image(tmp_path / "m.npy") as opened:
        for mask in (INSIDE, tmp_path / "m.npy", opened):
            np.testing.assert_array_equal(classifier.predict(IMAGE, mask=mask), inside(whole(IMAGE)))
    series = random_image(3, *SHAPE)
    masks = random_image(3, *SHAPE, seed=4) > 100
    expected = [inside(whole(plane), mask) for plane, mask in zip(series, masks, strict=True)]
    np.testing.assert_array_equal(classifier.predict(series, axes="tyx", mask=masks), expected)
    counts = classifier.predict(series, axes="tyx", source="Counts", mask=INSIDE)
    sums = [inside(whole(plane, "Density")).sum(dtype=float) for plane in series]
    assert counts == pytest.approx(sums, rel=1e-6)
    with pytest.raises(ImageMismatchError, match="not of the size"):
        classifier.predict(IMAGE, mask=INSIDE[:10])


def test_ledger_and_resume(tmp_path):
    """The ledger has each mask and its hash; what was not done is resumed with the same mask from any folder."""
    save_images(tmp_path, "a", "b")
    for name in "ab":
        np.save(tmp_path / f"{name}_mask.npy", INSIDE)
    ledger = run_plan(plan_for([tmp_path], mask="{stem}_mask.npy"))
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [line["beside"]["mask"] for line in lines if line["kind"] == "input"] == [
        str(tmp_path / f"{name}_mask.npy") for name in "ab"
    ]
    hashes = [line["beside"]["mask"] for line in lines if line["kind"] == "end"]
    assert len(set(hashes)) == 1
    assert ledger.rows[0].beside == {"mask": hashes[0]}
    (tmp_path / "a_Probabilities.h5").unlink()
    assert _resumed(ledger).count("done") == 2
    np.testing.assert_array_equal(read(tmp_path / "a_Probabilities.h5"), inside(whole(IMAGE)))


def _resumed(ledger):
    from unittest.mock import patch

    with patch("napari_batch_prediction.planning.classifier.load_classifier", lambda path, _=None: Threshold(path)):
        return run_plan(plan_resume(ledger.path))


def test_mask_that_changed_since_is_not_mixed_in(tmp_path):
    """Resuming says that the mask of a finished image has changed; skipping does not take it for the same output."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", INSIDE)
    settings = {"mask": str(tmp_path / "m.npy")}
    ledger = run_plan(plan_for([image], **settings))
    assert plan_for([image], existing="skip", **settings)[0].skip
    assert not plan_for([image], existing="skip")[0].skip
    assert "other settings" in str(plan_for([image], existing="skip")[0].problems[0])
    np.save(tmp_path / "m.npy", ~INSIDE)
    assert "other settings" in str(plan_for([image], existing="skip", **settings)[0].problems[0])
    assert "The mask" in _resumed(ledger).rows[0].reason


def test_outputs_without_a_mask_have_the_stamp_of_before(tmp_path):
    """A job without a mask writes nothing of masks into stamp and ledger."""
    ledger = run_plan(plan_for(save_images(tmp_path, "a")))
    assert "beside" not in ledger.path.read_text()
    with h5py.File(tmp_path / "a_Probabilities.h5") as file:
        (stamp,) = (value for value in file["exported_data"].attrs.values() if "classifier_sha256" in str(value))
        assert "mask" not in str(stamp)


def test_row_that_had_no_mask_is_resumed_with_one(tmp_path):
    """An image whose mask did not fit is predicted with the mask that is there now, not without."""
    (image,) = save_images(tmp_path, "a")
    other = save_images(tmp_path, "b")[0]
    np.save(tmp_path / "a_mask.npy", INSIDE[:10])
    np.save(tmp_path / "b_mask.npy", INSIDE)
    ledger = run_plan(plan_for([image, other], mask="{stem}_mask.npy"))
    assert [row.status for row in ledger.rows] == ["problem", "done"]
    np.save(tmp_path / "a_mask.npy", INSIDE)
    assert _resumed(ledger).count("done") == 2
    np.testing.assert_array_equal(read(tmp_path / "a_Probabilities.h5"), inside(whole(IMAGE)))


def test_mask_is_never_replaced(tmp_path):
    """An output with the name of a mask is a problem."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", INSIDE)
    export = nbp.Export(name="m", format="numpy", folder=tmp_path)
    (row,) = plan_for([image], mask=str(tmp_path / "m.npy"), exports=(export,), existing="overwrite")
    assert "never replaced" in str(row.problems[0])


def test_mask_that_changes_while_it_is_read_fails_the_image(tmp_path):
    """A mask that another program writes to meanwhile is told, and no output appears."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", INSIDE)
    plan = plan_for([image], mask=str(tmp_path / "m.npy"))
    plan.classifier.gate = lambda: np.save(tmp_path / "m.npy", ~INSIDE)
    (row,) = run_plan(plan).rows
    assert row.status == "failed"
    assert "m.npy" in row.reason
    assert not (tmp_path / "a_Probabilities.h5").exists()


def test_mask_that_changed_since_the_check_fails_the_image(tmp_path):
    """A mask of another size than when it was checked is told."""
    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", INSIDE)
    plan = plan_for([image], mask=str(tmp_path / "m.npy"))
    np.save(tmp_path / "m.npy", INSIDE[:5])
    assert "has changed since it was checked" in run_plan(plan).rows[0].reason


def test_task_with_a_mask_can_be_pickled(tmp_path):
    """A task goes to another process with its mask."""
    from napari_batch_prediction.running.task import make_tasks

    (image,) = save_images(tmp_path, "a")
    np.save(tmp_path / "m.npy", INSIDE)
    (task,) = make_tasks(plan_for([image], mask=str(tmp_path / "m.npy")), 1).values()
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301


def test_memory_of_the_mask_is_counted(tmp_path, small_process):
    """Under a limit, a mask that is decoded as a whole is counted, and what does not fit is refused."""
    plain = plan_for(save_images(tmp_path, "a"), memory=2**29)
    np.save(tmp_path / "m.npy", INSIDE)
    masked = plan_for(save_images(tmp_path, "a"), memory=2**29, mask=str(tmp_path / "m.npy"))
    assert plain.n_problems == masked.n_problems == 0
    from napari_batch_prediction.running.task import make_tasks

    (before,), (after,) = (make_tasks(plan, 1).values() for plan in (plain, masked))
    assert after.each >= before.each + INSIDE.size * 3


def test_mask_reads_planes_that_stand_for_all():
    """A mask without t and z is read as that of every time point and slice."""
    mask = Mask(nbp.open_image(_saved := Path(golden.ROOT / "a_2d_u8" / "test1.png")))
    plane = mask.read(5, slice(2, 6), slice(0, 4), slice(3, 8))
    assert plane.shape == (4, 4, 5)
    np.testing.assert_array_equal(plane[0], np.asarray(Image.open(_saved))[:4, 3:8] != 0)


@pytest.mark.golden
def test_command_line(tmp_path, capsys, monkeypatch):
    """The option names masks, relative to the folder of the image or the current one; check shows them."""
    folder = golden.ROOT / "a_2d_u8"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    with Image.open(folder / "test1.png") as picture:
        pixels = np.asarray(picture)[:40, :50]
    Image.fromarray(pixels).save("in/a.png")
    mask = np.zeros(pixels.shape, np.uint8)
    mask[5:9, 20:33] = 1
    Image.fromarray(mask).save("in/a_mask.png")
    project = str(folder / "project.ilp")
    for named in ("{stem}_mask.png", "in/a_mask.png", "in/*_mask.png"):
        assert main(["check", project, "in", "--mask", named]) == 0
        assert "a_mask.png" in capsys.readouterr().out.splitlines()[2]
    settings = ["--mask", "{stem}_mask.png", "--export", "Simple Segmentation", "--format", "npy"]
    assert main(["run", project, "in", *settings, "--folder", "nothing"]) == 0
    assert main(["run", project, "in", *settings, "--folder", "first", "--outside-mask", "ilastik"]) == 0
    expected = load_classifier(project).predict(pixels, source="Simple Segmentation")
    for name, outside in (("nothing", 0), ("first", 1)):
        values = np.load(f"{name}/a_Simple Segmentation.npy")
        np.testing.assert_array_equal(values.reshape(40, 50), np.where(mask, expected, outside))


def test_job_with_a_mask_as_text():
    """A template stays as it is where paths become absolute; a file becomes absolute; both are copied as options."""
    for mask, expected in (("{stem}_m.tif", "{stem}_m.tif"), ("m.tif", str(Path.cwd() / "m.tif"))):
        job = nbp.BatchJob("p.ilp", "a.tif", mask=mask, outside_mask="ilastik")
        assert job.absolute().mask == expected
        command = as_command(job)
        assert f"--mask {shlex.quote(expected)}" in command
        assert "--outside-mask ilastik" in command
        assert f"mask={expected!r}" in as_python(job)
        assert read_job(write_job(job)) == job
    own = {"a.tif": nbp.InputSettings(mask="m.tif")}
    job = nbp.BatchJob("p.ilp", "a.tif", input_settings=own)
    assert [settings.mask for settings in job.absolute().input_settings.values()] == [str(Path.cwd() / "m.tif")]
