#!/usr/bin/env bash
# tensorstore 0.1.86, driver n5, compression gzip: the bytes of a chunk depend on what the process compressed before.
#
# Expected: equal arrays, written with equal settings, are equal files, as with zlib in Python.
# Seen, with one thread: written six times in one process in the same order, 48 arrays give the same files each time;
# in another order each time, some of them give other files. All decompress to the same values. With several threads,
# which compress in an order left to chance, files differ from one process to the next.
# What it means: files must not be compared by their hashes to tell whether an array has changed.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorstore==0.1.86 numpy==2.4.6
cd "$folder"
cat > history.py <<'PYTHON'
import hashlib
import pathlib
import shutil
import sys
import zlib

import numpy as np
import tensorstore as ts


def write(array):
    """Write an array as N5; return a hash of its files and one of their contents, decompressed."""
    folder = pathlib.Path("store")
    shutil.rmtree(folder, ignore_errors=True)
    metadata = {
        "compression": {"type": "gzip", "level": 1},
        "dataType": str(array.dtype),
        "dimensions": list(array.shape),
        "blockSize": [min(32, n) for n in array.shape],
    }
    store = {"driver": "n5", "kvstore": {"driver": "file", "path": str(folder)}, "metadata": metadata}
    context = ts.Context({"data_copy_concurrency": {"limit": 1}})
    ts.open(store, create=True, context=context).result().write(array).result()
    files, contents = hashlib.sha256(), hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "attributes.json"):
        data = path.read_bytes()
        files.update(data)
        # After a header of 4 bytes, and 4 for each axis.
        contents.update(zlib.decompress(data[4 + 4 * array.ndim :], wbits=31))
    return files.hexdigest(), contents.hexdigest()


arrays = []
for seed, shape in enumerate([(7, 9), (64, 64), (50, 60, 3), (100, 120), (200, 200), (33, 44, 2), (5, 5), (128, 128, 2)]):
    for dtype in ("uint8", "uint16", "float32"):
        arrays.append((np.random.default_rng(seed).random(shape) * 50).astype(dtype))
        arrays.append((np.indices(shape).sum(0) % 17).astype(dtype))

files, contents = [set() for _ in arrays], [set() for _ in arrays]
for turn in range(6):
    same = range(len(arrays))
    for i in same if sys.argv[1] == "same" else np.random.default_rng(turn).permutation(len(arrays)):
        of_files, of_contents = write(arrays[i])
        files[i].add(of_files)
        contents[i].add(of_contents)
differing = [f"{array.shape} {array.dtype}" for array, hashes in zip(arrays, files) if len(hashes) > 1]
print(f"{len(arrays)} arrays, written 6 times, {sys.argv[1]} order:")
print("  arrays whose files differ:", len(differing), *differing)
print("  arrays whose values differ:", sum(len(hashes) > 1 for hashes in contents))
PYTHON
same=$("$folder/venv/bin/python" history.py same)
other=$("$folder/venv/bin/python" history.py other)
printf '%s\n%s\n' "$same" "$other"
if grep 'values differ' <<< "$same"$'\n'"$other" | grep -qv ': 0$'; then echo "CHANGED: values differ"; exit 1; fi
if ! grep -q 'files differ: 0$' <<< "$same"; then echo "CHANGED: files differ in the same order, too"; exit 1; fi
if grep -q 'files differ: 0$' <<< "$other"; then echo "CHANGED: files no longer depend on what was written before"; exit 1; fi
echo "As described, with tensorstore 0.1.86."
