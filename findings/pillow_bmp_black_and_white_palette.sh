#!/usr/bin/env bash
# Pillow 13.0.0, BMP of 8 or 4 bits a pixel whose palette is black and white: pixels are read as if they had one bit.
#
# Expected: the pixels 0 1 1 0 1 0 0 1 of such a file are black, white, white, black, white, black, black, white.
# Seen: the image is opened with mode "1" and other pixels, without an error or a warning: with 8 bits all eight are
# black, with 4 bits only the last is white. With a palette of other colours the same pixels are read as stored.
# What it means: a mask that was saved with a palette of two colours is read as another one, and nothing says so.
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

STORED = [0, 1, 1, 0, 1, 0, 0, 1]
ROWS = {8: bytes(STORED), 4: bytes([0x01, 0x10, 0x10, 0x01])}


def bmp(bits, palette):
    """Return a BMP of one row of eight pixels: two headers, the palette as blue, green, red, 0, the row."""
    offset = 54 + 4 * len(palette)
    row = ROWS[bits]
    header = struct.pack("<2sIHHI", b"BM", offset + len(row), 0, 0, offset)
    facts = struct.pack("<IiiHHIIiiII", 40, 8, 1, 1, bits, 0, len(row), 2835, 2835, len(palette), 0)
    return header + facts + b"".join(bytes([*reversed(colour), 0]) for colour in palette) + row


for bits in (8, 4):
    for name, second in (("white", (255, 255, 255)), ("grey", (254, 254, 254))):
        with Image.open(io.BytesIO(bmp(bits, [(0, 0, 0), second]))) as image:
            pixels = [int(value > 0) for value in image.convert("L").tobytes()]
        print(f"{bits} bits, black and {name}:", "as stored" if pixels == STORED else f"read as {pixels}")
PYTHON
seen=$("$folder/venv/bin/python" read.py)
printf '%s\n' "$seen"
expected="8 bits, black and white: read as [0, 0, 0, 0, 0, 0, 0, 0]
8 bits, black and grey: as stored
4 bits, black and white: read as [0, 0, 0, 0, 0, 0, 0, 1]
4 bits, black and grey: as stored"
if [ "$seen" != "$expected" ]; then echo "CHANGED"; exit 1; fi
echo "As described, with Pillow 13.0.0."
