"""Jobs as JSON, and their faults in words."""

import json

import pytest

from napari_batch_prediction.cli import main
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.stored import read_job, write_job

JOB = {"classifier": "c.ilp", "inputs": ["a.tif"]}


def test_job_comes_back_from_its_json():
    """Every kind of field, and names that are no text."""
    job = BatchJob(
        classifier="caf\udce9.ilp",
        inputs=("a*.tif", "caf\udce9.tif"),
        exports=(Export(region={"y": (3, None)}, output_range=(0, 255), dtype="uint8"), Export(source="Features")),
        channels=(0, "DAPI"),
        input_settings={"a.tif": InputSettings(axes="yx", channels=(1,))},
        memory=2**30,
    )
    assert read_job(write_job(job)) == job


NOT_JSON = {
    "nothing": ("", "is not JSON: a value is expected at line 1, column 1."),
    "a comma too much": ('{"classifier": "c.ilp",\n}', "a name in double quotes is expected at line 2, column 1."),
    "single quotes": ("{'classifier': 1}", "a name in double quotes is expected at line 1, column 2."),
    "no comma": ('{"classifier": "c"\n "inputs": []}', "a comma is expected at line 2, column 2."),
    "backslash of Windows": (r'{"classifier": "c:\Users"}', "a text holds a backslash that stands for nothing"),
    "a field twice": ('{"workers": 1, "inputs": [], "workers": 2}', "holds 'workers' twice in one object."),
    "twice in an export": (
        '{"exports": [{"dtype": "uint8", "dtype": "uint16"}]}',
        "holds 'dtype' twice in one object.",
    ),
    "an input twice": ('{"input_settings": {"a": {}, "a": {}}}', "holds 'a' twice in one object."),
    "two": ("{} {}", "there is more after its end at line 1, column 4."),
    "a list": ("[1]", "holds a list, expected an object with the fields of a job in braces."),
    "a number": ("1", "holds a number"),
    "nested": ("[" * 100_000, "cannot be read: it is nested too deeply"),
}


@pytest.mark.parametrize(("text", "message"), NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_no_json_is_said_in_words(text, message):
    """The place is named, and nothing of a parser's words is left."""
    with pytest.raises(SettingsError) as caught:
        read_job(text, "The job 'j.json'")
    assert str(caught.value).startswith("The job 'j.json' ")
    assert message in str(caught.value)


FAULTS = {
    "missing": ({"inputs": ["a"]}, "classifier: is missing"),
    "misspelt": ({**JOB, "inptus": []}, "inptus: is not the name of a field (did you mean 'inputs'?)"),
    "of an export": (
        {**JOB, "form_at": "tiff"},
        "is not the name of a field (did you mean 'format'?)",
    ),
    "unknown": ({**JOB, "qqq": 1}, "qqq: is not the name of a field."),
    "misspelt in an export": ({**JOB, "exports": [{}, {"form_at": 1}]}, "exports, entry 2, form_at: is not the name"),
    "no text": ({**JOB, "inputs": ["a", 2]}, "inputs, entry 2: a text is expected, got 2"),
    "no path": ({**JOB, "classifier": 1}, "classifier: a path as text is expected, got 1"),
    "no list": ({**JOB, "inputs": 3}, "inputs: a path, a pattern or an image is expected, or a list of these, got 3"),
    "of an export inside": ({**JOB, "the_region": 1}, "(did you mean 'region' inside 'exports'?)"),
    "no object": ({**JOB, "exports": [3]}, "exports, entry 1: an object with fields is expected, got 3"),
    "no number": ({**JOB, "workers": "many"}, "workers: a whole number is expected, got 'many'"),
    "true": ({**JOB, "workers": True}, "workers: a whole number is expected, got True"),
    "a fraction of zero": ({**JOB, "workers": 2.0}, "workers: a whole number is expected, got 2.0"),
    "true as memory": ({**JOB, "memory": True}, "memory: a whole number is expected, got True"),
    "a fraction as memory": ({**JOB, "memory": 1e12}, "memory: a whole number is expected, got 1000000000000.0"),
    "false as a channel": ({**JOB, "channels": [False]}, "entry 1: a whole number or a text is expected, got False"),
    "a channel of an image": (
        {**JOB, "input_settings": {"a": {"channels": [1.0]}}},
        "input_settings, a, channels, entry 1: a whole number or a text is expected, got 1.0",
    ),
    "true in a region": (
        {**JOB, "exports": [{"region": {"y": [True, 5]}}]},
        "exports, entry 1, region, y, entry 1: a whole number is expected, got True",
    ),
    "a fraction in a region": (
        {**JOB, "exports": [{"region": {"y": [0, 5.0]}}]},
        "a whole number is expected, got 5.0",
    ),
    "true in a range": (
        {**JOB, "exports": [{"output_range": [False, 1]}]},
        "output_range, entry 1: a number is expected, got False",
    ),
    "too small": ({**JOB, "workers": 0}, "workers: at least 1 is expected, got 0"),
    "too little": ({**JOB, "memory": 5}, "memory: 5 bytes is too little: the smallest that works is 512MiB"),
    "no size": ({**JOB, "memory": "much"}, "memory: 'much' is not a size"),
    "choice": (
        {**JOB, "existing": "skipx"},
        "error, skip or overwrite is expected, got 'skipx' (did you mean 'skip'?)",
    ),
    "type": ({**JOB, "exports": [{"dtype": "unit8"}]}, "got 'unit8' (did you mean 'uint8'?)"),
    "range": ({**JOB, "exports": [{"output_range": [1]}]}, "exports, entry 1, output_range, entry 2: is missing"),
    "falling range": (
        {**JOB, "exports": [{"output_range": [5, 1]}]},
        "from the smaller to the larger value, not from 5",
    ),
    "region": ({**JOB, "exports": [{"region": "y=a"}]}, "region: 'y=a' is not a region"),
    "axis": ({**JOB, "exports": [{"region": {"q": [1, 2]}}]}, "region, q: t, c, z, y or x is expected, got 'q'"),
    "no exports": ({**JOB, "exports": []}, "exports: at least one entry is expected"),
    "channels": ({**JOB, "channels": [1.5]}, "channels, entry 1: a whole number or a text is expected, got 1.5"),
    "of an image": ({**JOB, "input_settings": {"a": {"axs": 1}}}, "input_settings, a, axs: is not the name of a field"),
}


@pytest.mark.parametrize(("content", "message"), FAULTS.values(), ids=FAULTS)
def test_fault_names_file_and_field_in_words(content, message, tmp_path, capsys):
    """File, field and expectation are said, and nothing of a library's words is left."""
    file = tmp_path / "j.json"
    file.write_text(json.dumps(content))
    assert main(["run", "--job", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"The job '{file}' is no job: " in said
    assert message in said
    assert not any(word in said for word in ("pydantic", "Input should", "Field required", "Extra inputs", "type="))
