"""Chunks that inflate to more than their metadata say, and chunks that are large."""

import bz2
import gzip
import json
import lzma
import zlib
from pathlib import Path

import h5py
import numcodecs
import numpy as np
import pytest
import tensorstore
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common import large_chunks
from napari_batch_prediction.formats.common.inflate import BOUNDED, check_inflated, inflate
from napari_batch_prediction.formats.common.large_chunks import LargeChunks
from napari_batch_prediction.formats.n5 import blocks
from napari_batch_prediction.images.base import NOTHING_DECODED
from napari_batch_prediction.locations.inputs import open_image

PIXELS = np.arange(32 * 48, dtype="u1").reshape(32, 48)


def zstd_without_size(data: bytes) -> bytes:
    """A frame that does not say how much it holds: raw blocks, by RFC 8878."""
    header = (len(data) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\x00\x58" + header + data


COMPRESS = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "bzip2": bz2.compress,
    "lzma": lzma.compress,
    "xz": lzma.compress,
    "zstd": numcodecs.Zstd().encode,
    "blosc": numcodecs.Blosc().encode,
    "lz4": numcodecs.LZ4().encode,
}


def test_all_kinds_are_tried():
    """The table of this test has every kind of compression that is bounded."""
    assert set(COMPRESS) == set(BOUNDED)


@pytest.mark.parametrize("kind", COMPRESS)
def test_content_within_its_size_is_inflated(kind):
    """What a chunk may hold comes out whole, or is left to its decoder."""
    data = bytes(range(256))
    assert inflate(kind, COMPRESS[kind](data), 256) in (data, None)


@pytest.mark.parametrize("kind", COMPRESS)
def test_content_beyond_its_size_is_refused(kind):
    """One byte more than a chunk may hold is too much."""
    with pytest.raises(ValueError, match="more than the 255 bytes"):
        inflate(kind, COMPRESS[kind](bytes(256)), 255)


def test_zstandard_without_a_size_is_bounded():
    """A frame that does not say its size is decoded no further than allowed."""
    data = bytes(range(200))
    assert inflate("zstd", zstd_without_size(data), 200) == data
    with pytest.raises(ValueError, match="more than the 199 bytes"):
        inflate("zstd", zstd_without_size(data), 199)


@pytest.mark.parametrize("kind", ["gzip", "bz2", "xz"])
def test_several_members_count_together(kind):
    """Compressed streams one after the other are one content."""
    twice = COMPRESS[kind](bytes(100)) * 2
    assert inflate(kind, twice, 200) == bytes(200)
    with pytest.raises(ValueError, match="more than the 199 bytes"):
        inflate(kind, twice, 199)


@pytest.mark.parametrize("damaged", [b"", b"\x1f\x8b", gzip.compress(bytes(50), mtime=0)[:-9], b"something else"])
def test_damaged_stream_is_refused(damaged):
    """A stream that is cut off or none is an error of its own; without bytes there is nothing in it."""
    if damaged:
        with pytest.raises(ValueError, match=r"damaged|cut off"):
            inflate("gzip", damaged, 100)
    else:
        assert inflate("gzip", damaged, 100) == b""


def test_compression_inside_a_compression_is_bounded():
    """The inner content is looked at as well."""
    twice = gzip.compress(bz2.compress(bytes(300)))
    check_inflated(["gzip", "bz2"], twice, 300)
    with pytest.raises(ValueError, match="more than the 299 bytes"):
        check_inflated(["gzip", "bz2"], twice, 299)


V2 = [
    *(numcodecs.GZip(), numcodecs.Zlib(), numcodecs.BZ2(), numcodecs.LZMA(), numcodecs.Zstd(), numcodecs.Blosc()),
    numcodecs.LZ4(),
]
V3 = [GzipCodec(), ZstdCodec(), BloscCodec(), [GzipCodec(), Crc32cCodec()], [GzipCodec(), ZstdCodec()]]
FORMS = {
    **{f"2-{codec.codec_id}": {"zarr_format": 2, "compressors": codec} for codec in V2},
    **{f"2-{codec.codec_id}-filter": {"zarr_format": 2, "filters": [codec], "compressors": None} for codec in V2[:2]},
    **{f"3-{i}": {"zarr_format": 3, "compressors": codec} for i, codec in enumerate(V3)},
    **{f"3-{i}-shards": {"zarr_format": 3, "compressors": codec, "shards": (32, 32)} for i, codec in enumerate(V3)},
}


