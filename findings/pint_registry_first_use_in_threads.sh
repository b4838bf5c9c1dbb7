#!/usr/bin/env bash
# pint 0.25.3: the application registry has no units for a thread that uses it while another one uses it first.
#
# Expected: whichever thread comes first, "pixel" is a unit.
# Seen: LazyRegistry.__init() makes itself a UnitRegistry, and then reads the definitions of all units. Until that is
# done, a third of a second, another thread meets a registry without units: UndefinedUnitError('pixel').
# What it means: napari takes the units of layers from this registry. Where layers are made in a thread and nothing has
# used a unit before, that thread or the window fails. A use at import, before threads are started, avoids it.
#
# Exit status 0 if this is so, 1 if it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pint==0.25.3
cd "$folder"
cat > threads.py <<'PYTHON'
import sys
import threading

import pint

if sys.argv[1] == "used before":
    pint.application_registry.Unit("pixel")
both, ends = threading.Barrier(2), []


def use():
    both.wait()
    try:
        ends.append(str(pint.application_registry.Unit("pixel")))
    except pint.UndefinedUnitError as error:
        ends.append(type(error).__name__)


threads = [threading.Thread(target=use) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{sys.argv[1]}:", *sorted(ends))
PYTHON
said=$(for state in "used before" "not used"; do "$folder/venv/bin/python" threads.py "$state"; done)
echo "$said"
diff <(echo "$said") - <<'SEEN' || { echo "CHANGED"; exit 1; }
used before: pixel pixel
not used: UndefinedUnitError pixel
SEEN
echo "As described, with pint 0.25.3."
