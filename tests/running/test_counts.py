"""Counting: sums of the density over whole images, in one table for the whole batch."""

import csv
import json
import os
import sys
from contextlib import closing
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threshold import BROKEN, Threshold, count, files_in, plan_for, random_image, read, save_images, whole

from napari_batch_prediction import Export
from napari_batch_prediction.classifiers.base import COUNT_COLUMNS
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import ExportError, SettingsError
from napari_batch_prediction.planning import classifier as classifiers_of_jobs
from napari_batch_prediction.records.events import BatchFinished, FileFinished, TileDone
from napari_batch_prediction.records.ledger import Table
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import note_tables
from napari_batch_prediction.report import print_ledger
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import iter_run, run_plan
from napari_batch_prediction.running.tallies import CountTally
from napari_batch_prediction.running.task import Measurement

HEADER = ["image", "time", "count", "count in region"]
TABLE = "threshold_Counts.csv"


def table(path: Path) -> list[list[str]]:
    """Return the lines of a table; every one ends as in Unix."""
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    return list(csv.reader(text.splitlines()))


def expected(paths, *region: slice) -> list[list[str]]:
    """Return the table of images (y, x) counted without tiles."""
    images = [np.load(path) for path in paths]
    counts = [(count(image), count(image, *region)) for image in images]
    return [HEADER, *([str(path), "0", *map(str, both)] for path, both in zip(paths, counts, strict=True))]


@pytest.fixture
def resumable(monkeypatch):
    """Let a ledger be resumed whose classifier is the threshold, which no file holds."""
    monkeypatch.setattr(classifiers_of_jobs, "load_classifier", Threshold)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("shape", [(5, 3), (20, 30), (600, 530)], ids=str)
def test_table_has_the_sum_of_each_image(tmp_path, shape, workers):
    """One line for each image, with the sum over all of it to the last digit, however it was tiled."""
    paths = save_images(tmp_path, "a", "b", shape=shape)
    ledger = run_plan(plan_for(paths, "Counts", workers=workers))
    assert table(tmp_path / TABLE) == expected(paths)
    assert ledger.tables == {"Counts": tmp_path / TABLE}
    for row, path in zip(ledger.rows, paths, strict=True):
        assert (row.status, row.outputs) == ("done", {})
        assert row.tables == {"Counts": Table(COUNT_COLUMNS, ((0, row.count, row.count),))}
        assert row.count == count(np.load(path))


@given(data=st.data())
def test_tiles_in_any_order_give_the_same_sums(data):
    """However a series is cut up and in whichever order tiles come: the same sums, to the last digit."""
    n_times, height, width = (data.draw(st.integers(1, n)) for n in (3, 9, 9))
    seed = data.draw(st.integers(0, 99))
    density = np.random.default_rng(seed).exponential(0.01, (n_times, height, width)).astype(np.float32)
    density[0, 0, 0] = 1e6  # next to which small values vanish in sums of floats
    cuts = [sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=3))}) for n in density.shape[1:]]
    boxes = [[slice(*pair) for pair in pairwise(cut)] for cut in cuts]
    tiles = [Tile(t, slice(0, 1), y, x) for t, y, x in product(range(n_times), *boxes)]
    ends = {key: sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True)))
            for key, n in zip("tyx", density.shape, strict=True)}  # fmt: skip
    region = {"z": (0, 1), **{key: (first, last) for key, (first, last) in ends.items()}}
    tally = CountTally(Measurement(table="Counts", made_from="Density", region=region), n_times)
    for tile in data.draw(st.permutations(tiles)):
        tally.add(tile, density[tile.t, tile.y, tile.x][None, None])
    for t, one in enumerate(tally.table().rows):
        parts = density[t], density[t, slice(*region["y"]), slice(*region["x"])]
        whole_, part = (sum(round(value * 2**40) for value in values.astype(float).flat) / 2**40 for values in parts)
        assert one == (t, whole_, part if region["t"][0] <= t < region["t"][1] else None)


regions = {
    "inside": {"y": (100, 400), "x": (3, 77)},
    "one pixel": {"y": (599, 600), "x": (0, 1)},
    "open ends": {"y": (None, 401), "x": (99, None)},
    "one axis": {"x": (250, 300)},
}


@pytest.mark.parametrize("region", regions.values(), ids=regions)
def test_region_is_counted_beside_the_whole_image(tmp_path, region):
    """The region is counted beside the whole image, and changes nothing in the images that are exported."""
    paths = save_images(tmp_path, "a", shape=(600, 530))
    exports = (Export(source="Density", region={"y": (7, 60)}), Export(source="Counts", region=region))
    run_plan(plan_for(paths, exports=exports, workers=2))
    assert table(tmp_path / TABLE) == expected(paths, *(slice(*region.get(key, (None, None))) for key in "yx"))
    np.testing.assert_array_equal(read(tmp_path / "a_Density.h5"), whole(np.load(paths[0]), "Density")[7:60])


