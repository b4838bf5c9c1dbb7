"""Tables inside an OME-Zarr image, in the layout of AnnData that ngio and Fractal read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.files import publish_folder, writing
from napari_batch_prediction.formats.common.json_files import read_json, write_json
from napari_batch_prediction.formats.common.rows import (
    MANY,
    Columns,
    ImageRowWriter,
    TableReader,
    coded,
    parts_of,
)
from napari_batch_prediction.formats.zarr.consolidated import update_copies
from napari_batch_prediction.formats.zarr.labels import TABLES, changing, image_version, make_group

_INDEX = "label"

_CHUNK_VALUES = 2**17

_DICT = {"encoding-type": "dict", "encoding-version": "0.1.0"}
_ARRAY = {"encoding-type": "array", "encoding-version": "0.2.0"}
_TEXTS = {"encoding-type": "string-array", "encoding-version": "0.2.0"}


class AnnDataRows(ImageRowWriter):
    """Writes a table of objects as ``IMAGE/tables/NAME``: numbers in ``X``, texts and labels in ``obs``."""

    def __init__(self, path: Path, columns: Sequence[str], token: str = "") -> None:
        super().__init__(path, columns, token)
        self._image = next(folder.parent for folder in path.parents if folder.name == TABLES)
        self._made = [folder for folder in path.parents if folder.is_relative_to(self._image) and not folder.exists()]

    def _close(self) -> None:
        # The table is in its image.
        columns = {name: column for name, column in self._rows.items() if name != "image"}
        labels = columns.pop(_INDEX)
        texts = {name: column for name, column in columns.items() if column.dtype == object}
        numbers = {name: column for name, column in columns.items() if name not in texts}
        group = zarr.create_group(self.temporary, zarr_format=3 if image_version(self._image) == "0.5" else 2)
        group.attrs.update(self._attributes())
        array = _array(group, "X", (len(labels), len(numbers)), np.float64, _ARRAY)
        for rows in parts_of(len(labels)):
            array[rows] = np.stack([column[rows] for column in numbers.values()], axis=1, dtype=np.float64)
        obs = _frame(group, "obs", _INDEX, labels, [*texts])
        for name, column in texts.items():
            _categorical(obs, name, column)
        _frame(group, "var", "_index", np.array([*numbers]), [])
        for name in ("layers", "obsm", "obsp", "uns", "varm", "varp"):
            group.create_group(name, attributes=_DICT)

    def _attributes(self) -> dict[str, Any]:
        region = {"region": {"path": f"../labels/{self.labels}"}} if self.labels else {}
        return {
            "encoding-type": "anndata",
            "encoding-version": "0.1.0",
            "type": "feature_table",
            "table_version": "1",
            "backend": "anndata",
            "index_key": _INDEX,
            "index_type": "int",
            "instance_key": _INDEX,
            **region,
        }

    def publish(self, *, replace: bool) -> None:
        """Give the table its name, and add it to the list of the image."""
        publish_folder(self.temporary, self.path, replace=replace)
        folder = self._image / TABLES
        with writing(folder), changing(self._image):
            groups = [group for group in self.path.parents if group.is_relative_to(folder)]
            for group in groups:
                make_group(group, image_version(self._image))
            _add_to_list(folder, self.path.relative_to(folder).as_posix(), image_version(self._image))
            update_copies(self._image, self.path, groups)

    def abort(self) -> None:
        """Remove the temporary folder, and folders made in the image that stay empty."""
        super().abort()
        for folder in self._made:
            with suppress(OSError):  # not empty: it is needed
                folder.rmdir()


class AnnDataReader(TableReader):
    """Reads the columns of a table of objects in an image."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._group = zarr.open_group(path, mode="r")
        self._numbers = [str(name) for name in self._values("var/_index").tolist()]
        order = self._group["obs"].attrs["column-order"]
        self._texts = [str(name) for name in order] if isinstance(order, list) else []
        self.columns = (*self._numbers, *self._texts)

    def _parts(self, numbers: Sequence[str], texts: Sequence[str]) -> Iterator[Columns]:
        if wrong := [name for name in numbers if name not in self._numbers]:
            raise ValueError(f"its column {wrong[0]} has texts, not numbers")
        found = {name: self._values("X", (slice(None), self._numbers.index(name))) for name in numbers}
        for name in texts:
            categories = self._values(f"obs/{name}/categories").astype(object)
            found[name] = categories[self._values(f"obs/{name}/codes")]
        yield found

    def _values(self, name: str, part: Any = ...) -> NDArray[Any]:
        array = self._group[name]
        if not isinstance(array, zarr.Array):
            raise ValueError(f"its {name} is no array")
        return np.asarray(array[part])

    def runs(self) -> Iterator[tuple[str, object]]:
        """Do not: these tables are of one image each."""
        raise TypeError("a table in an image has the rows of this image")


def _array(
    group: zarr.Group, name: str, shape: tuple[int, ...], kind: Any, attributes: Mapping[str, Any]
) -> "zarr.Array[Any]":
    """Make an array; texts are strings of any length."""
    n_rows, *columns = (max(1, n) for n in shape)
    n_rows = min(n_rows, MANY)
    # Of a small table all columns, of a large one few: one of them is read without the others.
    chunks = (n_rows, *(min(n, max(1, _CHUNK_VALUES // n_rows)) for n in columns))
    return group.create_array(name, shape=shape, chunks=chunks, dtype=kind, attributes=dict(attributes))


def _put_texts(group: zarr.Group, name: str, values: NDArray[Any]) -> None:
    """Store values as texts."""
    array = _array(group, name, values.shape, str, _TEXTS)
    for rows in parts_of(len(values)):
        array[rows] = values[rows].astype(str).astype(object)


def _frame(group: zarr.Group, name: str, index: str, values: NDArray[Any], columns: Sequence[str]) -> zarr.Group:
    """Make a data frame with an index of texts."""
    attributes = {
        "encoding-type": "dataframe",
        "encoding-version": "0.2.0",
        "_index": index,
        "column-order": [*columns],
    }
    frame = group.create_group(name, attributes=attributes)
    _put_texts(frame, index, values)
    return frame


def _categorical(frame: zarr.Group, name: str, texts: NDArray[Any]) -> None:
    """Store a column of texts: each once, and the number of each row's."""
    categories, codes = coded(texts)
    attributes = {"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False}
    group = frame.create_group(name, attributes=attributes)
    _put_texts(group, "categories", np.array(categories, object))
    array = _array(group, "codes", codes.shape, np.int32, _ARRAY)
    if codes.size:
        array[...] = codes


def _add_to_list(folder: Path, name: str, version: str) -> None:
    """Add a table to the list of an image; all else in the metadata stays.

    Raises
    ------
    ExportError
        If the list cannot be read.
    """
    path = folder / ("zarr.json" if version == "0.5" else ".zattrs")
    contents = read_json(path) or {}
    attributes = contents.get("attributes", {}) if version == "0.5" else contents
    names = attributes.get("tables", [])
    if not isinstance(names, list):
        raise ExportError(f"The list of tables in {folder} is no list, but {names!r}. Mend it first.")
    attributes = {**attributes, "tables": names if name in names else [*names, name]}
    write_json(path, {**contents, "attributes": attributes} if version == "0.5" else attributes)
