"""Images in memory, such as layers of a viewer, as inputs: predicted as files are, and given back as arrays."""

import numpy as np
import pytest
from threshold import BROKEN, Threshold, count, files_in, plan_for, random_image, read, whole

from napari_batch_prediction import Export
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.planning import classifier as classifiers_of_jobs
from napari_batch_prediction.planning.memory import MemoryShares
from napari_batch_prediction.records.events import BatchStarted, FileFinished, FileStarted
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import iter_run, run_plan
from napari_batch_prediction.running.task import make_task


def layers(**pixels):
    """Return images in memory by their location."""
    axes = {2: "yx", 3: "tyx"}
    images = [
        MemoryImage(f"layer:{name}", values, axes[values.ndim], axes_known="guess") for name, values in pixels.items()
    ]
    return {image.location: image for image in images}


def finished(events):
    """Return what was predicted for each input, and its row."""
    return {event.row.input: event for event in events if isinstance(event, FileFinished)}


same = {
    "as it is": (Export(),),
    "two, in the order of the job": (Export(source="Features"), Export(source="Probabilities")),
    "cast": (Export(dtype="uint8", output_range=(0, 255)),),
    "region of one class": (Export(region={"y": (7, 560), "x": (1, 2), "c": (1, 2)}),),
    "other axes": (Export(output_axes="cxy"),),
    "twice": (Export(), Export(name="again", dtype="uint16", output_range=(0, 9))),
    "one for each class": (Export(per_class=True),),
}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("exports", same.values(), ids=same)
def test_layer_gives_what_its_file_gets_written(tmp_path, exports, workers):
    """The arrays are what a file of the same pixels gets written: values, type and axes."""
    pixels = random_image(600, 530)
    np.save(tmp_path / "a.npy", pixels)
    ledger = run_plan(plan_for([tmp_path / "a.npy"], exports=exports))
    plan = plan_for(["layer:a"], exports=exports, arrays=layers(a=pixels), workers=workers)
    (event,) = finished(iter_run(plan)).values()
    assert list(event.arrays) == list(ledger.rows[0].outputs)
    for key, path in ledger.rows[0].outputs.items():
        expected = read(path)
        assert event.arrays[key].dtype == expected.dtype
        np.testing.assert_array_equal(event.arrays[key], expected)


def test_batch_of_layers_writes_nothing(tmp_path, monkeypatch):
    """Nothing is written at all: no outputs, no ledger, no summary."""
    monkeypatch.chdir(tmp_path)
    events = []
    ledger = run_plan(plan_for(["layer:a", "layer:b"], arrays=layers(a=random_image(9, 9), b=random_image(3, 5, 7))),
                      events.append)  # fmt: skip
    assert [(row.input, row.status, row.outputs, row.written) for row in ledger.rows] == [
        ("layer:a", "done", {}, {}),
        ("layer:b", "done", {}, {}),
    ]
    assert ledger.path is None
    assert finished(events)["layer:b"].arrays["Probabilities"].shape == (3, 5, 7, 2)
    assert not list(tmp_path.iterdir())


def test_layers_and_files_are_in_one_record(tmp_path, monkeypatch):
    """Both in one batch and one ledger; a layer that is done is done for the run that goes on."""
    monkeypatch.setattr(classifiers_of_jobs, "load_classifier", Threshold)
    image = random_image(20, 30)
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", image)
    inputs = [tmp_path / "a.npy", "layer:one", tmp_path / "b.npy", "layer:two"]
    arrays = layers(one=image, two=image[:5])
    plan = plan_for(inputs, arrays=arrays)
    (tmp_path / "b.npy").write_bytes(b"no image")
    events = []
    ledger = run_plan(plan, events.append)
    assert [row.status for row in ledger.rows] == ["done", "done", "failed", "done"]
    assert {name: set(event.arrays) for name, event in finished(events).items()} == {
        str(inputs[0]): set(),
        "layer:one": {"Probabilities"},
        str(inputs[2]): set(),
        "layer:two": {"Probabilities"},
    }
    np.testing.assert_array_equal(
        finished(events)["layer:one"].arrays["Probabilities"], read(tmp_path / "a_Probabilities.h5")
    )
    recorded = read_record(ledger.path)
    assert recorded.job.inputs == tuple(map(str, inputs))
    assert [noted.input for noted in recorded.inputs] == list(map(str, inputs))
    assert [(noted.row.status, noted.row.outputs, noted.own) for noted in recorded.inputs[1::2]] == [
        ("done", {}, frozenset())
    ] * 2
    np.save(tmp_path / "b.npy", image)
    assert [row.status for row in run_plan(plan_resume(ledger.path)).rows] == ["done"] * 4
    assert files_in(tmp_path) == {"a.npy", "b.npy", "a_Probabilities.h5", "b_Probabilities.h5"}


