"""Writing N5, by tensorstore (the extra ``n5``), from tiles in any order."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from napari_batch_prediction.errors import ExportError, SettingsError
from napari_batch_prediction.formats.common.chunks import ChunkAssembler, Index, chunk_shape
from napari_batch_prediction.formats.common.ilastik import ilastik_attributes
from napari_batch_prediction.formats.common.target import GZIP_LEVEL, Target
from napari_batch_prediction.formats.common.writer import ChunkWriter
from napari_batch_prediction.formats.n5.store import NAMES


class N5Writer(ChunkWriter[ChunkAssembler]):
    """Writes one dataset in a new N5 folder.

    Parameters
    ----------
    target
        The output.
    compressed
        True to compress with gzip; the target's compression overrides it.

    Raises
    ------
    SettingsError
        If the name of the dataset leads out of the folder.
    """

    is_folder = True
    names = NAMES
    _tensorstore: Any
    _array: Any

    def __init__(self, target: Target, *, compressed: bool) -> None:
        self.compressed = target.compression == "gzip" if target.compression else compressed
        chunk = chunk_shape(target.axes, target.shape, target.dtype.itemsize)
        super().__init__(target, ChunkAssembler(target.axes, target.shape, chunk, target.dtype))
        names = [name for name in target.internal_path.split("/") if name]
        if not names or {".", ".."} & set(names):
            raise SettingsError(
                f"'{target.internal_path}' is not the name of a dataset in an N5 folder. "
                "Use for example 'exported_data' or 'volume/data'."
            )
        self._dataset = self._temporary.joinpath(*names)

    def _begin(self) -> None:
        try:
            import tensorstore
        except ImportError:
            raise ExportError(
                f"{self.target.path} is N5, which needs tensorstore. "
                'Install it: pip install "napari-batch-prediction[n5]".'
            ) from None
        self._tensorstore = tensorstore
        super()._begin()

    def _create(self) -> None:
        self._dataset.mkdir(parents=True)
        (self._temporary / "attributes.json").write_text(json.dumps({"n5": "2.0.0"}))
        spec = {
            "driver": "n5",
            "kvstore": {"driver": "file", "path": f"{self._dataset.as_posix()}/"},
            "metadata": self._attributes(),
            "create": True,
            # Without it, a chunk of zeros has no file, like a lost one.
            "store_data_equal_to_fill_value": True,
            # All files are synced at the end.
            "context": {"file_io_sync": False},
        }
        with _system_errors():
            # Transposed to the order of NumPy.
            self._array = self._tensorstore.open(spec).result().T

    def _attributes(self) -> Mapping[str, object]:
        """Return the attributes of the dataset: N5's, with dimensions in its order, ilastik's, and the stamp."""
        target = self.target
        ilastik = {name: x if isinstance(x, str) else x.tolist() for name, x in ilastik_attributes(target).items()}
        compression = {"type": "gzip", "level": GZIP_LEVEL, "useZlib": False} if self.compressed else {"type": "raw"}
        facts: dict[str, object] = {
            "dimensions": target.shape[::-1],
            "blockSize": self._chunks.chunk[::-1],
            "dataType": target.dtype.name,
            "compression": compression,
            "axes": list(reversed(target.axes)),
            **ilastik,
        }
        if target.pixel_size:
            backwards = target.axes[::-1]
            facts["resolution"] = [target.pixel_size.get(key, 1.0) for key in backwards]
            facts["units"] = [target.units.get(key, "pixel") for key in backwards]
        return {**target.metadata, **facts}

    def _store(self, index: Index, chunk: NDArray) -> None:
        with _system_errors():
            self._array[self._chunks.region(index)].write(chunk).result()
        with self._lock:
            self.n_files += 1


@contextmanager
def _system_errors() -> Iterator[None]:
    """Turn tensorstore's errors of the system inside the block into an OSError with the system's text alone."""
    try:
        yield
    except ValueError as error:
        if words := re.search(r": ([^:]+) \[os_error_code=", str(error)):
            raise OSError(words[1]) from error
        raise
