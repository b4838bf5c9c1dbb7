"""Predict images, and open napari on the first with its probabilities and its segmentation over it."""

from importlib.resources import files
from pathlib import Path

import napari

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"

job = nbp.BatchJob(
    classifier=SAMPLES / "nuclei.ilp",
    inputs=[str(SAMPLES / "nuclei_0[12].png")],
    exports=[
        nbp.Export(source="Probabilities", folder="shown"),
        nbp.Export(source="Simple Segmentation", folder="shown"),
    ],
    existing="overwrite",
)
ledger = job.run()
first = ledger.rows[0]

viewer = napari.Viewer()
viewer.open(first.input)
for path in first.outputs.values():
    # The reader of the plugin gives the layers the names and colours of the classes.
    viewer.open(path, plugin="napari-batch-prediction")

if __name__ == "__main__":
    napari.run()
