"""Measure the window: how long it keeps the event loop, and whether predicting in it takes longer than outside.

    xvfb-run -a -s "-screen 0 1400x1000x24" python benchmarks/window.py [--quick] [--only live] [--output FILE]

A timer of 10 ms beats in napari's event loop; the longest time between two beats is the longest pause that a user
could feel. Rounds outside the window, in it, and in it with results shown as layers take turns.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

WORK = Path(tempfile.mkdtemp())
os.environ["NAPARI_CONFIG"] = str(WORK / "settings.yaml")

import live  # noqa: E402
import numpy as np  # noqa: E402
from napari import Viewer  # noqa: E402
from PIL import Image  # noqa: E402
from qtpy.QtCore import QEventLoop, Qt, QTimer  # noqa: E402
from qtpy.QtWidgets import QCheckBox, QTableView  # noqa: E402

from napari_batch_prediction import BatchJob, Export  # noqa: E402
from napari_batch_prediction.running.run import run_plan  # noqa: E402
from napari_batch_prediction.widgets.inputs.section import InputsSection  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "src/napari_batch_prediction/samples/nuclei"
BEAT_MS = 10
BOTH = ("Probabilities", "Simple Segmentation")


class Step(NamedTuple):
    """One thing that was done: how long it took, and the longest pause, in seconds."""

    seconds: float
    pause: float


class Heart:
    """Notes the longest time between two turns of the event loop."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last - BEAT_MS / 1000)
        self._last = now

    @contextmanager
    def watched(self, steps: list[Step]) -> Iterator[None]:
        """Note how long the block takes and its longest pause."""
        spin(50)
        self.longest, began = 0.0, time.perf_counter()
        yield
        # The time after the block includes painting that it caused.
        seconds = time.perf_counter() - began
        spin(300)
        steps.append(Step(seconds, self.longest))


