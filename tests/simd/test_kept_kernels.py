"""Compiled loops on disk: found as long as no source of any loop changes, and wherever the package is installed."""

import os
import shutil
import subprocess
import sys
import tempfile
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
from napari_batch_prediction.simd import building
here, elsewhere, run_here, run_elsewhere = [], [], building._built_here, building._answer
building._built_here = lambda job: here.append(job) or run_here(job)
building._answer = lambda process, question: elsewhere.append(question) or run_elsewhere(process, question)
"""
"""Notes which loops a process compiles, and which it has compiled."""


@pytest.fixture
def package(tmp_path):
    """A copy of the package, as installed: nothing in it is compiled yet."""
    copy = tmp_path / "site" / "napari_batch_prediction"
    shutil.copytree(Path(napari_batch_prediction.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def start(package, script, user_cache=None, **options):
    """Start a script in a process that imports this copy."""
    code = f"import napari_batch_prediction as nbp\nassert nbp.__file__.startswith({str(package)!r})\n{LOG}{script}"
    path = os.pathsep.join([str(package.parent), *sys.path])
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "XDG_CACHE_HOME": str(user_cache or package.parent / "cache"),
        # Python itself goes by size and time, which `change` leaves as they were.
        "PYTHONDONTWRITEBYTECODE": "1",
        **options.pop("variables", {}),
    }
    code += "\nimport sys\nprint(len(elsewhere), len(here), 'numba' in sys.modules, result)"
    command = [sys.executable, "-c", code]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def finish(process):
    """Return how many loops a process had compiled and has compiled itself, and its result."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    n_elsewhere, n_here, has_numba, result = output.strip().split(" ", 3)
    assert has_numba == str(n_here != "0")
    return int(n_elsewhere), int(n_here), result


def run(package, script, user_cache=None):
    return finish(start(package, script, user_cache))


def kept(folder):
    """The loops in a folder and its folders."""
    return sorted(path.name for path in folder.rglob("*.bin"))


def change(source, old, new):
    """Change one place of a source, but neither its size nor its time."""
    text, times = source.read_text(), source.stat()
    assert text.count(old) >= 1
    assert len(old) == len(new)
    source.write_text(text.replace(old, new, 1))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_changed_filter_changes_predictions_and_restored_one_restores_them(package):
    """The loop that Python calls is in another file than the filter."""
    n_compiled, n_here, expected = run(package, FEATURES)
    assert (n_compiled > 0, n_here) == (True, 0)
    assert run(package, FEATURES) == (0, 0, expected)
    names = kept(package)
    filters = package / "features" / "loops" / "filters2d.py"
    change(filters, "laplacian + k, dxx + dyy", "laplacian + k, dxx - dyy")
    n_compiled, n_here, other = run(package, FEATURES)
    assert n_compiled
    assert other != expected
    assert len(kept(package)) == len(names)
    assert not set(kept(package)) & set(names)
    change(filters, "laplacian + k, dxx - dyy", "laplacian + k, dxx + dyy")
    assert run(package, FEATURES)[2] == expected
    assert kept(package) == names


@pytest.mark.parametrize(
    "room", ["engine", "engine/compiled", "features", "features/loops", "forest", "objects", "simd"]
)
def test_new_source_renews_all_loops(package, room):
    """Also one that no loop imports yet; files of a version that kept loops as numba does are removed."""
    old = package / "engine" / "__pycache__" / "sources._segment-9.py311.1.nbc"
    old.parent.mkdir()
    old.touch()
    assert run(package, SEGMENTATION) == (1, 0, FOUND)
    assert not old.exists()
    assert run(package, SEGMENTATION) == (0, 0, FOUND)
    (package / room / "new.py").write_text('"""New."""\n')
    assert run(package, SEGMENTATION) == (1, 0, FOUND)


