"""The package as napari, pip and a script see it."""

import importlib.metadata
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import npe2
import pytest
from repository import ROOT

import napari_batch_prediction as nbp


def modules_after(code: str) -> set[str]:
    """Run code in its own interpreter and return the top-level modules that it has loaded."""
    code += "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy():
    """Importing the package loads nothing that takes long; its names are there all the same."""
    heavy = {"numpy", "numba", "h5py", "pydantic", "napari", "qtpy", "PyQt6"}
    assert not modules_after("import napari_batch_prediction") & heavy


def test_every_room_but_the_widgets_is_imported_without_qt():
    """Everything but the widgets can be imported, and loads neither Qt nor napari."""
    package = files("napari_batch_prediction")
    paths = sorted(Path(str(package)).rglob("*.py"))
    names = [".".join(path.relative_to(package).with_suffix("").parts) for path in paths]
    names = [f"napari_batch_prediction.{n}".removesuffix(".__init__") for n in names if not n.startswith("widgets")]
    assert "napari_batch_prediction.cli" in names
    loaded = modules_after("\n".join(f"import {name}" for name in names))
    assert not loaded & {"napari", "qtpy", "superqt", "magicgui", "PyQt6", "PySide6"}


@pytest.mark.parametrize("name", nbp.__all__)
def test_public_names_are_found_and_described(name):
    """Each public name is found where the package says it lives, and has a docstring."""
    assert getattr(nbp, name).__doc__
    assert name in dir(nbp)


def test_unknown_name_is_an_attribute_error():
    """A name that does not exist is an AttributeError like any other."""
    with pytest.raises(AttributeError, match="no attribute 'Batch'"):
        nbp.Batch  # noqa: B018


def test_manifest_is_found_and_its_commands_imported():
    """npe2 finds the manifest of the installed package; all that it names can be imported."""
    manifest = npe2.PluginManifest.from_distribution("napari-batch-prediction")
    manifest.validate_imports()
    assert [(w.display_name, w.command) for w in manifest.contributions.widgets] == [
        ("Batch Prediction", "napari-batch-prediction.batch"),
        ("Train Classifier", "napari-batch-prediction.train"),
    ]
    assert [sample.key for sample in manifest.contributions.sample_data] == [
        "strokes",
        "nuclei",
        "colonies",
        "embryo",
        "division",
    ]
    assert [reader.command for reader in manifest.contributions.readers] == ["napari-batch-prediction.read"]
    assert {command.id for command in manifest.contributions.commands} >= {
        item.command for items in manifest.contributions.menus.values() for item in items
    }


def test_manifest_at_the_top_level():
    """The manifest at the top level of the project is the one in the package, by a relative link."""
    link = ROOT / "napari.yaml"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == ROOT / "src" / "napari_batch_prediction" / "napari.yaml"


def test_version_is_the_installed_one():
    """The installed version is the one in the package."""
    assert importlib.metadata.version("napari-batch-prediction") == nbp.__version__
