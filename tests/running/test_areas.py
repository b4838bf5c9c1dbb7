"""Areas: pixels, share, area and certainty of each class, in one table for the whole batch."""

import csv
from itertools import pairwise, product

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from repository import GOLDEN
from threshold import plan_for, random_image, read, save_images, whole

from napari_batch_prediction import BatchJob, Export, load_classifier
from napari_batch_prediction.classifiers.derived import AREA_COLUMNS
from napari_batch_prediction.engine.areas import UNIT, class_sums
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.images.physical import pixel_measure, spacing
from napari_batch_prediction.planning.inputs.inspection import ImageInfo
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.running.tallies import AreaTally
from napari_batch_prediction.running.task import Measurement

HEADER = ["image", *AREA_COLUMNS]
TABLE = "threshold_Areas.csv"
CLASSES = "dark", "bright"


def lines(path):
    """Return the lines of a table, without its header, which is checked."""
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    assert header == HEADER
    return rows


def expected(probabilities):
    """Return pixels, share, mean probability and mean uncertainty of each class of probabilities (..., classes)."""
    flat = probabilities.reshape(-1, probabilities.shape[-1]).astype(float)
    winner = flat.argmax(axis=1)
    margin = np.diff(np.sort(flat, axis=1)[:, -2:], axis=1)[:, 0]
    for k in range(flat.shape[1]):
        n = np.count_nonzero(winner == k)
        one = winner == k
        yield n, n / len(flat), flat[one, k].mean() if n else None, (1 - margin[one]).mean() if n else None


