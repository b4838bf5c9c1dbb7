"""What other programs read of the files that are written here: values, axes, size of a pixel, position, names.

    .venv/bin/python benchmarks/round_trip.py write FOLDER      # a small image in each format
    python -m venv READERS && READERS/bin/pip install ...       # what READERS below names
    READERS/bin/python benchmarks/round_trip.py read FOLDER     # prints the table of docs/reference/other-programs.md

A reader is one function from a path to :class:`Facts`; a fact that it does not offer stays None. An image is a region
of a larger one, so that it has a position, and its pixels differ in size along each axis.
"""

import argparse
import importlib.metadata
import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

READERS = (
    *("zarr==3.1.6", "ome-zarr==0.18.0", "ngff-zarr==0.50.0", "tensorstore==0.1.86", "bioio==3.6.0"),
    *("bioio-ome-zarr==3.8.1", "napari==0.9.2", "napari-ome-zarr==0.10.0", "h5py==3.16.0", "numpy==2.4.6"),
    *("tifffile==2026.3.3", "bioio-ome-tiff==1.4.0", "bioio-tifffile==1.3.1", "scikit-image==0.26.0"),
    *("pillow==13.0.0", "SimpleITK==2.5.7"),
)

SIZES = {"z": 2.0, "y": 0.5, "x": 0.25}
OFFSET = {"z": 1, "y": 4, "x": 6}
ORIGIN = {"z": 0.0, "y": 100.0, "x": 0.0}
POSITION = {key: ORIGIN[key] + OFFSET[key] * SIZES[key] for key in SIZES}
NAMES = ("nucleus", "cell wall, outer", "background ")
UNIT = "micrometer"


