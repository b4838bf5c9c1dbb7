"""What is there for pipelines does what it says, as far as it can be run without the pipelines' own programs."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tifffile
import yaml
from golden import ROOT as GOLDEN
from golden import read
from repository import ENVIRONMENT, ROOT

from napari_batch_prediction import __version__

INTEGRATIONS = ROOT / "integrations"
MODULE = INTEGRATIONS / "nf-core" / "modules" / "nbp" / "ilastik"
CASE = GOLDEN / "a_2d_u8"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a project and an image; commands find ``nbp-ilastik``."""
    for name in ("project.ilp", "test1.png"):
        shutil.copy(CASE / name, tmp_path)
    command = tmp_path / "bin" / "nbp-ilastik"
    command.parent.mkdir()
    code = "import sys; from napari_batch_prediction.headless.command import console; sys.exit(console())"
    source = ENVIRONMENT["PYTHONPATH"]
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{source}" exec {sys.executable} -c "{code}" "$@"\n')
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def probabilities() -> np.ndarray:
    """Return what ilastik predicted for the image."""
    (path,) = (CASE / "expected").glob("test1*Probabilities.h5")
    return read(path)


def script(kind: str, **values: str) -> str:
    """Return what Nextflow makes of a script of the module, with the variables of a task filled in."""
    found = re.search(rf'^    {kind}:\n.*?"""\n(?P<script>.*?)^    """', (MODULE / "main.nf").read_text(), re.M | re.S)
    text = re.sub(r"\$\{([^}]+)\}", lambda match: values[match[1]], found["script"])
    # What Groovy leaves of a text in three quotes, and of its common indent.
    return re.sub(r"^    ", "", text.replace("\\\\", "\\").replace("\\$", "$"), flags=re.M)


VALUES = {
    "task.cpus": "2",
    "memory": "2000",
    "project": "project.ilp",
    "prefix": "sample",
    "image": "test1.png",
    "task.process": "NBP_ILASTIK",
}


@pytest.mark.slow
def test_script_of_the_nextflow_module_predicts(folder):
    """The script of the module writes the file that the module collects, with ilastik's values, and the version."""
    done = ["bash", "-eu", "-c", script("script", **VALUES, source="probabilities", extension="h5", args="")]
    subprocess.run(done, check=True)
    with h5py.File("sample.h5") as file:
        np.testing.assert_allclose(file["exported_data"][()], probabilities(), atol=0.06)
    assert yaml.safe_load(Path("versions.yml").read_text()) == {"NBP_ILASTIK": {"napari-batch-prediction": __version__}}


@pytest.mark.slow
def test_script_of_the_nextflow_module_takes_options(folder):
    """Options of the pipeline are options of the command; a source in quotes keeps its blank."""
    args = "--output_format=tiff --export_dtype=uint8 --pipeline_result_drange='(0.0,1.0)' --export_drange='(0,255)'"
    values = {**VALUES, "source": '"uncertainty"', "extension": "tiff", "args": args}
    subprocess.run(["bash", "-eu", "-c", script("script", **values)], check=True)
    assert tifffile.imread("sample.tiff").dtype == np.uint8


def test_stub_of_the_nextflow_module(folder):
    """The stub makes an empty file of the same name."""
    subprocess.run(["bash", "-eu", "-c", script("stub", **VALUES, extension="h5")], check=True)
    assert Path("sample.h5").stat().st_size == 0


def test_description_of_the_nextflow_module_is_that_of_the_process():
    """The inputs and outputs that are described are those of the process, in their order."""
    text = (MODULE / "main.nf").read_text()
    about = yaml.safe_load((MODULE / "meta.yml").read_text())
    inputs = re.search(r"    input:\n(.*?)\n\n", text, re.S)[1]
    first, second = about["input"]
    assert re.findall(r"(?:val|path)\(?\s*(\w+)", inputs) == [*(key for each in first for key in each), *second]
    assert re.findall(r"emit: (\w+)", text) == list(about["output"])
    assert about["name"].upper() == re.search(r"process (\w+)", text)[1]


@pytest.mark.parametrize("path", sorted(INTEGRATIONS.rglob("*.y*ml")), ids=lambda path: path.name)
def test_environments_and_descriptions_are_yaml(path):
    """Each file is YAML; environments install the package."""
    content = yaml.safe_load(path.read_text())
    if path.stem == "environment":
        assert {"pip": ["napari-batch-prediction"]} in content["dependencies"]
    else:
        assert content["name"]
        assert content["description"]


def run_wrapper(monkeypatch, output: str, **params: object) -> str:
    """Run the wrapper as Snakemake does, without Snakemake; return the command that it gives to the shell."""
    commands = []
    given = SimpleNamespace(
        input=SimpleNamespace(classifier="project.ilp", image="test1.png"),
        output=[output],
        params=params,
        threads=2,
        resources={"mem_mb": 2000},
        log_fmt_shell=lambda **_: "",
    )
    monkeypatch.setitem(sys.modules, "snakemake", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "snakemake.shell", SimpleNamespace(shell=commands.append))
    runpy.run_path(str(INTEGRATIONS / "snakemake" / "wrapper.py"), init_globals={"snakemake": given})
    (command,) = commands
    return command


def test_snakemake_wrapper_refuses_an_ending_without_a_format(monkeypatch):
    """An ending that stands for no format is refused, with those that do, unless a format is named."""
    with pytest.raises(ValueError, match=r"ends in '\.jpg', expected one of \.h5, "):
        run_wrapper(monkeypatch, "a.jpg")
    assert "nbp-ilastik --headless" in run_wrapper(monkeypatch, "a.jpg", format="jpg")


@pytest.mark.slow
@pytest.mark.skipif(
    "SNAKEMAKE" not in os.environ, reason="`python3 dev.py integrations` installs Snakemake and runs this"
)
def test_rules_of_the_snakemake_wrapper(folder):
    """Snakemake runs the rules of the wrapper's test, and the values are ilastik's."""
    snakefile = INTEGRATIONS / "snakemake" / "test" / "Snakefile"
    command = [
        os.environ["SNAKEMAKE"],
        "--snakefile",
        str(snakefile),
        "--cores",
        "2",
        "predicted/test1.h5",
        "segmented/test1.tiff",
    ]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": ""})
    with h5py.File("predicted/test1.h5") as file:
        np.testing.assert_allclose(file["exported_data"][()], probabilities(), atol=0.06)
    assert tifffile.imread("segmented/test1.tiff").dtype == np.uint16
