"""What other programs read of the files that are written here: values, axes, size of a pixel, position, names.

    .venv/bin/python benchmarks/round_trip.py write FOLDER      # a small image in each format
    python -m venv READERS && READERS/bin/pip install ...       # what READERS below names
    READERS/bin/python benchmarks/round_trip.py read FOLDER     # prints the table of docs/formats.md

A reader is one function from a path to :class:`Facts`; a fact that it does not offer stays None. The image is a region
of a larger one, so that it has a position, and its pixels differ in size along each axis.
"""

import argparse
import importlib.metadata
import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

READERS = (
    *("zarr==3.1.6", "ome-zarr==0.18.0", "ngff-zarr==0.50.0", "tensorstore==0.1.86", "bioio==3.6.0"),
    *("bioio-ome-zarr==3.8.1", "napari==0.9.2", "napari-ome-zarr==0.10.0", "h5py==3.16.0", "numpy==2.4.6"),
)

SIZES = {"z": 2.0, "y": 0.5, "x": 0.25}
OFFSET = {"z": 1, "y": 4, "x": 6}
ORIGIN = {"z": 0.0, "y": 100.0, "x": 0.0}
POSITION = {key: ORIGIN[key] + OFFSET[key] * SIZES[key] for key in SIZES}
NAMES = ("nucleus", "cell wall, outer")
UNIT = "micrometer"
SHAPE = {"c": 2, "z": 3, "y": 20, "x": 30}
AXES = "czyx"

FORMATS: Mapping[str, tuple[str, dict[str, object]]] = {
    "OME-Zarr 0.4": ("multi-scale OME-Zarr", {"ome_zarr_version": "0.4"}),
    "OME-Zarr 0.5": ("multi-scale OME-Zarr", {"ome_zarr_version": "0.5"}),
    "N5": ("compressed n5", {}),
    "HDF5": ("compressed hdf5", {}),
    "NPY": ("numpy", {}),
}


@dataclass(kw_only=True)
class Facts:
    """What a reader says of an image.

    Attributes
    ----------
    values
        The pixels.
    axes
        The keys of its axes; None if it names none, and the pixels are in the order of the file.
    sizes, position
        Size of a pixel and position of the first by axis, in micrometres.
    names
        The names of the channels.
    """

    values: Any
    axes: str | None = None
    sizes: Mapping[str, float] | None = None
    position: Mapping[str, float] | None = None
    names: Sequence[str] | None = None


def pixels() -> np.ndarray:
    """Return the image, (c, z, y, x), uint16."""
    shape = tuple(SHAPE[key] for key in AXES)
    return (np.arange(np.prod(shape)) * 7 % 65521).astype("u2").reshape(shape)


def write(folder: Path) -> None:
    """Write the image in each format."""
    from napari_batch_prediction.formats.common.target import Target
    from napari_batch_prediction.formats.registry import find_format

    values = pixels()
    for name, (export, options) in FORMATS.items():
        form = find_format(export)
        target = Target(
            folder / f"{name}{form.extension}",
            AXES,
            values.shape,
            values.dtype,
            pixel_size=SIZES,
            units=dict.fromkeys(SIZES, UNIT),
            origin=ORIGIN,
            offset=OFFSET,
            channel_names=NAMES,
            **options,  # type: ignore[arg-type]
        )
        writer = form.writer(target)
        writer.write(tuple(slice(0, n) for n in values.shape), values)
        writer.finish()


def _by_axis(axes: str, numbers: Sequence[float]) -> dict[str, float]:
    return {key: float(x) for key, x in zip(axes, numbers, strict=True) if key in SIZES}