def test_layer_that_is_gone_fails_alone(tmp_path):
    """Without the viewer a layer fails alone, and says what to do."""
    np.save(tmp_path / "a.npy", random_image(9, 9))
    ledger = run_plan(plan_for([tmp_path / "a.npy", "layer:gone"]))
    assert [row.status for row in ledger.rows] == ["done", "problem"]
    assert "save it to a file" in ledger.rows[1].reason


def test_layer_that_fails_is_not_given_back():
    """What is not whole is not given back; the other layers are."""
    bad = random_image(600, 600)
    bad[-1, -1] = BROKEN
    events = list(iter_run(plan_for(["layer:bad", "layer:good"], arrays=layers(bad=bad, good=bad[:9]))))
    assert {name: (event.row.status, set(event.arrays)) for name, event in finished(events).items()} == {
        "layer:bad": ("failed", set()),
        "layer:good": ("done", {"Probabilities"}),
    }


def test_cancelled_run_gives_no_layer_back():
    """Cancelled within a layer, the run gives nothing back."""
    seen = []
    plan = plan_for(["layer:a"], arrays=layers(a=random_image(600, 600)), workers=1)
    ledger = run_plan(plan, seen.append, lambda: any(isinstance(event, FileStarted) for event in seen))
    assert [row.status for row in ledger.rows] == ["cancelled"]
    assert finished(seen)["layer:a"].arrays == {}


def test_layer_is_counted_by_its_name(tmp_path):
    """A layer is counted too, by its name; the table is the only file of a batch of layers."""
    images = {"a": random_image(20, 30), "b, c": random_image(7, 9)}
    exports = (
        Export(source="Counts", folder=tmp_path),
        Export(source="Density"),
        Export(source="Counts", folder=tmp_path, name="ilastik", format="ilastik csv"),
    )
    events = []
    plan = plan_for(["layer:a", "layer:b, c"], exports=exports, arrays=layers(**images))
    ledger = run_plan(plan, events.append)
    a, b = (str(count(image)) for image in images.values())
    assert (tmp_path / "threshold_Counts.csv").read_text() == (
        f'image,time,count,count in region\nlayer:a,0,{a},{a}\n"layer:b, c",0,{b},{b}\n'
    )
    assert (tmp_path / "ilastik.csv").read_text() == f'a,{a}\n"b, c",{b}\n'
    assert [set(event.arrays) for event in finished(events).values()] == [{"Density"}, {"Density"}]
    assert ledger.path is None
    assert len(list(tmp_path.iterdir())) == 2


def test_settings_of_one_layer():
    """Axes and channels set for one layer hold for that layer."""
    pixels = random_image(30, 40, 3)
    chosen = {"layer:a": InputSettings(axes="yxc", channels=(1,)), "layer:b": InputSettings(axes="yxt")}
    plan = plan_for(["layer:a", "layer:b", "layer:c"], arrays=layers(a=pixels, b=pixels, c=pixels[..., 0]),
                    input_settings=chosen)  # fmt: skip
    ends = finished(iter_run(plan))
    arrays = {name: ends[f"layer:{name}"].arrays["Probabilities"] for name in "abc"}
    np.testing.assert_array_equal(arrays["a"], whole(pixels[..., 1]))
    np.testing.assert_array_equal(arrays["b"][:, :, 2], whole(pixels[..., 2]))
    np.testing.assert_array_equal(arrays["c"], whole(pixels[..., 0]))


def test_layer_that_changed_is_not_predicted():
    """A layer that is replaced after the check by one of another shape is not predicted by the old plan."""
    arrays = layers(a=random_image(9, 9))
    plan = plan_for(["layer:a"], arrays=arrays)
    arrays.update(layers(a=random_image(8, 9)))
    ledger = run_plan(plan)
    assert ledger.rows[0].reason.startswith("layer:a has changed since it was checked: expected yx (9, 9) uint8")


@pytest.mark.usefixtures("small_process")
def test_limit_on_memory_leaves_room_for_layers():
    """With a limit, tiles leave room for what stays in memory."""
    arrays = layers(a=np.broadcast_to(np.uint8(0), (4000, 6000)))
    plan = plan_for(["layer:a"], arrays=arrays, memory=2**29, workers=4)
    kept = 2 * 4 * 4000 * 6000
    shares = [MemoryShares(plan.classifier, plan.exports, 4, 2**29, 150 * 2**20 + held) for held in (0, kept)]
    alone, beside = (make_task(plan, 0, plan.rows[0], share, threads=4) for share in shares)
    assert len(beside.tiles) > len(alone.tiles)
    events = iter_run(plan)
    assert next(event for event in events if isinstance(event, BatchStarted)).n_tiles == len(beside.tiles)
    events.close()