@dataclass(frozen=True)
class Case:
    """A file that is written.

    Attributes
    ----------
    export
        The name of the format.
    axes
        The axes of the image, in the order of the file.
    dtype
        The type of its values.
    channels
        The number of channels.
    holds
        Which of ``sizes position names`` the file holds.
    options
        More of the target.
    """

    export: str
    axes: str = "czyx"
    dtype: str = "uint16"
    channels: int = 2
    holds: tuple[str, ...] = ("sizes", "position", "names")
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels."""
        return NAMES[: self.channels]

    @property
    def long_axes(self) -> str:
        """The axes along which there is more than one pixel."""
        return self.axes.replace("c", "") if self.channels == 1 else self.axes

    def pixels(self) -> np.ndarray:
        """Return the image: no value twice, except in 8 bits; fractions in floats."""
        extents = {"t": 4, "c": self.channels, "z": 3, "y": 20, "x": 30}
        shape = tuple(extents[key] for key in self.axes)
        numbers = np.arange(np.prod(shape)).reshape(shape)
        if self.dtype == "float32":
            return (numbers / numbers.size).astype(self.dtype)
        return (numbers * 7 % {"uint8": 251, "uint16": 65521}[self.dtype]).astype(self.dtype)


_OME_TIFF, _TIFF, _PNG = ("sizes", "names"), ("sizes",), ("sizes",)

FORMATS: Mapping[str, Case] = {
    "OME-Zarr 0.4": Case("multi-scale OME-Zarr", options={"ome_zarr_version": "0.4"}),
    "OME-Zarr 0.5": Case("multi-scale OME-Zarr", options={"ome_zarr_version": "0.5"}),
    "N5": Case("compressed n5"),
    "HDF5": Case("compressed hdf5"),
    "NPY": Case("numpy", holds=()),
    "OME-TIFF": Case("multipage tiff", "tzcyx", holds=_OME_TIFF),
    "OME-TIFF, z": Case("multipage tiff", "zcyx", "float32", 1, _OME_TIFF),
    "OME-TIFF, one plane": Case("multipage tiff", "cyx", "uint8", 1, _OME_TIFF),
    "TIFF, grey": Case("tiff", "yxc", "uint8", 1, _TIFF),
    "TIFF, RGB": Case("tiff", "yxc", "uint8", 3, _TIFF),
    "TIFF, RGB, 16 bits": Case("tiff", "yxc", "uint16", 3, _TIFF),
    "TIFF, 2 channels, float": Case("tiff", "yxc", "float32", 2, _TIFF),
    "PNG, grey": Case("png", "yxc", "uint8", 1, _PNG),
    "PNG, RGB": Case("png", "yxc", "uint8", 3, _PNG),
    "PNG, grey, 16 bits": Case("png", "yxc", "uint16", 1, _PNG),
    "PNG, RGB, 16 bits": Case("png", "yxc", "uint16", 3, _PNG),
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


def write(folder: Path) -> None:
    """Write an image in each format."""
    from napari_batch_prediction.formats.common.target import Target
    from napari_batch_prediction.formats.registry import find_format

    for name, case in FORMATS.items():
        values = case.pixels()
        form = find_format(case.export)
        sizes = {key: SIZES[key] for key in case.axes if key in SIZES}
        target = Target(
            folder / f"{name}{form.extension}",
            case.axes,
            values.shape,
            values.dtype,
            pixel_size=sizes,
            units=dict.fromkeys(sizes, UNIT),
            origin=ORIGIN,
            offset=OFFSET,
            channel_names=case.names,
            **case.options,  # type: ignore[arg-type]
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

    return _of_bioio(BioImage(path))


def by_bioio_ome_tiff(path: Path) -> Facts:
    """Read OME-TIFF by bioio-ome-tiff."""
    from bioio_ome_tiff import Reader

    return _of_bioio(Reader(path))


def by_bioio_tifffile(path: Path) -> Facts:
    """Read TIFF by bioio-tifffile."""
    from bioio_tifffile import Reader

    return _of_bioio(Reader(path))


def _of_bioio(image: Any) -> Facts:
    sizes = {key: getattr(image.physical_pixel_sizes, key.upper()) for key in SIZES}
    values, axes = np.asarray(image.data), image.dims.order.lower()
    if "s" in axes:
        # Samples are the channels of a picture; an axis of channels beside them has one.
        if "c" in axes:
            values, axes = values.squeeze(axes.index("c")), axes.replace("c", "")
        axes = axes.replace("s", "c")
    return Facts(
        values=values,
        axes=axes,
        sizes={key: size for key, size in sizes.items() if size is not None} or None,
        names=image.channel_names,
    )


def by_tifffile(path: Path) -> Facts:
    """Read TIFF by tifffile, with OME-XML as it gives it, else the resolution of the first page."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        axes = series.axes.lower().replace("s", "c")
        if not tif.is_ome:
            columns, rows = (1 / n for n in tif.pages.first.get_resolution("micrometer"))
            return Facts(values=series.asarray(), axes=axes, sizes={"y": rows, "x": columns})
        stored = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
        channels = stored["Channel"] if isinstance(stored["Channel"], list) else [stored["Channel"]]
        return Facts(
            values=series.asarray(),
            axes=axes,
            sizes={
                key: stored[f"PhysicalSize{key.upper()}"] for key in SIZES if f"PhysicalSize{key.upper()}" in stored
            },
            names=[str(channel["Name"]) for channel in channels],
        )


def by_scikit_image(path: Path) -> Facts:
    """Read by scikit-image."""
    from skimage.io import imread

    return Facts(values=imread(path))


def by_pillow(path: Path) -> Facts:
    """Read all frames by Pillow."""
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        dpi = image.info.get("dpi")
        frames = [np.asarray(frame) for frame in ImageSequence.Iterator(image)]
    sizes = {key: 25_400 / float(n) for key, n in zip("xy", dpi, strict=True)} if dpi else None
    return Facts(values=np.stack(frames) if len(frames) > 1 else frames[0], sizes=sizes)


