#!/usr/bin/env bash
# Pillow 13.0.0, BMP of 4 bits a pixel whose palette is the greys 0 to 15: it cannot be read.
#
# Expected: the pixels 0 to 7 of such a file are the greys 0 to 7.
# Seen: the image is opened with mode "L"; reading its pixels raises OSError, "codec configuration error when reading
# image file". With the greys 0, 17, ... 255 the same pixels are read.
# What it means: a valid image of few greys looks damaged.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0
cd "$folder"
cat > read.py <<'PYTHON'
import io
import struct

from PIL import Image

ROW = bytes([0x01, 0x23, 0x45, 0x67])


def bmp(greys):
    """Return a BMP of one row of eight pixels, 0 to 7: two headers, the palette as blue, green, red, 0, the row."""
    offset = 54 + 4 * len(greys)
    header = struct.pack("<2sIHHI", b"BM", offset + len(ROW), 0, 0, offset)
    facts = struct.pack("<IiiHHIIiiII", 40, 8, 1, 1, 4, 0, len(ROW), 2835, 2835, len(greys), 0)
    return header + facts + b"".join(bytes([grey, grey, grey, 0]) for grey in greys) + ROW


for step in (1, 17):
    with Image.open(io.BytesIO(bmp(range(0, 16 * step, step)))) as image:
        try:
            print(f"greys in steps of {step}: {image.mode},", list(image.convert("L").tobytes()))
        except OSError as error:
            print(f"greys in steps of {step}: {image.mode}, {error}")
PYTHON
seen=$("$folder/venv/bin/python" read.py)
printf '%s\n' "$seen"
expected="greys in steps of 1: L, codec configuration error when reading image file
greys in steps of 17: P, [0, 17, 34, 51, 68, 85, 102, 119]"
if [ "$seen" != "$expected" ]; then echo "CHANGED"; exit 1; fi
echo "As described, with Pillow 13.0.0."
