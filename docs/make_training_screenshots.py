"""Make the pictures of training in docs/images: napari itself, from an empty viewer to the window for many images.

xvfb-run -a -s "-screen 0 1400x1000x24" python docs/make_training_screenshots.py
xvfb-run ... python docs/make_training_screenshots.py --all FOLDER    every state, theme and width, to be looked at
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

# First, since it tells napari where its settings are.
from make_screenshots import PLUGIN, ROOT, SAMPLES, THEMES, WORK, save, spin
from napari import Viewer
from napari.settings import get_settings
from numpy.typing import NDArray
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog
from scipy import ndimage

from napari_batch_prediction import load_classifier
from napari_batch_prediction.session.training.state import Shown
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.dock import docks

WIDTHS = (300, 400)

# State, theme, width of the dock.
KEPT = {
    ("training-strokes", "dark", 400),
    ("training-features", "light", 400),
    ("training-report", "dark", 400),
}
SIZE = (1366, 768)


class Lesson:
    """One napari in which a classifier is trained."""

    def __init__(self, theme: str) -> None:
        get_settings().appearance.theme = theme
        get_settings().appearance.font_size = 9
        self.viewer = Viewer()
        self.window = self.viewer.window._qt_window
        self.window.move(0, 0)
        self.window.resize(*SIZE)
        self.dock, self.widget = self.viewer.window.add_plugin_dock_widget(PLUGIN, "Train Classifier")
        self.dialog: QDialog | None = None
        spin(500)

    def wait(self, done: Callable[[], object]) -> None:
        """Wait until something is so."""
        end = time.monotonic() + 120
        while not done():
            if time.monotonic() > end:
                raise TimeoutError(f"Waited in vain: {self.widget.session.state}")
            spin(50)

    def stroke(self, places: list[NDArray]) -> None:
        """Paint over some pixels with the mouse, from one to the next."""
        canvas = self.viewer.window._qt_viewer.canvas
        button, no_key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

        def point(place: NDArray) -> QPoint:
            x, y = (canvas.view.transform * canvas.view.scene.transform).map([place[1], place[0]])[:2]
            return QPoint(round(x), round(y))

        QTest.mouseMove(canvas.native, point(places[0]))
        spin(60)
        QTest.mousePress(canvas.native, button, no_key, point(places[0]))
        for place in places:
            QTest.mouseMove(canvas.native, point(place))
            spin(60)
        QTest.mouseRelease(canvas.native, button, no_key, point(places[-1]))
        spin(100)

    def picture(self, width: int) -> Image.Image:
        """Return the window, with the dialog that is open on it."""
        for _ in range(3):
            self.window.resizeDocks([self.dock], [width], Qt.Orientation.Horizontal)
            spin(500)
        picture = Image.fromarray(self.viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
        if self.dialog is not None:
            file = WORK / "dialog.png"
            self.dialog.grab().save(str(file))
            shown = Image.open(file).convert("RGB")
            framed = Image.new("RGB", (shown.width + 2, shown.height + 2), "grey")
            framed.paste(shown, (1, 1))
            picture.paste(framed, (330, 150))
        return picture


def places() -> tuple[NDArray, dict[int, list[NDArray]]]:
    """Return the image, and for each class of the sample some pixels well inside of it, to be painted."""
    pixels = np.asarray(Image.open(SAMPLES / "nuclei/nuclei_01.png"))
    classes = load_classifier(SAMPLES / "nuclei/nuclei.ilp").predict(pixels, "yx", "Simple Segmentation")
    found: dict[int, list[NDArray]] = {}
    for label in (1, 2, 3):
        depth = ndimage.distance_transform_edt(classes == label)
        depth[:30], depth[-30:], depth[:, :110], depth[:, -110:] = 0, 0, 0, 0
        found[label] = []
        for _ in range(4):
            at = np.array(np.unravel_index(depth.argmax(), depth.shape))
            found[label].append(at)
            y, x = at
            depth[max(y - 40, 0) : y + 40, max(x - 40, 0) : x + 40] = 0
    return pixels, found


def states(lesson: Lesson) -> Iterator[str]:
    """Bring the window from one state to the next, and yield their names."""
    widget = lesson.widget
    yield "training-empty"
    pixels, found = places()
    layer = lesson.viewer.add_image(pixels, name="nuclei_01")
    widget.add_image(layer)
    spin(800)
    widget.layers.current.labels.brush_size = 5
    yield "training-brush"
    widget.classes.add_class()
    for label, name in enumerate(("Background", "Nucleus", "Mitotic")):
        widget.classes._model.item(label, 0).setText(name)
    widget.classes._table.closePersistentEditor(widget.classes._model.index(2, 0))
    for label, at in found.items():
        widget.classes.select(label)
        widget.layers.paint(label)
        for place in at:
            reach = np.array([0, 3 if label > 1 else 12])
            lesson.stroke([place - reach, place, place + reach])
    lesson.wait(lambda: isinstance(widget.session.state, Shown))
    spin(500)
    yield "training-strokes"
    widget.overlay.setValue("Uncertainty", 0.8)
    spin(1000)
    yield "training-uncertainty"
    widget.overlay.setValue("Simple Segmentation", 0.5)
    spin(1000)
    lesson.dialog = dialog = widget.features.open_dialog()
    dialog._on_entered(dialog._model.index(6, 3))
    spin(2500)
    yield "training-features"
    dialog.close()
    widget.actions_of_bar.report()
    lesson.dialog = report = widget.actions_of_bar._report
    lesson.wait(lambda: report.report is not None)
    spin(300)
    yield "training-report"
    report._tabs.setCurrentIndex(1)
    spin(300)
    yield "training-report-features"
    report._tabs.setCurrentIndex(2)
    spin(300)
    yield "training-report-wrong"
    report.close()
    lesson.dialog = None
    widget.actions_of_bar.predict_many()
    spin(1500)
    (batch,) = docks(lesson.viewer, BatchPredictionWidget)
    lesson.dock = batch.parentWidget()
    yield "training-many"


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="make all pictures, in another folder")
    arguments = parser.parse_args()
    folder = arguments.all or ROOT / "docs/images"
    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        lesson = Lesson(theme)
        for name in states(lesson):
            for width in WIDTHS:
                if arguments.all or (name, theme, width) in KEPT:
                    save(lesson.picture(width), folder / f"{name}-{theme}-{width}.png")
        lesson.viewer.close()
        spin(300)
    shutil.rmtree(WORK)


if __name__ == "__main__":
    sys.exit(main())
