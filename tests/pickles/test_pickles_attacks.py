"""Whatever is in a pickle, nothing is called, and it takes neither long nor much memory."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from pickle_attacks import ATTACKS, BOMBS, BROKEN, CALLS, FOREIGN, GOOD, OUTSIDE

from napari_batch_prediction.pickles.regressors import read_regressors
from napari_batch_prediction.pickles.values import DamagedPickleError, ForeignPickleError

MEGABYTE = 2**20


@pytest.mark.parametrize("case", ATTACKS)
def test_attack_is_refused_with_the_reason(case):
    """Refused, with the reason."""
    data, message = ATTACKS[case]
    error = ForeignPickleError if message in (FOREIGN, OUTSIDE, "os.system") else DamagedPickleError
    with pytest.raises(error, match=message):
        read_regressors(data)


def test_collection_of_attacks_is_not_empty():
    """The collection is not empty, and the good pickle that many are made from is good."""
    assert len(CALLS) > 30
    assert len(ATTACKS) > 100
    assert len(read_regressors(GOOD).regressors) == 1


@pytest.mark.slow
@pytest.mark.parametrize("case", BOMBS)
def test_no_pickle_takes_much_memory(case):
    """No pickle takes more memory than a few hundred bytes for each of its own."""
    data, _ = BOMBS[case]
    tracemalloc.start()
    try:
        with pytest.raises(DamagedPickleError):
            read_regressors(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEGABYTE + 250 * len(data)


def test_pickle_cut_off_anywhere_is_refused():
    """Every beginning of a good pickle is refused."""
    for n in range(len(GOOD)):
        with pytest.raises(DamagedPickleError):
            read_regressors(GOOD[:n])


def test_foreign_name_is_told_without_control_characters():
    """The name is told, without characters that could do something to a terminal."""
    with pytest.raises(ForeignPickleError, match=r"names os\.system, which .* nothing in it was run"):
        read_regressors(CALLS["os.system"][0])
    with pytest.raises(ForeignPickleError, match=r"names \\x1b\[2J\.x"):
        read_regressors(b"c\x1b[2J\nx\n.")


WATCHED = """
import json, pickle, sys
from napari_batch_prediction.pickles.regressors import read_regressors
from napari_batch_prediction.errors import ProjectError

attacks = [bytes.fromhex(line) for line in sys.stdin.read().split()]
seen = []
sys.addaudithook(lambda event, args: seen.append(event))
refused = read = 0
for data in attacks:
    try:
        read_regressors(data)
        read += 1
    except ProjectError:
        refused += 1
found = sorted(set(seen))
seen.clear()
# That this would be seen.
pickle.loads(b"cos\\ngetcwd\\n(tR.")
control = sorted(set(seen))
print(json.dumps({"seen": found, "refused": refused, "read": read, "control": control}))
"""


@pytest.mark.slow
def test_nothing_is_called(tmp_path):
    """Python's own report of everything it imports, finds, opens, compiles or runs stays empty."""
    attacks = [data for data, _ in ATTACKS.values()] + [GOOD]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        input="\n".join(data.hex() for data in attacks if data),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    result = json.loads(done.stdout)
    assert result["seen"] == []
    assert result["refused"] == len(attacks) - 2
    assert result["read"] == 1
    assert "pickle.find_class" in result["control"]
    assert not list(Path(tmp_path).iterdir())


def test_names_in_broken_pickles_are_not_needed():
    """Pickles that are merely broken are no attack, and can be trained again."""
    for data, _ in BROKEN.values():
        with pytest.raises(DamagedPickleError):
            read_regressors(data)
