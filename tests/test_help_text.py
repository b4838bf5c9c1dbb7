"""Help and version of the command line, which are shown without what a run needs."""

import subprocess
import sys

import pytest
from repository import ENVIRONMENT

from napari_batch_prediction import PROGRAM, __version__
from napari_batch_prediction.arguments import help_parser
from napari_batch_prediction.cli import main, make_parser

COMMANDS = ["run", "check", "resume", "train", "info", "demo"]


def said(parser, words, capsys) -> tuple[str, str]:
    with pytest.raises(SystemExit) as end:
        parser.parse_args(words)
    assert end.value.code == 0
    return capsys.readouterr()


@pytest.mark.parametrize("width", ["25", "80", "200"])
@pytest.mark.parametrize("words", [["-h"], ["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_is_that_of_the_parser(words, width, monkeypatch, capsys):
    """Help from the file is what the parser of the command line says, at every width of the terminal."""
    monkeypatch.setenv("COLUMNS", width)
    shown = said(help_parser(words), words, capsys)
    assert shown == said(make_parser(), words, capsys)
    assert shown.out.startswith("usage: " if words[-1] != "--version" else PROGRAM)


def test_every_command_has_its_help_in_the_file(capsys):
    """The file knows the commands of the parser, and no others."""
    listed = said(make_parser(), ["--help"], capsys).out
    assert [name for name in COMMANDS if f"\n    {name} " in listed] == COMMANDS
    assert listed.count("\n    ") == len(COMMANDS) + 1  # a summary goes on in a second line


def test_defaults_that_are_numbers_are_told(capsys, monkeypatch):
    """Whoever leaves a threshold out can read which one it is."""
    monkeypatch.setenv("COLUMNS", "200")
    shown = said(help_parser(["run", "--help"]), ["run", "--help"], capsys).out
    assert "smoothing. Default: 0.5." in shown
    assert "0 for none. Default: 1." in shown
    assert "unit of sizes. Default: 10." in shown


@pytest.mark.parametrize(
    "words",
    [[], ["run"], ["rnu", "--help"], ["run", "--version"], ["run", "p.ilp", "-h"], ["run", "-h", "-h"], ["--helf"]],
)
def test_other_arguments_are_for_the_real_parser(words):
    """Whatever is more than a question for help is read by the parser that knows every option."""
    assert help_parser(words) is None


def test_wrong_arguments_before_help_are_told(capsys):
    """A wrong option is an error also where help is asked for after it."""
    assert main(["run", "--workers", "many", "--help"]) == 2
    assert "'many' is not a whole number" in capsys.readouterr().err


def test_version(capsys):
    """The version follows the name of the program."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{PROGRAM} {__version__}\n"


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"], ["train", "-h"]])
def test_help_imports_little(words):
    """Help and version import no library, and of this package only what reads arguments."""
    code = (
        "import sys\nfrom napari_batch_prediction.cli import main\nassert main() == 0\n"
        "print(*sorted(name for name in sys.modules if name not in before), file=sys.stderr)"
    )
    code = f"import sys\nbefore = set(sys.modules)\n{code}"
    command = [sys.executable, "-I", "-c", f"import sys\nsys.path.insert(0, {ENVIRONMENT['PYTHONPATH']!r})\n{code}"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    loaded = set(done.stderr.split())
    own = {name for name in loaded if name.partition(".")[0] == "napari_batch_prediction"}
    package = "napari_batch_prediction"
    assert own == {package, *(f"{package}.{name}" for name in ("arguments", "cli", "console", "wording"))}
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {package}
    assert foreign == set()
    assert not loaded & {"typing", "dataclasses", "inspect", "asyncio", "logging", "subprocess", "importlib.metadata"}
