"""N5, by tensorstore (the extra ``n5``), from tiles that come in any order from several threads."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.errors import ExportError, SettingsError
from napari_batch_prediction.formats.common.chunks import ChunkAssembler, chunk_shape
from napari_batch_prediction.formats.common.files import (
    make_folder,
    not_whole,
    publish_folder,
    remove,
    restore_folder,
    sync_folder,
    temporary_path,
    writing,
)
from napari_batch_prediction.formats.common.target import Target

GZIP_LEVEL = 1


class N5Writer:
    """Write one dataset in a new N5 folder under a temporary name until :meth:`finish`.

    Parameters
    ----------
    target
        What is written, and where.
    compressed
        Compress with gzip, unless the target says otherwise.

    Raises
    ------
    SettingsError
        If the name of the dataset leads out of the folder.
    """

    def __init__(self, target: Target, *, compressed: bool) -> None:
        self.target = target
        self.paths: tuple[Path, ...] = (target.path,)
        self.compressed = target.compression == "gzip" if target.compression else compressed
        chunk = chunk_shape(target.axes, target.shape, target.dtype.itemsize)
        self._chunks = ChunkAssembler(target.shape, chunk, target.dtype)
        self._temporary = temporary_path(target.path)
        names = [name for name in target.internal_path.split("/") if name]
        if not names or {".", ".."} & set(names):
            raise SettingsError(
                f"'{target.internal_path}' is not the name of a dataset in an N5 folder. "
                "Use for example 'exported_data' or 'volume/data'."
            )
        self._dataset = self._temporary.joinpath(*names)
        self._lock = threading.Lock()
        self._array: Any = None
        self._stored = 0

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Raises
        ------
        ExportError
            If the files cannot be written.
        """
        with self._lock, writing(self.target.path):
            if self._array is None:
                self._array = self._open()
        for index, block in self._chunks.add(region, values):
            with writing(self.target.path), _system_errors():
                self._array[self._chunks.region(index)].write(block).result()
            with self._lock:
                self._stored += 1

    def _open(self) -> Any:
        """Create the dataset; return it with its dimensions in the order of NumPy."""
        try:
            import tensorstore
        except ImportError:
            raise ExportError(
                f"{self.target.path} is N5, which needs tensorstore. "
                'Install it: pip install "napari-batch-prediction[n5]".'
            ) from None
        make_folder(self.target.path.parent)
        restore_folder(self.target.path)
        self._dataset.mkdir(parents=True)
        (self._temporary / "attributes.json").write_text(json.dumps({"n5": "2.0.0"}))
        spec = {
            "driver": "n5",
            "kvstore": {"driver": "file", "path": f"{self._dataset.as_posix()}/"},
            "metadata": self._attributes(),
            "create": True,
            # Else a chunk of zeros has no file, and a reader cannot tell it from one that is lost.
            "store_data_equal_to_fill_value": True,
            # All files are synced at the end.
            "context": {"file_io_sync": False},
        }
        with _system_errors():
            return tensorstore.open(spec).result().T

    def _attributes(self) -> Mapping[str, object]:
        """Return the attributes of the dataset: N5's own, in N5's order of dimensions, and what made it."""
        target = self.target
        compression = {"type": "gzip", "level": GZIP_LEVEL, "useZlib": False} if self.compressed else {"type": "raw"}
        facts: dict[str, object] = {
            "dimensions": target.shape[::-1],
            "blockSize": self._chunks.chunk[::-1],
            "dataType": target.dtype.name,
            "compression": compression,
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
        return {**target.metadata, **facts}

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


@contextmanager
def _system_errors() -> Iterator[None]:
    """Raise the system's words alone, which tensorstore puts between names and numbers of its own."""
    try:
        yield
    except ValueError as error:
        if words := re.search(r": ([^:]+) \[os_error_code=", str(error)):
            raise OSError(words[1]) from error
        raise
