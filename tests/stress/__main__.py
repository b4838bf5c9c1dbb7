"""Kill, end and crowd runs many times, and say how many were right; not part of the tests.

    .venv/bin/python tests/stress kills [--formats hdf5 ...] [-n 200] [--again 40] [--second 20]
    .venv/bin/python tests/stress terms [-n 50]
    .venv/bin/python tests/stress crowd [-n 50] [--times 5]

The exit status is 0 if nothing was wrong.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

import campaigns  # noqa: E402 - lies there

KINDS = [*campaigns.FORMATS, campaigns.TABLE]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/stress", description=__doc__.splitlines()[0])
    parser.add_argument("campaign", choices=["kills", "terms", "crowd"])
    parser.add_argument("--formats", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("-n", type=int, help="runs of each format, ends, or processes")
    parser.add_argument("--again", type=int, default=40, help="runs of which the resume is killed as well")
    parser.add_argument("--second", type=int, default=20, help="runs that two processes resume at once")
    parser.add_argument("--times", type=int, default=5, help="how often the crowd comes")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    campaigns.warm_up()
    reports = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.campaign == "kills":
            for format_ in asked.formats:
                steps = campaigns.kills(
                    folder / format_, format_, asked.n or 200, asked.again, asked.second, asked.seed
                )
                for report in steps:
                    if report.counts["tried"] % 20 == 0:
                        print(report, flush=True)
                reports.append(report)
        elif asked.campaign == "terms":
            reports.append(campaigns.terminations(folder, asked.n or 50, asked.seed))
        else:
            reports.append(campaigns.at_once(folder, asked.n or 50, asked.times))
    print(*reports, sep="\n")
    return 1 if any(report.wrong for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