def by_simpleitk(path: Path) -> Facts:
    """Read by SimpleITK, whose spacing is in millimetres, and 1 where it knows none."""
    import SimpleITK

    image = SimpleITK.ReadImage(path)
    spacing = {key: 1000 * size for key, size in zip("xyz", image.GetSpacing(), strict=False) if size != 1}
    return Facts(values=SimpleITK.GetArrayFromImage(image), sizes=spacing or None)


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

_ANY: Mapping[str, Callable[[Path], Facts]] = {
    "napari": by_napari,
    "scikit-image": by_scikit_image,
    "Pillow": by_pillow,
    "SimpleITK": by_simpleitk,
}
TIFF: Mapping[str, Callable[[Path], Facts]] = {
    "tifffile": by_tifffile,
    "bioio-tifffile": by_bioio_tifffile,
    **_ANY,
}
OME_TIFF: Mapping[str, Callable[[Path], Facts]] = {"bioio-ome-tiff": by_bioio_ome_tiff, **TIFF}

_READ_BY: Mapping[str, Mapping[str, Callable[[Path], Facts]]] = {
    "multi-scale OME-Zarr": OME_ZARR,
    "compressed n5": {"tensorstore": by_tensorstore},
    "compressed hdf5": {"h5py": by_h5py},
    "numpy": {"numpy": by_numpy, "napari": by_napari},
    "multipage tiff": OME_TIFF,
    "tiff": TIFF,
    "png": _ANY,
}
READ = {name: _READ_BY[case.export] for name, case in FORMATS.items()}


def compare(case: Case, facts: Facts) -> list[str]:
    """Return a word for each fact: "yes", "no", or "-" where the reader says nothing or the file does not hold it."""
    names = facts.names if "names" in case.holds else None
    return [
        _values(case, facts),
        _word(None if facts.axes is None else set(case.long_axes) <= set(facts.axes)),
        _along(case, "sizes", facts.sizes, SIZES),
        _along(case, "position", facts.position, POSITION),
        _word(None if names is None else tuple(names) == case.names),
    ]


def _values(case: Case, facts: Facts) -> str:
    """Return "yes" if values and their type are the same, each at its place, of axes in any order if they are named."""
    got, expected = np.asarray(facts.values), case.pixels()
    if facts.axes is not None and len(facts.axes) == got.ndim:
        order = [key for key in case.axes if key in facts.axes]
        others = [key for key in facts.axes if key not in order]
        got = got.transpose([facts.axes.index(key) for key in (*others, *order)])
    got, expected = got.squeeze(), expected.squeeze()
    if facts.axes is None and got.ndim == 3 and expected.ndim > 3 and np.array_equal(got.ravel(), expected.ravel()):
        return "yes, pages in a row" if got.shape[1:] == expected.shape[-2:] else "no"
    return _word(got.dtype.newbyteorder("=") == expected.dtype and np.array_equal(got, expected))


def _along(case: Case, fact: str, got: Mapping[str, float] | None, written: Mapping[str, float]) -> str:
    """Return a word for numbers by axis, with the axes if the reader does not offer all."""
    expected = {key: number for key, number in written.items() if key in case.axes}
    if got is None or fact not in case.holds:
        return "-"
    offered = {key: number for key, number in expected.items() if key in got}
    word = _word(_close(got, offered))
    return word if word == "no" or offered == expected else f"{word}, {' '.join(offered)}"


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
                words = compare(FORMATS[name], function(path))
            except Exception as error:  # the reader's failure is the result
                words = [f"cannot read it: {type(error).__name__}: {_first_line(error, path)}", *"    "]
            is_wrong |= "no" in words or "cannot" in words[0]
            print(f"| {name} | {reader} {_version(reader)} | {' | '.join(words)} |")
    return int(is_wrong)


def _first_line(error: Exception, path: Path) -> str:
    return str(error).splitlines()[0].replace(str(path), path.name)[:80]


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
