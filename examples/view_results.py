"""Predict images, and open napari on the first with its probabilities and its segmentation over it."""

from importlib.resources import files
from pathlib import Path

import napari

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"

job = nbp.BatchJob(
    SAMPLES / "nuclei.ilp",
    SAMPLES / "nuclei_0[12].png",
    ["Probabilities", "Simple Segmentation"],
    folder="shown",
    existing="overwrite",
)
ledger = job.run()
first = ledger[0]

viewer = napari.Viewer()
viewer.open(first.input)
for path in first.outputs.values():
    # The reader of the plugin gives the layers the names and colours of the classes.
    viewer.open(path, plugin="napari-batch-prediction")

if __name__ == "__main__":
    napari.run()
