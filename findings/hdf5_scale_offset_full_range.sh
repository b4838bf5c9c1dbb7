#!/usr/bin/env bash
# HDF5 1.14.4 (h5py 3.12.1): images stored with the scale-offset filter cannot be read back if they use all bits of
# their type.
#
# Expected: the scale-offset filter with 0 keeps whole numbers without loss, and what was written is read.
# Seen: it is written without an error. Reading raises OSError (minimum number of bits exceeds size of type) if a chunk holds
# the smallest and the largest number of its type, as images with full contrast do; other images are read. HDF5 2.0
# (h5py 3.16.0) reads the same file.
# What it means: a file is not lost, but wants a newer library. This project names the dataset and the reason.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 3.12.1 3.16.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet "h5py==$version" numpy==2.2.6
done
cd "$folder"
cat > write.py <<'PYTHON'
import h5py
import numpy as np

for name, largest in (("half", 127), ("full", 255)):
    values = np.linspace(0, largest, 400).round().astype(np.uint8).reshape(20, 20)
    with h5py.File(f"{name}.h5", "w") as file:
        file.create_dataset("data", data=values, chunks=(20, 20), scaleoffset=0)
PYTHON
cat > read.py <<'PYTHON'
import h5py
import numpy as np

for name, largest in (("half", 127), ("full", 255)):
    values = np.linspace(0, largest, 400).round().astype(np.uint8).reshape(20, 20)
    try:
        with h5py.File(f"{name}.h5") as file:
            print(name, "equal" if np.array_equal(file["data"][:], values) else "other")
    except OSError as error:
        print(name, "OSError:", str(error).partition("(")[2].rstrip(")"))
PYTHON
3.12.1/bin/python write.py
old=$(3.12.1/bin/python read.py)
new=$(3.16.0/bin/python read.py)
printf 'h5py 3.12.1:\n%s\nh5py 3.16.0:\n%s\n' "$old" "$new"
[ "$old" = $'half equal\nfull OSError: minimum number of bits exceeds size of type' ] || { echo "CHANGED"; exit 1; }
[ "$new" = $'half equal\nfull equal' ] || { echo "CHANGED"; exit 1; }
echo "As described, with HDF5 1.14.4 and 2.0."
