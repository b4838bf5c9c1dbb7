"""Predict images with a bar for progress; Ctrl-C ends the run cleanly, and what is whole stays."""

import signal
from importlib.resources import files
from pathlib import Path

from tqdm import tqdm

import napari_batch_prediction as nbp
from napari_batch_prediction.records.events import BatchStarted, FileFinished, Notice, TileDone

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"

job = nbp.BatchJob(
    classifier=SAMPLES / "nuclei.ilp",
    inputs=[str(SAMPLES / "*.png")],
    exports=[nbp.Export(folder="probabilities", format="npy")],
    existing="overwrite",
)

bar = tqdm(unit="tile")
stop = False


def show(event):
    """Show an event of the run."""
    if isinstance(event, BatchStarted):
        bar.reset(event.n_tiles)
    elif isinstance(event, TileDone):
        bar.update()
    elif isinstance(event, FileFinished):
        bar.write(f"{event.row.status} {event.row.input} {event.row.reason}")
    elif isinstance(event, Notice):
        bar.write(event.text)


def interrupt(*_):
    """Have the run stop after the tiles under way."""
    global stop
    stop = True


before = signal.signal(signal.SIGINT, interrupt)
ledger = job.run(on_event=show, should_cancel=lambda: stop)
signal.signal(signal.SIGINT, before)
bar.close()
print(f"{ledger.count('done')} done, {ledger.count('failed')} failed, {ledger.count('cancelled')} cancelled")
