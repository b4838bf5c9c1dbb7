#!/usr/bin/env bash
# napari 0.9.2: two colormaps of labels with given colours cannot be compared.
#
# Expected: DirectLabelColormap(...) == DirectLabelColormap(...) is True for equal colours and False for others, as for
# other evented models of napari.
# Seen: it raises ValueError (the truth value of an array is ambiguous), for equal and for other colours, because the
# colours are arrays in a dictionary. Only a colormap compared with itself is equal.
# What it means: "if layer.colormap != colormap" raises; who wants to set colours only if they differ compares the
# dictionaries entry by entry.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet napari==0.9.2 numpy==2.4.6
cd "$folder"
cat > compare.py <<'PYTHON'
from napari.utils.colormaps import DirectLabelColormap

red = DirectLabelColormap(color_dict={None: "transparent", 1: "red"})
again = DirectLabelColormap(color_dict={None: "transparent", 1: "red"})
blue = DirectLabelColormap(color_dict={None: "transparent", 1: "blue"})
for name, other in (("equal", again), ("other", blue)):
    try:
        print(name, red == other)
    except ValueError as error:
        print(name, "ValueError:", str(error).split(".")[0])
PYTHON
said=$(QT_QPA_PLATFORM=offscreen "$folder/venv/bin/python" compare.py 2> stderr) || { cat stderr; exit 1; }
echo "$said"
[ "$(grep -c 'ValueError: The truth value of an array with more than one element is ambiguous' <<< "$said")" = 2 ] || { echo "CHANGED"; exit 1; }
echo "As described, with napari 0.9.2."
