"""Predict the images of a folder, and say which failed and why.

python batch_folder.py [PROJECT PATTERN FOLDER]
"""

import sys
from importlib.resources import files
from pathlib import Path

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"


def main(project: str, pattern: str, folder: str) -> int:
    """Predict; return 1 if an image is not done."""
    # Outputs of the same project and settings are not made again.
    job = nbp.BatchJob(project, pattern, "Simple Segmentation", folder=folder, format="ome-tiff", existing="skip")
    for row in job.plan():
        for problem in (*row.problems, *row.warnings):
            print(f"{row.input}: {problem}")
    ledger = job.run()
    print(ledger)
    return 0 if ledger.count("done", "skipped") == len(ledger) else 1


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or [str(SAMPLES / "nuclei.ilp"), str(SAMPLES / "*.png"), "segmented"])))
