"""Objects of a class: labels and a table, compared with scikit-image on whole images in memory."""

import csv
import json
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.measure import label, regionprops_table
from threshold import BROKEN, Threshold, files_in, plan_for, read, whole
from tilings import random_tiles

from napari_batch_prediction import BatchJob, Export, ObjectSettings
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.formats.table.rows import CsvReader, CsvRows
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.text import as_command, as_python
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.objects.measuring import ObjectColumns
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.planning import classifier as classifiers_of_jobs
from napari_batch_prediction.planning import objects as planning_objects
from napari_batch_prediction.planning.objects import ObjectMaking
from napari_batch_prediction.records.events import BatchStarted, TileDone
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running import volumes
from napari_batch_prediction.running.object_tables import ObjectTables
from napari_batch_prediction.running.objects import ObjectsOfImage, ObjectWork
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import iter_run, run_plan
from napari_batch_prediction.running.volumes import STEPS

BRIGHT = ObjectSettings("bright", smoothing=0, min_size=5)
TABLE = "threshold_Object Table.csv"

# Names of scikit-image.
PROPERTIES = {
    "label": "label",
    "area": "pixels",
    "centroid-0": "centroid_y",
    "centroid-1": "centroid_x",
    "bbox-0": "bbox_min_y",
    "bbox-1": "bbox_min_x",
    "bbox-2": "bbox_max_y",
    "bbox-3": "bbox_max_x",
    "equivalent_diameter_area": "equivalent_diameter",
    "axis_major_length": "axis_major_length",
    "axis_minor_length": "axis_minor_length",
    "eccentricity": "eccentricity",
    "orientation": "orientation",
    "extent": "extent",
    "intensity_mean": "intensity_mean",
    "intensity_min": "intensity_min",
    "intensity_max": "intensity_max",
    "intensity_std": "intensity_std",
}


