"""Part nuclei that touch, and measure them: what scikit-image does with a probability map."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian
from skimage.io import imread
from skimage.measure import label, regionprops_table
from skimage.segmentation import watershed

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "nuclei"
NUCLEUS = 1  # the index of the class

classifier = nbp.load_classifier(SAMPLES / "nuclei.ilp")
tables = []
for path in sorted(SAMPLES.glob("*.png")):
    image = imread(path)
    probability = classifier.predict(image)[..., NUCLEUS]
    mask = probability > 0.5
    depth = gaussian(ndimage.distance_transform_edt(mask), 2)
    seeds = peak_local_max(depth, min_distance=7, labels=label(mask))
    markers = np.zeros(image.shape, int)
    markers[tuple(seeds.T)] = range(1, len(seeds) + 1)
    nuclei = watershed(-depth, markers, mask=mask)
    measured = regionprops_table(nuclei, image, properties=["label", "area", "centroid", "intensity_mean"])
    tables.append(pd.DataFrame(measured).assign(image=path.name))

table = pd.concat(tables)
table = table[table["area"] >= 30]  # specks
table.to_csv("nuclei.csv", index=False)
print(table.groupby("image")[["area", "intensity_mean"]].agg(["count", "mean"]).round(1))
