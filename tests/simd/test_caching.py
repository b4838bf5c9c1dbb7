"""Compiled loops on disk: found as long as no source of any loop changes, and wherever the package is installed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import golden
import pytest

import napari_batch_prediction

pytestmark = pytest.mark.slow

FEATURES = f"""
import golden, hashlib
from napari_batch_prediction import load_classifier
run = next(run for run in golden.runs("{golden.CASES[0]}") if run.image.stem == "test2")
classifier = load_classifier(golden.ROOT / "{golden.CASES[0]}" / "project.ilp")
values = classifier.predict(golden.read(run.image), golden.axes("{golden.CASES[0]}"), "Features")
result = hashlib.sha256(values.tobytes()).hexdigest()
"""
"""Computes features, which takes long to compile."""

SEGMENTATION = """
import numpy as np
from napari_batch_prediction.engine.sources import segmentation
result = segmentation(np.arange(12, dtype=np.float32).reshape(3, 1, 2, 2)).ravel().tolist()
"""
"""Takes a maximum, which is compiled in a moment."""

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the user's cache is not where a variable says")

FOUND = "[3, 3, 3, 3]"
LOG = """
from numba.core import event
compiled = []
class Listener(event.Listener):
    def on_start(self, event): compiled.append(event)
    def on_end(self, event): pass
event.register("numba:compile", Listener())
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the package, as installed: nothing in it is compiled yet."""
    copy = tmp_path / "site" / "napari_batch_prediction"
    shutil.copytree(Path(napari_batch_prediction.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def start(package, script, user_cache=None):
    """Start a script in a process that imports this copy."""
    code = f"import napari_batch_prediction as nbp\nassert nbp.__file__.startswith({str(package)!r})\n{LOG}{script}"
    path = os.pathsep.join([str(package.parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(user_cache or package.parent / "cache")}
    command = [sys.executable, "-c", f"{code}\nprint(len(compiled), result)"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """Return how many loops a process compiled, and its result."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    n_compiled, result = output.strip().split(" ", 1)
    return int(n_compiled), result


def run(package, script, user_cache=None):
    return finish(start(package, script, user_cache))


def kept(folder):
    """The loops in a folder and its folders."""
    return sorted(path.name for path in folder.rglob("*.nb[ic]"))


def change(source, old, new):
    """Change one place of a source, but neither its size nor its time."""
    text, times = source.read_text(), source.stat()
    assert text.count(old) >= 1
    assert len(old) == len(new)
    source.write_text(text.replace(old, new, 1))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_changed_filter_changes_predictions_and_restored_one_restores_them(package):
    """The loop that Python calls is in another file than the filter."""
    n_compiled, expected = run(package, FEATURES)
    assert n_compiled
    assert run(package, FEATURES) == (0, expected)
    names = kept(package)
    filters = package / "features" / "filters2d.py"
    change(filters, "laplacian + k, dxx + dyy", "laplacian + k, dxx - dyy")
    n_compiled, other = run(package, FEATURES)
    assert n_compiled
    assert other != expected
    assert len(kept(package)) == len(names)
    assert not set(kept(package)) & set(names)
    change(filters, "laplacian + k, dxx - dyy", "laplacian + k, dxx + dyy")
    assert run(package, FEATURES)[1] == expected
    assert kept(package) == names


@pytest.mark.parametrize("room", ["engine", "engine/compiled", "features", "forest", "simd"])
def test_new_source_renews_all_loops(package, room):
    """Also one that no loop imports yet; files of a version without stamps are removed."""
    old = package / "engine" / "__pycache__" / "sources._segment-9.py311.1.nbc"
    old.parent.mkdir()
    old.touch()
    assert run(package, SEGMENTATION) == (1, FOUND)
    assert not old.exists()
    assert run(package, SEGMENTATION) == (0, FOUND)
    (package / room / "new.py").write_text('"""New."""\n')
    assert run(package, SEGMENTATION) == (1, FOUND)


@ON_LINUX
def test_folders_that_cannot_be_written_leave_loops_in_the_users_cache(package, tmp_path):
    """There old ones of this package are removed as well, and those of other packages stay."""
    for room in ("engine", "simd"):
        (package / room / "__pycache__").write_text("A file, so that the folder cannot be made.")
    cache = tmp_path / "user"
    other = cache / "numba" / "other_0123" / "module.loop-1.py311.nbi"
    other.parent.mkdir(parents=True)
    other.touch()
    assert run(package, SEGMENTATION, cache) == (1, FOUND)
    assert run(package, SEGMENTATION, cache) == (0, FOUND)
    names = kept(cache)
    assert len(names) == 3
    change(package / "simd" / "vectors.py", "Short vectors", "Short Vectors")
    assert run(package, SEGMENTATION, cache) == (1, FOUND)
    assert set(kept(cache)) & set(names) == {other.name}
    assert len(kept(cache)) == 3
    assert not kept(package)


@ON_LINUX
def test_without_a_place_to_write_each_process_compiles(package, tmp_path):
    """Predicting works all the same."""
    (package / "engine" / "__pycache__").write_text("")
    cache = tmp_path / "user"
    cache.write_text("")
    assert run(package, SEGMENTATION, cache) == (1, FOUND)
    assert run(package, SEGMENTATION, cache) == (1, FOUND)


def test_processes_at_once_leave_whole_loops(package):
    """Each gets its result, and what they leave is whole."""
    processes = [start(package, SEGMENTATION) for _ in range(4)]
    assert {finish(process)[1] for process in processes} == {FOUND}
    assert run(package, SEGMENTATION) == (0, FOUND)


def test_older_process_gives_nothing_to_a_newer_one(package):
    """A process may first compile a loop when its sources have already been replaced."""
    ready, go = package.parent / "ready", package.parent / "go"
    wait = "from napari_batch_prediction.engine import sources\nimport time\nfrom pathlib import Path\n"
    wait += f"Path({str(ready)!r}).touch()\nwhile not Path({str(go)!r}).exists(): time.sleep(0.01)\n"
    older = start(package, wait + SEGMENTATION)
    while not ready.exists():
        assert older.poll() is None
        time.sleep(0.01)
    change(package / "engine" / "sources.py", "out[i] = best + 1", "out[i] = best + 2")
    go.touch()
    assert finish(older) == (1, FOUND)
    assert run(package, SEGMENTATION) == (1, FOUND.replace("3", "4"))