@ON_LINUX
def test_folder_that_cannot_be_written_leaves_loops_in_the_users_cache(package, tmp_path):
    """There old ones of this package are removed as well, and those of other packages stay."""
    (package / "__pycache__").write_text("A file, so that the folder cannot be made.")
    cache = tmp_path / "user"
    other = cache / "other" / "module.loop-1.bin"
    other.parent.mkdir(parents=True)
    other.touch()
    assert run(package, SEGMENTATION, cache) == (1, 0, FOUND)
    assert run(package, SEGMENTATION, cache) == (0, 0, FOUND)
    names = kept(cache)
    assert len(names) == 2
    change(package / "simd" / "vectors.py", "Short vectors", "Short Vectors")
    assert run(package, SEGMENTATION, cache) == (1, 0, FOUND)
    assert set(kept(cache)) & set(names) == {other.name}
    assert len(kept(cache)) == 2
    assert not kept(package)


@ON_LINUX
def test_loops_in_a_folder_that_cannot_be_written_any_more_are_found(package, tmp_path):
    """As in an image of a container, made by one user and run by another."""
    assert run(package, SEGMENTATION) == (1, 0, FOUND)
    cache = tmp_path / "user"
    cache.write_text("")
    code = "import pathlib\npathlib.Path.mkdir = None\n"
    assert run(package, code + SEGMENTATION, cache) == (0, 0, FOUND)


@ON_LINUX
def test_without_a_place_to_write_each_process_compiles(package, tmp_path):
    """Predicting works all the same."""
    (package / "__pycache__").write_text("")
    cache = tmp_path / "user"
    cache.write_text("")
    assert run(package, SEGMENTATION, cache) == (0, 1, FOUND)
    assert run(package, SEGMENTATION, cache) == (0, 1, FOUND)


@pytest.mark.parametrize("unable", ["sys.frozen = True", "sys.executable = ''", f"sys.executable = {os.devnull!r}"])
def test_without_another_process_loops_are_compiled_in_this_one(package, unable):
    """They are kept all the same."""
    assert run(package, f"import sys\n{unable}\n{SEGMENTATION}")[1:] == (1, FOUND)
    assert run(package, SEGMENTATION) == (0, 0, FOUND)


@ON_LINUX
def test_program_that_holds_an_interpreter_is_not_started(package):
    """It may be anything: started again, it could open its window and never answer."""
    program, started = package.parent / "viewer", package.parent / "started"
    program.write_text(f"#!/bin/sh\ntouch '{started}'\n")
    program.chmod(0o755)
    assert run(package, f"import sys\nsys.executable = {str(program)!r}\n{SEGMENTATION}") == (0, 1, FOUND)
    assert not started.exists()


def test_other_processes_are_not_asked_twice_in_vain(package):
    """Where nothing can be kept, each loop would have all others compiled again."""
    code = "from napari_batch_prediction.simd import shelf\nshelf.find = lambda job: None\n"
    both = SEGMENTATION.replace("import segmentation", "import segmentation, uncertainty")
    both += "uncertainty(np.ones((2, 1, 2, 2), np.float32))\n"
    assert run(package, code + both) == (1, 2, FOUND)


def test_variables_for_debugging_other_code_do_not_matter(package):
    """Loops that are not compiled, or not optimised, cannot be called."""
    variables = {"NUMBA_DISABLE_JIT": "1", "NUMBA_OPT": "0"}
    assert finish(start(package, SEGMENTATION, variables=variables)) == (1, 0, FOUND)
    assert run(package, SEGMENTATION) == (0, 0, FOUND)


def test_modules_are_searched_where_this_process_does(package, tmp_path):
    """Files in the current folder are not, whatever their names; what is no text in the path is left out."""
    (tmp_path / "json.py").write_text("raise SystemExit")
    code = "import pathlib, sys\nsys.path[:] = [pathlib.Path('x'), *filter(None, sys.path)]\n"
    code += f"import json, os\nos.chdir({str(tmp_path)!r})\n"
    assert run(package, code + SEGMENTATION) == (1, 0, FOUND)


