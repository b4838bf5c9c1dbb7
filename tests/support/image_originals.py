"""Small images of every format that is read, for changes at random."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numpy as np
import tensorstore
import tifffile
import zarr
from PIL import Image as PillowImage

from napari_batch_prediction.axes import axistags_to_json

GREY = np.random.default_rng(0).integers(0, 250, (24, 20), np.uint8)
RGB = np.random.default_rng(1).integers(0, 250, (24, 20, 3), np.uint8)
PAGES = np.stack([GREY, GREY[::-1], GREY[:, ::-1]])

Write = Callable[[Path], object]


def _hdf5(**options: Any) -> Write:
    def write(path: Path) -> None:
        libver = options.pop("libver", None)
        with h5py.File(path, "w", libver=libver) as file:
            dataset = file.create_dataset("volume/data", data=PAGES, **options)
            dataset.attrs["axistags"] = axistags_to_json("tyx", {"y": 0.5, "x": 0.5})
            file["times"] = np.arange(3)

    return write


def _hdf5_parts(path: Path) -> None:
    layout = h5py.VirtualLayout((2, *GREY.shape), GREY.dtype)
    with h5py.File(path, "w") as file:
        for i in range(2):
            file[f"part{i}"] = GREY
            layout[i] = h5py.VirtualSource(".", f"part{i}", shape=GREY.shape)
        file.create_virtual_dataset("data", layout)
        for i in range(2):
            file[f"part{i}"].attrs["no"] = "image"


def _tiff(pixels: np.ndarray, **options: Any) -> Write:
    return lambda path: tifffile.imwrite(path, pixels, **options)


def _zarr(version: int, **options: Any) -> Write:
    return lambda path: zarr.create_array(path, data=GREY, chunks=(12, 10), zarr_format=version, **options)


def _ome_zarr(version: int) -> Write:
    def write(path: Path) -> None:
        group = zarr.open_group(path, mode="w", zarr_format=version)
        names = ("y", "x")
        options = {"dimension_names": names} if version == 3 else {}
        for level, pixels in (("s0", GREY), ("s1", np.ascontiguousarray(GREY[::2, ::2]))):
            group.create_array(level, data=pixels, chunks=(12, 10), **options)
        axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in names]
        levels = [
            {"path": f"s{i}", "coordinateTransformations": [{"type": "scale", "scale": [2.0**i] * 2}]} for i in range(2)
        ]
        multiscales = [{"version": "0.4", "axes": axes, "datasets": levels, "name": "a"}]
        found = {"multiscales": multiscales}
        group.attrs.update(found if version == 2 else {"ome": {"version": "0.5", **found}})

    return write


def _n5(path: Path) -> None:
    metadata = {
        "dimensions": GREY.shape[::-1],
        "blockSize": [8, 8],
        "dataType": "uint8",
        "compression": {"type": "gzip"},
    }
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path / "data")}, "metadata": metadata}
    tensorstore.open({**spec, "create": True}).result()[...] = GREY.T
    described = path / "data" / "attributes.json"
    described.write_text(json.dumps(json.loads(described.read_text()) | {"axes": ["x", "y"]}))


def _pillow(pixels: np.ndarray, **options: Any) -> Write:
    return lambda path: PillowImage.fromarray(pixels).save(path, **options)


def _palette(path: Path) -> None:
    PillowImage.fromarray(RGB).convert("P").save(path)


def _animated(path: Path) -> None:
    first, *others = (PillowImage.fromarray(page) for page in PAGES)
    first.save(path, save_all=True, append_images=others)


def _codec(pixels: np.ndarray, encode: Callable[..., bytes], **options: Any) -> Write:
    return lambda path: path.write_bytes(encode(pixels, **options))


def _npz(path: Path) -> None:
    np.savez_compressed(path, pixels=GREY, more=np.arange(3))


OME = {"ome": True, "metadata": {"axes": "CYX", "PhysicalSizeX": 0.5, "Channel": {"Name": ["a", "b", "c"]}}}
TILED = {"tile": (16, 16), "compression": "zlib", "predictor": True}

ORIGINALS: dict[str, tuple[str, tuple[Write, ...]]] = {
    "hdf5": (
        "h5",
        (
            _hdf5(),
            _hdf5(chunks=(1, 8, 8), compression="gzip", shuffle=True, fletcher32=True),
            _hdf5(chunks=(2, 24, 20), maxshape=(None, 24, 20), libver="latest"),
            _hdf5_parts,
        ),
    ),
    "tiff": (
        "tif",
        (
            _tiff(GREY),
            _tiff(RGB, photometric="rgb", compression="lzw", rowsperstrip=7),
            _tiff(PAGES.astype(np.uint16), imagej=True, metadata={"axes": "ZYX"}),
            _tiff(GREY, bigtiff=True, byteorder=">", **TILED),
        ),
    ),
    "ome-tiff": ("ome.tif", (_tiff(PAGES, **OME), _tiff(PAGES, **OME, **TILED))),
    "zarr 2": ("zarr", (_zarr(2), _zarr(2, compressors=None), _ome_zarr(2))),
    "zarr 3": ("zarr", (_zarr(3), _zarr(3, shards=(24, 20)), _ome_zarr(3))),
    "n5": ("n5", (_n5,)),
    "png": (
        "png",
        (
            _pillow(GREY),
            _pillow(RGB),
            _palette,
            _codec(GREY.astype(np.uint16) * 200, imagecodecs.png_encode),
        ),
    ),
    "jpeg": ("jpg", (_pillow(GREY), _pillow(RGB, progressive=True))),
    "bmp": ("bmp", (_pillow(GREY), _pillow(RGB))),
    "gif": ("gif", (_palette, _animated)),
    "pnm": ("pnm", (_pillow(GREY, format="PPM"), _pillow(RGB, format="PPM"))),
    "npy": ("npy", (lambda path: np.save(path, GREY), lambda path: np.save(path, np.asfortranarray(PAGES)))),
    "npz": ("npz", (_npz,)),
}
"""For each format, the extension of its files and what writes them."""
