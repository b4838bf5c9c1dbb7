"""Runs where the system allows few open files."""

import numpy as np
from repository import GOLDEN

import napari_batch_prediction as nbp
from napari_batch_prediction.records.events import FileFinished, FileStarted
from napari_batch_prediction.running import executor

PROJECT = GOLDEN / "a_2d_u8" / "project.ilp"


def test_many_workers_open_as_few_images_as_the_system_allows(tmp_path, monkeypatch):
    """Each image is one file, and each of its outputs, too; a quarter of what is allowed is used."""
    monkeypatch.setattr(executor, "most_open_files", lambda: 24)
    for i in range(12):
        np.save(tmp_path / f"{i}.npy", np.full((50, 60), i, np.uint8))
    n_open, most = 0, 0

    def on_event(event) -> None:
        nonlocal n_open, most
        n_open += isinstance(event, FileStarted) - isinstance(event, FileFinished)
        most = max(most, n_open)

    ledger = nbp.BatchJob(classifier=PROJECT, inputs=[str(tmp_path / "*.npy")], workers=12).run(on_event)
    assert {row.status for row in ledger.rows} == {"done"}
    assert most == 24 // 8 + 1
