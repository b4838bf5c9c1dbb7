"""What the window remembers: it comes back, and nothing that stands in the settings can break the window."""

import json
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
)
KEPT = (EXPORTS[0].model_copy(update={"region": {}}), EXPORTS[1])


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
    assert preferences.exports() is None
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


def test_exports_come_back_without_their_region(settings_file):
    """A region belongs to the images it was drawn on; other images come with the next session."""
    preferences.keep_exports(EXPORTS, "overwrite")
    assert "region" not in settings_file.read_text()
    next_session()
    assert preferences.exports() == (KEPT, "overwrite")


def test_a_region_kept_by_an_earlier_version_is_left_out(settings_file):
    kept = json.dumps({"exports": [{"region": {"y": [88, 93]}}], "existing": "skip"})
    settings_file.write_text(yaml.safe_dump({"batch": {"exports": kept}}))
    assert preferences.exports() == ((Export(),), "skip")


def test_no_exports_leave_those_of_the_last_batch(settings_file):
    preferences.keep_exports(EXPORTS, "skip")
    preferences.keep_exports((), "error")
    assert preferences.exports() == (KEPT, "skip")


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
    preferences.keep_exports([Export(folder=odd)], "error")
    next_session()
    assert preferences.recent() == [odd / "cells.ilp"]
    assert preferences.exports() == ((Export(folder=odd),), "error")


RUBBISH = {
    "not yaml": "batch: [unclosed",
    "a list": "- one\n- two\n",
    "a word": "hello",
    "another type": "batch: 5\n",
    "numbers": yaml.safe_dump({"batch": {"recent": 3, "exports": [1], "load_results": "perhaps"}}),
    "not json": yaml.safe_dump({"batch": {"recent": "cells.ilp", "exports": "{"}}),
    "other json": yaml.safe_dump({"batch": {"recent": '{"a": 1}', "exports": "[[]]"}}),
    "deep json": yaml.safe_dump({"batch": {"recent": "[" * 100_000, "exports": "[" * 100_000}}),
    "no exports": yaml.safe_dump({"batch": {"exports": '{"exports": [], "existing": "error"}'}}),
    "of another version": yaml.safe_dump(
        {
            "batch": {
                "exports": json.dumps({"exports": [{"source": "Probabilities", "quality": 3}], "existing": "error"})
            }
        }
    ),
    "an unknown answer": yaml.safe_dump({"batch": {"exports": '{"exports": [{}], "existing": "ask"}'}}),
}


@pytest.mark.parametrize("text", RUBBISH.values(), ids=RUBBISH.keys())
def test_rubbish_is_as_if_nothing_was_kept(settings_file, text):
    """Whatever the file holds, the defaults are used and keeping something raises nothing."""
    settings_file.write_text(text)
    assert preferences.recent() == []
    assert preferences.exports() is None
    assert preferences.load_results() is True
    preferences.add_recent(Path("/data/cells.ilp"))
    preferences.keep_exports(EXPORTS, "skip")
    preferences.keep_load_results(False)


def test_single_bad_entries_do_not_take_the_good_ones_with_them(settings_file):
    settings_file.write_text(yaml.safe_dump({"batch": {"recent": json.dumps(["/a.ilp", 3, None, "", "/b.ilp"])}}))
    assert preferences.recent() == [Path("/a.ilp"), Path("/b.ilp")]


def test_what_cannot_be_written_is_forgotten(settings_file):
    """A folder stands where the file should be: nothing is raised."""
    settings_file.mkdir()
    preferences.add_recent(Path("/data/cells.ilp"))
    next_session()
    assert preferences.recent() == []


@pytest.mark.slow
def test_the_settings_have_a_page_in_napari(make_napari_viewer, settings_file):
    """The page shows every setting with its title, and what is set there holds for the window."""
    dialog = make_napari_viewer().window._open_preferences_dialog()
    titles = [dialog._list.item(i).text() for i in range(dialog._list.count())]
    page = dialog._stack.widget(titles.index("ilastik Batch Prediction"))
    words = {label.text() for label in page.findChildren(QLabel)}
    assert {"Load results", "Classifiers used before", "Export settings of the last batch"} <= words
    (box,) = page.findChildren(QCheckBox)
    box.setChecked(False)
    assert preferences.load_results() is False
