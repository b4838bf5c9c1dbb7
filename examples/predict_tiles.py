"""Predict a Zarr array tile by tile, into another one: neither has to fit into memory.

A batch does this by itself for files. This is for arrays that your own program makes or keeps.
"""

from importlib.resources import files
from itertools import product
from pathlib import Path

import numpy as np
import zarr
from skimage.io import imread

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"
TILE = 256

picture = imread(SAMPLES / "nuclei_01.png")
image = zarr.create_array("large.zarr", data=np.tile(picture, (2, 3)), chunks=(TILE, TILE), overwrite=True)
classifier = nbp.load_classifier(SAMPLES / "nuclei.ilp")
segmentation = zarr.create_array(
    "large_segmentation.zarr", shape=image.shape, chunks=(TILE, TILE), dtype="uint8", overwrite=True
)


def with_context(start, length, context):
    """Return where a tile is, where it lies with the pixels around it, and where it is among these."""
    stop = min(start + TILE, length)
    first, last = max(start - context, 0), min(stop + context, length)
    return slice(start, stop), slice(first, last), slice(start - first, stop - first)


for y0, x0 in product(range(0, image.shape[0], TILE), range(0, image.shape[1], TILE)):
    y, wide_y, in_y = with_context(y0, image.shape[0], classifier.context.y)
    x, wide_x, in_x = with_context(x0, image.shape[1], classifier.context.x)
    block = image[wide_y, wide_x][np.newaxis, np.newaxis]  # axes c z y x
    values = classifier.predict_tile(block, (slice(0, 1), in_y, in_x), ["Simple Segmentation"])
    segmentation[y, x] = values["Simple Segmentation"][0, 0]

print(f"{segmentation.shape} pixels, of which {(segmentation[:] == 2).mean():.1%} are nuclei")