def check_rows(rows, probabilities):
    """Check the rows of one time point, from ``pixels`` on, against probabilities (..., classes)."""
    for (n, share, *_, likely, unsure), wanted in zip(rows, expected(probabilities), strict=True):
        assert (float(n), float(share)) == pytest.approx(wanted[:2], rel=1e-15)
        for got, value in ((likely, wanted[2]), (unsure, wanted[3])):
            assert (got in ("", None)) if value is None else float(got) == pytest.approx(value, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("shape", [(5, 3), (600, 530)], ids=str)
def test_table_has_the_area_of_each_class_in_each_image(tmp_path, shape, workers):
    """A line for each class of each image, as computed from the probabilities of the whole image."""
    paths = save_images(tmp_path, "a", "b", shape=shape)
    ledger = run_plan(plan_for(paths, "Areas", workers=workers))
    assert ledger.tables == {"Areas": tmp_path / TABLE}
    rows = lines(tmp_path / TABLE)
    assert [row[:3] for row in rows] == [[str(path), "0", name] for path in paths for name in CLASSES]
    for i, path in enumerate(paths):
        check_rows([row[3:] for row in rows[2 * i : 2 * i + 2]], whole(np.load(path)))
    assert [ledger[0].outputs, ledger[0].count] == [{}, None]
    assert read_record(ledger.path).inputs[0].row.tables == ledger[0].tables


@settings(deadline=None)  # the first calls compile
@given(data=st.data())
def test_tiles_in_any_order_give_the_same_areas(data):
    """However a series is cut up and in whichever order tiles come: the same table, to the last digit."""
    n_times, height, width = (data.draw(st.integers(1, n)) for n in (3, 9, 9))
    values = np.random.default_rng(data.draw(st.integers(0, 99))).dirichlet([1, 1, 1], (n_times, height, width))
    values = np.moveaxis(values.astype(np.float32), -1, 1)[:, :, None]
    cuts = [sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=3))}) for n in (height, width)]
    boxes = [[slice(*pair) for pair in pairwise(cut)] for cut in cuts]
    tiles = [Tile(t, slice(0, 1), y, x) for t, y, x in product(range(n_times), *boxes)]
    region = {"z": (0, 1), "t": (0, n_times), "x": (0, width), "y": (height // 3, height)}
    measurement = Measurement(table="Areas", made_from="Probabilities", region=region, classes=("a", "b", "c"))
    image = ImageInfo(axes="tyx", axes_known="file", shape=(n_times, height, width), dtype=np.dtype("u1"))
    once, parts = AreaTally(measurement, image), AreaTally(measurement, image)
    for t in range(n_times):
        once.add(Tile(t, slice(0, 1), slice(0, height), slice(0, width)), values[t])
    for tile in data.draw(st.permutations(tiles)):
        parts.add(tile, values[tile.t][:, :, tile.y, tile.x])
    assert parts.table() == once.table()
    for t in range(n_times):
        rows = [row[2:] for row in once.table().rows if row[0] == t]
        check_rows(rows, np.moveaxis(values[t][:, :, height // 3 :], 0, -1))


def test_region_is_all_that_is_predicted_and_measured(tmp_path):
    """With a region, the share is that of the region, and nothing else is predicted."""
    paths = save_images(tmp_path, "a", shape=(600, 530))
    plan = plan_for(paths, exports=(Export("Areas", region={"y": (100, 400), "x": (3, 77)}),))
    sizes = []
    predict = plan.classifier.predict_tile
    plan.classifier.predict_tile = lambda block, inner, sources: sizes.append(inner) or predict(block, inner, sources)
    run_plan(plan)
    rows = lines(tmp_path / TABLE)
    assert sum(int(row[3]) for row in rows) == 300 * 74
    assert sum((y.stop - y.start) * (x.stop - x.start) for _, y, x in sizes) == 300 * 74
    check_rows([row[3:] for row in rows], whole(np.load(paths[0]))[100:400, 3:77])


def test_time_series_is_measured_by_frame(tmp_path):
    """Frame by frame; frames outside the region have no line."""
    images = random_image(4, 30, 31)
    np.save(tmp_path / "a.npy", images)
    exports = (Export("Areas", region={"t": (1, 3)}), Export("Probabilities"))
    run_plan(plan_for([tmp_path / "a.npy"], exports=exports, input_axes="tyx"))
    rows = lines(tmp_path / TABLE)
    assert [row[1:3] for row in rows] == [[str(t), name] for t in (1, 2) for name in CLASSES]
    for i, t in enumerate((1, 2)):
        check_rows([row[3:] for row in rows[2 * i : 2 * i + 2]], whole(images[t]))
    assert read(tmp_path / "a_Probabilities.h5").shape == (4, 30, 31, 2)


def test_area_is_in_the_unit_of_the_file(tmp_path):
    """A file that says how large a pixel is gives an area with its unit, or a volume if there are several slices."""
    tifffile.imwrite(
        tmp_path / "flat.ome.tif", random_image(20, 30), metadata={
            "axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 250.0,
            "PhysicalSizeYUnit": "nm",
        },
    )  # fmt: skip
    tifffile.imwrite(
        tmp_path / "deep.ome.tif", random_image(4, 20, 30), metadata={
            "axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25,
            "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm",
        },
    )  # fmt: skip
    run_plan(plan_for([tmp_path / "flat.ome.tif", tmp_path / "deep.ome.tif"], "Areas"))
    flat, deep = lines(tmp_path / TABLE)[:2], lines(tmp_path / TABLE)[2:]
    for _, _, _, n, _, area, volume, unit, *_ in flat:
        assert (float(area), volume, unit) == (pytest.approx(int(n) * 0.125, rel=1e-12), "", "micrometer^2")
    for _, _, _, n, _, area, volume, unit, *_ in deep:
        assert (area, float(volume), unit) == ("", int(n) * 0.25, "micrometer^3")
    assert sum(int(row[3]) for row in deep) == 4 * 20 * 30


pixels = {
    "no unit": ({"y": 1.0, "x": 1.0}, {}, {}),
    "no size along y": ({"x": 1.0}, {"x": "micrometer"}, {}),
    "a unit of time": ({"y": 1.0, "x": 1.0}, {"y": "second", "x": "second"}, {}),
    "two units": ({"y": 500.0, "x": 1.0}, {"y": "nanometer", "x": "micrometer"}, {"y": 0.5, "x": 1.0}),
    "the same unit": ({"y": 0.1, "x": 0.3}, {"y": "inch", "x": "inch"}, {"y": 0.1, "x": 0.3}),
}


@pytest.mark.parametrize(("pixel_size", "units", "known"), pixels.values(), ids=pixels)
def test_pixels_have_a_size_only_with_a_unit_of_length(pixel_size, units, known):
    """Without a unit a size says nothing; several units become that of x."""
    extents = {"t": 1, "c": 1, "z": 1, "y": 5, "x": 5}
    assert spacing(extents, pixel_size, units) == pytest.approx(known)
    measure = pixel_measure(extents, pixel_size, units)
    assert measure.value == (pytest.approx(known["y"] * known["x"]) if known else None)
    assert bool(measure.unit) == bool(known)


def test_pixels_without_any_probability_are_in_no_class():
    """Masked pixels, of which no class is probable, are in neither the pixels nor the share."""
    probabilities = np.zeros((2, 1, 3, 4), np.float32)
    probabilities[:, 0, 1] = [[0.75], [0.25]]
    np.testing.assert_array_equal(class_sums(probabilities), [[4, 0], [3 * UNIT, 0], [2 * UNIT, 0]])
    one = np.array([0.0, 1.0], np.float32).reshape(1, 1, 1, 2)
    np.testing.assert_array_equal(class_sums(one), [[1], [UNIT], [0]])


def test_real_classifier_measures_an_array_in_memory():
    """Without a file, the table is in the row; classes that no pixel has have no mean."""
    classifier = load_classifier(GOLDEN / "a_2d_u8" / "project.ilp")
    image = random_image(40, 50)
    (row,) = BatchJob(classifier, image, ["Areas", "Probabilities", "Simple Segmentation"]).run()
    table = row.tables["Areas"]
    assert table.columns == AREA_COLUMNS
    assert table.column("class") == classifier.classes
    assert sum(table.column("pixels")) == 2000
    check_rows([each[2:] for each in table.rows], row.arrays["Probabilities"])
    segmentation = row.arrays["Simple Segmentation"]
    assert table.column("pixels") == tuple(np.count_nonzero(segmentation == k) for k in (1, 2, 3))


def test_what_cannot_be_is_refused(tmp_path):
    """Two regions, the layout of counts, and an array of a table are refused, each with what to do."""
    paths = save_images(tmp_path, "a")
    with pytest.raises(SettingsError, match="made over different regions"):
        plan_for(paths, exports=(Export("Areas"), Export("Areas", region={"y": (1, 3)})))
    with pytest.raises(SettingsError, match="is for counts and for classified objects, and Areas are"):
        plan_for(paths, "Areas", format="ilastik csv")
    plan = plan_for(paths, exports=(Export("Areas", region={"y": (5, 500)}),))
    assert "does not lie inside the image" in str(plan[0].problems[0])
    with pytest.raises(SettingsError, match="Make it by a job"):
        plan.classifier.predict(np.zeros((5, 5), np.uint8), "yx", "Areas")
