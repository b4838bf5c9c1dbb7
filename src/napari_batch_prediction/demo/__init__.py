"""The demo: shipped sample images and a damaged one, predicted as a batch and shown in one picture."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.console import Ends, users_environment
from napari_batch_prediction.demo.samples import NUCLEI
from napari_batch_prediction.disk import require_path
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.stored import write_job

DEFAULT_FOLDER = Path("nbp-demo")
DAMAGED = "nuclei_07_damaged.png"

# The bindings of Qt that napari takes.
_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")

_RECORD = "demo.ledger.jsonl"


def run_demo(folder: Path | None, viewer: bool, ends: Ends | None = None) -> int:
    """Make the demo, run it, print its ledger, and draw the overview.

    Parameters
    ----------
    folder
        Folder of the demo; :data:`DEFAULT_FOLDER` if None.
    viewer
        True to open napari afterwards, on the finished run.
    ends
        The signals that end it.

    Returns
    -------
    The exit status: 0 if only the damaged image failed, that of a signal if one ended it, else 1.

    Raises
    ------
    SettingsError
        If the folder holds other files, or there is no Qt for the viewer.
    """
    if viewer:
        _require_qt()
    from napari_batch_prediction.demo.overview import save_overview
    from napari_batch_prediction.demo.training import train_on_strokes
    from napari_batch_prediction.planning.plan import make_plan
    from napari_batch_prediction.report import Progress, print_ledger
    from napari_batch_prediction.running.run import run_plan

    folder = folder or DEFAULT_FOLDER
    job = make_demo(folder)
    plan = make_plan(job)
    ends = ends or Ends()
    with ends.noted():
        ledger = run_plan(plan, Progress(plan, sys.stderr).show, ends.came)
    print_ledger(ledger)
    if ends.came():
        return ends.status
    overview = folder / "overview.png"
    save_overview(overview, job, ledger)
    failed = [Path(row.input).name for row in ledger.rows if row.status != "done"]
    if failed == [DAMAGED]:
        print(f"Only {DAMAGED} failed, as it should: the demo cut it off to show what a damaged file does to a batch.")
    else:
        print(f"Expected only {DAMAGED} to fail, but these did: {', '.join(failed) or 'none'}.")
    print(f"Images and results in one picture: {overview}")
    print(train_on_strokes(folder))
    if viewer:
        print("napari opens on these results. Close its window to end.", flush=True)
        # The window is a program of its own, since this module may not know Qt.
        text = write_job(job.absolute().model_copy(update={"ledger": None}))
        program = [sys.executable, "-m", "napari_batch_prediction.widgets.demo", text, str(ledger.path)]
        subprocess.run(program, check=False, env=users_environment())  # noqa: S603
    return 0 if failed == [DAMAGED] else 1


def _require_qt() -> None:
    """Raise an error if napari has no Qt to make its window with."""
    if find_spec("napari") is None or not any(map(find_spec, _BINDINGS)):
        raise SettingsError(
            f"The viewer needs Qt, which is not installed: pip install '{PROGRAM}[pyqt6]', or leave out --viewer."
        )


def make_demo(folder: Path) -> BatchJob:
    """Put sample images, their project and a damaged image into a folder; return the job for them.

    Parameters
    ----------
    folder
        A folder that is empty, does not exist yet, or holds an earlier demo.

    Raises
    ------
    SettingsError
        If the folder holds other files.
    """
    sample = {path.name: path.read_bytes() for path in (NUCLEI.project, *NUCLEI.images)}
    project = folder / NUCLEI.project.name
    record = folder / "results" / _RECORD
    require_path(record, SettingsError, "The demo")
    earlier_demo = record.is_file() and project.is_file() and project.read_bytes() == sample[project.name]
    if folder.exists() and not earlier_demo and not (folder.is_dir() and not any(folder.iterdir())):
        raise SettingsError(
            f"The demo needs a folder that is empty, new or an earlier demo, but '{folder}' is none of "
            "these. Name another folder: napari-batch-prediction demo FOLDER"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The folder '{folder}' cannot be made: {error.strerror}. Name another folder: napari-batch-prediction "
            "demo FOLDER"
        ) from error
    for name, content in sample.items():
        (folder / name).write_bytes(content)
    whole = sample[NUCLEI.images[2].name]
    (folder / DAMAGED).write_bytes(whole[: len(whole) // 2])
    for earlier in (record, record.with_name("demo.csv")):  # the ledger of an earlier demo, and its summary
        earlier.unlink(missing_ok=True)
    job = NUCLEI.job(
        inputs=[str(folder / name) for name in (*(path.name for path in NUCLEI.images), DAMAGED)],
        folder=folder / "results",
    )
    return job.model_copy(update={"classifier": project, "existing": "overwrite", "ledger": record})
