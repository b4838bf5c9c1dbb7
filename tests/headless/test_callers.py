"""The command lines of programs that call ilastik, each in a process of its own, and what these programs read back."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

import golden
import h5py
import numpy as np
import pytest
import tifffile
from ilastik_callers import Call, image, of_workflow, project, put, put_h5, run
from numpy.typing import NDArray
from PIL import Image

import napari_batch_prediction as nbp

pytestmark = pytest.mark.golden

GREY, RGB, VOLUME, TIMES, COUNTING, AUTOCONTEXT = (
    "a_2d_u8", "b_2d_rgb_u8", "d_3d_u8", "f_2dt_u8", "h1_count_2d_u8", "i_autocontext_2d_u8",
)  # fmt: skip
RANGES = {"InputMin": 0.0, "InputMax": 1.0, "ExportMin": 0.0}
MASK = np.indices(image(GREY).shape).sum(axis=0) % 7 > 2
UINT8 = {**RANGES, "ExportDtype": b"uint8", "ExportMax": 255.0}


def h5(path: Path, dataset: str = "exported_data") -> NDArray:
    """Return a dataset."""
    with h5py.File(path) as file:
        return file[dataset][()]


def expected(case: str, source: str = "Probabilities", name: str = "test2") -> NDArray:
    """Return what ilastik exported of an image."""
    stem = f"{name}-data" if (golden.ROOT / case / f"{name}.h5").exists() else name
    return h5(golden.ROOT / case / "expected" / f"{stem}_{source}.h5")


def same(values: NDArray, wanted: NDArray, unit: float = 1) -> None:
    """Compare with ilastik's values: one tree of a hundred may differ in a few."""
    assert values.shape == wanted.shape
    difference = np.abs(values.astype(float) - wanted)
    assert (difference > 1e-3 * unit).sum() <= max(0.001 * difference.size, 6)


def full_bytes(probabilities: NDArray, top: int = 255) -> NDArray:
    """Return probabilities as whole numbers."""
    return np.rint(probabilities * np.float32(top))


# What callers give.


def grey(name: str = "raw.tif", case: str = GREY, **stored: object) -> Callable[[Path], None]:
    def setup(folder: Path) -> None:
        project(folder, case, **stored)
        put(folder / name, image(case))

    return setup


def two_grey(*names: str, **stored: object) -> Callable[[Path], None]:
    def setup(folder: Path) -> None:
        project(folder, GREY, **stored)
        for name, source in zip(names, ("test1", "test2"), strict=True):
            put(folder / name, image(GREY, source))

    return setup


def fiji(case: str, axes: str = "tzcyx") -> Callable[[Path], None]:
    def setup(folder: Path) -> None:
        project(folder, case)
        values = image(case)[None, None, None] if axes == "tzcyx" else image(case)[None, None, :, :, None]
        put_h5(folder / "inputs/raw_data.h5", values, axes=axes)
        (folder / "outputs").mkdir()

    return setup


def masked(folder: Path) -> None:
    fiji(GREY, "tzyxc")(folder)
    put_h5(folder / "inputs/mask.h5", 255 * MASK[None, None, ..., None].astype(np.uint8), axes="tzyxc")


def cell_profiler(case: str, dtype: str) -> Callable[[Path], None]:
    def setup(folder: Path) -> None:
        project(folder, case)
        values = image(case)
        put_h5(folder / "I.h5", values / 255 if dtype == "float64" else values)
        (folder / "O.h5").touch()

    return setup


def mcmicro(folder: Path) -> None:
    project(folder, RGB, "zyxc", **UINT8, OutputFormat=b"tif")
    for name in ("test1", "test2"):
        put_h5(folder / f"exemplar-{name}.hdf5", image(RGB, name)[None], f"exemplar-{name}")


def steinbock(folder: Path) -> None:
    project(folder, RGB)
    for name in ("test1", "test2"):
        put_h5(folder / f"{name}.h5", np.moveaxis(image(RGB, name), -1, 0), "img")


