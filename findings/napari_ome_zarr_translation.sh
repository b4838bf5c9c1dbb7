#!/usr/bin/env bash
# napari-ome-zarr 0.10.0: the translation of an OME-Zarr image is ignored.
#
# Expected: OME-Zarr 0.4 and 0.5 have one scale, and after it at most one translation, in the coordinateTransformations
# of each level, to be applied in this order: a layer has both, as ome-zarr 0.18.0 gives them.
# Seen: the layer has the first of the two, the scale. If the translation is left out and stands behind the list of
# levels instead, for all of them, it is not applied either. Version 0.7.2 applies that of a level.
# What it means: a part of an image lies at the origin, and not over the image that it is from. The position has to be
# set by hand (layer.translate), from the metadata.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet napari-ome-zarr==0.10.0 ome-zarr==0.18.0 zarr==3.1.6 napari==0.9.2 numpy==2.4.6
cd "$folder"
cat > translation.py <<'PYTHON'
import warnings

import numpy as np
import zarr
from napari_ome_zarr import napari_get_reader
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

warnings.simplefilter("ignore")
SCALE = {"type": "scale", "scale": [0.5, 0.25]}
TRANSLATION = {"type": "translation", "translation": [102.0, 1.5]}


def write(path, version, of_level, of_all):
    group = zarr.create_group(path, zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=np.zeros((20, 30), "u1"))
    axes = [{"name": key, "type": "space", "unit": "micrometer"} for key in "yx"]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": of_level}]}
    if of_all:
        image["coordinateTransformations"] = of_all
    if version == "0.4":
        group.attrs["multiscales"] = [{"version": version, **image}]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [image]}


def layer(path):
    _, options, *_ = napari_get_reader(path)(path)[0]
    affine = options.get("affine")
    moved = [0.0, 0.0] if affine is None else [float(x) for x in affine.translate]
    return [float(x) for x in options["scale"]], [float(x) for x in options.get("translate", moved)]


for version in ("0.4", "0.5"):
    write(f"level{version}.zarr", version, [SCALE, TRANSLATION], [])
    write(f"all{version}.zarr", version, [SCALE], [{"type": "scale", "scale": [1.0, 1.0]}, TRANSLATION])
    node = next(iter(Reader(parse_url(f"level{version}.zarr"))()))
    print(version, "ome-zarr, of the level:", *(step[step["type"]] for step in node.metadata["coordinateTransformations"][0]))
    print(version, "napari-ome-zarr, of the level:", *layer(f"level{version}.zarr"))
    print(version, "napari-ome-zarr, of all levels:", *layer(f"all{version}.zarr"))
PYTHON
said=$(QT_QPA_PLATFORM=offscreen "$folder/venv/bin/python" translation.py 2> stderr | grep '^0\.[45] ') || { cat stderr; exit 1; }
echo "$said"
[ "$(grep -c ' ome-zarr, of the level: \[0.5, 0.25\] \[102.0, 1.5\]$' <<< "$said")" = 2 ] || { echo "CHANGED: ome-zarr says something else"; exit 1; }
[ "$(grep -c 'napari-ome-zarr, of .*: \[0.5, 0.25\] \[0.0, 0.0\]$' <<< "$said")" = 4 ] || { echo "CHANGED: a translation is applied"; exit 1; }
echo "As described, with napari-ome-zarr 0.10.0."
