"""Predict the images of a folder, and say which failed and why.

python batch_folder.py [PROJECT PATTERN FOLDER]
"""

import sys
from importlib.resources import files
from pathlib import Path

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"


def main(project: str, pattern: str, folder: str) -> int:
    """Predict; return 1 if an image failed."""
    job = nbp.BatchJob(
        classifier=project,
        inputs=[pattern],
        exports=[nbp.Export(source="Simple Segmentation", format="ome-tiff", folder=folder)],
        existing="skip",  # outputs of the same project and settings need not be made again
    )
    for row in job.plan().rows:
        for problem in (*row.problems, *row.warnings):
            print(f"{row.input}: {problem}")
    ledger = job.run()
    for row in ledger.rows:
        print(f"{row.status:9} {row.input} {row.reason}")
    return 1 if ledger.count("failed") else 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or [str(SAMPLES / "nuclei.ilp"), str(SAMPLES / "*.png"), "segmented"])))
