"""What PyPI and napari's hub show: the README and the links of the project, as a build makes them."""

import importlib.util
import re

import pytest
import yaml
from repository import ROOT

import napari_batch_prediction as nbp

README = (ROOT / "README.md").read_text(encoding="utf-8")
_TARGET = re.compile(r"\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def hook():
    """The module that a build loads."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_and_pictures_of_the_readme_get_the_address_of_the_repository(hook):
    """Every link and picture is an address, and leads to the file that the README names."""
    text = hook.readme(README, "https://example.org/x")
    assert all(target.startswith("https://") for target in _TARGET.findall(text))
    assert "](https://example.org/x/raw/main/docs/images/overview.png)" in text
    assert "](https://example.org/x/blob/main/CONTRIBUTING.md)" in text
    assert re.sub(r"https://example.org/x/(raw|blob)/main/", "", text) == README


def test_readme_without_an_address_has_no_link_that_leads_nowhere(hook):
    """As long as no address is known, links to files are text and pictures are left out; other links stay."""
    text = hook.readme(README, "")
    assert "![" not in text
    assert "[ilastik](https://www.ilastik.org)" in text
    assert all(target.startswith("https://") for target in _TARGET.findall(text))
    assert "Contributing" in text


def test_links_of_the_project_are_those_of_its_repository(hook):
    """With an address there are the links that napari's hub shows, without one there are none."""
    assert set(hook.urls("https://example.org/x")) == {"Homepage", "Documentation", "Changelog", "Issues"}
    assert hook.urls("") == {}


def test_citation_is_of_this_version():
    """The file that says how to cite the program names its version, licence and title."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == nbp.__version__
    assert citation["title"] == nbp.PROGRAM
    assert citation["license"] == "BSD-3-Clause"
