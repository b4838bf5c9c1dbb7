"""Zarr, N5 and NPZ: what other programs write, the metadata, what is found by itself, and how little is read."""

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorstore
import zarr
from numpy.typing import NDArray
from texts import expand

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import parse

STORES = Path(__file__).parent / "stores"


def counted(*shape: int, dtype: str = "uint8") -> NDArray:
    """Return pixels that differ from those around them."""
    return (np.arange(np.prod(shape)) % 251).astype(dtype).reshape(shape)


def assert_regions_equal(image: Any, expected: NDArray) -> None:
    """All pixels, and any region of them, are as expected."""
    pixels = image.read()
    assert pixels.dtype == image.dtype
    np.testing.assert_array_equal(pixels, expected)
    random = np.random.default_rng(0)
    for _ in range(10):
        ends = [np.sort(random.choice(n + 1, 2, replace=False)).tolist() for n in image.shape]
        region = tuple(slice(*pair) for pair in ends)
        np.testing.assert_array_equal(image.read(region), expected[region])


class Plain(NamedTuple):
    """An array without OME's metadata. ``write`` is given the path of the store and the pixels."""

    name: str
    write: Callable[[Path, NDArray], object]
    pixels: NDArray
    axes: str
    known: str = "guess"


def zarr_array(version: int, **options: Any) -> Callable[[Path, NDArray], None]:
    def write(path: Path, pixels: NDArray) -> None:
        zarr.create_array(path, data=pixels, zarr_format=version, **options)

    return write


def zarr_group(version: int, name: str) -> Callable[[Path, NDArray], None]:
    def write(path: Path, pixels: NDArray) -> None:
        zarr.open_group(path, mode="w", zarr_format=version).create_array(name, data=pixels)

    return write


def xarray_like(path: Path, pixels: NDArray) -> None:
    """Name the dimensions as xarray does in Zarr version 2."""
    array = zarr.create_array(path, data=pixels, zarr_format=2)
    array.attrs["_ARRAY_DIMENSIONS"] = ["time", "y", "x"]


def n5(dataset: str = "data", **attributes: Any) -> Callable[[Path, NDArray], None]:
    def write(path: Path, pixels: NDArray) -> None:
        described = path / dataset / "attributes.json"
        metadata = {
            "dimensions": pixels.shape[::-1],
            "blockSize": [8] * pixels.ndim,
            "dataType": str(pixels.dtype),
            "compression": attributes.get("compression", {"type": "gzip"}),
        }
        store = {"driver": "file", "path": str(path / dataset)}
        spec = {"driver": "n5", "kvstore": store, "metadata": metadata, "create": True}
        tensorstore.open(spec).result()[...] = pixels.T
        described.write_text(json.dumps(attributes | json.loads(described.read_text())))

    return write


def npz(save: Callable[..., None], **others: NDArray) -> Callable[[Path, NDArray], None]:
    def write(path: Path, pixels: NDArray) -> None:
        with path.open("wb") as file:
            save(file, pixels=pixels, **others)

    return write


