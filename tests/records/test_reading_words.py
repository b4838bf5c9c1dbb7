"""What is wrong with a line of a ledger is said in words."""

import json

import pytest

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.records.reading import read_record

RUN = {"kind": "run", "format": 1, "job": {"classifier": "c", "inputs": ["a"]}, "classifier_sha256": ""}

LINES = {
    "no kind": ({}, "its 'kind' is missing or unknown"),
    "unknown kind": ({"kind": "walk"}, "its 'kind' is missing or unknown"),
    "no object": ([1], "is expected, got [1]"),
    "a list for an object": ({"kind": "input", "index": 0, "input": "a", "outputs": []}, "input, outputs: an object"),
    "a text for a number": ({"kind": "begin", "index": "0"}, "begin, index: a whole number is expected, got '0'"),
    "no job": ({**RUN, "job": {"inputs": [1]}}, "its job: classifier: is missing; inputs, entry 1: a text is expected"),
}


@pytest.mark.parametrize(("line", "message"), LINES.values(), ids=LINES)
def test_wrong_line_is_described_in_words(line, message, tmp_path):
    """The place and the expectation are named, and nothing of a library's words is left."""
    record = tmp_path / "r.ledger.jsonl"
    record.write_text(f"{json.dumps(RUN)}\n{json.dumps(line)}\n")
    with pytest.raises(SettingsError) as caught:
        read_record(record)
    assert message in str(caught.value)
    assert not any(word in str(caught.value) for word in ("Input should", "pydantic", "validation error"))
