#!/usr/bin/env bash
# napari 0.9.2: the event `paint` of a labels layer comes before or after its pixels change, and not at all on undo.
#
# Expected: a listener of Labels.events.paint finds the new labels in layer.data, however they were painted, and hears
# of undo and redo, which paint and take back the same pixels.
# Seen: after paint(), fill() and data_setitem() called from a script, the listener still finds the old labels. Inside
# block_history(), as during a stroke of the mouse, it finds the new ones. Undo and redo emit no paint, but set_data.
# What it means: who reads labels in the listener trains on the labels of the stroke before. Reading has to wait for
# the next turn of the event loop, and undo has to be noticed by other means.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet napari==0.9.2 numpy==2.4.6
cd "$folder"
cat > paint.py <<'PYTHON'
import numpy as np
from napari.layers import Labels

layer = Labels(np.zeros((9, 9), int))
heard = []
layer.events.paint.connect(lambda event: heard.append(int(layer.data[5, 5])))


def tell(name):
    print(name, "heard", heard, "is", layer.data[5, 5], flush=True)
    heard.clear()


layer.paint((5, 5), 1)
tell("paint")
layer.fill((5, 5), 2)
tell("fill")
layer.data_setitem((np.array([5]), np.array([5])), 3)
tell("data_setitem")
with layer.block_history():
    layer.paint((5, 5), 4)
tell("block_history")
layer.undo()
tell("undo")
layer.redo()
tell("redo")
PYTHON
said=$(QT_QPA_PLATFORM=offscreen "$folder/venv/bin/python" paint.py 2> stderr) || { cat stderr; exit 1; }
echo "$said"
diff <(echo "$said") - <<'SEEN' || { echo "CHANGED"; exit 1; }
paint heard [0] is 1
fill heard [1] is 2
data_setitem heard [2] is 3
block_history heard [4] is 4
undo heard [] is 3
redo heard [] is 4
SEEN
echo "As described, with napari 0.9.2."
