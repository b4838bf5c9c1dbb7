"""What pip installs with the package, and that it is enough."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from importlib.metadata import requires as required_by
from itertools import chain

import pytest
from golden import ROOT as GOLDEN
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import ENVIRONMENT, ROOT

from napari_batch_prediction.formats.registry import IMAGE_FORMATS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Libraries outside of the list are not found, as if they were not installed; then a batch in every format named.
PROGRAM = """
import json, sys

missing, project, image, folder, formats = json.loads(sys.argv[1])

class Others:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in missing else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Others, sys.meta_path)

import napari_batch_prediction as nbp

for name in formats:
    exports = [nbp.Export("Simple Segmentation", format=name)]
    (row,) = nbp.BatchJob(project, image, exports, folder=f"{folder}/{name}").run()
    print(name, row.status, row.reason)
"""


def needed(requirements: list[str]) -> set[str]:
    """Return the names of the distributions that requirements bring, with what these bring, and so on."""
    names: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in names:
            names.add(name)
            waiting += [each for each in map(Requirement, required_by(name) or ()) if _is_asked(each)]
    return names


def _is_asked(requirement: Requirement) -> bool:
    """Return True if a requirement holds for this Python and system, and belongs to no extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def test_plain_package_brings_no_window():
    """A plain install brings neither napari nor Qt, nor what only a window, a notebook or a data frame needs."""
    brought = needed(PROJECT["dependencies"])
    others = {"napari", "npe2", "magicgui", "superqt", "qtpy", "pyqt6", "pyside6", "ipython", "scipy", "pandas", "dask"}
    assert {"numba", "zarr", "tifffile", "h5py"} <= brought
    assert not brought & others


def test_extra_of_napari_brings_no_qt():
    """The extra for napari brings napari, and leaves the Qt binding to the user."""
    brought = needed(PROJECT["optional-dependencies"]["napari"])
    assert {"napari", "magicgui", "superqt", "qtpy"} <= brought
    assert not brought & {"pyqt6", "pyside6", "pyqt5"}


def test_all_is_every_extra():
    """The extra for everything names each of the others; of the bindings of Qt there can be but one."""
    extras = PROJECT["optional-dependencies"]
    (everything,) = (Requirement(text) for text in extras["all"])
    assert everything.extras == extras.keys() - {"all", "napari", "pyside6"}


def test_every_requirement_has_a_lower_bound():
    """Each library that the package asks for has the oldest version that works, and no newest."""
    for text in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        requirement = Requirement(text)
        # Those with extras are this package and napari, whose bound is in the extra of napari.
        if not requirement.extras and requirement.name != "PySide6":
            assert [each.operator for each in requirement.specifier] == [">="], text


@pytest.mark.slow
def test_plain_package_is_enough(tmp_path):
    """With no other library than a plain install brings, a batch is predicted and written in every format."""
    brought = needed(PROJECT["dependencies"]) | {"napari-batch-prediction"}
    modules = packages_distributions()
    missing = {
        module
        for module, distributions in modules.items()
        if not {canonicalize_name(each) for each in distributions} & brought
    }
    assert {"napari", "qtpy", "scipy", "dask"} <= missing
    # Pictures of the format hdr have three channels.
    formats = [each.name for each in IMAGE_FORMATS if not each.extra and each.slices is None and each.name != "hdr"]
    case = GOLDEN / "a_2d_u8"
    facts = [sorted(missing), str(case / "project.ilp"), str(case / "test1.png"), str(tmp_path), formats]
    command = [sys.executable, "-c", PROGRAM, json.dumps(facts)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} done " for name in formats]
