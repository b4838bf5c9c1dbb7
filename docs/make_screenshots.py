"""Make the pictures of the window in docs/images: napari itself, driven from empty to results.

xvfb-run -a -s "-screen 0 1400x1000x24" python docs/make_screenshots.py
xvfb-run ... python docs/make_screenshots.py --all FOLDER    every state, theme and width, to be looked at
xvfb-run ... python docs/make_screenshots.py --all FOLDER --only dark running counting    some of them
xvfb-run ... python docs/make_screenshots.py --all FOLDER --size 1366x768 --scale 1.5    on a screen of that size
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

# A path that looks well in a picture.
WORK = Path(tempfile.gettempdir()) / "microscope"
WORK.mkdir()  # fails while another one is at work
# Before napari is imported, so that it looks as it does for everyone.
os.environ["NAPARI_CONFIG"] = str(WORK / "settings.yaml")
if "--scale" in sys.argv:
    os.environ["QT_SCALE_FACTOR"] = sys.argv[sys.argv.index("--scale") + 1]

from napari import Viewer  # noqa: E402
from napari.settings import get_settings  # noqa: E402
from qtpy.QtCore import QEventLoop, Qt, QTimer  # noqa: E402
from qtpy.QtWidgets import QProgressBar, QPushButton, QTabBar  # noqa: E402
from superqt.utils import WorkerBase  # noqa: E402

from napari_batch_prediction import BatchJob, Export, ObjectSettings  # noqa: E402
from napari_batch_prediction.widgets.canvas.canvas import Canvas  # noqa: E402
from napari_batch_prediction.widgets.classifier.feature_table import FeatureDialog  # noqa: E402
from napari_batch_prediction.widgets.inputs.section import InputsSection  # noqa: E402
from napari_batch_prediction.widgets.parts.table import Table  # noqa: E402
from napari_batch_prediction.widgets.results.plot_panel import PlotPanel  # noqa: E402
from napari_batch_prediction.widgets.results.table import ResultsTable  # noqa: E402
from napari_batch_prediction.widgets.work import Task  # noqa: E402

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "src/napari_batch_prediction/samples"
GOLDEN = ROOT / "tests/golden"
PLUGIN = "napari-batch-prediction"
BOTH = (Export(source="Probabilities"), Export(source="Simple Segmentation"))
COUNTED = (Export(source="Counts", format="csv"), Export(source="Density"))
OBJECTS = (Export(source="Objects"), Export(source="Object Table", format="csv"))
MANY = 5000
LONG = "2026-11-22_experiment_17_plate_B_well_{}_field_003_channel_DAPI_maximum_projection.png"

# State, theme, width of the dock; 0 for the width that it has at first.
KEPT = {
    ("empty", "dark", 300),
    ("filled", "dark", 400),
    ("problems", "light", 400),
    ("running", "dark", 400),
    ("failed", "light", 400),
    ("inspect-2d", "dark", 400),
    ("inspect-2d", "light", 600),
    ("settings", "dark", 400),
    ("exports", "dark", 400),
    ("inspect-3d", "dark", 400),
    ("counting", "dark", 400),
    ("autocontext", "light", 400),
    ("objects", "dark", 400),
    ("histogram", "light", 400),
    ("layers", "dark", 400),
    ("features", "light", 400),
}
THEMES = ("dark", "light")
WIDTHS = (300, 400, 600)
# Larger pictures get fewer colours.
MOST_BYTES = 300_000


def spin(milliseconds: int) -> None:
    """Let the window work for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


@contextmanager
def until(signal: Any, enough: Callable[[Any], bool] = lambda value: True) -> Iterator[None]:
    """Run the block, then let the window work until a signal comes with a value that is enough."""
    came = []
    signal.connect(lambda value: came.append(value) if enough(value) else None)
    yield
    end = time.monotonic() + 300
    while not came:
        if time.monotonic() > end:
            raise TimeoutError("Waited 300 s in vain.")
        spin(10)


