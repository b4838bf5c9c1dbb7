#!/usr/bin/env python3
"""Run the demo, the tests or the checks of this project, with nothing set up by hand.

    python3 dev.py demo [FOLDER] [--viewer]    predict the shipped sample images
    python3 dev.py test [PYTEST ARGUMENTS]     run the tests; on Linux on a display of their own, and all of them
                                               in a process for each core (up to four)
    python3 dev.py test --pyside6 [ARGUMENTS]  run those of the window with PySide6 instead of PyQt6
    python3 dev.py oldest                      run a part of the tests with the oldest libraries that are allowed
    python3 dev.py integrations                check what is there for Snakemake, Nextflow and containers
    python3 dev.py lint                        ruff, mypy, typos, import-linter, npe2
    python3 dev.py docs                        build the documentation into site/; a warning is an error

The environment is kept in .venv and renewed when pyproject.toml changes. Needs Python 3.11 or newer and
nothing else. On Debian and Ubuntu, what the system lacks is installed if this is root, and named if not.
"""

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(BIN / "python")
# 6.12.0 loses references to None, until Python 3.11 ends in the middle of anything.
PYSIDE6 = "PySide6-Essentials>=6.11,<6.12"
GROUPS = ("--group", "test", "--group", "uv", "--group", "lint", "--group", "docs")

# Tests that meet every library of a plain install, and compare with ilastik.
OLDEST = (
    "tests/classifiers/test_golden.py",
    "tests/features/test_kernels.py",
    "tests/formats/test_compression.py",
    "tests/formats/test_hdf5_writer.py",
    "tests/formats/test_image_formats.py",
    "tests/formats/test_image_stores.py",
    "tests/formats/test_tiff_writer.py",
    "tests/formats/tiff",
    "tests/job/test_options.py",
    "tests/job/test_stored.py",
    "tests/job/test_text.py",
)

# Libraries that Qt 6 needs on Linux but its wheels lack, and Debian's package for each.
QT_LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
# A display in memory, for tests that open windows.
DISPLAY_PROGRAMS = {"xvfb-run": "xvfb", "xauth": "xauth"}