def volume(dataset: str = "data", axes: str | None = None, **stored: object) -> Callable[[Path], None]:
    def setup(folder: Path) -> None:
        project(folder, VOLUME, **stored)
        put_h5(folder / "I.h5", image(VOLUME), dataset, axes)

    return setup


def two_times(folder: Path) -> None:
    project(folder, VOLUME)
    put_h5(folder / "I.h5", np.stack([image(VOLUME), image(VOLUME)[::-1]])[..., None])


def datasets(folder: Path) -> None:
    project(folder, GREY)
    for number, name in enumerate(("test1", "test2")):
        put_h5(folder / "F.h5", image(GREY, name), str(number))


def times(folder: Path) -> None:
    project(folder, TIMES)
    put_h5(folder / "I.h5", image(TIMES), axes="tyx")


def levels(folder: Path) -> None:
    import zarr

    project(folder, GREY)
    group = zarr.open_group(folder / "a b.zarr", mode="w", zarr_format=2)
    axes = [{"name": key, "type": "space"} for key in "yx"]
    scales = [{"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": [2**i] * 2}]} for i in (0, 1)]
    group.create_group("images/raw").attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": scales}]
    for i, values in enumerate((image(GREY), image(GREY)[::2, ::2])):
        group["images/raw"].create_array(str(i), data=values)


def workflow(name: str) -> Callable[[Path], None]:
    return lambda folder: of_workflow(folder, name)


FIJI = (
    "--headless", "--project={P}", "--output_format=hdf5", "--output_axis_order=tzcyx", "--input_axes=tzcyx",
    "--readonly=1", "--output_internal_path=exported_data",
)  # fmt: skip
FIJI_FILES = ("--raw_data={D}/inputs/raw_data.h5", "--output_filename_format={D}/outputs/predictions.h5")
OLD_FIJI = (
    "--headless", "--project={P}", "--output_format=hdf5", "--output_axis_order=tzyxc", "--input_axes=tzyxc",
    "--readonly=1", "--output_internal_path=exported_data", "--input_axes=tzyxc",
)  # fmt: skip
UINT16 = ("--export_dtype=uint16", "--pipeline_result_drange=(0.0,1.0)", "--export_drange=(0,65535)")
NF_CORE = ("--headless", "--readonly", "1", "--project={P}", "--output_filename_format=id.h5")
LIMITS = {"LAZYFLOW_THREADS": "2", "LAZYFLOW_TOTAL_RAM_MB": "4096"}
LANG = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8", "LC_CTYPE": "en_US.UTF-8"}
FIRST_CLASS = "[(None,None,None,0),(None,None,None,1)]"
OWN = {**os.environ, **LIMITS}