def test_program_that_has_changed_since_it_was_started_says_so(package):
    """A process may first need a loop when its sources have already been replaced: it must not take that of others."""
    ready, go = package.parent / "ready", package.parent / "go"
    wait = "from napari_batch_prediction.engine import sources\nimport time\nfrom pathlib import Path\n"
    wait += f"Path({str(ready)!r}).touch()\nwhile not Path({str(go)!r}).exists(): time.sleep(0.01)\n"
    older = start(package, wait + SEGMENTATION)
    while not ready.exists():
        assert older.poll() is None
        time.sleep(0.01)
    change(package / "engine" / "source_loops.py", "out[i] = best + 1", "out[i] = best + 2")
    go.touch()
    errors = older.communicate()[1]
    assert "OtherSourcesError: The files of this program have changed since it was started. Start it again" in errors
    assert run(package, SEGMENTATION) == (1, 0, FOUND.replace("3", "4"))


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "garbage": lambda content: bytes(reversed(content)),
    "one byte": lambda content: content[:99] + bytes([content[99] ^ 1]) + content[100:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_renewed(package, damage):
    """A file that was cut or changed is as good as not there, and is whole afterwards."""
    assert run(package, SEGMENTATION) == (1, 0, FOUND)
    (path,) = (package / "__pycache__").glob("source_loops.segment-*.bin")
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert run(package, SEGMENTATION) == (1, 0, FOUND)
    assert run(package, SEGMENTATION) == (0, 0, FOUND)


@pytest.mark.parametrize(
    "variables",
    [{"NUMBA_CPU_NAME": "x86-64-v2"}, {"NUMBA_ENABLE_AVX": "0"}],
    ids=["another processor", "without vectors"],
)
def test_loops_for_another_processor_are_others(package, variables):
    """Computers that share a folder keep theirs side by side."""
    assert run(package, SEGMENTATION) == (1, 0, FOUND)
    assert finish(start(package, SEGMENTATION, variables=variables)) == (1, 0, FOUND)
    assert run(package, SEGMENTATION) == (0, 0, FOUND)
    assert len(kept(package)) == 2


TOLD = """
from napari_batch_prediction.engine.compilation import compilation_told
told = []
with compilation_told(told.append):
    exec(script)
result = (result, told)
"""


def told(package, before="", user_cache=None):
    """Return how many loops a process had compiled and has, and what it told the user meanwhile."""
    *numbers, result = run(package, f"script = {SEGMENTATION!r}\n{before}\n{TOLD}", user_cache)
    assert result.startswith(f"({FOUND}, ")
    return (*numbers, result)


def test_first_time_is_told_once(package):
    """The user hears of compiling when there is something to compile, and of nothing else."""
    assert told(package) == (1, 0, str((FOUND_VALUES, [FIRST])))
    assert told(package) == (0, 0, str((FOUND_VALUES, [])))


def test_part_that_is_needed_later_is_told_without_a_promise(package):
    """What is needed later is told in other words: the first time was said to be the only one."""
    assert told(package)[2] == str((FOUND_VALUES, [FIRST]))
    other = "script = script.replace('float32', 'float64')"
    assert told(package, other) == (1, 0, str((FOUND_VALUES, [MORE])))
    assert told(package, other) == (0, 0, str((FOUND_VALUES, [])))


@ON_LINUX
def test_no_place_to_keep_loops_is_told(package, tmp_path):
    """The reason is said as well."""
    (package / "__pycache__").write_text("")
    cache = tmp_path / "user"
    cache.write_text("")
    told_text = NOT_KEPT.format(reason="there is no folder that can be written")
    assert told(package, user_cache=cache) == (0, 1, str((FOUND_VALUES, [FIRST, told_text])))


def test_folder_that_cannot_be_made_is_passed_over(package, tmp_path):
    """Loops are kept in another place then."""
    (tmp_path / "file").touch()
    variables = {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "cache")}
    assert finish(start(package, SEGMENTATION, variables=variables)) == (1, 0, FOUND)
    assert finish(start(package, SEGMENTATION, variables=variables)) == (0, 0, FOUND)


def test_chosen_folder_comes_first(package, tmp_path):
    """The variable by which numba is told counts here as well."""
    variables = {"NUMBA_CACHE_DIR": str(tmp_path / "chosen")}
    assert finish(start(package, SEGMENTATION, variables=variables)) == (1, 0, FOUND)
    assert kept(tmp_path / "chosen")
    assert not kept(package)


def test_full_disk_under_the_loops_is_told(package):
    """Prediction goes on, nothing half is left, and the reason is said."""
    full = """
import errno, os, pathlib, sys
def replace(self, target):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
pathlib.Path.replace = replace
sys.frozen = True
"""
    *numbers, result = told(package, full)
    assert numbers == [0, 1]
    assert "Compiled loops cannot be kept: No space left on device: " in result
    assert not list((package / "__pycache__").iterdir())
    assert told(package)[0] == 1