def spin(milliseconds: int) -> None:
    """Let the window work for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_for(done: Callable[[], object]) -> None:
    """Let the window work until something is so."""
    loop = QEventLoop()
    timer = QTimer()
    timer.timeout.connect(lambda: loop.quit() if done() else None)
    timer.start(BEAT_MS)
    loop.exec()


def make_images(n: int, folder: Path) -> BatchJob:
    """Write images of 512 x 512 pixels, all different, and return the job that predicts them."""
    folder.mkdir()
    pixels = np.asarray(Image.open(SAMPLE / "nuclei_01.png"))
    for i in range(n):
        Image.fromarray(np.roll(pixels, 7 * i, axis=1)).save(folder / f"image_{i:04}.png", compress_level=1)
    shutil.copy(SAMPLE / "nuclei.ilp", folder)
    return BatchJob(
        classifier=folder / "nuclei.ilp",
        inputs=(str(folder / "*.png"),),
        exports=tuple(Export(source=source, folder=folder / "results") for source in BOTH),
        existing="overwrite",
    )


def measure_run(n: int, rounds: int) -> dict[str, list[Step]]:
    """Predict the same images outside the window, in it, and in it with results shown."""
    job = make_images(n, WORK / "run")
    run_plan(job.model_copy(update={"inputs": (str(WORK / "run/image_0000.png"),)}).plan())  # compiles
    viewer = Viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-batch-prediction", "Batch Prediction")
    checked: list[object] = []
    widget.checked.connect(checked.append)
    widget.setValue(job)
    wait_for(lambda: checked)
    spin(2000)
    heart = Heart()
    load = next(box for box in widget.findChildren(QCheckBox) if box.text() == "Load results")
    steps: dict[str, list[Step]] = {"outside": [], "in the window": [], "in the window, results shown": []}
    for _ in range(rounds):
        began = time.perf_counter()
        run_plan(job.plan())
        steps["outside"].append(Step(time.perf_counter() - began, 0.0))
        for name in list(steps)[1:]:
            load.setChecked(name.endswith("shown"))
            viewer.layers.clear()
            finished: list[object] = []
            widget.finished.connect(finished.append)
            with heart.watched(steps[name]):
                widget.start()
                wait_for(lambda finished=finished: finished)
            widget.finished.disconnect(finished.append)
    viewer.close()
    return steps


def measure_inputs(n: int) -> dict[str, list[Step]]:
    """Add many images, check them, scroll, sort and remove them."""
    folder = WORK / "inputs"
    folder.mkdir()
    pixels = np.asarray(Image.open(SAMPLE / "nuclei_01.png"))[:64, :64]
    names = [folder / f"image_{i:05}.png" for i in range(n)]
    for name in names:
        Image.fromarray(pixels).save(name, compress_level=1)
    shutil.copy(SAMPLE / "nuclei.ilp", folder)
    viewer = Viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-batch-prediction", "Batch Prediction")
    heart = Heart()
    steps: dict[str, list[Step]] = {}

    def step(name: str, act: Callable[[], object], until: Callable[[], object]) -> None:
        with heart.watched(steps.setdefault(name, [])):
            act()
            wait_for(until)

    checked: list[object] = []
    widget.checked.connect(checked.append)
    table: QTableView = widget.findChild(InputsSection).findChild(QTableView)
    job = BatchJob(classifier=folder / "nuclei.ilp", inputs=(str(names[0]),))
    step("choose a classifier, add one image", lambda: widget.setValue(job), lambda: checked)
    checked.clear()
    inputs = tuple(map(str, names))
    step(
        f"add {n} files and check them",
        lambda: widget.setValue(job.model_copy(update={"inputs": inputs})),
        lambda: checked,
    )
    if table.model().rowCount() != n:
        raise RuntimeError(f"The table has {table.model().rowCount()} rows, expected {n}.")
    bar = table.verticalScrollBar()
    for where in np.linspace(0, bar.maximum(), 40).astype(int):
        step("scroll", lambda where=where: bar.setValue(int(where)), lambda: True)
    step("sort", lambda: table.sortByColumn(0, Qt.SortOrder.DescendingOrder), lambda: True)
    checked.clear()
    step("select all", table.selectAll, lambda: True)
    table.clearSelection()
    table.selectRow(n // 2)
    step("change a setting", lambda: widget.setValue(job.model_copy(update={"inputs": inputs[1:]})), lambda: checked)
    viewer.close()
    return steps


def measure_painting(n: int) -> str:
    """Paint strokes on an image and on a volume, and return what they took as Markdown."""
    pixels = live.pictures(SAMPLE)
    images = {
        "image, 2048 x 2048": lambda: live.tiled(pixels, 2048),
        "volume in Zarr, 200 x 1024 x 1024": lambda: live.volume(pixels, WORK / "volume.zarr"),
    }
    strokes = {name: live.measure(make(), Heart, wait_for, spin, n) for name, make in images.items()}
    return live.text(strokes, live.reference(pixels))


def text(n: int, run: dict[str, list[Step]], n_inputs: int, inputs: dict[str, list[Step]]) -> str:
    """Return the results as Markdown."""
    lines = [
        f"{n} images of 512 x 512 pixels, medians of {len(run['outside'])} rounds:",
        "",
        "| | seconds | to outside | longest pause |",
        "| --- | --- | --- | --- |",
    ]
    outside = [step.seconds for step in run["outside"]]
    for name, steps in run.items():
        ratio = statistics.median(step.seconds / other for step, other in zip(steps, outside, strict=True))
        pause = f"{1000 * max(step.pause for step in steps):.0f} ms" if name != "outside" else ""
        lines.append(f"| {name} | {statistics.median(s.seconds for s in steps):.2f} | {ratio:.2f} | {pause} |")
    lines += ["", f"{n_inputs} inputs:", "", "| | seconds | longest pause |", "| --- | --- | --- |"]
    for name, steps in inputs.items():
        pause = 1000 * max(step.pause for step in steps)
        lines.append(f"| {name} | {sum(step.seconds for step in steps):.2f} | {pause:.0f} ms |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description="Measure the window.")
    parser.add_argument("--quick", action="store_true", help="few images, one round: to see that it works")
    parser.add_argument("--output", metavar="FILE", type=Path, help="file for the tables; they are printed too")
    parser.add_argument("--only", choices=("batch", "live"), help="only the batch, or only painting (live)")
    arguments = parser.parse_args()
    n, n_inputs, rounds = (6, 50, 1) if arguments.quick else (200, 5000, 3)
    reports = []
    if arguments.only != "live":
        reports.append(text(n, measure_run(n, rounds), n_inputs, measure_inputs(n_inputs)))
    if arguments.only != "batch":
        reports.append(measure_painting(3 if arguments.quick else live.N_STROKES))
    report = "\n".join(reports)
    print(report)
    if arguments.output:
        arguments.output.write_text(report, encoding="utf-8")
    shutil.rmtree(WORK)
    return 0


if __name__ == "__main__":
    sys.exit(main())