CALLS = {
    "Fiji": Call((*FIJI, "--export_source=Probabilities", *FIJI_FILES), fiji(GREY), {**OWN, **LANG}),
    "Fiji, segmentation": Call((*FIJI, "--export_source=Simple Segmentation", *FIJI_FILES), fiji(GREY)),
    "Fiji, axes of the file": Call(
        (
            "--headless", "--project={P}", "--output_format=hdf5", "--output_axis_order=tzcyx",
            "--ignore_training_axistags", "--readonly=1", "--output_internal_path=exported_data",
            "--export_source=Probabilities", *FIJI_FILES,
        ),
        fiji(GREY),
    ),
    "Fiji, Autocontext": Call((*FIJI, "--export_source=Probabilities Stage 2", *FIJI_FILES), fiji(AUTOCONTEXT)),
    "Fiji, Autocontext segmentation": Call(
        (*FIJI, "--export_source=Simple Segmentation Stage 2", *FIJI_FILES), fiji(AUTOCONTEXT)
    ),
    "Fiji of 2021": Call(
        (*OLD_FIJI, "--export_source=Probabilities", *FIJI_FILES), fiji(GREY, "tzyxc")
    ),
    **{
        f"Fiji of 2021, {source} in a mask": Call(
            (*OLD_FIJI, f"--export_source={source}", *FIJI_FILES, "--prediction_mask={D}/inputs/mask.h5"), masked
        )
        for source in ("Probabilities", "Simple Segmentation", "Uncertainty")
    },
    "KNIME": Call(
        (
            "--headless", "--project={P}", "--output_format=multipage tiff",
            "--output_filename_format={D}/tmp/{nickname}_result", "I1.tif", "I2.tif",
        ),
        two_grey("I1.tif", "I2.tif"), OWN,
    ),
    "CellProfiler": Call(
        (
            "--headless", "--project", "{P}", "--output_format", "hdf5", "--export_source", "Probabilities",
            "--output_filename_format", "{D}/O.h5", "{D}/I.h5",
        ),
        cell_profiler(GREY, "float64"),
    ),
    "CellProfiler, Autocontext": Call(
        (
            "--headless", "--project", "{P}", "--output_format", "hdf5", "--export_source", "probabilities stage 2",
            "--output_filename_format", "{D}/O.h5", "{D}/I.h5",
        ),
        cell_profiler(AUTOCONTEXT, "uint8"),
    ),
    "mcmicro": Call(
        ("--headless", "--export_dtype", "uint8", "--project", "P.ilp", "exemplar-test1.hdf5", "exemplar-test2.hdf5"),
        mcmicro,
    ),
    "steinbock": Call(
        (
            "--headless", "--project={P}", "--readonly", "--input_axes=cyx", "--export_source=Probabilities",
            "--output_format=tiff", "--output_filename_format={D}/{nickname}.tiff", "--export_dtype=uint16",
            "--output_axis_order=yxc", "--pipeline_result_drange=(0.0,1.0)", "--export_drange=(0,65535)",
            "{D}/test1.h5/img", "{D}/test2.h5/img",
        ),
        steinbock, OWN,
    ),
    "ImcSegmentationPipeline": Call(
        (
            "--headless", "--project={P}", "--output_format=tiff",
            "--output_filename_format={D}/{nickname}_probabilities.tiff", "--export_dtype", "uint16",
            "--pipeline_result_drange=(0.0, 1.0)", "--export_drange=(0,65535)", "{D}/a_scale.tiff", "{D}/b_scale.tiff",
        ),
        two_grey("a_scale.tiff", "b_scale.tiff"), OWN,
    ),
    **{
        f"nf-core, {source}": Call((*NF_CORE, f"--export_source={source}", "raw.tif"), grey())
        for source in ("probabilities", "simple segmentation", "uncertainty", "features", "labels")
    },
    "nf-core of 2023": Call(("--headless", "--readonly", "1", "--project={P}", "raw.tif"), grey()),
    "nf-core, version": Call(("--headless", "--version"), lambda folder: None, {}),
    "EasIlastik": Call(
        (
            "--headless", "--project={P}", "--export_source=Simple Segmentation", "--output_format=png",
            "--output_filename_format={D}/out/{nickname}_Simple_Segmentation", "{D}/a.png", "{D}/b.png",
        ),
        two_grey("a.png", "b.png"),
    ),
    "EasIlastik, probabilities": Call(
        (
            "--headless", "--project={P}", "--export_source=Probabilities", "--output_format=compressed hdf5",
            "--output_filename_format={D}/out/{nickname}_Probabilities", "{D}/a.png", "{D}/b.png",
        ),
        two_grey("a.png", "b.png"),
    ),
    "BIAFLOWS": Call(
        (
            "--headless", "--project={P}", "--export_source=Probabilities", "--output_format=tif",
            "--output_filename_format={D}/{nickname}.tif", "{D}/in/a.tif", "{D}/in/b.tif",
        ),
        two_grey("in/a.tif", "in/b.tif"),
    ),
    "BIAFLOWS 3D": Call(
        (
            "--headless", "--project={P}", "--export_source=Probabilities", "--output_format=multipage tiff",
            "--output_filename_format={D}/{nickname}.tiff", "{D}/I.h5",
        ),
        volume(),
    ),
    "a level of OME-Zarr": Call(
        (
            "--headless", "--readonly", "--project={P}", "--export_source=Probabilities",
            "--raw_data=file://{D}/a%20b.zarr/images/raw/0", "--output_filename_format={D}/exported_data.h5",
            "--logfile={D}/log.txt",
        ),
        levels, {**OWN, "MPLBACKEND": "Agg"},
    ),
    "starfish": Call(
        ("--headless", "--project", "{P}", "--output_filename_format", "{D}/O.h5", "{D}/I.npy"), grey("I.npy"), {}
    ),
    "album": Call(
        ("--headless", "--project", "{P}", "--raw_data", "raw.tif", "--output_filename_format", "{D}/O.h5"),
        grey(**UINT8, OutputFormat=b"hdf5", RegionStart=[-1, -1, 0], RegionStop=[-1, -1, 1]),
    ),
    "Supervisely": Call(
        (
            "--headless", "--project={P}", "--export_source=Simple Segmentation", "--output_format=png", "{D}/in/I.png",
        ),
        grey("in/I.png"),
    ),
    "SWC": Call(
        (
            "--headless", "--project={P}", "--output_format=hdf5", "--export_source=Probabilities",
            "--raw_data={D}/raw.tif", "--output_filename_format={D}/O_Probabilities.h5",
        ),
        grey(),
    ),
    "felixadams": Call(
        (
            "--headless", "--project", "{P}", "{D}/raw.tif", "--output_format", "hdf5", "--output_filename_format",
            "{D}/name_probabilities",
        ),
        grey(),
    ),
    "azure": Call(
        (
            "--headless", "--project={P}", "I.h5", "--export_source=Simple Segmentation",
            "--output_filename_format=../{nickname}{slice_index}.tiff",
            "--output_format=multipage tiff sequence",
        ),
        two_times,
    ),
    "azure, one time": Call(
        (
            "--headless", "--project={P}", "I.h5", "--input_axes=tzyxc", "--output_filename_format=O.h5",
            "--cutout_subregion=[(1,0,0,0,0), (2,36,38,41,2)]", "--export_dtype=uint8",
        ),
        two_times,
    ),
    "NucleiTracking": Call(
        (
            "--headless", "--project={P}", "--stack_along=t",
            "--output_filename_format={D}/{nickname}_probabilities.h5", "a.tif", "b.tif",
        ),
        two_grey("a.tif", "b.tif"), OWN,
    ),
    "MouseLight": Call(
        (
            "--headless", f"--cutout_subregion={FIRST_CLASS}", "--logfile=log.txt", "--project={P}",
            "--output_format=hdf5", "--output_filename_format=O.h5", "I.h5",
        ),
        volume(), {**OWN, "LD_LIBRARY_PATH": ""},
    ),
    "NeuroData": Call(
        (
            "--headless", "--project={P}", "--output_filename_format=O", "--export_source=probabilities",
            "--output_format=hdf5", "--output_internal_path=probability",
            "--cutout_subregion=[(None,None,None,0), (None,None,None,1)]", "--export_dtype=uint8",
            "--pipeline_result_drange=(0.0,1.0)", "--export_drange=(0,255)", "I.h5",
        ),
        volume(), {**OWN, "HDF5_USE_FILE_LOCKING": "FALSE"},
    ),
    "one dataset of a file": Call(
        (
            "--headless", "--readonly", "--project={P}", "--input_axes=zyx", "--raw_data=I.h5/DATASET",
            "--output_filename_format=O.h5",
        ),
        volume("DATASET"),
    ),
    "IPSO phen": Call(
        (
            "--headless", "--project={P}", "--output_format=png", "--export_source=simple segmentation",
            "--output_filename_format=O.png", "--pipeline_result_drange=(1.0,2.0)", "--export_drange=(0,255)",
            "{D}/raw.tif",
        ),
        grey(),
    ),
    "abbreviated": Call(
        (
            "--headless", "--output_format=tiff", "--export_source=simple segmentation", "--project={P}",
            "--output_filename={D}/out/{nickname}.tiff", "F.h5/0", "F.h5/1",
        ),
        datasets,
    ),
    "a sequence over time": Call(
        (
            "--headless", "--readonly=1", "--project", "{P}", "--output_format=tiff sequence",
            "--output_filename_format={D}/{nickname}_{result_type}_{slice_index}.tiff", "--export_dtype=uint16",
            "--output_axis_order=tcyx", "--pipeline_result_drange=(0.0,1.0)", "--export_drange=(0,65535)",
            "--export_source=Probabilities", "I.h5",
        ),
        times,
    ),
    "a dataset with a slash": Call(
        (
            "--headless", "--project={P}", "--output_format=hdf5", "--output_internal_path", "/probabilities",
            "--output_filename_format=O.h5", "--output_axis_order=ctzyx", "--export_source=Probabilities", "raw.tif",
        ),
        grey(),
    ),
    "an ImageJ plugin": Call(
        (
            "--headless", "--project={P}", "--export_source=Probabilities", *UINT16, "--output_format",
            "multipage tiff", "--output_filename_format=O", "raw.tif",
        ),
        grey(),
    ),
    "scripts": Call(
        (
            "--headless", "--export_dtype=uint8", "--export_source=Simple Segmentation", "--project={P}",
            "--output_filename_format={D}/{nickname}_{result_type}.tiff", "--output_format=tif", "raw.tif",
        ),
        grey(),
    ),
    "numpy": Call(
        (
            "--headless", "--project={P}", "--export_source=Probabilities", "--output_format=numpy",
            "--output_filename_format={D}/{nickname}.npy", "I.h5",
        ),
        volume(),
    ),
    "counting macro": Call(
        ("--headless", "--project={P}", "--csv-export-file={D}/C.csv", "raw.png"), grey("raw.png", COUNTING)
    ),
    **{
        f"refused: {name}": Call(
            (*FIJI, f"--export_source={source}", *FIJI_FILES, f"--{role}={{D}}/other.h5"), workflow(name)
        )
        for name, source, role in (
            ("Object Classification (from prediction image)", "Object Predictions", "prediction_maps"),
            ("Object Classification (from binary image)", "Object Predictions", "segmentation_image"),
            ("Tracking", "Tracking-Result", "binary_image"),
            ("Multicut", "Multicut Segmentation", "probabilities"),
        )
    },
}  # fmt: skip