def _of_ome(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts in the metadata of OME-Zarr, as a program reads them by itself."""
    ome = attributes.get("ome", attributes)
    image = ome["multiscales"][0]
    axes = "".join(axis["name"] for axis in image["axes"])
    steps = {step["type"]: step[step["type"]] for step in image["datasets"][0]["coordinateTransformations"]}
    names = [channel["label"] for channel in ome.get("omero", {}).get("channels", [])]
    return {
        "axes": axes,
        "sizes": _by_axis(axes, steps["scale"]),
        "position": _by_axis(axes, steps["translation"]),
        "names": names,
    }


def by_zarr(path: Path) -> Facts:
    """Read OME-Zarr by zarr-python."""
    import zarr

    group = zarr.open_group(path, mode="r")
    return Facts(values=group["s0"][:], **_of_ome(group.attrs.asdict()))


def by_ome_zarr(path: Path) -> Facts:
    """Read OME-Zarr by ome-zarr-py."""
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    node = next(iter(Reader(parse_url(str(path)))()))
    axes = "".join(axis["name"] for axis in node.metadata["axes"])
    steps = {step["type"]: step[step["type"]] for step in node.metadata["coordinateTransformations"][0]}
    return Facts(
        values=np.asarray(node.data[0]),
        axes=axes,
        sizes=_by_axis(axes, steps["scale"]),
        position=_by_axis(axes, steps["translation"]),
        names=node.metadata.get("channel_names") or node.metadata.get("name"),
    )


def by_ngff_zarr(path: Path) -> Facts:
    """Read OME-Zarr by ngff-zarr."""
    import ngff_zarr

    multiscales = ngff_zarr.from_ngff_zarr(str(path))
    image = multiscales.images[0]
    omero = multiscales.metadata.omero
    return Facts(
        values=np.asarray(image.data),
        axes="".join(image.dims),
        sizes={key: image.scale[key] for key in SIZES},
        position={key: image.translation[key] for key in SIZES},
        names=[channel.label for channel in omero.channels] if omero else None,
    )


def by_tensorstore(path: Path) -> Facts:
    """Read the array alone by tensorstore."""
    import tensorstore

    if path.suffix == ".n5":
        store = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path / "exported_data")}}
        return Facts(values=tensorstore.open(store, read=True).result().T.read().result())
    driver = "zarr3" if (path / "zarr.json").is_file() else "zarr"
    store = {"driver": driver, "kvstore": {"driver": "file", "path": str(path / "s0")}}
    array = tensorstore.open(store, read=True).result()
    labels = "".join(array.domain.labels)
    return Facts(values=array.read().result(), axes=labels or None)


def by_bioio(path: Path) -> Facts:
    """Read by bioio and the plugin that it chooses."""
    from bioio import BioImage

    image = BioImage(path)
    sizes = image.physical_pixel_sizes
    return Facts(
        values=image.data,
        axes=image.dims.order.lower(),
        sizes={key: getattr(sizes, key.upper()) for key in SIZES},
        names=image.channel_names,
    )


def by_napari_ome_zarr(path: Path) -> Facts:
    """Read OME-Zarr by napari-ome-zarr, as napari does."""
    from napari_ome_zarr import napari_get_reader

    layers = napari_get_reader(str(path))(str(path))
    data, options, *_ = layers[0]
    axes = "".join(options["axis_labels"])
    # Each is named after the image and its channel.
    names = [name.partition(": ")[2] for name in options["name"]]
    return Facts(
        values=np.asarray(data[0] if isinstance(data, list) else data),
        axes=axes[: options["channel_axis"]] + "c" + axes[options["channel_axis"] :],
        sizes=_by_axis(axes, options["scale"]),
        position=_by_axis(axes, options["affine"].translate),
        names=names,
    )


def by_napari(path: Path) -> Facts:
    """Read by napari's own reader."""
    from napari_builtins.io import napari_get_reader

    data, *_ = napari_get_reader(str(path))(str(path))[0]
    return Facts(values=np.asarray(data))


def by_h5py(path: Path) -> Facts:
    """Read HDF5 by h5py, with vigra's axistags."""
    import h5py

    with h5py.File(path) as file:
        dataset = file["exported_data"]
        tags = json.loads(dataset.attrs["axistags"])["axes"]
        return Facts(
            values=dataset[()],
            axes="".join(tag["key"] for tag in tags),
            sizes={tag["key"]: tag["resolution"] for tag in tags if tag["key"] in SIZES},
        )


def by_numpy(path: Path) -> Facts:
    """Read NPY by numpy."""
    return Facts(values=np.load(path))


OME_ZARR: Mapping[str, Callable[[Path], Facts]] = {
    "zarr": by_zarr,
    "ome-zarr": by_ome_zarr,
    "ngff-zarr": by_ngff_zarr,
    "tensorstore": by_tensorstore,
    "bioio": by_bioio,
    "napari-ome-zarr": by_napari_ome_zarr,
}

READ: Mapping[str, Mapping[str, Callable[[Path], Facts]]] = {
    "OME-Zarr 0.4": OME_ZARR,
    "OME-Zarr 0.5": OME_ZARR,
    "N5": {"tensorstore": by_tensorstore},
    "HDF5": {"h5py": by_h5py},
    "NPY": {"numpy": by_numpy, "napari": by_napari},
}


def compare(facts: Facts) -> list[str]:
    """Return a word for each fact: "yes", "no", or "-" where the reader says nothing."""
    values = np.asarray(facts.values)
    if facts.axes is not None and len(facts.axes) == values.ndim:
        order = [key for key in "t" + AXES if key in facts.axes]
        values = values.transpose([facts.axes.index(key) for key in order])
    same_values = np.array_equal(values.squeeze(), pixels().squeeze())
    same_axes = None if facts.axes is None else set(AXES) <= set(facts.axes)
    return [
        _word(same_values),
        _word(same_axes),
        _word(None if facts.sizes is None else _close(facts.sizes, SIZES)),
        _word(None if facts.position is None else _close(facts.position, POSITION)),
        _word(None if facts.names is None else tuple(facts.names) == NAMES),
    ]


def _close(got: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    return all(got.get(key) is not None and abs(got[key] - expected[key]) < 1e-6 for key in expected)


def _word(is_same: bool | None) -> str:
    return "-" if is_same is None else "yes" if is_same else "no"


def read(folder: Path) -> int:
    """Print the table of all readers; return 1 if one says anything else than was written."""
    print("| Format | Reader | Values | Axes | Size of a pixel | Position | Names of channels |\n" + "|---" * 7 + "|")
    is_wrong = False
    for name, readers in READ.items():
        (path,) = folder.glob(f"{name}.*")
        for reader, function in readers.items():
            try:
                words = compare(function(path))
            except Exception as error:  # the reader's failure is the result
                words = [f"cannot read it: {type(error).__name__}: {str(error).splitlines()[0][:80]}", *"    "]
            is_wrong |= "no" in words or "cannot" in words[0]
            print(f"| {name} | {reader} {_version(reader)} | {' | '.join(words)} |")
    return int(is_wrong)


def _version(reader: str) -> str:
    return importlib.metadata.version(reader)


def main() -> int:
    """Write or read, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=("write", "read"))
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.verb == "write":
        given.folder.mkdir(parents=True, exist_ok=True)
        write(given.folder)
        return 0
    warnings.simplefilter("ignore")
    return read(given.folder)


if __name__ == "__main__":
    sys.exit(main())
