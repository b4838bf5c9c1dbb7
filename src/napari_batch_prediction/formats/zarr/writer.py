"""Writing OME-Zarr from tiles in any order."""

from typing import Any, TypeVar

import zarr
from numpy.typing import NDArray

from napari_batch_prediction.axes import extents
from napari_batch_prediction.formats.common.chunks import Index
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.common.writer import ChunkWriter
from napari_batch_prediction.formats.zarr.codecs import codec
from napari_batch_prediction.formats.zarr.labels import n_levels, register
from napari_batch_prediction.formats.zarr.pyramid import Pyramid, level_shapes
from napari_batch_prediction.formats.zarr.store import NAMES
from napari_batch_prediction.formats.zarr.writer_metadata import AXES, attributes, stored_axes

T = TypeVar("T")


class OmeZarrWriter(ChunkWriter[Pyramid]):
    """Writes one OME-Zarr image.

    Axes are always ``t c z y x``, but for labels in an image, which have those of the image without ``c``. The thread
    that completes a chunk compresses it, stores it, and adds it to the next level of the pyramid.

    Parameters
    ----------
    target
        The output.
    multiscale
        True to write also half, a quarter, ... of the resolution, down to one chunk. Labels in an image have as many
        levels as the image.
    """

    is_folder = True
    names = NAMES
    _arrays: list[zarr.Array]

    def __init__(self, target: Target, *, multiscale: bool) -> None:
        sizes = extents(target.axes, target.shape)
        shape = tuple(sizes[key] for key in AXES)
        n = n_levels(target.image) if target.image is not None else None if multiscale else 1
        shapes = level_shapes(shape, target.dtype.itemsize, n)
        super().__init__(target, Pyramid(shapes, target.dtype, nearest=target.is_labels))
        self._axes = stored_axes(target)

    def _of_axes(self, of_all: tuple[T, ...]) -> tuple[T, ...]:
        """Return what belongs to the axes of the arrays, given one thing for each of five axes."""
        return tuple(one for key, one in zip(AXES, of_all, strict=True) if key in self._axes)

    def _facts(self) -> dict[str, Any]:
        return attributes(self.target, [level.shape for level in self._chunks.levels], self._axes, self.properties)

    def _create(self) -> None:
        target, levels = self.target, self._chunks.levels
        v2 = target.ome_zarr_version == "0.4"
        root = zarr.create_group(str(self._temporary), zarr_format=2 if v2 else 3, attributes=self._facts())
        self._arrays = [
            root.create_array(
                f"s{i}",
                shape=self._of_axes(level.shape),
                dtype=target.dtype,
                chunks=self._of_axes(level.chunk),
                compressors=codec(target.compression or "blosc", target.ome_zarr_version),
                fill_value=0,
                chunk_key_encoding={"name": "v2" if v2 else "default", "separator": "/"},
                dimension_names=None if v2 else list(self._axes),
            )
            for i, level in enumerate(levels)
        ]

    def _store(self, index: Index, chunk: NDArray) -> None:
        level, *in_level = index
        region = self._of_axes(self._chunks.levels[level].region(tuple(in_level)))
        self._arrays[level][region] = chunk.reshape(self._of_axes(chunk.shape))
        in_array = map(str, self._of_axes(tuple(in_level)))
        parts = [*(["c"] if self._arrays[level].metadata.zarr_format == 3 else []), *in_array]
        # A chunk of zeros has no file.
        if self._temporary.joinpath(f"s{level}", *parts).is_file() or chunk.any():
            with self._lock:
                self.n_files += 1

    def _seal(self) -> None:
        if self.properties is not None:
            zarr.open_group(str(self._temporary), mode="r+").attrs.update(self._facts())
        super()._seal()

    def _publish(self) -> None:
        super()._publish()
        if self.target.image is not None:
            register(self.target.path)