Result = tuple[Path, CompletedProcess[str]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    """Run all calls, two at a time, and return the result of each by its name."""
    root = tmp_path_factory.mktemp("calls")
    with ThreadPoolExecutor(2) as pool:
        folders = {name: root / f"{i}" / "work" for i, name in enumerate(CALLS)}
        for folder in folders.values():
            folder.mkdir(parents=True)
        processes = {name: pool.submit(run, CALLS[name], folder) for name, folder in folders.items()}

        def result(name: str) -> Result:
            return folders[name], processes[name].result()

        yield result


def done(results: Callable[[str], Result], name: str) -> Path:
    """Return the folder of a call that went well, without a word on stderr."""
    folder, process = results(name)
    assert (process.returncode, process.stderr) == (0, "")
    return folder


@pytest.mark.parametrize(
    ("name", "case", "source"),
    [
        ("Fiji", GREY, "Probabilities"),
        ("Fiji, segmentation", GREY, "Simple Segmentation"),
        ("Fiji, axes of the file", GREY, "Probabilities"),
        ("Fiji, Autocontext", AUTOCONTEXT, "Probabilities Stage 2"),
        ("Fiji, Autocontext segmentation", AUTOCONTEXT, "Simple Segmentation Stage 2"),
    ],
)
def test_fiji_reads_five_axes(results, name, case, source):
    """`exported_data` in exactly the file that was named: t, z, c, y, x."""
    folder = done(results, name)
    same(h5(folder / "outputs/predictions.h5"), np.moveaxis(expected(case, source), -1, 0)[None, None])
    assert [path.name for path in (folder / "outputs").iterdir()] == ["predictions.h5"]
    with h5py.File(folder / "outputs/predictions.h5") as file:
        assert file["exported_data"].compression is None


def test_last_of_repeated_options_counts(results):
    """Fiji of 2021 gives the axes twice."""
    folder = done(results, "Fiji of 2021")
    same(h5(folder / "outputs/predictions.h5"), expected(GREY)[None, None])


@pytest.mark.parametrize(("source", "outside"), [("Probabilities", 0), ("Simple Segmentation", 1), ("Uncertainty", 1)])
def test_mask(results, source, outside):
    """Outside of it ilastik has no probabilities, of which it makes the first class and full uncertainty."""
    folder = done(results, f"Fiji of 2021, {source} in a mask")
    same(h5(folder / "outputs/predictions.h5"), np.where(MASK[..., None], expected(GREY, source), outside)[None, None])


def test_knime(results):
    """An OME-TIFF for each input; source 0 without a word."""
    folder = done(results, "KNIME")
    for nickname, name in (("I1", "test1"), ("I2", "test2")):
        with tifffile.TiffFile(folder / f"tmp/{nickname}_result.tiff") as file:
            assert file.series[0].get_axes(squeeze=False).startswith("TZCYX")
            same(file.asarray(), np.moveaxis(expected(GREY, name=name), -1, 0))


def test_cell_profiler_image_of_fractions(results):
    """An empty file is replaced; nothing is normalised."""
    folder = done(results, "CellProfiler")
    wanted = nbp.load_classifier(golden.ROOT / GREY / "project.ilp").predict(image(GREY) / 255, "yx")
    np.testing.assert_array_equal(h5(folder / "O.h5"), wanted)


def test_cell_profiler_autocontext(results):
    """A source in lower case."""
    folder = done(results, "CellProfiler, Autocontext")
    same(h5(folder / "O.h5"), expected(AUTOCONTEXT, "Probabilities Stage 2"))


def test_mcmicro(results):
    """The project's ranges and format with the type of the call; axes of the training images; beside the inputs."""
    folder = done(results, "mcmicro")
    for name in ("test1", "test2"):
        values = tifffile.imread(folder / f"exemplar-{name}-exemplar-{name}_Probabilities.tif")
        assert values.dtype == np.uint8
        same(values, full_bytes(expected(RGB, name=name)), 255)


def test_steinbock(results):
    """A bare flag before another option; channels first; the nickname with its dataset."""
    folder = done(results, "steinbock")
    for name in ("test1", "test2"):
        values = tifffile.imread(folder / f"{name}-img.tiff")
        assert values.dtype == np.uint16
        same(values, full_bytes(expected(RGB, name=name), 65535), 65535)


def test_imc_segmentation_pipeline(results):
    """A range with a blank; a type in a word of its own."""
    folder = done(results, "ImcSegmentationPipeline")
    for nickname, name in (("a", "test1"), ("b", "test2")):
        values = tifffile.imread(folder / f"{nickname}_scale_probabilities.tiff")
        assert values.dtype == np.uint16
        same(values, full_bytes(expected(GREY, name=name), 65535), 65535)


@pytest.mark.parametrize("source", ["Probabilities", "Simple Segmentation", "Uncertainty", "Features"])
def test_nf_core(results, source):
    """Names are relative to the folder of the task."""
    values = h5(done(results, f"nf-core, {source.lower()}") / "id.h5")
    wanted = expected(GREY, source)
    assert values.dtype == wanted.dtype
    same(values, wanted)


def test_nf_core_labels(results):
    """A new image has no labels."""
    values = h5(done(results, "nf-core, labels") / "id.h5")
    assert (values.dtype, values.shape, values.any()) == (np.uint8, (*image(GREY).shape, 1), np.False_)


def test_nf_core_without_a_name(results):
    """The default is a compressed HDF5 file beside the input."""
    same(h5(done(results, "nf-core of 2023") / "raw_Probabilities.h5"), expected(GREY))


def test_version_is_bare(results):
    """nf-core writes it into its report."""
    _, process = results("nf-core, version")
    assert (process.returncode, process.stdout, process.stderr) == (0, f"{nbp.__version__}\n", "")


def test_easilastik(results):
    """A name without an extension gets that of the format."""
    folder = done(results, "EasIlastik")
    for nickname, name in (("a", "test1"), ("b", "test2")):
        with Image.open(folder / f"out/{nickname}_Simple_Segmentation.png") as picture:
            same(np.asarray(picture), expected(GREY, "Simple Segmentation", name)[..., 0])
        values = h5(done(results, "EasIlastik, probabilities") / f"out/{nickname}_Probabilities.h5")
        same(values, expected(GREY, name=name))


def test_biaflows(results):
    """`tif` and `tiff` are two formats; the latter has axes T, Z, C, Y, X."""
    folder = done(results, "BIAFLOWS")
    for nickname, name in (("a", "test1"), ("b", "test2")):
        same(tifffile.imread(folder / f"{nickname}.tif"), expected(GREY, name=name))
    with tifffile.TiffFile(done(results, "BIAFLOWS 3D") / "I-data.tiff") as file:
        assert file.series[0].get_axes(squeeze=False).startswith("TZCYX")
        same(file.asarray(), np.moveaxis(expected(VOLUME), -1, 1))


def test_level_of_ome_zarr(results):
    """An input may be the URI of a level; messages go to a file, too."""
    folder = done(results, "a level of OME-Zarr")
    same(h5(folder / "exported_data.h5"), expected(GREY))
    assert "exported to" in (folder / "log.txt").read_text()


def test_starfish(results):
    """Without any variable; y, x, c for an array of two axes."""
    same(h5(done(results, "starfish") / "O.h5"), expected(GREY))


def test_album(results):
    """Type, ranges and region of the project."""
    values = h5(done(results, "album") / "O.h5")
    assert values.dtype == np.uint8
    same(values, full_bytes(expected(GREY)[..., :1]), 255)


def test_supervisely(results):
    """Beside the input, with a blank in the name."""
    with Image.open(done(results, "Supervisely") / "in/I_Simple Segmentation.png") as picture:
        same(np.asarray(picture), expected(GREY, "Simple Segmentation")[..., 0])


@pytest.mark.parametrize(("name", "file"), [("SWC", "O_Probabilities.h5"), ("felixadams", "name_probabilities.h5")])
def test_input_in_any_place(results, name, file):
    """As an option or in the middle."""
    same(h5(done(results, name) / file), expected(GREY))


def test_azure(results):
    """A file for each time point, above the folder of the task; and one time point cast to bytes."""
    folder = done(results, "azure")
    segmentation = expected(VOLUME).argmax(axis=-1) + 1
    same(tifffile.imread(folder.parent / "I-data0.tiff"), segmentation)
    assert tifffile.imread(folder.parent / "I-data1.tiff").shape == segmentation.shape
    folder = done(results, "azure, one time")
    wanted = nbp.load_classifier(golden.ROOT / VOLUME / "project.ilp").predict(image(VOLUME)[::-1], "zyx")
    np.testing.assert_array_equal(h5(folder / "O.h5"), np.trunc(wanted).astype(np.uint8)[None])


def test_listed_files_are_images(results):
    """Only a pattern is a stack."""
    folder = done(results, "NucleiTracking")
    for nickname, name in (("a", "test1"), ("b", "test2")):
        same(h5(folder / f"{nickname}_probabilities.h5"), expected(GREY, name=name))


def test_first_class_of_a_volume(results):
    """A region with None; another dataset, ranges; the log."""
    folder = done(results, "MouseLight")
    same(h5(folder / "O.h5"), expected(VOLUME)[..., :1])
    assert "exported to" in (folder / "log.txt").read_text()
    same(h5(done(results, "NeuroData") / "O.h5", "probability"), full_bytes(expected(VOLUME)[..., :1]), 255)
    same(h5(done(results, "one dataset of a file") / "O.h5"), expected(VOLUME))


def test_rescaled_segmentation(results):
    """A range of whole numbers: classes 1 and 2 become 0 and 255; a third is beyond."""
    with Image.open(done(results, "IPSO phen") / "O.png") as picture:
        values = np.asarray(picture)
    classes = expected(GREY, "Simple Segmentation")[..., 0]
    same(np.minimum(values, 255), np.minimum((classes.astype(int) - 1) * 255, 255), 255)


def test_abbreviated_option_and_many_datasets(results):
    """A prefix of an option; each dataset is an input."""
    folder = done(results, "abbreviated")
    for number, name in enumerate(("test1", "test2")):
        same(tifffile.imread(folder / f"out/F-{number}.tiff"), expected(GREY, "Simple Segmentation", name)[..., 0])


def test_sequence_over_time(results):
    """Each file is c, y, x of a time point; classes are in the name with their blanks."""
    folder = done(results, "a sequence over time")
    wanted = full_bytes(expected(TIMES), 65535)
    names = sorted(path.name for path in folder.glob("*.tiff"))
    assert names == [f"I-data_Probabilities_{t}.tiff" for t in range(len(wanted))]
    for name, values in zip(names, wanted, strict=True):
        same(tifffile.imread(folder / name), values, 65535)


def test_dataset_with_a_slash(results):
    """Channels first, in five axes."""
    values = h5(done(results, "a dataset with a slash") / "O.h5", "probabilities")
    same(values, np.moveaxis(expected(GREY), -1, 0)[:, None, None])


def test_imagej_plugin(results):
    """Whole numbers in an OME-TIFF."""
    with tifffile.TiffFile(done(results, "an ImageJ plugin") / "O.tiff") as file:
        assert file.series[0].dtype == np.uint16
        same(file.asarray(), full_bytes(np.moveaxis(expected(GREY), -1, 0), 65535), 65535)


def test_scripts(results):
    """The extension of the format replaces the one of the name."""
    folder = done(results, "scripts")
    same(tifffile.imread(folder / "raw_Simple Segmentation.tif"), expected(GREY, "Simple Segmentation")[..., 0])


def test_numpy(results):
    """Axes as those of the input, then c."""
    same(np.load(done(results, "numpy") / "I-data.npy"), expected(VOLUME))


def test_counting_macro(results):
    """A line for each image, without a heading; the density is exported, too, by ilastik's name for it."""
    folder = done(results, "counting macro")
    nickname, count = (folder / "C.csv").read_text().split(",")
    (wanted,) = (golden.ROOT / COUNTING / "expected/counts_test2.csv").read_text().splitlines()
    assert nickname == "raw"
    assert float(count) == pytest.approx(float(wanted.split(",")[1]), rel=1e-3)
    same(h5(folder / "raw_Probabilities.h5"), expected(COUNTING))


@pytest.mark.parametrize("name", [name.removeprefix("refused: ") for name in CALLS if name.startswith("refused: ")])
def test_other_workflows_are_refused(results, name):
    """By their names, on stderr, with status 1."""
    folder, process = results(f"refused: {name}")
    assert process.returncode == 1
    # The projects are those of pixels, under another name.
    of_objects = "was saved without a trained classifier of objects"
    reason = of_objects if "Object" in name else f"is a project of the workflow '{name}', which is not supported"
    assert reason in process.stderr.splitlines()[-1]
    assert [path.name for path in folder.iterdir()] == ["P.ilp"]


@pytest.mark.parametrize("name", [name for name in CALLS if "refused" not in name and "version" not in name])
def test_no_record_is_written(results, name):
    """Nobody who calls ilastik expects other files than outputs."""
    folder, _ = results(name)
    assert not [path for path in folder.parent.rglob("*") if "ledger" in path.name]