VOLUME = counted(5, 20, 30)
PLAIN = [
    Plain("v2.zarr", zarr_array(2, chunks=(2, 8, 8)), VOLUME, "zyx"),
    Plain("v3.zarr", zarr_array(3, chunks=(2, 8, 8)), VOLUME, "zyx"),
    Plain("sharded.zarr", zarr_array(3, chunks=(1, 4, 4), shards=(2, 8, 8)), VOLUME, "zyx"),
    Plain("uint16.zarr", zarr_array(3, chunks=(8, 8)), counted(20, 30, dtype="uint16"), "yx"),
    Plain("big-endian.zarr", zarr_array(2, chunks=(8, 8)), counted(20, 30, dtype=">u2"), "yx"),
    Plain("float.zarr", zarr_array(2), counted(20, 30, dtype="float32"), "yx"),
    Plain("bool.zarr", zarr_array(3), counted(20, 30) > 99, "yx"),
    Plain("named.zarr", zarr_array(3, dimension_names=["t", "y", "x"]), VOLUME, "tyx", "file"),
    Plain("some names.zarr", zarr_array(3, dimension_names=["t", None, "x"]), VOLUME, "zyx"),
    Plain("other names.zarr", zarr_array(3, dimension_names=["band", "lat", "lon"]), VOLUME, "zyx"),
    Plain("xarray.zarr", xarray_like, VOLUME, "tyx", "file"),
    Plain("a group.ZARR", zarr_group(2, "volume"), VOLUME, "zyx"),
    Plain("a deep group.zarr", zarr_group(3, "deep/volume"), VOLUME, "zyx"),
    Plain("no extension", zarr_array(3), VOLUME, "zyx"),
    Plain("a.n5", n5(), VOLUME, "zyx"),
    Plain("axistags.n5", n5(axistags=axistags_to_json("tyx")), VOLUME, "tyx", "file"),
    Plain("neuroglancer.n5", n5(axes=["x", "y", "t"]), VOLUME, "tyx", "file"),
    Plain("array itself.n5", n5(""), VOLUME.astype("float32"), "zyx"),
    Plain("pyramid.n5", n5("setup/s0"), VOLUME, "zyx"),
    Plain("a.npz", npz(np.savez), VOLUME, "zyx"),
    Plain("compressed.npz", npz(np.savez_compressed), VOLUME, "zyx"),
    Plain("fortran.npz", npz(np.savez), np.asfortranarray(VOLUME), "zyx"),
    Plain("with a vector.npz", npz(np.savez, scale=np.arange(3.0)), VOLUME, "zyx"),
]


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
def test_only_array_of_a_plain_store_is_read(case, tmp_path):
    """The only array is found by itself; axes are named or guessed; regions are parts of the whole."""
    case.write(tmp_path / case.name, case.pixels)
    with open_image(tmp_path / case.name) as image:
        assert (image.axes, image.axes_known) == (case.axes, case.known)
        assert image.dtype == (np.uint8 if case.pixels.dtype == bool else case.pixels.dtype.newbyteorder("="))
        assert_regions_equal(image, case.pixels)


@pytest.mark.parametrize("name", ["a.zarr", "a.n5"])
def test_axes_of_the_user_win_over_those_in_the_store(name, tmp_path):
    """Axes that are given win over those in the store, right or wrong."""
    write = zarr_array(3, dimension_names=["t", "y", "x"]) if name == "a.zarr" else n5(axes=["x", "y", "t"])
    write(tmp_path / name, VOLUME)
    with open_image(tmp_path / name, "zyx") as image:
        assert (image.axes, image.axes_known) == ("zyx", "user")


MICROMETERS = dict.fromkeys("zyx", "micrometer")


@pytest.mark.parametrize(
    ("name", "level", "channels"),
    [
        ("ome-zarr-py 0.4.ome.zarr", "s0", ()),
        ("ome-zarr-py 0.5.ome.zarr", "s0", ()),
        ("ngio 0.4.zarr", "0", ("DAPI", "GFP")),
        ("ngio 0.5.zarr", "0", ("DAPI", "GFP")),
    ],
)
def test_stores_of_ome_zarr_py_and_ngio_are_read(name, level, channels):
    """The full resolution, with axes, size of a pixel and channels, of what ome-zarr-py and ngio wrote."""
    expected = counted(2, 3, 24, 32)
    with open_image(STORES / name) as image:
        assert (image.axes, image.axes_known, image.dataset) == ("czyx", "file", level)
        assert (image.pixel_size, image.units) == ({"z": 2, "y": 0.5, "x": 0.25}, MICROMETERS)
        assert image.channel_names == channels
        assert_regions_equal(image, expected)
    with open_image(STORES / name / level.replace("0", "1")) as image:
        assert (image.axes, image.shape) == ("czyx", (2, 3, 12, 16))
        assert (image.pixel_size, image.units) == ({"z": 2, "y": 1, "x": 0.5}, MICROMETERS)