def test_time_series_is_counted_by_frame(tmp_path):
    """Frame by frame; a frame outside the region has no count there. ilastik's table has their sum."""
    images = random_image(4, 300, 310)
    np.save(tmp_path / "a.npy", images)
    exports = (
        Export(source="Counts", region={"t": (1, 3), "y": (100, 250)}),
        Export(source="Counts", format="ilastik csv", name="ilastik", region={"t": (1, 3), "y": (100, 250)}),
    )
    ledger = run_plan(plan_for([tmp_path / "a.npy"], exports=exports, input_axes="tyx"))
    parts = ["", *(str(count(image, slice(100, 250))) for image in images[1:3]), ""]
    lines = [[str(tmp_path / "a.npy"), str(t), str(count(images[t])), parts[t]] for t in range(4)]
    assert table(tmp_path / TABLE) == [HEADER, *lines]
    assert [region is None for region in ledger.rows[0].column("count in region")] == [True, False, False, True]
    assert table(tmp_path / "ilastik.csv") == [["a", str(ledger.rows[0].count)]]
    assert ledger.rows[0].count == pytest.approx(sum(map(count, images)), rel=1e-15)


def test_table_of_ilastik_has_nickname_and_count(tmp_path):
    """No header; nickname and count, in the order of the inputs."""
    paths = save_images(tmp_path, "p/b", "p/a.9_z1", "q/b")
    run_plan(plan_for(paths, "Counts", format="ilastik csv", name="all"))
    counts = [str(count(np.load(path))) for path in paths]
    assert (tmp_path / "all.csv").read_text() == f"b,{counts[0]}\na.9_z1,{counts[1]}\nb,{counts[2]}\n"


def test_density_segmentation_and_counts_come_from_one_pass(tmp_path):
    """Density, segmentation and counts come from one prediction of each tile, which is asked for no table."""
    paths = save_images(tmp_path, "a", shape=(600, 600))
    plan = plan_for(paths, "Simple Segmentation", "Counts", "Density")
    asked = []
    predict = plan.classifier.predict_tile
    plan.classifier.predict_tile = lambda block, inner, sources: asked.append(sources) or predict(block, inner, sources)
    events = list(iter_run(plan))
    assert asked == [("Simple Segmentation", "Density")] * events[0].n_tiles
    assert files_in(tmp_path) == {"a.npy", "a_Simple Segmentation.h5", "a_Density.h5"}
    density = read(tmp_path / "a_Density.h5")
    np.testing.assert_array_equal(density, whole(np.load(paths[0]), "Density"))
    assert table(tmp_path / TABLE) == expected(paths)


def test_density_alone_is_not_counted(tmp_path):
    """Without a table there are no counts."""
    ledger = run_plan(plan_for(save_images(tmp_path, "a"), "Density"))
    assert (ledger.rows[0].tables, ledger.rows[0].count, ledger.tables) == ({}, None, {})


@pytest.mark.slow
def test_only_what_is_done_is_counted(tmp_path, resumable):
    """An image that fails is not in the table; when it is mended and resumed, the table is that of one run."""
    paths = save_images(tmp_path, "a", "b", "c", shape=(600, 600))
    good = paths[1].read_bytes()
    bad = np.load(paths[1])
    bad[-1, -1] = BROKEN
    np.save(paths[1], bad)
    ledger = run_plan(plan_for(paths, "Density", "Counts"))
    assert [row.status for row in ledger.rows] == ["done", "failed", "done"]
    assert ledger.rows[1].tables == {}
    assert table(tmp_path / TABLE) == expected([paths[0], paths[2]])
    paths[1].write_bytes(good)
    again = run_plan(plan_resume(ledger.path, failed=True))
    assert [row.tables for row in again.rows][::2] == [row.tables for row in ledger.rows][::2]
    assert table(tmp_path / TABLE) == expected(paths)
    assert files_in(tmp_path) == {f"{name}{end}" for name in "abc" for end in (".npy", "_Density.h5")}


@pytest.mark.slow
def test_cancelled_run_writes_the_table_of_what_is_done(tmp_path, resumable):
    """A run that is cancelled leaves the table of what is done; resumed, it becomes whole."""
    paths = save_images(tmp_path, "a", "b", "c", shape=(600, 600))
    ended = []
    plan = plan_for(paths, "Counts", workers=1)
    ledger = run_plan(plan, lambda event: isinstance(event, FileFinished) and ended.append(event), lambda: bool(ended))
    done = [path for path, row in zip(paths, ledger.rows, strict=True) if row.status == "done"]
    assert 0 < len(done) < 3
    assert ledger.count("cancelled") == 3 - len(done)
    assert table(tmp_path / TABLE) == expected(done)
    assert run_plan(plan_resume(ledger.path)).count("done") == 3
    assert table(tmp_path / TABLE) == expected(paths)


