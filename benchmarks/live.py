"""Measure painting: how long after a stroke the prediction is there, and how long the event loop is kept meanwhile.

An image of 2048 x 2048 pixels and a volume of 200 x 1024 x 1024 in Zarr are shown so that 1024 x 1024 pixels of them
are on the canvas. 5,000 pixels are labelled, with 49 features and 100 trees; then strokes are added one by one, as the
layer of labels paints them when the mouse moves.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from napari import Viewer
from numpy.typing import NDArray
from PIL import Image

from napari_batch_prediction.features.choice import default_selection
from napari_batch_prediction.session.training.image import Settings
from napari_batch_prediction.session.training.state import Failed, Shown

N_STROKES, N_LABELLED, VIEW = 20, 5000, 1024

# The brightest pixels, above this percentile, are painted as one class, the others as the other.
BRIGHT = 80


class Stroke(NamedTuple):
    """Seconds from the end of a stroke to the first tile and to the last, and the longest pause of the event loop."""

    first: float
    last: float
    pause: float


def tiled(pixels: NDArray, side: int) -> NDArray:
    """Return an image of a side, of repeated pixels."""
    n = -(-side // len(pixels))
    return np.tile(pixels, (n, n))[:side, :side]


def volume(pixels: NDArray, path: Path) -> Any:
    """Write the volume to Zarr and return its array."""
    array = zarr.create_array(path, shape=(200, 1024, 1024), chunks=(8, 256, 256), dtype="uint8")
    plane = tiled(pixels, 1024)
    for z in range(0, 200, 8):
        array[z : z + 8] = np.stack([np.roll(plane, 5 * (z + i), axis=0) for i in range(8)])
    return array


def measure(
    data: Any,
    make_heart: Callable[[], Any],
    wait_for: Callable[[Callable[[], object]], None],
    spin: Callable[[int], None],
    n: int,
) -> list[Stroke]:
    """Return what each stroke on an image took."""
    viewer = Viewer(show=True)
    viewer.window.resize(1400, 1000)
    heart = make_heart()
    layer = viewer.add_image(data, contrast_limits=(0, 255))
    _, widget = viewer.window.add_plugin_dock_widget("napari-batch-prediction", "Train Classifier")
    widget.setValue(Settings(widget.value().classes, default_selection({"z": 1, "y": 1024, "x": 1024}), 100))
    widget.add_image(layer)
    spin(500)
    _show_part(viewer, data.shape)
    spin(1000)
    labels = widget.layers.current.labels
    at = viewer.dims.current_step[:-2]
    rows, columns = (int(x) for x in labels.corner_pixels[0][-2:])
    height, width = (int(x) for x in np.ptp(labels.corner_pixels, axis=0)[-2:])
    plane = np.asarray(data[at]) if at else data
    bright = plane[rows : rows + height, columns : columns + width] > np.percentile(plane, BRIGHT)
    rng = np.random.default_rng(0)
    places = {label: np.argwhere(bright[20:-20, 20:-40] == (label == 2)) + 20 for label in (1, 2)}

    def stroke(label: int) -> None:
        where: tuple[int, ...] = ()
        while not where or labels.data[where]:
            y, x = places[label][rng.integers(len(places[label]))]
            where = (*at, rows + int(y), columns + int(x))
        _paint(labels, where, label, 6)

    while np.count_nonzero(np.asarray(labels.data[at] if at else labels.data)) < N_LABELLED:
        stroke(1)
        stroke(2)
    wait_for(lambda: isinstance(widget.session.state, Shown | Failed))
    spin(1000)
    strokes = []
    tiles: list[float] = []
    widget.session.painted.connect(lambda _: tiles.append(time.perf_counter()))
    for i in range(n):
        tiles.clear()
        spin(200)
        heart.longest = 0.0
        stroke(1 + i % 2)
        began = time.perf_counter()
        wait_for(lambda: tiles and isinstance(widget.session.state, Shown | Failed))
        spin(200)
        strokes.append(Stroke(tiles[0] - began, tiles[-1] - began, heart.longest))
    viewer.close()
    return strokes


def _show_part(viewer: Viewer, shape: tuple[int, ...]) -> None:
    """Zoom so that 1024 x 1024 pixels are on the canvas, or a little more along one side."""
    height, width = viewer.window._qt_viewer.canvas.size
    viewer.scene.camera.center = (0, shape[-2] / 2, shape[-1] / 2)
    viewer.scene.camera.zoom = (height * width) ** 0.5 / VIEW


def _paint(labels: Any, at: tuple[int, ...], label: int, length: int) -> None:
    """Paint a stroke, as the mouse does."""
    labels.brush_size = 4
    with labels.block_history():
        labels._draw(label, at, (*at[:-1], at[-1] + length))


def reference(pixels: NDArray) -> float:
    """Return the seconds that scikit-image and scikit-learn take for the same view, with as many features and trees."""
    from skimage.feature import multiscale_basic_features
    from sklearn.ensemble import RandomForestClassifier

    view = tiled(pixels, VIEW)
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, VIEW, (2, N_LABELLED))
    classes = np.arange(N_LABELLED) % 2
    began = time.perf_counter()
    # Intensity, edges and two eigenvalues at 12 scales: 48 features.
    features = multiscale_basic_features(view, sigma_min=0.3, sigma_max=10, num_sigma=12)
    forest = RandomForestClassifier(100, n_jobs=-1, random_state=0).fit(features[rows, columns], classes)
    forest.predict_proba(features.reshape(-1, features.shape[-1]))
    return time.perf_counter() - began


def text(results: dict[str, list[Stroke]], seconds: float) -> str:
    """Return the results as Markdown."""
    lines = [
        "Seconds from the end of a stroke, medians, and the longest pause of the event loop:",
        "",
        "| | first tile | last tile | longest pause | scikit-image and scikit-learn, as a ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, strokes in results.items():
        first, last = (statistics.median(getattr(s, key) for s in strokes) for key in ("first", "last"))
        pause = 1000 * max(s.pause for s in strokes)
        lines.append(f"| {name} | {first:.2f} | {last:.2f} | {pause:.0f} ms | {seconds / last:.0f} |")
    return "\n".join(lines) + "\n"


def pictures(sample: Path) -> NDArray:
    """Return the pixels that images are made of."""
    return np.asarray(Image.open(sample / "nuclei_01.png"))