def ome_zarr(
    path: Path,
    version: str = "0.4",
    axes: Any = ("t", "c", "y", "x"),
    *,
    levels: dict[str, NDArray] | None = None,
    group: str = "",
    scales: dict[str, list[float]] | None = None,
    whole_scale: list[float] | None = None,
    channels: list[str] | None = None,
) -> None:
    """Write an image as the specification says, by hand; axes are strings, or what the metadata hold."""
    levels = levels or {"0": counted(2, 3, 20, 30), "1": counted(2, 3, 10, 15)}
    kinds = {"t": ("time", "second"), "c": ("channel", "")}
    described = []
    for axis in axes or ():
        kind, unit = kinds.get(axis, ("space", "nanometer")) if isinstance(axis, str) else ("", "")
        unit_entry = {"unit": unit} if unit else {}
        described.append({"name": axis, "type": kind, **unit_entry} if isinstance(axis, str) else axis)
    datasets = []
    for name in levels:
        entry: dict[str, Any] = {"path": name}
        if scales:
            entry["coordinateTransformations"] = [{"type": "scale", "scale": scales[name]}]
        datasets.append(entry)
    multiscale: dict[str, Any] = {"datasets": datasets, "version": version}
    if axes:
        multiscale["axes"] = [a["name"] for a in described] if version == "0.3" else described
    if whole_scale:
        multiscale["coordinateTransformations"] = [{"type": "scale", "scale": whole_scale}]
    attributes: dict[str, Any] = {"multiscales": [multiscale]}
    if channels:
        attributes["omero"] = {"channels": [{"label": label} for label in channels]}
    root = zarr.open_group(path, mode="a", zarr_format=3 if version == "0.5" else 2)
    image = root.require_group(group) if group else root
    image.attrs.update({"ome": {"version": version, **attributes}} if version == "0.5" else attributes)
    for name, pixels in levels.items():
        image.create_array(name, data=pixels, chunks=tuple(min(n, 8) for n in pixels.shape))


def test_scales_of_level_and_image_multiply(tmp_path):
    """Both scales count; the unit of time stays."""
    ome_zarr(tmp_path / "a.zarr", scales={"0": [1, 1, 2, 2], "1": [1, 1, 4, 4]}, whole_scale=[0.1, 1, 5, 10])
    with open_image(tmp_path / "a.zarr" / "1") as image:
        assert image.pixel_size == {"t": 0.1, "y": 20, "x": 40}
        assert image.units == {"t": "second", "y": "nanometer", "x": "nanometer"}


OLD = {
    "0.3: plain names of axes": ("0.3", ("c", "y", "x"), "cyx"),
    "0.2: always five axes": ("0.2", None, "tczyx"),
    "types name axes": ("0.5", ({"name": "frames", "type": "time"}, {"name": "Y"}, {"name": "X"}), "tyx"),
    "capitals": ("0.4", ({"name": "C", "type": "channel"}, {"name": "Y"}, {"name": "X"}), "cyx"),
}


@pytest.mark.parametrize(("version", "axes", "expected"), OLD.values(), ids=OLD)
def test_axes_are_read_from_each_version_of_ome_zarr(version, axes, expected, tmp_path):
    """Axes are named in other ways in each version; without a unit there is no size of a pixel."""
    pixels = counted(*(2, 3, 4, 20, 30)[-len(expected) :])
    ome_zarr(tmp_path / "a.zarr", version, axes, levels={"0": pixels})
    with open_image(tmp_path / "a.zarr") as image:
        assert (image.axes, image.axes_known, image.pixel_size) == (expected, "file", {})


def test_labels_beside_an_image_are_no_second_image(tmp_path):
    """Labels beside the image do not make it two images; they can be named."""
    ome_zarr(tmp_path / "a.zarr", channels=["DAPI", "GFP", "Cy5"])
    ome_zarr(tmp_path / "a.zarr", axes="yx", levels={"0": counted(20, 30, dtype="uint16")}, group="labels/nuclei")
    with open_image(tmp_path / "a.zarr") as image:
        assert image.channel_names == ("DAPI", "GFP", "Cy5")
    with open_image(tmp_path / "a.zarr" / "labels" / "nuclei") as image:
        assert (image.axes, image.dataset) == ("yx", "labels/nuclei/0")


