"""Zarr stores with a header and no pixels, of any size."""

import json
from pathlib import Path


def empty_store(path: Path, axes: str, shape: tuple[int, ...], chunk: int = 1000) -> Path:
    """Write the header of a Zarr array of uint8."""
    path.mkdir(parents=True)
    header = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": "uint8",
        "fill_value": 0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [min(n, chunk) for n in shape]}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [{"name": "bytes"}],
        "attributes": {},
        "dimension_names": list(axes),
    }
    (path / "zarr.json").write_text(json.dumps(header))
    return path