def too_large(path: Path, form: dict) -> None:
    """Put a chunk of many times the size that the metadata say into a store."""
    big = {name: value for name, value in form.items() if name != "shards"}
    zarr.create_array(path, data=np.zeros((640, 640), "u1"), chunks=(640, 640), fill_value=1, **big)
    (chunk,) = (file for file in path.rglob("*0") if file.is_file())
    content = chunk.read_bytes()
    chunk.unlink()
    zarr.create_array(path, data=np.zeros((16, 16), "u1"), chunks=(16, 16), fill_value=1, overwrite=True, **big)
    chunk.write_bytes(content)


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3 specification")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_array_is_read_through_bounded_codecs(form, tmp_path):
    """Every codec that is bounded gives the same pixels as before."""
    zarr.create_array(tmp_path / "a.zarr", data=PIXELS, chunks=(16, 16), **form)
    with open_image(tmp_path / "a.zarr") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)
        np.testing.assert_array_equal(image.read((slice(3, 30), slice(15, 17))), PIXELS[3:30, 15:17])


UNSHARDED = {name: form for name, form in FORMS.items() if "shards" not in form}


@pytest.mark.parametrize("form", UNSHARDED.values(), ids=UNSHARDED)
def test_chunk_of_zarr_that_inflates_too_far_is_refused(form, tmp_path):
    """A chunk that holds more than its metadata say stops there."""
    too_large(tmp_path / "a.zarr", form)
    with open_image(tmp_path / "a.zarr") as image, pytest.raises(ImageReadError, match=r"more than the .* bytes"):
        image.read()


def test_chunk_in_a_shard_that_inflates_too_far_is_refused(tmp_path):
    """The chunks in a shard are bounded, not only the shard."""
    options = {"chunks": (640, 640), "shards": (640, 640), "compressors": [GzipCodec()]}
    zarr.create_array(tmp_path / "a.zarr", data=np.zeros((640, 640), "u1"), fill_value=1, **options)
    described = tmp_path / "a.zarr/zarr.json"
    facts = json.loads(described.read_text())
    facts["shape"] = facts["chunk_grid"]["configuration"]["chunk_shape"] = [16, 16]
    facts["codecs"][0]["configuration"]["chunk_shape"] = [16, 16]
    described.write_text(json.dumps(facts))
    with open_image(tmp_path / "a.zarr") as image, pytest.raises(ImageReadError, match="more than the 256 bytes"):
        image.read()


def test_file_of_a_chunk_that_is_too_large_is_not_read(tmp_path):
    """An uncompressed chunk is as large as its metadata say."""
    zarr.create_array(tmp_path / "a.zarr", data=PIXELS[:16, :16], chunks=(16, 16), zarr_format=2, compressors=None)
    with (tmp_path / "a.zarr/0.0").open("r+b") as file:
        file.truncate(2**30)
    with open_image(tmp_path / "a.zarr") as image, pytest.raises(ImageReadError, match="expected at most"):
        image.read()


N5 = [{"type": "gzip"}, {"type": "gzip", "useZlib": True}, {"type": "bzip2"}, {"type": "xz"}, {"type": "zstd"}]
N5 += [{"type": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 0}, {"type": "raw"}]


def write_n5(path: Path, pixels: np.ndarray, compression: dict) -> None:
    metadata = {"dimensions": pixels.shape[::-1], "blockSize": pixels.shape[::-1], "dataType": "uint8"}
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path)}, "create": True}
    spec |= {"metadata": {**metadata, "compression": compression}, "store_data_equal_to_fill_value": True}
    tensorstore.open(spec).result()[...] = pixels.T


@pytest.mark.parametrize("compression", N5, ids=lambda compression: "-".join(map(str, compression.values())))
@pytest.mark.parametrize("keep_header", [True, False])
def test_block_of_n5_that_inflates_too_far_is_refused(compression, keep_header, tmp_path):
    """Extents of a block are compared with the metadata, and what it holds with its extents."""
    write_n5(tmp_path / "a.n5", np.zeros((1600, 1600), "u1"), compression)
    block = tmp_path / "a.n5/0/0"
    content = block.read_bytes()
    block.unlink()
    write_n5(tmp_path / "b.n5", np.zeros((16, 16), "u1"), compression)
    other = tmp_path / "b.n5/0/0"
    header = other.read_bytes()[:12] if keep_header else content[:12]
    other.write_bytes(header + content[12:])
    with open_image(tmp_path / "b.n5") as image, pytest.raises(ImageReadError, match=r"more than|expected at most"):
        image.read()


def make_zarr(path: Path) -> None:
    zarr.create_array(path, data=PIXELS, chunks=(20, 30), zarr_format=2)


def make_sharded(path: Path) -> None:
    zarr.create_array(path, data=PIXELS, chunks=(20, 30), shards=(40, 60))


def test_block_of_n5_is_looked_at_once_and_again_after_a_change(tmp_path, monkeypatch):
    """Tiles that share a block do not decompress it to look at it again; a block that was replaced is checked."""
    write_n5(tmp_path / "a.n5", np.zeros((16, 16), "u1"), {"type": "gzip"})
    looked_at = []
    monkeypatch.setattr(blocks, "check_inflated", lambda *arguments: looked_at.append(check_inflated(*arguments)))
    with open_image(tmp_path / "a.n5") as image:
        for _ in range(3):
            image.read((slice(0, 8), slice(0, 16)))
        assert len(looked_at) == 1
        block = tmp_path / "a.n5/0/0"
        block.write_bytes(block.read_bytes()[:12] + gzip.compress(bytes(1000)))
        with pytest.raises(ImageReadError, match="more than"):
            image.read((slice(0, 8), slice(0, 16)))


