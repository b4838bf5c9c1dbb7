"""Make the pictures of the window in docs/images: napari itself, driven from empty to results.

    xvfb-run -a -s "-screen 0 1400x1000x24" python docs/make_screenshots.py
    xvfb-run ... python docs/make_screenshots.py --all FOLDER    every state, theme and width, to be looked at
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

WORK = Path(tempfile.mkdtemp())
# Before napari is imported, so that it looks as it does for everyone.
os.environ["NAPARI_CONFIG"] = str(WORK / "settings.yaml")

from napari import Viewer  # noqa: E402
from napari.settings import get_settings  # noqa: E402
from qtpy.QtCore import QEventLoop, Qt, QTimer  # noqa: E402

from napari_batch_prediction import BatchJob, Export  # noqa: E402
from napari_batch_prediction.widgets.batch import BatchPredictionWidget  # noqa: E402

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "src/napari_batch_prediction/samples/nuclei"
GOLDEN = ROOT / "tests/golden"
WINDOW = (1280, 940)
BOTH = (Export(source="Probabilities"), Export(source="Simple Segmentation"))

# State, theme, width of the dock.
KEPT = {
    ("empty", "dark", 320),
    ("filled", "dark", 320),
    ("problems", "light", 320),
    ("running", "dark", 400),
    ("failed", "light", 400),
    ("inspect-2d", "dark", 320),
    ("inspect-2d", "light", 600),
    ("inspect-3d", "dark", 320),
}
THEMES = ("dark", "light")
WIDTHS = (300, 400, 600)


def spin(milliseconds: int) -> None:
    """Let the window work for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def until(met: Callable[[], object], seconds: float = 300) -> None:
    """Let the window work until a condition is met."""
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            raise TimeoutError(f"Waited {seconds} s in vain.")
        spin(10)


def make_inputs(folder: Path) -> None:
    """Lay out what the pictures show: images, an image to be refused, a damaged one, large ones, a volume."""
    for file in SAMPLES.glob("nuclei*"):
        shutil.copy(file, folder)
    shutil.copy(GOLDEN / "b_2d_rgb_u8/test1.png", folder / "stained_rgb.png")
    whole = (SAMPLES / "nuclei_04.png").read_bytes()
    (folder / "interrupted_download_of_the_second_plate.png").write_bytes(whole[: len(whole) // 2])
    nucleus = np.asarray(Image.open(SAMPLES / "nuclei_03.png"))
    for well in ("A1", "A2", "A3", "B1", "B2", "B3"):
        Image.fromarray(np.tile(nucleus, (5, 5))).save(folder / f"plate_{well}.png")
    shutil.copy(GOLDEN / "d_3d_u8/project.ilp", folder / "tissue.ilp")
    shutil.copy(GOLDEN / "d_3d_u8/train.h5", folder / "tissue_01.h5")
    shutil.copy(GOLDEN / "d_3d_u8/test1.h5", folder / "tissue_02.h5")


class Stage:
    """One napari window with the widget, brought to one state after the other."""

    def __init__(self, folder: Path, theme: str) -> None:
        self.folder = folder
        get_settings().appearance.theme = theme
        self.viewer = Viewer()
        self.window = self.viewer.window._qt_window
        self.window.resize(*WINDOW)
        self.widget = BatchPredictionWidget(self.viewer)
        self.dock = self.viewer.window.add_dock_widget(self.widget, name="Batch Prediction")
        self.ended = False
        self.widget.finished.connect(self._on_finished)

    def _on_finished(self) -> None:
        self.ended = True

    def fill(self, classifier: str, *inputs: str, exports: tuple[Export, ...] = BOTH) -> None:
        """Fill in a job, and wait until it is checked."""
        inputs = tuple(str(self.folder / name) for name in inputs)
        self.widget.setValue(BatchJob(classifier=self.folder / classifier, inputs=inputs, exports=exports, existing="overwrite"))
        until(lambda: self.widget.checked)

    def run(self) -> None:
        """Run the job to its end."""
        self.ended = False
        self.widget.start()
        until(lambda: self.ended)
        spin(500)

    def states(self) -> Iterator[str]:
        """Go through the states, and name each when it is reached."""
        yield "empty"
        self.fill("nuclei.ilp", "nuclei_0*.png")
        yield "filled"
        self.fill("nuclei.ilp", "nuclei_01.png", "nuclei_02.png", "stained_rgb.png", "interrupted*.png")
        yield "problems"
        self.run()
        self.select(3)
        yield "failed"
        self.select(1)
        yield "inspect-2d"
        self.fill("nuclei.ilp", "plate_*.png", exports=(Export(),))
        self.ended = False
        self.widget.start()
        until(lambda: self.progress() >= 0.4)
        yield "running"
        self.widget.cancel()
        until(lambda: self.ended)
        self.fill("tissue.ilp", "tissue_01.h5", "tissue_02.h5")
        self.run()
        self.viewer.dims.ndisplay = 3
        self.viewer.scene.camera.angles = (10, -25, 60)
        spin(500)
        yield "inspect-3d"