def test_processes_at_once_compile_a_loop_once(package):
    """One has it compiled; the others wait for it, and nothing is left of that."""
    slow = "import time\nanswer = building._answer\n"
    slow += "building._answer = lambda *args: time.sleep(3) or answer(*args)\n"
    processes = [start(package, slow + SEGMENTATION) for _ in range(4)]
    ended = [finish(process) for process in processes]
    assert sorted(ended) == [(0, 0, FOUND)] * 3 + [(1, 0, FOUND)]
    assert not list(package.rglob("*.compiling"))


@ON_LINUX
def test_twenty_processes_at_once_with_nothing_compiled_in_a_package_that_cannot_be_written(tmp_path):
    """All are right, one has the loops compiled, and the package stays as it was."""
    with tempfile.TemporaryDirectory() as folder:
        package, home = Path(folder, "site", "napari_batch_prediction"), Path(folder, "home")
        source = Path(napari_batch_prediction.__file__).parent
        shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
        home.mkdir()
        (package / "__pycache__").write_text("A file: root may write where others may not.")
        for path in (*package.rglob("*"), package, package.parent):
            path.chmod(0o555 if path.is_dir() else 0o444)
        variables = {"HOME": str(home), "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": ""}
        expected = run(source, FEATURES)[-1]
        processes = [start(package, FEATURES, variables=variables) for _ in range(20)]
        ended = [finish(process) for process in processes]
        assert {result for *_, result in ended} == {expected}
        assert sorted(n_elsewhere > 0 for n_elsewhere, *_ in ended) == [False] * 19 + [True]
        assert not [n_here for _, n_here, _ in ended if n_here]
        assert len(kept(home)) == max(n_elsewhere for n_elsewhere, *_ in ended)
        assert not kept(package)
        for path in (package.parent, package, *package.rglob("*")):
            path.chmod(0o755)


RUN = f"""
import golden, sys
from napari_batch_prediction.cli import main
case = golden.ROOT / "{golden.CASES[0]}"
image = next(run.image for run in golden.runs("{golden.CASES[0]}") if run.image.stem == "test2")
assert main(["run", str(case / "project.ilp"), str(image), "--folder", FOLDER]) == 0
result = sorted(name for name in sys.modules if name.partition(".")[0] in ("numba", "scipy"))
"""


def test_run_with_loops_on_disk_imports_neither_numba_nor_scipy(package, tmp_path):
    """Nor does the first run, which has them compiled by other processes."""
    for folder, is_first in (("first", True), ("second", False)):
        output = start(package, RUN.replace("FOLDER", repr(str(tmp_path / folder)))).communicate()[0].splitlines()[-1]
        n_elsewhere, n_here, has_numba, result = output.split(" ", 3)
        assert (int(n_elsewhere) > 0, n_here, has_numba, result) == (is_first, "0", "False", "[]")


AHEAD = f"""
import golden
from napari_batch_prediction import load_classifier
from napari_batch_prediction.engine.compilation import compile_ahead
compile_ahead(load_classifier(golden.ROOT / "{golden.CASES[0]}" / "project.ilp").loops).join()
result = None
"""

FOUND_OBJECTS = f"""
import golden
from napari_batch_prediction import load_classifier
run = next(run for run in golden.runs("{golden.CASES[0]}") if run.image.stem == "test2")
classifier = load_classifier(golden.ROOT / "{golden.CASES[0]}" / "project.ilp")
result = classifier.objects(golden.read(run.image), golden.axes("{golden.CASES[0]}"), object_class="1").table.n_objects
"""


def test_loops_compiled_ahead_are_all_that_exports_need(package):
    """Nothing is left to be compiled for the first image, for segmentation and for objects; once is enough."""
    n_elsewhere, n_here, _ = run(package, AHEAD)
    assert n_elsewhere > 8
    assert n_here == 0
    assert run(package, AHEAD)[0] == 0
    assert run(package, FEATURES)[:2] == (0, 0)
    assert run(package, SEGMENTATION)[:2] == (0, 0)
    n_elsewhere, n_here, n_objects = run(package, FOUND_OBJECTS)
    assert (n_elsewhere, n_here, int(n_objects) > 0) == (0, 0, True)