def make_inputs(folder: Path) -> None:
    """Write the inputs of the pictures: images, some to be refused, a damaged one, large ones, volumes, long names."""
    for sample in ("nuclei", "colonies", "embryo"):
        for file in (SAMPLES / sample).iterdir():
            shutil.copy(file, folder)
    shutil.copy(GOLDEN / "b_2d_rgb_u8/test1.png", folder / "stained_rgb.png")
    whole = (folder / "nuclei_04.png").read_bytes()
    (folder / "interrupted_download_of_the_second_plate.png").write_bytes(whole[: len(whole) // 2])
    nucleus = np.asarray(Image.open(folder / "nuclei_03.png"))
    for well in ("A1", "A2", "A3", "B1", "B2", "B3"):
        Image.fromarray(np.tile(nucleus, (5, 5))).save(folder / f"plate_{well}.png")
        shutil.copy(folder / "nuclei_02.png", folder / LONG.format(well))
    many = folder / "many"
    many.mkdir()
    small = (folder / "nuclei_01.png").read_bytes()
    (many / "well_0000.png").write_bytes(small)
    for i in range(1, MANY):
        os.link(many / "well_0000.png", many / f"well_{i:04}.png")
    cells = folder / "autocontext"
    cells.mkdir()
    for name in ("project.ilp", "test1.png", "test2.png"):
        shutil.copy(GOLDEN / "i_autocontext_2d_u8" / name, cells)
    (cells / "project.ilp").rename(cells / "cells.ilp")


class Stage:
    """One napari window with the widget, brought to one state after the other."""

    def __init__(self, folder: Path, theme: str, font_size: int, size: tuple[int, int]) -> None:
        self.folder = folder
        get_settings().appearance.theme = theme
        get_settings().appearance.font_size = font_size
        self.viewer = Viewer()
        self.window = self.viewer.window._qt_window
        self.window.move(0, 0)
        self.window.resize(*size)
        self.dock, self.widget = self.viewer.window.add_plugin_dock_widget(PLUGIN, "Batch Prediction")
        spin(300)

    def close(self) -> None:
        """Stop what runs, and close the window once it has removed its files."""
        cancel = next(button for button in self.widget.findChildren(QPushButton) if button.text().startswith("Cancel"))
        self.widget.cancel()
        while cancel.isEnabled() or cancel.text() != "Cancel":
            spin(100)
        self.viewer.close()
        WorkerBase.await_workers(60_000)
        spin(300)

    def fill(self, classifier: str, *inputs: str, exports: tuple[Export, ...] = BOTH, **settings: Any) -> None:
        """Fill in a job, and wait until it is checked."""
        inputs = tuple(str(self.folder / name) for name in inputs)
        job = BatchJob(self.folder / classifier, inputs, exports, existing="overwrite", **settings)
        with until(self.widget.checked):
            self.widget.setValue(job)

    def run(self) -> None:
        """Run the job to its end."""
        with until(self.widget.finished):
            self.widget.start()

    def select(self, row: int) -> None:
        """Look at one of the results."""
        self.widget.findChild(ResultsTable).selectRow(row)
        self.settle()

    def settle(self) -> None:
        """Wait until the canvas shows all that it is to show."""
        spin(300)
        canvas = self.widget.findChild(Canvas)
        while canvas.findChildren(Task) or any(timer.isActive() for timer in canvas.findChildren(QTimer)):
            spin(100)
        spin(300)

    def picture(self, width: int) -> Image.Image:
        """Return the window with a dock of this width."""
        # A canvas that is slow to draw keeps the layout waiting.
        for _ in range(3):
            if width:
                self.window.resizeDocks([self.dock], [width], Qt.Orientation.Horizontal)
            spin(400)
        return Image.fromarray(self.viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")

    def show_page(self, index: int) -> None:
        """Turn to a page."""
        self.widget.findChild(QTabBar).setCurrentIndex(index)
        spin(200)

    def press(self, text: str) -> None:
        """Press a button."""
        next(button for button in self.widget.findChildren(QPushButton) if button.text() == text).click()
        spin(200)


def empty(stage: Stage) -> None:
    """Leave the window as it opens."""


def filled(stage: Stage) -> None:
    """Fill in six images."""
    stage.fill("nuclei.ilp", "nuclei_0*.png")


def one(stage: Stage) -> None:
    """Predict one image."""
    stage.fill("nuclei.ilp", "nuclei_01.png", exports=(Export(),))
    stage.run()
    stage.select(0)


def many(stage: Stage) -> None:
    """Add thousands of images, and select some."""
    stage.fill("nuclei.ilp", "many")
    stage.widget.findChild(InputsSection).findChild(Table).select_rows(range(10, 14))
    spin(300)


def long_names(stage: Stage) -> None:
    """Predict images with names that do not fit."""
    stage.fill("nuclei.ilp", LONG.format("*"))
    stage.run()
    stage.select(1)


def problems(stage: Stage) -> None:
    """Add images that cannot be predicted."""
    stage.fill("nuclei.ilp", "nuclei_01.png", "nuclei_02.png", "stained_rgb.png", "embryo.tif", "missing.tif")


def failed(stage: Stage) -> None:
    """Run with a failure, and read its reason."""
    stage.fill("nuclei.ilp", "nuclei_01.png", "nuclei_02.png", "stained_rgb.png", "interrupted*.png")
    stage.run()
    stage.select(3)


def running(stage: Stage) -> None:
    """Stop to look in the middle of a run."""
    stage.fill("nuclei.ilp", "plate_*.png")
    bar = stage.widget.findChild(QProgressBar)
    stage.widget.start()
    with until(bar.valueChanged, lambda value: value > 0.4 * bar.maximum() > 1):
        pass
    stage.viewer.scene.camera.zoom *= 10


def inspect_2d(stage: Stage) -> None:
    """Look at a result over its image."""
    stage.fill("nuclei.ilp", "nuclei_0*.png")
    stage.run()
    stage.select(1)


def inspect_3d(stage: Stage) -> None:
    """Render a volume with its probabilities."""
    stage.fill("embryo.ilp", "embryo.tif")
    stage.run()
    stage.select(0)
    stage.viewer.dims.ndisplay = 3
    # A part is cut off, so that the cells are seen.
    cut = {"position": (20, 80, 80), "normal": (1, 0, 0), "enabled": True}
    for layer in stage.viewer.layers:
        layer.visible = layer.name in ("embryo", "embryo Membrane")
        if layer.visible:
            layer.experimental_clipping_planes = [cut]
    stage.viewer.layers["embryo"].opacity = 0.5
    stage.viewer.layers["embryo Membrane"].rendering = "attenuated_mip"
    stage.viewer.layers["embryo Membrane"].attenuation = 0.15
    stage.viewer.reset_view()
    stage.viewer.scene.camera.angles = (0, -30, -20)
    stage.viewer.scene.camera.zoom *= 0.8
    spin(1500)


def counting(stage: Stage) -> None:
    """Count, into a table and as bars."""
    stage.fill("colonies.ilp", "colonies_0*.png", exports=COUNTED)
    stage.run()
    stage.select(1)


def series(stage: Stage) -> None:
    """Look at a time series."""
    stage.fill("division.ilp", "division.tif")
    stage.run()
    stage.select(0)


def objects(stage: Stage) -> None:
    """Go to an object by its row of napari's table of features."""
    stage.fill("nuclei.ilp", "nuclei_0*.png", exports=OBJECTS, objects=ObjectSettings("Nucleus", min_size=30, split=2))
    stage.run()
    stage.select(0)
    stage.viewer.layers.selection = {stage.viewer.layers[-1]}
    dock, table = stage.viewer.window.add_plugin_dock_widget("napari", "Features table widget")
    stage.window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    stage.window.resizeDocks([dock], [200], Qt.Orientation.Vertical)
    spin(500)
    table.table.selectRow(30)
    stage.settle()


def histogram(stage: Stage) -> None:
    """Look at the areas of all objects of a batch."""
    exports = (*OBJECTS, Export(source="Areas", format="csv"))
    stage.fill("nuclei.ilp", "nuclei_0*.png", exports=exports, objects=ObjectSettings("Nucleus", min_size=30, split=2))
    stage.run()
    stage.select(1)
    plots = stage.widget.findChild(PlotPanel)
    while "area" not in plots.choices:
        spin(100)
    plots.choose("area")
    spin(1000)


def autocontext(stage: Stage) -> None:
    """Use a classifier of two stages."""
    stage.fill(
        "autocontext/cells.ilp",
        "autocontext/test*.png",
        exports=(Export(source="Probabilities Stage 2"), Export(source="Simple Segmentation Stage 2")),
    )
    stage.run()
    stage.select(0)


def layers(stage: Stage) -> None:
    """Open a sample from the menu: layers are predicted, and the results come back as layers."""
    with until(stage.widget.checked, lambda plan: plan is not None):
        stage.viewer.open_sample(PLUGIN, "nuclei")
    stage.run()
    stage.settle()


def features(stage: Stage) -> None:
    """Open the table of features."""
    stage.fill("nuclei.ilp", "nuclei_0*.png")
    stage.press("Features")
    dialog = stage.widget.findChild(FeatureDialog)
    dialog.move(stage.window.mapToGlobal(stage.window.rect().center()) - dialog.rect().center())
    spin(300)


def settings(stage: Stage) -> None:
    """Unfold all settings, those of one image too."""
    stage.fill("nuclei.ilp", "nuclei_0*.png")
    stage.widget.findChild(InputsSection).findChild(Table).select_rows([2])
    stage.press("\u25b8 Image settings")


def exports(stage: Stage) -> None:
    """Turn to the settings of the exports, with all unfolded."""
    stage.fill("nuclei.ilp", "nuclei_0*.png")
    stage.show_page(1)
    stage.press("\u25b8 More export settings")


STATES = {
    state.__name__.replace("_", "-"): state
    for state in (
        empty,
        filled,
        one,
        many,
        long_names,
        problems,
        failed,
        running,
        inspect_2d,
        inspect_3d,
        counting,
        series,
        objects,
        histogram,
        autocontext,
        layers,
        features,
        settings,
        exports,
    )
}


def with_dialogs(stage: Stage, picture: Image.Image) -> Image.Image:
    """Return a picture of the window with the dialog that is open on it."""
    dialog = stage.widget.findChild(FeatureDialog)
    if dialog is not None and dialog.isVisible():
        file = WORK / "dialog.png"
        dialog.grab().save(str(file))
        shown = Image.open(file).convert("RGB")
        framed = Image.new("RGB", (shown.width + 2, shown.height + 2), "grey")
        framed.paste(shown, (1, 1))
        picture.paste(framed, (300, 300))
    return picture


def save(picture: Image.Image, file: Path) -> None:
    """Write a picture in as few bytes as it needs."""
    picture.save(file, optimize=True)
    if file.stat().st_size > MOST_BYTES:
        few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(file, optimize=True)
    print(file, file.stat().st_size // 1000, "kB", flush=True)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="make all pictures, in another folder")
    parser.add_argument("--only", nargs="+", default=[], help="only these states and themes")
    parser.add_argument("--font-size", type=int, default=9, help="size of napari's font (default: %(default)s)")
    parser.add_argument("--size", default="1366x768", help="size of napari's window (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of a pixel of the window on the screen")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="widths of the dock; 0: its first width")
    arguments = parser.parse_args()
    size = tuple(round(int(extent) / arguments.scale) for extent in arguments.size.split("x"))
    folder = arguments.all or ROOT / "docs/images"
    folder.mkdir(parents=True, exist_ok=True)
    for theme in [theme for theme in THEMES if theme in arguments.only] or THEMES:
        for name in [name for name in STATES if name in arguments.only] or STATES:
            kept = {width for kept_state, kept_theme, width in KEPT if (kept_state, kept_theme) == (name, theme)}
            widths = arguments.widths if arguments.all else sorted(kept)
            if not widths:
                continue
            # The messages name it, so it is the same for all.
            inputs = WORK / "plates"
            inputs.mkdir()
            make_inputs(inputs)
            stage = Stage(inputs, theme, arguments.font_size, size)
            STATES[name](stage)
            for width in widths:
                save(with_dialogs(stage, stage.picture(width)), folder / f"{name}-{theme}-{width}.png")
            stage.close()
            shutil.rmtree(inputs)
    shutil.rmtree(WORK)


if __name__ == "__main__":
    sys.exit(main())