def test_closed_run_writes_no_table(tmp_path, resumable):
    """A run whose window is closed writes no table; its ledger has all that is needed."""
    paths = save_images(tmp_path, "a", "b")
    with closing(iter_run(plan_for(paths, "Counts", workers=1, ledger=tmp_path / "x.ledger.jsonl"))) as events:
        next(event for event in events if isinstance(event, FileFinished))
    assert not (tmp_path / TABLE).exists()
    run_plan(plan_resume(tmp_path / "x.ledger.jsonl"))
    assert table(tmp_path / TABLE) == expected(paths)


def test_run_without_counts_writes_no_table(tmp_path):
    """Without any count there is no file that stands in the way of the next run."""
    (tmp_path / "a.npy").write_bytes(b"no image")
    ledger = run_plan(plan_for([tmp_path / "a.npy"], "Counts"))
    assert ledger.count("problem") == 1
    assert not (tmp_path / TABLE).exists()
    assert ledger.tables == {}


def test_resumed_when_all_is_done(tmp_path, resumable):
    """A table that was removed is made again from the ledger, without predicting anything.

    What a run that was killed left of a table is removed.
    """
    paths = save_images(tmp_path, "a", "b")
    ledger = run_plan(plan_for(paths, "Counts"))
    (token,) = read_record(ledger.path).tokens
    (tmp_path / TABLE).rename(tmp_path / f".{TABLE}.{token}-01234567.part")
    events = list(iter_run(plan_resume(ledger.path)))
    assert not any(isinstance(event, TileDone) for event in events)
    assert table(tmp_path / TABLE) == expected(paths)
    assert not list(tmp_path.glob(".*"))


def test_second_run_replaces_the_table_only_if_it_may(tmp_path):
    """A second run replaces the table only if it may."""
    paths = save_images(tmp_path, "a", "b")
    run_plan(plan_for(paths, "Counts"))
    before = (tmp_path / TABLE).read_bytes()
    with pytest.raises(SettingsError, match="exists"):
        plan_for(paths[:1], "Counts")
    assert (tmp_path / TABLE).read_bytes() == before
    run_plan(plan_for(paths[:1], "Counts", existing="overwrite"))
    assert table(tmp_path / TABLE) == expected(paths[:1])


def test_image_is_counted_whose_density_is_kept(tmp_path):
    """An image whose density exists is counted, and its density is left as it is."""
    paths = save_images(tmp_path, "a", "b")
    run_plan(plan_for(paths[:1], "Density"))
    before = (tmp_path / "a_Density.h5").stat().st_mtime_ns
    ledger = run_plan(plan_for(paths, "Density", "Counts", existing="skip"))
    assert [row.status for row in ledger.rows] == ["done", "done"]
    assert ledger.rows[0].outputs == {"Density": tmp_path / "a_Density.h5"}
    assert (tmp_path / "a_Density.h5").stat().st_mtime_ns == before
    assert table(tmp_path / TABLE) == expected(paths)


def test_unwritable_table_is_said_at_the_end(tmp_path, resumable):
    """The run goes to its end, then says so; the counts are in the ledger, and resuming it writes the table."""
    paths = save_images(tmp_path / "in", "a", "b")
    folder = tmp_path / "out"
    path = tmp_path / "run.ledger.jsonl"
    plan = plan_for(paths, "Counts", folder=folder, ledger=path)
    folder.write_text("no folder")
    events = []
    with pytest.raises(
        ExportError, match=f"The counts are in the ledger {path}: resume it to have the table"
    ) as raised:
        run_plan(plan, events.append)
    assert str(raised.value).startswith(f"The folder {folder} cannot be made")
    assert isinstance(events[-1], BatchFinished)
    assert events[-1].ledger.count("done") == 2
    assert events[-1].ledger.tables == {}
    assert [noted.row.count for noted in read_record(path).inputs] == [count(np.load(image)) for image in paths]
    assert folder.read_text() == "no folder"
    folder.unlink()
    run_plan(plan_resume(path))
    assert table(folder / TABLE) == expected(paths)


