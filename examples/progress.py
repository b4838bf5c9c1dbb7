"""Predict images with a bar for progress; Ctrl-C ends the run cleanly, and what is whole stays."""

import signal
from importlib.resources import files
from pathlib import Path

from tqdm import tqdm

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"

job = nbp.BatchJob(
    SAMPLES / "nuclei.ilp", SAMPLES.glob("*.png"), folder="probabilities", format="npy", existing="overwrite"
)
bar = tqdm(unit="tile")
stop = False


def show(done, total):
    """Move the bar."""
    bar.total = total
    bar.update(done - bar.n)


def interrupt(*_):
    """Have the run stop after the tiles under way."""
    global stop
    stop = True


before = signal.signal(signal.SIGINT, interrupt)
ledger = job.run(progress=show, should_cancel=lambda: stop)
signal.signal(signal.SIGINT, before)
bar.close()
print(repr(ledger))
