"""Problems of a plan in the ledger of its run."""

import json

import numpy as np
from threshold import plan_for, save_images

from napari_batch_prediction.running.run import run_plan


def test_problems_of_a_plan_are_in_the_record_as_texts_and_kinds(tmp_path):
    """The ledger says why an input was not run, for people and for programs."""
    good, colour = save_images(tmp_path, "good", "colour")
    np.save(colour, np.zeros((20, 30, 3), np.uint8))
    ledger = run_plan(plan_for([good, tmp_path / "missing.npy", colour]))
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    noted = [(line["problems"], line["kinds"]) for line in lines if line["kind"] == "input"]
    assert noted == [
        ([], []),
        ([f"There is no file '{tmp_path / 'missing.npy'}'. Check its name and folder."], ["image"]),
        (["The image has 3 channels. Expected 1."], ["mismatch"]),
    ]
