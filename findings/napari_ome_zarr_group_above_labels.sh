#!/usr/bin/env bash
# napari-ome-zarr 0.10.0: opening labels makes a Zarr group of a folder above them.
#
# Expected: reading changes nothing on the disk, as with ome-zarr 0.18.0, which opens the same labels.
# Seen: for labels that are opened by themselves, the folder two levels above is opened by zarr.open_group without a mode,
# which makes a group where there is none: a new zarr.json lies in a folder that has nothing to do with the labels.
# What it means: labels that were exported or copied into a folder of their own, and not into the image, leave a file in
# the folder around; a folder that cannot be written to makes opening fail. Labels inside an image are not concerned.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet napari-ome-zarr==0.10.0 ome-zarr==0.18.0 zarr==3.1.6 napari==0.9.2 numpy==2.4.6
cd "$folder"
cat > labels.py <<'PYTHON'
import os
import warnings

import numpy as np
import zarr
from napari_ome_zarr import napari_get_reader
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

warnings.simplefilter("ignore")
os.makedirs("results/today")
group = zarr.create_group("results/today/cells.zarr", zarr_format=3)
group.create_array("0", data=np.eye(20, 30, dtype="u4"), dimension_names=["y", "x"])
axes = [{"name": key, "type": "space"} for key in "yx"]
level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}
properties = [{"label-value": 1, "class": "round"}]
group.attrs["ome"] = {
    "version": "0.5",
    "multiscales": [{"axes": axes, "datasets": [level]}],
    "image-label": {"version": "0.5", "properties": properties},
}
path = "results/today/cells.zarr"
nodes = list(Reader(parse_url(path))())
print("SEEN ome-zarr:", nodes[0].data[0].shape, sorted(os.listdir("results")))
layers = napari_get_reader(path)(path)
print("SEEN napari-ome-zarr:", layers[0][2], layers[0][0][0].shape, sorted(os.listdir("results")))
PYTHON
said=$(QT_QPA_PLATFORM=offscreen "$folder/venv/bin/python" labels.py 2> stderr | grep '^SEEN') || { cat stderr; exit 1; }
echo "$said"
grep -q "SEEN ome-zarr: (20, 30) \['today'\]$" <<< "$said" || { echo "CHANGED: ome-zarr says something else"; exit 1; }
grep -q "SEEN napari-ome-zarr: labels (20, 30) \['today', 'zarr.json'\]$" <<< "$said" || { echo "CHANGED: no group is made"; exit 1; }
echo "As described, with napari-ome-zarr 0.10.0."