def spots(*shape, seed=0):
    """Return an image with irregular bright spots, none of which is without a direction."""
    coarse = np.random.default_rng(seed).integers(0, 250, [-(-n // 6) for n in shape]).astype(np.uint8)
    for axis in range(len(shape)):
        coarse = coarse.repeat(6, axis)
    noise = np.random.default_rng(seed + 1).integers(0, 60, shape)
    return np.minimum(coarse[tuple(slice(0, n) for n in shape)].astype(int) // 2 + noise * 2, 249).astype(np.uint8)


def labels_of(bright, least=5):
    """Return the labels of pixels that are bright, without small objects, numbered by their first pixels."""
    found = label(bright, connectivity=1)
    sizes = np.bincount(found.ravel())
    keep = sizes >= least
    keep[0] = False
    return label(np.where(keep[found], found, 0), connectivity=1)


def expected_labels(image, least=5):
    """Return the labels of an image (y, x), made of the probabilities of all of it."""
    return labels_of(whole(image)[..., 1] >= np.float32(0.5), least)


def save(folder, **images):
    """Write images as NumPy files; return their paths."""
    for name, image in images.items():
        np.save(folder / f"{name}.npy", image)
    return [folder / f"{name}.npy" for name in images]


def lines(path):
    """Return the lines of a table as dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(labels, image, names=PROPERTIES, **settings):
    """Return the numbers of scikit-image by our names of columns."""
    properties = dict.fromkeys(name.partition("-")[0] for name in names)
    table = regionprops_table(labels, image, properties=tuple(properties), **settings)
    return {column: table[name] for name, column in names.items()}


def check_columns(columns, wanted):
    """Check the columns of a table; a direction may be given from either end, and that of round objects is any."""
    for name, values in wanted.items():
        got, values = np.asarray(columns[name], float), np.asarray(values, float)
        if name == "orientation":
            got, values = (np.exp(2j * np.where(columns["eccentricity"] > 1e-4, each, 0)) for each in (got, values))
        np.testing.assert_allclose(got, values, rtol=1e-7, atol=1e-7, err_msg=name)


def check_table(rows, labels, image):
    """Check the lines of one image against scikit-image."""
    columns = {name: np.array([float(row[name]) for row in rows]) for name in PROPERTIES.values()}
    check_columns(columns, measured(labels, image))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("shape", [(7, 9), (300, 410)], ids=str)
def test_labels_and_table_are_those_of_the_whole_image(tmp_path, shape, workers):
    """Labels are those of scikit-image, and each column of the table, in a batch of two images."""
    images = {name: spots(*shape, seed=seed) for seed, name in enumerate("ab")}
    paths = save(tmp_path, **images)
    ledger = run_plan(plan_for(paths, "Objects", "Object Table", objects=BRIGHT, workers=workers))
    assert ledger.tables == {"Object Table": tmp_path / TABLE}
    assert read_record(ledger.path).tables == ledger.tables
    rows = lines(tmp_path / TABLE)
    assert [row["image"] for row in rows] == sorted(row["image"] for row in rows)
    for path, (name, image) in zip(paths, images.items(), strict=True):
        labels = expected_labels(image)
        written = read(tmp_path / f"{name}_Objects.h5")
        assert written.dtype == np.uint32
        np.testing.assert_array_equal(written[..., 0], labels)
        own = [row for row in rows if row["image"] == str(path)]
        check_table(own, labels, image)
        assert {(row["class"], row["time"], row["unit"]) for row in own} <= {("bright", "0", "pixel")}
    counts = [int(expected_labels(image).max()) for image in images.values()]
    assert [row.count for row in ledger] == counts
    assert [row.tables["Objects"].rows for row in ledger] == [((0, n),) for n in counts]


@pytest.mark.parametrize("in_file", [False, True], ids=["in memory", "in files"])
@pytest.mark.parametrize("seed", range(3))
def test_any_tiling_gives_the_same_labels_and_numbers(monkeypatch, seed, in_file):
    """However probabilities are cut into tiles, by however many threads, labels and table are the same, bit for bit."""
    if in_file:
        monkeypatch.setattr(planning_objects, "MOST_IN_MEMORY", 0)
    image = spots(2, 5, 60, 70, seed=seed)
    probabilities = np.stack([1 - image / np.float32(250), image / np.float32(250)])
    opened = MemoryImage("a", image, "tzyx", axes_known="user")
    settings = Thresholds(
        threshold=0.55, core_threshold=0.65, method="hysteresis", sigma=0.8, min_size=4, fill_holes=True
    )
    making = ObjectMaking(
        thresholds=settings, made_from="Probabilities", channels=(1,), name="bright", has_images=True, has_table=True
    )
    results = []
    for cutting, workers in ((None, 1), (seed, 1), (seed + 10, 3)):
        work = ObjectWork(making=making, columns=ObjectColumns(False, True), workers=workers)
        objects = ObjectsOfImage(work, Threshold(Path()), opened, None, None, lambda: False, lambda: None)
        boxes = [(slice(0, 5), slice(0, 60), slice(0, 70))]
        if cutting is not None:
            boxes = random_tiles((5, 60, 70), np.random.default_rng(cutting))
        labels = np.zeros(image.shape, np.uint32)

        def write(tile, numbers, paint, labels=labels):
            labels[(tile.t, tile.z, tile.y, tile.x)] = paint("Objects", numbers)[0]

        for t in (1, 0):
            for i, box in enumerate(boxes, start=1):
                tile = Tile(t, *box)
                assert objects.add(tile, probabilities[(slice(None), t, *box)]) == (i == len(boxes))
            objects.finish(t, write)
        objects.close()
        results.append((labels, objects.tables()["plain"]))
    for labels, table in results[1:]:
        np.testing.assert_array_equal(labels, results[0][0])
        for name, column in table.items():
            np.testing.assert_array_equal(column, results[0][1][name], err_msg=name)
    assert results[0][1].n_objects > 8
    assert results[0][1]["time"].tolist() == sorted(results[0][1]["time"])


def test_time_depth_and_channels_together(tmp_path, monkeypatch):
    """Each time point is numbered from 1; positions along z; a column for each channel; a volume in the file's unit."""
    image = spots(2, 4, 30, 40)
    both = np.stack([image, 200 - image // 2], axis=2)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", both, metadata={
            "axes": "TZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5,
            "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm",
            "Channel": {"Name": ["DAPI", "GFP"]},
        },
    )  # fmt: skip
    plan = plan_for([tmp_path / "a.ome.tif"], "Objects", "Object Table", objects=BRIGHT)
    assert "2 channels" in str(plan[0].problems[0])  # the threshold takes one
    monkeypatch.setattr(Threshold, "check", lambda *_: None)
    plan = plan_for([tmp_path / "a.ome.tif"], "Objects", "Object Table", objects=BRIGHT)
    run_plan(plan)
    written = read(tmp_path / "a.ome_Objects.h5")
    rows = lines(tmp_path / TABLE)
    for t in range(2):
        bright = np.stack([whole(plane)[..., 1] >= np.float32(0.5) for plane in image[t]])
        labels = labels_of(bright)
        np.testing.assert_array_equal(written[t, :, 0], labels)
        own = [row for row in rows if row["time"] == str(t)]
        names = {
            "label": "label", "area": "volume", "centroid-0": "position_z", "centroid-2": "position_x",
            "axis_major_length": "axis_major_length", "axis_minor_length": "axis_minor_length",
            "intensity_mean-0": "intensity_mean_DAPI", "intensity_mean-1": "intensity_mean_GFP",
        }  # fmt: skip
        wanted = measured(labels, both[t].transpose(0, 2, 3, 1), names, spacing=(2, 0.5, 0.5))
        check_columns({name: [float(row[name]) for row in own] for name in wanted}, wanted)
        np.testing.assert_allclose([float(row["centroid_z"]) * 2 for row in own], wanted["position_z"])
        assert {row["unit"] for row in own} == {"micrometer"}


cases = {
    "no object": (np.zeros((40, 50), np.uint8), 0),
    "one object that fills the image": (np.full((40, 50), 249, np.uint8), 1),
    "one pixel": (np.full((1, 1), 249, np.uint8), 0),
    "at all borders": (np.pad(np.zeros((30, 40), np.uint8), 5, constant_values=249), 1),
}


@pytest.mark.parametrize(("image", "n"), cases.values(), ids=cases)
def test_objects_of_special_images(tmp_path, image, n):
    """Images without objects, or with one that goes to all borders, have a table and labels, too."""
    paths = save(tmp_path, a=image)
    (row,) = run_plan(plan_for(paths, "Objects", "Object Table", objects=BRIGHT))
    assert (row.status, row.count) == ("done", n)
    np.testing.assert_array_equal(read(tmp_path / "a_Objects.h5")[..., 0], expected_labels(image))
    check_table(lines(tmp_path / TABLE), expected_labels(image), image) if n else None
    assert (tmp_path / TABLE).read_text().startswith("image,time,label,class,pixels,area,unit,")
    removed = BRIGHT.model_copy(update={"border_objects": "remove"})
    (row,) = run_plan(plan_for(paths, "Object Table", objects=removed, existing="overwrite"))
    assert (row.count, lines(tmp_path / TABLE)) == (0, [])


def test_region_cuts_the_labels_of_the_whole_image(tmp_path):
    """Objects are those of the whole image; a region of an export only cuts the image that is written."""
    image = spots(90, 100)
    paths = save(tmp_path, a=image)
    exports = (Export("Objects", region={"y": (10, 60), "x": (5, 55)}), Export("Object Table"))
    run_plan(plan_for(paths, exports=exports, objects=BRIGHT))
    np.testing.assert_array_equal(read(tmp_path / "a_Objects.h5")[..., 0], expected_labels(image)[10:60, 5:55])
    check_table(lines(tmp_path / TABLE), expected_labels(image), image)


def test_progress_counts_the_work_on_objects(tmp_path):
    """Objects are steps of the progress, which reaches its end exactly."""
    paths = save(tmp_path, a=np.stack([spots(60, 70), spots(60, 70)]), b=spots(60, 70)[None])
    events = list(iter_run(plan_for(paths, "Objects", objects=BRIGHT, input_axes="tyx", workers=2)))
    started = next(event for event in events if isinstance(event, BatchStarted))
    done = [event for event in events if isinstance(event, TileDone)]
    assert started.n_tiles == len(done) == 3 + 3 * STEPS
    assert [event.batch_done for event in done] == list(range(1, len(done) + 1))
    assert (done[-1].pixels_done, done[-1].n_pixels) == (3 * 60 * 70, 3 * 60 * 70)


def test_table_is_in_the_order_of_the_plan_whatever_ends_first(tmp_path, monkeypatch):
    """Images that end before their turn wait, and come in the order of the plan."""
    paths = save(tmp_path, **{f"{i:02}": spots(50 + 5 * i, 60, seed=i) for i in range(6)})
    plan = plan_for(paths, "Object Table", objects=BRIGHT)
    once = run_plan(plan)
    expected = (tmp_path / TABLE).read_bytes()
    tables = running_objects_tables(monkeypatch, [3, 1, 5, 0, 2, 4], plan_for(
        paths, "Object Table", objects=BRIGHT, existing="overwrite"), once)  # fmt: skip
    assert tables.read_bytes() == expected


def running_objects_tables(monkeypatch, order, plan, ledger):
    """Write the table of a batch whose images end in this order."""
    tables = ObjectTables(plan, "ab12")
    for index in order:
        image = np.load(ledger[index].input)
        (row,) = BatchJob(plan.classifier, image, "Object Table", objects=plan.job.objects).run()
        tables.end(index, ledger[index], row.arrays["Object Table"])
    with closing(tables):
        assert tables.write("Object Table", None)
    return plan.tables["Object Table"]


def test_one_table_for_each_image(tmp_path):
    """On request each image has a table of its own, as an output with a name, a size and a hash."""
    images = {"a": spots(60, 70), "b": spots(50, 40, seed=3)}
    paths = save(tmp_path, **images)
    exports = (Export("Object Table", per_image=True, name="{stem}_cells"),)
    plan = plan_for(paths, exports=exports, objects=BRIGHT)
    assert plan.tables == {}
    ledger = run_plan(plan)
    for row, image in zip(ledger, images.values(), strict=True):
        path = row.outputs["Object Table"]
        assert path.name == f"{Path(row.input).stem}_cells.csv"
        check_table(lines(path), expected_labels(image), image)
        assert row.written["Object Table"].size == path.stat().st_size
    again = plan_for(paths, exports=exports, objects=BRIGHT)
    assert "exists" in str(again[0].problems[0])


def test_failures_and_cancelled_runs_leave_nothing_behind(tmp_path, monkeypatch):
    """An image that fails is a row, and the others have their objects; no temporary file is left."""
    monkeypatch.setattr(planning_objects, "MOST_IN_MEMORY", 0)
    broken = spots(300, 310)
    broken[-1, -1] = BROKEN
    paths = save(tmp_path, a=spots(300, 310), b=broken, c=spots(300, 310, seed=5))
    ledger = run_plan(plan_for(paths, "Objects", "Object Table", objects=BRIGHT, folder=tmp_path / "out"))
    assert [row.status for row in ledger] == ["done", "failed", "done"]
    assert {row["image"] for row in lines(tmp_path / "out" / TABLE)} == {str(paths[0]), str(paths[2])}
    assert files_in(tmp_path / "out") == {"a_Objects.h5", "c_Objects.h5"}
    plan = plan_for(paths[:1], "Objects", "Object Table", objects=BRIGHT, folder=tmp_path / "new", workers=1)
    calls = count()
    # Asked before the only tile, and then at every part of the work on objects.
    (row,) = run_plan(plan, should_cancel=lambda: next(calls) > 6)
    assert row.status == "cancelled"
    assert files_in(tmp_path / "new") == set()
    assert not (tmp_path / "new" / TABLE).exists()


def test_resumed_table_has_all_rows(tmp_path, monkeypatch):
    """A run that is gone on with keeps the rows of images that are done, without predicting them again."""
    monkeypatch.setattr(classifiers_of_jobs, "load_classifier", Threshold)
    broken = spots(60, 70, seed=1)
    good, broken[-1, -1] = broken.copy(), BROKEN
    paths = save(tmp_path, a=spots(60, 70), b=broken, c=spots(60, 70, seed=2), d=np.zeros((60, 70), np.uint8))
    ledger = run_plan(plan_for(paths, "Object Table", objects=BRIGHT))
    assert [row.status for row in ledger] == ["done", "failed", "done", "done"]
    np.save(paths[1], good)
    plan = plan_resume(ledger.path, failed=True)
    assert [row.is_to_run for row in plan] == [False, True, False, False]
    again = run_plan(plan)
    assert [row.count for row in again] == [int(expected_labels(np.load(path)).max()) for path in paths]
    resumed = (tmp_path / TABLE).read_bytes()
    run_plan(plan_for(paths, "Object Table", objects=BRIGHT, existing="overwrite"))
    assert resumed == (tmp_path / TABLE).read_bytes()
    (tmp_path / TABLE).unlink()
    assert all(row.is_to_run for row in plan_resume(again.path))  # its rows are nowhere else


def test_texts_in_a_table_are_no_formulas(tmp_path):
    """The name of an image or a class that begins like a formula is made harmless."""
    table = tmp_path / "t.csv"
    rows = {
        "image": np.array(["=a", "=a", 'b,"c"'], object),
        "class": np.array(["+x", "@y", ""], object),
        "n": np.array([1, 2, 3]),
        "size": np.array([0.1, np.nan, -1e-300]),
    }
    writer = CsvRows(table, [*rows])
    writer.append(rows)
    writer.complete()
    writer.publish(replace=False)
    assert table.read_text() == 'image,class,n,size\n\'=a,\'+x,1,0.1\n\'=a,\'@y,2,\n"b,""c""",,3,-1e-300\n'
    reader = CsvReader(table)
    assert reader.columns == (*rows,)
    again = CsvRows(tmp_path / "u.csv", reader.columns)
    for name, cells in reader.runs():
        assert name in ("=a", 'b,"c"')
        again.append_again(cells)
    again.complete()
    again.publish(replace=False)
    assert (tmp_path / "u.csv").read_bytes() == table.read_bytes()


def test_arrays_have_their_objects_in_memory():
    """An array gives labels and a table, by a job and by the classifier; a multi-channel one without its channels."""
    image = spots(60, 70)
    classifier = Threshold(Path(__file__))
    labels, table = classifier.objects(image, "yx", "bright", smoothing=0, min_size=5)
    np.testing.assert_array_equal(labels, expected_labels(image))
    check_columns(table, measured(labels, image))
    assert table.n_objects == labels.max() == len(table["label"])
    assert list(table)[:3] == ["time", "label", "class"]
    assert repr(table).startswith(f"<ObjectTable: {table.n_objects} objects, time, label")
    series = np.stack([image, image])[..., None]
    labels, table = classifier.objects(series, "tyxc", "2", smoothing=0, min_size=5)
    np.testing.assert_array_equal(labels, [expected_labels(image)] * 2)
    assert table["time"].tolist() == [0] * (table.n_objects // 2) + [1] * (table.n_objects // 2)
    with pytest.raises(ImageMismatchError, match="channels"):
        classifier.objects(np.zeros((5, 5, 2), np.uint8), "yxc", "bright")
    with pytest.raises(SettingsError, match=r"classifier\.objects"):
        classifier.predict(image, "yx", "Objects")


def test_files_give_positions_in_their_unit(tmp_path):
    """What a file says of its pixels is in the table, whether it is an input of a job or read for one image."""
    tifffile.imwrite(
        tmp_path / "a.ome.tif", spots(60, 70), metadata={
            "axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25,
            "PhysicalSizeYUnit": "µm",
        },
    )  # fmt: skip
    classifier = Threshold(Path(__file__))
    labels, table = classifier.objects(tmp_path / "a.ome.tif", object_class="bright", smoothing=0, min_size=5)
    names = {"area": "area", "centroid-0": "position_y", "axis_major_length": "axis_major_length",
             "eccentricity": "eccentricity", "orientation": "orientation"}  # fmt: skip
    check_columns(table, measured(labels, None, names, spacing=(0.25, 0.5)))
    assert set(table["unit"]) == {"micrometer"}
    physical = ObjectSettings("bright", smoothing=0, min_size=2.5, size_unit="physical")
    plan = plan_for([tmp_path / "a.ome.tif"], "Object Table", objects=physical)
    assert plan[0].warnings == ()
    run_plan(plan)
    assert min(float(row["area"]) for row in lines(tmp_path / TABLE)) >= 2.5
    assert len(lines(tmp_path / TABLE)) == int((table["area"] >= 2.5).sum())


def test_physical_sizes_need_the_size_of_a_pixel(tmp_path):
    """Where the file does not say it, sizes are in pixels, and a warning tells."""
    paths = save(tmp_path, a=spots(60, 70))
    settings = {"smoothing": 0, "min_size": 20}
    physical = plan_for(paths, "Object Table", objects=ObjectSettings("bright", size_unit="physical", **settings))
    (warning,) = physical[0].warnings
    assert (warning.setting, physical.n_problems) == ("size_unit", 0)
    assert "does not say how large a pixel is" in str(warning)
    run_plan(physical)
    areas = [float(row["area"]) for row in lines(tmp_path / TABLE)]
    in_pixels = plan_for(
        paths, "Object Table", objects=ObjectSettings("bright", **settings), folder=tmp_path / "in pixels"
    )
    assert in_pixels[0].warnings == ()
    run_plan(in_pixels)
    assert areas == [float(row["pixels"]) for row in lines(tmp_path / "in pixels" / TABLE)] != []
    # Probabilities have no sizes.
    assert plan_for(paths, "Probabilities", objects=ObjectSettings("bright", size_unit="physical"))[0].warnings == ()


refused = {
    "no class": ({}, "Objects are made of one class. Name it: dark, bright."),
    "unknown class": ({"object_class": "brght"}, "There is no class 'brght' (did you mean 'bright'?)"),
    "core class alone": ({"object_class": "1", "core_class": "2"}, "A core class needs a core threshold"),
    "sizes": (
        {"object_class": "1", "min_size": 9, "max_size": 3},
        "The largest size of an object is at least the smallest, 9, got 3",
    ),
}


@pytest.mark.parametrize(("settings", "message"), refused.values(), ids=refused)
def test_settings_that_cannot_be_are_refused(tmp_path, settings, message):
    """The plan says what is wrong with the settings, before anything is predicted."""
    paths = save(tmp_path, a=spots(20, 30))
    with pytest.raises(SettingsError) as error:
        plan_for(paths, "Objects", objects=ObjectSettings(**settings))
    assert message in str(error.value)
    plan_for(paths, "Probabilities", objects=ObjectSettings(**settings))  # where they are not used


@pytest.mark.parametrize("sigma", [8, 1e15])
def test_images_narrower_than_the_gaussian_are_refused_before_the_run(tmp_path, sigma):
    """They would fail after all of their tiles."""
    paths = save(tmp_path, a=spots(15, 40), b=spots(17, 40))
    first, second = plan_for(paths, "Objects", objects=ObjectSettings("bright", smoothing=sigma))
    (problem,) = first.problems
    assert "15 pixels along y, too few" in str(problem)
    assert (problem.setting, problem.severity) == ("smoothing", "error")
    assert bool(second.problems) == (sigma > 8)
    assert not plan_for(paths, "Probabilities", objects=ObjectSettings("bright", smoothing=sigma))[0].problems


def test_what_does_not_fit_is_refused(tmp_path):
    """A region of a table, types that are too small, and too little memory are refused with the reason."""
    paths = save(tmp_path, a=spots(300, 310))
    with pytest.raises(SettingsError, match="Object Table is of whole images: it has no region"):
        plan_for(paths, exports=(Export("Object Table", region={"y": (0, 9)}),), objects=BRIGHT)
    with pytest.raises(SettingsError, match="Areas cannot be one table for each image"):
        plan_for(paths, exports=(Export("Areas", per_image=True),), objects=BRIGHT)
    many = ObjectSettings("bright", smoothing=0, min_size=1)
    grid = np.zeros((300, 310), np.uint8)
    grid[::6, ::6] = grid[1::6, ::6] = grid[::6, 1::6] = grid[1::6, 1::6] = 249
    grid = np.kron(grid[:150:3, :150:3] > 0, np.ones((6, 6))).astype(np.uint8) * 249
    np.save(tmp_path / "b.npy", grid)
    for dtype, most in (("uint8", 255), ("int8", 127)):
        (row,) = run_plan(plan_for([tmp_path / "b.npy"], exports=(Export("Objects", dtype=dtype),), objects=many))
        assert row.status == "failed"
        assert f"objects or more, and {dtype} holds numbers up to {most}. Export Objects as uint32." in row.reason
    np.save(tmp_path / "c.npy", np.zeros((9000, 9000), np.uint8))
    (row,) = plan_for([tmp_path / "c.npy"], "Object Table", objects=BRIGHT, memory="512MiB")
    assert "of memory is too small" in str(row.problems[0])


def crowded():
    """Return an image with 65,537 blobs: one more than 16 bits number."""
    image = np.zeros((257, 5, 256, 5), np.uint8)
    image[:, 1:4, :, 1:4] = 249
    image = image.reshape(257 * 5, 256 * 5)
    image[-5:, 5:] = 0
    return image


EACH = ObjectSettings("bright", smoothing=0, min_size=1)


@pytest.mark.parametrize("layout", ["hdf5", "numpy", "tiff", "multipage tiff", "multi-scale OME-Zarr", "n5"])
def test_more_objects_than_16_bits_number(tmp_path, layout):
    """All have their numbers, in each format that can hold them."""
    image = crowded()
    paths = save(tmp_path, a=image)
    (row,) = run_plan(plan_for(paths, "Objects", format=layout, objects=EACH))
    assert (row.status, row.reason, row.count) == ("done", "", 2**16 + 1)
    with open_image(row.outputs["Objects"]) as written:
        labels = written.read((slice(None),) * len(written.shape))
    assert labels.dtype == np.uint32
    np.testing.assert_array_equal(labels.squeeze(), expected_labels(image, 1))


def test_more_objects_than_a_type_numbers_are_in_the_table_alone(tmp_path):
    """Labels of 16 bits fail with the reason, a format that has no more is refused by the plan; the table has all."""
    paths = save(tmp_path, a=crowded())
    ledger = run_plan(plan_for(paths, "Object Table", objects=EACH))
    assert [int(line["label"]) for line in lines(ledger.tables["Object Table"])] == [*range(1, 2**16 + 2)]
    (row,) = run_plan(plan_for(paths, "Objects", format="png", dtype="uint16", objects=EACH))
    assert "There are 65537 objects or more, and uint16 holds numbers up to 65535." in row.reason
    (row,) = plan_for(paths, "Objects", format="png", objects=EACH)
    assert "cannot hold uint32" in str(row.problems[0])


def test_settings_are_part_of_the_job(tmp_path):
    """They go through JSON, Python and the command line, and tell outputs that exist apart."""
    job = BatchJob(
        "a.ilp", "b.tif", ["Objects", "Object Table"], objects=ObjectSettings("Cell", threshold=0.6, split=2)
    )
    assert BatchJob.model_validate_json(job.model_dump_json()) == job
    assert "objects=nbp.ObjectSettings(object_class='Cell', threshold=0.6, split=2.0)" in as_python(job)
    assert "--object-class Cell --threshold 0.6 --split 2.0" in as_command(job)
    paths = save(tmp_path, a=spots(60, 70))
    run_plan(plan_for(paths, "Objects", objects=BRIGHT))
    assert plan_for(paths, "Objects", objects=BRIGHT, existing="skip")[0].skip
    other = plan_for(paths, "Objects", objects=ObjectSettings("bright", smoothing=0), existing="skip")
    assert "made by another classifier or with other settings" in str(other[0].problems[0])
    line = json.loads((next(tmp_path.glob("*.ledger.jsonl"))).read_text().splitlines()[0])
    assert line["job"]["objects"]["object_class"] == "bright"


def test_temporary_files_need_room_on_the_disk(tmp_path, monkeypatch):
    """The plan counts temporary files as it counts outputs."""
    monkeypatch.setattr(planning_objects, "MOST_IN_MEMORY", 0)
    paths = save(tmp_path, a=spots(300, 310))
    free = 300 * 310 * 6
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free})())
    (row,) = plan_for(paths, "Object Table", objects=BRIGHT, folder=tmp_path)
    if Path(tempfile.gettempdir()).stat().st_dev == tmp_path.stat().st_dev:
        assert "for it and its temporary files" in str(row.problems[0])
    (row,) = plan_for(paths, exports=(Export("Objects", compression="none", format="tiff"),), objects=BRIGHT)
    assert "are missing for it and its temporary files" in str(row.problems[0])


def test_objects_inside_a_mask(tmp_path):
    """Only what is inside a mask is part of objects; they end at its edge, in labels, table and count."""
    image = spots(60, 80)
    mask = np.zeros(image.shape, bool)
    mask[10:45, 13:70] = True
    (path,) = save(tmp_path, a=image)
    np.save(tmp_path / "m.npy", mask)
    settings = {"objects": BRIGHT, "mask": str(tmp_path / "m.npy")}
    (row,) = run_plan(plan_for([path], "Objects", "Object Table", **settings))
    assert row.status == "done", row.reason
    labels = labels_of((whole(image)[..., 1] >= np.float32(0.5)) & mask)
    np.testing.assert_array_equal(read(tmp_path / "a_Objects.h5").reshape(labels.shape), labels)
    check_table(lines(tmp_path / TABLE), labels, image)
    assert row.tables["Objects"].rows == ((0, labels.max()),)
    assert 0 < labels.max() < expected_labels(image).max()
    found = Threshold(Path(__file__)).objects(image, object_class="bright", smoothing=0, min_size=5, mask=mask)
    np.testing.assert_array_equal(found.labels, labels)


@pytest.mark.parametrize("most", [10**9, 100])
@pytest.mark.parametrize(
    "settings", [{}, {"core_threshold": 0.4}, {"core_threshold": 0.01, "core_class": "dark"}, {"fill_holes": True}]
)
def test_smoothing_carries_no_object_out_of_a_mask(monkeypatch, settings, most):
    """Nor does filling of holes: where the mask is 0 there is no object, though smoothed values reach the threshold."""
    monkeypatch.setattr("napari_batch_prediction.objects.boxes.MOST_PIXELS", most)
    image = np.full((60, 80), 240, np.uint8)
    mask = np.zeros(image.shape, bool)
    mask[10:50, 13:70] = True
    mask[20:24, 30:34] = mask[20:26, 50:51] = False
    labels, table = Threshold(Path(__file__)).objects(
        image, object_class="bright", smoothing=2, threshold=0.3, mask=mask, **settings
    )
    np.testing.assert_array_equal(labels, mask)
    assert table["pixels"].tolist() == [mask.sum()]


@pytest.mark.parametrize("limit", ["4GiB", None])
def test_object_that_is_too_large_for_the_memory_fails_with_the_reason(tmp_path, monkeypatch, limit):
    """To be split, it must be in memory as a whole, whether that is limited or what the computer has left."""
    monkeypatch.setattr(volumes, "_BYTES_OF_A_PIXEL", 2**20)
    image = np.full((3000, 3000), 249, np.uint8)
    image[:9] = 0
    paths = save(tmp_path, whole=image)
    for split in (1, 0):
        cells = ObjectSettings("bright", split=split)
        (row,) = run_plan(plan_for(paths, "Objects", objects=cells, memory=limit, existing="overwrite"))
        assert row.status == ("failed" if split else "done"), row.reason
        assert ("There is an object in a box of" in row.reason) == bool(split)