def test_table_that_appears_meanwhile_is_kept(tmp_path):
    """A file of that name that somebody else makes meanwhile is not replaced."""
    plan = plan_for(save_images(tmp_path, "a"), "Counts")
    plan.classifier.gate = lambda: (tmp_path / TABLE).write_text("mine")
    with pytest.raises(ExportError, match="appeared while it was being computed"):
        run_plan(plan)
    assert (tmp_path / TABLE).read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_counts_are_in_the_record_and_its_summary(tmp_path):
    """Counts are in the ledger of the run, each time point with all its digits, and as a column of its summary."""
    np.save(tmp_path / "a.npy", random_image(2, 30, 40))
    (tmp_path / "b.npy").write_bytes(b"no image")
    ledger = run_plan(
        plan_for([tmp_path / "a.npy", tmp_path / "b.npy"], "Counts", input_axes="tyx", region={"t": (0, 1)})
    )
    assert [noted.row.tables for noted in read_record(ledger.path).inputs] == [row.tables for row in ledger.rows]
    summary = ledger.path.with_name(ledger.path.name.replace(".ledger.jsonl", ".csv"))
    with summary.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["count"] for line in lines] == [str(ledger.rows[0].count), ""]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are always text there")
def test_file_name_that_is_not_utf_8_is_in_the_tables(tmp_path):
    """A file whose name is not UTF-8 is in the tables with the bytes of its name."""
    image = random_image(5, 5)
    path = tmp_path / os.fsdecode(b"a\xff.npy")
    np.save(path, image)
    ledger = run_plan(plan_for([path], "Counts"))
    assert os.fsencode(path) in (tmp_path / TABLE).read_bytes()
    assert os.fsencode(path) in ledger.path.with_name(ledger.path.name.replace(".ledger.jsonl", ".csv")).read_bytes()
    assert read_record(ledger.path).inputs[0].row.count == count(image)


def test_record_without_counts_is_read(tmp_path):
    """A ledger of a version that did not count is read as ever."""
    ledger = run_plan(plan_for(save_images(tmp_path, "a"), "Counts"))
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    for line in lines:
        line.pop("counts", None)
    ledger.path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (noted,) = read_record(ledger.path).inputs
    assert (noted.row.status, noted.row.tables) == ("done", {})


def test_record_holds_other_tables_with_their_columns(tmp_path):
    """A ledger holds tables of other things than counts with their columns."""
    path = tmp_path / "x.ledger.jsonl"
    plan = plan_for(save_images(tmp_path, "a"), "Counts", ledger=path)
    (row,) = run_plan(plan).rows
    other = Table(("object", "size"), ((1, 20.5), (2, None)))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line["kind"] == "end":
            line |= note_tables({**row.tables, "Objects": other})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (noted,) = read_record(path).inputs
    assert noted.row.tables == {**row.tables, "Objects": other}
    assert noted.row.count == row.count
    assert noted.row.column("size") == (20.5, None)


@pytest.mark.parametrize("counts", ["[[0]]", "[[0, 1, 2, 3]]", '[["a", 1, 2]]', "[[0, [], null]]", "7"])
def test_record_with_wrong_counts_is_refused_with_the_line(tmp_path, counts):
    """A ledger with something else in place of counts is refused with the line."""
    ledger = run_plan(plan_for(save_images(tmp_path, "a"), "Counts"))
    lines = ledger.path.read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if json.loads(line)["kind"] == "end")
    lines[number] = json.dumps({**json.loads(lines[number]), "counts": json.loads(counts)})
    ledger.path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(SettingsError, match=f"Line {number + 1} of .* is not a line of a ledger"):
        read_record(ledger.path)


def test_tables_of_different_regions_are_refused(tmp_path):
    """An image has one count in the ledger, so that tables of different regions are refused."""
    exports = (Export(source="Counts"), Export(source="Counts", name="part", region={"y": (0, 5)}))
    with pytest.raises(SettingsError, match="Counts and Counts \\(2\\) are made over different regions"):
        run_plan(plan_for(save_images(tmp_path, "a"), exports=exports))
    assert files_in(tmp_path) == {"a.npy"}


def test_summary_never_replaces_a_table(tmp_path):
    """The summary beside the ledger never replaces a table."""
    plan = plan_for(save_images(tmp_path, "a"), "Counts", ledger=tmp_path / "threshold_Counts.ledger.jsonl")
    with pytest.raises(SettingsError, match="is also the summary"):
        run_plan(plan)
    assert files_in(tmp_path) == {"a.npy"}
    assert not list(tmp_path.glob("*.csv"))


def test_count_is_printed_beside_the_image(tmp_path, capsys):
    """The count stands beside what is done; a batch that does not count has no such column."""
    paths = save_images(tmp_path, "a", "b")
    paths[1].write_bytes(b"no image")
    ledger = run_plan(plan_for(paths, "Counts"))
    print_ledger(ledger)
    said = capsys.readouterr().out
    heading, first, second = said.splitlines()[:3]
    assert heading.split() == ["input", "status", "seconds", "count", "output", "or", "reason"]
    assert first.split()[3] == f"{ledger.rows[0].count:.2f}"
    assert second[heading.index("count") :].startswith(" ")
    assert f"Counts: {tmp_path / TABLE}" in said
    print_ledger(run_plan(plan_for(paths, "Density")))
    assert "count" not in capsys.readouterr().out.splitlines()[0]