@pytest.mark.parametrize("omero", [None, {}, {"channels": None}, {"channels": [{"label": None}, {}, "c"]}, []])
def test_odd_channels_do_not_keep_an_image_from_being_read(omero, tmp_path):
    """What is only about showing an image does not keep it from being read."""
    ome_zarr(tmp_path / "a.zarr")
    zarr.open_group(tmp_path / "a.zarr").attrs["omero"] = omero
    with open_image(tmp_path / "a.zarr") as image:
        assert image.channel_names == ()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("group", ["", "A/1/0"])
def test_level_that_is_not_there_is_an_error(group, version, tmp_path):
    """The message lists the levels of the image, and what else the store holds."""
    root = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=version)
    inner = root.create_group(group) if group else root
    levels = [{"path": name} for name in ("s0", "s1")]
    image = {"axes": [{"name": key, "type": "space"} for key in "yx"], "datasets": levels, "version": "0.4"}
    inner.attrs.update(
        {"multiscales": [image]} if version == 2 else {"ome": {"version": "0.5", "multiscales": [image]}}
    )
    for name in ("s0", "s1", "other"):
        inner.create_array(name, data=np.zeros((20, 30), np.uint8))
    above = f"{group}/" if group else ""
    listed = f"{above}s0 level; {above}s1 level; .*{above}other "
    for name in ("0", "s2", "s0/c"):
        with pytest.raises(ImageReadError, match=rf"has no dataset '{above}{name}'.*{listed}") as raised:
            open_image(tmp_path / "a.zarr" / group / name)
        assert raised.value.setting == "dataset"


def test_levels_in_groups_of_their_own_are_found(tmp_path):
    """Levels may lie in groups of their own; an image in a group is found by itself."""
    levels = {f"scale{i}/image": counted(2, 3, 20 - i, 30) for i in (0, 1)}
    ome_zarr(tmp_path / "a.zarr", levels=levels, group="images/blobs", scales={name: [1, 1, 5, 5] for name in levels})
    with open_image(tmp_path / "a.zarr") as image:
        assert (image.dataset, image.axes) == ("images/blobs/scale0/image", "tcyx")
        assert image.pixel_size == {"t": 1, "y": 5, "x": 5}


def test_stray_files_in_a_store_do_not_matter(tmp_path):
    """Files that do not belong to the store are left alone."""
    zarr_group(2, "a")(tmp_path / "a.zarr", VOLUME)
    (tmp_path / "a.zarr" / ".DS_Store").touch()
    (tmp_path / "a.zarr" / "notes.txt").touch()
    (tmp_path / "a.zarr" / "folder").mkdir()
    with open_image(tmp_path / "a.zarr") as image:
        assert image.dataset == "a"


@pytest.mark.parametrize("case", [PLAIN[0], PLAIN[2], PLAIN[14], PLAIN[20]], ids=lambda case: case.name)
def test_store_is_read_by_many_threads(case, tmp_path):
    """Regions can be read from several threads at once."""
    case.write(tmp_path / case.name, case.pixels)
    with open_image(tmp_path / case.name) as image, ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda y: image.read((slice(0, 5), slice(y, y + 1), slice(0, 30))), range(20)))
    np.testing.assert_array_equal(np.concatenate(rows, axis=1), case.pixels)


def plate(path: Path) -> None:
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}, {"path": "B/2", "rowIndex": 1, "columnIndex": 1}]
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["plate"] = {"wells": wells}
    for well in wells:
        root.require_group(well["path"]).attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}]}
        for field in "01":
            ome_zarr(path, group=f"{well['path']}/{field}")


def test_images_of_a_plate_are_named_or_matched_by_a_pattern(tmp_path):
    """Images of a plate are named, or matched by a pattern; the plate and its wells say so."""
    store = tmp_path / "p.zarr"
    plate(store)
    with pytest.raises(ImageReadError, match=r"is a plate with 2 wells.*p\.zarr/A/1/0'.*p\.zarr/\*/\*/\*'"):
        open_image(store)
    with pytest.raises(ImageReadError, match=r"is a well with 2 images.*p\.zarr/A/1/0'"):
        open_image(store / "A" / "1")
    fields = ["A/1/0", "A/1/1", "B/2/0", "B/2/1"]
    assert expand([f"{store}/*/*/*"]) == [f"{store}/{field}" for field in fields]
    assert expand([f"{tmp_path}/*.zarr/B/*/0"]) == [f"{store}/B/2/0"]
    assert parse(f"{store}/B/2/0").file == store
    assert parse(f"{store}/B/2/0").stem == "p-B-2-0"
    with open_image(store / "B" / "2" / "1") as image:
        np.testing.assert_array_equal(image.read(), counted(2, 3, 20, 30))


