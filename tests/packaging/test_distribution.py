"""What pip installs: built as a release is, and looked into."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from repository import ROOT

pytestmark = pytest.mark.slow

PACKAGE = ROOT / "src" / "napari_batch_prediction"
DOCS = ROOT / "docs"

# Pages and scripts for those who work on the project.
NOT_SHIPPED = {"architecture.md", "changelog.md", "citing.md", "contributing.md"}

# For a wheel that everybody downloads.
MAX_FILE, MAX_WHEEL = 5_000_000, 10_000_000


def build(source: Path, kind: str, target: Path) -> Path:
    """Build a distribution with the project's own backend; nothing is downloaded."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """The wheel, built from the sdist as an installer builds it."""
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        # Python 3.11 has filters only from 3.11.4 on.
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # noqa: S202 - made here
    (source,) = folder.iterdir()
    return build(source, "wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_holds_every_file_of_the_package(wheel):
    """The wheel holds every file of the package, the manifest and the samples too, and the pages of the help."""
    found = [path for path in PACKAGE.rglob("*") if path.is_file()]
    expected = {path.relative_to(PACKAGE.parent).as_posix() for path in found if "__pycache__" not in path.parts}
    pages = [path.relative_to(DOCS) for path in DOCS.rglob("*") if path.suffix in (".md", ".png")]
    expected |= {f"napari_batch_prediction/docs/{page.as_posix()}" for page in pages if page.name not in NOT_SHIPPED}
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist() if ".dist-info/" not in info.filename}
        (points,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        entry_points = archive.read(points).decode()
        manifest = archive.read("napari_batch_prediction/napari.yaml")
    assert set(sizes) == expected
    assert {"napari_batch_prediction/samples/embryo/division.tif", "napari_batch_prediction/napari.yaml"} <= expected
    assert max(sizes.values()) <= MAX_FILE
    assert wheel.stat().st_size <= MAX_WHEEL
    assert "napari-batch-prediction = napari_batch_prediction:napari.yaml" in entry_points
    assert manifest == (PACKAGE / "napari.yaml").read_bytes()


def test_wheel_says_what_it_needs_and_the_extras(wheel):
    """What pip reads in the wheel are the requirements and the extras of the project, and both commands."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        facts = message_from_bytes(archive.read(name))
        commands = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    needs = facts.get_all("Requires-Dist")
    assert sorted(text for text in needs if "extra ==" not in text) == sorted(project["dependencies"])
    assert set(facts.get_all("Provides-Extra")) == project["optional-dependencies"].keys()
    assert all(f"{command} = " in commands for command in ("napari-batch-prediction", "nbp-ilastik"))


def test_source_has_the_manifest_as_a_link(sdist):
    """The source has the manifest at its top level too, as a relative link to the one in the package."""
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
        top = names[0].split("/")[0]
        link = archive.getmember(f"{top}/napari.yaml")
    assert link.issym()
    assert link.linkname == "src/napari_batch_prediction/napari.yaml"
    for sample in (PACKAGE / "samples").rglob("*.*"):
        assert f"{top}/{sample.relative_to(ROOT).as_posix()}" in names
