"""Layers made in threads: napari's parallel loops, which colour labels, run in the main thread alone."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from napari.utils.colormaps import _accelerated_cmap

import napari_batch_prediction
from napari_batch_prediction.widgets.canvas.layer_data import LayerData
from napari_batch_prediction.widgets.canvas.row_loader import warm_up

AT_ONCE = """
import threading
import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from napari_batch_prediction.widgets.canvas.row_loader import warm_up

def colour_labels():
    for _ in range(50):
        Labels(np.zeros((4, 4), np.uint8), colormap=DirectLabelColormap(color_dict={None: "black", 1: "red"}))

def warm_up_often():
    for _ in range(50):
        warm_up()
    print("warm")

thread = threading.Thread(target=warm_up_often)
thread.start()
colour_labels()
thread.join()
"""

AFTER_WARM_UP = """
import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap
from numba.core import event
from napari_batch_prediction.widgets.canvas.row_loader import warm_up

with event.install_recorder("numba:compile") as warming:
    warm_up()
with event.install_recorder("numba:compile") as colouring:
    Labels(np.zeros((4, 4), np.uint8), colormap=DirectLabelColormap(color_dict={None: "black", 1: "red"}))
    objects = Labels(np.zeros((4, 4), np.uint32))
    objects.colormap = CyclicLabelColormap(colors=np.ones((1000, 4)))
print(len(warming.buffer) > 0, len(colouring.buffer))
"""


PLACED = """
import sys
import threading
from napari_batch_prediction.widgets.canvas.grids import PixelGrid

both = threading.Barrier(2)

def place():
    both.wait()
    units = PixelGrid("yx", units={"y": "micrometer", "x": "micrometer"}).options({})["units"]
    sys.stdout.write(" ".join(map(str, units)) + "\\n")

threads = [threading.Thread(target=place) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def output_of(script: str, cache: Path) -> str:
    """Run a script in a process with numba's own threads and nothing compiled; return what it prints."""
    environment = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue", "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_canvas_warms_up_while_napari_colours_labels(tmp_path):
    """The process ends as it should, also with numba's own threads, which two threads may not use at once."""
    assert output_of(AT_ONCE, tmp_path) == "warm"


@pytest.mark.slow
def test_first_labels_compile_nothing_once_the_canvas_is_warm(tmp_path):
    """The loops that colour labels are compiled in the background, though they do not run there."""
    assert output_of(AFTER_WARM_UP, tmp_path) == "True 0"


def test_first_layers_have_their_units_in_every_thread(tmp_path):
    """No thread meets pint's registry before it has units."""
    assert output_of(PLACED, tmp_path).split() == ["micrometer"] * 4


def test_no_labels_are_coloured_where_layers_are_prepared(monkeypatch):
    """Threads make hidden labels of up to 16 bits; larger ones, which napari colours at once, are left alone."""

    def colour(*arguments):
        raise AssertionError("coloured")

    for name in ("labels_raw_to_texture_direct", "zero_preserving_modulo"):
        monkeypatch.setattr(_accelerated_cmap, name, colour)
    warm_up()
    for dtype in (np.uint8, np.uint16, np.uint32, np.int64):
        labels, options = np.ones((4, 5), dtype), {"visible": True}
        data = LayerData(source="a", kind="labels", stem="a", title="b", data=labels, options=options)
        data.prepare()
        assert (data.layer is not None) == (np.dtype(dtype).itemsize <= 2)
        assert data.layer is None or not data.layer.visible


def test_own_loops_use_no_threads_of_numba():
    """None of the package's loops is parallel: threads share out tiles."""
    sources = Path(napari_batch_prediction.__file__).parent.rglob("*.py")
    assert not [path for path in sources if "parallel=True" in path.read_text() or "prange" in path.read_text()]