def two_arrays(path: Path) -> None:
    root = zarr.open_group(path, mode="w")
    for name in ("first", "second"):
        root.create_array(name, data=VOLUME)


SEVERAL = {
    "a.npz": lambda path: np.savez(path, first=VOLUME, second=VOLUME),
    "a.zarr": two_arrays,
    "a.n5": lambda path: [n5("first")(path, VOLUME), n5("second")(path, VOLUME)],
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_arrays_are_listed_and_opened_by_name(name, tmp_path):
    """Without a name after the file the message lists what there is; with one it opens, by pattern also."""
    SEVERAL[name](tmp_path / name)
    with pytest.raises(ImageReadError, match=rf"2 datasets.*first.*second.*'{tmp_path / name / 'first'}'"):
        open_image(tmp_path / name)
    with pytest.raises(ImageReadError, match=r"no dataset 'third'\. It has: first"):
        open_image(tmp_path / name / "third")
    with open_image(tmp_path / name / "second") as image:
        assert image.dataset == "second"
        np.testing.assert_array_equal(image.read(), VOLUME)
    assert expand([f"{tmp_path / name}/*"]) == [f"{tmp_path / name}/{which}" for which in ("first", "second")]


@pytest.mark.parametrize("name", ["a.zarr", "a.n5"])
def test_only_the_blocks_of_a_region_are_read(name, tmp_path):
    """With every block of pixels damaged except one, what lies in that one can be read."""
    write = zarr_array(2, chunks=(8, 8), compressors="auto") if name == "a.zarr" else n5("")
    pixels = counted(64, 64)
    write(tmp_path / name, pixels)
    kept = tmp_path / name / ("3.5" if name == "a.zarr" else "5/3")
    blocks = [path for path in (tmp_path / name).rglob("*") if path.is_file() and path.suffix != ".json"]
    for block in blocks:
        if block != kept and not block.name.startswith(".z"):
            block.write_bytes(b"damaged")
    with open_image(tmp_path / name) as image:
        np.testing.assert_array_equal(image.read((slice(24, 32), slice(40, 48))), pixels[24:32, 40:48])
        with pytest.raises(ImageReadError, match="pixels of"):
            image.read()


def test_npz_of_many_arrays_is_not_looked_through(tmp_path, monkeypatch):
    """A few are named, and none is opened; the one that is named is read."""
    path = tmp_path / "a.npz"
    np.savez(path, **{f"v{i}": np.zeros(2, np.uint8) for i in range(1001)}, image=VOLUME)
    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "open", None)
        with pytest.raises(
            ImageReadError, match=r"holds 1002 datasets, .*: v0; v1; .* more\. Choose one of them"
        ) as caught:
            open_image(path)
        assert len(str(caught.value)) < 2000
        with pytest.raises(ImageReadError, match="has no dataset 'w'"):
            open_image(path / "w")
    with open_image(path / "image") as image:
        np.testing.assert_array_equal(image.read(), VOLUME)


def test_only_the_region_of_a_plain_npz_is_read(tmp_path):
    """Of an array that is not compressed only the region is read: damage elsewhere does not matter."""
    path = tmp_path / "a.npz"
    np.savez(path, first=np.zeros((4, 4, 4)), second=counted(64, 64))
    data = bytearray(path.read_bytes())
    at = bytes(data).index(counted(64, 64).tobytes())
    data[at + 60 * 64] += 1
    path.write_bytes(data)
    with open_image(path / "second") as image:
        np.testing.assert_array_equal(image.read((slice(3, 9), slice(5, 60))), counted(64, 64)[3:9, 5:60])


