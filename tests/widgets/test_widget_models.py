"""The tables of the window, apart from their views."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_batch_prediction.errors import (
    AxesError,
    ImageMismatchError,
    ImageReadError,
    OutputExistsError,
    SettingsError,
)
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.planning.inputs.inspection import ImageInfo, Inspected
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.events import FileFinished, FileStarted, TileDone
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.inputs.changes import for_images, with_setting, without
from napari_batch_prediction.widgets.inputs.model import InputsModel
from napari_batch_prediction.widgets.inputs.reasons import reasons_for, settings_that_mend
from napari_batch_prediction.widgets.inputs.settings import format_channels, parse_channels
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.widgets.results.model import ResultsModel

SHORT_NAMES = {
    "file": ("/data/plate 1/cells.png", "cells.png"),
    "dots": ("/data/SOX9-QA1W.9_z108.tif", "SOX9-QA1W.9_z108.tif"),
    "no extension": ("/data/v1.2/iso", "iso"),
    "dataset": ("/data/scan.h5/volume/data", "scan.h5/volume/data"),
    "dataset below a folder with a dot": ("/my.data/scan.h5/t0.5/data", "scan.h5/t0.5/data"),
    "layer": ("layer:cells [1]", "cells [1]"),
    "pattern": ("/data/plate/*.tif", "plate/*.tif"),
    "pattern of folders": ("/data/**/day?/a.tif", "data/**/day?/a.tif"),
    "only a pattern": ("*.tif", "*.tif"),
    "Windows": (r"C:\data\cells.png", "cells.png"),
    "relative": ("cells.png", "cells.png"),
}


@pytest.mark.parametrize(("location", "short"), SHORT_NAMES.values(), ids=SHORT_NAMES)
def test_short_name_tells_an_input_from_others(location, short):
    """The end that tells an input from others."""
    assert short_name(location) == short


def row(name: str, *problems: str, axes: str = "yx", known: str = "file") -> PlanRow:
    info = ImageInfo(axes, known, (40, 50, 3)[: len(axes)], np.dtype(np.uint8))
    return PlanRow(parse(name), info, problems=tuple(Problem("image", text) for text in problems))


def texts(model) -> list[list[str]]:
    return [[model.index(i, j).data() for j in range(model.columnCount())] for i in range(model.rowCount())]


def found(name: str, *problems: str, axes: str = "yx", known: str = "file", warnings=()) -> Inspected:
    info = ImageInfo(axes, known, (40, 50, 3)[: len(axes)], np.dtype(np.uint8))
    about = tuple(Problem("mismatch", text, severity="warning") for text in warnings)
    return Inspected(parse(name), info, tuple(Problem("image", text) for text in problems), about)


def test_inputs_have_a_row_for_each_image(qtbot, qtmodeltester):
    """A row for each image that the inputs stand for, with what is known of it so far; equal inputs are one."""
    model = InputsModel()
    model.set_inputs(["a.png", "*.png", "b.tif", "a.png", "layer:cells"])
    assert model.inputs == ("a.png", "*.png", "b.tif", "layer:cells")
    assert [row[0] for row in texts(model)] == ["a.png", "*.png", "b.tif", "cells"]
    assert model.summary() == "4 listed"

    given = {"a.png": ["a.png"], "*.png": ["c.png"], "b.tif": ["b.tif"], "layer:cells": ["layer:cells"]}
    model.begin_check(given)
    assert model.summary() == "0 of 4 checked"
    model.take_many([found("a.png", known="guess"), found("c.png", warnings=("It is dim.",)), found("gone.png")])
    assert model.summary() == "2 of 4 checked"
    assert texts(model)[1:3] == [["c.png", "yx", "40\u00d750", "1", "warning"], ["b.tif", "", "", "", "\u2026"]]
    model.take_many([found("b.tif", "It has 3 channels.", axes="yxc"), found("layer:cells")])
    assert texts(model) == [
        ["a.png", "yx*", "40\u00d750", "1", "ok"],
        ["c.png", "yx", "40\u00d750", "1", "warning"],
        ["b.tif", "yxc", "40\u00d750\u00d73", "3", "problem"],
        ["cells", "yx", "40\u00d750", "1", "ok"],
    ]
    assert model.summary() == "4 images, 1 with a problem, 1 with a warning"
    assert model.with_first_problem() == ["b.tif"]
    assert "guessed" in model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert "It has 3 channels." in model.index(2, 4).data(Qt.ItemDataRole.ToolTipRole)
    qtmodeltester.check(model)

    model.sort(4)
    assert [row[4] for row in texts(model)] == ["problem", "warning", "ok", "ok"]
    model.set_inputs([*model.inputs, "1.png"])
    assert [row[4] for row in texts(model)] == ["problem", "warning", "\u2026", "ok", "ok"]
    model.sort(-1)
    assert model.images == ["a.png", "c.png", "b.tif", "layer:cells", "1.png"]
    model.set_plan(None)
    assert model.summary() == "5 listed"


WITHOUT = {
    "a file": (["a.png", "b.png"], {}, ["a.png"], ["b.png"]),
    "of a pattern": (["d/*.png"], {"d/*.png": ("d/a.png", "d/b.png")}, ["d/a.png"], ["d/b.png"]),
    "all of a pattern": (["d/*.png"], {"d/*.png": ("d/a.png",)}, ["d/a.png"], []),
    "a pattern not looked up": (["d/*.png"], {}, ["d/*.png"], []),
    "of another folder": (["a.png", "d"], {"a.png": ("a.png",), "d": ("d/a.png",)}, ["a.png"], ["d"]),
    "matched twice": (
        ["d/a.png", "d"],
        {"d/a.png": ("d/a.png",), "d": ("d/b.png",)},
        ["d/a.png"],
        ["d/b.png"],
    ),
    "matched by folders": (["d/x.png", "**/*.png"], {"**/*.png": ("e/y.png",)}, ["d/x.png"], ["e/y.png"]),
    "brackets": (["d[1]/x", "d[1]/*"], {"d[1]/*": ("d[1]/y",)}, ["d[1]/x"], ["d[1]/y"]),
    "other pattern": (["d/a1.png", "d/b*"], {"d/b*": ("d/b1.png",)}, ["d/a1.png"], ["d/b*"]),
    "list": (["a.png", "all.txt"], {"all.txt": ("b.png",)}, ["a.png"], ["b.png"]),
    "layer": (["layer:a", "layer:b"], {}, ["layer:a"], ["layer:b"]),
}  # fmt: skip


@pytest.mark.parametrize(("inputs", "given", "gone", "left"), WITHOUT.values(), ids=WITHOUT)
def test_removed_image_leaves_the_pattern_whole(inputs, given, gone, left):
    """What is removed stays away, and no pattern becomes a list without need."""
    assert without(inputs, given, gone) == tuple(left)


def test_settings_of_images_are_set_and_taken_back():
    """A field is set for some images, and taken back; what was set for a pattern is set for its images."""
    settings = with_setting({}, ["d/*"], "axes", "yx")
    assert settings == {"d/*": InputSettings(axes="yx")}
    settings = with_setting(settings, ["d/a"], "channels", (1,))
    settings = for_images(settings, {"d/*": ("d/a", "d/b")})
    assert settings == {"d/a": InputSettings(channels=(1,)), "d/b": InputSettings(axes="yx")}
    assert with_setting(settings, ["d/a", "c"], "channels", None) == {"d/b": InputSettings(axes="yx")}


CHANNELS = {
    "none": ("", None, ""),
    "index": ("0", (0,), "0"),
    "names": ("DAPI,GFP", ("DAPI", "GFP"), "DAPI, GFP"),
    "mixed": (" 2 , DAPI,", (2, "DAPI"), "2, DAPI"),
    "comma in a name": ('"a, b", c', ("a, b", "c"), '"a, b", c'),
    "quote in a name": ('5" disk', ('5" disk',), '5" disk'),
    "only commas": (" , ,", None, ""),
}


@pytest.mark.parametrize(("text", "channels", "back"), CHANNELS.values(), ids=CHANNELS)
def test_channels_are_typed_by_index_or_name(text, channels, back):
    """Channels by index or name, with commas between them."""
    assert parse_channels(text) == channels
    assert format_channels(channels or ()) == back


SETTINGS = {
    "channels": (ImageMismatchError("Choose channels.", setting="channels"), ["channels"]),
    "axes": (AxesError("Set the axes.", setting="axes"), ["axes"]),
    "dataset": (ImageReadError("'a.h5' holds 2 datasets.", setting="dataset"), ["dataset"]),
    "existing": (OutputExistsError("a.h5 exists.", setting="existing"), ["existing"]),
    "elsewhere": (SettingsError("The format 'png' cannot hold 3 channels.", setting="format"), []),
    "a missing file below a folder 'datasets'": (ImageReadError("There is no file '/data/datasets/scan1.png'."), []),
    "an empty file below a folder 'axes_test'": (ImageReadError("'/lab/axes_test/a.png' is empty."), []),
    "a truncated file below a folder 'two_channel'": (ImageReadError("Cannot read '/d/two_channel/a.tif'."), []),
}


@pytest.mark.parametrize(("error", "settings"), SETTINGS.values(), ids=SETTINGS)
def test_setting_that_mends_a_problem(error, settings):
    """The setting is a fact of the problem, not a word in its text."""
    assert settings_that_mend([Problem.of(error)]) == settings


def test_reasons_are_said_together():
    """Images with the same reason share a sentence; many reasons are not all said."""
    model = InputsModel()
    names = [f"{i}.png" for i in range(20)]
    model.set_inputs(names)
    model.take_many(found(name, "It is torn." if i < 10 else f"It is {i}.") for i, name in enumerate(names))
    lines = reasons_for(model, names).splitlines()
    assert lines[:2] == ["0.png and 9 others: It is torn.", "10.png: It is 10."]
    assert lines[-1] == "And 6 other reasons: select a row to read its own."
    assert model.with_first_problem() == names[:10]


def test_row_of_results_goes_from_waiting_to_its_end(qtbot, qtmodeltester):
    """A row goes from waiting to its end; the tooltip has the whole reason."""
    names = ("a.png", "b.png", "c.png")
    job = BatchJob(classifier="p.ilp", inputs=names)
    model = ResultsModel()
    model.set_plan(Plan(job, None, (), tuple(map(row, names)), classifier_sha256=""))
    assert [status for _, status, _ in texts(model)] == ["waiting"] * 3

    model.take([FileStarted(0, 8)])
    model.take([FileStarted(1, 8)])
    model.take([TileDone(1, 3, 8, 3, 24, 30, 240)])
    assert [status for _, status, _ in texts(model)] == ["running", "37 %", "waiting"]
    assert model.summary() == ""

    model.take([FileFinished(1, LedgerRow("b.png", "failed", "It is damaged.", seconds=0.26))])
    model.take([FileFinished(0, LedgerRow("a.png", "done", seconds=12))])
    model.take([FileFinished(2, LedgerRow("c.png", "cancelled", "The run was cancelled."))])
    assert texts(model) == [["a.png", "done", "12.0 s"], ["b.png", "failed", "0.3 s"], ["c.png", "cancelled", ""]]
    assert model.summary() == "1 done, 1 failed, 1 cancelled"
    assert model.index(1, 1).data(Qt.ItemDataRole.ToolTipRole) == "b.png\n\nIt is damaged."
    qtmodeltester.check(model)


def test_results_of_the_plan_are_no_rows():
    """Rows that the plan found to be results go, and the summary counts what was left out."""
    model = InputsModel()
    model.set_inputs(["in"])
    model.begin_check({"in": ("a.npy", "a_Probabilities.npy")})
    assert model.images == ["a.npy", "a_Probabilities.npy"]
    plan = Plan(
        job=BatchJob(classifier="x.ilp", inputs=("in",)),
        classifier=None,
        exports=(),
        rows=(row("a.npy"),),
        classifier_sha256="",
        left_out=("b_Probabilities.h5", "a_Probabilities.npy"),
    )
    model.set_plan(plan)
    assert model.images == ["a.npy"]
    assert model.summary() == "1 image, 2 results left out"
