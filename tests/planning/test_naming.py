"""Names of outputs: what each template gives, and which templates are refused."""

from pathlib import Path

import pytest

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.planning.naming import Naming, check_template, name_output, shared_folder

REGION = {"y": (3, 40), "x": (0, 45), "c": (0, 3)}
DATA = Path("/data").absolute()


def named(path: str, stem: str | None = None, index: int = 1, count: int = 1) -> Naming:
    file = DATA / path
    return Naming(file, stem or file.stem, index, count, DATA)


def output_path(*about: object) -> Path:
    folder, name = name_output(*about)
    return folder / name


DEFAULT_NAMES = {
    "plain": ("cells.png", "cells", "cells_Probabilities.h5"),
    "dots stay": ("SOX9-QA1W.9_z108.tif", "SOX9-QA1W.9_z108", "SOX9-QA1W.9_z108_Probabilities.h5"),
    "number after a dot": ("iso.2334", "iso.2334", "iso.2334_Probabilities.h5"),
    "two extensions": ("x.ome.tif", "x.ome", "x.ome_Probabilities.h5"),
    "unicode": ("Зелёный 緑.tif", "Зелёный 緑", "Зелёный 緑_Probabilities.h5"),
    "spaces": ("a b  c.tif", "a b  c", "a b  c_Probabilities.h5"),
    "200 characters": ("n" * 200 + ".tif", "n" * 200, "n" * 200 + "_Probabilities.h5"),
    "dataset": ("scan.h5", "scan-volume-data", "scan-volume-data_Probabilities.h5"),
    "braces": ("{stem}.tif", "{stem}", "{stem}_Probabilities.h5"),
    "ends like the format": ("a.h5.tif", "a.h5", "a.h5_Probabilities.h5"),
}


@pytest.mark.parametrize(("file", "stem", "expected"), DEFAULT_NAMES.values(), ids=DEFAULT_NAMES)
def test_default_name_is_stem_and_source_beside_the_image(file, stem, expected):
    """Beside the image, the whole stem, the source, the extension of the format."""
    assert output_path(Export(), "Probabilities", ".h5", named(file, stem), REGION) == DATA / expected


TEMPLATES = {
    "source keeps its spaces": ("{stem}_{source}", "p/cells_Simple Segmentation.h5"),
    "ilastik's words": ("{nickname}_{result_type}", "p/cells_Simple Segmentation.h5"),
    "folder": ("{folder}/{stem}", "p/cells.h5"),
    "ilastik's folder": ("{dataset_dir}/results/{nickname}", "p/results/cells.h5"),
    "sub-folder": ("out/{stem}", "p/out/cells.h5"),
    "index": ("{index}_{stem}", "p/007_cells.h5"),
    "parent": ("{parent}_{stem}", "p/p_cells.h5"),
    "extension given": ("{stem}.h5", "p/cells.h5"),
    "extension given in capitals": ("{stem}.H5", "p/cells.H5"),
    "a dot in the template": ("v1.2_{stem}", "p/v1.2_cells.h5"),
    "braces": ("{{{stem}}}", "p/{cells}.h5"),
    "upwards": ("../{stem}", "cells.h5"),
    "digits of a number": ("{stem}_{y_stop:04d}", "p/cells_0040.h5"),
    "a slice is numbered later": ("{stem}_{slice_index:03}", "p/cells_{slice_index:03}.h5"),
}


@pytest.mark.parametrize(("template", "expected"), TEMPLATES.values(), ids=TEMPLATES)
def test_placeholders_of_a_template_are_filled_in(template, expected):
    """Each placeholder gives what it says, relative to the image's folder."""
    path = output_path(
        Export(name=template), "Simple Segmentation", ".h5", named("p/cells.png", index=7, count=310), REGION
    )
    assert path == DATA / expected


FOLDERS = {
    "names in the folder": ("{stem}", "/out/cells.h5"),
    "folder is the export's": ("{folder}/x/{stem}", "/out/x/cells.h5"),
    "the image's folder is still known": ("{dataset_dir}/{stem}", "/data/p/q/cells.h5"),
    "mirrored tree": ("{relative}/{stem}", "/out/p/q/cells.h5"),
}


@pytest.mark.parametrize(("template", "expected"), FOLDERS.values(), ids=FOLDERS)
def test_folder_of_the_export_replaces_that_of_the_image(template, expected):
    """A folder given for the export takes the place of the image's."""
    export = Export(name=template, folder=Path("/out"))
    assert output_path(export, "Probabilities", ".h5", named("p/q/cells.png"), REGION) == Path(expected).absolute()


REFUSED = {
    "unknown": ("{name}", "holds {name}, which is unknown. Known are: {folder}, {stem}, {source}"),
    "attribute": ("{stem.upper}", "holds {stem.upper}, which is unknown"),
    "item": ("{stem[0]}", "holds {stem[0]}, which is unknown"),
    "position": ("{}", "holds {}, which is unknown"),
    "format": ("{index:03}", "holds {index:03}, which is unknown"),
    "other format": ("{x_start:>999}", "holds {x_start:>999}, which is unknown"),
    "conversion": ("{stem!r}", "holds {stem!r}, which is unknown"),
    "open brace": ("{stem", "is not a template"),
    "closed brace": ("stem}", "is not a template"),
}


@pytest.mark.parametrize(("template", "message"), REFUSED.values(), ids=REFUSED)
def test_template_with_an_unknown_placeholder_is_refused(template, message):
    """What is not a known placeholder is refused, and the known ones are listed."""
    with pytest.raises(SettingsError) as caught:
        check_template(template)
    assert message in str(caught.value)


@pytest.mark.parametrize("template", ["", "   ", "results/", "..", "{folder}/.", "{relative}"])
def test_template_without_a_file_name_is_refused(template):
    """A template that gives no file name is refused."""
    with pytest.raises(SettingsError, match="gives no file name"):
        output_path(Export(name=template), "Probabilities", ".h5", named("cells.png"), REGION)


def test_shared_folder_is_the_deepest_of_all_inputs():
    """The deepest folder that holds all inputs."""
    assert shared_folder([DATA / "a/1.tif", DATA / "a/b/1.tif", DATA / "ab/1.tif"]) == DATA
    assert shared_folder([DATA / "a/1.tif"]) == DATA / "a"