def make_n5(path: Path) -> None:
    metadata = {"dimensions": [48, 32], "blockSize": [30, 20], "dataType": "uint8", "compression": {"type": "gzip"}}
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path)}, "metadata": metadata, "create": True}
    tensorstore.open(spec).result()[...] = PIXELS.T


@pytest.mark.parametrize(
    ("make", "name"), [(make_zarr, "a.zarr"), (make_sharded, "a.zarr"), (make_n5, "a.n5")], ids=["2", "3", "n5"]
)
def test_large_chunks_are_read_one_by_one(make, name, tmp_path, monkeypatch):
    """An image says what its large chunks take; its pixels are the same by any region."""
    make(tmp_path / name)
    with open_image(tmp_path / name) as image:
        assert image.decoding == NOTHING_DECODED
    for module in ("zarr", "n5"):
        monkeypatch.setattr(f"napari_batch_prediction.formats.{module}.reader.LARGE", 599)
    with open_image(tmp_path / name) as image:
        assert image.decoding == (600, 1200, 0)
        np.testing.assert_array_equal(image.read(), PIXELS)
        for region in ((slice(19, 21), slice(29, 31)), (slice(0, 32), slice(47, 48)), (slice(5, 6), slice(0, 48))):
            np.testing.assert_array_equal(image.read(region), PIXELS[region])


def test_large_chunk_is_decoded_once_for_its_neighbours():
    """Regions of one chunk, one after the other, need it once; of a chunk larger than the array its part is kept."""
    reads = []

    def read(region):
        reads.append(region)
        return PIXELS[region]

    chunks = LargeChunks(read, PIXELS.shape, (20, 100), PIXELS.dtype)
    for y in range(20):
        np.testing.assert_array_equal(chunks.read((slice(y, y + 1), slice(3, 40))), PIXELS[y : y + 1, 3:40])
    assert reads == [(slice(0, 20), slice(0, 48))]
    assert chunks.decoding == (20 * 48, 2 * 20 * 100, 0)
    np.testing.assert_array_equal(chunks.read((slice(25, 32), slice(0, 2))), PIXELS[25:32, :2])
    assert reads[1:] == [(slice(20, 32), slice(0, 48))]


def test_chunk_of_the_whole_image_is_measured_without_reading(tmp_path):
    """What an array in one chunk of 2 GB takes is known from its metadata."""
    shape = (32768, 65536)
    zarr.create_array(tmp_path / "a.zarr", shape=shape, chunks=shape, dtype="u1", zarr_format=2)
    with open_image(tmp_path / "a.zarr") as image:
        assert image.decoding.once >= 2**31
    assert large_chunks.LARGE < 2**31


def _zarr_2(folder: Path, extent: int, size: int) -> Path:
    facts = {"zarr_format": 2, "shape": [extent] * 2, "chunks": [size] * 2, "dtype": "|u1", "compressor": None}
    folder.mkdir()
    (folder / ".zarray").write_text(json.dumps({**facts, "fill_value": 0, "order": "C", "filters": None}))
    return folder


def _n5(folder: Path, extent: int, size: int) -> Path:
    facts = {"dimensions": [extent] * 2, "blockSize": [size] * 2, "dataType": "uint8", "compression": {"type": "raw"}}
    folder.mkdir()
    (folder / "attributes.json").write_text(json.dumps({"n5": "2.0.0", **facts}))
    return folder


def _hdf5(file: Path, extent: int, size: int) -> Path:
    with h5py.File(file, "w") as stored:
        stored.create_dataset("data", (extent, extent), "u1", chunks=(size, size))
    return file


TINY = {"a.zarr": _zarr_2, "a.n5": _n5, "a.h5": _hdf5}


@pytest.mark.parametrize("name", TINY)
def test_millions_of_tiny_chunks_are_refused(name, tmp_path):
    """An image that would take days to read, chunk by chunk, is refused as it is opened; a small one is read."""
    with open_image(TINY[name](tmp_path / name, 20, 1)) as image:
        assert not image.read().any()
    (tmp_path / "b").mkdir()
    with pytest.raises(ImageReadError, match=r"10000000000 chunks of the shape \(1, 1\), which would take days"):
        open_image(TINY[name](tmp_path / "b" / name, 10**5, 1))
    (tmp_path / "c").mkdir()
    open_image(TINY[name](tmp_path / "c" / name, 10**5, 64)).close()


@pytest.mark.parametrize("name", ["a.zarr", "a.n5"])
def test_chunks_without_extent_are_refused(name, tmp_path):
    """Chunks of no pixels are damage, which opening tells."""
    with pytest.raises(ImageReadError, match=rf"{name}.*"):
        open_image(TINY[name](tmp_path / name, 20, 0))