def spoil(name: str, text: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        (path / name).write_text(text)

    return change


def set_attribute(**values: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        zarr.open_group(path, mode="a").attrs.update(values)

    return change


LEVELS = [{"path": "0"}]
DAMAGE = {
    "no metadata": (lambda path: (path / ".zgroup").unlink(), "a.zarr' as Zarr"),
    "metadata cut off": (spoil(".zgroup", '{"zarr_f'), "a.zarr' as Zarr"),
    "array's metadata cut off": (spoil("0/.zarray", '{"shape": [2,'), "a.zarr' as Zarr"),
    "attributes cut off": (spoil(".zattrs", '{"multiscales'), "a.zarr' as Zarr"),
    "level is missing": (lambda path: shutil.rmtree(path / "0"), "first level '0' is missing"),
    "no levels": (set_attribute(multiscales=[{"datasets": []}]), "name no levels"),
    "no image": (set_attribute(multiscales=[]), "a.zarr' as Zarr"),
    "too many axes": (set_attribute(multiscales=[{"datasets": LEVELS, "axes": ["t", "c", "z", "y", "x"]}]), "5 axes"),
    "odd axes": (
        set_attribute(multiscales=[{"datasets": LEVELS, "axes": ["t", "q", "y", "x"]}]),
        r"axes of .* not clear.*'q'",
    ),
    "axes twice": (set_attribute(multiscales=[{"datasets": LEVELS, "axes": ["t", "y", "y", "x"]}]), "not clear"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_zarr_is_refused_with_the_reason(damage, message, tmp_path):
    """A store that is not whole is named with a reason."""
    path = tmp_path / "a.zarr"
    ome_zarr(path)
    damage(path)
    with pytest.raises(ImageReadError, match=message):
        open_image(path)


@pytest.mark.parametrize("axes", ["tcyx"])
def test_axes_of_the_user_mend_odd_ones(axes, tmp_path):
    """With axes given by the user it does not matter what those in the metadata are called."""
    ome_zarr(tmp_path / "a.zarr", axes=("t", "q", "y", "x"))
    with open_image(tmp_path / "a.zarr", axes) as image:
        assert (image.axes, image.axes_known) == (axes, "user")


BAD = {
    "empty.zarr": (Path.mkdir, "is none"),
    "empty.n5": (Path.mkdir, "is none"),
    "cut.npz": (lambda path: path.write_bytes(b"PK\3\4" + bytes(20)), "as NPZ"),
    "objects.npz": (lambda path: np.savez(path, a=np.array([[1, "a"]], object)), "holds no image"),
    "complex.zarr": (lambda path: zarr_array(3)(path, counted(20, 30).astype(complex)), "complex128. Expected"),
    "6d.zarr": (lambda path: zarr_array(3)(path, counted(1, 1, 1, 1, 2, 2)), "2 to 5 dimensions, got 6"),
    "words.zarr": (lambda path: zarr_group(3, "a")(path, counted(30)), "holds no image"),
    "bad.n5": (lambda path: [path.mkdir(), (path / "attributes.json").write_text("{")], "as N5"),
}


@pytest.mark.parametrize("name", BAD)
def test_store_without_an_image_is_refused(name, tmp_path):
    """Stores and files without an image that can be read."""
    make, message = BAD[name]
    make(tmp_path / name)
    with pytest.raises(ImageReadError, match=message) as raised:
        open_image(tmp_path / name)
    assert name in str(raised.value)


class Payload:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("place", ["filters", "compressor"])
@pytest.mark.parametrize("dtype", ["|u1", "|O"])
def test_zarr_whose_codec_is_a_pickle_is_refused(place, dtype, tmp_path):
    """A store whose codec is a pickle is refused, and the pickle is not run."""
    path, trace = tmp_path / "a.zarr", tmp_path / "trace"
    zarr_array(2, compressors=None)(path, counted(4, 4))
    described = json.loads((path / ".zarray").read_text())
    described |= {place: [{"id": "pickle"}] if place == "filters" else {"id": "pickle"}, "dtype": dtype}
    (path / ".zarray").write_text(json.dumps(described))
    (path / "0.0").write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(ImageReadError), open_image(path) as image:
        image.read()
    assert not trace.exists()


COSEM = {"axes": ["z", "y", "x"], "scale": [3, 0.2, 0.1], "translate": [7, 0, 5], "units": ["nm", "nm", "nm"]}
N5_SIZES = {
    "each": ({"resolution": [0.5, 0.5, 2], "units": ["um", "um", "um"]}, {"z": 2, "y": 0.5, "x": 0.5}, "micrometer"),
    "n5-ij": (
        {"pixelResolution": {"dimensions": [0.1, 0.2, 3], "unit": "nm"}},
        {"z": 3, "y": 0.2, "x": 0.1},
        "nanometer",
    ),
    "n5-viewer": ({"pixelResolution": [0.1, 0.2, 3]}, {"z": 3, "y": 0.2, "x": 0.1}, ""),
    "escaped mu": ({"resolution": [2, 2, 2], "units": r"\u03BCm"}, {"z": 2, "y": 2, "x": 2}, "micrometer"),
    "a level": (
        {"pixelResolution": {"dimensions": [0.1, 0.2, 3], "unit": "nm"}, "downsamplingFactors": [2, 2, 1]},
        {"z": 3, "y": 0.4, "x": 0.2},
        "nanometer",
    ),
    "COSEM": ({"transform": COSEM}, {"z": 3, "y": 0.2, "x": 0.1}, "nanometer"),
    "no unit": ({"resolution": [0.5, 0.5, 2]}, {"z": 2, "y": 0.5, "x": 0.5}, ""),
    "1 of nothing": ({"resolution": [1, 1, 1], "units": ["pixel", "pixel", "pixel"]}, {}, ""),
    "too few": ({"pixelResolution": {"dimensions": [0.1], "unit": "nm"}}, {}, ""),
    "no numbers": ({"transform": {**COSEM, "scale": ["a", None, True]}}, {}, ""),
}


@pytest.mark.parametrize(("attributes", "sizes", "unit"), N5_SIZES.values(), ids=N5_SIZES)
def test_n5_pixel_size_is_in_its_own_order(attributes, sizes, unit, tmp_path):
    """Sizes are in N5's order, x first, but for those with names."""
    n5(**attributes)(tmp_path / "a.n5", VOLUME)
    with open_image(tmp_path / "a.n5") as image:
        assert image.pixel_size == sizes
        assert image.units == (dict.fromkeys(sizes, unit) if unit else {})
        assert image.axes_known == ("file" if "transform" in attributes else "guess")


def test_n5_pixel_size_of_a_group_is_that_of_its_levels(tmp_path):
    """n5-viewer names the size of the first level in the group, and the factors in each level."""
    n5("c0/s0")(tmp_path / "a.n5", VOLUME)
    n5("c0/s1", downsamplingFactors=[2, 2, 1])(tmp_path / "a.n5", VOLUME)
    (tmp_path / "a.n5/c0/attributes.json").write_text(json.dumps({"pixelResolution": [0.1, 0.2, 3]}))
    with open_image(tmp_path / "a.n5/c0/s0") as image:
        assert image.pixel_size == {"z": 3, "y": 0.2, "x": 0.1}
    with open_image(tmp_path / "a.n5/c0/s1") as image:
        assert image.pixel_size == {"z": 3, "y": 0.4, "x": 0.2}


def test_n5_position_of_a_transform_is_read(tmp_path):
    """COSEM's transform names the position of the first pixel."""
    n5(transform=COSEM)(tmp_path / "a.n5", VOLUME)
    with open_image(tmp_path / "a.n5") as image:
        assert image.origin == {"z": 7, "x": 5}


COMPRESSIONS = [
    {"type": "raw"},
    {"type": "gzip"},
    {"type": "gzip", "useZlib": True},
    {"type": "bzip2"},
    {"type": "xz"},
    {"type": "zstd"},
    {"type": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
]


@pytest.mark.parametrize("compression", COMPRESSIONS, ids=lambda compression: "-".join(map(str, compression.values())))
def test_n5_as_ilastik_writes_it_is_read(compression, tmp_path):
    """The attribute axes is one text, x first; tensorstore by itself expects a list."""
    (tmp_path / "a.n5").mkdir()
    n5("exported_data", compression=compression)(tmp_path / "a.n5", VOLUME)
    described = tmp_path / "a.n5/exported_data/attributes.json"
    described.write_text(json.dumps(json.loads(described.read_text()) | {"axes": "xyt"}))
    with open_image(tmp_path / "a.n5") as image:
        assert (image.axes, image.axes_known) == ("tyx", "file")
        assert_regions_equal(image, VOLUME)


def test_n5_of_its_first_version_is_read(tmp_path):
    """Before version 2 of N5 the compression was a name."""
    n5()(tmp_path / "a.n5", VOLUME)
    described = tmp_path / "a.n5/data/attributes.json"
    facts = json.loads(described.read_text())
    facts["compressionType"] = facts.pop("compression")["type"]
    described.write_text(json.dumps(facts))
    with open_image(tmp_path / "a.n5") as image:
        assert_regions_equal(image, VOLUME)


def test_n5_pyramid_opens_at_its_first_level(tmp_path):
    """Of the levels of a pyramid the first is taken, unless another is named."""
    for level in (0, 1, 10):
        n5(f"setup/s{level}")(tmp_path / "a.n5", counted(40 - level, 30))
    with open_image(tmp_path / "a.n5") as image:
        assert (image.dataset, image.shape) == ("setup/s0", (40, 30))
    with open_image(tmp_path / "a.n5" / "setup" / "s10") as image:
        assert image.shape == (30, 30)


def _zarr_with_empty(path: Path) -> None:
    group = zarr.open_group(path, mode="w")
    group.create_array("empty", shape=(0, 30), dtype="u1")
    group.create_array("image", shape=(20, 30), dtype="u1")[:] = 1


def _n5_with_empty(path: Path) -> None:
    facts = {"blockSize": [30, 20], "dataType": "uint8", "compression": {"type": "raw"}}
    for name, n_rows in (("empty", 0), ("image", 20)):
        (path / name).mkdir(parents=True)
        (path / name / "attributes.json").write_text(json.dumps({**facts, "dimensions": [30, n_rows]}))


EMPTY = {
    "a.zarr": _zarr_with_empty,
    "a.n5": _n5_with_empty,
    "a.npz": lambda path: np.savez(path, empty=np.zeros((0, 30)), image=counted(20, 30)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_array_without_pixels_is_not_to_choose_from(name, tmp_path):
    """The only array with pixels is taken; an empty one is refused by name."""
    EMPTY[name](tmp_path / name)
    with open_image(tmp_path / name) as image:
        assert image.dataset == "image"
    with pytest.raises(ImageReadError, match=r"/empty' holds no pixels: its shape is \(0, 30\)"):
        open_image(f"{tmp_path / name}/empty")


@pytest.mark.parametrize("version", [2, 3])
def test_codec_that_is_not_installed_is_named(version, tmp_path):
    """The file is not blamed: the message names the codec and what would read it."""
    path = tmp_path / "a.zarr"
    zarr_array(version)(path, counted(20, 30))
    file = path / ("zarr.json" if version == 3 else ".zarray")
    facts = json.loads(file.read_text())
    if version == 3:
        facts["codecs"] = [facts["codecs"][0], {"name": "other.codec", "configuration": {}}]
    else:
        facts["compressor"] = {"id": "other.codec"}
    file.write_text(json.dumps(facts))
    with pytest.raises(ImageReadError, match=r"codec 'other\.codec', which is not installed\. Install") as raised:
        open_image(path)
    assert "copy it again" not in str(raised.value)


@pytest.mark.parametrize("kind", ["array", "group"])
def test_store_of_both_versions_is_read_as_zarr_3_with_a_warning(kind, tmp_path):
    """What zarr-python says to the terminal is a warning of the image."""
    path = tmp_path / "a.zarr"
    array = path / "a" if kind == "group" else path
    zarr_array(2)(array, counted(20, 30))
    zarr_array(3)(tmp_path / "b.zarr", counted(20, 30) + 1)
    shutil.copytree(tmp_path / "b.zarr", array, dirs_exist_ok=True)
    if kind == "group":
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(), counted(20, 30) + 1)
        assert "it is read as Zarr 3" in image.warnings[0]
