"""What the window remembers: it comes back, and nothing that stands in the settings can break the window."""

import os
from pathlib import Path

import pytest
import yaml
from napari.components import ViewerModel
from napari.settings import _clear_plugin_settings_cache
from qtpy.QtWidgets import QCheckBox, QLabel

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.results.section import ResultsSection

EXPORTS = (
    Export(source="Simple Segmentation", format="tiff", folder=Path("out"), region={"y": (10, 200), "x": (None, 512)}),
    Export(dtype="uint8", input_range=(0, 1), output_range=(0, 255), output_axes="tczyx", name="{stem}_p"),
    Export(source="Counts", format="ilastik csv"),
)
KEPT = (
    Export(source="Simple Segmentation", format="tiff"),
    Export(),
    Export(source="Counts", format="ilastik csv"),
)


@pytest.fixture
def settings_file(tmp_path, monkeypatch):
    """The file in which napari keeps the settings of this plugin; each test has its own."""
    monkeypatch.setattr("napari.settings._CFG_PATH", tmp_path / "settings.yaml")
    _clear_plugin_settings_cache()
    yield tmp_path / f"{PROGRAM}.yaml"
    _clear_plugin_settings_cache()


def next_session() -> None:
    """Forget what is in memory, as closing napari does."""
    _clear_plugin_settings_cache()


def test_nothing_is_known_at_first(settings_file):
    assert preferences.recent() == []
    assert preferences.exports() == ()
    assert preferences.load_results() is True
    assert not settings_file.exists()


def test_recent_classifiers_come_back_the_latest_first_and_once(settings_file, tmp_path):
    names = [tmp_path / name for name in ("a.ilp", "b.ilp", "c.ilp")]
    for path in [*names, names[0]]:
        preferences.add_recent(path)
    next_session()
    assert preferences.recent() == [names[0], names[2], names[1]]


def test_ten_recent_classifiers_are_kept(settings_file, tmp_path):
    for i in range(12):
        preferences.add_recent(tmp_path / f"{i}.ilp")
    assert preferences.recent() == [tmp_path / f"{i}.ilp" for i in range(11, 1, -1)]


def test_recent_classifiers_are_known_by_their_whole_path(settings_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    preferences.add_recent(Path("cells.ilp"))
    assert preferences.recent() == [tmp_path / "cells.ilp"]


def test_outputs_and_formats_come_back_and_nothing_else(settings_file):
    """Folder, name, range and region belong to the images of that batch."""
    preferences.keep_exports(EXPORTS)
    next_session()
    assert preferences.exports() == KEPT


def test_settings_are_kept_as_names_that_can_be_read(settings_file):
    """The file, and so napari's page, holds words and no code."""
    preferences.keep_exports(EXPORTS)
    text = "Simple Segmentation (tiff), Probabilities (compressed hdf5), Counts (ilastik csv)"
    assert yaml.safe_load(settings_file.read_text()) == {"batch": {"outputs": text}}


def test_outputs_can_be_typed_in_preferences(settings_file):
    """Without a format it is the default; what is no format is left out."""
    settings_file.write_text(yaml.safe_dump({"batch": {"outputs": " Probabilities ,Features (h5), Density (ham)"}}))
    assert preferences.exports() == (Export(), Export(source="Features"))


def test_no_exports_leave_those_of_the_last_batch(settings_file):
    preferences.keep_exports(EXPORTS)
    preferences.keep_exports(())
    assert preferences.exports() == KEPT


def test_load_results_comes_back(settings_file):
    preferences.keep_load_results(False)
    next_session()
    assert preferences.load_results() is False


def test_the_box_for_it_stays_as_it_was_left(qtbot, settings_file):
    """Whether results are loaded is the same in the next window."""
    for ticked in (True, False, True):
        section = ResultsSection(ViewerModel())
        qtbot.addWidget(section)
        (box,) = section.findChildren(QCheckBox)
        assert box.isChecked() == ticked
        box.click()
        next_session()


def test_names_that_are_not_unicode_are_kept(settings_file):
    """File names on Linux are bytes."""
    odd = Path(os.fsdecode(b"/data/caf\xe9"))
    preferences.add_recent(odd / "cells.ilp")
    next_session()
    assert preferences.recent() == [odd / "cells.ilp"]


def test_recent_classifiers_can_be_forgotten(settings_file):
    preferences.add_recent(Path("/data/cells.ilp"))
    preferences.forget_recent()
    next_session()
    assert preferences.recent() == []


RUBBISH = {
    "not yaml": "batch: [unclosed",
    "a list": "- one\n- two\n",
    "a word": "hello",
    "another type": "batch: 5\n",
    "numbers": yaml.safe_dump({"batch": {"outputs": [1], "load_results": "perhaps"}}),
    "other names": yaml.safe_dump({"batch": {"outputs": ", (tiff), Probabilities (ham)"}}),
    "of an earlier version": yaml.safe_dump(
        {"batch": {"recent": "[]", "exports": '{"exports": [{}], "existing": "overwrite"}'}}
    ),
}


@pytest.mark.parametrize("text", RUBBISH.values(), ids=RUBBISH.keys())
def test_rubbish_is_as_if_nothing_was_kept(settings_file, text):
    """Whatever the file holds, the defaults are used and keeping something raises nothing."""
    settings_file.write_text(text)
    assert preferences.recent() == []
    assert preferences.exports() == ()
    assert preferences.load_results() is True
    preferences.add_recent(Path("/data/cells.ilp"))
    preferences.keep_exports(EXPORTS)
    preferences.keep_load_results(False)


LISTS = {
    '["/a.ilp", 3, null, "", "/b.ilp"]': [Path("/a.ilp"), Path("/b.ilp")],
    "cells.ilp": [],
    '{"a": 1}': [],
    "[" * 100_000: [],
}


@pytest.mark.parametrize(("text", "expected"), LISTS.items(), ids=["bad entries", "no json", "other json", "deep json"])
def test_bad_entries_do_not_take_the_good_ones_with_them(settings_file, text, expected):
    settings_file.with_name(f"{PROGRAM}-recent.json").write_text(text)
    assert preferences.recent() == expected


def test_what_cannot_be_written_is_forgotten(settings_file):
    """Folders stand where the files should be: nothing is raised."""
    settings_file.mkdir()
    settings_file.with_name(f"{PROGRAM}-recent.json").mkdir()
    preferences.add_recent(Path("/data/cells.ilp"))
    preferences.keep_exports(EXPORTS)
    next_session()
    assert preferences.recent() == []
    assert preferences.exports() == ()


@pytest.mark.slow
def test_the_settings_have_a_page_in_napari(make_napari_viewer, settings_file):
    """The page shows every setting with its title, and what is set there holds for the window."""
    dialog = make_napari_viewer().window._open_preferences_dialog()
    titles = [dialog._list.item(i).text() for i in range(dialog._list.count())]
    page = dialog._stack.widget(titles.index("ilastik Batch Prediction"))
    words = {label.text() for label in page.findChildren(QLabel)}
    assert {"Load results", "Outputs"} <= words
    (box,) = page.findChildren(QCheckBox)
    box.setChecked(False)
    assert preferences.load_results() is False
