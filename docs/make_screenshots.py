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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WORK = Path(tempfile.mkdtemp())
# Before napari is imported, so that it looks as it does for everyone.
os.environ["NAPARI_CONFIG"] = str(WORK / "settings.yaml")

from napari import Viewer  # noqa: E402
from napari.settings import get_settings  # noqa: E402
from qtpy.QtCore import QEventLoop, Qt, QTimer  # noqa: E402
from qtpy.QtWidgets import QProgressBar, QTableView  # noqa: E402

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
    ("inspect-2d", "dark", 400),
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


@contextmanager
def until(signal: Any, enough: Callable[[Any], bool] = lambda value: True) -> Iterator[None]:
    """Do what is in the block, then let the window work until a signal comes with a value that is enough."""
    came = []
    signal.connect(lambda value: came.append(value) if enough(value) else None)
    yield
    end = time.monotonic() + 300
    while not came:
        if time.monotonic() > end:
            raise TimeoutError("Waited 300 s in vain.")
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

    def __init__(self, folder: Path, theme: str, font_size: int) -> None:
        self.folder = folder
        get_settings().appearance.theme = theme
        get_settings().appearance.font_size = font_size
        self.viewer = Viewer()
        self.window = self.viewer.window._qt_window
        self.window.resize(*WINDOW)
        self.widget = BatchPredictionWidget(self.viewer)
        self.dock = self.viewer.window.add_dock_widget(self.widget, name="Batch Prediction")

    def fill(self, classifier: str, *inputs: str, exports: tuple[Export, ...] = BOTH) -> None:
        """Fill in a job, and wait until it is checked."""
        inputs = tuple(str(self.folder / name) for name in inputs)
        job = BatchJob(classifier=self.folder / classifier, inputs=inputs, exports=exports, existing="overwrite")
        with until(self.widget.checked):
            self.widget.setValue(job)

    def run(self) -> None:
        """Run the job to its end."""
        with until(self.widget.finished):
            self.widget.start()

    def select(self, row: int) -> None:
        """Look at one of the results."""
        self.widget.findChildren(QTableView)[1].selectRow(row)
        spin(1000)

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
        bar = self.widget.findChild(QProgressBar)
        with until(self.widget.finished):
            self.widget.start()
            with until(bar.valueChanged, lambda value: value > 0.4 * bar.maximum() > 1):
                pass
            self.viewer.scene.camera.zoom *= 10
            yield "running"
            self.widget.cancel()
        self.fill("tissue.ilp", "tissue_01.h5", "tissue_02.h5")
        self.run()
        self.select(1)
        self.viewer.dims.ndisplay = 3
        self.viewer.scene.camera.angles = (10, -25, 60)
        self.viewer.scene.camera.zoom *= 0.8
        for name in ("Class 1", "Simple Segmentation"):
            self.viewer.layers[f"tissue_02 {name}"].visible = False
        self.viewer.layers["tissue_02"].opacity = 0.4
        spin(500)
        yield "inspect-3d"

    def picture(self, width: int) -> Image.Image:
        """Return the window with a dock of this width."""
        self.window.resizeDocks([self.dock], [width], Qt.Orientation.Horizontal)
        spin(300)
        return Image.fromarray(self.viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="make all pictures, in another folder")
    parser.add_argument("--font-size", type=int, default=9, help="size of napari's font (default: %(default)s)")
    arguments = parser.parse_args()
    folder = arguments.all or ROOT / "docs/images"
    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        inputs = WORK / theme / "plates"
        inputs.mkdir(parents=True)
        make_inputs(inputs)
        stage = Stage(inputs, theme, arguments.font_size)
        for state in stage.states():
            wanted = {width for kept_state, kept_theme, width in KEPT if (kept_state, kept_theme) == (state, theme)}
            for width in WIDTHS if arguments.all else sorted(wanted):
                file = folder / f"{state}-{theme}-{width}.png"
                stage.picture(width).save(file, optimize=True)
                print(file, file.stat().st_size // 1000, "kB", flush=True)
        stage.viewer.close()
    shutil.rmtree(WORK)


if __name__ == "__main__":
    sys.exit(main())
