"""N5, from tiles that come in any order from several threads.

The format is a folder for each dataset, with ``attributes.json`` and a file for each block: a header of big-endian
numbers (mode, dimensions, extents) and the values, big-endian. Dimensions are listed with the fastest first.
"""

import json
import struct
import threading
from math import prod
from pathlib import Path

import numpy as np
from imagecodecs import gzip_encode
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.export.chunks import ChunkAssembler, chunk_shape
from napari_batch_prediction.export.files import (
    make_folder,
    not_whole,
    publish_folder,
    remove,
    restore_folder,
    sync_folder,
    temporary_path,
    writing,
)
from napari_batch_prediction.export.target import Target

GZIP_LEVEL = 1


class N5Writer:
    """Write one dataset in a new N5 folder under a temporary name until :meth:`finish`.

    Parameters
    ----------
    target
        What is written, and where.
    compressed
        Compress with gzip.

    Raises
    ------
    SettingsError
        If the name of the dataset leads out of the folder.
    """

    def __init__(self, target: Target, *, compressed: bool) -> None:
        self.target = target
        self.paths: tuple[Path, ...] = (target.path,)
        self.compressed = compressed
        chunk = chunk_shape(target.axes, target.shape, target.dtype.itemsize)
        self._chunks = ChunkAssembler(target.shape, chunk, target.dtype.newbyteorder(">"))
        self._temporary = temporary_path(target.path)
        names = [name for name in target.internal_path.split("/") if name]
        if not names or {".", ".."} & set(names):
            raise SettingsError(
                f"'{target.internal_path}' is not the name of a dataset in an N5 folder. "
                "Use for example 'exported_data' or 'volume/data'."
            )
        self._dataset = self._temporary.joinpath(*names)
        self._lock = threading.Lock()
        self._opened = False
        self._stored = 0

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Raises
        ------
        ExportError
            If the files cannot be written.
        """
        with self._lock, writing(self.target.path):
            if not self._opened:
                self._open()
        for index, block in self._chunks.add(region, values):
            data = block.tobytes()
            head = struct.pack(f">HH{block.ndim}I", 0, block.ndim, *reversed(block.shape))
            with writing(self.target.path):
                path = self._dataset.joinpath(*map(str, reversed(index)))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(head + (gzip_encode(data, GZIP_LEVEL) if self.compressed else data))
            with self._lock:
                self._stored += 1

    def _open(self) -> None:
        target = self.target
        make_folder(target.path.parent)
        restore_folder(target.path)
        self._opened = True
        self._dataset.mkdir(parents=True)
        (self._temporary / "attributes.json").write_text(json.dumps({"n5": "2.0.0"}))
        facts: dict[str, object] = {
            "dimensions": target.shape[::-1],
            "blockSize": self._chunks.chunk[::-1],
            "dataType": target.dtype.name,
            "compression": {"type": "gzip", "level": GZIP_LEVEL, "useZlib": False}
            if self.compressed
            else {"type": "raw"},
            "axes": list(reversed(target.axes)),
            "axistags": axistags_to_json(target.axes, target.pixel_size),
            "display_mode": "grayscale",
        }
        if target.pixel_size:
            backwards = target.axes[::-1]
            facts["resolution"] = [target.pixel_size.get(key, 1.0) for key in backwards]
            facts["units"] = [target.units.get(key, "pixel") for key in backwards]
        if target.units:
            facts["axis_units"] = json.dumps({key: target.units.get(key, "") for key in target.axes if key != "c"})
        if target.value_range is not None:
            facts["drange"] = np.array(target.value_range).astype(target.dtype).tolist()
        (self._dataset / "attributes.json").write_text(json.dumps({**target.metadata, **facts}))

    def finish(self) -> None:
        """Give the whole folder its name.

        Raises
        ------
        OutputExistsError
            If the name was taken meanwhile.
        ExportError
            If the dataset is not whole or cannot be written.
        """
        expected = prod(self._chunks.grid)
        if self._stored != expected:
            raise not_whole(self.target.path, self._stored, expected)
        with writing(self.target.path):
            sync_folder(self._temporary)
        publish_folder(self._temporary, self.target.path, replace=self.target.replace)

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        self._chunks.clear()
        remove(self._temporary)
