"""What README and docs say can be done is done here, on the shipped samples."""

import ast
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pages import PAGES, anchors, links, name, snippets
from PIL import Image
from repository import DOCS, ROOT

import napari_batch_prediction
from napari_batch_prediction.arguments import HELP
from napari_batch_prediction.demo.samples import COLONIES, NUCLEI

SOURCE = Path(napari_batch_prediction.__file__).parent
RUN = [page for page in PAGES if any(snippet.runs for snippet in snippets(page))]
NOT_RUN = [snippet for page in PAGES for snippet in snippets(page) if not snippet.runs]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A folder with what the pages name: two projects, ``data/a.tif``, ``data/b.tif`` and ``plates/a.png``."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copy(NUCLEI.project, folder / "cells.ilp")
    shutil.copy(COLONIES.project, folder)
    (folder / "plates").mkdir()
    with Image.open(COLONIES.images[2]) as picture:
        picture.crop((0, 0, 90, 80)).save(folder / "plates" / "a.png")
    (folder / "data").mkdir()
    with Image.open(NUCLEI.images[0]) as picture:
        pixels = np.asarray(picture)
    tifffile.imwrite(folder / "data" / "a.tif", pixels[:100, :120])
    tifffile.imwrite(folder / "data" / "b.tif", pixels[100:200, :120])
    return folder


def texts_of_code():
    """Return all texts in the code of the package, one after the other."""
    nodes = (node for file in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("page", RUN, ids=name)
def test_snippets_of_a_page_run_as_they_stand(page, sample, tmp_path, monkeypatch):
    """The snippets of a page run one after the other, in a folder with the samples; commands succeed."""
    shutil.copytree(sample, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names = {"image": tifffile.imread("data/a.tif")}
    for snippet in snippets(page):
        if snippet.runs and snippet.language in ("python", "bash"):
            snippet.run(names)


@pytest.mark.parametrize("snippet", NOT_RUN, ids=str)
def test_snippets_that_cannot_run_are_well_formed(snippet):
    """Snippets that the page marks as not to be run are valid Python or shell."""
    if snippet.language == "python":
        ast.parse(snippet.text)
    else:
        assert snippet.language == "bash"
        subprocess.run(["bash", "-n"], input=snippet.text.encode(), check=True)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_languages_of_snippets_are_known(page):
    """Every snippet says what it is, so that none is left out of the tests above by a misspelling."""
    assert {snippet.language for snippet in snippets(page)} <= {"python", "bash", "text", "snakemake", "groovy"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    """Links to files, pages and headings lead to what is there."""
    for target in links(page):
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), target
        assert not anchor or anchor in anchors(to), target


@pytest.fixture(scope="module")
def make_reference():
    """The script that writes what code says of itself into the pages."""
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_help_that_code_makes_is_up_to_date(make_reference):
    """The file that help is shown from is that of the parser."""
    assert HELP.read_text(encoding="utf-8") == make_reference.help_data(), "Run: python docs/make_reference.py"


def test_text_that_code_makes_is_up_to_date(make_reference):
    """Options, fields, formats and extras in the pages are those of the code."""
    module, made = make_reference, {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        made |= {block: page for block in module.blocks() if f"<!-- {block} -->" in text}
        assert module.renewed(text) == text, "Run: python docs/make_reference.py"
    assert set(made) == set(module.blocks())


def test_messages_that_are_explained_are_those_of_the_code():
    """Every message in the tables of the page on troubleshooting is one of the package, dots standing for values."""
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)`.*\| .* \| .* \|$", page, re.MULTILINE)
    said = texts_of_code()
    parts = [part.strip() for message in rows for part in message.split("...") if part.strip()]
    assert len(rows) > 20
    assert [part for part in parts if part not in said] == []


def test_the_site_has_every_page():
    """Every page is in the navigation of the site, and none that is not there."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    named = [line.split(": ")[1] for line in nav.splitlines() if line.endswith(".md")]
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))
    assert all(isinstance(page, str) and Path(DOCS, page).is_file() for page in named)
