"""Run the command given as arguments, and print as JSON its seconds by the clock and of the processor, and its memory.

A process of its own, because a command's peak memory is counted from that of the process that starts it.
"""

import json
import os
import subprocess
import sys
import time


def main() -> int:
    """Run and measure."""
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts memory in KiB.
    memory = usage.ru_maxrss * 1024 / 1e6
    print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": memory}))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
