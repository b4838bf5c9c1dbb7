#!/usr/bin/env bash
# SimpleITK 2.5.7 (ITK 5.4), TIFF of several samples that are no colours: wrong values, without an error.
#
# Expected: a TIFF with PhotometricInterpretation 1 (black is zero), SamplesPerPixel n > 1 and ExtraSamples 0 for those
# after the first, stored pixel by pixel, is an image of n components; or at least an error, or the first sample.
# Seen: an image of one component. Each of its rows holds the first numbers of that row of the file, where the samples
# alternate: with two samples, the left half of both, interleaved. For uint8, uint16 and float32, 2 to 4 samples.
# tifffile 2026.3.3 reads all of them rightly, and SimpleITK itself reads RGB rightly.
# What it means: look at the number of components, and save channels as pages.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet SimpleITK==2.5.7 tifffile==2026.3.3 numpy==2.4.6
cd "$folder"
cat > samples.py <<'PYTHON'
import numpy as np
import SimpleITK
import tifffile

rng = np.random.default_rng(0)
for dtype in ("uint8", "uint16", "float32"):
    for n in (2, 3, 4):
        values = rng.integers(0, 251, (20, 30, n)).astype(dtype)
        kind = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": (0,) * (n - 1)}
        tifffile.imwrite("samples.tif", values, metadata=None, **kind)
        assert np.array_equal(tifffile.imread("samples.tif"), values)
        image = SimpleITK.ReadImage("samples.tif")
        got = SimpleITK.GetArrayFromImage(image)
        is_start = np.array_equal(got, values.reshape(20, -1)[:, :30])
        is_first = np.array_equal(got, values[..., 0])
        print(f"{dtype}, {n} samples: {image.GetNumberOfComponentsPerPixel()} component,", end=" ")
        print("start of the rows" if is_start else "first sample" if is_first else "something else")
values = rng.integers(0, 251, (20, 30, 3)).astype("uint8")
tifffile.imwrite("rgb.tif", values, metadata=None, photometric="rgb")
is_equal = np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("rgb.tif")), values)
print("RGB:", "equal" if is_equal else "something else")
PYTHON
said=$("$folder/venv/bin/python" samples.py)
echo "$said"
[ "$(grep -c ': 1 component, start of the rows$' <<< "$said")" = 9 ] || { echo "CHANGED: other values"; exit 1; }
grep -q '^RGB: equal$' <<< "$said" || { echo "CHANGED: RGB"; exit 1; }
echo "As described, with SimpleITK 2.5.7."