def loads(library: str) -> bool:
    """Return True if the system has this shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def need_system(qt: bool, display: bool) -> None:
    """Install missing packages of the system, or name them and stop."""
    missing = {}
    if importlib.util.find_spec("ensurepip") is None:
        missing["ensurepip"] = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if sys.platform == "linux" and qt:
        missing |= {name: package for name, package in QT_LIBRARIES.items() if not loads(name)}
    if sys.platform == "linux" and display:
        missing |= {name: package for name, package in DISPLAY_PROGRAMS.items() if not shutil.which(name)}
    if not missing:
        return
    if not shutil.which("apt-get"):
        sys.exit(f"Missing on this system, please install: {', '.join(missing)}")
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing.values()]
    if os.geteuid() != 0:
        sys.exit(f"Missing on this system, please run:\nsudo {' '.join(install)}")
    print("Installing", *missing.values(), flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install):
        # Its several hundred lines are shown only if it fails.
        done = subprocess.run(command, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"{done.stdout}\nThis failed: {' '.join(command)}")


def need_environment() -> None:
    """Make .venv match pyproject.toml, this Python and this folder."""
    here = f"{sys.version_info[:2]} {ROOT}".encode()
    state = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + here).hexdigest()
    stamp = VENV / "installed.sha256"
    if stamp.exists() and stamp.read_text() == state:
        return
    print("Installing the project and its tools into .venv (some minutes the first time) ...", flush=True)
    for command in (
        [sys.executable, "-m", "venv", str(VENV)],
        # The first pip with dependency groups.
        [PYTHON, "-m", "pip", "install", "--quiet", "pip>=25.1"],
        [PYTHON, "-m", "pip", "install", "--quiet", "-e", ".[pyqt6]", *GROUPS],
    ):
        if subprocess.run(command, cwd=ROOT).returncode:
            sys.exit(f"This failed: {' '.join(command)}")
    stamp.write_text(state)


def need_pyside6() -> str:
    """Make an environment with PySide6 that takes all other packages from .venv; return its Python."""
    folder = ROOT / ".venv-pyside6"
    python = folder / BIN.relative_to(VENV) / "python"
    stamp = folder / "installed.txt"
    state = f"{PYSIDE6} {(VENV / 'installed.sha256').read_text()}"
    if stamp.exists() and stamp.read_text() == state:
        return str(python)
    print("Installing PySide6 into .venv-pyside6 ...", flush=True)
    paths = "import sysconfig; print(sysconfig.get_path('purelib'))"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", PYSIDE6],
    ):
        if subprocess.run(command, cwd=ROOT).returncode:
            sys.exit(f"This failed: {' '.join(command)}")
    own, shared = (
        subprocess.run([program, "-c", paths], check=True, capture_output=True, text=True).stdout.strip()
        for program in (str(python), PYTHON)
    )
    Path(own, "shared.pth").write_text(f"{ROOT / 'src'}\n{shared}\n")
    stamp.write_text(state)
    return str(python)


def demo(arguments: list[str]) -> int:
    """Predict the shipped sample images."""
    need_system(qt="--viewer" in arguments, display=False)
    need_environment()
    return subprocess.run([str(BIN / "napari-batch-prediction"), "demo", *arguments]).returncode


def names_tests(arguments: list[str]) -> bool:
    """Return True if arguments of pytest name tests, or say in how many processes to run."""
    return any(
        (ROOT / argument.partition("::")[0]).exists() or argument.startswith(("-n", "--numprocesses", "--pdb"))
        for argument in arguments
    )


def test(arguments: list[str]) -> int:
    """Run the tests."""
    need_system(qt=True, display=True)
    need_environment()
    environment, python = dict(os.environ), PYTHON
    if "--pyside6" in arguments:
        arguments = [argument for argument in arguments if argument != "--pyside6"] or ["tests/widgets"]
        python = need_pyside6()
        environment |= {"QT_API": "pyside6", "PYTEST_QT_API": "pyside6"}
    command = [python, "-m", "pytest", *arguments]
    n_cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if n_cores > 1 and not names_tests(arguments):
        # Each file in one process, since its tests share what is slow to make. More processes would need more memory.
        command += ["-n", str(min(n_cores, 4)), "--dist", "loadfile"]
    if sys.platform == "linux":
        # A screen in memory: no display is needed, and no window flickers over a real one.
        command = ["xvfb-run", "-a", "-s", "-screen 0 1400x1000x24", *command]
        environment["QT_QPA_PLATFORM"] = "xcb"
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def oldest(arguments: list[str]) -> int:
    """Run tests with the oldest versions of the libraries that pyproject.toml allows, without napari and Qt."""
    need_system(qt=False, display=False)
    need_environment()
    folder = ROOT / ".venv-oldest"
    python = str(folder / BIN.relative_to(VENV) / "python")
    uv = [str(BIN / "uv"), "--no-progress", "--color", "never"]
    install = [*uv, "pip", "install", "--quiet", "--python", python]
    for command in (
        [*uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(folder)],
        [*install, "--resolution", "lowest-direct", "--group", "oldest", "-e", "."],
        [*uv, "pip", "list", "--python", python],
        [python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-m", "not slow", *OLDEST, *arguments],
    ):
        if subprocess.run(command, cwd=ROOT, env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "numba")}).returncode:
            print(f"This failed: {' '.join(command)}")
            return 1
    return 0


def integrations(arguments: list[str]) -> int:
    """Check what is there for pipelines with their own tools, as far as PyPI has them."""
    need_system(qt=True, display=False)
    need_environment()
    folder = ROOT / ".venv-integrations"
    tools = folder / BIN.relative_to(VENV)
    uv = [str(BIN / "uv"), "--no-progress", "--color", "never"]
    snakefile = "integrations/snakemake/test/Snakefile"
    for command in (
        [*uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(folder)],
        [*uv, "pip", "install", "--quiet", "--python", str(tools / "python"), "--group", "integrations"],
        [str(tools / "hadolint"), "integrations/container/Containerfile"],
        [str(tools / "snakefmt"), "--check", snakefile],
        [PYTHON, "-m", "pytest", "-q", "tests/packaging/test_integrations.py", *arguments],
    ):
        environment = {**os.environ, "SNAKEMAKE": str(tools / "snakemake")}
        if subprocess.run(command, cwd=ROOT, env=environment).returncode:
            print(f"This failed: {' '.join(command)}")
            return 1
    return 0


def lint(arguments: list[str]) -> int:
    """Run every check, even after a failure."""
    need_system(qt=True, display=False)
    need_environment()
    failed = []
    for command in (
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["typos"],
        ["lint-imports", "--no-cache"],
        ["npe2", "validate", "--imports", "napari-batch-prediction"],
    ):
        print("$", *command, flush=True)
        program = str(BIN / command[0])
        if subprocess.run([program, *command[1:]], cwd=ROOT).returncode:
            failed.append(" ".join(command))
    print(f"Failed: {'; '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def docs(arguments: list[str]) -> int:
    """Build the documentation."""
    need_system(qt=False, display=False)
    need_environment()
    return subprocess.run([str(BIN / "zensical"), "build", "--clean", "--strict"], cwd=ROOT).returncode


def main() -> int:
    """Run the command named first on the command line."""
    commands = {"demo": demo, "test": test, "oldest": oldest, "integrations": integrations, "lint": lint, "docs": docs}
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever python3 is may start this file
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}: {sys.executable}")
    if len(sys.argv) < 2 or sys.argv[1] not in commands or (sys.argv[1] in ("lint", "docs") and len(sys.argv) > 2):
        print(__doc__)
        return 0 if sys.argv[1:] in (["--help"], ["-h"]) else 2
    return commands[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
