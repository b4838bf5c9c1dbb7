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
from napari_batch_prediction.engine.compilation import FIRST, MORE, NOT_KEPT

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

FOUND_VALUES = [3, 3, 3, 3]
FOUND = str(FOUND_VALUES)
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
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "XDG_CACHE_HOME": str(user_cache or package.parent / "cache"),
        # Python itself goes by size and time, which `change` leaves as they were.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
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


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "garbage": lambda content: bytes(reversed(content)),
    "one byte": lambda content: content[:99] + bytes([content[99] ^ 1]) + content[100:],
    "another numba": lambda content: content.replace(b"0.", b"9.", 1),
}

TOLD = """
from napari_batch_prediction.engine.compilation import compilation_told
told = []
with compilation_told(told.append):
    exec(script)
result = (result, told)
"""


def told(package, before="", user_cache=None):
    """Return how many loops a process compiled, and what it told the user meanwhile."""
    n_compiled, result = run(package, f"script = {SEGMENTATION!r}\n{before}\n{TOLD}", user_cache)
    assert result.startswith(f"({FOUND}, ")
    return n_compiled, result


@pytest.mark.parametrize("extension", ["nbi", "nbc"])
def test_damaged_files_are_renewed(package, extension):
    """Files that are cut, changed or of another numba are as good as not there, and are whole afterwards."""
    assert run(package, SEGMENTATION) == (1, FOUND)
    (path,) = (package / "engine" / "__pycache__").glob(f"sources._segment-*.{extension}")
    for damage in DAMAGES.values():
        path.write_bytes(damage(path.read_bytes()))
        assert run(package, SEGMENTATION) == (1, FOUND)
    assert run(package, SEGMENTATION) == (0, FOUND)


def test_first_time_is_told_once(package):
    """The user hears of compiling when there is something to compile, and of nothing else."""
    assert told(package) == (1, str((FOUND_VALUES, [FIRST])))
    assert told(package) == (0, str((FOUND_VALUES, [])))


def test_part_that_is_needed_later_is_told_without_a_promise(package):
    """What another kind of project needs is told in other words: the first time was said to be the only one."""
    assert told(package)[1] == str((FOUND_VALUES, [FIRST]))
    other = "script = script.replace('float32', 'float64')"
    assert told(package, other) == (1, str((FOUND_VALUES, [MORE])))
    assert told(package, other) == (0, str((FOUND_VALUES, [])))


@ON_LINUX
def test_no_place_to_keep_loops_is_told(package, tmp_path):
    """The reason is said instead of a promise that it happens only once."""
    (package / "engine" / "__pycache__").write_text("")
    cache = tmp_path / "user"
    cache.write_text("")
    told_text = NOT_KEPT.format(reason="there is no folder that can be written")
    assert told(package, user_cache=cache) == (1, str((FOUND_VALUES, [told_text])))


def test_folder_of_numba_that_cannot_be_made_is_passed_over(package, tmp_path):
    """Loops are kept in another place then."""
    (tmp_path / "file").touch()
    script = f"import os\nos.environ['NUMBA_CACHE_DIR'] = {str(tmp_path / 'file' / 'cache')!r}\n"
    # Set before numba is imported, as a user sets it.
    assert run(package, script + SEGMENTATION) == (1, FOUND)
    assert run(package, script + SEGMENTATION) == (0, FOUND)


def test_full_disk_under_the_loops_is_told(package):
    """Prediction goes on, nothing half is left, and the reason is said."""
    full = """
import errno, os
def replace(source, target):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
os.replace = replace
"""
    n_compiled, result = told(package, full)
    assert n_compiled == 1
    assert "Compiled loops cannot be kept: No space left on device: " in result
    assert not [path for path in package.rglob("sources._*") if "compiling" in path.name or "tmp" in path.name]
    assert not kept(package)
    assert told(package)[0] == 1


def test_processes_at_once_compile_a_loop_once(package):
    """One compiles; the others wait for it, and tell their users so."""
    wait = "import time\nfrom numba.core import event\nclass Slow(event.Listener):\n"
    wait += "    def on_start(self, event): time.sleep(3)\n    def on_end(self, event): pass\n"
    wait += "event.register('numba:compile', Slow())\n"
    processes = [start(package, wait + SEGMENTATION) for _ in range(4)]
    ended = [finish(process) for process in processes]
    assert sorted(ended) == [(0, FOUND)] * 3 + [(1, FOUND)]
    assert not list(package.rglob("*.compiling"))
